"""Computes band keys and priorities of the pages of text shards. One element is one text shard."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from c4pipe.errors import UserError
from c4pipe.folders.results import run_name
from c4pipe.near_duplicates.band_keys import BAND_KEY, MOST_ROWS, PARTS_PER_BAND, pack_band_keys
from c4pipe.near_duplicates.signatures import Banding, Signatures
from c4pipe.near_duplicates.winners import priority
from c4pipe.near_duplicates_run.clustering import KEYS, PRIORITIES, Signed
from c4pipe.near_duplicates_run.plan import Plan
from c4pipe.shards.digests import ReadDigest, sha256_of
from c4pipe.shards.text_shards import Row, TextShard, read_text_batches
from c4pipe.shards.work.key_files import is_whole, write_key_file
from c4pipe.shards.work.work_files import read_record, write_record
from c4pipe.stages.engine import beam

PRIORITY = np.dtype("<u8")
# The columns with the time when a page was crawled: C4's, FineWeb's.
TIMES = ("timestamp", "date")
# The words of this many pages fit into the processor's cache.
_PAGES_PER_BATCH = 64


class SignPages(beam.DoFn):
    """`TextShard` -> `Signed`. The keys and priorities are written to the work folder."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._signatures = Signatures(self._plan.banding)

    def process(self, shard: TextShard):
        yield sign_shard(shard, self._plan, self._signatures)


def sign_shard(shard: TextShard, plan: Plan, signatures: Signatures) -> Signed:
    """Write the keys and priorities of a shard's pages to the work folder, unless they are there already."""
    record_path, sha256 = plan.signed(shard, ".json"), sha256_of(shard.path, shard.sha256)
    made_from = run_name(plan.signing_key, sha256)
    record = read_record(record_path, made_from)
    if record is None or not are_whole(plan.signed(shard)):
        record = _sign(shard, plan, signatures, ReadDigest(sha256, again=True))
        write_record(record_path, made_from, record)
    return Signed(shard.number, plan.signed(shard), record["rows"], record["signed"], sha256)


def are_whole(path: str) -> bool:
    """Whether the keys and priorities of a file still have the bytes that were written. path: without the endings."""
    return is_whole(path + KEYS, BAND_KEY) and is_whole(path + PRIORITIES, PRIORITY)


def timestamp_of(page: Row) -> str | None:
    """When a page was crawled, by the first of `TIMES` that it has.

    >>> timestamp_of({"timestamp": None, "date": "2013-05-18T05:32:25Z"})
    '2013-05-18T05:32:25Z'
    """
    moment = next((page[name] for name in TIMES if page.get(name)), None)
    return moment.isoformat() if isinstance(moment, datetime) else moment


def _sign(shard: TextShard, plan: Plan, signatures: Signatures, digest: ReadDigest) -> dict[str, int]:
    signing = SigningOfFile(signatures, plan.banding)
    # A row that is not a page is read as an empty text, which matches no other. So the other rows keep their numbers.
    columns, no_page = ("text", *TIMES), lambda fault: None
    for rows in read_text_batches(shard.path, columns, _PAGES_PER_BATCH, on_bad=no_page, digest=digest):
        signing.add([page["text"] for page in rows], [timestamp_of(page) for page in rows])
        if signing.num_pages > MOST_ROWS:
            raise UserError(f"{shard.path} has more than {MOST_ROWS:,} pages; cut it into smaller shards")
    num_signed = signing.write(plan.signed(shard))
    return {"rows": signing.num_pages, "signed": num_signed}


class SigningOfFile:
    """Collects the keys and priorities of the pages of one file, in their order."""

    def __init__(self, signatures: Signatures, banding: Banding) -> None:
        self._signatures, self._banding = signatures, banding
        self._keys, self._parts = [np.zeros(0, BAND_KEY)], [np.zeros(0, np.int64)]
        self._priorities: list[int] = []

    @property
    def num_pages(self) -> int:
        return len(self._priorities)

    def add(self, texts: Sequence[str], timestamps: Sequence[str | None]) -> None:
        """Add the next pages of the file."""
        for start in range(0, len(texts), _PAGES_PER_BATCH):
            batch = texts[start : start + _PAGES_PER_BATCH]
            pages, bands = self._signatures.of_texts(batch)
            keys, parts = pack_band_keys(pages + self.num_pages, bands)
            self._keys.append(keys)
            self._parts.append(parts)
            moments = timestamps[start : start + _PAGES_PER_BATCH]
            self._priorities += [priority(text, moment) for text, moment in zip(batch, moments, strict=True)]

    def write(self, path: str) -> int:
        """Write both files. path: without the endings. Returns: the number of pages with a signature."""
        packed = np.concatenate(self._keys)
        num_parts = self._banding.bands * PARTS_PER_BAND
        write_key_file(path + KEYS, packed, np.concatenate(self._parts), num_parts, BAND_KEY)
        priorities = np.array(self._priorities, PRIORITY)
        write_key_file(path + PRIORITIES, priorities, np.zeros(len(priorities), np.int64), 1, PRIORITY)
        return len(packed) // self._banding.bands

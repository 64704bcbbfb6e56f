"""Text shards -> files of band keys and priorities in the work folder. One element is one text shard."""

import apache_beam as beam
import numpy as np

from c4pipe.errors import UserError
from c4pipe.folders.results import run_name
from c4pipe.near_duplicates.band_keys import BAND_KEY, MOST_ROWS, PARTS_PER_BAND, pack_band_keys
from c4pipe.near_duplicates.signatures import Signatures
from c4pipe.near_duplicates.winners import priority
from c4pipe.near_duplicates_run.plan import Plan, TextShard
from c4pipe.shards.digests import ReadDigest, sha256_of
from c4pipe.shards.text_shards import read_text_batches
from c4pipe.shards.work.key_files import write_key_file
from c4pipe.shards.work.work_files import read_record, write_record

PRIORITY = np.dtype("<u8")
# As many pages as keep the words of a batch in the processor's cache.
_PAGES_PER_BATCH = 64


class SignPages(beam.PTransform):
    """`TextShard` -> (number of the shard, its rows, pages with a signature, SHA-256 of the file)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def expand(self, shards):
        return shards | beam.ParDo(_SignPages(self._plan))


class _SignPages(beam.DoFn):
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def setup(self):
        self._signatures = Signatures(self._plan.banding)

    def process(self, shard: TextShard):
        yield sign_shard(shard, self._plan, self._signatures)


def sign_shard(shard: TextShard, plan: Plan, signatures: Signatures) -> tuple[int, int, int, str]:
    """Leave the keys and priorities of a shard's pages in the work folder, unless they are there already."""
    record_path, sha256 = plan.signed(shard, ".json"), sha256_of(shard.path, shard.sha256)
    made_from = run_name(plan.signing_key, sha256)
    record = read_record(record_path, made_from)
    if record is None:
        record = _sign(shard, plan, signatures, ReadDigest(sha256, again=True))
        write_record(record_path, made_from, record)
    return shard.number, record["rows"], record["signed"], sha256


def _sign(shard: TextShard, plan: Plan, signatures: Signatures, digest: ReadDigest) -> dict[str, int]:
    keys, parts, priorities, row = [np.zeros(0, BAND_KEY)], [np.zeros(0, np.int64)], [], 0
    # A row that is not a page comes without words: it is near to no other, and every other row keeps its number.
    columns, no_page = ("text", "timestamp"), lambda fault: None
    for rows in read_text_batches(shard.path, columns, _PAGES_PER_BATCH, on_bad=no_page, digest=digest):
        texts = [page["text"] for page in rows]
        pages, bands = signatures.of_texts(texts)
        batch_keys, batch_parts = pack_band_keys(pages + row, bands)
        keys.append(batch_keys)
        parts.append(batch_parts)
        priorities += [priority(page["text"], page["timestamp"]) for page in rows]
        row += len(rows)
        if row > MOST_ROWS:
            raise UserError(f"{shard.path} has more than {MOST_ROWS:,} pages; cut it into smaller shards")
    packed = np.concatenate(keys)
    num_parts = plan.banding.bands * PARTS_PER_BAND
    write_key_file(plan.signed(shard, ".keys"), packed, np.concatenate(parts), num_parts, BAND_KEY)
    stored = np.array(priorities, PRIORITY)
    write_key_file(plan.signed(shard, ".priorities"), stored, np.zeros(row, np.int64), 1, PRIORITY)
    return {"rows": row, "signed": len(packed) // plan.banding.bands}

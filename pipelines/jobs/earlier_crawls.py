"""The corpora of earlier crawls (`--previous`): opens them, and refuses those that a new crawl cannot be added to."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from c4pipe.corpus import deduplication
from c4pipe.corpus_run.earlier_crawls import EarlierCrawl, EarlierCrawls
from c4pipe.corpus_run.plan import EXCLUDED_ASSET, LISTED_ASSET, Settings
from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.manifest import EarlierCorpus, Manifest
from c4pipe.shards.text_shards import PROBABILITY

# These may differ from crawl to crawl: settings that change no page and no line, and lists of URLs of one crawl.
_FREE_SETTINGS = frozenset({"num_shards", "format", "keys", "previous", PROBABILITY})
_FREE_ASSETS = frozenset({EXCLUDED_ASSET, LISTED_ASSET})


def folders_of(flag: str | None) -> list[str]:
    """The folders that `--previous` names."""
    return [folder.rstrip("/") or "/" for folder in files.split_list(flag)] if flag else []


def open_earlier(folders: Sequence[str], output: str, settings: Settings | None = None) -> EarlierCrawls:
    """The corpora in these folders.

    output: the folder of the new crawl's corpus. settings: of the new crawl; None if they do not matter.
    Raises: UserError if a folder is not a finished corpus with keys, if its settings differ, if two are of the same
    WET files, or if one was added to a corpus that is not in the list.
    """
    if output in folders:
        raise UserError(f"--previous: {output} is also the --output; give the new crawl a folder of its own")
    made_of = {folder: manifest.read(folder) for folder in folders}
    opened: dict[str, EarlierCrawl] = {}
    for folder, made in made_of.items():
        if made.kind != "c4" or "recipe" not in made.settings:
            raise UserError(f"--previous: {folder} was not made by wet_to_c4")
        if settings is not None:
            _refuse_other(folder, "", made.settings, settings.to_json(), _FREE_SETTINGS)
            _refuse_other(folder, "asset ", made.assets, settings.assets, _FREE_ASSETS)
        crawl = _open(folder, made)
        if (same := opened.get(crawl.corpus.inputs)) is not None:
            raise UserError(f"--previous: {same.folder} and {folder} are of the same WET files; give only one of them")
        opened[crawl.corpus.inputs] = crawl
    for folder, made in made_of.items():
        earlier = manifest.text_statistics(made).previous
        if missing := sorted(corpus.name for corpus in earlier if corpus.inputs not in opened):
            raise UserError(
                f"--previous: {folder} was itself made with --previous={','.join(missing)}; give these folders too, "
                "because their pages and lines could come again"
            )
    return EarlierCrawls(tuple(sorted(opened.values(), key=lambda crawl: crawl.corpus.keys)))


def _open(folder: str, made: Manifest) -> EarlierCrawl:
    key_files = manifest.text_statistics(made).keys
    if not key_files:
        raise UserError(
            f"--previous: {folder} has no keys of its URLs and lines, because it was made with --keys=off or by an "
            "earlier version; make it again with --overwrite"
        )
    digests = [shard.sha256 for _, shards in sorted(key_files.items()) for shard in shards]
    name = files.base_name(folder if files.is_remote(folder) else str(Path(folder).resolve())) or "root"
    crawl = EarlierCrawl(
        folder,
        EarlierCorpus(name, _sha256(digests), digest_of_inputs(made)),
        num_files={kind: len(shards) for kind, shards in key_files.items()},
        num_keys={kind: sum(shard.rows for shard in shards) for kind, shards in key_files.items()},
    )
    for kind, shards in key_files.items():
        crawl.check_files(kind, shards)
    return crawl


def digest_of_inputs(made: Manifest) -> str:
    """A digest of the WET files that a corpus was made from. A takedown does not change it."""
    return _sha256(sorted(f"{entry.name} {entry.sha256}" for entry in made.inputs))


def _sha256(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _refuse_other(
    folder: str, what: str, there: Mapping[str, Any], here: Mapping[str, Any], free: frozenset[str]
) -> None:
    for name in sorted({*there, *here} - free, key=lambda name: (name != "variant", name)):
        if there.get(name) != here.get(name):
            raise UserError(
                f"--previous: {folder} was made with {what}{name} {_shown(there.get(name))}, this crawl with "
                f"{_shown(here.get(name))}; all crawls of a corpus need the same settings"
            )


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)


def notices(crawls: EarlierCrawls, input_names: Sequence[str]) -> list[str]:
    """What a user should know of these corpora, in sentences. input_names: of the new crawl's WET files."""
    sentences = []
    by_inputs = {crawl.corpus.inputs: crawl for crawl in crawls.crawls}
    for crawl in crawls.crawls:
        made = manifest.read(crawl.folder)
        if again := sorted({*input_names} & {entry.name for entry in made.inputs}):
            sentences.append(f"{len(again):,} WET files have the names of files of {crawl.folder}, such as {again[0]}")
        for corpus in manifest.text_statistics(made).previous:
            now = by_inputs[corpus.inputs]
            if now.corpus.keys != corpus.keys:
                sentences.append(
                    f"{now.folder} has other pages now than when {crawl.folder} was made (after a takedown?)"
                )
    return sentences


def common(earlier: EarlierCrawls, urls: Sequence[str], texts: Iterable[str]) -> tuple[set[str], set[str]]:
    """What earlier corpora have of these pages: normalized URLs, and lines as they are compared."""
    lines = sorted({line for text in texts for line in deduplication.line_contents(text)} if earlier.crawls else ())
    found = []
    for kind, contents in (("urls", list(urls)), ("lines", lines)):
        joined = b"".join(map(deduplication.url_key, contents))
        hashes = np.frombuffer(joined, dtype=">u8").reshape(-1, 2).astype(np.uint64)
        found.append(set(compress(contents, earlier.have_hashes(kind, hashes))))
    return found[0], found[1]

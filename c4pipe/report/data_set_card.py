"""`README.md` of a C4 folder: a dataset card for the Hugging Face hub, so that `datasets` opens the folder correctly.

It depends only on the result. It has no times, no paths, and nothing about the machine.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from c4pipe.corpus.splits import TRAIN, VALIDATION, train_split_of
from c4pipe.folders.kinds import CARD
from c4pipe.report import funnel
from c4pipe.shards import files, names
from c4pipe.shards.cluster_files import FILE_NAME_OF_WET
from c4pipe.shards.manifest import Manifest, text_statistics
from c4pipe.shards.text_shards import PROBABILITY

DEFAULT = "default"
_TERMS = "https://commoncrawl.org/terms-of-use"
# https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
_SIZES = ((1_000, "1K"), (10_000, "10K"), (100_000, "100K"), (1_000_000, "1M"), (10_000_000, "10M"),
          (100_000_000, "100M"), (1_000_000_000, "1B"), (10_000_000_000, "10B"), (100_000_000_000, "100B"),
          (1_000_000_000_000, "1T"))  # fmt: skip

# config -> the split's name in `datasets` -> globs
Configs = Mapping[str, Mapping[str, Sequence[str]]]


def write(folder: str, made: Manifest, how: str) -> None:
    """Write the card. how: the part about how the folder was made, in Markdown."""
    files.write_bytes(files.join(folder, CARD), data_set_card(made, how).encode("utf-8", "backslashreplace"))


def data_set_card(made: Manifest, how: str) -> str:
    """The card of a folder with this manifest."""
    configs = configs_of(made)
    title = f"# C4, {made.settings['variant']}" if "variant" in made.settings else "# Text without near-duplicates"
    return "\n\n".join([_front_matter(made, configs), title, how, _splits(made), _opening(made, configs)])


def configs_of(made: Manifest) -> Configs:
    """The configs for `datasets`: first the whole folder, then, if it has languages, one config per language.

    Splits and shards without rows are left out: `datasets` (5.0) refuses a split without rows, and fails if a file
    without rows is followed by a file with rows.
    """
    filled = {split: [shard for shard in made.splits[split] if shard.rows] for split in sorted(made.splits)}
    chosen = {
        split: [shard.file for shard in shards] if len(shards) < len(made.splits[split]) else _globs(made, split)
        for split, shards in filled.items()
        if shards
    } or {split: _globs(made, split) for split in sorted(made.splits)}
    if {*made.splits} <= {TRAIN, VALIDATION, "test"}:
        return {DEFAULT: chosen}
    configs: dict[str, dict[str, list[str]]] = {DEFAULT: {}}
    for split, patterns in chosen.items():
        language, part = _language_and_part(split)
        configs[DEFAULT].setdefault(part, []).extend(patterns)
        configs.setdefault(language, {})[part] = list(patterns)
    return configs


def _language_and_part(split: str) -> tuple[str, str]:
    """
    >>> _language_and_part("de"), _language_and_part("zh-Latn-validation")
    (('de', 'train'), ('zh-Latn', 'validation'))
    """
    language = train_split_of(split)
    return language, TRAIN if language == split else VALIDATION


def _globs(made: Manifest, split: str) -> list[str]:
    """Globs that match all shards of one split, and none of other splits: one glob per number of shards."""
    return list(dict.fromkeys(_glob(shard.file) for shard in made.splits[split]))


def _glob(shard: str) -> str:
    """
    >>> _glob("c4-de.00001-of-00002.json.gz")
    'c4-de.*-of-00002.json.gz'
    """
    parsed = names.parse(shard)
    if parsed is None:
        return shard
    prefix, _, count, extension = parsed
    return f"{prefix}.*-of-{count:05d}{extension}"


def _front_matter(made: Manifest, configs: Configs) -> str:
    """The YAML part. Strings are quoted as in JSON, which YAML can read: `no` is a language, not false."""
    lines = ["---", "configs:"]
    for config, splits in configs.items():
        lines.append(f"- config_name: {json.dumps(config)}")
        if config == DEFAULT:
            lines.append("  default: true")
        lines.append("  data_files:")
        for split, globs in splits.items():
            lines += [f"  - split: {split}", "    path:", *[f"    - {json.dumps(pattern)}" for pattern in globs]]
    if languages := _languages(made):
        lines += ["language:", *[f"- {json.dumps(language)}" for language in languages]]
    if _is_of_common_crawl(made):
        lines += ["license: other", "license_name: common-crawl-terms-of-use", f"license_link: {_TERMS}"]
    lines += [
        "size_categories:",
        f"- {size_category(sum(map(made.num_rows, made.splits)))}",
        "task_categories:",
        "- text-generation",
        "---",
    ]
    return "\n".join(lines)


def _is_of_common_crawl(made: Manifest) -> bool:
    """Whether the pages are known to come from Common Crawl, because other commands accept text of any origin."""
    return "variant" in made.settings or bool(made.statistics.get("shards_with_provenance"))


def _languages(made: Manifest) -> list[str]:
    """The codes of the pages' languages; empty if the manifest does not tell them."""
    if {*made.splits} <= {TRAIN, VALIDATION, "test"}:
        return sorted(made.settings.get("languages", ()))
    return sorted({_language_and_part(split)[0] for split in made.splits if made.num_rows(split)})


def size_category(rows: int) -> str:
    """The hub's size category for a number of rows.

    >>> [size_category(rows) for rows in (0, 1_000, 99_999, 2_000_000_000_000)]
    ['n<1K', '1K<n<10K', '10K<n<100K', 'n>1T']
    """
    below = "n"
    for limit, word in _SIZES:
        if rows < limit:
            return f"{below}<{word}" if below == "n" else f"{below}<n<{word}"
        below = word
    return "n>1T"


def of_corpus(made: Manifest, report: Mapping[str, Any]) -> str:
    """The part about how a corpus was made from WET files: a list of settings, and the funnel as a table."""
    settings, inputs = report["settings"], report["inputs"]
    first, last = made.inputs[0].name, made.inputs[-1].name
    which = f"`{first}`" if len(made.inputs) == 1 else f"`{first}` to `{last}` by name"
    facts = [
        f"- variant `{settings['variant']}`, with the results of `{settings['compat']}`; SHA-256 of the recipe: "
        f"`{settings['recipe']}`",
        f"- from {inputs['files']:,} WET files of Common Crawl ({which}), {inputs['records']:,} records, "
        f"{inputs['bytes']:,} bytes compressed; `manifest.json` lists all, with their SHA-256",
        f"- by c4pipe {made.version}, `pipelines.wet_to_c4`; `manifest.json` has every setting, `report.html` shows "
        "samples of what each rule dropped",
        "- `_provenance/` tells for each row the WET file and the record that it came from",
    ]
    if earlier := text_statistics(made).previous:
        names_of_folders = ", ".join(sorted(f"`{corpus.name}`" for corpus in earlier))
        facts.append(
            f"- with `--previous`: no page (by URL) and no line of the corpora of {len(earlier):,} earlier crawls "
            f"({names_of_folders}) is here"
        )
    if found := report.get("near_duplicates"):
        facts.append(
            f"- {found['clusters']:,} clusters of nearly equal pages: one page of each stays, and {found['dropped']:,} "
            f"pages were dropped (MinHash over runs of five words, {found['bands']} bands of {found['rows_per_band']} "
            f"hashes); `{FILE_NAME_OF_WET}` names them"
        )
    return "\n".join(
        ["Text of web pages, cleaned as C4 was.", "", "## How it was made", "", *facts, "", *_funnel(report)]
    )


def of_distinct_pages(made: Manifest) -> str:
    """The part about how text without near-duplicates was made from other text shards."""
    counts, settings = made.statistics, made.settings
    names = sorted(file.name for file in made.inputs)
    which = f"`{names[0]}`" if len(names) == 1 else f"`{names[0]}` to `{names[-1]}` by name"
    facts = [
        f"- from {len(names):,} text shards ({which}) with {counts['pages']:,} pages; `manifest.json` lists all, with "
        "their SHA-256",
        f"- pages were compared by MinHash over runs of five words, with {settings['bands']} bands of "
        f"{settings['rows_per_band']} hashes",
        f"- {counts['in_clusters']:,} pages were in {counts['clusters']:,} clusters; of each cluster one page stays, "
        f"and {counts['dropped']:,} pages were dropped; `clusters.parquet` names all of them, `report.html` shows some",
        f"- by c4pipe {made.version}, `pipelines.drop_near_duplicates`",
    ]
    if with_provenance := counts["shards_with_provenance"]:
        of = "each row" if with_provenance == len(names) else f"each row of {with_provenance:,} of the shards"
        facts.append(f"- `_provenance/` tells for {of} the WET file and the record that it came from")
    return "\n".join(["Text of which nearly equal pages were dropped.", "", "## How it was made", "", *facts])


def _funnel(report: Mapping[str, Any]) -> list[str]:
    """Pages, lines and bytes after each stage, and the reasons why it dropped pages."""
    rows = []
    for entry in report["funnel"]:
        dropped = sorted(entry["dropped"].items(), key=lambda item: (-item[1].get("pages", 0), item[0]))
        reasons = ", ".join(f"{reason} {count['pages']:,}" for reason, count in dropped if count.get("pages"))
        rows.append(
            [funnel.words(entry["stage"]), *[f"{entry[unit]:,}" for unit in ("pages", "lines", "bytes")], reasons]
        )
    return ["## Funnel", "", *_table(["stage", "pages left", "lines", "bytes", "pages dropped there, by reason"], rows)]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---", *["---:"] * (len(header) - 2), "---"], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _splits(made: Manifest) -> str:
    rows = []
    for split, shards in sorted(made.splits.items()):
        size, globs = sum(shard.bytes for shard in shards), ", ".join(f"`{glob}`" for glob in _globs(made, split))
        num_empty = sum(not shard.rows for shard in shards)
        rows.append([split, *[f"{count:,}" for count in (made.num_rows(split), len(shards), num_empty, size)], globs])
    table = _table(["split", "rows", "shards", "shards without rows", "bytes", "files"], rows)
    columns = "Each row has `text`, `timestamp` (when it was crawled) and `url`."
    if made.settings.get(PROBABILITY):
        columns += f" `{PROBABILITY}` says how sure the language identifier is (0 to 1)."
    return "\n".join(["## What is here", "", *table, "", columns])


def _opening(made: Manifest, configs: Configs) -> str:
    """How to open the folder with the usual libraries, with patterns that match its files."""
    if not made.splits:
        return "## How to open it\n\nNo page was kept in any language, so there is nothing to open.\n"
    trains = [split for split in made.splits if _language_and_part(split)[1] == TRAIN] or list(made.splits)
    largest = max(sorted(trains), key=made.num_rows)
    glob = f"FOLDER/{_globs(made, largest)[0]}"
    languages = [config for config in configs if config != DEFAULT]
    terms = f"The use of Common Crawl's data is subject to its [terms of use]({_TERMS})."
    licence = terms if _is_of_common_crawl(made) else "The text is from text shards that name no licence."
    one_language = f'\ndatasets.load_dataset("FOLDER", "{languages[0]}")  # one language' if languages else ""
    return f"""## How to open it

```python
import datasets, duckdb, glob, polars, pyarrow.dataset, pyarrow.json

datasets.load_dataset("FOLDER"){one_language}
{_calls(glob, has_probability=bool(made.settings.get(PROBABILITY)))}
```

`datasets` needs only the folder, and opens the splits and shards that have rows. Arrow refuses JSON files without rows;
`manifest.json` says which shards have none.

## Licence

The pages belong to those who wrote them. {licence}
"""


def _calls(glob: str, has_probability: bool) -> str:
    """One call for each of pyarrow, polars and duckdb that opens the files of a glob."""
    schema = ""
    if glob.endswith(".parquet"):
        scan, read = "scan_parquet", "read_parquet"
        arrow = f'pyarrow.dataset.dataset(sorted(glob.glob("{glob}")), format="parquet")'
    else:
        scan, read = "scan_ndjson", "read_json"
        # Without it, polars fails on a file without rows.
        more = f' | {{"{PROBABILITY}": polars.Float64}}' if has_probability else ""
        schema = f', schema=dict.fromkeys(("text", "timestamp", "url"), polars.String){more}'
        arrow = f'pyarrow.dataset.dataset(sorted(glob.glob("{glob}")), format="json")'
    if glob.endswith(".zst"):  # Arrow's data sets of JSON cannot decompress it
        one_file = 'pyarrow.json.read_json(pyarrow.input_stream(path, compression="zstd"))'
        arrow = f'pyarrow.concat_tables({one_file} for path in sorted(glob.glob("{glob}")))'
    return f"""{arrow}
polars.{scan}("{glob}"{schema})
duckdb.sql("SELECT * FROM {read}('{glob}')")"""

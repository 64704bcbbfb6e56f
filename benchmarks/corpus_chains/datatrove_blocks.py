"""datatrove 0.10.1: its WARC reader, C4 filter, bad words and writer, run by its local executor.

    python benchmarks/corpus_chains/datatrove_blocks.py --punkt=DIR [--badwords=FILE] WET...

Needs `pip install datatrove==0.10.1 nltk warcio faust-cchardet python-magic orjson spacy aiohttp requests`. The filter
has C4's numbers (5 words per line, 3 sentences per page; datatrove's defaults are 3 and 5). There is no line
deduplication, and no language identification because datatrove's filters download a model at run time. Prints a line of
JSON.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

MIN_WORDS, MIN_SENTENCES = 5, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wet", nargs="+", type=Path)
    parser.add_argument("--punkt", type=Path, required=True)
    parser.add_argument("--badwords", type=Path)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        print(run(flags.wet, flags.punkt, flags.badwords, Path(work)))


def run(wets: list[Path], punkt: Path, badwords: Path | None, work: Path) -> str:
    """Run the blocks over the files. Returns: JSON with pages, kept pages, seconds, and seconds per block."""
    shutil.copytree(punkt, work / "nltk/tokenizers/punkt_tab/english")
    os.environ["NLTK_DATA"] = str(work / "nltk")
    os.environ["HF_HOME"] = os.environ["HF_ASSETS_CACHE"] = str(work / "hub")
    try:
        from datatrove.io import cached_assets_path
        from datatrove.pipeline.filters import c4_filters
        from datatrove.pipeline.readers import WarcReader
        from datatrove.pipeline.writers import JsonlWriter
    except ImportError as error:
        sys.exit(f"datatrove is not installed ({error}); pip install datatrove==0.10.1")
    from datatrove.executor import LocalPipelineExecutor

    source = work / "wet"
    source.mkdir()
    for wet in wets:
        (source / wet.name).symlink_to(wet.resolve())
    blocks = [
        WarcReader(str(source)),
        c4_filters.C4QualityFilter(min_num_sentences=MIN_SENTENCES, min_words_per_line=MIN_WORDS),
        JsonlWriter(str(work / "out")),
    ]
    if badwords is not None:
        folder = cached_assets_path(library_name="datatrove", namespace="filters", subfolder="c4_badwords")
        name = c4_filters._EN_BADWORDS_URL.replace("/", "_")  # the name that `cached_asset_path_or_download` uses
        shutil.copy(badwords, Path(folder) / name)
        (Path(folder) / f"{name}.completed").touch()  # datatrove's mark of a complete download
        blocks.insert(2, c4_filters.C4BadWordsFilter())
    started = time.process_time()
    statistics = LocalPipelineExecutor(pipeline=blocks, logging_dir=str(work / "log"), tasks=1).run()
    seconds = time.process_time() - started
    by_block = [
        {"name": block["name"].strip(), "seconds": block["time_stats"].get("total", 0.0), "stats": block["stats"]}
        for block in json.loads(statistics.to_json())
    ]
    num_read, num_written = (_total(by_block[place]["stats"]) for place in (0, -1))
    return json.dumps({"pages": num_read, "kept": num_written, "seconds": seconds, "blocks": by_block})


def _total(stats: dict) -> int:
    found = stats.get("documents", stats.get("total", 0))
    return int(found["total"] if isinstance(found, dict) else found)


if __name__ == "__main__":
    main()

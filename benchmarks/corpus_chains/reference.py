"""The reference: the C4 functions of tensorflow-datasets 4.9.10, one after the other in a process, without Beam.

    python benchmarks/corpus_chains/reference.py --punkt=DIR [--badwords=FILE] WET...

Needs `pip install --no-deps tensorflow-datasets==4.9.10` and `pip install absl-py langdetect==1.0.9 nltk==3.9.1`, but
neither TensorFlow nor Beam, which are replaced by simple objects. Prints a line of JSON (see `stage_clock.py`).

Two things are not in the time: records of invalid UTF-8, at which the reference would stop, are removed from the files
before; and counters are in a dict instead of Beam.
"""

import argparse
import collections
import gzip
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from stage_clock import CLEANING, LANGUAGE, StageClock

MIN_SENTENCES = 3


def load_functions(punkt: Path, work: Path) -> tuple[types.ModuleType, collections.Counter]:
    """The module `tensorflow_datasets.text.c4_utils` with replacements for its imports, and its counters.

    punkt: the four files of a `punkt_tab` language.
    """
    spec = importlib.util.find_spec("tensorflow_datasets")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the reference is not installed; pip install --no-deps tensorflow-datasets==4.9.10")
    shutil.copytree(punkt, work / "tokenizers/punkt_tab/english")
    os.environ["NLTK_DATA"] = str(work)
    import langdetect
    import langdetect.lang_detect_exception
    from nltk.tokenize.punkt import PunktTokenizer

    nltk = types.SimpleNamespace(
        download=lambda name: True, data=types.SimpleNamespace(load=lambda name: PunktTokenizer("english"))
    )
    lazy = types.SimpleNamespace(nltk=nltk, langdetect=langdetect)
    tensorflow = types.SimpleNamespace(
        compat=types.SimpleNamespace(as_text=lambda text: text if isinstance(text, str) else text.decode()),
        io=types.SimpleNamespace(gfile=types.SimpleNamespace(GFile=open)),
    )
    public_api = types.SimpleNamespace(core=types.SimpleNamespace(lazy_imports=lazy))
    for name, members in {
        "tensorflow_datasets": {"public_api": public_api},
        "tensorflow_datasets.core": {},
        "tensorflow_datasets.core.utils": {},
        "tensorflow_datasets.core.utils.lazy_imports_utils": {"tensorflow": tensorflow},
        "tensorflow_datasets.public_api": {"core": public_api.core},
    }.items():
        module = types.ModuleType(name)
        module.__dict__.update(members, __path__=[])
        sys.modules[name] = module
    path = Path(next(iter(spec.submodule_search_locations))) / "text/c4_utils.py"
    c4_spec = importlib.util.spec_from_file_location("c4_utils", path)
    assert c4_spec is not None and c4_spec.loader is not None
    functions = importlib.util.module_from_spec(c4_spec)
    sys.modules["c4_utils"] = functions
    c4_spec.loader.exec_module(functions)

    counters: collections.Counter = collections.Counter()

    def counter_inc_fn(name_space: str) -> Callable:
        def increment(name: str, amount: int = 1) -> None:
            counters[f"{name_space}/{name}"] += amount

        return increment

    functions.get_counter_inc_fn = counter_inc_fn
    return functions, counters


def without_bad_utf8(source: Path, target: Path) -> None:
    """Copy a WET file without the records that are not valid UTF-8."""
    good, record = [], []
    lines = gzip.decompress(source.read_bytes()).split(b"\n")
    for line in [*lines, None]:
        if line is None or line.strip() == b"WARC/1.0":
            joined = b"\n".join(record)
            try:
                joined.decode()
                good.append(joined)
            except UnicodeDecodeError:
                pass
            record = []
        if line is not None:
            record.append(line)
    target.write_bytes(gzip.compress(b"\n".join(good), 6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wet", nargs="+", type=Path)
    parser.add_argument("--punkt", type=Path, required=True)
    parser.add_argument("--badwords", type=Path)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        print(run(flags.wet, flags.punkt, flags.badwords, Path(work)))


def run(wets: list[Path], punkt: Path, badwords: Path | None, work: Path) -> str:
    """Run the chain over the files. Returns: the report of its clock."""
    functions, _ = load_functions(punkt, work)
    clock = StageClock()
    pages: list = []
    for number, wet in enumerate(wets):
        copy = work / f"{number}.warc.wet.gz"
        without_bad_utf8(wet, copy)
        pages += clock.parse(lambda copy=copy: list(functions.split_wet_file(str(copy))), lambda page: len(page.text))

    newest: dict[str, int] = {}
    for place in range(len(pages)):
        clock.page("urls", place, _compete, functions, place, pages, newest)

    clean = functions.get_clean_page_fn()
    cleaned = _keep("clean", CLEANING, clean, {place: pages[place] for place in newest.values()}, clock)

    winners: dict[str, tuple[str, int]] = {}
    for place, page in cleaned.items():
        clock.page("lines", place, _compete_for_lines, functions, place, page, winners)
    lines = clock.pages("lines", cleaned, _lines_to_keep, winners)
    increment = functions.get_counter_inc_fn("dedupe-lines")

    def remove_lines(place: int, page):
        joined = (page.url, {"pages": [page], "lines": lines[place]})
        return functions._remove_lines_from_text(joined, increment, MIN_SENTENCES)

    kept = {}
    for place, page in cleaned.items():
        kept.update(
            (place, left) for left in clock.page("lines", place, lambda p=place, q=page: list(remove_lines(p, q)))
        )
    kept = _keep("language", LANGUAGE, functions.detect_english, kept, clock)
    if badwords is not None:
        words = [line.strip() for line in badwords.read_text(encoding="utf-8").splitlines()]
        is_good = functions.get_badwords_filter_fn({"en": words})
        kept = {place: page for place, page in kept.items() if clock.page("badwords", place, is_good, page)}
    clock.pages("write", kept, _write, kept, work / "c4.json.gz")
    return clock.report([(page.url, page.text) for page in kept.values()])


def _keep(stage: str, fate: str, function: Callable, pages: dict, clock: StageClock) -> dict:
    """The pages for which `function`, a generator of at most one page, yields a page."""
    kept = {}
    for place, page in pages.items():
        found = clock.page(stage, place, lambda page=page: list(function(page)))
        if found:
            kept[place] = found[0]
        else:
            clock.fate[place] = fate
    return kept


def _compete(functions: types.ModuleType, place: int, pages: list, newest: dict[str, int]) -> None:
    page = pages[place]
    if not functions.is_valid_length(page):
        return
    best = newest.get(page.normalized_url)
    # A tie goes to the larger md5 of the text, as in our chain; in the reference it is random.
    if best is None or (page.timestamp, _md5(page.text)) > (pages[best].timestamp, _md5(pages[best].text)):
        newest[page.normalized_url] = place


def _compete_for_lines(functions: types.ModuleType, place: int, page, winners: dict[str, tuple[str, int]]) -> None:
    key = _md5(page.url)
    for line, _ in functions._emit_url_to_lines(page):
        if line not in winners or key < winners[line][0]:
            winners[line] = (key, place)


def _lines_to_keep(winners: dict[str, tuple[str, int]]) -> dict[int, list[str]]:
    lines = collections.defaultdict(list)
    for line, (_, place) in winners.items():
        lines[place].append(line)
    return lines


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _write(pages: dict, path: Path) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as target:
        for page in pages.values():
            target.write(json.dumps({"text": page.text, "timestamp": page.timestamp, "url": page.url}) + "\n")


if __name__ == "__main__":
    main()

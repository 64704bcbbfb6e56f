"""Run the reference's C4 functions on WET files, in one process and in a separate environment (see run.py).

    python reference.py --wet FILE... --punkt DIR [--badwords FILE] --output FILE

This needs nltk, langdetect, absl-py and the files of the wheel `tensorflow-datasets`, but neither TensorFlow nor Beam:
the few functions that are used of them have replacements here. It writes a JSON object with rows, counters, pages, and
CPU seconds per stage and in total.
"""

import argparse
import collections
import dataclasses
import gzip
import hashlib
import importlib
import importlib.util
import json
import os
import sys
import tempfile
import time
import types
from pathlib import Path

DELIMITER = b"WARC/1.0"
MIN_SENTENCES = 3


def load_reference(punkt: str):
    """The module `c4_utils` of tensorflow-datasets, with Punkt's parameters from a folder, and its counters."""
    import langdetect
    import langdetect.lang_detect_exception
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    def as_text(value):
        return value if isinstance(value, str) else value.decode("utf-8")

    nltk = types.SimpleNamespace(
        download=lambda name: True,
        data=types.SimpleNamespace(load=lambda path: PunktSentenceTokenizer(punkt_parameters(punkt))),
    )
    tensorflow = types.SimpleNamespace(
        compat=types.SimpleNamespace(as_text=as_text), io=types.SimpleNamespace(gfile=types.SimpleNamespace(GFile=open))
    )
    lazy = types.SimpleNamespace(nltk=nltk, langdetect=langdetect)
    package = "tensorflow_datasets"
    found = importlib.util.find_spec(package)
    source = Path(found.origin).parent / "text" / "c4_utils.py" if found and found.origin else Path("c4_utils.py")
    replacements = {
        package: {},
        f"{package}.core": {},
        f"{package}.core.utils": {},
        f"{package}.core.utils.lazy_imports_utils": {"tensorflow": tensorflow},
        f"{package}.public_api": {"core": types.SimpleNamespace(lazy_imports=lazy)},
    }
    for name, content in replacements.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        module.__path__ = []
        sys.modules[name] = module
    vars(sys.modules[package])["public_api"] = sys.modules[f"{package}.public_api"]
    sys.path.insert(0, str(source.parent))
    c4_utils = importlib.import_module("c4_utils")
    counts: collections.Counter[str] = collections.Counter()

    def counter_inc_fn(namespace):
        def increment(name, amount=1):
            counts[f"{namespace}/{name}"] += amount

        return increment

    vars(c4_utils)["get_counter_inc_fn"] = counter_inc_fn
    return c4_utils, counts


def punkt_parameters(folder: str):
    """Read Punkt's parameters from the four files of a `punkt_tab` language, because NLTK 3.8.1 cannot."""
    from nltk.tokenize.punkt import PunktParameters

    def rows(name):
        return [row for row in (Path(folder) / name).read_text(encoding="utf-8").split("\n") if row]

    parameters = PunktParameters()
    parameters.abbrev_types = set(rows("abbrev_types.txt"))
    parameters.sent_starters = set(rows("sent_starters.txt"))
    parameters.collocations = {tuple(row.split("\t")) for row in rows("collocations.tab")}
    for row in rows("ortho_context.tab"):
        word, flags = row.split("\t")
        parameters.ortho_context[word] = int(flags)
    return parameters


def readable_copy(path: str, folder: str) -> str:
    """Write a gzip copy of a WET file without records of invalid UTF-8, which would stop the reference."""
    content = Path(path).read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    records: list[list[bytes]] = []
    for line in content.split(b"\n"):
        if not records or line.strip() == DELIMITER:
            records.append([])
        records[-1].append(line)
    good = []
    for record in records:
        joined = b"\n".join(record)
        try:
            joined.decode("utf-8")
        except UnicodeDecodeError:
            continue
        good.append(joined)
    copy = f"{folder}/{hashlib.md5(path.encode()).hexdigest()}.gz"
    with gzip.open(copy, "wb", 1) as target:
        target.write(b"\n".join(good))
    return copy


def md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8")).hexdigest()


class Chain:
    """The stages of the reference's graph. Each stage processes all pages."""

    def __init__(self, c4_utils, counts) -> None:
        self._c4 = c4_utils
        self._counts = counts
        self.seconds: dict[str, float] = {}

    def timed(self, stage: str, function, *args):
        start = time.process_time()
        result = function(*args)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - start
        return result

    def read(self, copies):
        return [page for copy in copies for page in self._c4.split_wet_file(copy) if self._c4.is_valid_length(page)]

    def newest(self, pages):
        """One page per URL. In the reference ties are random; here the largest md5 wins, then the first page."""
        copies = collections.defaultdict(list)
        for page in pages:
            copies[page.normalized_url].append(page)
        for group in copies.values():
            if len(group) > 1:
                group.sort(key=lambda page: md5(page.text), reverse=True)
        return [self._c4.select_newest_page(group) for group in copies.values()]

    def clean(self, pages):
        clean_page = self._c4.get_clean_page_fn()
        return [cleaned for page in pages for cleaned in clean_page(page)]

    def deduplicate_lines(self, pages):
        winners: dict[str, tuple[str, str]] = {}
        for page in pages:
            rank = md5(page.url)
            for line, url in self._c4._emit_url_to_lines(page):
                if line not in winners or rank < winners[line][0]:
                    winners[line] = (rank, url)
        kept = collections.defaultdict(list)
        for line, (_, url) in winners.items():
            kept[url].append(line)
        increment = self._c4.get_counter_inc_fn("dedupe-lines")
        return [
            left
            for page in pages
            for left in self._c4._remove_lines_from_text(
                (page.url, {"pages": [page], "lines": kept[page.url]}), increment, MIN_SENTENCES
            )
        ]

    def english(self, pages):
        return [dataclasses.replace(page, language="en") for page in pages if list(self._c4.detect_english(page))]

    def without_badwords(self, pages, badwords):
        keep = self._c4.get_badwords_filter_fn({"en": badwords})
        return [page for page in pages if keep(page)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wet", nargs="+", required=True)
    parser.add_argument("--punkt", required=True)
    parser.add_argument("--badwords")
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    c4_utils, counts = load_reference(args.punkt)
    with tempfile.TemporaryDirectory() as folder:
        copies = [readable_copy(path, folder) for path in sorted(args.wet, key=os.path.basename)]
        c4_utils._get_sentences("Loads the model.")
        c4_utils.detect_english(c4_utils.PageFeatures(text="Loads the profiles of all languages."))
        counts.clear()
        chain = Chain(c4_utils, counts)
        pages = read = chain.timed("parsing", chain.read, copies)
        pages = chain.timed("url deduplication", chain.newest, pages)
        pages = chain.timed("cleaning", chain.clean, pages)
        pages = chain.timed("line deduplication", chain.deduplicate_lines, pages)
        pages = chain.timed("language", chain.english, pages)
        if args.badwords:
            with open(args.badwords, encoding="utf-8") as lines:
                badwords = [line.strip() for line in lines]
            pages = chain.timed("bad words", chain.without_badwords, pages, badwords)
    is_held_out = c4_utils.get_hashed_url_filter_fn(lambda value: value % 1000 == 0)
    rows = {
        page.url: (page.timestamp, "validation" if is_held_out(page) else "train", md5(page.text)) for page in pages
    }
    result = {
        "rows": rows,
        "counters": dict(counts),
        "num_pages": len(read),
        "cpu_seconds": chain.seconds,
        "all_cpu_seconds": time.process_time(),
    }
    Path(args.output).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Compare the reference with this project on the same WET files: rows, counters and speed.

    python -m tools.parity.run [--wet=GLOB] [--assets=DIR]

The reference is the C4 builder of tensorflow-datasets. Its functions are loaded from its wheel, without TensorFlow, in
a separate environment. Without --wet, both read the crawl of `make demo`. The variant is `en` if the original Punkt
parameters and list of bad words are available (from --assets or by download). Otherwise it is `en.noblocklist`, and
both sides use the bundled Punkt parameters.
"""

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path

from c4pipe.command_line import Parser, run
from c4pipe.corpus import assets
from c4pipe.corpus.sentences.train_punkt import format_files
from c4pipe.corpus.variants import VARIANTS
from c4pipe.demo import pack_crawl
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.text_shards import read_text_shard

COMPAT = "tfds-3.1.0"
REFERENCE = "tensorflow-datasets==4.9.10"
# The packages that its extra `c4` pins and its C4 functions use, and a package that it imports.
REFERENCE_NEEDS = ["nltk==3.8.1", "langdetect==1.0.9", "absl-py"]
NUM_SHOWN = 5

Rows = dict[str, tuple[str, str, str]]


@dataclass
class Side:
    """The result of one side. rows: URL -> (timestamp, split, md5 of the text)."""

    rows: Rows
    counters: dict[str, int]
    num_pages: int
    cpu_seconds: float
    wall_seconds: float
    # CPU seconds of the stages, without starting processes and importing libraries.
    stage_seconds: float


def parser() -> Parser:
    parser = Parser(prog="python -m tools.parity.run", description=__doc__)
    parser.add_argument("--wet", help="glob of WET files to use instead of the demo's crawl")
    parser.add_argument("--assets", help="folder with punkt_tab/ and badwords/, as for wet_to_c4")
    parser.add_argument("--output", default=".parity", help="folder for the environment and all results")
    parser.add_argument("--dry_run", action="store_true", help="only say what would be done")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run both and compare. Returns: 0 if all rows and counters are equal, else 1."""
    flags = parser().parse_args(argv)
    output = Path(flags.output)
    inputs = files.expand(flags.wet) if flags.wet else [str(output / "wet" / "*.warc.wet.gz")]
    if flags.dry_run:
        print(f"would install {REFERENCE} into {output / 'reference'} and compare on {', '.join(inputs)}")
        return 0
    output.mkdir(parents=True, exist_ok=True)
    if not flags.wet:
        inputs = pack_crawl.pack(str(output / "wet"), 12_000_000)
    python = reference_environment(output / "reference")
    variant, found, sentence_model = choose_variant(flags.assets)
    print(f"{len(inputs)} WET files, variant {variant}, sentence model {sentence_model}", flush=True)
    reference = run_reference(python, inputs, found, output)
    ours = run_ours(inputs, variant, sentence_model, flags.assets, output)
    return compare(reference, ours)


def reference_environment(folder: Path) -> Path:
    """The Python of the environment with the reference, which is created if it does not exist."""
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    wanted = "\n".join([REFERENCE, *REFERENCE_NEEDS])
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"installing the reference into {folder}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for command in ([*pip, *REFERENCE_NEEDS], [*pip, "--no-deps", REFERENCE]):
        if subprocess.run(command).returncode:
            raise UserError(f"`{' '.join(command)}` failed; the reference comes from PyPI, is it reachable?")
    stamp.write_text(wanted)
    return python


def choose_variant(folder: str | None) -> tuple[str, assets.Assets, str]:
    """(variant, its assets, sentence model). The variant is `en` if its assets are available."""
    try:
        return "en", assets.resolve(VARIANTS["en"], folder=folder), assets.PUNKT_TAB
    except UserError as error:
        if folder is not None:
            raise
        print(f"{error}\nso both sides run without bad words and with the bundled sentence model", file=sys.stderr)
    variant = "en.noblocklist"
    return variant, assets.resolve(VARIANTS[variant], sentence_model=assets.BUNDLED), assets.BUNDLED


def run_reference(python: Path, inputs: list[str], found: assets.Assets, output: Path) -> Side:
    """Run the reference's functions on the files, in a separate process."""
    model = output / "punkt"
    model.mkdir(exist_ok=True)
    assert found.punkt is not None
    for name, content in format_files(found.punkt).items():
        (model / name).write_text(content.rstrip("\n"), encoding="utf-8", newline="\n")
    result = output / "reference.json"
    command = [str(python), str(Path(__file__).with_name("reference.py")), f"--punkt={model}", f"--output={result}"]
    if found.badwords is not None:
        (output / "badwords.txt").write_text("\n".join(sorted(found.badwords["en"])), encoding="utf-8", newline="\n")
        command += [f"--badwords={output / 'badwords.txt'}"]
    start = time.monotonic()
    if subprocess.run([*command, "--wet", *inputs]).returncode:
        raise UserError("the reference failed; see its output above")
    made = json.loads(result.read_text(encoding="utf-8"))
    rows = {url: (row[0], row[1], row[2]) for url, row in made["rows"].items()}
    seconds = sum(made["cpu_seconds"].values())
    return Side(rows, made["counters"], made["num_pages"], made["all_cpu_seconds"], time.monotonic() - start, seconds)


def run_ours(inputs: list[str], variant: str, sentence_model: str, folder: str | None, output: Path) -> Side:
    """Run `wet_to_c4` on the files, as a user would."""
    c4 = output / "c4"
    inputs_list = output / "inputs.txt"
    inputs_list.write_text("\n".join(inputs) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pipelines.wet_to_c4", f"--input_list={inputs_list}", f"--output={c4}"]
    command += [f"--variant={variant}", f"--compat={COMPAT}", f"--sentence_model={sentence_model}"]
    command += [f"--assets={folder}"] if folder else []
    shutil.rmtree(c4, ignore_errors=True)
    before, start = _children_seconds(), time.monotonic()
    if subprocess.run(command).returncode:
        raise UserError("wet_to_c4 failed; see its output above")
    wall, cpu = time.monotonic() - start, _children_seconds() - before
    report = json.loads((c4 / "report.json").read_text(encoding="utf-8"))
    counters = report["counters"]
    stage_seconds = sum(stage["seconds"] for stage in report["timing"]["stages"])
    return Side(read_rows(c4), counters, counters.get("too-long-filter/passed", 0), cpu, wall, stage_seconds)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_rows(c4: Path) -> Rows:
    """The rows of a C4 folder."""
    rows: Rows = {}
    for split, shards in json.loads((c4 / "manifest.json").read_text(encoding="utf-8"))["splits"].items():
        for shard in shards:
            for row in read_text_shard(str(c4 / shard["file"]), columns=("url", "text", "timestamp")):
                rows[row["url"]] = (row["timestamp"], split, hashlib.md5(row["text"].encode("utf-8")).hexdigest())
    return rows


def compare(reference: Side, ours: Side) -> int:
    """Print the differences and the speeds. Returns: 0 if there are no differences, else 1."""
    both = reference.rows.keys() & ours.rows.keys()
    groups = {
        "equal": [url for url in both if reference.rows[url] == ours.rows[url]],
        "missing": sorted(reference.rows.keys() - ours.rows.keys()),
        "not in the reference": sorted(ours.rows.keys() - reference.rows.keys()),
        "other": sorted(url for url in both if reference.rows[url] != ours.rows[url]),
    }
    print(f"\nrows: the reference {len(reference.rows):,}, ours {len(ours.rows):,}")
    for name, urls in groups.items():
        print(f"  {name:<22}{len(urls):>9,}")
        for url in urls[:NUM_SHOWN] if name != "equal" else ():
            print(f"      {url}")
    counters = {
        name: (number, ours.counters.get(name, 0))
        for name, number in sorted(reference.counters.items())
        if number != ours.counters.get(name, 0)
    }
    print(f"counters: {len(reference.counters) - len(counters)} of the reference's {len(reference.counters)} are equal")
    for name, (theirs, mine) in counters.items():
        print(f"  {name}: the reference {theirs:,}, ours {mine:,}")
    print(f"\n{'':<12}{'pages':>9}{'wall s':>9}{'CPU s':>9}{'stages, CPU s':>16}{'pages / CPU s':>16}")
    for name, side in (("reference", reference), ("ours", ours)):
        rate = side.num_pages / side.stage_seconds
        seconds = f"{side.wall_seconds:>9.1f}{side.cpu_seconds:>9.1f}{side.stage_seconds:>16.1f}"
        print(f"{name:<12}{side.num_pages:>9,}{seconds}{rate:>16.1f}")
    print("The time of stages is without starting processes, importing libraries and loading tables.")
    return int(any(groups[name] for name in groups if name != "equal") or bool(counters))


if __name__ == "__main__":
    run(main)

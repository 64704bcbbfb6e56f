"""Every command in README and docs is executed, or is listed here with the reason why it cannot be.

The commands run in the order of their page, in a folder that has what the page assumes. They are made smaller: a tiny
model, few steps, a small vocabulary. Common Crawl is a server on this machine, and the lists of bad words are our own.
"""

import gzip
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from small_crawl import _record, write_crawl
from web_server import serving

from c4pipe.shards.text_shards import read_text_shard, write_text_shard
from tools.site.outside_pages import OUTSIDE

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / name for name in OUTSIDE)])
PROGRAMS = ("python", "torchrun", "make", "pip", "hf", "c4pipe", "eval", "sbatch", "srun", "prism", "docker", "gcloud")

# Beginning of a command -> why it is not run here.
NOT_RUN = {
    "make demo": "trains for minutes; tests/c4pipe/demo runs it smaller",
    "c4pipe demo": "the same",
    "make test": "this test is a part of it",
    "make setup": "this test is a part of it",
    "pip install": "needs PyPI; tests/test_package.py installs the wheel",
    "hf download": "needs the Hugging Face hub",
    "hf auth login": "needs an account of the Hugging Face hub",
    "hf upload": "needs an account of the Hugging Face hub",
    "python -m model.export --checkpoint=run --output=exported --push_to": "tests/model/test_hub_commands.py runs it",
    "python -m pipelines.c4_to_vocabulary --input=hf:": "tests/model/test_hub_commands.py reads text of the hub",
    "make engines": "needs Java, Maven and Go",
    "prism": "needs Prism; `make engines` runs it",
    "CRAWL=CC-MAIN-2019-18 FILES_PER_TASK": "needs Slurm; tests/tools/test_slurm.py runs it",
    "EXAMPLES=/shared/examples": "needs Slurm; tests/model/test_slurm_recipes.py runs it with stand-ins",
    "srun": "the same",
    "torchrun --nnodes=2": "needs two machines; tests/model/test_two_hosts.py runs it over two network namespaces",
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 torchrun": "the same",
    "python -m model.search": "trains many models; tests/model/test_search.py runs it smaller",
    "python -m pipelines.wet_to_c4 --input='/shared": "needs a cluster; `make engines` runs it",
    "AWS_ENDPOINT_URL=": "needs an object store; tests/pipelines/test_object_store.py runs it",
    "docker build": "needs Docker; `make dataflow-check` runs the steps without it",
    "gcloud": "needs Google's cloud",
    "python -m pipelines.wet_to_c4 --input_list=gs://": "needs Google's cloud; `make dataflow-check` translates it",
}
# Beginnings of indented blocks that are not commands.
NOT_COMMANDS = ("records, errors", "model.architectures, model.data", "FLOPs = ", "error: mine.toml")
CRAWLS = ("2019-18", "2020-05", "2021-04")
# Page -> what it assumes, from `given`. A page that is not named assumes nothing.
ASSUMES = {
    "README.md": ("texts", "demo/run"),
    "docs/running.md": ("takedown.txt", "wet", "en", "data/tasks", "data/examples", *CRAWLS),
    "docs/languages.md": ("wet",),
    "docs/recipes.md": ("wet",),
    "docs/training.md": ("examples", "texts.txt"),
    "docs/tasks.md": ("sst2", "vocabulary", "run"),
    "docs/guides/my_language.md": ("wet",),
    "docs/guides/other_corpora.md": ("released", "fineweb"),
    "docs/guides/vocabulary.md": ("c4",),
    "docs/guides/pretrain.md": ("examples",),
    "docs/guides/continue_t5.md": ("c4", "t5-v1_1-base"),
    "docs/guides/finetune.md": ("run", "vocabulary", "questions.jsonl"),
    "docs/guides/evaluate.md": ("c4", "tasks", "finetuned"),
    "docs/guides/take_down.md": ("wet", "c4", "vocabulary", "examples", "takedown.txt"),
    "docs/guides/dropped.md": ("wet", "c4", "released"),
}
# What is put in place of large sizes, and of names that stand for any folder.
SMALLER = (
    (r"t5_v1_1_small|t5_v1_1_base|t5_base", "t5_v1_1_tiny"),
    (r"--steps=\d+", "--steps=2"),
    (r"--batch_size=\d+", "--batch_size=4"),
    (r"--nproc_per_node=\w+", "--nproc_per_node=2"),
    (r"--num_pieces=1000\b", "--num_pieces=150"),
    (r"NPROC=8", "NPROC=2"),
    (r"FILES=8", "FILES=2"),
    (r"--num_files=8", "--num_files=2"),
    (r"--(examples|tasks)=DIR\b", r"--\1=\1"),
    (r"=RUN\b", "=run"),
)
SHORT = "--steps=2 --batch_size=4 --validation_examples=4 --device=cpu"
ADDED = {
    "pipelines.crawl_to_wet": "--base_url={server}",
    "pipelines.wet_to_c4": "--sentence_model=bundled --badwords={badwords} --max_quarantined_fraction=0.5",
    "pipelines.verify_release": "--sentence_model=bundled --badwords={badwords} --num_workers=1",
    "pipelines.c4_to_vocabulary": "--num_pieces=150",
    "pipelines.c4_to_examples": "--inputs_length=64",
    "model.pretrain": f"--preset=t5_v1_1_tiny {SHORT}",
    "model.finetune": SHORT,
    "model.evaluate": "--device=cpu --max_length=4",
    "model.generate": "--device=cpu --max_length=4",
}
# The same flags where `make` names the command.
ADDED_BY_MAKE = {
    "wet": "pipelines.crawl_to_wet",
    "c4": "pipelines.wet_to_c4",
    "vocabulary": "pipelines.c4_to_vocabulary",
    "examples": "pipelines.c4_to_examples",
    "pretrain": "model.pretrain",
}


def blocks_of(page: Path) -> list[str]:
    """The indented blocks of a page, outside of fences."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"^    ", "", block, flags=re.M) for block in re.findall(r"(?<=\n\n)((?:    .*\n)+)", text)]


def commands_of(block: str) -> list[str]:
    """The commands of a block, without comments; lines that end in a backslash are joined. None: not commands.

    >>> commands_of("make a  # b\\npython -m c \\\\\\n  --d\\n"), commands_of("a < b\\n")
    (['make a', 'python -m c --d'], [])
    """
    lines = [re.sub(r"\s+# .*", "", line) for line in re.sub(r"\s*\\\n\s*", " ", block).splitlines()]
    words = [[word for word in line.split() if not re.match(r"[A-Z_]+=", word)] for line in lines]
    return lines if all(found and found[0] in PROGRAMS for found in words) else []


def why_not_run(command: str) -> str | None:
    return next((why for beginning, why in NOT_RUN.items() if command.startswith(beginning)), None)


def smaller(command: str, places: dict[str, str]) -> list[str]:
    """The command for a small machine; a `make` of several targets becomes several."""
    for pattern, replacement in SMALLER:
        command = re.sub(pattern, replacement, command)
    if command.startswith("make "):
        targets = [word for word in command.split() if word in ADDED_BY_MAKE] or ["export"]
        rest = " ".join(word for word in command.split()[1:] if word not in targets)
        given = re.search(r"ARGS='(.*)'", rest)
        kept = re.sub(r"ARGS='.*'", "", rest)
        return [
            f"make {target} {kept} ARGS='{added(ADDED_BY_MAKE.get(target), places)} {given[1] if given else ''}'"
            for target in targets
        ]
    module = re.search(r"-m ([\w.]+)", command)
    if not module or "--print_recipe" in command:
        return [command]
    return [without_preset(command.replace(module[0], f"{module[0]} {added(module[1], places)}", 1))]


def added(module: str | None, places: dict[str, str]) -> str:
    return ADDED.get(module or "", "").format(**places)


def without_preset(command: str) -> str:
    """A model of Hugging Face has its own size."""
    return re.sub(r"--preset=\S+ ", "", command) if "--from_hugging_face" in command else command


def environment_of(home: Path) -> dict[str, str]:
    """`python`, `torchrun` and `c4pipe` are those of this environment, and `make` makes no other."""
    programs = home.parent / "bin"
    programs.mkdir(exist_ok=True)
    for name, started in (("python", ""), ("torchrun", "-m torch.distributed.run"), ("c4pipe", "-m c4pipe")):
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {started} "$@"\n')
        (programs / name).chmod(0o755)
    installed = home.parent / "installed"
    installed.touch()
    # With -e, these replace the variables of the Makefile.
    made = {
        "MAKEFLAGS": "e",
        "VENV": str(programs.parent / "none"),
        "BIN": str(programs),
        "PY": str(programs / "python"),
    }
    return {
        **os.environ,
        **made,
        **{name: str(installed) for name in ("STAMP", "DEMO_STAMP", "DOCS_STAMP")},
        "PATH": f"{programs}:{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }


def run(command: str, home: Path, environment: dict[str, str]) -> str:
    """What a failed command said; empty if it succeeded."""
    ended = subprocess.run(
        ["bash", "-c", command], cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return f"$ {command}\n{ended.stdout[-1500:]}" if ended.returncode else ""


GERMAN = (
    "Der Zug nach Hamburg ist heute wegen des starken Windes leider eine Stunde zu spät.",
    "Meine Großmutter hat im Garten hinter dem Haus viele rote Äpfel gefunden.",
    "Wir haben gestern Abend lange über die neue Brücke in der Stadt gesprochen.",
    "Die Kinder spielen am liebsten im Schnee, wenn die Schule geschlossen ist.",
    "Niemand weiß genau, warum das alte Rathaus keine Uhr an seinem Turm hat.",
    "Im nächsten Sommer möchten wir mit dem Fahrrad durch die Berge fahren.",
)
FRENCH = (
    "Le train pour Lyon a une heure de retard à cause du vent très fort.",
    "Ma grand-mère a trouvé beaucoup de pommes rouges dans le jardin de la maison.",
    "Nous avons parlé hier soir du nouveau pont qui traverse la rivière.",
    "Les enfants aiment jouer dans la neige quand leur école est fermée.",
    "Personne ne sait pourquoi la vieille mairie porte une horloge sans aiguilles.",
    "Cet été, nous voulons traverser les montagnes à vélo avec nos amis.",
)


def write_other_languages(path: Path) -> None:
    """A WET file with German and French pages."""
    chosen, records = random.Random(0), []
    for language, sentences in (("de", GERMAN), ("fr", FRENCH)):
        for page in range(12):
            lines = [" ".join(chosen.sample(sentences, 3)) for _ in range(5)]
            body = "\n".join(lines).encode()
            records.append(_record("conversion", f"https://{language}.example/{page}", body, "2019-04-01T00:00:00Z"))
    path.write_bytes(b"".join(gzip.compress(record, mtime=0) for record in records))


def write_plain_files(folder: Path) -> None:
    """What the pages assume of a user's own files, and of other corpora."""
    (folder / "takedown.txt").write_text("site1.example.org\n")
    (folder / "texts.txt").write_text("The <extra_id_0> sat on the mat.\nOne more line.\n")
    splits = ["test" if number % 5 == 0 else "train" if number % 2 else "validation" for number in range(40)]
    (folder / "questions.jsonl").write_text(
        "".join(
            f'{{"task": "questions", "inputs": "question: what is {number}?", "targets": "{number}"}}\n'
            for number in range(40)
        )
    )
    (folder / "sst2").mkdir()
    for split in sorted(set(splits)):
        rows = "".join(f"a fine film, number {number}\t{number % 2}\n" for number in range(10))
        (folder / "sst2" / f"{split}.tsv").write_text(f"sentence\tlabel\n{rows}")


def write_released(folder: Path) -> None:
    """Folders as they are downloaded from the hub, with the rows of c4."""
    for split, name in (("validation", "c4-validation.00000-of-00008"), ("train", "c4-train.00000-of-01024")):
        shards = sorted((folder / "c4").glob(f"c4-{split}.*"))
        rows = [row for shard in shards for row in read_text_shard(str(shard), ("text", "timestamp", "url"))]
        write_text_shard(str(folder / "released" / "en" / f"{name}.json.gz"), iter(rows))
    shutil.copytree(folder / "released" / "en", folder / "en")
    parquet = folder / "fineweb" / "sample" / "10BT" / "000_00000.parquet"
    parquet.parent.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), parquet)


def write_texts(folder: Path) -> None:
    """A user's own text, as JSON lines and as WET files, with the rows of c4."""
    (folder / "texts").mkdir()
    for split, name in (("validation", "validation"), ("train", "mine")):
        rows = [
            row for shard in (folder / "c4").glob(f"c4-{split}.*") for row in read_text_shard(str(shard), ("text",))
        ]
        (folder / "texts" / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for path in (folder / "wet").glob("CC-*.wet.gz"):
        shutil.copy(path, folder / "texts")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A stand-in for Common Crawl, with two files."""
    folder = tmp_path_factory.mktemp("crawl")
    crawl = folder / "crawl-data" / "CC-MAIN-2019-18"
    paths = write_crawl(crawl / "segments" / "1" / "wet", num_files=2)
    listed = "".join(f"{path.relative_to(folder)}\n" for path in paths)
    (crawl / "wet.paths.gz").write_bytes(gzip.compress(listed.encode()))
    with serving(folder) as url:
        yield url


@dataclass(frozen=True)
class Given:
    """What all pages share. folder: everything that they can assume. places: what `ADDED` names."""

    folder: Path
    places: dict[str, str]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def given(tmp_path_factory, server) -> Given:
    """Everything that a page can assume, made by the same commands."""
    folder = tmp_path_factory.mktemp("given") / "home"
    badwords = folder / "badwords"
    badwords.mkdir(parents=True)
    for language in ("en", "de", "fr", "ja"):
        (badwords / language).write_text("badword\n")
    places, environment = {"server": server, "badwords": str(badwords)}, environment_of(folder)
    (folder / "data").mkdir()
    write_crawl(folder / "wet", num_files=2)
    for seed, crawl in enumerate(CRAWLS):
        write_crawl(folder / crawl, num_files=1, seed=seed)
    write_other_languages(folder / "wet" / "other.warc.wet.gz")
    write_plain_files(folder)
    for command in (
        "python -m pipelines.wet_to_c4 --input='wet/CC-*.wet.gz' --output=c4",
        "python -m pipelines.c4_to_vocabulary --input=c4 --output=vocabulary",
        "python -m pipelines.c4_to_examples --input=c4 --vocabulary=vocabulary --output=examples",
        "python -m pipelines.tasks_to_examples --input=questions.jsonl --vocabulary=vocabulary --output=tasks",
        "python -m model.pretrain --examples=examples --output=run --preset=t5_v1_1_tiny",
        "python -m model.finetune --checkpoint=run --tasks=tasks --output=finetuned",
        "python -m model.export --checkpoint=run --output=t5-v1_1-base",
        "cp -r tasks examples data",
        "mkdir demo && cp -r run demo",
    ):
        (small,) = smaller(command, places)
        assert not (said := run(small, folder, environment)), said
    write_released(folder)
    write_texts(folder)
    return Given(folder, places, environment)


def home_of(page: str, assumed: Path, folder: Path) -> Path:
    """A folder with what a page assumes, and the files that `make` looks at."""
    folder.mkdir()
    for name in ("Makefile", "setup.py", "constraints.txt"):
        (folder / name).symlink_to(ROOT / name)
    for name in ASSUMES.get(page, ()):
        (folder / name).parent.mkdir(exist_ok=True)
        (shutil.copytree if (assumed / name).is_dir() else shutil.copy)(assumed / name, folder / name)
    return folder


def runnable(page: Path) -> list[str]:
    """The commands of a page that are executed."""
    commands = [command for block in blocks_of(page) for command in commands_of(block)]
    return [command for command in commands if not why_not_run(command)]


RUNNABLE = {page.relative_to(ROOT).as_posix(): runnable(page) for page in PAGES if runnable(page)}


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNABLE)
def test_every_command_of_a_page_runs(page, given, tmp_path):
    home = home_of(page, given.folder, tmp_path / "home")
    said = [
        run(small, home, given.environment) for command in RUNNABLE[page] for small in smaller(command, given.places)
    ]
    assert not any(said), "\n".join(said)


def test_every_block_is_commands_or_is_listed():
    blocks = [block for page in PAGES for block in blocks_of(page)]
    others = [block for block in blocks if not commands_of(block)]
    assert [block for block in others if not block.startswith(NOT_COMMANDS)] == []
    for beginning in NOT_COMMANDS:
        assert any(block.startswith(beginning) for block in others), beginning


def test_every_reason_is_of_a_command():
    commands = [command for page in PAGES for block in blocks_of(page) for command in commands_of(block)]
    for beginning in NOT_RUN:
        assert any(command.startswith(beginning) for command in commands), beginning

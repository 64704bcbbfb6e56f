"""Every command: a dry run changes nothing on disk, and an output that cannot be is one line and status 2."""

import gzip
import hashlib
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "pipelines"))
from small_crawl import write_crawl, write_punkt

from c4pipe.command_line import run
from model import compare_methods, evaluate, export, finetune, generate, pretrain
from pipelines import (
    c4_to_examples,
    c4_to_vocabulary,
    crawl_to_wet,
    drop_near_duplicates,
    find_contamination,
    find_url,
    tasks_to_examples,
    verify_release,
    wet_to_c4,
)
from tools.demo import run as demo

ONE_PROCESS = ["--direct_running_mode=in_memory", "--direct_num_workers=1"]
SHORT = ["--steps=1", "--batch_size=4", "--gradient_accumulation=1", "--device=cpu", "--validation_examples=4"]


@dataclass(frozen=True)
class Command:
    """A command and its flags but `--output`, in which `{}` is the folder of the fixture. output: where the fixture has
    a finished result of it; None for a command that writes nothing. overwrites: whether it has `--overwrite`."""

    main: Callable[..., int]
    flags: tuple[str, ...]
    output: str | None
    overwrites: bool = False

    def arguments(self, root: Path, output: Path | None, *more: str) -> list[str]:
        given = [flag.replace("{}", str(root)) for flag in self.flags]
        return [*given, *([f"--output={output}"] if output else []), *more]


# In an order in which each has what it reads.
COMMANDS = {
    "wet_to_c4": Command(
        wet_to_c4.main,
        (
            *("--input={}/wet/*.gz", "--variant=en.noblocklist", "--sentence_model={}/punkt"),
            *("--max_quarantined_fraction=0.5", *ONE_PROCESS),
        ),
        "c4",
        True,
    ),
    "c4_to_vocabulary": Command(
        c4_to_vocabulary.main,
        ("--input={}/c4", "--num_pieces=150", "--num_extra_ids=20", *ONE_PROCESS),
        "vocabulary",
        True,
    ),
    "c4_to_examples": Command(
        c4_to_examples.main,
        ("--input={}/c4", "--vocabulary={}/vocabulary", "--inputs_length=32", *ONE_PROCESS),
        "examples",
        True,
    ),
    "tasks_to_examples": Command(
        tasks_to_examples.main,
        ("--input={}/tasks.jsonl", "--vocabulary={}/vocabulary", *ONE_PROCESS),
        "tasks",
        True,
    ),
    "drop_near_duplicates": Command(
        drop_near_duplicates.main, ("--input={}/c4", *ONE_PROCESS), "c4_without_near_duplicates", True
    ),
    "find_contamination": Command(
        find_contamination.main, ("--c4={}/c4", "--tasks={}/tasks", *ONE_PROCESS), "contamination", True
    ),
    "verify_release": Command(
        verify_release.main,
        (
            *("--wet={}/wet/*.gz", "--released={}/c4/c4-*.json.gz", "--variant=en.noblocklist"),
            *("--sentence_model={}/punkt", "--num_workers=1"),
        ),
        "verified",
        True,
    ),
    "find_url": Command(find_url.main, ("http://site1.example.org/page1.html", "--c4={}/c4"), None),
    "pretrain": Command(pretrain.main, ("--examples={}/examples", "--preset=t5_tiny", *SHORT), "run"),
    "finetune": Command(finetune.main, ("--checkpoint={}/run", "--tasks={}/tasks", *SHORT), "finetuned"),
    "evaluate": Command(
        evaluate.main,
        ("--checkpoint={}/finetuned", "--tasks={}/tasks", "--max_length=2", "--max_examples=2", "--device=cpu"),
        "evaluation",
        True,
    ),
    "export": Command(export.main, ("--checkpoint={}/run",), "exported"),
    "generate": Command(generate.main, ("--checkpoint={}/run", "some words", "--device=cpu"), None),
    "compare_methods": Command(
        compare_methods.main,
        ("--checkpoint={}/run", "--tasks={}/tasks", "--methods=all_parameters", "--seeds=1", *SHORT),
        "compared",
    ),
}
WRITING = [name for name, command in COMMANDS.items() if command.output is not None]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder in which every command has a finished result."""
    folder = tmp_path_factory.mktemp("all")
    write_crawl(folder / "wet", num_files=2, pages_a_file=30)
    write_punkt(folder / "punkt")
    tasks = [{"task": "mine", "inputs": f"the word {n}", "targets": f"word {n}"} for n in range(60)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    for command in COMMANDS.values():
        if command.output is not None:
            assert command.main(command.arguments(folder, folder / command.output)) in (0, 1)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("C4PIPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tree(*folders: Path) -> dict[str, tuple[int, str]]:
    """Every path below, with its time of change and its digest."""
    found = {}
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = (path.stat().st_mtime_ns, digest)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_dry_run_changes_nothing(root, tmp_path, name):
    command = COMMANDS[name]
    finished = root / command.output if command.output else None
    before = tree(root, tmp_path)
    assert command.main(command.arguments(root, tmp_path / "new" if finished else None, "--dry_run")) == 0
    assert tree(root, tmp_path) == before
    assert command.main(command.arguments(root, finished, "--dry_run")) == 0
    assert tree(root, tmp_path) == before
    if command.overwrites:
        assert command.main(command.arguments(root, finished, "--dry_run", "--overwrite")) == 0
        assert tree(root, tmp_path) == before


@pytest.mark.parametrize("name", WRITING)
def test_the_same_command_on_a_finished_folder_changes_nothing(root, tmp_path, name):
    command = COMMANDS[name]
    before = tree(root / str(command.output))
    assert command.main(command.arguments(root, root / str(command.output))) in (0, 1)
    after = tree(root / str(command.output))
    # A lock that came and went changes the time of the folder itself.
    assert {path: found for path, found in after.items() if found[1]} == {
        path: found for path, found in before.items() if found[1]
    }
    assert set(after) == set(before)


def ends_with_one_line(main: Callable[..., int], arguments: list[str], capsys) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        run(lambda: main(arguments))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert ended.value.code == 2 and len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("below", ["", "/below"], ids=["the_file", "below_it"])
@pytest.mark.parametrize("name", WRITING)
def test_a_plain_file_as_output_is_one_line(root, tmp_path, capsys, name, below):
    (tmp_path / "file").write_text("mine")
    command = COMMANDS[name]
    line = ends_with_one_line(command.main, command.arguments(root, Path(f"{tmp_path}/file{below}")), capsys)
    assert f"{tmp_path}/file" in line
    assert (tmp_path / "file").read_text() == "mine"


LIST = "/crawl-data/CC-MAIN-2019-18/wet.paths.gz"
FILE = "/crawl-data/CC-MAIN-2019-18/segments/1/wet/part-00000.warc.wet.gz"


@pytest.fixture
def server():
    """Serves the list of a crawl of one file."""
    bodies = {LIST: gzip.compress(FILE[1:].encode()), FILE: gzip.compress(b"WARC/1.0\r\n")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(bodies[self.path])))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(bodies[self.path])

        do_HEAD = do_GET

        def log_message(self, *_) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()


def test_a_dry_run_of_a_download_changes_nothing(server, tmp_path, capsys):
    flags = ["--crawl=CC-MAIN-2019-18", "--num_files=1", f"--base_url={server}"]
    before = tree(tmp_path)
    assert crawl_to_wet.main([*flags, f"--output={tmp_path}/wet", "--dry_run"]) == 0
    assert "1 of 1 WET files would be downloaded" in capsys.readouterr().out
    assert tree(tmp_path) == before
    (tmp_path / "file").write_text("mine")
    assert f"{tmp_path}/file" in ends_with_one_line(crawl_to_wet.main, [*flags, f"--output={tmp_path}/file"], capsys)


def test_a_dry_run_of_the_demo_changes_nothing(tmp_path):
    before = tree(tmp_path)
    assert demo.main([f"--output={tmp_path}/demo", "--dry_run"]) == 0
    assert tree(tmp_path) == before

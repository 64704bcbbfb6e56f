"""Every command: a dry run changes nothing on disk, and an output that cannot be is one line and status 2."""

import gzip
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from small_crawl import write_crawl, write_punkt
from web_server import serving

from c4pipe.command_line import run
from c4pipe.demo import __main__ as demo
from c4pipe.folders.lock import made_and_locked
from model import compare_methods, evaluate, export, finetune, generate, pretrain, search
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


# In an order in which each command has its inputs.
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
    "search": Command(
        search.main,
        ("--plan={}/plan.toml", "--corpus={}/c4", "--vocabulary={}/vocabulary", "--tasks={}/tasks", "--device=cpu"),
        "searched",
    ),
}
# Of one row and one seed, with trainings of a step.
PLAN = """
title = "One row"
baseline = "baseline"
[scale]
inputs_length = 32
replicas = 1
seeds = 1
baseline_seeds = 1
validation_examples = 4
[scale.pretrain]
steps = 1
batch_size = 4
gradient_accumulation = 1
[scale.finetune]
steps = 1
batch_size = 4
gradient_accumulation = 1
[[rows]]
name = "baseline"
"""
WRITING = [name for name, command in COMMANDS.items() if command.output is not None]


@pytest.fixture(scope="module")
def root(tmp_path_factory, search_in_one_process) -> Path:
    """A folder in which every command has a finished result."""
    folder = tmp_path_factory.mktemp("all")
    write_crawl(folder / "wet", num_files=2, pages_a_file=30)
    write_punkt(folder / "punkt")
    tasks = [{"task": "mine", "inputs": f"the word {n}", "targets": f"word {n}"} for n in range(60)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    (folder / "plan.toml").write_text(PLAN)
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


@pytest.fixture
def server(tmp_path_factory):
    """Serves the list of a crawl of one file."""
    folder, file = tmp_path_factory.mktemp("served"), "crawl-data/CC-MAIN-2019-18/segments/1/wet/part-00000.warc.wet.gz"
    (folder / file).parent.mkdir(parents=True)
    (folder / file).write_bytes(gzip.compress(b"WARC/1.0\r\n"))
    (folder / "crawl-data/CC-MAIN-2019-18/wet.paths.gz").write_bytes(gzip.compress(file.encode()))
    with serving(folder) as url:
        yield url


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


def read_only_folder(tmp_path: Path) -> Path:
    """A folder that this user cannot write to. Modes do not bind root, for whom it is one of the kernel's."""
    folder = tmp_path / "read_only"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o555)
    for candidate in (folder, Path("/sys/kernel")):
        try:
            (candidate / "probe").mkdir()
        except OSError:
            if candidate.is_dir():
                return candidate
        else:
            (candidate / "probe").rmdir()
    pytest.skip("this user can write everywhere, to /sys/kernel too")


@pytest.mark.parametrize("below", ["", "below"], ids=["the_folder", "below_it"])
@pytest.mark.parametrize("name", WRITING)
def test_a_read_only_output_is_one_line(root, tmp_path, capsys, name, below):
    command, output = COMMANDS[name], read_only_folder(tmp_path) / below
    line = ends_with_one_line(command.main, command.arguments(root, output), capsys)
    assert str(output) in line


# Command -> the folders of the fixture whose shards it reads by their manifest.
READS = {
    "c4_to_vocabulary": ("c4",),
    "c4_to_examples": ("c4",),
    "drop_near_duplicates": ("c4",),
    "find_contamination": ("c4", "tasks"),
    "find_url": ("c4",),
    "pretrain": ("examples",),
    "finetune": ("tasks",),
    "evaluate": ("tasks",),
    "compare_methods": ("tasks",),
    "search": ("c4", "tasks"),
}


@pytest.mark.parametrize(("name", "folder"), [(name, folder) for name in READS for folder in READS[name]])
def test_a_missing_shard_is_one_line_that_names_it(root, tmp_path, capsys, name, folder):
    copied, command = tmp_path / "root", COMMANDS[name]
    copied.mkdir()
    for entry in root.iterdir():
        if entry.name != folder:
            (copied / entry.name).symlink_to(entry)
    shutil.copytree(root / folder, copied / folder)
    splits = json.loads((copied / folder / "manifest.json").read_text())["splits"]
    lost = {shard["file"] for shards in splits.values() for shard in shards if shard["rows"]}
    for shard in lost:
        (copied / folder / shard).unlink()
    output = tmp_path / "out" if command.output else None
    line = ends_with_one_line(command.main, command.arguments(copied, output), capsys)
    assert any(shard in line for shard in lost), line
    assert output is None or not any(output.glob("*.json"))


@pytest.mark.parametrize("name", ["pretrain", "finetune", "compare_methods"])
def test_a_cache_that_cannot_be_written_to_is_one_line(root, tmp_path, capsys, monkeypatch, name):
    """Shards behind a URL go through the cache; here a plain file is in its place."""
    import fsspec

    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("C4PIPE_CACHE", str(tmp_path / "file" / "cache"))
    command = COMMANDS[name]
    (read,) = READS[name]
    memory, source = fsspec.filesystem("memory"), f"/{tmp_path.name}/{read}"
    memory.put(f"{root / read}/", f"{source}/", recursive=True)
    arguments = command.arguments(root, tmp_path / "out")
    remote = [argument.replace(f"{root}/{read}", f"memory:/{source}") for argument in arguments]
    assert remote != arguments
    assert f"{tmp_path}/file" in ends_with_one_line(command.main, remote, capsys)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_cache_of_downloads_that_cannot_be_written_to_is_one_line(tmp_path, capsys, monkeypatch):
    import urllib.request

    from c4pipe.corpus import assets
    from c4pipe.corpus.pinned_assets import REALNEWS

    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("C4PIPE_CACHE", str(tmp_path / "file" / "cache"))
    content = b'{"a.example": true}'
    monkeypatch.setattr(urllib.request, "urlopen", lambda *given, **named: io.BytesIO(content))
    monkeypatch.setattr(assets, "REALNEWS", replace(REALNEWS, sha256=hashlib.sha256(content).hexdigest()))
    flags = [
        "--input=a",
        "--variant=realnewslike",
        "--sentence_model=bundled",
        "--badwords=b",
        f"--output={tmp_path}/o",
    ]
    (tmp_path / "b").write_text("word\n")
    (tmp_path / "a.warc.wet.gz").write_bytes(b"")
    flags[0], flags[3] = f"--input={tmp_path}/a.warc.wet.gz", f"--badwords={tmp_path}/b"
    line = ends_with_one_line(wet_to_c4.main, flags, capsys)
    assert f"{tmp_path}/file" in line and "C4PIPE_CACHE" in line


@pytest.mark.parametrize("name", WRITING)
def test_a_folder_that_another_run_holds_is_one_line_that_names_it(root, tmp_path, capsys, name):
    output, command = tmp_path / "out", COMMANDS[name]
    with made_and_locked(str(output), "another_command"):
        line = ends_with_one_line(command.main, command.arguments(root, output), capsys)
        assert f"{output} is in use by another_command, process {os.getpid()} on " in line and "since" in line
        assert not any(path.suffix in (".json", ".arrow", ".gz") for path in output.iterdir() if path.name[0] != ".")

"""Commands in folders with other files: of another run, of a killed run, of the user."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_crawl import write_crawl, write_punkt

from c4pipe.command_line import run
from c4pipe.errors import UserError
from c4pipe.folders.output_folder import OutputFolder
from pipelines import c4_to_examples, c4_to_vocabulary, tasks_to_examples, wet_to_c4

ONE_PROCESS = ["--direct_running_mode=in_memory", "--direct_num_workers=1"]
COMMANDS: dict[str, Callable[..., int]] = {
    "wet_to_c4": wet_to_c4.main,
    "c4_to_vocabulary": c4_to_vocabulary.main,
    "c4_to_examples": c4_to_examples.main,
    "tasks_to_examples": tasks_to_examples.main,
}


@pytest.fixture(scope="module")
def flags(tmp_path_factory) -> dict[str, list[str]]:
    """What each command is given, its output apart."""
    folder = tmp_path_factory.mktemp("inputs")
    write_crawl(folder / "wet", num_files=1, pages_a_file=15)
    write_punkt(folder / "punkt")
    words = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]
    texts = [" ".join(words[n % 7 :: 3]) for n in range(60)]
    (folder / "text.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    tasks = [{"task": "mine", "inputs": text, "targets": words[n]} for n, text in enumerate(texts)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    text = f"--input={folder}/text.jsonl"
    vocabulary = [text, "--num_pieces=60", "--num_extra_ids=20"]
    assert c4_to_vocabulary.main([*vocabulary, f"--output={folder}/vocabulary", *ONE_PROCESS]) == 0
    made_with = f"--vocabulary={folder}/vocabulary"
    return {
        "wet_to_c4": [
            f"--input={folder}/wet/*.gz",
            "--variant=en.noblocklist",
            f"--sentence_model={folder}/punkt",
            "--max_quarantined_fraction=0.5",
        ],
        "c4_to_vocabulary": vocabulary,
        "c4_to_examples": [text, made_with, "--inputs_length=64"],
        "tasks_to_examples": [f"--input={folder}/tasks.jsonl", made_with],
    }


@contextmanager
def at_work(main: Callable[..., int], arguments: list[str]) -> Iterator[int]:
    """The process of a run that has opened its folder and stands still there; killed at the end."""
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        begin = OutputFolder._begin

        def stand_still(folder: OutputFolder) -> None:
            begin(folder)
            os.write(tell, b"x")
            signal.pause()

        OutputFolder._begin = stand_still  # type: ignore[method-assign]
        try:
            main(arguments)
        finally:
            os._exit(1)
    os.close(tell)
    assert os.read(ready, 1) == b"x"
    os.close(ready)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("report.")
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_the_second_run_ends_with_one_line_and_takes_over_what_a_killed_one_held(flags, tmp_path, capsys, command):
    main = COMMANDS[command]
    arguments = [*flags[command], f"--output={tmp_path}/out", *ONE_PROCESS]
    with at_work(main, arguments) as first:
        before = tree(tmp_path / "out")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run(lambda: main(arguments))
        said = capsys.readouterr().err.splitlines()
        lines = [line for line in said if not line.startswith("notice:")]
        assert ended.value.code == 2 and len(lines) == 1
        assert f"in use by {command}, process {first} on " in lines[0] and "since 20" in lines[0]
        assert tree(tmp_path / "out") == before
    assert main(arguments) == 0
    assert main([*arguments[:-3], f"--output={tmp_path}/undisturbed", *ONE_PROCESS]) == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "undisturbed")


# A name that each command writes, and the folder that it works in.
CLASHES = [
    ("wet_to_c4", "report.json"),
    ("wet_to_c4", "c4-train.00000-of-00001.json.gz"),
    ("c4_to_vocabulary", "spiece.model"),
    ("c4_to_vocabulary", "tokenizer.json"),
    ("c4_to_examples", "spiece.model"),
    ("c4_to_examples", "train-00000-of-00001.arrow"),
    ("tasks_to_examples", "report.json"),
    ("tasks_to_examples", "spiece.model"),
    ("tasks_to_examples", "mine-train-00000-of-00001.arrow"),
    ("wet_to_c4", "work/notes.txt"),
    ("c4_to_vocabulary", ".work/notes.txt"),
    ("c4_to_examples", ".work/notes.txt"),
    ("tasks_to_examples", ".work/notes.txt"),
]


@pytest.mark.parametrize(("command", "name"), CLASHES, ids=["-".join(clash).replace("/", "-") for clash in CLASHES])
def test_a_users_file_of_a_name_that_would_be_written_stays_and_is_named(flags, tmp_path, command, name):
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    arguments = [*flags[command], f"--output={tmp_path}/out", *ONE_PROCESS]
    for more in ([], ["--overwrite"]):
        with pytest.raises(UserError, match=re.escape(name.split("/")[0])):
            COMMANDS[command]([*arguments, *more])
        assert path.read_text() == "mine"


def test_files_of_other_names_stay_beside_the_shards(flags, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    # What the package datasets calls its own shards.
    (output / "data-00000-of-00001.arrow").write_text("mine")
    arguments = [*flags["tasks_to_examples"], f"--output={output}", *ONE_PROCESS]
    assert tasks_to_examples.main(arguments) == 0
    assert tasks_to_examples.main([*arguments, "--inputs_length=20", "--overwrite"]) == 0
    assert (output / "data-00000-of-00001.arrow").read_text() == "mine"

"""generate reads a file and writes a file, whole or not at all; what is drawn depends on line and seed alone."""

import json

import pytest

from c4pipe.errors import UserError
from model import generate
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints.hugging_face_export import export
from model.generation import output_file

CONFIG = ModelConfig(vocabulary_size=256, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)
TEXTS = ["bado fige: the house", "gu ko lamo rinu", "", "sebu", "sebu"]


@pytest.fixture(scope="module")
def folder(vocabulary, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("model") / "source")
    export(path, CONFIG, build_model(CONFIG, seed=5).state_dict(), vocabulary)
    return path


@pytest.fixture
def command(folder, tmp_path):
    (tmp_path / "in.txt").write_text("".join(text + "\n" for text in TEXTS))
    out = tmp_path / "out.txt"
    flags = [f"--checkpoint={folder}", f"--input={tmp_path / 'in.txt'}", "--max_length=8", "--device=cpu"]
    return [*flags, f"--output={out}"], out


def test_a_file_has_the_lines_of_standard_output(folder, command, capsys):
    flags, out = command
    assert generate.main([*flags, "--dry_run"]) == 0
    assert "would read the lines of" in capsys.readouterr().out and not out.exists()
    assert generate.main(flags) == 0
    assert "5 texts" in capsys.readouterr().out.splitlines()[-1]
    assert generate.main([f"--checkpoint={folder}", "--max_length=8", "--device=cpu", *TEXTS]) == 0
    assert capsys.readouterr().out == out.read_text()
    assert len(out.read_text().splitlines()) == len(TEXTS)


def test_the_same_command_does_nothing_and_another_is_refused(command, capsys):
    flags, out = command
    generate.main(flags)
    written, when = out.read_bytes(), out.stat().st_mtime_ns
    assert generate.main(flags) == 0 and "nothing to do" in capsys.readouterr().out
    assert generate.main([*flags, "--dry_run"]) == 0 and "nothing would be done" in capsys.readouterr().out
    assert out.stat().st_mtime_ns == when
    with pytest.raises(UserError, match="other num_beams"):
        generate.main([*flags, "--num_beams=2"])
    assert out.read_bytes() == written
    assert generate.main([*flags, "--num_beams=2", "--overwrite"]) == 0
    assert json.loads((out.parent / "out.txt.json").read_text())["settings"]["num_beams"] == 2
    out.write_text("changed\n")
    with pytest.raises(UserError, match="not as it was written"):
        generate.main([*flags, "--num_beams=2"])


def test_a_file_of_others_is_refused_before_anything_is_generated(command):
    flags, out = command
    out.write_text("mine\n")
    with pytest.raises(UserError, match="does not say what it was made from"):
        generate.main(flags)
    assert out.read_text() == "mine\n"


def test_a_run_that_fails_leaves_nothing_and_can_be_repeated(command, monkeypatch):
    flags, out = command

    def full(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(output_file.files, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            generate.main(flags)
    assert [path.name for path in out.parent.iterdir()] == ["in.txt"]
    assert generate.main(flags) == 0


def test_drawn_lines_do_not_depend_on_the_batch(command, capsys):
    flags, out = command
    drawn = [*flags, "--temperature=1.5", "--top_k=100", "--top_p=0.95", "--seed=3", "--overwrite"]
    generate.main(drawn)
    first = out.read_text()
    generate.main([*drawn, "--batch_size=1"])
    assert out.read_text() == first
    lines = first.splitlines()
    assert lines[3] != lines[4], "equal lines draw on their own"
    generate.main([*drawn[:-2], "--seed=4", "--overwrite"])
    assert out.read_text() != first


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--temperature=0"], "--temperature is 0"),
        (["--temperature=nan"], "--temperature is nan"),
        (["--top_k=0"], "--top_k is 0"),
        (["--top_p=1.5"], "--top_p is 1.5"),
        (["--top_k=5", "--num_beams=4"], "nothing can be drawn"),
        (["--overwrite"], "--output"),
        (["text", "--input=in.txt"], "--input too"),
        (["--input=nowhere.txt"], "nowhere.txt"),
    ],
)
def test_mistakes_are_errors(folder, flags, message):
    with pytest.raises(UserError, match=message):
        generate.main([f"--checkpoint={folder}", *flags])


def test_a_file_that_is_not_utf_8_is_an_error(command):
    flags, out = command
    (out.parent / "in.txt").write_bytes(b"abc\xff\n")
    with pytest.raises(UserError, match="not UTF-8"):
        generate.main(flags)

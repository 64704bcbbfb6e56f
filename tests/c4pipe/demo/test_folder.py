"""The demo removes only files that a demo made; its dry run changes nothing."""

import sys
from pathlib import Path

import pytest

from c4pipe.demo import __main__ as demo
from c4pipe.demo import run
from c4pipe.errors import UserError

WRITE = """
import pathlib, sys
path = pathlib.Path(sys.argv[1])
path.parent.mkdir(exist_ok=True)
path.write_text("ours")
"""


@pytest.fixture(autouse=True)
def small_stages(monkeypatch):
    """Two stages that write one file each, in place of the real ones."""

    def stages(plan, output):
        return {
            name: [sys.executable, "-c", WRITE, f"{output}/{name}/{plan.steps}.txt"] for name in ("c4", "vocabulary")
        }

    monkeypatch.setattr(run, "stages", stages)
    monkeypatch.setattr(run, "summary", lambda output, seconds: f"{len(seconds)} stages")


def tree(path: Path) -> dict[str, bytes | None]:
    return {
        str(entry.relative_to(path)): entry.read_bytes() if entry.is_file() else None
        for entry in sorted(path.rglob("*"))
    }


def test_another_plan_starts_again_and_its_dry_run_only_says_so(tmp_path, capsys):
    assert demo.main([f"--output={tmp_path}", "--steps=4"]) == 0
    assert sorted(tree(tmp_path)) == ["c4", "c4/4.txt", "demo.json", "vocabulary", "vocabulary/4.txt"]
    before = tree(tmp_path)
    capsys.readouterr()
    assert demo.main([f"--output={tmp_path}", "--steps=8", "--dry_run"]) == 0
    assert "would be removed" in capsys.readouterr().out
    assert tree(tmp_path) == before
    assert demo.main([f"--output={tmp_path}", "--steps=8"]) == 0
    assert sorted(tree(tmp_path)) == ["c4", "c4/8.txt", "demo.json", "vocabulary", "vocabulary/8.txt"]


def test_a_dry_run_makes_no_folder(tmp_path):
    assert demo.main([f"--output={tmp_path}/new", "--dry_run"]) == 0
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("more", [[], ["--dry_run"]], ids=["run", "dry_run"])
def test_a_users_file_in_a_folder_of_the_demo_stays(tmp_path, more):
    (tmp_path / "c4").mkdir()
    (tmp_path / "c4" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"did not make.*c4/notes\.txt"):
        demo.main([f"--output={tmp_path}", "--steps=4", *more])
    assert tree(tmp_path) == {"c4": None, "c4/notes.txt": b"mine"}


def test_a_users_file_beside_the_files_of_another_demo_stays(tmp_path):
    assert demo.main([f"--output={tmp_path}", "--steps=4"]) == 0
    (tmp_path / "c4" / "notes.txt").write_text("mine")
    # The same demo again does not take it for its own.
    assert demo.main([f"--output={tmp_path}", "--steps=4"]) == 0
    before = tree(tmp_path)
    with pytest.raises(UserError, match=r"c4/notes\.txt"):
        demo.main([f"--output={tmp_path}", "--steps=8"])
    assert tree(tmp_path) == before


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "victim.txt").write_text("mine")
    output = tmp_path / "demo"
    assert demo.main([f"--output={output}", "--steps=4"]) == 0
    (output / "c4" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="c4/link"):
        demo.main([f"--output={output}", "--steps=8"])
    assert (tmp_path / "elsewhere" / "victim.txt").read_text() == "mine"

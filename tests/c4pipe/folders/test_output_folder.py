"""An output folder is locked, finished or not, and loses nothing that is not ours."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from c4pipe.errors import HandedOver, UserError
from c4pipe.folders.lock import HOLDER_FILE, LOCK_FILE, locked
from c4pipe.folders.output_folder import MARKER, OutputFolder
from c4pipe.folders.results import ManifestResult, SettingsResult
from c4pipe.folders.work_folder import MARK, WorkFolder
from c4pipe.shards import files, manifest
from c4pipe.shards.manifest import Manifest, Shard

SHARD = "train-00000-of-00001.arrow"
NAMES = (SHARD, "spiece.model", "report.json")


def folder_of(path: Path, seed: int = 0, **more) -> OutputFolder:
    result = ManifestResult("make_things", "examples", {"seed": seed}, NAMES)
    return OutputFolder(str(path), result, work=WorkFolder(str(path / ".work")), **more)


def make(folder: OutputFolder, text: bytes = b"rows") -> None:
    path = Path(folder.path)
    with folder.opened():
        (path / SHARD).write_bytes(text)
        (path / "spiece.model").write_bytes(b"pieces")
        shard = Shard(SHARD, 1, len(text), "0" * 64)
        folder.commit_manifest(Manifest("examples", {"train": (shard,)}, folder.result.settings))


def tree(path: Path) -> dict[str, bytes | None]:
    return {
        str(entry.relative_to(path)): entry.read_bytes() if entry.is_file() else None
        for entry in sorted(path.rglob("*"))
    }


def test_a_folder_is_made_once_and_then_finished(tmp_path):
    make(folder_of(tmp_path / "new"))
    assert sorted(tree(tmp_path / "new")) == ["manifest.json", "spiece.model", SHARD]
    assert folder_of(tmp_path / "new").is_finished()
    assert not folder_of(tmp_path / "new", overwrite=True).is_finished()


def test_another_result_is_refused_and_replaced_only_when_told(tmp_path):
    make(folder_of(tmp_path))
    with pytest.raises(UserError, match="seed is 0, this command asks for 1"):
        folder_of(tmp_path, seed=1).is_finished()
    (tmp_path / "notes.txt").write_text("mine")
    make(folder_of(tmp_path, seed=1, overwrite=True), b"others")
    assert (tmp_path / SHARD).read_bytes() == b"others" and (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_folder_with_a_missing_or_cut_shard_is_not_finished(tmp_path, damage):
    make(folder_of(tmp_path))
    (tmp_path / SHARD).unlink() if damage == "gone" else (tmp_path / SHARD).write_bytes(b"row")
    with pytest.raises(UserError, match=f"no longer whole.*{SHARD}"):
        folder_of(tmp_path).is_finished()
    make(folder_of(tmp_path, overwrite=True))
    assert folder_of(tmp_path).is_finished()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_users_file_of_a_clashing_name_stays_and_is_listed(tmp_path, name, overwrite):
    (tmp_path / name).write_text("mine")
    with (
        pytest.raises(UserError, match=f"no run of c4pipe has written there: {name}"),
        folder_of(tmp_path, overwrite=overwrite).opened(),
    ):
        pass
    assert tree(tmp_path) == {name: b"mine"}


@pytest.mark.parametrize("name", ["../victim.txt", "/tmp/victim.txt", "a/../../victim.txt", ".."])
def test_a_manifest_that_names_files_outside_removes_nothing(tmp_path, name):
    output = tmp_path / "output"
    make(folder_of(output))
    (tmp_path / "victim.txt").write_text("mine")
    content = json.loads((output / "manifest.json").read_text())
    content["splits"]["train"][0]["file"] = str(tmp_path / "victim.txt") if name.startswith("/") else name
    (output / "manifest.json").write_text(json.dumps(content))
    before = tree(tmp_path)
    with pytest.raises(UserError, match=r"victim|inside|names"), folder_of(output, overwrite=True).opened():
        pass
    assert tree(tmp_path) == before


def test_a_link_in_place_of_a_shard_is_refused_and_its_target_stays(tmp_path):
    output = tmp_path / "output"
    make(folder_of(output))
    (tmp_path / "victim.txt").write_text("mine")
    (output / SHARD).unlink()
    (output / SHARD).symlink_to(tmp_path / "victim.txt")
    with pytest.raises(UserError, match=SHARD), folder_of(output, overwrite=True).opened():
        pass
    assert (output / SHARD).is_symlink() and (tmp_path / "victim.txt").read_text() == "mine"


def test_a_work_folder_of_the_users_stays(tmp_path):
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"\.work is not a work folder of c4pipe"), folder_of(tmp_path).opened():
        pass
    assert tree(tmp_path) == {".work": None, ".work/notes.txt": b"mine"}
    WorkFolder(str(tmp_path / ".work")).remove()
    assert (tmp_path / ".work" / "notes.txt").read_text() == "mine"


def test_a_link_in_place_of_the_work_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / ".work").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="not a work folder"), folder_of(tmp_path / "output").opened():
        pass
    assert (tmp_path / "elsewhere").is_dir()


def test_only_the_same_run_continues_an_unfinished_one(tmp_path):
    with pytest.raises(RuntimeError), folder_of(tmp_path).opened():
        (tmp_path / SHARD).write_bytes(b"half of it")
        (tmp_path / ".work" / "done").write_text("")
        raise RuntimeError("stopped")
    marker = json.loads((tmp_path / MARKER).read_text())
    assert marker["by"]["command"] == "make_things" and marker["by"]["process"] == os.getpid()
    assert not folder_of(tmp_path).is_finished()
    with (
        pytest.raises(UserError, match=f"an unfinished run with other settings .{SHARD}"),
        folder_of(tmp_path, seed=1).opened(),
    ):
        pass
    with folder_of(tmp_path).opened():
        assert (tmp_path / SHARD).read_bytes() == b"half of it" and (tmp_path / ".work" / "done").exists()
    with folder_of(tmp_path, seed=1, overwrite=True).opened():
        assert not (tmp_path / SHARD).exists()


def test_the_report_of_a_run_that_refused_its_input_is_replaced(tmp_path):
    with pytest.raises(UserError), folder_of(tmp_path).opened():
        (tmp_path / "report.json").write_text("why not")
        raise UserError("too many bad records")
    with folder_of(tmp_path, seed=1).opened():
        assert not (tmp_path / "report.json").exists()


def test_a_run_that_ends_before_it_wrote_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), folder_of(tmp_path / "new").opened():
        raise RuntimeError("stopped")
    assert not (tmp_path / "new").exists()


def test_a_run_whose_work_goes_on_elsewhere_leaves_marker_and_work(tmp_path):
    with pytest.raises(HandedOver), folder_of(tmp_path / "new").opened():
        raise HandedOver("a service does the rest")
    assert sorted(tree(tmp_path / "new")) == [".work", f".work/{MARK}", MARKER]
    make(folder_of(tmp_path / "new"))
    assert sorted(tree(tmp_path / "new")) == ["manifest.json", "spiece.model", SHARD]


def test_only_temporaries_of_our_own_names_are_removed(tmp_path):
    ours, others = f"{SHARD}.0123abcd.incomplete", "download.incomplete"
    with pytest.raises(RuntimeError), folder_of(tmp_path).opened():
        (tmp_path / SHARD).write_bytes(b"whole")
        (tmp_path / ours).write_bytes(b"half")
        raise RuntimeError("killed")
    (tmp_path / others).write_text("mine")
    with folder_of(tmp_path).opened():
        assert not (tmp_path / ours).exists() and (tmp_path / others).read_text() == "mine"


def test_names_claimed_later_are_looked_at_then(tmp_path):
    (tmp_path / "sst2-train-00000-of-00001.arrow").write_text("mine")
    with folder_of(tmp_path).opened() as folder:
        with pytest.raises(UserError, match="sst2-train"):
            folder.claim(["sst2-train-00000-of-00001.arrow"])
        folder.claim(["cola-train-00000-of-00001.arrow"])
        (tmp_path / "cola-train-00000-of-00001.arrow").write_text("ours")
    with folder_of(tmp_path).opened() as folder:
        folder.claim(["cola-train-00000-of-00001.arrow"])
    assert (tmp_path / "sst2-train-00000-of-00001.arrow").read_text() == "mine"


def test_leftovers_of_a_run_killed_after_its_record_are_removed_by_the_next(tmp_path, capsys):
    folder = folder_of(tmp_path)
    with folder.opened():
        (tmp_path / SHARD).write_bytes(b"rows")
        (tmp_path / "spiece.model").write_bytes(b"pieces")
        shard = Shard(SHARD, 1, 4, "0" * 64)
        manifest.write(str(tmp_path), Manifest("examples", {"train": (shard,)}, {"seed": 0}))
    assert (tmp_path / MARKER).exists() and (tmp_path / ".work" / MARK).exists()
    assert folder_of(tmp_path).is_finished()
    assert folder_of(tmp_path).is_answered(False, str)
    assert "nothing to do" in capsys.readouterr().out
    assert sorted(tree(tmp_path)) == ["manifest.json", "spiece.model", SHARD]


def test_a_dry_run_changes_nothing_and_refuses_like_the_run(tmp_path):
    make(folder_of(tmp_path))
    before = tree(tmp_path)
    assert "nothing would be done" in folder_of(tmp_path).outlook(lambda: "an estimate")
    assert folder_of(tmp_path, overwrite=True).outlook(lambda: "an estimate") == "an estimate"
    with pytest.raises(UserError, match="another result"):
        folder_of(tmp_path, seed=1).outlook(lambda: "an estimate")
    assert folder_of(tmp_path / "new").outlook(lambda: "an estimate") == "an estimate"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("below", ["", "below"])
def test_a_plain_file_in_place_of_the_folder_is_one_line(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot write to"), folder_of(tmp_path / "file" / below).opened():
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_a_record_of_settings_vouches_for_its_files_alone(tmp_path):
    def of(beams: int, **more) -> OutputFolder:
        return OutputFolder(
            str(tmp_path), SettingsResult("judge", "metrics.json", {"beams": beams}, ("lines.jsonl",)), **more
        )

    (tmp_path / "metrics.json").write_text('{"loss": 1}')
    with pytest.raises(UserError, match=r"metrics\.json was not written by judge"):
        of(1).is_finished()
    with pytest.raises(UserError, match=r"metrics\.json was not written by judge"), of(1, overwrite=True).opened():
        pass
    (tmp_path / "metrics.json").unlink()
    with of(1).opened() as folder:
        (tmp_path / "lines.jsonl").write_text("")
        folder.commit(json.dumps({"settings": {"beams": 1}, "version": "1"}).encode())
    assert of(1).is_finished()
    with pytest.raises(UserError, match="other beams"):
        of(2).is_finished()
    with of(2, overwrite=True).opened():
        assert not (tmp_path / "metrics.json").exists() and not (tmp_path / "lines.jsonl").exists()


HOLD = """
import sys, time
from c4pipe.folders.lock import locked
with locked(sys.argv[1], "hold_it"):
    print("locked", flush=True)
    time.sleep(3600)
"""


def hold(folder: Path) -> subprocess.Popen:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "locked\n"
    return holder


def test_a_second_process_learns_who_holds_the_folder_until_that_is_killed(tmp_path):
    holder = hold(tmp_path)
    try:
        told = rf"in use by hold_it, process {holder.pid} on .*, since 20"
        with pytest.raises(UserError, match=told), locked(str(tmp_path), "me"):
            pass
    finally:
        holder.kill()
        holder.wait()
    assert (tmp_path / LOCK_FILE).exists()
    with locked(str(tmp_path), "me"):
        assert json.loads((tmp_path / HOLDER_FILE).read_text())["command"] == "me"
    assert tree(tmp_path) == {}


def test_a_forked_child_does_not_hold_the_folder_when_its_parent_is_gone(tmp_path):
    is_forked, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with locked(str(tmp_path), "parent"):
                grandchild = os.fork()
                if grandchild == 0:
                    os.write(tell, b"x")
                    time.sleep(3600)
                os.read(is_forked, 1)  # before it runs, the grandchild still has the files of its parent
                (tmp_path / "grandchild").write_text(str(grandchild))
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.close(is_forked)
    os.close(tell)
    os.waitpid(child, 0)
    try:
        with locked(str(tmp_path), "me"):
            pass
    finally:
        os.kill(int((tmp_path / "grandchild").read_text()), signal.SIGKILL)


def test_a_planted_link_in_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "victim.txt").write_text("mine")
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / LOCK_FILE).symlink_to(tmp_path / "victim.txt")
    with pytest.raises(UserError, match="cannot write"), locked(str(tmp_path / "output"), "me"):
        pass
    assert (tmp_path / "victim.txt").read_text() == "mine"


def test_a_file_system_without_locks_costs_one_notice(tmp_path, monkeypatch, capsys):
    import errno

    from filelock import FileLock

    def refuse(*args, **kwargs):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with locked(str(tmp_path), "me"):
        pass
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_may_not_be_written_to_is_one_line(tmp_path, monkeypatch):
    import errno

    from filelock import FileLock

    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(UserError, match=r"cannot write to .*Read-only"), locked(str(tmp_path), "me"):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each kill is of a forked process")
def test_a_kill_at_any_change_of_a_file_while_a_folder_is_overwritten_leaves_what_is_taken_up(tmp_path, monkeypatch):
    for number in range(100):
        path = tmp_path / f"{number}"
        make(folder_of(path))
        (path / "notes.txt").write_text("mine")
        before = tree(path)
        if (status := _killed_at(number, lambda: make(folder_of(path, seed=1, overwrite=True), b"others"))) == 0:  # noqa: B023
            break
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if (path / "manifest.json").exists():
            result = manifest.read(str(path)).settings["seed"]
            assert (path / SHARD).read_bytes() == (b"rows", b"others")[result]
            assert result == 1 or {name: tree(path).get(name) for name in before} == before
        make(folder_of(path, seed=1, overwrite=True), b"others")
        assert sorted(tree(path)) == ["manifest.json", "notes.txt", "spiece.model", SHARD]
        assert folder_of(path, seed=1).is_finished() and (path / SHARD).read_bytes() == b"others"
    assert number >= 8  # lock, marker, four files removed, marker, record, marker removed


def _killed_at(number: int, work) -> int:
    """The status of a process that does the work, and kills itself with -9 before change `number` of a file."""
    if (child := os.fork()) == 0:
        changes = iter(range(number))

        def dying(change):
            def changed(*values):
                if next(changes, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                return change(*values)

            return changed

        files.write_bytes, files.remove = dying(files.write_bytes), dying(files.remove)
        try:
            work()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    return os.waitpid(child, 0)[1]

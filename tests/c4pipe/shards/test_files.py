"""Files are written whole or not at all; locks and work folders belong to the user."""

import os
import stat

import pytest

from c4pipe.errors import UserError
from c4pipe.shards import files


def test_a_lock_is_made_and_an_old_one_is_opened_as_it_is(tmp_path):
    path = tmp_path / "lock"
    with files.open_lock(str(path)) as lock:
        lock.write(b"mine")
    with files.open_lock(str(path)) as lock:
        assert lock.read() == b"mine"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_lock_is_never_opened_through_a_link(tmp_path):
    marker = tmp_path / "marker.txt"
    marker.write_text("stays")
    (tmp_path / "lock").symlink_to(marker)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    for name in ("lock", "dangling"):
        with pytest.raises(UserError, match="is a link"):
            files.open_lock(str(tmp_path / name))
    assert marker.read_text() == "stays"
    assert not (tmp_path / "nothing").exists()


def test_a_lock_that_is_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(UserError, match="not a file"):
        files.open_lock(str(tmp_path / "lock"))


def test_a_temporary_file_is_never_written_through_a_link(tmp_path, monkeypatch):
    marker = tmp_path / "marker.txt"
    marker.write_text("stays")
    monkeypatch.setattr(files.uuid, "uuid4", lambda: type("Known", (), {"hex": "0" * 32}))
    (tmp_path / f"out.txt.00000000{files.TEMPORARY_SUFFIX}").symlink_to(marker)
    with pytest.raises(FileExistsError):
        files.write_bytes(str(tmp_path / "out.txt"), b"content")
    assert marker.read_text() == "stays"


def test_a_written_file_replaces_a_link_and_not_its_target(tmp_path):
    marker = tmp_path / "marker.txt"
    marker.write_text("stays")
    (tmp_path / "out.txt").symlink_to(marker)
    files.write_bytes(str(tmp_path / "out.txt"), b"content")
    assert marker.read_text() == "stays"
    assert (tmp_path / "out.txt").read_bytes() == b"content"


def test_a_folder_of_work_is_private(tmp_path):
    folder = tmp_path / "above" / "work"
    files.make_private_folder(str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o777)
    files.make_private_folder(str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_of_work_of_another_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(files.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UserError, match="belongs to another user"):
        files.make_private_folder(str(tmp_path / "work"))


def test_a_folder_of_work_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is not a folder"):
        files.make_private_folder(str(tmp_path / "work"))


def test_a_file_that_a_storage_service_refuses_is_not_called_missing(monkeypatch):
    """s3fs raises a PermissionError without a number; c4pipe.outside says which credentials are needed."""

    class Refusing:
        def open(self, path, mode):
            raise PermissionError("Forbidden")

    monkeypatch.setattr(files, "file_system", lambda url: (Refusing(), url))
    with pytest.raises(PermissionError, match="Forbidden"):
        files.open_for_reading("s3://bucket/a.gz")


def test_a_local_file_that_may_not_be_read_is_one_line(monkeypatch, tmp_path):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UserError, match=r"cannot read .*a\.gz: Permission denied"):
        files.open_for_reading(str(tmp_path / "a.gz"))

"""Locks and work folders do not follow links, and must belong to the user."""

import os
import stat

import pytest

from c4pipe.errors import UserError
from c4pipe.folders.lock import HOLDER_FILE, LOCK_FILE, locked
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import files


@pytest.mark.parametrize("name", [LOCK_FILE, HOLDER_FILE])
def test_what_a_planted_link_leads_to_stays(tmp_path, name):
    marker, folder = tmp_path / "marker.txt", tmp_path / "out"
    marker.write_text("stays")
    folder.mkdir()
    (folder / name).symlink_to(marker)
    try:
        with locked(str(folder), "a command"):
            pass
    except UserError as error:
        assert "\n" not in str(error)
    assert marker.read_text() == "stays"


def test_a_work_folder_is_private(tmp_path):
    work = WorkFolder(str(tmp_path / "work"))
    work.open("a command", "a run")
    assert stat.S_IMODE((tmp_path / "work").stat().st_mode) == 0o700


def test_a_work_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    work = WorkFolder(str(tmp_path / "work"))
    work.open("a command", "a run")
    monkeypatch.setattr(files.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(UserError, match="belongs to another user"):
        work.open("a command", "a run")

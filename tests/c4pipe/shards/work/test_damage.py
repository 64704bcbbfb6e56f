"""A work file is what was written, or is said to be damaged: every flipped bit, every cut."""

import random

import numpy as np
import pytest

from c4pipe.shards.work import key_files, work_files
from c4pipe.shards.work.frames import DamagedWorkFile, FramesWriter, read_frames
from c4pipe.shards.work.work_files import CleanedPage

KEY = np.dtype([("line", ">u8", 2), ("row", "<u4")])
NUM_PARTS = 16


def write_pages(path):
    words = [f"page {number} {'word ' * (number % 40)}" for number in range(300)]
    pages = [
        CleanedPage(number, f"http://{number}.example", "2019", text, "", "", number, number, [1, 2, 3], ["more"], "en")
        for number, text in enumerate(words)
    ]
    with work_files.PagesWriter(str(path), work_files.CLEANED) as writer:
        for first in range(0, 300, 100):
            writer.write(pages[first : first + 100])


def read_pages(path):
    return list(work_files.read_pages(str(path), CleanedPage))


def write_keys(path):
    draw = np.random.default_rng(5)
    keys = np.zeros(500, KEY)
    keys["line"], keys["row"] = draw.integers(0, 1 << 63, (500, 2)), np.arange(500)
    key_files.write_key_file(str(path), keys, draw.integers(0, NUM_PARTS - 2, 500), NUM_PARTS, KEY)


def read_keys(path):
    parts = [key_files.read_parts(str(path), first, first + 4, KEY).tobytes() for first in range(0, NUM_PARTS, 4)]
    return parts, key_files.count_rows(str(path), KEY)


def write_record(path):
    work_files.write_record(str(path), "inputs and settings", {"rows": 3, "summary": {"counters": {"wet-file": 1}}})


def read_record(path):
    found = work_files.read_record(str(path))
    if found is None:
        raise DamagedWorkFile(str(path), "no record")
    return found


KINDS = {
    "cleaned pages": (write_pages, read_pages),
    "keys": (write_keys, read_keys),
    "a record": (write_record, read_record),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_is_seen(tmp_path, kind):
    write, read = KINDS[kind]
    path = tmp_path / "file"
    write(path)
    content = path.read_bytes()
    right = read(path)
    draw = random.Random(7)
    ends = [*range(0, min(64, len(content))), *range(max(0, len(content) - 96), len(content))]
    silent = []
    for place in [*ends, *(draw.randrange(len(content)) for _ in range(400))]:
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        try:
            read(path)
        except DamagedWorkFile as error:
            assert "\n" not in str(error)
        else:
            silent.append(place)
    assert silent == []
    path.write_bytes(content)
    assert read(path) == right


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_and_every_longer_file_is_seen(tmp_path, kind):
    write, read = KINDS[kind]
    path = tmp_path / "file"
    write(path)
    content = path.read_bytes()
    draw = random.Random(8)
    for length in [0, 1, 7, 8, 20, len(content) - 1, *(draw.randrange(len(content)) for _ in range(50))]:
        path.write_bytes(content[:length])
        with pytest.raises(DamagedWorkFile):
            read(path)
    if kind != "keys":  # whose rows are counted from the front, so that what is behind them is not read
        path.write_bytes(content + b"x")
        with pytest.raises(DamagedWorkFile):
            read(path)
    path.unlink()
    with pytest.raises(DamagedWorkFile):
        read(path)


def test_whole_files_are_distinguished_from_damaged_ones(tmp_path):
    pages, keys = tmp_path / "pages", tmp_path / "keys"
    write_pages(pages)
    write_keys(keys)
    assert work_files.is_whole(str(pages)) and key_files.is_whole(str(keys), KEY)
    for path in (pages, keys):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    assert not work_files.is_whole(str(pages)) and not key_files.is_whole(str(keys), KEY)
    assert not work_files.is_whole(str(tmp_path / "gone")) and not key_files.is_whole(str(tmp_path / "gone"), KEY)


def test_frames_are_read_alone_and_in_any_order(tmp_path):
    path = str(tmp_path / "frames")
    with FramesWriter(path) as writer:
        assert [writer.write(frame) for frame in (b"one", b"", b"three")] == [0, 1, 2]
    assert list(read_frames(path)) == [b"one", b"", b"three"]
    assert list(read_frames(path, [2, 0])) == [b"three", b"one"]


def test_key_files_are_read_part_by_part(tmp_path):
    write_keys(tmp_path / "keys")
    path = str(tmp_path / "keys")
    whole = key_files.read_parts(path, 0, NUM_PARTS, KEY)
    parts = [key_files.read_parts(path, number, number + 1, KEY) for number in range(NUM_PARTS)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert len(whole) == 500 and not len(parts[-1])

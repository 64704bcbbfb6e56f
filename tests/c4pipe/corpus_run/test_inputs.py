"""The files that a run reads, in any spelling, and the files that it refuses before any work."""

import gzip

import pytest

from c4pipe.corpus_run.inputs import list_inputs, refuse_other_files
from c4pipe.errors import UserError
from c4pipe.shards import files

CRAWL_PATH = "crawl-data/CC-MAIN-2019-18/segments/1/wet/{}.warc.wet.gz"


def record(kind: str, version: str = "WARC/1.0") -> bytes:
    lines = [version, f"WARC-Type: {kind}", "WARC-Target-URI: http://a.example/", "Content-Length: 5", "", "Text."]
    return "\r\n".join([*lines, "", ""]).encode()


def paths(*arguments, **keywords) -> list[str]:
    return [file.path for file in list_inputs(*arguments, **keywords)]


def write(folder, **contents: bytes) -> None:
    for name, content in contents.items():
        (folder / f"{name}.wet").write_bytes(content)


def test_a_folder_hints_at_a_glob(tmp_path):
    with pytest.raises(UserError, match=rf"^{tmp_path} is a folder; name the files in it by a glob, such as '.*/\*'"):
        list_inputs(str(tmp_path), None)


@pytest.mark.parametrize("name", ["a,b.wet", "[1].wet", "a*,[b].wet"])
def test_a_file_of_the_literal_name_is_meant(tmp_path, name):
    write(tmp_path, a=b"", b=b"")
    (tmp_path / name).write_bytes(b"")
    assert paths(str(tmp_path / name), None) == [str(tmp_path / name)]


def test_a_comma_in_a_path_is_escaped(tmp_path):
    folder = tmp_path / "a,b"
    folder.mkdir()
    write(folder, one=b"", two=b"")
    write(tmp_path, other=b"")
    escaped = str(folder).replace(",", "\\,")
    assert paths(f"{escaped}/*.wet,{tmp_path}/other.wet", None) == [
        str(folder / "one.wet"),
        str(tmp_path / "other.wet"),
        str(folder / "two.wet"),
    ]
    with pytest.raises(UserError, match=r"write a comma in a path as \\,"):
        list_inputs(f"{folder}/*.wet", None)


def test_a_list_may_be_gzip_and_its_paths_may_lie_below_a_url(tmp_path):
    listed = "\n".join(CRAWL_PATH.format(name) for name in "ba").encode() + b"\n"
    (tmp_path / "wet.paths.gz").write_bytes(gzip.compress(listed, mtime=0))
    expected = [f"https://data.example/{CRAWL_PATH.format(name)}" for name in "ab"]
    for base in ("https://data.example", "https://data.example/"):
        assert paths(None, str(tmp_path / "wet.paths.gz"), base) == expected
    with pytest.raises(UserError, match=r"is missing; .*--base_url=URL reads it from URL/crawl-data/"):
        list_inputs(None, str(tmp_path / "wet.paths.gz"))


def test_files_beside_the_list_are_not_downloaded(tmp_path):
    (tmp_path / "wet.paths").write_text(CRAWL_PATH.format("a") + "\n")
    (tmp_path / "a.warc.wet.gz").write_bytes(b"")
    assert paths(None, str(tmp_path / "wet.paths"), "https://data.example") == [str(tmp_path / "a.warc.wet.gz")]


def test_a_damaged_list_and_a_base_without_a_list_are_errors(tmp_path):
    (tmp_path / "wet.paths.gz").write_bytes(gzip.compress(b"a\n", mtime=0)[:-3])
    with pytest.raises(UserError, match=r"wet.paths.gz is damaged .* copy it again"):
        list_inputs(None, str(tmp_path / "wet.paths.gz"))
    with pytest.raises(UserError, match="--base_url needs --input_list"):
        list_inputs("*.wet", None, "https://data.example")


def test_files_of_which_none_begins_as_a_wet_file_are_refused(tmp_path):
    write(tmp_path, a=record("response"), b=record("metadata") + record("request"))
    with pytest.raises(
        UserError,
        match=r"b.wet looks like a WARC file, not a WET file: .*\(all 2 files that were checked have such a fault\)\. "
        "--accept_other_records reads the files anyway",
    ):
        refuse_other_files(list_inputs(f"{tmp_path}/*.wet", None), "tfds")


@pytest.mark.parametrize("version", ["WARC/1.1", "WARC/0.18"])
def test_another_version_is_refused_if_it_cannot_be_read(tmp_path, version):
    write(tmp_path, a=record("conversion", version))
    wet_files = list_inputs(f"{tmp_path}/*.wet", None)
    refuse_other_files(wet_files, "warc")
    with pytest.raises(UserError, match=rf"has records of {version}, which .* --wet_parser=warc reads them. --accept"):
        refuse_other_files(wet_files, "tfds")


def test_one_wet_file_among_them_is_enough_to_go_on(tmp_path):
    write(tmp_path, a=record("response"), b=record("conversion"), c=b"", d=record("response"))
    refuse_other_files(list_inputs(f"{tmp_path}/*.wet", None), "tfds")


def test_of_many_files_a_few_are_opened(tmp_path, monkeypatch):
    write(tmp_path, **{f"f{number:03}": record("response") for number in range(100)})
    opened = []
    real = files.open_for_reading
    monkeypatch.setattr(files, "open_for_reading", lambda path: opened.append(path) or real(path))
    with pytest.raises(UserError, match="all 8 files"):
        refuse_other_files(list_inputs(f"{tmp_path}/*.wet", None), "tfds")
    assert len(opened) == 8

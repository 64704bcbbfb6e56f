"""Control characters are spelled out, and credentials of URLs are never written down."""

import io
import json

import pytest

from c4pipe import command_line, shown
from c4pipe.corpus_run.inputs import list_inputs
from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shown import ShownStream, visible, without_credentials

SECRETS = {
    "https://me:pw@a.example/b.gz": "https://a.example/b.gz",
    "https://TOKEN@a.example/b.gz": "https://a.example/b.gz",
    "https://me:p@w@a.example/b.gz": "https://a.example/b.gz",
    "s3://key:secret@bucket/b.gz": "s3://bucket/b.gz",
    "https://a.example/b.gz?token=abc": "https://a.example/b.gz",
    "https://a.example/b.gz?part=2&access_token=abc&page=3": "https://a.example/b.gz?part=2&page=3",
    "https://a.example/b.gz?api_key=abc": "https://a.example/b.gz",
    "https://a.example/b.gz?key=abc": "https://a.example/b.gz",
    "https://a.example/b.gz?Expires=1&Signature=x%2Fy&Key-Pair-Id=k": "https://a.example/b.gz",
    "https://b.s3.amazonaws.com/b.gz?X-Amz-Credential=a%2Fb&X-Amz-Date=1&X-Amz-Signature=c": (
        "https://b.s3.amazonaws.com/b.gz"
    ),
    "https://x.blob.core.windows.net/c/b.gz?sv=2024&st=1&se=2&sr=b&sp=r&sig=a%3D": (
        "https://x.blob.core.windows.net/c/b.gz"
    ),
    "https://storage.googleapis.com/b.gz?X-Goog-Signature=a&X-Goog-Expires=9": "https://storage.googleapis.com/b.gz",
}
# What only looks like it.
HARMLESS = [
    "gs://bucket/c4/en@train",
    "gs://bucket@de:1,gs://other@fr:2",
    "c4/en@train:10",
    "https://a.example/b.gz?part=2&se=3",
    "https://a.example/@user/page",
    "does the key=value help? it=does",
    "run@best",
    "wet/*.gz?",
]


@pytest.mark.parametrize("url", SECRETS)
def test_credentials_go_and_the_rest_stays(url):
    assert without_credentials(url) == SECRETS[url]
    text = f"cannot read '{url}' (not found); see <{url}>"
    assert without_credentials(text) == text.replace(url, SECRETS[url])


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_credentials_stays(text):
    assert without_credentials(text) == text


def test_a_name_has_no_credentials_and_its_folder_is_found():
    url = "https://me:pw@a.example/c4/b.json.gz?token=a/b"
    assert files.base_name(url) == "b.json.gz"
    assert files.folder_of(url) == "https://me:pw@a.example/c4"


def test_two_spellings_of_a_token_are_one_input():
    urls = ["https://a.example/b.warc.wet.gz?token=1", "https://a.example/b.warc.wet.gz?token=2"]
    (first,) = list_inputs(",".join(urls), None)
    (second,) = list_inputs(urls[1], None)
    assert (first.name, first.stem) == (second.name, second.stem) == ("b.warc.wet.gz", "b.warc.wet.gz")


def test_a_manifest_holds_no_credentials(tmp_path):
    settings = {"sources": [["https://me:pw@a.example/en?token=1", 1.0]]}
    inputs = (manifest.Input("b.gz?token=abc", "0" * 64),)
    manifest.write(str(tmp_path), manifest.Manifest("c4", {}, settings, inputs))
    text = (tmp_path / "manifest.json").read_text()
    assert "pw" not in text and "token" not in text
    assert json.loads(text)["inputs"][0]["name"] == "b.gz"


def test_control_characters_are_spelled_out():
    assert visible("\x1b]0;title\x07 \x9b2J a\rb \u202egnp.exe \ud800 grüße 日本\t|") == (
        "\\x1b]0;title\\x07 \\x9b2J a\\x0db \\u202egnp.exe \\ud800 grüße 日本\t|"
    )


def test_an_error_line_has_neither(capsys):
    def main():
        raise UserError("cannot read https://me:pw@a.example/b\x1b[2J.gz?token=1")

    with pytest.raises(SystemExit):
        command_line.run(main)
    error = capsys.readouterr().err
    assert error == "error: cannot read https://a.example/b\\x1b[2J.gz\n"


def test_what_is_printed_on_the_way_has_neither_and_bars_still_move():
    target = io.StringIO()
    stream = ShownStream(target, hides_credentials=True)
    print("notice: \x1b[2J https://a.example/b?sig=1", file=stream)
    stream.write("\r50%")
    assert target.getvalue() == "notice: \\x1b[2J https://a.example/b\n\r50%"
    assert not stream.isatty()


def test_scrubbed_values_keep_their_shape():
    value = {"a": ["https://u:p@h/x", 1, None, {"b": ("s3://b/c@train", 2.5)}]}
    assert shown.scrubbed(value) == {"a": ["https://h/x", 1, None, {"b": ["s3://b/c@train", 2.5]}]}


def test_an_error_line_has_a_bound():
    line = shown.one_line("unknown name '" + "[" * 9_000 + "';\n give another")
    assert len(line) < 2_001 and line.startswith("unknown name '[[") and line.endswith("[['; give another")

"""verify_release finds planted disagreements of each kind, and none in a correct release."""

import gzip
import json
import re
from datetime import datetime

import pytest

from c4pipe.corpus import release
from c4pipe.corpus.splits import split_of
from c4pipe.corpus.urls import normalized_url
from c4pipe.demo.documentation import _topics
from c4pipe.demo.pack_crawl import wet_record
from c4pipe.errors import UserError
from pipelines import verify_release, wet_to_c4

TIME = "2019-04-25T12:00:00Z"


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """A folder with a WET file, the corpus that wet_to_c4 makes of it, and a list of bad words."""
    folder = tmp_path_factory.mktemp("crawl")
    pages = [(url, text) for url, text in _topics() if "{" not in text and len(text) > 1500][:40]
    pages.append(("https://de.example.org/", "Das ist ein deutscher Satz, der lang genug ist. " * 40))
    pages.append(("https://short.example.org/", "This page has one sentence alone."))
    pages.append(("https://copy.example.org/a", pages[0][1]))
    pages.append(
        ("https://brace.example.org/", "Here is a line with a { in it, and it is long enough.\n" + pages[1][1])
    )
    records = [
        wet_record("conversion", {"WARC-Target-URI": url, "WARC-Date": TIME}, text.encode()) for url, text in pages
    ]
    (folder / "crawl.warc.wet.gz").write_bytes(b"".join(records))
    (folder / "badwords").write_text("frobnicated\n")
    arguments = [f"--input={folder}/crawl.warc.wet.gz", f"--output={folder}/c4", "--compat=tfds-3.0.1"]
    assert wet_to_c4.main([*arguments, "--sentence_model=bundled", f"--badwords={folder}/badwords"]) == 0
    return folder


def read(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def verify(folder, released, output, *more):
    arguments = [f"--wet={folder}/crawl.warc.wet.gz", f"--released={released}", f"--output={output}", "--num_workers=1"]
    status = verify_release.main([*arguments, "--sentence_model=bundled", f"--badwords={folder}/badwords", *more])
    return status, json.loads((output / "verify.json").read_text())


def write(folder, rows, split="train"):
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / f"c4-{split}.00000-of-00001.json.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return folder / f"c4-{split}.*.json.gz"


def test_our_own_corpus_has_no_disagreement_and_every_absent_page_a_reason(crawl, tmp_path, capsys):
    status, result = verify(crawl, crawl / "c4" / "c4-*.json.gz", tmp_path)
    assert status == 0
    assert result["rows_checked"] > 20
    assert result["rows_disagreeing"] == 0 and result["disagreements"] == {}
    assert result["pages"] == result["rows_checked"] + result["pages_absent"]
    assert sum(result["absent"].values()) == result["pages_absent"]
    assert {"language", "too_few_sentences", "squigglybracket"} <= set(result["absent"])
    assert not {release.COPY_UNSEEN, release.OTHER_SHARD} & set(result["absent"])
    assert "every row agrees" in (tmp_path / "verify.html").read_text()
    before = (tmp_path / "verify.json").read_bytes()
    assert verify(crawl, crawl / "c4" / "c4-*.json.gz", tmp_path)[0] == 0
    assert (tmp_path / "verify.json").read_bytes() == before
    assert "nothing to do" in capsys.readouterr().out


def planted(row):
    """Each kind of disagreement, planted in a row."""
    lines = row["text"].split("\n")
    yield (
        release.OTHER_LINES,
        {**row, "text": "\n".join([*lines[:2], "A line that nobody wrote on this page.", *lines[2:]])},
    )
    yield release.OTHER_LINES, {**row, "text": "\n".join(reversed(lines))}
    yield release.TOO_FEW_SENTENCES, {**row, "text": "This is the only sentence that was left of the whole page."}
    yield release.BAD_WORDS, {**row, "text": row["text"] + "\nIt is thoroughly frobnicated by all means."}
    german = "Das ist ein deutscher Satz, der hier ganz sicher nicht stehen sollte, und er ist lang genug. " * 20
    yield release.OTHER_LANGUAGE, {**row, "text": german}


@pytest.mark.parametrize("which", range(5))
def test_planted_disagreements_are_found(crawl, tmp_path, which):
    rows = [row for row in read(next((crawl / "c4").glob("c4-train*.json.gz"))) if row["text"].count("\n") >= 4]
    kind, changed = list(planted(rows[0]))[which]
    status, result = verify(crawl, write(tmp_path / "released", [changed, *rows[1:]]), tmp_path / "out")
    assert status == 1
    assert result["rows_disagreeing"] == 1
    assert kind in result["disagreements"]
    assert {example["url"] for example in result["examples"]} == {changed["url"]}


def test_a_row_in_the_other_split_is_found(crawl, tmp_path):
    rows = read(next((crawl / "c4").glob("c4-train*.json.gz")))
    assert split_of(normalized_url(rows[0]["url"])) == "train"
    status, result = verify(crawl, write(tmp_path / "released", rows[:1], "validation"), tmp_path / "out")
    assert status == 1 and result["disagreements"] == {release.OTHER_SPLIT: 1}


def test_a_row_that_our_rules_drop_is_found(crawl, tmp_path):
    row = read(next((crawl / "c4").glob("c4-train*.json.gz")))[0]
    dropped = {**row, "url": "https://brace.example.org/", "timestamp": TIME}
    status, result = verify(crawl, write(tmp_path / "released", [dropped]), tmp_path / "out")
    assert status == 1 and result["disagreements"][release.NOT_CLEANED_SO] == 1


def test_a_page_left_out_without_a_reason_is_counted_as_such(crawl, tmp_path):
    rows = read(next((crawl / "c4").glob("c4-train*.json.gz")))
    status, result = verify(crawl, write(tmp_path / "released", rows[1:]), tmp_path / "out")
    num_validation = len(read(next((crawl / "c4").glob("c4-validation*.json.gz"))))
    assert status == 0
    assert result["absent"][release.COPY_UNSEEN] == 1 + num_validation


def test_another_released_copy_of_the_url_explains_an_absent_page(crawl, tmp_path):
    rows = read(next((crawl / "c4").glob("c4-train*.json.gz")))
    other_time = {**rows[0], "timestamp": "2019-04-26T00:00:00Z"}
    _, result = verify(crawl, write(tmp_path / "released", [other_time, *rows[1:]]), tmp_path / "out")
    assert result["absent"][release.OTHER_COPY_RELEASED] == 1


@pytest.mark.parametrize("unit", ["s", "ms", "us, tz=UTC"], ids=["seconds", "milliseconds", "with a zone"])
def test_parquet_with_moments_for_timestamps_is_read_as_its_equal_rows(crawl, tmp_path, unit):
    import pyarrow
    import pyarrow.parquet

    rows = read(next((crawl / "c4").glob("c4-train*.json.gz")))
    moments = [datetime.strptime(row["timestamp"], "%Y-%m-%dT%H:%M:%SZ") for row in rows]
    kind = pyarrow.timestamp(unit[:2].strip(","), tz="UTC" if "tz" in unit else None)
    table = {name: [row[name] for row in rows] for name in ("text", "url")}
    (tmp_path / "released").mkdir()
    table["timestamp"] = pyarrow.array(moments, kind)
    path = tmp_path / "released" / "c4-train.00000-of-00001.parquet"
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    status, result = verify(crawl, path, tmp_path / "out")
    assert status == 0 and result["rows_checked"] == result["rows_released"] == len(rows)


def test_a_release_of_other_pages_is_an_error_and_no_result(crawl, tmp_path):
    rows = read(next((crawl / "c4").glob("c4-train*.json.gz")))
    others = [{**row, "timestamp": "2021-01-01T00:00:00Z"} for row in rows]
    with pytest.raises(UserError, match=rf"none of the {len(rows)} released .* \({len(rows)} URLs are in both\)"):
        verify(crawl, write(tmp_path / "released", others), tmp_path / "out")
    assert not (tmp_path / "out" / "verify.json").exists()


def test_records_that_no_wet_file_has_are_a_notice(crawl, tmp_path, capsys):
    folder = tmp_path / "crawl"
    folder.mkdir()
    responses = [wet_record("response", {"WARC-Target-URI": f"https://r.example.org/{n}"}, b"<p>") for n in range(2)]
    (folder / "badwords").write_bytes((crawl / "badwords").read_bytes())
    (folder / "crawl.warc.wet.gz").write_bytes(b"".join([(crawl / "crawl.warc.wet.gz").read_bytes(), *responses]))
    status, result = verify(folder, crawl / "c4" / "c4-*.json.gz", tmp_path / "out")
    told = r"2 of \d+ records are not conversion records \(2 response\)"
    (notice,) = result["notices"]
    assert status == 0 and re.match(f"{told}, and the reference's parser reads their text as pages", notice)
    assert f"notice: {notice}" in capsys.readouterr().err
    assert "records are not conversion records" in (tmp_path / "out" / "verify.html").read_text()
    _, result = verify(folder, crawl / "c4" / "c4-*.json.gz", tmp_path / "warc", "--wet_parser=warc")
    (notice,) = result["notices"]
    assert re.fullmatch(f"{told}; they were left out", notice)

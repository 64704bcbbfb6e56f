"""Corpora by a recipe of one's own, and of several languages, from WET files to shards."""

import gzip
import json
from pathlib import Path

import pytest
from small_crawl import _record, write_crawl

from c4pipe.corpus.recipes import recipe_files
from c4pipe.corpus.variants import VARIANTS
from c4pipe.corpus.wet import language_header
from c4pipe.corpus_run import ledger
from c4pipe.errors import UserError
from c4pipe.shards import manifest
from pipelines import wet_to_c4

GERMAN = (
    "Startseite\n"
    "Unsere Seite verwendet Cookies für alles Mögliche.\n"
    "Der Nachbar Nummer {n} ging gestern sehr spät nach Hause. Er hatte lange gearbeitet.\n"
    "Seine Frau fragte: „Warum kommst du erst um {n} Uhr nach Hause?“\n"
    "Das Essen stand schon seit {n} Stunden kalt auf dem Tisch."
)
JAPANESE = (
    "ホーム\n"
    "当サイトではクッキーを使用しています。\n"
    "隣の{n}番の人は昨日とても遅く家に帰りました。長い間働いていたのです。\n"
    "{n}時間前から食事が机の上で冷たくなっていました。"
)
ENGLISH = (
    "Home\n"
    "The neighbour number {n} came home very late yesterday. He had worked long.\n"
    "The dinner had been cold on the table for {n} hours."
)


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    pages = [
        _record("conversion", f"https://{code}.example.org/{n}", text.format(n=n).encode(), "2024-05-01T00:00:00Z")
        for n in range(30)
        for code, text in (("de", GERMAN), ("ja", JAPANESE), ("en", ENGLISH))
    ]
    content = b"".join(map(gzip.compress, [_record("warcinfo", "", b"Software-Info: a test", ""), *pages]))
    (folder / "a.warc.wet.gz").write_bytes(content)
    (folder / "lists").mkdir()
    (folder / "lists" / "de").write_text("kalt wie hundeschnauze\n")
    return folder


def make(crawl: Path, output: Path, *flags: str) -> dict:
    always = (
        "--max_quarantined_fraction=0.1",
        "--sentence_model=bundled",
        "--direct_num_workers=1",
        f"--output={output}",
    )
    assert wet_to_c4.main([f"--input={crawl / '*.gz'}", *always, *flags]) == 0
    return json.loads((output / "report.json").read_text())


def texts(folder: Path, split: str) -> list[str]:
    found = []
    for path in sorted(folder.glob(f"c4-{split}.*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found += [json.loads(line)["text"] for line in lines]
    return found


def test_languages_are_cleaned_by_their_rules_into_splits_of_their_own(crawl, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ledger, "_SAMPLED_PAGES_SHARE", 1)
    report = make(crawl, tmp_path, "--variant=clean", "--languages=de,ja", f"--badwords={crawl / 'lists'}")
    assert set(manifest.read(str(tmp_path)).splits) == {"de", "de-validation", "ja", "ja-validation"}
    assert len(texts(tmp_path, "de")) == len(texts(tmp_path, "ja")) == 30
    everything = "\n".join(texts(tmp_path, "de") + texts(tmp_path, "ja"))
    assert not any(word in everything for word in ("Startseite", "Cookies", "クッキー", "ホーム", "neighbour"))
    counters = report["counters"]
    assert counters["clean-page/line-filtered:policy"] == 60
    assert counters["clean-page/filtered:other_language"] == 30
    assert counters["language-filter/passed:de"] == 30
    assert counters["clean-page-ja/line-filtered:policy"] == counters["clean-page-ja/passed"] == 30
    assert any("クッキー" in sample["text"] for sample in report["samples"]["clean-page-ja/line-filtered:policy"])
    page = (tmp_path / "report.html").read_text()
    assert "Each language" in page and "<td>ja.example.org (30)</td>" in page
    found = report["by_language"]
    assert {language: own["domains"] for language, own in found.items()} == {
        language: [[f"{language}.example.org", 30]] for language in ("de", "ja")
    }
    assert [sum(own["lengths"]) for own in found.values()] == [30, 30]
    assert "no list of bad words for ja" in capsys.readouterr().err
    assert len(report["settings"]["recipe"]) == 64


def test_the_short_name_makes_the_same_corpus_as_the_flag(crawl, tmp_path):
    flags = (f"--badwords={crawl / 'lists'}",)
    make(crawl, tmp_path / "a", "--variant=clean.de", *flags)
    make(crawl, tmp_path / "b", "--variant=clean", "--languages=de", *flags)
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()
    assert len(texts(tmp_path / "a", "de")) == 30


def test_a_language_that_the_identifier_does_not_know_is_printed_with_one_that_does(capsys):
    with pytest.raises(UserError, match="langdetect does not know hy; --language_identifier=cld3 does"):
        wet_to_c4.main(["--print_recipe", "--variant=clean.hy"])
    assert wet_to_c4.main(["--print_recipe", "--variant=clean.hy", "--language_identifier=cld3"]) == 0
    printed = recipe_files.parse(capsys.readouterr().out, "printed.toml")
    assert printed.language_identifier == "cld3" and printed.languages == ("hy",)


def test_a_recipe_of_one_s_own_makes_its_corpus(tmp_path, capsys):
    write_crawl(tmp_path / "wet", num_files=1)
    assert wet_to_c4.main(["--print_recipe", "--variant=en.noblocklist"]) == 0
    text = capsys.readouterr().out
    assert text == recipe_files.text_of_ours("en.noblocklist")
    own = tmp_path / "own.toml"
    own.write_text(text.replace("words = 5", "words = 40").replace('"en.noblocklist"', '"long-lines"'))
    make(tmp_path / "wet", tmp_path / "own", f"--recipe={own}")
    make(tmp_path / "wet", tmp_path / "ours", "--variant=en.noblocklist")
    lines = [line for page in texts(tmp_path / "own", "train") for line in page.split("\n")]
    assert lines and min(len(line.split()) for line in lines) >= 40
    made, ours = (manifest.read(str(tmp_path / name)).settings for name in ("own", "ours"))
    assert made["variant"] == "long-lines" and made["recipe"] != ours["recipe"]
    card = (tmp_path / "own" / "README.md").read_text()
    assert "long-lines" in card and made["recipe"] in card


def test_what_is_wrong_with_the_flags_is_one_line(crawl, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(recipe_files.text_of_ours("en").replace("words = 5", "words = 6"))
    flags = [f"--input={crawl / '*.gz'}", f"--output={tmp_path / 'x'}"]
    for more, said in (
        ([f"--recipe={own}"], "name: 'en' is a variant of ours, but this recipe differs from it"),
        ([f"--recipe={own}", "--variant=en"], "--variant and --recipe both choose the recipe"),
        ([f"--recipe={tmp_path / 'no.toml'}"], "no.toml"),
        (["--variant=clean", "--languages=hy,de"], "langdetect does not know hy; --language_identifier=cld3 does"),
        (["--variant=clean", "--languages=xx"], "variant clean has no language 'xx'; it has am, ar"),
    ):
        with pytest.raises(UserError) as raised:
            wet_to_c4.main([*flags, *more])
        assert said in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / "x").exists()


def with_header(pages: bytes, code: str) -> bytes:
    return pages.replace(b"WARC-Date:", b"WARC-Identified-Content-Language: " + code.encode() + b"\r\nWARC-Date:", 1)


def test_pages_whose_header_names_other_languages_are_skipped_and_the_report_says_how_sure_that_is(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(language_header, "SAMPLED_SHARE", 1)
    pages = []
    for n in range(20):
        for code, text in (("deu", GERMAN), ("eng", ENGLISH), ("jpn", JAPANESE)):
            page = _record(
                "conversion", f"https://{code}.example.org/{n}", text.format(n=n).encode(), "2024-05-01T00:00:00Z"
            )
            pages.append(with_header(page, code))
    # A German page that the header calls English, and one without the header.
    for name, text in (("wrong", GERMAN), ("none", GERMAN)):
        page = _record("conversion", f"https://{name}.org/", text.format(n=name).encode(), "2024-05-01T00:00:00Z")
        pages.append(with_header(page, "eng") if name == "wrong" else page)
    content = b"".join(map(gzip.compress, [_record("warcinfo", "", b"Software-Info: a test", ""), *pages]))
    (tmp_path / "a.warc.wet.gz").write_bytes(content)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "de").write_text("kalt wie hundeschnauze\n")
    flags = ("--variant=clean.de", f"--badwords={tmp_path / 'lists'}", "--language_header=prefer")
    report = make(tmp_path, tmp_path / "c4", *flags)
    assert len(texts(tmp_path / "c4", "de")) == 21
    counters = report["counters"]
    assert counters["language-header-filter/filtered:other_language"] == 41
    assert counters["language-header-filter/sampled-skipped"] == 41
    assert counters["language-header-filter/sampled-skipped-disagreeing"] == 1
    assert counters["language-header-filter/sampled-kept"] == 20
    assert counters["language-header-filter/sampled-kept-disagreeing"] == 0
    assert all(check["ok"] for check in report["checks"])
    said = capsys.readouterr().err
    assert "41 of 62 pages were skipped" in said and "langdetect finds one in 1 of 41 of them" in said
    assert manifest.read(str(tmp_path / "c4")).settings["recipe"] != recipe_files.digest(VARIANTS["clean"])


def test_a_language_without_a_code_in_the_header_is_refused(crawl, tmp_path):
    flags = [f"--input={crawl / '*.gz'}", f"--output={tmp_path / 'x'}", "--variant=multilingual"]
    with pytest.raises(UserError, match="does not know how the header names xh; give --languages of am, ar"):
        wet_to_c4.main([*flags, "--languages=de,xh", "--language_header=prefer"])

"""`--previous`: crawls that are added one by one give what the definition in docs/running.md says."""

import hashlib
import json
import re
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
from many_crawls import Definition, write_steps
from small_crawl import die_half_way, digests, run, write_punkt

from c4pipe.corpus import assets, chain
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.variants import COMPATS, for_run, languages_of, variant_named
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.corpus_run.keys import KEY_PART_BITS
from c4pipe.errors import UserError
from c4pipe.records import Page
from c4pipe.shards import manifest, names
from c4pipe.shards.text_shards import read_text_shard
from c4pipe.stages.wet_to_c4 import write_keys
from pipelines import find_url, verify_release, wet_to_c4
from pipelines.jobs import corpus, earlier_crawls


@pytest.fixture(scope="module")
def crawls(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("crawls")
    write_punkt(folder / "punkt")
    (folder / "badwords").mkdir()
    for language in ("de", "en"):
        (folder / "badwords" / language).write_text("darn\n")
    return write_steps(folder)


def command(wet: Path, output: Path, *more: str) -> list[str]:
    variant = () if any(flag.startswith("--variant") for flag in more) else ("--variant=en.noblocklist",)
    punkt = f"--sentence_model={wet.parent / 'punkt'}"
    return [f"--input={wet}/*.gz", f"--output={output}", punkt, "--direct_num_workers=1", *variant, *more]


def make(wet: Path, output: Path, *more: str) -> Path:
    assert wet_to_c4.main(command(wet, output, *more)) == 0
    return output


def make_steps(crawls: list[Path], folder: Path, *more: str) -> list[Path]:
    made: list[Path] = []
    for step, wet in enumerate(crawls):
        previous = (f"--previous={','.join(map(str, made))}",) if made else ()
        made.append(make(wet, folder / str(step), *previous, *more))
    return made


@pytest.fixture(scope="module")
def steps(crawls, tmp_path_factory) -> list[Path]:
    return make_steps(crawls, tmp_path_factory.mktemp("steps"))


def rows(folder: Path) -> set[tuple[str, str, str, str]]:
    """(split, URL, timestamp, text) of all pages."""
    found = set()
    for path in sorted(folder.glob("c4-*")):
        parsed = names.parse(path.name)
        assert parsed is not None
        for row in read_text_shard(str(path), ("url", "timestamp", "text")):
            found.add((parsed[0], row["url"], row["timestamp"], row["text"]))
    return found


def definition(crawls: list[Path], name: str, languages: str | None = None) -> Definition:
    variant = variant_named(name)
    chosen = languages_of(variant, languages)
    variant = for_run(variant, chosen, "langdetect")
    punkt, badwords = (str(crawls[0].parent / name) for name in ("punkt", "badwords"))
    found = assets.resolve(variant, sentence_model=punkt, badwords_file=badwords, languages=chosen)
    load = partial(load_identifier, "langdetect")
    return Definition(chain.Criteria(variant, COMPATS["tfds-3.1.0"], chosen, load, found))


def lines(found: set[tuple[str, str, str, str]]) -> set[tuple[str, str]]:
    """(split, line) of all pages."""
    return {(split, line) for split, _, _, text in found for line in text.split("\n")}


def check(crawls: list[Path], made: list[Path], plain: Definition) -> None:
    """Every step has the rows of the definition, and no URL and no line is twice in the union."""
    expected = [plain.step(wet) for wet in crawls]
    assert [rows(folder) for folder in made] == expected
    assert all(expected)
    union = [row for folder in made for row in rows(folder)]
    assert lines(set(union)) == lines(set().union(*expected))
    urls = [normalized_url(url) for _, url, _, _ in union]
    contents = [line.strip().lower() for _, _, _, text in union for line in text.split("\n")]
    assert len(urls) == len(set(urls)) and len(contents) == len(set(contents))


def test_three_crawls_are_what_the_definition_says(crawls, steps):
    check(crawls, steps, definition(crawls, "en.noblocklist"))


@pytest.mark.parametrize("variant", ["clean", pytest.param("multilingual", marks=pytest.mark.slow)])
def test_three_crawls_in_several_languages_are_too(crawls, tmp_path, variant):
    languages = "de,en"
    flags = (f"--variant={variant}", f"--languages={languages}", "--language_identifier=langdetect")
    flags += (f"--badwords={crawls[0].parent / 'badwords'}",)
    made = make_steps(crawls, tmp_path, *flags)
    check(crawls, made, definition(crawls, variant, languages))
    assert {split for folder in made for split, *_ in rows(folder)} >= {"c4-de", "c4-en"}


def test_the_report_the_card_and_the_manifest_tell_of_earlier_crawls(steps):
    report = json.loads((steps[2] / "report.json").read_text())
    assert report["checks"] and all(check["ok"] for check in report["checks"])
    funnel = {entry["stage"]: entry for entry in report["funnel"]}
    dropped = funnel["earlier-crawl-filter"]["dropped"]["in_earlier_crawl"]["pages"]
    assert dropped == report["counters"]["earlier-crawl-filter/filtered:in_earlier_crawl"] > 0
    assert funnel["earlier-crawl-filter"]["pages"] == report["counters"]["earlier-crawl-filter/passed"]
    assert funnel["dedupe-lines"]["lines_dropped"]["in_earlier_crawl"]["lines"] > 0
    assert report["samples"]["dedupe-lines/line-filtered:in_earlier_crawl"]
    page = (steps[2] / "report.html").read_text()
    assert "pages whose URL is in an earlier crawl" in page and "not in an earlier crawl" in page
    card = (steps[2] / "README.md").read_text()
    assert "the corpora of 2 earlier crawls" in card and "`0`" in card and "`1`" in card

    committed = [manifest.text_statistics(manifest.read(str(folder))) for folder in steps]
    assert [sorted(corpus.name for corpus in statistics.previous) for statistics in committed] == [
        [],
        ["0"],
        ["0", "1"],
    ]
    for folder, statistics in zip(steps, committed, strict=True):
        texts = [text for _, _, _, text in rows(folder)]
        counts = {kind: sum(shard.rows for shard in shards) for kind, shards in statistics.keys.items()}
        assert counts == {"urls": len(texts), "lines": sum(text.count("\n") + 1 for text in texts)}
        for shard in (shard for shards in statistics.keys.values() for shard in shards):
            path = folder / "_keys" / shard.file
            assert (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) == (shard.bytes, shard.sha256)
    first = json.loads((steps[0] / "report.json").read_text())
    assert not [name for name in first["counters"] if "earlier" in name]
    assert "earlier-crawl-filter" not in [entry["stage"] for entry in first["funnel"]]


def test_without_keys_nothing_of_them_is_there_and_the_shards_are_the_same(crawls, steps, tmp_path):
    made = make(crawls[0], tmp_path / "c4", "--keys=off")
    assert not (made / "_keys").exists() and "keys" not in manifest.read(str(made)).statistics
    of_shards = {name: digest for name, digest in digests(steps[0]).items() if name.startswith("c4-")}
    assert {name: digest for name, digest in digests(made).items() if name.startswith("c4-")} == of_shards
    with pytest.raises(UserError, match="has no keys of its URLs and lines, because it was made with --keys=off"):
        wet_to_c4.main(command(crawls[1], tmp_path / "next", f"--previous={made}"))


def test_other_ways_to_run_give_the_same_bytes(crawls, steps, tmp_path, monkeypatch):
    """Through the runner's shuffle (in many buckets, too), with small key files, and with crawls in another order."""
    previous = f"--previous={steps[1]},{steps[0]}/"
    before = [digests(folder) for folder in steps]
    with monkeypatch.context() as shuffled:
        shuffled.setattr(corpus, "keys_go_through_files", lambda options: False)
        make(crawls[2], tmp_path / "shuffled", previous)
        # More buckets than key files have parts.
        shuffled.setattr(corpus, "num_shuffle_bits", lambda wet_files: KEY_PART_BITS + 2)
        make(crawls[2], tmp_path / "many", previous)
    assert digests(tmp_path / "shuffled") == digests(tmp_path / "many") == before[2]
    monkeypatch.setattr(corpus, "BUCKET_BYTES", 2000)
    make(crawls[2], tmp_path / "small", previous)
    assert digests(tmp_path / "small") == before[2]
    assert [digests(folder) for folder in steps] == before


@pytest.mark.slow
def test_several_key_files_have_the_same_keys_in_both_ways_to_run(crawls, steps, tmp_path, monkeypatch):
    monkeypatch.setattr(write_keys, "FILE_BYTES", 400)
    made = make(crawls[0], tmp_path / "files")
    monkeypatch.setattr(corpus, "keys_go_through_files", lambda options: False)
    assert digests(make(crawls[0], tmp_path / "shuffled")) == digests(made)
    key_files = manifest.text_statistics(manifest.read(str(made))).keys
    assert len(key_files["lines"]) > 2
    urls = {normalized_url(url) for _, url, _, _ in rows(made)}
    earlier = earlier_crawls.open_earlier([str(made)], "other")
    assert earlier_crawls.common(earlier, sorted({*urls, "a.example"}), [])[0] == urls


@pytest.mark.parametrize(
    "kind",
    [pytest.param(".lines", marks=pytest.mark.slow), pytest.param("/finished/", marks=pytest.mark.slow), "_keys/"],
)
def test_a_killed_run_goes_on_to_the_same_bytes(crawls, steps, tmp_path, kind):
    previous = f"--previous={steps[0]}"
    killed = run(command(crawls[1], tmp_path / "c4", previous), lambda: die_half_way(kind))
    assert killed == signal.SIGKILL
    assert digests(make(crawls[1], tmp_path / "c4", previous)) == digests(steps[1])


def test_damaged_keys_of_an_earlier_crawl_end_the_run_with_one_line(crawls, steps, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(steps[0], damaged)
    path = next((damaged / "_keys").glob("lines-*"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged \(a checksum differs\); restore it, or make .*damaged again"):
        wet_to_c4.main(command(crawls[1], tmp_path / "c4", f"--previous={damaged}"))
    path.unlink()
    with pytest.raises(UserError, match=r"restore it, or make .*damaged again"):
        wet_to_c4.main(command(crawls[1], tmp_path / "c4", f"--previous={damaged}"))


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (["--previous={1}"], "1 was itself made with --previous=0; give these folders too"),
        (["--previous={0},{0}/../0"], "are of the same WET files; give only one of them"),
        (["--previous={0}", "--output={0}", "--overwrite"], "is also the --output"),
        (["--previous={0}", "--near_duplicates=minhash"], "drop_near_duplicates the folders of all crawls afterwards"),
        (["--previous={0}", "--variant=en.noclean"], "variant en.noblocklist, this crawl with en.noclean"),
        (["--previous={0}", "--compat=tfds-3.0.1"], "compat tfds-3.1.0, this crawl with tfds-3.0.1"),
        (["--previous={0}", "--sentence_model=bundled"], "all crawls of a corpus need the same settings"),
        (["--previous={0}/work"], "has no manifest.json"),
    ],
)  # fmt: skip
def test_crawls_that_do_not_go_together_are_refused_in_one_line(crawls, steps, tmp_path, flags, fault):
    flags = [flag.format(*steps) for flag in flags]
    with pytest.raises(UserError, match=re.escape(fault)) as refused:
        wet_to_c4.main(command(crawls[2], tmp_path / "c4", *flags))
    assert "\n" not in str(refused.value) and not (tmp_path / "c4").exists()


def test_the_estimate_counts_keys_and_earlier_crawls(crawls, steps, tmp_path, capsys):
    wet_to_c4.main(command(crawls[2], tmp_path / "c4", f"--previous={steps[0]},{steps[1]}", "--dry_run"))
    said = capsys.readouterr().out
    num_urls = sum(len(rows(folder)) for folder in steps[:2])
    assert "MB of keys for --previous (--keys=off omits them)" in said
    assert f"earlier crawls: 2 with {num_urls:,} URLs and " in said and not (tmp_path / "c4").exists()


def test_find_url_looks_into_all_crawls_and_says_which_are_missing(steps, capsys):
    url = min(url for _, url, _, _ in rows(steps[0]))
    assert find_url.main([url, f"--c4={','.join(map(str, steps))}"]) == 0
    said = capsys.readouterr()
    assert f"{steps[0]}/c4-" in said.out and "is in 1 rows of" in said.out and not said.err
    assert find_url.main([url, f"--c4={steps[2]}"]) == 0
    said = capsys.readouterr()
    assert "is in 0 rows" in said.out and "was added to 0, 1, where the page may be too" in said.err


def test_after_a_takedown_later_crawls_stay_as_they_are_and_it_is_said(crawls, steps, tmp_path, capsys):
    """The page does not come back with a new crawl that is given the same list."""
    copies = [tmp_path / name for name in ("0", "1")]
    for folder, copy in zip(steps, copies, strict=False):
        shutil.copytree(folder, copy)
    coming_again = {
        normalized_url(page.url)
        for path in crawls[2].iterdir()
        for page in read_records(path)
        if isinstance(page, Page)
    }
    url = min(url for _, url, _, _ in rows(steps[0]) if normalized_url(url) in coming_again)
    (tmp_path / "takedown").write_text(url + "\n")
    exclude = f"--exclude_urls={tmp_path}/takedown"
    make(crawls[0], copies[0], exclude, "--overwrite")
    capsys.readouterr()
    made = make(crawls[2], tmp_path / "2", exclude, f"--previous={copies[0]},{copies[1]}")
    assert f"{copies[0]} has other pages now than when {copies[1]} was made" in capsys.readouterr().err
    found = {normalized_url(row[1]) for folder in (*copies, made) for row in rows(folder)}
    assert normalized_url(url) not in found
    report = json.loads((made / "report.json").read_text())
    assert report["counters"]["excluded-url-filter/filtered"] == 1


def test_verify_release_knows_what_earlier_crawls_have(crawls, steps, tmp_path, capsys):
    (tmp_path / "badwords").write_text("frobnicated\n")
    previous = f"--previous={steps[0]},{steps[1]}"
    flags = [
        f"--wet={crawls[2]}/*.gz",
        f"--released={steps[2]}/c4-*.json.gz",
        "--variant=en.noblocklist",
        "--num_workers=1",
    ]
    flags += ["--compat=tfds-3.1.0", f"--sentence_model={crawls[0].parent / 'punkt'}"]
    assert verify_release.main([*flags, previous, f"--output={tmp_path / 'right'}"]) == 0
    absent = json.loads((tmp_path / "right" / "verify.json").read_text())["absent"]
    assert absent["an earlier crawl has its URL"] > 0
    assert not [reason for reason in absent if "files not given" in reason]
    # As if the first crawl were its release, whose pages are all in an earlier crawl: itself.
    flags[0], flags[1] = f"--wet={crawls[0]}/*.gz", f"--released={steps[0]}/c4-*.json.gz"
    assert verify_release.main([*flags, f"--previous={steps[0]}", f"--output={tmp_path / 'wrong'}"]) == 1
    found = json.loads((tmp_path / "wrong" / "verify.json").read_text())
    assert found["disagreements"] == {"a URL or line that an earlier crawl has": len(rows(steps[0]))}

"""Which text c4_to_examples and c4_to_vocabulary read: sources, splits, damaged shards, rows that are not pages."""

import json
import os
import shutil
import sys

import pytest
from small_corpus import ONE_PROCESS, contents, examples_of, status_of, write_folder

from c4pipe.command_line import run
from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.example_shards import read_example_shard
from c4pipe.shards.text_shards import write_text_shard
from pipelines import c4_to_examples, c4_to_vocabulary
from pipelines.jobs import examples as examples_job


def test_any_text_shards_enter_without_a_manifest(vocabulary, tmp_path, capsys):
    text = "bado fige lamo " * 200
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}) + "\n")
    write_text_shard(str(tmp_path / "b.parquet"), [{"text": text}], format="parquet", columns=("text",))
    output = tmp_path / "out"
    assert c4_to_examples.main(examples_of(f"{tmp_path}/[ab].*", vocabulary, output)) == 0
    said = capsys.readouterr().err
    assert "no manifest" in said and "no validation split" in said
    committed = manifest.read(str(output))
    assert set(committed.splits) == {"train"} and len(committed.splits["train"]) == 2


def test_languages_have_their_own_validation_split(c4, vocabulary, tmp_path):
    pages = ["bado fige lamo " * 50]
    source = write_folder(tmp_path / "multilingual", {"de": [pages, pages], "de-validation": [pages], "fr": [pages]})
    shards = examples_job.text_shards(f"{source}@de")
    assert [(shard.split, shard.index, shard.count) for shard in shards] == [
        ("train", 0, 2),
        ("train", 1, 2),
        ("validation", 0, 1),
    ]
    assert [shard.split for shard in examples_job.text_shards(f"{source}@fr")] == ["train"]
    assert [shard.split for shard in examples_job.text_shards(f"{source}@de-validation")] == ["validation"]
    assert [shard.split for shard in examples_job.text_shards(f"{c4}@validation")] == ["validation"]


def test_a_released_folder_without_manifest_keeps_its_splits(c4, tmp_path):
    folder = tmp_path / "released"
    shutil.copytree(c4, folder, ignore=shutil.ignore_patterns("manifest.json"))
    splits = [shard.split for shard in examples_job.text_shards(str(folder))]
    assert splits == ["train"] * 3 + ["validation"]


def test_a_text_shard_cut_in_half_is_named(c4, vocabulary, tmp_path, capsys):
    folder = tmp_path / "cut"
    shutil.copytree(c4, folder)
    path = folder / "c4-train.00001-of-00003.json.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for more in ([], ["--direct_running_mode=multi_threading", "--direct_num_workers=2"]):
        arguments = examples_of(folder, vocabulary, tmp_path / "out", *more)
        code, errors = status_of(c4_to_examples.main, arguments[: len(arguments) - bool(more)], capsys)
        assert code == 2 and len(errors) == 1 and path.name in errors[0]
    assert not manifest.exists(str(tmp_path / "out"))


def test_a_text_shard_that_is_another_one_is_named(c4, vocabulary, tmp_path, capsys):
    damaged = tmp_path / "c4"
    shutil.copytree(c4, damaged)
    shutil.copy(damaged / "c4-train.00000-of-00003.json.gz", damaged / "c4-train.00001-of-00003.json.gz")
    to_vocabulary = [f"--input={damaged}", f"--output={tmp_path / 'v'}", "--num_pieces=300", *ONE_PROCESS]
    for command, arguments in (
        (c4_to_examples, examples_of(damaged, vocabulary, tmp_path / "e")),
        (c4_to_vocabulary, to_vocabulary),
    ):
        with pytest.raises(SystemExit) as ended:
            run(lambda command=command, arguments=arguments: command.main(arguments))
        error = capsys.readouterr().err.splitlines()[-1]
        assert (
            ended.value.code == 2 and "c4-train.00001-of-00003.json.gz is not what its folder's manifest says" in error
        )
    assert not (tmp_path / "e" / "manifest.json").exists() and not (tmp_path / "v" / "manifest.json").exists()


def test_a_missing_library_costs_the_page_alone(c4, vocabulary, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert c4_to_examples.main(examples_of(c4, vocabulary, tmp_path / "out")) == 0
    assert "notice: no report.html: pages need matplotlib" in capsys.readouterr().err
    assert manifest.exists(str(tmp_path / "out")) and not (tmp_path / "out" / "report.html").exists()


def write_lines(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_several_sources_and_a_whole_multilingual_folder(vocabulary, tmp_path, capsys):
    pages = ["bado fige lamo " * 50]
    splits = {"de": [pages], "de-validation": [pages], "ro": [pages], "ro-validation": [pages]}
    source = write_folder(tmp_path / "multilingual", splits)
    whole = examples_job.text_shards(str(source))
    assert [(os.path.basename(shard.path).split(".")[0], shard.split) for shard in whole] == [
        *(("c4-de", "train"), ("c4-ro", "train")),
        *(("c4-de-validation", "validation"), ("c4-ro-validation", "validation")),
    ]
    assert examples_job.text_shards(f"{source}@ro,{source}@de") == whole
    with pytest.raises(UserError, match="has a weight: make examples of each source"):
        examples_job.text_shards(f"{source}@ro:2,{source}@de")
    # The command that wet_to_c4 prints, and the one that this prints.
    output = tmp_path / "vocabulary"
    assert c4_to_vocabulary.main([f"--input={source}:2", f"--output={output}", "--num_pieces=15", *ONE_PROCESS]) == 0
    assert f"c4_to_examples --input={source} --vocabulary={output}" in capsys.readouterr().out


def test_a_glob_of_a_folder_does_not_train_on_validation_pages(c4, vocabulary, examples, tmp_path, capsys):
    output = tmp_path / "examples"
    assert c4_to_examples.main(examples_of(f"{c4}/c4-*.json.gz", vocabulary, output)) == 0
    assert "notice" not in capsys.readouterr().err.replace("UserWarning", "")
    assert contents(output)["manifest.json"] == contents(examples)["manifest.json"]


def test_rows_that_are_not_pages_are_counted_listed_and_left_out(vocabulary, tmp_path, capsys):
    pages = [{"text": f"bado fige lamo {number} " * 20} for number in range(300)]
    write_lines(tmp_path / "good" / "a.jsonl", pages)
    broken = [*pages[:100], {"text": None}, *pages[100:200], {"other": "x"}, *pages[200:]]
    write_lines(tmp_path / "broken" / "a.jsonl", broken)
    for name in ("good", "broken"):
        source, output = str(tmp_path / name), tmp_path / f"{name}-examples"
        assert c4_to_examples.main(examples_of(source, vocabulary, output)) == 0
    assert "rows that are not pages, in quarantine.jsonl: no_text 2; next:" in capsys.readouterr().out
    (row, other) = map(json.loads, (tmp_path / "broken-examples" / "quarantine.jsonl").read_text().splitlines())
    assert (row["file"], row["reason"]) == ("a.jsonl", "no_text") and other["offset"] > row["offset"] > 1000
    counts = manifest.read(str(tmp_path / "broken-examples")).statistics["counts"]["train"]
    assert (counts["pages"], counts["quarantined_no_text"], counts["empty_pages"]) == (302, 2, 0)
    shards = [tmp_path / f"{name}-examples" / "train-00000-of-00001.arrow" for name in ("good", "broken")]
    good, rest = (list(read_example_shard(str(shard))) for shard in shards)
    assert [row["inputs"].tolist() for row in good] == [row["inputs"].tolist() for row in rest]
    # Rows keep the numbers that they have in the file.
    assert [row["row"] + (row["row"] >= 100) + (row["row"] >= 200) for row in good] == [row["row"] for row in rest]
    assert not (tmp_path / "good-examples" / "quarantine.jsonl").exists()


def test_too_many_rows_that_are_not_pages_end_without_a_result(vocabulary, tmp_path):
    write_lines(tmp_path / "text" / "a.jsonl", [{"text": "bado fige lamo " * 20}] * 20 + [{"text": 3}])
    output = tmp_path / "examples"
    with pytest.raises(UserError, match=r"1 of 21 records could not be used \(bad_text 1\); see .*quarantine.jsonl"):
        c4_to_examples.main(examples_of(tmp_path / "text", vocabulary, output))
    assert (output / "quarantine.jsonl").exists() and not (output / "manifest.json").exists()
    more = "--max_quarantined_fraction=0.1"
    assert c4_to_examples.main(examples_of(tmp_path / "text", vocabulary, output, more)) == 0
    flags = [f"--input={tmp_path}/text", f"--output={tmp_path}/pieces", "--num_pieces=15", *ONE_PROCESS]
    with pytest.raises(UserError, match=r"1 of 21 records could not be used \(bad_text 1\)"):
        c4_to_vocabulary.main(flags)
    assert c4_to_vocabulary.main([*flags, more]) == 0
    assert len((tmp_path / "pieces" / "quarantine.jsonl").read_text().splitlines()) == 1


def test_what_is_left_out_of_long_pages_is_on_the_last_line(vocabulary, tmp_path, capsys):
    write_lines(tmp_path / "text" / "a.jsonl", [{"text": "bado " * 150_000}])
    assert c4_to_examples.main(examples_of(tmp_path / "text", vocabulary, tmp_path / "examples", "--replicas=2")) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    counts = manifest.read(str(tmp_path / "examples")).statistics["counts"]["train"]
    left_out = 2 * counts["text_tokens"] - counts["raw_tokens"]
    assert left_out > 100_000
    assert f"; {left_out:,} tokens ({left_out / (2 * counts['text_tokens']):.1%}) are left out" in last


def test_plain_text_makes_examples_of_its_lines_or_files(vocabulary, tmp_path):
    (tmp_path / "a.txt").write_text("bado fige lamo\n" * 10)
    for page_per, num_pages in (("line", 10), ("file", 1)):
        output = tmp_path / page_per
        assert c4_to_examples.main(examples_of(tmp_path / "*.txt", vocabulary, output, f"--page_per={page_per}")) == 0
        committed = manifest.read(str(output))
        assert committed.statistics["counts"]["train"]["pages"] == num_pages
        assert committed.settings.get("page_per") == (None if page_per == "line" else "file")

"""The two commands from text shards to examples, as a user runs them: outputs, errors, restarts, workers."""

import json
import os
import shutil
import sys

import numpy as np
import pytest

from c4pipe.command_line import run
from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.example_shards import ExampleShard, read_example_shard
from c4pipe.shards.text_shards import write_text_shard
from c4pipe.stages import make_examples as stage
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines import c4_to_examples, c4_to_vocabulary
from pipelines.jobs import examples as examples_job
from pipelines.launch import beam_options

ONE_PROCESS = ["--direct_num_workers=1"]


def write_folder(folder, splits):
    """A folder as wet_to_c4 leaves it."""
    folder.mkdir()
    described = {}
    for split, parts in splits.items():
        described[split] = []
        for index, texts in enumerate(parts):
            name = f"c4-{split}.{index:05d}-of-{len(parts):05d}.json.gz"
            rows = [{"text": text, "timestamp": "", "url": f"http://x/{n}"} for n, text in enumerate(texts)]
            write_text_shard(str(folder / name), rows)
            described[split].append(manifest.describe_shard(str(folder), name, len(rows)))
    committed = {split: tuple(shards) for split, shards in described.items()}
    manifest.write(str(folder), manifest.Manifest("c4", committed, {"variant": "en"}))
    return folder


@pytest.fixture(scope="module")
def c4(tmp_path_factory):
    random = np.random.default_rng(0)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    words = ["".join(random.choice(syllables, random.integers(1, 4))) for _ in range(900)]
    texts = [" ".join(random.choice(words, length)) for length in random.integers(5, 300, 260)]
    splits = {"train": [texts[:100], texts[100:180], texts[180:240]], "validation": [texts[240:]]}
    return write_folder(tmp_path_factory.mktemp("made") / "en", splits)


@pytest.fixture(scope="module")
def vocabulary(c4, tmp_path_factory):
    output = tmp_path_factory.mktemp("made") / "vocabulary"
    arguments = [f"--input={c4}", f"--output={output}", "--num_pieces=300", "--num_extra_ids=50", *ONE_PROCESS]
    assert c4_to_vocabulary.main(arguments) == 0
    return output


@pytest.fixture(scope="module")
def examples(c4, vocabulary, tmp_path_factory):
    output = tmp_path_factory.mktemp("made") / "examples"
    assert c4_to_examples.main(examples_of(c4, vocabulary, output)) == 0
    return output


def examples_of(source, vocabulary, output, *more):
    return [f"--input={source}", f"--vocabulary={vocabulary}", f"--output={output}", *more, *ONE_PROCESS]


def contents(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(folder) if (folder / name).is_file()}


def status_of(main, arguments, capsys):
    with pytest.raises(SystemExit) as exit_of_command:
        run(lambda: main(arguments))
    error = capsys.readouterr().err
    return exit_of_command.value.code, [line for line in error.splitlines() if line.startswith("error:")]


def test_the_vocabulary_folder_is_whole(vocabulary, c4):
    expected = {"spiece.model", "spiece.vocab", "manifest.json", "report.html"}
    expected |= {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}
    assert set(os.listdir(vocabulary)) == expected
    loaded = Vocabulary.load(str(vocabulary))
    assert (loaded.num_pieces, loaded.num_extra_ids) == (300, 50)
    committed = manifest.read(str(vocabulary))
    assert committed.kind == "vocabulary" and committed.settings["num_extra_ids"] == 50
    assert [entry.name for entry in committed.inputs] == [
        shard.file for shard in manifest.read(str(c4)).splits["train"]
    ]
    assert str(c4.parent) not in (vocabulary / "manifest.json").read_text()
    assert "<svg" in (vocabulary / "report.html").read_text()


def test_the_examples_folder_is_whole(examples, vocabulary, c4):
    committed = manifest.read(str(examples))
    assert set(os.listdir(examples)) == {
        *(f"train-0000{n}-of-00003.arrow" for n in range(3)),
        *("validation-00000-of-00001.arrow", "manifest.json", "report.html", "report.json", "spiece.model"),
    }
    assert {split: len(shards) for split, shards in committed.splits.items()} == {"train": 3, "validation": 1}
    assert (
        committed.settings["tokens_length"],
        committed.settings["inputs_length"],
        committed.settings["targets_length"],
    ) == (*(568, 512, 114),)
    assert committed.settings["vocabulary_size"] == 350 and committed.settings["num_extra_ids"] == 50
    assert (examples / "spiece.model").read_bytes() == (vocabulary / "spiece.model").read_bytes()
    assert Vocabulary.load(str(examples)).num_extra_ids == 50
    for split, shards in committed.splits.items():
        for shard in shards:
            assert manifest.describe_shard(str(examples), shard.file, shard.rows) == shard
            with ExampleShard(str(examples / shard.file)) as opened:
                text_shard = opened.metadata["text_shard"]
            assert text_shard == committed.statistics["text_shards"][shard.file]
            assert text_shard.startswith(f"c4-{split}.{shard.file.split('-')[1]}")
    assert str(c4.parent) not in (examples / "manifest.json").read_text()


def test_full_examples_are_those_of_the_paper(examples):
    vocabulary = Vocabulary.load(str(examples))
    full = [
        row for row in read_example_shard(str(examples / "train-00000-of-00003.arrow")) if len(row["inputs"]) == 512
    ]
    assert full
    for row in full:
        sentinels = [[token for token in row[name].tolist() if token >= 300] for name in ("inputs", "targets")]
        assert sentinels[0] == sentinels[1] == [vocabulary.sentinel_id(n) for n in range(28)]
        assert len(row["targets"]) == 85 + 28 + 1


def test_the_same_command_again_changes_nothing(examples, vocabulary, c4, capsys):
    for main, folder, arguments in (
        (c4_to_examples.main, examples, examples_of(c4, vocabulary, examples)),
        (
            c4_to_vocabulary.main,
            vocabulary,
            [f"--input={c4}", f"--output={vocabulary}", "--num_pieces=300", "--num_extra_ids=50"],
        ),
    ):
        before = {name: os.stat(folder / name).st_mtime_ns for name in os.listdir(folder)}
        assert main(arguments) == 0
        assert "finished" in capsys.readouterr().out
        assert before == {name: os.stat(folder / name).st_mtime_ns for name in os.listdir(folder)}


def test_a_folder_with_another_result_is_refused_and_left_alone(examples, vocabulary, c4, tmp_path, capsys):
    before = contents(examples)
    code, errors = status_of(c4_to_examples.main, examples_of(c4, vocabulary, examples, "--seed=9"), capsys)
    assert code == 2 and len(errors) == 1 and "seed" in errors[0]
    assert contents(examples) == before
    copy = tmp_path / "copy"
    shutil.copytree(examples, copy)
    assert c4_to_examples.main(examples_of(c4, vocabulary, copy, "--objective=lm", "--overwrite")) == 0
    committed = manifest.read(str(copy))
    assert committed.settings["objective"] == "lm" and committed.settings["inputs_length"] == 0
    row = next(read_example_shard(str(copy / committed.splits["train"][0].file)))
    assert len(row["inputs"]) == 0 and len(row["targets"]) == 512


def test_a_stopped_run_continues_with_the_missing_shards(examples, vocabulary, c4, tmp_path, monkeypatch):
    output = tmp_path / "stopped"
    made = []
    whole = stage.make_examples

    def stops_after_two(shard, recipe, folder):
        if len(made) == 2:
            raise RuntimeError("killed")
        made.append(shard.index)
        return whole(shard, recipe, folder)

    monkeypatch.setattr(stage, "make_examples", stops_after_two)
    with pytest.raises(RuntimeError):
        c4_to_examples.main(examples_of(c4, vocabulary, output))
    assert not manifest.exists(str(output))
    (output / "train-00000-of-00009.arrow").write_bytes(b"the user's own, which no run made")
    again = []

    def counted(shard, recipe, folder):
        again.append(shard.index)
        return whole(shard, recipe, folder)

    monkeypatch.setattr(stage, "make_examples", counted)
    assert c4_to_examples.main(examples_of(c4, vocabulary, output)) == 0
    assert len(made) == 2 and len(again) == 2
    assert (output / "train-00000-of-00009.arrow").read_bytes() == b"the user's own, which no run made"
    (output / "train-00000-of-00009.arrow").unlink()
    assert contents(output) == contents(examples)


def test_little_work_is_done_in_threads_to_the_same_bytes(examples, vocabulary, c4, tmp_path, monkeypatch):
    modes = []
    run_graph = beam_options.run

    def watched(build, options):
        modes.append(options.get_all_options()["direct_running_mode"])
        return run_graph(build, options)

    monkeypatch.setattr(beam_options, "run", watched)
    arguments = [*examples_of(c4, vocabulary, tmp_path / "threads")[:-1], "--direct_num_workers=2"]
    assert c4_to_examples.main(arguments) == 0
    assert modes == ["multi_threading"]
    assert contents(tmp_path / "threads") == contents(examples)


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_number_of_workers(examples, vocabulary, c4, tmp_path):
    for number in (2, 3):
        output = tmp_path / f"workers-{number}"
        arguments = examples_of(c4, vocabulary, output)[:-1]
        arguments += ["--direct_running_mode=multi_processing", f"--direct_num_workers={number}"]
        assert c4_to_examples.main(arguments) == 0
        assert contents(output) == contents(examples)
        again = tmp_path / f"vocabulary-{number}"
        flags = [f"--input={c4}", f"--output={again}", "--num_pieces=300", "--num_extra_ids=50"]
        assert c4_to_vocabulary.main([*flags, *arguments[-2:]]) == 0
        assert contents(again) == contents(vocabulary)


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


def test_weighted_sources(c4, tmp_path):
    output = tmp_path / "weighted"
    flags = [f"--input={c4}:3,{c4}@validation:1", f"--output={output}", "--num_pieces=500", "--byte_fallback"]
    assert c4_to_vocabulary.main([*flags, *ONE_PROCESS]) == 0
    sources = manifest.read(str(output)).statistics["sources"]
    assert [(source["name"], source["weight"]) for source in sources] == [("en", 3.0), ("en@validation", 1.0)]
    assert sources[0]["taken_bytes"] > 2 * sources[1]["taken_bytes"] > 0
    other = tmp_path / "in_another_order"
    flags = [f"--input={c4}@validation:1,{c4}:3", f"--output={other}", "--num_pieces=500", "--byte_fallback"]
    assert c4_to_vocabulary.main([*flags, *ONE_PROCESS]) == 0
    for name in ("spiece.model", "manifest.json"):
        assert (other / name).read_bytes() == (output / name).read_bytes()


def test_dry_runs_write_nothing(c4, vocabulary, tmp_path, capsys):
    output = tmp_path / "nothing"
    assert c4_to_examples.main([*examples_of(c4, vocabulary, output), "--dry_run"]) == 0
    assert c4_to_vocabulary.main([f"--input={c4}", f"--output={output}", "--num_pieces=300", "--dry_run"]) == 0
    said = capsys.readouterr().out
    assert "would make 4 example shards" in said and "would train 300 pieces" in said
    assert not output.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--vocabulary": "missing"}, "no vocabulary"),
        ({"--input": "missing/*.json.gz"}, "matches"),
        ({"--objective": "guessing"}, "guessing"),
        ({"--targets_length": "50"}, "too short"),
        ({"--noise_density": "1.5"}, "out of range"),
        ({"--noise_density": "much"}, "much"),
        ({"--replicas": "0"}, "at least 1"),
        ({"--overflow": "strict", "--noise_density": "0.5", "--mean_noise_span_length": "2"}, "--num_extra_ids=170"),
        ({"--objective": "prefix_lm", "--noise_density": "0.5"}, "no --noise_density"),
        ({"--inptus_length": "5"}, "unknown flag"),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(changes, words, c4, vocabulary, tmp_path, capsys):
    flags = {"--input": str(c4), "--vocabulary": str(vocabulary), "--output": str(tmp_path / "out")} | changes
    code, errors = status_of(c4_to_examples.main, [f"{name}={value}" for name, value in flags.items()], capsys)
    assert code == 2 and len(errors) == 1 and words in errors[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--input": "missing"}, "matches"),
        ({"--input": "{c4}:much"}, "not 'much'"),
        ({"--input": "{c4}:0"}, "must be a number above 0"),
        ({"--input": "{c4}@nope"}, "nope"),
        ({"--num_pieces": "2"}, "too small"),
        ({"--num_pieces": "99999"}, "gives at most"),
        ({"--sample_bytes": "0"}, "at least 1"),
        ({"--compare_vocabulary": "missing"}, "no vocabulary"),
    ],
)
def test_mistakes_of_the_vocabulary_too(changes, words, c4, tmp_path, capsys):
    flags = {"--input": str(c4), "--output": str(tmp_path / "out")} | changes
    arguments = [f"{name}={value}".replace("{c4}", str(c4)) for name, value in flags.items()]
    code, errors = status_of(c4_to_vocabulary.main, [*arguments, *ONE_PROCESS], capsys)
    assert code == 2 and len(errors) == 1 and words in errors[0]
    assert not (tmp_path / "out").exists() or not os.listdir(tmp_path / "out")


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

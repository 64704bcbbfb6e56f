"""The two commands from text shards to examples, as a user runs them: outputs, errors, restarts, workers."""

import os
import shutil

import pytest
from small_corpus import ONE_PROCESS, contents, examples_of, status_of

from c4pipe.errors import HandedOver, UserError
from c4pipe.shards import manifest
from c4pipe.shards.example_shards import ExampleShard, read_example_shard
from c4pipe.stages import make_examples as stage
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines import c4_to_examples, c4_to_vocabulary
from pipelines.launch import beam_options


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
    with pytest.raises(UserError, match="a worker failed: RuntimeError: killed"):
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


def test_a_vocabulary_cannot_be_trained_by_a_template(c4, tmp_path):
    flags = [f"--input={c4}", f"--output={tmp_path / 'v'}", "--template_location=gs://bucket/job", *ONE_PROCESS]
    with pytest.raises(UserError, match="--template_location cannot be used here"):
        c4_to_vocabulary.main(flags)
    assert not (tmp_path / "v").exists()


def test_examples_of_a_job_that_was_handed_over_are_finished_by_the_same_command(c4, vocabulary, examples, tmp_path):
    flags = examples_of(c4, vocabulary, tmp_path / "examples")
    with pytest.raises(HandedOver):
        c4_to_examples.main([*flags, "--template_location=gs://bucket/job"])
    assert not (tmp_path / "examples" / "manifest.json").exists()
    assert c4_to_examples.main(flags) == 0
    made, expected = contents(tmp_path / "examples"), contents(examples)
    assert {name for name in expected if made.get(name) != expected[name]} <= {"report.json", "report.html"}

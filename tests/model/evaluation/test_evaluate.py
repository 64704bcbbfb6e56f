"""model.evaluate: a split decoded and scored, into metrics.json and predictions.jsonl."""

import json
import os
import signal

import pytest

from c4pipe.errors import UserError
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.shards.stream.example_sources import Source
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.checkpoints.opening import open_model
from model.evaluate import main
from model.evaluation import scoring, task_sets
from model.evaluation.scoring import Decoding, evaluate_sets, majority, score_outputs
from model.evaluation.task_sets import read_task_sets


@pytest.fixture(scope="module")
def evaluated(base_run, task_folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("evaluated")
    assert main([f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--output={output}", "--device=cpu"]) == 0
    return output


@pytest.fixture(scope="module")
def sets(task_folder):
    return read_task_sets(
        [Source(str(task_folder), split="validation")], Vocabulary.load(str(task_folder)), split="validation"
    )


def test_metrics_hold_scores_intervals_and_what_to_compare_with(evaluated):
    found = json.loads((evaluated / "metrics.json").read_text())
    assert found["num_examples"] == {"mine": 8, "sst2": 12}
    assert set(found["tasks"]["sst2"]) == {"accuracy"} and found["averages"] == {
        "glue": found["tasks"]["sst2"]["accuracy"]
    }
    low, high = found["intervals"]["sst2"]["accuracy"]
    assert low <= found["tasks"]["sst2"]["accuracy"] <= high
    assert found["majority"] == {"sst2": {"accuracy": 50.0}}
    assert found["settings"]["split"] == "validation"


def test_predictions_stand_in_the_order_of_the_shards_and_give_the_score_again(evaluated, sets, task_folder):
    vocabulary = Vocabulary.load(str(task_folder))
    lines = [json.loads(line) for line in (evaluated / "predictions.jsonl").read_text().splitlines()]
    expected = [(task_set.task.name, vocabulary.decode(ids.tolist())) for task_set in sets for ids in task_set.inputs]
    assert [(line["task"], line["inputs"]) for line in lines] == expected
    of_sst2 = [line for line in lines if line["task"] == "sst2"]
    accuracy = 100 * sum(line["prediction"] in line["references"] for line in of_sst2) / len(of_sst2)
    assert json.loads((evaluated / "metrics.json").read_text())["tasks"]["sst2"]["accuracy"] == pytest.approx(accuracy)


def test_a_finished_evaluation_is_left_alone_and_another_refused(evaluated, base_run, task_folder, capsys):
    arguments = [f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--output={evaluated}", "--device=cpu"]
    before = (evaluated / "metrics.json").read_bytes()
    assert main(arguments) == 0
    assert "nothing to do" in capsys.readouterr().out
    with pytest.raises(UserError, match="has another result"):
        main([*arguments, "--num_beams=2"])
    assert (evaluated / "metrics.json").read_bytes() == before
    assert main([*arguments, "--num_beams=2", "--overwrite"]) == 0


def test_predictions_never_lie_beside_the_metrics_of_another_evaluation(base_run, task_folder, tmp_path, monkeypatch):
    arguments = [f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--output={tmp_path}/out", "--device=cpu"]
    arguments += ["--max_examples=2", "--max_length=2"]
    assert main(arguments) == 0

    def die(folder, content):
        raise KeyboardInterrupt

    other = [*arguments[:-1], "--max_length=3"]
    with monkeypatch.context() as patch:
        # After the predictions, before the metrics.
        patch.setattr(OutputFolder, "commit", die)
        with pytest.raises(KeyboardInterrupt):
            main([*other, "--overwrite"])
    assert (tmp_path / "out" / "predictions.jsonl").exists() and not (tmp_path / "out" / "metrics.json").exists()
    assert main(other) == 0
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["settings"]["max_length"] == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["metrics.json", "predictions.jsonl"]


def test_right_answers_score_100_and_a_label_with_more_behind_it_is_wrong(sets, task_folder, base_run, monkeypatch):
    model, vocabulary = open_model(str(base_run))
    (sst2,) = [task_set for task_set in sets if task_set.task.name == "sst2"]
    answers = {tuple(ids.tolist()): targets.tolist() for ids, targets in zip(sst2.inputs, sst2.targets, strict=True)}

    def right(model, examples, *, max_length, **settings):
        return [answers[tuple(ids)][:-1] for ids in examples]

    def too_long(model, examples, *, max_length, **settings):
        # A model that never stops: the answer again and again, cut where decoding ends.
        return [(answers[tuple(ids)][:-1] * 9)[:max_length] for ids in examples]

    monkeypatch.setattr(scoring, "generate_ids", right)
    (found,) = evaluate_sets(model, vocabulary, [sst2], Decoding())
    assert found.values == {"accuracy": 100.0} and found.invalid == 0
    monkeypatch.setattr(scoring, "generate_ids", too_long)
    (found,) = evaluate_sets(model, vocabulary, [sst2], Decoding())
    assert found.values == {"accuracy": 0.0} and found.invalid == len(sst2)


def test_ranks_share_the_work_and_all_get_the_same_outputs(sets, base_run):
    model, vocabulary = open_model(str(base_run))
    (alone,) = evaluate_sets(model, vocabulary, sets[:1], Decoding(batch_size=3))
    shares = {}

    def keep(rank):
        def gather(own):
            shares[rank] = own
            return [own if other == rank else [""] * ((len(sets[0]) - other + 1) // 2) for other in range(2)]

        return gather

    for rank in range(2):
        evaluate_sets(model, vocabulary, sets[:1], Decoding(batch_size=3), rank=rank, world_size=2, gather=keep(rank))
    (together,) = evaluate_sets(
        model, vocabulary, sets[:1], Decoding(), rank=0, world_size=2, gather=lambda own: [own, shares[1]]
    )
    assert together.outputs == alone.outputs
    assert len(shares[0]) + len(shares[1]) == len(sets[0])


def test_the_majority_is_of_the_split_itself(sets):
    (sst2,) = [task_set for task_set in sets if task_set.task.name == "sst2"]
    assert majority(sst2) == score_outputs(sst2, ["negative"] * len(sst2)).values


def test_one_task_its_own_metrics_and_a_part_of_it(base_run, task_folder, tmp_path):
    arguments = [f"--checkpoint={base_run}", f"--tasks={task_folder}@mine", f"--output={tmp_path}", "--device=cpu"]
    assert main([*arguments, "--metrics=mine:squad+bleu", "--max_examples=3"]) == 0
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["num_examples"] == {"mine": 3}
    assert set(found["tasks"]["mine"]) == {"exact_match", "f1", "bleu"}
    assert "tok:intl" in found["notes"]["mine"]["bleu"]


def test_a_split_may_be_named_in_full(base_run, task_folder, tmp_path):
    main([f"--checkpoint={base_run}", f"--tasks={task_folder}@sst2-train", f"--output={tmp_path}", "--device=cpu"])
    assert json.loads((tmp_path / "metrics.json").read_text())["num_examples"] == {"sst2": 60}


def test_mistakes_are_named(base_run, task_folder, example_folder, tmp_path):
    with pytest.raises(UserError, match="no task 'rte'"):
        main([f"--checkpoint={base_run}", f"--tasks={task_folder}@rte", f"--output={tmp_path}"])
    with pytest.raises(UserError, match="holds examples, not tasks"):
        main([f"--checkpoint={base_run}", f"--tasks={example_folder}", f"--output={tmp_path}"])
    with pytest.raises(UserError, match="has no examples of the split 'test'"):
        main([f"--checkpoint={base_run}", f"--tasks={task_folder}", "--split=test", f"--output={tmp_path}"])
    with pytest.raises(UserError, match="not TASK:METRIC"):
        main([f"--checkpoint={base_run}", f"--tasks={task_folder}", "--metrics=squad", f"--output={tmp_path}"])
    assert not any(tmp_path.iterdir())


def test_a_dry_run_decodes_nothing(base_run, task_folder, tmp_path, capsys):
    assert main([f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--output={tmp_path}", "--dry_run"]) == 0
    assert "20 examples" in capsys.readouterr().out
    assert not any(tmp_path.iterdir())


def test_a_hugging_face_folder_gives_what_its_run_gives(evaluated, base_run, task_folder, tmp_path):
    from model.export import main as export

    export([f"--checkpoint={base_run}", f"--output={tmp_path}/hf"])
    main([f"--checkpoint={tmp_path}/hf", f"--tasks={task_folder}", f"--output={tmp_path}/out", "--device=cpu"])
    assert (tmp_path / "out" / "predictions.jsonl").read_text().count("\n") == 20
    ours = [
        json.loads(line)["prediction"] for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    ]
    main([f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--output={tmp_path}/run", "--device=cpu"])
    theirs = [
        json.loads(line)["prediction"] for line in (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()
    ]
    assert ours == theirs


def test_outputs_are_compared_with_what_the_vocabulary_can_write(sets, task_folder):
    """`{` is no piece: a model that learnt its targets perfectly writes `⁇` for it, and is right."""
    import dataclasses

    from model.actions import evaluate

    (mine,) = [task_set for task_set in sets if task_set.task.name == "mine"]
    vocabulary = Vocabulary.load(str(task_folder))
    references = [(f"{given[0]} {{ 0",) for given in mine.references]
    forms, _ = task_sets._forms(mine.task, references, vocabulary)
    changed = dataclasses.replace(mine, references=references, forms=forms)
    right = [vocabulary.decode(vocabulary.encode(given[0])) for given in references]
    assert "⁇" in right[0] and changed.num_unwritable == len(mine)
    found = score_outputs(changed, right)
    assert found.values == {"accuracy": 100.0} and found.literal_values == {"accuracy": 0.0}
    told = scoring.summary([found])
    assert told["literal_scores"] == {"mine": {"accuracy": 0.0}}
    assert told["unwritable_references"] == {"mine": len(mine)}
    assert evaluate._table([found], {}) == f"mine [{len(mine)}]: accuracy 100.00 (literally 0.00)"
    assert score_outputs(mine, [given[0] for given in mine.references]).literal_values == {}


def test_examples_without_labels_get_predictions_and_a_file_for_the_server(base_run, task_folder, tmp_path, capsys):
    from c4pipe.shards import manifest
    from c4pipe.shards.example_shards import ExampleShardWriter
    from c4pipe.shards.schemas import ExampleSchema

    vocabulary = Vocabulary.load(str(task_folder))
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "spiece.model").write_bytes((task_folder / "spiece.model").read_bytes())
    schema = ExampleSchema(32, 16, vocabulary.size, fixed_inputs=False, fixed_targets=False, task=True)
    shard = "sst2-test-00000-of-00001.arrow"
    with ExampleShardWriter(str(folder / shard), schema) as writer:
        writer.write(
            [[*vocabulary.encode(f"sst2 sentence: film {word}"), 1] for word in ("bad", "good", "that")],
            [[1], [*vocabulary.encode("positive"), 1], [1]],
            row=[0, 1, 2],
            token_offset=[0, 0, 0],
            num_pages=[1, 1, 1],
            task=["sst2"] * 3,
            references=[["7"], ["positive"], ["3"]],
        )
    splits = {"sst2-test": (manifest.describe_shard(str(folder), shard, 3),)}
    settings = {"inputs_length": 32, "targets_length": 16, "vocabulary_size": vocabulary.size, "num_extra_ids": 10}
    manifest.write(str(folder), manifest.Manifest("tasks", splits, settings))
    output = tmp_path / "out"
    arguments = [f"--checkpoint={base_run}", f"--tasks={folder}", f"--output={output}", "--device=cpu", "--split=test"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "sst2 [2]: no labels, so predictions without a score" in said
    assert said.endswith(f"{output / 'metrics.json'}, predictions.jsonl, glue/SST-2.tsv written\n")
    lines = [json.loads(line) for line in (output / "predictions.jsonl").read_text().splitlines()]
    assert [line.get("idx") for line in lines] == [None, ["7"], ["3"]]
    assert [line["references"] for line in lines] == [["positive"], [], []]
    found = json.loads((output / "metrics.json").read_text())
    assert found["num_without_label"] == {"sst2": 2} and found["num_examples"] == {"sst2": 1}
    rows = (output / "glue" / "SST-2.tsv").read_text().splitlines()
    classes = {"negative": "0", "positive": "1"}
    by_key = {line["idx"][0]: classes.get(line["prediction"], "0") for line in lines[1:]}
    assert rows == ["index\tprediction", f"3\t{by_key['3']}", f"7\t{by_key['7']}"]
    assert main(arguments) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_sigterm_interrupts_an_evaluation_and_leaves_no_result(base_run, task_folder, tmp_path, monkeypatch):
    def stopped(model, examples, *, max_length, **settings):
        os.kill(os.getpid(), signal.SIGTERM)
        return [[] for _ in examples]

    before = signal.getsignal(signal.SIGTERM)
    flags = [f"--checkpoint={base_run}", f"--tasks={task_folder}@sst2", f"--output={tmp_path / 'out'}", "--device=cpu"]
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(scoring, "generate_ids", stopped)
        main(flags)
    assert signal.getsignal(signal.SIGTERM) == before
    assert not list(tmp_path.glob("out/*.json*"))
    assert main(flags) == 0 and (tmp_path / "out" / "metrics.json").exists()

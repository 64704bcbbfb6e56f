"""--contamination: clean and contaminated examples scored apart, with the right values."""

import json
from dataclasses import replace

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.stream.example_sources import Source
from c4pipe.tasks.example_keys import example_key
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.evaluate import main
from model.evaluation.contamination import Contamination, line_of_parts, split_scores, summary_of_parts
from model.evaluation.scoring import score_outputs
from model.evaluation.task_sets import read_task_sets


@pytest.fixture(scope="module")
def sets(task_folder):
    vocabulary = Vocabulary.load(str(task_folder))
    return read_task_sets([Source(str(task_folder), split="validation")], vocabulary, split="validation")


def write(folder, sets, leaked, **changes):
    """contamination.json as find_contamination leaves it. leaked: task -> places of the examples found."""
    folder.mkdir(exist_ok=True)
    tasks = [
        {"task": task_set.task.name, "split": "validation", "examples": len(task_set), "found": 0} for task_set in sets
    ]
    examples = [
        {
            "task": task_set.task.name,
            "split": "validation",
            "inputs": 1.0,
            "key": example_key(task_set.inputs[p], task_set.targets[p]),
        }
        for task_set in sets
        for p in leaked.get(task_set.task.name, ())
    ]
    content = {"pages": 9, "tasks": tasks, "examples": examples, **changes}
    (folder / "contamination.json").write_text(json.dumps(content))
    return folder


def test_the_parts_have_the_scores_of_their_own_examples(sets, tmp_path):
    folder = write(tmp_path, sets, {"sst2": [0, 2, 3]})
    (sst2,) = [task_set for task_set in sets if task_set.task.name == "sst2"]
    # Right on the leaked examples but one, wrong on all others but three.
    right = {0, 2, 5, 6, 7}
    outputs = [given[0] if place in right else "neither" for place, given in enumerate(sst2.references)]
    scored = [score_outputs(sst2, outputs)]
    parts = split_scores(Contamination.read(str(folder), "validation"), scored)
    assert summary_of_parts(parts)["tasks"] == {
        "sst2": {
            "clean": {"num_examples": 9, "scores": {"accuracy": pytest.approx(100 * 3 / 9)}},
            "contaminated": {"num_examples": 3, "scores": {"accuracy": pytest.approx(100 * 2 / 3)}},
        }
    }
    assert scored[0].values == {"accuracy": pytest.approx(100 * 5 / 12)}
    assert line_of_parts(parts["sst2"]) == "clean [9]: accuracy 33.33; contaminated [3]: accuracy 66.67"


def test_a_task_without_leaks_is_clean_as_a_whole(sets, tmp_path):
    folder = write(tmp_path, sets, {})
    (mine,) = [task_set for task_set in sets if task_set.task.name == "mine"]
    parts = split_scores(Contamination.read(str(folder), "validation"), [score_outputs(mine, [""] * len(mine))])
    found = summary_of_parts(parts)["tasks"]["mine"]
    assert found["clean"]["num_examples"] == 8 and found["contaminated"] == {"num_examples": 0, "scores": {}}
    assert line_of_parts(parts["mine"]).endswith("contaminated [0]")


def test_the_command_tells_the_parts_and_is_another_result(base_run, task_folder, sets, tmp_path, capsys):
    folder = write(tmp_path / "leaks", sets, {"sst2": [1], "mine": [0, 1]})
    common = [f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--output={tmp_path}/out", "--device=cpu"]
    common.append("--max_length=2")
    assert main([*common, f"--contamination={folder}"]) == 0
    printed = capsys.readouterr().out
    assert "clean [11]: accuracy" in printed and "contaminated [1]: accuracy" in printed
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    parts = metrics["contamination"]["tasks"]
    assert {task: [part["num_examples"] for part in parts[task].values()] for task in parts} == {
        "mine": [6, 2],
        "sst2": [11, 1],
    }
    scores = {name: part["scores"]["accuracy"] for name, part in parts["sst2"].items()}
    assert metrics["tasks"]["sst2"]["accuracy"] == pytest.approx((11 * scores["clean"] + scores["contaminated"]) / 12)
    assert "too short" in metrics["contamination"]["note"]
    with pytest.raises(UserError, match="another result"):
        main(common)


def test_examples_that_do_not_match_are_an_error(sets, tmp_path):
    (sst2,), (mine,) = ([task_set for task_set in sets if task_set.task.name == name] for name in ("sst2", "mine"))
    other = [replace(task_set, inputs=[ids[1:] for ids in task_set.inputs]) for task_set in sets]
    mismatched = Contamination.read(str(write(tmp_path, other, {"sst2": [0, 1]})), "validation")
    with pytest.raises(UserError, match="0 of the 2 that it found are among the 12 evaluated"):
        mismatched.check(sst2, all_examples=True)
    mismatched.check(sst2, all_examples=False)
    with pytest.raises(UserError, match="has no results for mine"):
        Contamination.read(str(write(tmp_path, [sst2], {})), "validation").check(mine, all_examples=True)
    with pytest.raises(UserError, match=r"has no results for the split 'test'; it has the splits validation"):
        Contamination.read(str(tmp_path), "test")
    with pytest.raises(UserError, match=r"has no contamination\.json"):
        Contamination.read(str(tmp_path / "nowhere"), "validation")

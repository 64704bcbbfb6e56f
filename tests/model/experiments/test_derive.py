"""The graph: rows share what they have in common, and only what a result depends on is in a digest."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from c4pipe.errors import UserError
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.experiments.derive import Derivation
from model.experiments.graph import Graph
from model.experiments.plan import PLANS, Plan, Row, open_plan
from model.experiments.scale import SCALES, open_scale

SCALE = open_scale("tiny", {}, "")


def graph_of(inputs, folder, rows, *, scale=SCALE, seeds=(0,)) -> Graph:
    plan = Plan("a plan", rows[0].name, tuple(rows))
    return Derivation(plan, scale, inputs, str(folder), None).graph({row.name: seeds for row in rows})


def kinds(graph: Graph) -> list[int]:
    return [sum(node.kind == kind for node in graph.nodes.values()) for kind in ("examples", "pretrain", "finetune")]


def test_rows_share_examples_and_pretraining(inputs, tmp_path):
    rows = [Row("a"), Row("b", method="adapters"), Row("c", architecture="prefix_lm"), Row("d", repeat=4)]
    graph = graph_of(inputs, tmp_path, rows, seeds=(0, 1))
    assert kinds(graph) == [1, 3 * 2, 4 * 2 * 2]
    assert len(graph.cells) == 4 * 2 * 2
    for node in graph.nodes.values():
        assert all(list(graph.nodes).index(need) < list(graph.nodes).index(node.name) for need in node.needs)


def test_a_row_from_scratch_has_the_configuration_of_a_pretrained_model_but_no_pretraining(inputs, tmp_path):
    graph = graph_of(inputs, tmp_path, [Row("a"), Row("b", from_scratch=True)])
    assert kinds(graph) == [1, 1, 2 * 2]
    pretrained = next(name for name, node in graph.nodes.items() if node.kind == "pretrain")
    for cell in graph.cells:
        assert cell.finetune is not None and cell.finetune.needs == (pretrained,)
        assert (cell.pretrain is None) == (cell.row == "b")


def test_the_same_row_in_another_plan_is_the_same_node(inputs, tmp_path):
    one = graph_of(inputs, tmp_path / "one", [Row("a", note="x")])
    other = graph_of(inputs, tmp_path / "other", [Row("b"), Row("c", objective="prefix_lm")])
    assert set(one.nodes) < set(other.nodes)
    faster = replace(SCALE, pretrain={**SCALE.pretrain, "device": "cuda", "num_threads": 4})
    assert set(graph_of(inputs, tmp_path, [Row("a")], scale=faster).nodes) == set(one.nodes)
    longer = replace(SCALE, pretrain={**SCALE.pretrain, "steps": 8192})
    assert len(set(graph_of(inputs, tmp_path, [Row("a")], scale=longer).nodes) & set(one.nodes)) == 1


def test_of_several_rates_the_first_seed_tries_all_and_the_others_follow(inputs, tmp_path):
    rows = [Row("a", learning_rates=(0.1, 0.01))]
    column = replace(inputs, columns=inputs.columns[:1])
    first = graph_of(column, tmp_path, rows, seeds=(3, 4))
    assert (kinds(first), first.cells, first.deferred) == ([1, 2, 2], (), 2)
    for node, score in zip(
        (node for node in first.nodes.values() if node.kind == "finetune"), (50.0, 60.0), strict=True
    ):
        assert "--seed=3" in node.flags
        Path(node.folder).mkdir(parents=True)
        run = {"status": "finished", "model": {}, "summary": {"best_validation_score": score}}
        (Path(node.folder) / "run.json").write_text(json.dumps(run))
    second = graph_of(column, tmp_path, rows, seeds=(3, 4))
    assert ([cell.learning_rate for cell in second.cells], second.deferred) == ([0.01, 0.01], 0)
    assert kinds(second) == [1, 2, 3]


def test_multi_task_training_is_one_run_for_all_columns(inputs, tmp_path):
    row = Row("a", mixture="proportional", mixture_limit=2.0**19, mixture_temperature=2.0)
    graph = graph_of(inputs, tmp_path, [row])
    assert kinds(graph) == [1, 1, 0] and len(graph.cells) == 2
    (trained,) = (node for node in graph.nodes.values() if node.kind == "pretrain")
    assert {"--mixture=proportional", "--mixture_limit=4096", "--mixture_temperature=2.0", "--steps=4608"} <= set(
        trained.flags
    )
    examples, *tasks = trained.flags[0].split(",")
    assert examples.startswith(f"--examples={tmp_path}/examples-")
    assert [task.rpartition("@")[2] for task in tasks] == ["mine", "sst2"]


def test_repeats_that_cannot_be_exact_are_refused(inputs, tmp_path):
    with pytest.raises(UserError, match="a: the 524,288 examples of pre-training cannot be 3 times the same"):
        graph_of(inputs, tmp_path, [Row("a", repeat=3)])


@pytest.mark.parametrize("scale", SCALES)
def test_each_table_has_its_graph(inputs, tmp_path, spiece_model, scale):
    inputs = replace(inputs, vocabulary=Vocabulary(spiece_model))  # 512 tokens of i.i.d. noise need 256 sentinels
    for name in PLANS:
        plan = open_plan(name)
        seeds = {row.name: (0,) for row in plan.rows if row.corpus == "c4"}
        graph = Derivation(plan, open_scale(scale, {}, name), inputs, str(tmp_path), None).graph(seeds)
        assert len(graph.cells) == 2 * len(seeds) and graph.deferred == 0
        assert all(node.flops > 0 for node in graph.nodes.values() if node.kind in ("pretrain", "finetune"))

"""Plans: the built-in ones are the paper's tables, and a mistake in a file is one line."""

import re

import pytest

from c4pipe import checked_json, plain_types
from c4pipe.errors import UserError
from model.experiments.plan import PLANS, open_plan, parse_plan
from model.experiments.scale import SCALES, open_scale

BASELINE = (83.28, 19.24, 80.88, 71.36, 26.98, 39.82, 27.65)
ROW = '[[rows]]\nname = "a"\n'
PLAN = 'title = "t"\nbaseline = "a"\n' + ROW


@pytest.mark.parametrize("name", PLANS)
def test_each_table_has_the_papers_baseline(name):
    plan = open_plan(name)
    assert plan.title.startswith(f"Table {name.removeprefix('table')}: ")
    assert plan.row(plan.baseline).paper == BASELINE


def test_rows_are_as_in_the_paper():
    shared = open_plan("table2").row("Enc-dec, shared, LM")
    assert (shared.architecture, shared.objective) == ("encoder_decoder_shared", "prefix_lm")
    assert shared.paper == (79.60, 18.13, 76.35, 63.50, 26.62, 39.17, 27.05)
    assert [row.objective for row in open_plan("table2").rows if row.architecture == "decoder_lm"] == [
        "replace_spans",
        "lm",
    ]
    assert [row.noise_density for row in open_plan("table6").rows] == [0.1, None, 0.25, 0.5]
    assert [row.mean_noise_span_length for row in open_plan("table7").rows] == [None, 2.0, 3.0, 5.0, 10.0]
    assert [row.repeat for row in open_plan("table9").rows] == [None, 64, 256, 1024, 4096]
    assert open_plan("table10").row("Adapter layers, d = 2048").paper == ()
    assert [row.mixture_limit for row in open_plan("table11").rows[2:8]] == [2.0**n for n in range(16, 22)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title =", "is not TOML"),
        ('title = "t"\nbaseline = "a"\n', "has no rows"),
        (PLAN + "objektive = 1\n", "unknown key 'objektive'; did you mean objective?"),
        (PLAN + "repeat = 0\n", "row 1"),
        (PLAN + 'objective = "lm"\n' + ROW, "two rows are called 'a'"),
        (PLAN.replace('baseline = "a"', 'baseline = "b"'), "no row is called 'b'"),
        (PLAN + 'architecture = "gpt"\n', "unknown architecture in p.toml: a 'gpt'"),
        (PLAN + 'mixture = "equal"\nmethod = "adapters"\n', "a mixture is not fine-tuned"),
        (PLAN + "paper = [1.0]\n", "paper needs 7 figures"),
        (PLAN + "learning_rates = [0.0]\n", "learning_rates must be above 0"),
        (PLAN + 'corpus = "a/b"\n', "'a/b' is not a name"),
    ],
)
def test_a_mistake_is_one_line(text, says):
    with pytest.raises(UserError, match=re.escape(says)) as caught:
        parse_plan(text, "p.toml")
    assert "\n" not in str(caught.value)


def test_a_plan_changes_its_scale():
    scale = open_scale("tiny", {"seeds": 7, "pretrain": {"steps": 5}}, "p.toml")
    assert (scale.seeds, scale.pretrain["steps"], scale.pretrain["batch_size"]) == (7, 5, 128)
    with pytest.raises(UserError, match="no training flag 'step'; did you mean steps"):
        open_scale("tiny", {"pretrain": {"step": 5}}, "p.toml")
    with pytest.raises(UserError, match="unknown key 'sedes'; did you mean seeds"):
        open_scale("tiny", {"sedes": 5}, "p.toml")


def test_plans_and_scales_need_no_msgspec(monkeypatch):
    plans, scales = [open_plan(name) for name in PLANS], [open_scale(name, {}, "") for name in SCALES]
    monkeypatch.setattr(checked_json, "msgspec", plain_types)
    assert [open_plan(name) for name in PLANS] == plans
    assert [open_scale(name, {}, "") for name in SCALES] == scales

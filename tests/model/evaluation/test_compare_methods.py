"""compare_methods: every run in its folder, resumable, and one page."""

import json

import pytest

from c4pipe.errors import UserError
from model.actions import finetune
from model.compare_methods import main
from model.evaluation.comparison import spread

FLAGS = ["--steps=4", "--batch_size=8", "--gradient_accumulation=1", "--evaluate_every=2", "--log_every=1"]
FLAGS += ["--checkpoint_every=2", "--device=cpu", "--adapter_size=4", "--seeds=2"]


@pytest.fixture(scope="module")
def compared(base_run, task_folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("compared")
    assert main([f"--checkpoint={base_run}", f"--tasks={task_folder}@sst2", f"--output={output}", *FLAGS]) == 0
    return output


def test_every_method_and_seed_has_its_run_and_its_place_on_the_page(compared):
    found = json.loads((compared / "comparison.json").read_text())
    variants = ["all_parameters", "adapters", "gradual_unfreezing", "from_scratch"]
    assert [(entry["variant"], entry["seed"]) for entry in found["runs"]] == [
        (name, seed) for name in variants for seed in (0, 1)
    ]
    for entry in found["runs"]:
        lines = (compared / "runs" / "sst2" / entry["variant"] / f"seed-{entry['seed']}" / "metrics.jsonl").read_text()
        scores = [json.loads(line)["validation_score"] for line in lines.splitlines() if "validation_score" in line]
        assert entry["score"] == max(scores) and [score for _, score in entry["curve"]] == scores
    by_variant = {entry["variant"]: entry for entry in found["runs"]}
    assert by_variant["adapters"]["trained_parameters"] < 0.5 * by_variant["adapters"]["all_parameters"]
    assert by_variant["adapters"]["stored_bytes"] < by_variant["all_parameters"]["stored_bytes"]
    assert by_variant["gradual_unfreezing"]["trained_parameters"] == by_variant["all_parameters"]["all_parameters"]
    assert all(entry["seconds_a_step"] > 0 for entry in found["runs"])
    assert found["beside"]["sst2"]["majority"] == 50.0
    assert found["beside"]["sst2"]["tf_idf_logistic_regression"] > 90.0
    assert "gain_over_from_scratch" in found["tasks"]["sst2"]["adapters"]
    page = (compared / "comparison.html").read_text()
    assert "gradual unfreezing" in page and "<svg" in page


def test_a_second_start_runs_only_what_is_missing(compared, base_run, task_folder, monkeypatch):
    before = json.loads((compared / "comparison.json").read_text())
    run_json = compared / "runs" / "sst2" / "adapters" / "seed-1" / "run.json"
    record = json.loads(run_json.read_text())
    run_json.write_text(json.dumps({**record, "status": "running"}))
    trained = []
    original = finetune._finetune

    def counted(arguments, *rest):
        trained.append(arguments.output)
        return original(arguments, *rest)

    monkeypatch.setattr(finetune, "_finetune", counted)
    assert main([f"--checkpoint={base_run}", f"--tasks={task_folder}@sst2", f"--output={compared}", *FLAGS]) == 0
    assert trained == [str(run_json.parent)]
    after = json.loads((compared / "comparison.json").read_text())
    assert [entry["score"] for entry in after["runs"]] == [entry["score"] for entry in before["runs"]]


def test_of_several_rates_the_first_seed_chooses(base_run, task_folder, tmp_path, capsys):
    flags = [f"--checkpoint={base_run}", f"--tasks={task_folder}@sst2", f"--output={tmp_path}", *FLAGS]
    assert main([*flags, "--methods=all_parameters", "--rates=all_parameters:1e-9+0.05"]) == 0
    found = json.loads((tmp_path / "comparison.json").read_text())["runs"]
    rates = {entry["learning_rate"] for entry in found}
    assert len(found) == 2 and len(rates) == 1
    runs = sorted(str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("run.json"))
    other = ({"1e-09", "0.05"} - {f"{rate:g}" for rate in rates}).pop()
    assert f"runs/sst2/all_parameters/rate-{other}/seed-0" in runs and len(runs) == 3
    assert "default learning rates" not in capsys.readouterr().err


def test_rates_that_nobody_chose_are_told(base_run, task_folder, tmp_path, capsys):
    flags = [f"--checkpoint={base_run}", f"--tasks={task_folder}@sst2", f"--output={tmp_path}", "--dry_run"]
    assert main([*flags, "--methods=adapters", "--rates=adapters:0.1+0.2"]) == 0
    assert "rates: adapters 0.1 or 0.2" in capsys.readouterr().out


def test_mistakes_are_named(base_run, task_folder, tmp_path):
    common = [f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--output={tmp_path}"]
    with pytest.raises(UserError, match="unknown method 'prompt'"):
        main([*common, "--methods=prompt"])
    with pytest.raises(UserError, match="unknown method of --rates 'x'"):
        main([*common, "--rates=x:1"])
    with pytest.raises(UserError, match="is not METHOD:RATE"):
        main([*common, "--rates=adapters:fast"])
    assert main([*common, "--dry_run"]) == 0
    assert not any(tmp_path.iterdir())


def test_a_spread_is_students_interval_of_the_mean():
    found = spread([80.0, 82.0, 84.0])
    assert (found.mean, found.deviation) == (82.0, 2.0)
    assert found.half_width == pytest.approx(4.302653 * 2 / 3**0.5, rel=1e-5)
    assert spread([5.0]).half_width == 0.0

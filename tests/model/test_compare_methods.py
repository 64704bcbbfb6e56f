"""compare_methods: every method and seed has its run and its line, and a second start runs only what is missing."""

import csv
import json

import pytest

from c4pipe.errors import UserError
from model.actions import finetune
from model.compare_methods import main

FLAGS = ["--steps=4", "--batch_size=8", "--gradient_accumulation=1", "--evaluate_every=2", "--log_every=1"]
FLAGS += ["--checkpoint_every=2", "--device=cpu", "--adapter_size=4", "--seeds=2"]
METHODS = ["all_parameters", "adapters", "gradual_unfreezing", "from_scratch"]

pytestmark = pytest.mark.usefixtures("search_in_one_process")


def read_csv(output) -> list[dict[str, str]]:
    return list(csv.DictReader((output / "search.csv").open()))


@pytest.fixture(scope="module")
def compared(base_run, task_folder, tmp_path_factory, search_in_one_process):
    output = tmp_path_factory.mktemp("compared")
    assert main([f"--checkpoint={base_run}", f"--tasks={task_folder}@sst2", f"--output={output}", *FLAGS]) == 0
    return output


def test_every_method_and_seed_has_its_run_and_its_place_on_the_page(compared):
    found = read_csv(compared)
    assert [(line["row"], line["seed"]) for line in found] == [(name, seed) for name in METHODS for seed in "01"]
    metrics = [json.loads(path.read_text()) for path in compared.glob("runs/evaluate-*/metrics.json")]
    assert sorted(float(line["score"]) for line in found) == sorted(
        of_run["tasks"]["sst2"]["accuracy"] for of_run in metrics
    )
    by_row = {line["row"]: {name: line[name] for name in line} for line in found}
    trained = {name: int(line["trained_parameters"]) for name, line in by_row.items()}
    assert trained["adapters"] < 0.5 * trained["all_parameters"]
    assert trained["gradual_unfreezing"] == int(by_row["all_parameters"]["all_parameters"])
    assert int(by_row["adapters"]["stored_bytes"]) < int(by_row["all_parameters"]["stored_bytes"])
    page = (compared / "search.html").read_text()
    assert "gradual_unfreezing" in page and "<svg" in page and "Difference from from_scratch" in page
    assert "most frequent label" in page and '<td class="number">50</td>' in page
    assert r"\begin{tabular}" in (compared / "search.tex").read_text()


def test_a_second_start_runs_only_what_is_missing(compared, base_run, task_folder, monkeypatch):
    before = (compared / "search.csv").read_text()
    run_json = next(
        path
        for path in sorted(compared.glob("runs/finetune-*/run.json"))
        if json.loads(path.read_text())["method"] == "adapters"
    )
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
    assert (compared / "search.csv").read_text() == before


def test_of_several_rates_the_first_seed_chooses(base_run, task_folder, tmp_path, capsys):
    flags = [f"--checkpoint={base_run}", f"--tasks={task_folder}@sst2", f"--output={tmp_path}", *FLAGS]
    assert main([*flags, "--methods=all_parameters", "--rates=all_parameters:1e-9+0.05"]) == 0
    found = read_csv(tmp_path)
    assert len(found) == 2 and len({line["learning_rate"] for line in found}) == 1
    tried = [json.loads(path.read_text())["settings"] for path in tmp_path.glob("runs/finetune-*/run.json")]
    assert sorted((run["seed"], run["learning_rate"]) for run in tried if run["seed"] == 0) == [(0, 1e-9), (0, 0.05)]
    assert [run["learning_rate"] for run in tried if run["seed"] == 1] == [float(found[0]["learning_rate"])]
    assert "defaults are not chosen" not in capsys.readouterr().err


def test_mistakes_are_named(base_run, task_folder, tmp_path):
    common = [f"--checkpoint={base_run}", f"--tasks={task_folder}", f"--output={tmp_path}"]
    with pytest.raises(UserError, match="unknown method 'prompt'"):
        main([*common, "--methods=prompt"])
    with pytest.raises(UserError, match="unknown method of --rates 'x'"):
        main([*common, "--rates=x:1"])
    with pytest.raises(UserError, match="is not METHOD:RATE"):
        main([*common, "--rates=adapters:fast"])
    with pytest.raises(UserError, match="--seeds=0 must be at least 1"):
        main([*common, "--seeds=0"])
    assert main([*common, "--dry_run"]) == 0
    assert not any(tmp_path.iterdir())

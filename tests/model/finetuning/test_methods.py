"""What each method lets train, bit by bit."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from c4pipe.errors import UserError
from model.architectures.t5 import Examples
from model.checkpoints import adapter_files, hugging_face, step_folder
from model.checkpoints.loading import load_checkpoint
from model.checkpoints.opening import open_model
from model.checkpoints.run_folder import RunFolder
from model.evaluate import main as evaluate
from model.finetune import main as finetune
from model.finetuning import adapters
from model.finetuning.base import open_base, start_model
from model.finetuning.catalog import METHODS
from model.finetuning.gradual_unfreezing import episode_of, trains
from model.finetuning.method import MethodSettings
from model.training.computation import Computation
from model.training.parallel.sharding import place_model
from model.training.ranks.world import World
from model.training.settings import TrainingSettings

STEPS = 6


def run(base: Path, tasks: Path, output: Path, *flags: str) -> int:
    common = ["--steps=6", "--batch_size=8", "--gradient_accumulation=1", "--evaluate_every=3", "--log_every=1"]
    common += ["--checkpoint_every=2", "--keep=9", "--device=cpu", "--learning_rate=0.01"]
    return finetune([f"--checkpoint={base}", f"--tasks={tasks}", f"--output={output}", *common, *flags])


@pytest.fixture(scope="module")
def tuned(base_run, task_folder, tmp_path_factory) -> dict[str, Path]:
    """A run by each method on both tasks."""
    folder = tmp_path_factory.mktemp("tuned")
    for method in METHODS:
        assert run(base_run, task_folder, folder / method, f"--method={method}", "--adapter_size=4") == 0
    return {method: folder / method for method in METHODS}


def weights_at(run_folder: Path, step: int) -> dict[str, torch.Tensor]:
    return step_folder.read_weights(RunFolder(str(run_folder)).of_step(step))


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def placed(config, seed: int = 0):
    """For `start_model`: makes a model of the config here."""
    return partial(place_model, config, World(), TrainingSettings(seed=seed).completed(), "ddp")


def test_all_parameters_change(tuned, base_run):
    before = weights_at(base_run, 1)
    assert changed(before, weights_at(tuned["all_parameters"], STEPS)) == set(before)


def test_adapters_change_nothing_when_they_are_inserted(base_run):
    base = open_base(str(base_run)).checkpoint
    plain = start_model(base, base.config, placed(base.config))
    config = adapters.extend(base.config, MethodSettings(adapter_size=8, steps=1))
    adapted = start_model(base, config, placed(config))
    inputs, targets = torch.randint(3, 60, (4, 20)), torch.randint(3, 60, (4, 7))
    assert len(list(adapted.parameters())) == len(list(plain.parameters())) + 2 * 6
    assert torch.equal(plain.logits(Examples(inputs, targets)), adapted.logits(Examples(inputs, targets)))


def test_only_adapters_and_norms_differ_afterwards(tuned, base_run):
    before, after = weights_at(base_run, 1), weights_at(tuned["adapters"], STEPS)
    added = {name for name in after if ".adapter." in name}
    norms = {name for name in before if name.split(".")[-2].endswith("norm")}
    assert set(after) - added == set(before)
    assert len(added) == 12 and all(after[name].abs().sum() > 0 for name in added)
    assert changed(before, after) == norms


def test_adapters_alone_are_small_and_make_the_model_again_on_their_base(tuned, base_run, tmp_path):
    folder = tuned["adapters"]
    alone = sum((folder / name).stat().st_size for name in (adapter_files.WEIGHTS_FILE, adapter_files.DESCRIPTION_FILE))
    whole = load_checkpoint(str(folder))
    assert alone < 0.5 * sum(4 * tensor.numel() for tensor in whole.state_dict.values())
    base = load_checkpoint(str(base_run))
    config, weights = adapter_files.load_onto(str(folder), base.config, base.state_dict)
    assert config.adapter_size == 4
    assert not changed(whole.state_dict, weights)
    other = {**base.state_dict, "embedding.weight": base.state_dict["embedding.weight"] + 1e-3}
    with pytest.raises(UserError, match=r"another base model \(embedding.weight differs\)"):
        adapter_files.load_onto(str(folder), base.config, other)
    with pytest.raises(UserError, match="holds no adapters"):
        adapter_files.load_onto(str(tmp_path), base.config, base.state_dict)


def test_a_model_with_adapters_is_not_exported_and_says_why(tuned):
    with pytest.raises(UserError, match="they cannot be merged"):
        hugging_face.check_exportable(open_model(str(tuned["adapters"])).model.config)


def test_adapters_are_not_put_upon_adapters(tuned, task_folder, tmp_path):
    with pytest.raises(UserError, match="already has adapters of size 4"):
        run(tuned["adapters"], task_folder, tmp_path / "run", "--method=adapters")


@pytest.mark.parametrize(("steps", "layers"), [(12, 12), (100, 12), (262_144, 12), (7, 3), (10, 4)])
def test_episodes_are_equally_long_to_within_a_step(steps, layers):
    episodes = [episode_of(step, steps, layers) for step in range(1, steps + 1)]
    lengths = [episodes.count(episode) for episode in range(layers)]
    assert episodes == sorted(episodes)
    assert max(lengths) - min(lengths) <= 1 and min(lengths) >= 1


def test_episodes_open_layers_from_the_top_in_both_stacks_at_once(base_run):
    names = list(load_checkpoint(str(base_run)).state_dict)
    config = load_checkpoint(str(base_run)).config
    opened = [trains(config, names, MethodSettings(0, 3), step) for step in (1, 2, 3)]
    for episode, names_open in enumerate(opened):
        layers = {tuple(name.split(".")[:3]) for name in names_open if ".layers." in name}
        expected = {
            (stack, "layers", str(layer)) for stack in ("encoder", "decoder") for layer in range(2 - episode, 3)
        }
        assert layers == expected
        assert {"embedding.weight", "encoder.final_norm.weight", "decoder.final_norm.weight"} <= names_open
    assert opened[0] < opened[1] < opened[2] == frozenset(names)


def test_what_is_not_yet_unfrozen_is_bit_identical_and_has_no_optimizer_state(tuned, base_run):
    folder = tuned["gradual_unfreezing"]
    before = weights_at(base_run, 1)
    config = load_checkpoint(str(base_run)).config
    for step in (2, 4, 6):
        wanted = trains(config, list(before), MethodSettings(0, STEPS), step)
        assert changed(before, weights_at(folder, step)) == wanted
        state = step_folder.read_optimizer(RunFolder(str(folder)).of_step(step))
        assert {key.rpartition("/")[0] for key in state} == wanted
    state = step_folder.read_optimizer(RunFolder(str(folder)).of_step(STEPS))
    counts = {key.rpartition("/")[0]: int(value) for key, value in state.items() if key.endswith("/num_updates")}
    assert counts["embedding.weight"] == 6
    assert [counts[f"encoder.layers.{layer}.feed_forward.wi.weight"] for layer in (2, 1, 0)] == [6, 4, 2]


def test_runs_keep_the_best_by_score_on_every_task(tuned):
    for folder in tuned.values():
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        scored = [line for line in lines if "validation_score" in line]
        assert [line["step"] for line in scored] == [0, 3, 6]
        for line in scored:
            both = [line["validation_score/mine"], line["validation_score/sst2"]]
            assert line["validation_score"] == pytest.approx(sum(both) / 2)
        assert json.loads((folder / "run.json").read_text())["best_metric"]["higher_is_better"]


def test_a_finished_run_is_left_alone_and_another_refused(tuned, base_run, task_folder, capsys):
    folder = tuned["gradual_unfreezing"]
    before = (folder / "run.json").read_bytes()
    assert run(base_run, task_folder, folder, "--method=gradual_unfreezing") == 0
    assert "nothing to do" in capsys.readouterr().out
    with pytest.raises(UserError, match="holds another run: method was gradual_unfreezing, is now all_parameters"):
        run(base_run, task_folder, folder)
    with pytest.raises(UserError, match="steps_of_method was 6, is now 9"):
        run(base_run, task_folder, folder, "--method=gradual_unfreezing", "--steps=9", "--resume")
    assert (folder / "run.json").read_bytes() == before


def test_adapters_load_on_their_base_for_evaluation(tuned, base_run, task_folder, tmp_path):
    common = [f"--tasks={task_folder}", "--device=cpu"]
    evaluate([f"--checkpoint={tuned['adapters']}", *common, f"--output={tmp_path}/a"])
    evaluate([f"--checkpoint={base_run}", f"--adapters={tuned['adapters']}", *common, f"--output={tmp_path}/b"])
    assert (tmp_path / "a" / "predictions.jsonl").read_bytes() == (tmp_path / "b" / "predictions.jsonl").read_bytes()


def test_each_task_may_choose_its_own_checkpoint(tuned, task_folder, tmp_path):
    folder = tuned["all_parameters"]
    common = [f"--tasks={task_folder}", "--device=cpu", f"--output={tmp_path}/each"]
    assert evaluate([f"--checkpoint={folder}@each", *common]) == 0
    found = json.loads((tmp_path / "each" / "metrics.json").read_text())
    by_step = {}
    for step in (2, 3, 4, 6):
        if not RunFolder(str(folder)).of_step(step).exists():
            continue
        evaluate([f"--checkpoint={folder}@{step}", *common[:-1], f"--output={tmp_path}/{step}"])
        by_step[f"{folder}@{step}"] = json.loads((tmp_path / str(step) / "metrics.json").read_text())["tasks"]
    assert len(by_step) >= 3
    for task, chosen in found["chosen_checkpoints"].items():
        best = max(scores[task]["accuracy"] for scores in by_step.values())
        assert found["tasks"][task]["accuracy"] == by_step[chosen][task]["accuracy"] == best


def test_packing_changes_no_loss_of_the_first_step(base_run, task_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(Computation, "computes_padding", True)  # otherwise nothing is packed on a CPU
    flags = ["--steps=1", "--dropout_rate=0", "--validation_examples=0"]
    for name, more in (("trimmed", []), ("packed", ["--pack"])):
        assert run(base_run, task_folder, tmp_path / name, *flags, *more) == 0
    losses = [
        [
            json.loads(line)["loss"]
            for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()
            if "loss" in line
        ]
        for name in ("trimmed", "packed")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_from_scratch_takes_the_shape_alone(base_run):
    base = open_base(str(base_run)).checkpoint
    fresh = start_model(base, base.config, placed(base.config, seed=1), from_scratch=True)
    assert changed(base.state_dict, dict(fresh.named_parameters()))


def test_a_mixture_of_a_tasks_choice_and_a_hugging_face_folder_as_base(base_run, task_folder, tmp_path):
    from model.export import main as export

    assert export([f"--checkpoint={base_run}", f"--output={tmp_path}/hf"]) == 0
    flags = ["--steps=2", "--evaluate_every=2", "--mixture=equal"]
    assert run(tmp_path / "hf", task_folder, tmp_path / "run", *flags) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert {(source["split"], source["rate"]) for source in record["examples"]} == {
        ("mine-train", 0.5),
        ("sst2-train", 0.5),
    }
    assert run(tmp_path / "hf", f"{task_folder}@sst2", tmp_path / "one", "--steps=1", "--leave_out=") == 0
    with pytest.raises(UserError, match="has no task 'rte'"):
        run(tmp_path / "hf", f"{task_folder}@rte", tmp_path / "none")


def test_tasks_of_another_vocabulary_are_refused(example_folder, task_folder, base_run, tmp_path, spiece_model):
    with pytest.raises(UserError, match="different vocabularies"):
        run(base_run, example_folder, tmp_path / "run")

import json
import os
import resource
import signal

import pytest
import torch

from model.architectures.config import ModelConfig
from model.checkpoints import step_folder
from model.training.figures import metrics_log
from model.training.hooks import Hooks
from model.training.settings import BestMetric
from model.training.trainer import NonFiniteLoss


def losses(trainer) -> list[float]:
    return [line["loss"] for line in metrics_log.read(trainer.folder.metrics) if "loss" in line]


def weights(trainer) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in trainer.model.named_parameters()}


def assert_equal_weights(one, other) -> None:
    assert all(torch.equal(a, b) for a, b in zip(weights(one).values(), weights(other).values(), strict=True))


SMALL = ModelConfig(vocabulary_size=384, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)


@pytest.mark.parametrize("parts", [2, 8])
def test_accumulation_changes_neither_the_first_loss_nor_the_curve(make_trainer, parts):
    smooth = SMALL.with_(feed_forward="gated_gelu")
    whole = make_trainer(folder="whole", config=smooth, gradient_accumulation=1, steps=20)
    cut = make_trainer(folder="cut", config=smooth, gradient_accumulation=parts, steps=20)
    whole.train()
    cut.train()
    assert losses(cut)[0] == pytest.approx(losses(whole)[0], abs=1e-5)
    # Measured: 1e-6 over 24 steps, dropout included, where units are smooth. A ReLU that rounding tips over its kink
    # (one in some ten steps of a tiny model) makes it some 1e-3.
    assert losses(cut) == pytest.approx(losses(whole), abs=1e-5)
    assert losses(whole)[-1] < losses(whole)[0] - 0.5


def test_the_loss_weighs_tokens_not_parts(make_trainer):
    """Parts with different numbers of target tokens: the mean of the parts' means would be another number."""
    trainer = make_trainer()
    trainer.computation.train_only(None)
    batch = trainer._prepared(next(iter(trainer._stream.batches(0))))
    targets = batch.targets.clone()
    targets[:4, 1:] = 0
    batch = batch.map(lambda tensor: targets if tensor is batch.targets else tensor)
    gradients = []
    for parts in (1, 2):
        trainer.optimizer.zero_grad()
        trainer.computation.accumulate(batch, parts, seed=0, step=1)
        gradients.append([parameter.grad for parameter in trainer.model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_a_resumed_run_is_the_run_that_was_never_stopped(make_trainer):
    through = make_trainer(folder="through")
    through.train()
    first = make_trainer(folder="cut", steps=12)

    class Killed(Exception):
        pass

    def die(step: int) -> None:
        if step == 11:
            raise Killed

    first.hooks = Hooks(before_step=die)
    with pytest.raises(Killed):
        first.train()
    first.saver.wait()
    second = make_trainer(folder="cut")
    assert second.resume()
    assert second.step == 8
    second.train()
    assert losses(second) == losses(through)
    assert_equal_weights(second, through)


def test_a_run_that_dies_in_an_evaluation_loses_nothing(make_trainer):
    class Killed(Exception):
        pass

    def evaluate(step: int, is_last: bool, watch) -> dict[str, float]:
        if step == 8 and dies:
            raise Killed
        return {"score": float(step)}

    dies = True
    hooks = Hooks(evaluate=evaluate, best=BestMetric("score", higher_is_better=True))
    with pytest.raises(Killed):
        make_trainer(hooks).train()
    dies = False
    again, through = make_trainer(hooks), make_trainer(hooks, folder="through")
    assert again.resume() and again.step == 8
    again.train()
    through.train()

    def read(trainer):
        return [(line.get("loss"), line.get("score")) for line in metrics_log.read(trainer.folder.metrics)]

    assert read(again) == read(through)
    assert again.folder.best("score", higher_is_better=True).step == 12
    assert step_folder.read_state(again.folder.of_step(8)).metrics == {"score": 8.0}


def test_a_truncated_checkpoint_is_passed_over_with_a_warning(make_trainer):
    trainer = make_trainer()
    trainer.train()
    path = trainer.folder.of_step(12) / step_folder.MODEL_FILE
    path.write_bytes(path.read_bytes()[:-100])
    again = make_trainer(steps=16)
    with pytest.warns(UserWarning, match="step-00000012 is skipped"):
        assert again.resume()
    assert again.step == 8
    again.train()
    assert step_folder.fault(again.folder.of_step(12)) is None
    assert (again.folder.checkpoints / "step-00000012.damaged").is_dir()


def test_a_changed_byte_is_found_by_its_checksum(make_trainer):
    trainer = make_trainer(steps=4)
    trainer.train()
    path = trainer.folder.of_step(4) / step_folder.MODEL_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "checksum" in (step_folder.fault(trainer.folder.of_step(4)) or "")


def test_the_newest_checkpoints_and_the_best_are_kept(make_trainer):
    values = {0: 9.0, 2: 5.0, 4: 2.0, 6: 3.0, 8: 4.0, 10: 3.5, 12: 3.2}
    hooks = Hooks(evaluate=lambda step, is_last, watch: {"score": values[step]}, best=BestMetric("score"))
    trainer = make_trainer(hooks, checkpoint_every=2, evaluate_every=2, keep=2)
    trainer.train()
    assert step_folder.steps(trainer.folder.checkpoints) == [4, 10, 12]
    assert trainer.folder.best("score", higher_is_better=False).step == 4
    assert metrics_log.read(trainer.folder.metrics)[0] == {"step": 0, "examples_seen": 0, "score": 9.0}


def test_a_new_best_is_saved_between_checkpoints(make_trainer):
    values = {0: 1.0, 3: 5.0, 6: 7.0, 9: 6.0, 12: 2.0}
    best = BestMetric("score", higher_is_better=True)
    hooks = Hooks(evaluate=lambda step, is_last, watch: {"score": values[step]}, best=best)
    trainer = make_trainer(hooks, checkpoint_every=100, evaluate_every=3, keep=1)
    trainer.train()
    assert step_folder.steps(trainer.folder.checkpoints) == [6, 12]


def test_sigterm_leaves_a_checkpoint_and_ends_clean(make_trainer):
    hooks = Hooks(before_step=lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 5 else None)
    trainer = make_trainer(hooks)
    outcome = trainer.train()
    assert (outcome.step, outcome.stopped) == (5, True)
    assert trainer.folder.newest_whole().step == 5
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    through, again = make_trainer(folder="through"), make_trainer()
    through.train()
    assert again.resume()
    again.train()
    assert losses(again) == losses(through)
    assert_equal_weights(again, through)


def test_a_full_disk_while_saving_does_not_end_training(make_trainer):
    """Files over a limit cannot be written while steps 4 to 7 go by; the kernel says so in the middle of a write."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(step: int) -> None:
        if step in (4, 8):
            trainer.saver.wait()
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000 if step == 4 else hard, hard))

    trainer = make_trainer(Hooks(before_step=limit), checkpoint_every=2)
    try:
        with pytest.warns(UserWarning, match="could not be written .*; training continues"):
            outcome = trainer.train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert outcome.step == 12
    assert step_folder.steps(trainer.folder.checkpoints) == [8, 10, 12]
    assert not [name for name in os.listdir(trainer.folder.checkpoints) if "incomplete" in name]
    assert len(losses(trainer)) == 12


def test_a_loss_that_is_no_number_stops_and_names_the_batch(make_trainer):
    def poison(step: int) -> None:
        if step == 6:
            with torch.no_grad():
                trainer.model.embedding.weight[5] = float("nan")

    trainer = make_trainer(Hooks(before_step=poison), log_every=10, checkpoint_every=5)
    with pytest.raises(NonFiniteLoss) as caught:
        trainer.train()
    assert caught.value.figures.step == 6 and caught.value.position == 5 * 8
    assert step_folder.steps(trainer.folder.checkpoints) == [5]


def test_only_what_trains_at_a_step_changes(make_trainer):
    def trains(step: int):
        return (
            {"decoder.final_norm.weight"} if step <= 6 else {"decoder.final_norm.weight", "encoder.final_norm.weight"}
        )

    seen = {}
    hooks = Hooks(trains=trains, before_step=lambda step: seen.update({step: weights(trainer)}))
    trainer = make_trainer(hooks, optimizer="adamw", learning_rate=0.01)
    start = weights(trainer)
    trainer.train()
    end = weights(trainer)
    changed = {name for name in end if not torch.equal(start[name], end[name])}
    assert changed == {"decoder.final_norm.weight", "encoder.final_norm.weight"}
    assert torch.equal(seen[7]["encoder.final_norm.weight"], start["encoder.final_norm.weight"])
    assert trainer.optimizer.num_updates_of(trainer.model.encoder.final_norm.weight) == 6


def test_the_log_of_a_run_that_was_cut_off_has_every_step_once(make_trainer):
    trainer = make_trainer()
    trainer.train()
    with open(trainer.folder.metrics, "a") as log:
        log.write('{"step": 13, "lo')
    again = make_trainer(steps=14)
    assert again.resume()
    again.train()
    steps = [json.loads(line)["step"] for line in trainer.folder.metrics.read_text().splitlines()]
    assert steps == list(range(1, 15)) or steps == list(range(15))


def test_memory_decides_the_parts(make_trainer, monkeypatch):
    from model.training import memory

    trainer = make_trainer()
    trainer.computation.train_only(None)
    batch = trainer._prepared(next(iter(trainer._stream.batches(0))))
    fixed, a_row = memory.activation_bytes(trainer.computation, batch)
    for free, parts in ((fixed + 8 * a_row, 1), (fixed + 7.9 * a_row, 2), (fixed + 1.5 * a_row, 8)):
        monkeypatch.setattr(memory, "free_bytes", lambda device, free=free: free / memory._SHARE[device.type])
        assert memory.fewest_parts(trainer.computation, batch, num_rows=len(batch), state_bytes=0) == parts
    monkeypatch.setattr(memory, "free_bytes", lambda device: fixed / memory._SHARE[device.type])
    with pytest.raises(memory.UserError, match="activation_checkpointing"):
        memory.fewest_parts(trainer.computation, batch, num_rows=len(batch), state_bytes=0)

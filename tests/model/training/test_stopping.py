"""A request to stop is obeyed in an evaluation too, by every rank, and nothing of it is lost."""

import os
import signal
import time

import pytest
import torch.distributed as dist

from model.training.figures import metrics_log
from model.training.hooks import Hooks
from model.training.ranks.signals import StopRequest
from model.training.ranks.stopping import StopFlag
from model.training.ranks.world import World
from model.training.settings import BestMetric

BEST = BestMetric("score", higher_is_better=True)


def slow_evaluation(at: int, seen: list[int]) -> Hooks:
    """Would take minutes at one step, in which the signal comes."""

    def evaluate(step, is_last, watch):
        watch.begin(6000)
        if step == at and not seen:
            seen.append(step)
            os.kill(os.getpid(), signal.SIGTERM)
            deadline = time.monotonic() + 600
            while not watch.stopping():
                assert time.monotonic() < deadline
                watch.advance(1)
                time.sleep(0.01)
            return {"score": float("nan")}
        return {"score": float(step)}

    return Hooks(evaluate=evaluate, best=BEST)


@pytest.mark.parametrize("at", [4, 12])
def test_an_evaluation_is_given_up_and_made_by_the_start_that_continues(make_trainer, at):
    seen: list[int] = []
    trainer = make_trainer(slow_evaluation(at, seen))
    outcome = trainer.train()
    assert (outcome.step, outcome.stopped, seen) == (at, True, [at])
    assert trainer.folder.newest_whole().step == at and not trainer.folder.newest_whole().metrics
    again, through = make_trainer(slow_evaluation(at, seen)), make_trainer(slow_evaluation(-1, []), folder="through")
    assert again.resume()
    assert not again.train().stopped
    through.train()

    def read(trainer):
        lines = metrics_log.read(trainer.folder.metrics)
        return [(line["step"], line.get("loss"), line.get("score")) for line in lines]

    assert read(again) == read(through)
    assert again.folder.best("score", higher_is_better=True).step == 12


def test_a_stop_in_the_first_evaluation_leaves_nothing_to_continue(make_trainer):
    trainer = make_trainer(slow_evaluation(0, []))
    outcome = trainer.train()
    assert (outcome.step, outcome.stopped) == (0, True)
    assert not trainer.folder.states() and not metrics_log.read(trainer.folder.metrics)


def test_a_word_of_one_rank_reaches_the_others(monkeypatch):
    store, request = dist.HashStore(), StopRequest()
    asked = StopFlag(World(rank=0, size=2, store=store), request)
    other = StopFlag(World(rank=1, size=2, store=store), StopRequest())
    assert not asked.is_set() and not other.is_set()
    request.signal_name = "SIGTERM"
    assert asked.is_set()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1)
    assert other.is_set()

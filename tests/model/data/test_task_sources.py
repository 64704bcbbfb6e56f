"""Mixtures of tasks: exact rates over a long run, in the same order on any number of ranks."""

import itertools

import numpy as np
import pytest

from c4pipe.errors import UserError
from c4pipe.shards.stream.stream import open_stream
from model.data.mixture_flags import MixtureFlags
from model.data.task_sources import mix, task_sources
from model.data.trimming import coarsely_trimmed_batch, trimmed_batch

EXAMPLES = 100_000
BATCH = 600


def rates(sources):
    return {source.split.removesuffix("-train"): pytest.approx(source.rate) for source in sources}


def test_a_task_is_named_behind_its_folder(task_folder):
    assert [source.split for source in task_sources(f"{task_folder}@mine:2,{task_folder}@sst2-train")] == [
        "mine-train",
        "sst2-train",
    ]
    assert task_sources(str(task_folder))[0].split == "train"


def test_mixtures_follow_the_sizes_of_tasks(task_folder):
    sources = task_sources(str(task_folder))
    assert mix(sources, MixtureFlags()) == sources
    assert rates(mix(sources, MixtureFlags(mixture="equal"))) == {"mine": 0.5, "sst2": 0.5}
    assert rates(mix(sources, MixtureFlags(mixture="proportional"))) == {"mine": 0.4, "sst2": 0.6}
    assert rates(mix(sources, MixtureFlags(mixture="proportional", mixture_limit=40))) == {"mine": 0.5, "sst2": 0.5}
    root = 40**0.5 / (40**0.5 + 60**0.5)
    assert rates(mix(sources, MixtureFlags(mixture="proportional", mixture_temperature=2))) == {
        "mine": root,
        "sst2": 1 - root,
    }


def test_a_task_can_be_left_out_and_unsupervised_examples_take_part(task_folder, example_folder):
    sources = task_sources(f"{task_folder},{example_folder}:2")
    assert [source.split for source in mix(sources, MixtureFlags(leave_out="mine"))] == ["sst2-train", "train"]
    assert [source.rate for source in mix(sources, MixtureFlags(leave_out="mine"))] == [1.0, 2.0]
    mixed = mix(sources, MixtureFlags(mixture="equal"))
    assert [round(source.rate, 6) for source in mixed] == [0.333333, 0.333333, 0.666667]
    with pytest.raises(UserError, match="rte cannot be left out"):
        mix(sources, MixtureFlags(leave_out="rte"))


@pytest.mark.parametrize("mixture", [{"mixture": "proportional", "mixture_temperature": 2.0}, {"mixture": "equal"}])
def test_rates_are_exact_over_a_hundred_thousand_examples_on_one_two_and_three_ranks(task_folder, mixture):
    sources = mix(task_sources(str(task_folder)), MixtureFlags(**mixture))
    orders = []
    for world_size in (1, 2, 3):
        parts = []
        for rank in range(world_size):
            stream = open_stream(sources, seed=1, batch_size=BATCH, rank=rank, world_size=world_size)
            batches = stream.batches()
            parts.append([next(batches) for _ in range(-(-EXAMPLES // BATCH))])
        whole = [np.concatenate([part[step].source for part in parts]) for step in range(len(parts[0]))]
        ids = [np.concatenate([part[step].example_id for part in parts]) for step in range(len(parts[0]))]
        orders.append((np.concatenate(whole)[:EXAMPLES], np.concatenate(ids)[:EXAMPLES]))
    for source, examples in orders[1:]:
        assert (source == orders[0][0]).all() and (examples == orders[0][1]).all()
    total = sum(source.rate for source in sources)
    counts = np.bincount(orders[0][0], minlength=len(sources))
    wanted = [EXAMPLES * source.rate / total for source in sources]
    assert np.abs(counts - wanted).max() <= 1


def test_columns_of_padding_alone_are_left_out(task_folder):
    stream = open_stream(task_sources(f"{task_folder}@sst2"), seed=0, batch_size=4)
    ids = next(stream.batches())
    batch = trimmed_batch(ids, 0)
    longest = max(np.count_nonzero(row) for row in ids.inputs)
    assert longest <= batch.inputs.shape[1] < longest + 8 <= 32 + 8
    assert batch.num_tokens == np.count_nonzero(ids.inputs) + np.count_nonzero(ids.targets)


def test_a_compiled_model_gets_few_widths(task_folder):
    for ids in itertools.islice(open_stream(task_sources(str(task_folder)), seed=0, batch_size=4).batches(), 8):
        batch = coarsely_trimmed_batch(ids, 0)
        for trimmed, whole in ((batch.inputs, ids.inputs), (batch.targets, ids.targets)):
            width = trimmed.shape[1]
            assert width == whole.shape[1] or (width >= 8 and width & (width - 1) == 0)
            assert np.count_nonzero(whole) == int((trimmed != 0).sum())


def test_leaving_out_padding_changes_no_loss_and_no_dropout(task_folder):
    from model.architectures.catalog import build_model
    from model.architectures.config import ModelConfig
    from model.architectures.dropout import example_keys
    from model.data.batches import as_batch

    model = build_model(ModelConfig(vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2))
    ids = next(open_stream(task_sources(f"{task_folder}@sst2"), seed=0, batch_size=4).batches())
    whole, trimmed = as_batch(ids, 0), trimmed_batch(ids, 0)
    assert trimmed.inputs.shape[1] < whole.inputs.shape[1] and trimmed.targets.shape[1] < whole.targets.shape[1]
    losses = [
        model(batch.examples, dropout_keys_B=example_keys(1, 2, batch.numbers)).loss_sum.item()
        for batch in (whole, trimmed)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)

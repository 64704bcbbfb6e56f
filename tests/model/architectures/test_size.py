"""The computed size equals the memory that a forward pass keeps, without allocating either."""

from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from c4pipe.errors import UserError
from model.architectures import attention
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.presets import preset
from model.architectures.size import Training, check_fits, largest_rows, size_of
from model.architectures.t5 import Examples
from model.training.optimizers.catalog import recipe_by_name


def kept_bytes(config, training, monkeypatch):
    """Storages that autograd keeps in a forward pass over tensors that have shapes only."""
    implementation = attention.fused_attention if training.fused else attention.plain_attention
    monkeypatch.setattr(attention, "IMPLEMENTATIONS", {"plain": implementation})
    storages, tensors = {}, []

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            storages[storage._cdata] = storage.nbytes()
            tensors.append(tensor)
        return tensor

    with FakeTensorMode():
        model = ARCHITECTURES[config.architecture](config)
        model.set_activation_checkpointing(training.activation_checkpointing)
        own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        inputs = torch.ones(training.rows, training.inputs_length, dtype=torch.int64)
        targets = torch.ones(training.rows, training.targets_length, dtype=torch.int64)
        with (
            torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=training.bf16),
        ):
            model(Examples(inputs, targets))
    return sum(storages.values())


PRESETS = {"encoder_decoder": "t5_small", "encoder_decoder_shared": "t5_v1_1_base", "decoder_lm": "t5_tiny"}


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("name, architecture", [(PRESETS.get(name, "t5_v1_1_small"), name) for name in ARCHITECTURES])
def test_activations_are_those_of_a_forward_pass(name, architecture, bf16, checkpointing, monkeypatch):
    config = preset(name, architecture=architecture)
    training = Training(8, 512, 114, bf16=bf16, activation_checkpointing=checkpointing)
    size = size_of(config, training)
    head = config.vocabulary_size * config.d_model * 4
    # Checkpointed layers make their bf16 copies anew, each in its turn.
    computed = size.activations + head + (0 if checkpointing else size.copies)
    assert computed == pytest.approx(kept_bytes(config, training, monkeypatch), rel=0.08)


def test_checkpointing_computes_one_layer_again():
    config = preset("t5_base", architecture="decoder_lm")
    training = Training(8, 512, 114)
    deeper = config.with_(num_layers=config.num_layers + 1)
    a_layer = size_of(deeper, training).activations - size_of(config, training).activations
    assert size_of(config, replace(training, activation_checkpointing=True)).recomputed == a_layer
    assert size_of(config, training).recomputed == 0


@pytest.mark.parametrize("optimizer, expected", [("adafactor", 1.01), ("adamw", 3.0)])
def test_state_is_exact(optimizer, expected):
    config = preset("t5_base")
    size = size_of(config, Training(1, 512, 114, optimizer_state=recipe_by_name(optimizer).state_elements))
    count = sum(parameter.numel() for parameter in build_model(config, device="meta").parameters())
    assert size.num_parameters == count == 222_903_552
    assert size.parameters == size.gradients == 4 * count
    assert (size.parameters + size.optimizer) / size.parameters == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "name, millions",
    [
        ("t5_small", 60.5),
        ("t5_base", 222.9),
        ("t5_large", 737.7),
        ("t5_3b", 2851.6),
        ("t5_11b", 11307.3),
        ("t5_v1_1_small", 77.0),
        ("t5_v1_1_base", 247.6),
        ("t5_v1_1_large", 783.2),
        ("t5_v1_1_xl", 2849.8),
        ("t5_v1_1_xxl", 11135.3),
    ],
)
def test_presets_have_the_parameters_of_the_published_models(name, millions):
    assert size_of(preset(name), Training(1, 8, 8)).num_parameters / 1e6 == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize("name", ["t5_tiny", "t5_v1_1_tiny"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tiny_has_one_to_three_million_parameters_beside_the_embedding(name, architecture):
    config = preset(name, architecture=architecture)
    tables = config.vocabulary_size * config.d_model * (1 if config.tie_embeddings else 2)
    assert 1e6 <= size_of(config, Training(1, 8, 8)).num_parameters - tables <= 3e6


def test_what_cannot_fit_is_refused_with_the_figure_and_the_mend():
    training = Training(64, 512, 114, bf16=True, fused=True)
    base = preset("t5_v1_1_base")
    needed = size_of(base, training).total
    assert check_fits(base, training, needed).total == needed
    with pytest.raises(
        UserError, match=r"at most \d+ rows at a time fit .*--gradient_accumulation; or with --activation_check"
    ):
        check_fits(base, training, 12e9)
    with pytest.raises(UserError, match=r"need .* parameters 45\.23 GB.* --parallel=fsdp over 64 such"):
        check_fits(preset("t5_11b"), training, 24e9)
    with pytest.raises(UserError, match=r"one row with --activation_checkpointing needs .* smaller preset"):
        check_fits(preset("t5_11b"), training, 1e8)


@pytest.mark.parametrize("available", [6e9, 12e9, 40e9])
def test_the_largest_micro_batch_fits_and_one_more_does_not(available):
    config, training = preset("t5_base"), Training(1, 512, 114)
    rows = largest_rows(config, training, available)
    assert size_of(config, Training(rows, 512, 114)).total <= available
    assert size_of(config, Training(rows + 1, 512, 114)).total > available


def test_what_does_not_fit_on_one_card_is_offered_sharded():
    """t5_11b on 8 cards of 80 GB."""
    state = recipe_by_name("adafactor").state_elements
    config, training = preset("t5_11b"), Training(8, 512, 114, state, bf16=True, fused=True, processes=8)
    with pytest.raises(
        UserError, match=r"with --parallel=fsdp over the 8 processes and --activation_checkpointing \d+ row"
    ):
        check_fits(config, training, 80e9)
    sharded = replace(training, shards=8, activation_checkpointing=True)
    size = check_fits(config, sharded, 80e9)
    assert size.parameters == size.gradients == pytest.approx(4 * size.num_parameters / 8, rel=1e-3)
    assert size.optimizer < 0.1e9, "Adafactor's columns are whole, its rows are sharded"
    assert size.evaluation > 2 * size.num_parameters, "an evaluation gathers the bf16 weights"
    with pytest.raises(UserError, match="over 2 such devices"):
        check_fits(config, replace(training, processes=1), 80e9)

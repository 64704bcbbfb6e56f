"""On a GPU: the numbers of the CPU, whole or in parts, compiled or not, and runs that continue exactly."""

import json
import shutil

import pytest
import torch

from model.architectures.attention import IMPLEMENTATIONS, choose_attention, kernel_error
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.data.batches import Batch
from model.pretrain import main
from model.training.computation import Computation
from model.training.optimizers.adafactor import Adafactor
from model.training.optimizers.adamw import AdamW
from model.training.ranks.world import World

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

CONFIG = ModelConfig(
    vocabulary_size=1024, d_model=128, d_ff=256, d_kv=32, num_heads=4, num_layers=2, feed_forward="gated_gelu"
)
OPTIMIZERS = {"adafactor": Adafactor, "adamw": AdamW}


def batch(*, full: bool) -> Batch:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randint(3, 1024, (8, 130), generator=generator)
    targets = torch.randint(3, 1024, (8, 29), generator=generator)
    if not full:
        inputs[1, 50:], targets[1, 11:] = 0, 0
    return Batch(inputs, targets, torch.arange(8), inputs_are_full=full)


def steps(device: str, precision: str, *, full=True, compile=False, parts=1, optimizer="adafactor"):
    """Losses of three steps with dropout, and the gradients of the first."""
    torch._dynamo.reset()
    place = torch.device(device)
    model = build_model(CONFIG.with_(dropout_rate=0.1), seed=0, device=place)
    computation = Computation(model, World(device=place), precision=precision, compile=compile)
    computation.train_only(None)
    updates = OPTIMIZERS[optimizer](model.named_parameters(), lr=0.01)
    losses, gradients = [], {}
    for number in range(3):
        sums = computation.accumulate(batch(full=full).to(place), parts, seed=0, step=number + 1)
        if number == 0:
            gradients = {name: parameter.grad.double().cpu() for name, parameter in model.named_parameters()}
        updates.step()
        updates.zero_grad()
        losses.append(float(sums[0] / sums[2]))
    return losses, gradients


def largest_difference(ours, right) -> float:
    return max(float((ours[name] - right[name]).norm() / right[name].norm()) for name in right)


@pytest.fixture(autouse=True)
def exact_products():
    """Computation lets float32 products be rounded where it trains in bf16."""
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("name", ["triton", "fused"])
@pytest.mark.parametrize("d_kv", [32, 64, 128])
def test_attention_kernels(name, d_kv):
    choose_attention(torch.device("cuda"), torch.bfloat16)
    error = kernel_error(IMPLEMENTATIONS[name], torch.device("cuda"), torch.bfloat16, num_heads=3, d_kv=d_kv)
    assert error < 2e-2


def test_our_kernels_are_chosen():
    assert choose_attention(torch.device("cuda"), torch.bfloat16) == "triton"
    assert choose_attention(torch.device("cuda"), torch.float32) == "fused"


@pytest.mark.parametrize("full", [True, False], ids=["full", "padded"])
@pytest.mark.parametrize("precision, tolerance", [("fp32", 1e-5), ("bf16", 5e-2)])
def test_losses_and_gradients_are_those_of_the_cpu(full, precision, tolerance):
    right, right_gradients = steps("cpu", "fp32", full=full)
    losses, gradients = steps("cuda", precision, full=full)
    assert losses == pytest.approx(right, rel=tolerance / 10)
    assert largest_difference(gradients, right_gradients) < tolerance


@pytest.mark.parametrize("full", [True, False], ids=["full", "padded"])
def test_compiled_in_parts_with_dropout(full):
    right, right_gradients = steps("cuda", "bf16", full=full)
    losses, gradients = steps("cuda", "bf16", full=full, compile=True, parts=2)
    assert losses == pytest.approx(right, rel=2e-3)
    assert largest_difference(gradients, right_gradients) < 3e-2


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers(optimizer):
    right, _ = steps("cpu", "fp32", optimizer=optimizer)
    losses, _ = steps("cuda", "fp32", optimizer=optimizer)
    assert losses == pytest.approx(right, rel=1e-4)


def test_a_run_continues_with_the_same_losses(example_folder, tmp_path):
    """What a checkpoint of step 3 continues to (the later one is taken away) is what the whole run did."""
    run = tmp_path / "run"
    flags = [
        f"--examples={example_folder}",
        f"--output={run}",
        "--preset=t5_tiny",
        "--precision=bf16",
        *("--steps=6", "--batch_size=8", "--log_every=1", "--checkpoint_every=3", "--gradient_accumulation=1"),
    ]
    assert main(flags) == 0
    whole = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    content = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**content, "status": "running"}))
    shutil.rmtree(max((run / "checkpoints").iterdir()))
    assert main([*flags, "--resume"]) == 0
    again = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in again] == list(range(7))
    assert [line["loss"] for line in again[4:]] == pytest.approx([line["loss"] for line in whole[4:]], rel=1e-3)
    assert all(line["memory_bytes"] > 0 for line in whole[1:])

"""How much memory training needs, computed from the model's shape before anything is allocated.

Parameters, gradients and the optimizer's state are exact. Activations are the tensors that the layers of `stack.py`
keep for the backward pass, term by term (a test counts them in a real forward pass).
"""

import bisect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from math import prod

from c4pipe.errors import UserError
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.layers import FEED_FORWARDS
from model.architectures.loss import CHUNK_BYTES

_FULL = 4  # bytes of a float32


@dataclass(frozen=True)
class Training:
    """How a model is to be trained.

    rows: the micro-batch, the number of examples that a device computes at a time.
    optimizer_state: the number of values that the optimizer keeps for a parameter of a given shape; 0 without one.
    fused: attention never stores its weights (CUDA's kernels); False: it keeps them (plain attention, as on a CPU).
    shards: over how many processes parameters, gradients and the optimizer's state are sharded; 1: not at all.
    processes: over how many they could be sharded.
    """

    rows: int
    inputs_length: int
    targets_length: int
    optimizer_state: Callable[[tuple[int, ...]], int] = lambda shape: 0
    bf16: bool = False
    fused: bool = False
    activation_checkpointing: bool = False
    shards: int = 1
    processes: int = 1


@dataclass(frozen=True)
class Size:
    """Bytes on one device.

    copies: bf16 copies of the weights. recomputed: the layer that activation checkpointing is computing again. loss:
    the head's gradient and a chunk of logits. gathered: of a sharded model, the whole weights and gradients of two
    layers and of what is outside of the layers. evaluation: everything at the peak of an evaluation, for which a
    sharded model is gathered.
    """

    num_parameters: int
    parameters: int
    gradients: int
    optimizer: int
    copies: int
    activations: int
    recomputed: int
    loss: int
    gathered: int = 0
    evaluation: int = 0

    @property
    def parts(self) -> dict[str, int]:
        """The terms of the total, the largest first."""
        terms = asdict(self).items()
        parts = {name: value for name, value in terms if name not in ("num_parameters", "evaluation") and value}
        return dict(sorted(parts.items(), key=lambda part: -part[1]))

    @property
    def total(self) -> int:
        return max(sum(self.parts.values()), self.evaluation)

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {gigabytes(value)}" for name, value in self.parts.items())
        evaluation = f"; {gigabytes(self.evaluation)} in an evaluation" if self.evaluation else ""
        return f"{gigabytes(self.total)} ({parts}{evaluation})"


def gigabytes(num_bytes: float) -> str:
    """
    >>> gigabytes(1_234_567_890)
    '1.23 GB'
    """
    return f"{num_bytes / 1e9:.2f} GB"


def size_of(config: ModelConfig, training: Training) -> Size:
    """What a device needs at its peak, which is between the forward and the backward pass."""
    named = build_model(config, device="meta").named_parameters()
    shapes = {name: tuple(parameter.shape) for name, parameter in named}
    count = sum(prod(shape) for shape in shapes.values())
    parts = [(-(-shape[0] // training.shards), *shape[1:]) for shape in shapes.values()]
    own = sum(map(prod, parts))
    slots = sum(map(training.optimizer_state, parts))
    compute = 2 if training.bf16 else _FULL
    is_sharded = training.shards > 1
    # Embedding and norms are never cast; a copy of the head exists only during the loss.
    products = sum(prod(shape) for name, shape in shapes.items() if len(shape) == 2 and name.count(".") > 2)
    kind = "cuda" if training.fused else "cpu"
    logits = training.rows * training.targets_length * config.vocabulary_size * _FULL
    activations, recomputed = _activations(config, training)
    return Size(
        num_parameters=count,
        parameters=own * _FULL,
        gradients=own * _FULL,
        optimizer=slots * _FULL,
        copies=2 * products if training.bf16 and not is_sharded else 0,
        activations=activations,
        recomputed=recomputed,
        loss=config.vocabulary_size * config.d_model * _FULL + 2 * min(logits, CHUNK_BYTES[kind]),
        gathered=_gathered(shapes, compute) if is_sharded else 0,
        evaluation=(own + slots) * _FULL + count * compute if is_sharded else 0,
    )


def _gathered(shapes: Mapping[str, tuple[int, ...]], compute: int) -> int:
    """Bytes of whole weights, whole gradients, and the float32 copies of these that are summed over the processes."""
    elements: Counter[str] = Counter()
    for name, shape in shapes.items():
        stack, is_layer, inside = name.partition(".layers.")
        elements[f"{stack} {inside.split('.')[0]}" if is_layer else ""] += prod(shape)
    outside = elements.pop("")
    # The next layer is gathered while one computes.
    return (outside + 2 * max(elements.values())) * (2 * compute + _FULL)


def check_fits(config: ModelConfig, training: Training, available_bytes: float) -> Size:
    """The size, if it fits into the memory of a device.

    Raises: UserError, with the figure and with what would make it fit.
    """
    needed = size_of(config, training)
    if needed.total <= available_bytes:
        return needed
    raise UserError(
        f"{training.rows} rows at a time of {training.inputs_length} + {training.targets_length} ids need {needed} "
        f"and {gigabytes(available_bytes)} are free; {_mend(config, training, available_bytes)}"
    )


def largest_rows(config: ModelConfig, training: Training, available_bytes: float) -> int:
    """The largest micro-batch that fits; 0 if not even one row fits."""

    def fits(rows: int) -> bool:
        return size_of(config, replace(training, rows=rows)).total <= available_bytes

    too_many = 1
    while fits(too_many):
        too_many *= 2
    # The size grows with the rows, so bisection finds the first number that does not fit.
    return bisect.bisect_left(range(1, too_many), True, key=lambda rows: not fits(rows))


def _mend(config: ModelConfig, training: Training, available_bytes: float) -> str:
    offers = []
    rows = largest_rows(config, training, available_bytes)
    if rows:
        fewest = size_of(config, replace(training, rows=rows))
        offers.append(f"at most {rows} rows at a time fit ({gigabytes(fewest.total)}): raise --gradient_accumulation")
    if not training.activation_checkpointing:
        checkpointed = replace(training, activation_checkpointing=True)
        rows = largest_rows(config, checkpointed, available_bytes)
        if rows:
            fewest = size_of(config, replace(checkpointed, rows=min(rows, training.rows)))
            offers.append(f"with --activation_checkpointing {rows} rows at a time fit ({gigabytes(fewest.total)})")
    if training.shards == 1:
        offers.extend(_sharded_offer(config, training, available_bytes))
    if offers:
        return "; or ".join(offers)
    least = size_of(config, replace(training, rows=1, activation_checkpointing=True))
    return f"one row with --activation_checkpointing needs {gigabytes(least.total)}: use a smaller preset"


def _sharded_offer(config: ModelConfig, training: Training, available_bytes: float) -> list[str]:
    """How it fits if the parameters are sharded over these processes, or over the fewest that suffice, up to 1,024."""
    counts = [training.processes] if training.processes > 1 else [2**power for power in range(1, 11)]
    for count in counts:
        sharded = replace(training, shards=count, activation_checkpointing=True)
        if rows := largest_rows(config, sharded, available_bytes):
            fewest = size_of(config, replace(sharded, rows=min(rows, training.rows)))
            where = f"the {count} processes" if training.processes > 1 else f"{count} such devices"
            return [
                f"with --parallel=fsdp over {where} and --activation_checkpointing {rows} rows at a time fit "
                f"({gigabytes(fewest.total)} on each)"
            ]
    return []


def _activations(config: ModelConfig, training: Training) -> tuple[int, int]:
    """Bytes that all layers keep for the backward pass, and bytes of the layer that is being computed again."""
    model = build_model(config, device="meta")
    rows, inputs, targets = training.rows, training.inputs_length, training.targets_length
    compute = 2 if training.bf16 else _FULL
    kept, largest_layer = 0, 0
    for run in model.passes(inputs, targets):
        layer = _layer(config, training, run.length, run.memory_length, compute)
        stream = rows * run.length * config.d_model * _FULL
        # A checkpointed layer keeps only its input; the rest is computed again, one layer at a time.
        kept += run.num_layers * (stream if training.activation_checkpointing else layer)
        largest_layer = max(largest_layer, layer)
        # The position bias with its mask.
        kept += (rows if run.has_masks_of_rows else 1) * config.num_heads * run.length**2 * compute
        # The embedded ids, the final norm, and the ids.
        kept += 2 * stream + rows * run.length * (config.d_model * compute * 2 + 16)
    kept += rows * targets * config.d_model * compute  # gradient of the hidden states, which the loss computes
    return kept, largest_layer if training.activation_checkpointing else 0


def _layer(config: ModelConfig, training: Training, length: int, memory: int, compute: int) -> int:
    """Bytes that one layer keeps, over all rows."""
    # A norm keeps its input (the residual stream) and the normalised values in float32, and its output.
    norm = length * (config.d_model * (2 * _FULL + compute) + _FULL)
    attention = norm + _attention(config, training, length, length, compute)
    if memory:
        attention += norm + _attention(config, training, length, memory, compute)
    hidden = FEED_FORWARDS[config.feed_forward].num_kept * length * config.d_ff * compute
    return training.rows * (attention + norm + hidden)


def _attention(config: ModelConfig, training: Training, queries: int, keys: int, compute: int) -> int:
    """Bytes of queries, keys, values, outputs, and the attention weights (if fused, only their normaliser)."""
    width = config.d_attention
    kept = (2 * queries + 2 * keys) * width * compute
    if training.fused:
        return kept + config.num_heads * queries * _FULL
    return kept + config.num_heads * queries * keys * (_FULL + (compute if training.bf16 else 0))

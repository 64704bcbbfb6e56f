"""Forward and backward pass over all ranks. Gradients are weighted by the tokens of the whole global batch."""

import contextlib
import time
from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from c4pipe.errors import UserError
from model.architectures.attention import choose_attention
from model.architectures.catalog import build_model
from model.architectures.dropout import example_keys
from model.architectures.parts import is_sharded
from model.architectures.t5 import T5Model
from model.data.batches import Batch
from model.training.ranks.world import World
from model.training.settings import TrainingSettings

NUM_SUMS = 4
"""Columns of the sums below: loss (with z-loss), z-loss, target tokens, correct target tokens."""


class Computation:
    """A model, set up to compute on this rank: DDP, autocast, compilation.

    Parameters are always float32; with the precision bf16, matrix products are in bf16. The model may be sharded (see
    `parallel.sharding`).

    evaluated: the model to use in an evaluation, where ranks do not compute in lockstep. It is `model` itself, or, if
    that is sharded, a copy that has weights only inside of `gathered`.
    """

    def __init__(
        self,
        model: T5Model,
        world: World,
        *,
        precision: str = "auto",
        compile: bool = False,
        compile_unit: str = "model",
        activation_checkpointing: bool = False,
        z_loss: float = 0.0,
    ) -> None:
        self.model = model
        self.world = world
        self.dtype = resolve_precision(precision, world.device)
        self.z_loss = z_loss
        self.is_sharded = is_sharded(model)
        self.evaluated = build_model(model.config, device="meta") if self.is_sharded else model
        self._compile, self._compile_unit = compile, compile_unit
        self.activation_checkpointing = activation_checkpointing
        self.own_seconds = 0.0  # of the last batch, until its gradients were ready, without waiting for other ranks
        self._trains: frozenset[str] | None = None
        self._wrapped: Any = None
        if activation_checkpointing:
            model.set_activation_checkpointing(True)
        if world.device.type == "cuda":
            choose_attention(world.device, self.dtype, num_heads=model.config.num_heads, d_kv=model.config.d_kv)
        if self.dtype == torch.bfloat16 and world.device.type == "cuda":
            # Products that autocast leaves in float32 (such as in the gradient of a norm) may use TF32.
            torch.set_float32_matmul_precision("high")

    @classmethod
    def of(cls, model: T5Model, world: World, settings: TrainingSettings) -> "Computation":
        """A computation with the settings of a run."""
        return cls(
            model,
            world,
            precision=settings.precision,
            compile=settings.compile,
            compile_unit=settings.compile_unit,
            activation_checkpointing=settings.activation_checkpointing,
            z_loss=settings.z_loss,
        )

    @property
    def trained_parameters(self) -> list[nn.Parameter]:
        names = self._trains
        return [parameter for name, parameter in self.model.named_parameters() if names is None or name in names]

    @property
    def is_compiled(self) -> bool:
        """Whether each new shape of a batch costs time."""
        return self._compile

    @property
    def computes_padding(self) -> bool:
        """Whether padding of a batch costs time. It does not where the model leaves it out (see `unpadded`)."""
        return self._compile or self.world.device.type != "cpu"

    def train_only(self, names: Collection[str] | None) -> None:
        """Train these parameters and freeze the others; None: train all. Without a change, this does nothing.

        DDP's buckets contain the trained parameters, so the model is wrapped again after a change. FSDP fixes at the
        first step what it reduces, so a sharded model computes all gradients, and those of frozen parameters are
        discarded.
        """
        wanted = None if names is None else frozenset(names)
        if self._wrapped is not None and wanted == self._trains:
            return
        self._trains = wanted
        if not self.trained_parameters:
            raise UserError("no parameter would train; choose another set of layers")
        for name, parameter in self.model.named_parameters():
            is_trained = wanted is None or name in wanted
            parameter.requires_grad_(is_trained or self.is_sharded)
            if not is_trained:
                parameter.grad = None
        self._wrapped = self._wrap()

    def _wrap(self) -> Any:
        wrapped: Any = self.model
        if self.is_sharded:
            return wrapped
        if self.world.size > 1:
            on_gpu = self.world.device.type == "cuda"
            wrapped = DistributedDataParallel(
                self.model,
                device_ids=[self.world.device.index] if on_gpu else None,
                gradient_as_bucket_view=True,
            )
        if not self._compile:
            return wrapped
        if self._compile_unit == "layer":
            self.model.compile_layers()
            return wrapped
        if self.activation_checkpointing:
            # DDP splits the compiled graph, which does not work inside of a checkpointed layer.
            torch._dynamo.config.optimize_ddp = False
        return torch.compile(wrapped, dynamic=False)

    def autocast(self) -> contextlib.AbstractContextManager:
        """The context in which the model computes."""
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.world.device.type, dtype=self.dtype)

    def accumulate(self, batch: Batch, parts: int, *, seed: int, step: int) -> Tensor:
        """Add the gradients of a global batch to the parameters. Returns: the sums of this rank, (4,) float64.

        The gradients are those of the mean loss per target token of the whole global batch, and do not depend on the
        number of ranks and parts: the sum of each part is divided by the tokens of all ranks (and multiplied by the
        number of ranks, because DDP averages over them).

        batch: this rank's share, on the device. It is computed in `parts` parts.
        """
        config = self.model.config
        began, blocked = time.perf_counter(), 0.0
        num_targets = (batch.targets != config.pad_id).sum().to(torch.float32)
        counting = self.world.begin_sum(num_targets)
        keys = example_keys(seed, step, batch.numbers) if config.dropout_rate > 0 else None
        sums = torch.zeros(NUM_SUMS, dtype=torch.float64, device=self.world.device)
        size = -(-len(batch) // parts)
        starts = range(0, len(batch), size)
        for start in starts:
            part = batch.part(start, start + size)
            is_last = start == starts[-1]
            with self._without_reduction() if not is_last else contextlib.nullcontext():
                with self.autocast():
                    loss = self._wrapped(
                        part.examples,
                        dropout_keys_B=None if keys is None else keys[start : start + size],
                        z_loss=self.z_loss,
                    )
                if counting is not None:
                    waiting = time.perf_counter()
                    counting.wait()
                    counting, blocked = None, time.perf_counter() - waiting
                if is_last:
                    self.own_seconds = time.perf_counter() - began - blocked
                (loss.loss_sum * (self.world.size / num_targets.clamp(min=1.0))).backward()
            sums += torch.stack([value.detach().to(torch.float64) for value in loss])
        if self.is_sharded and self._trains is not None:
            for name, parameter in self.model.named_parameters():
                parameter.grad = parameter.grad if name in self._trains else None
        return sums

    @contextlib.contextmanager
    def _without_reduction(self) -> Iterator[None]:
        """A context for all parts but the last: only the last backward pass reduces gradients over the ranks.

        Whole gradients of a sharded model would not fit, so each part is reduced within a node.
        """
        module = getattr(self._wrapped, "_orig_mod", self._wrapped)
        if isinstance(module, DistributedDataParallel):
            with module.no_sync():
                yield
        elif self.is_sharded:
            module.set_requires_all_reduce(False)
            yield
            module.set_requires_all_reduce(True)
        else:
            yield

    @contextlib.contextmanager
    def gathered(self) -> Iterator[None]:
        """While it lasts, `evaluated` has the current weights, in the dtype of matrix products. All ranks enter it."""
        if not self.is_sharded:
            yield
            return
        weights: dict[str, Any] = dict(self.model.named_parameters())  # DTensors
        self._assign({name: weight.detach().to(self.dtype).full_tensor() for name, weight in weights.items()})
        try:
            yield
        finally:
            self._assign({name: value.to("meta") for name, value in self.evaluated.state_dict().items()})

    def _assign(self, weights: dict[str, Tensor]) -> None:
        self.evaluated.load_state_dict(weights, assign=True)

    @torch.no_grad()
    def loss_sums(self, batch: Batch) -> Tensor:
        """The sums over a batch, (4,) float64, without gradients, dropout, z-loss and communication between ranks."""
        with self.autocast():
            loss = self.evaluated(batch.examples)
        return torch.stack([value.to(torch.float64) for value in loss])


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of matrix products.

    Raises: UserError if bf16 is asked for and the device does not support it.
    """
    if name == "fp32":
        return torch.float32
    on_gpu = device.type == "cuda"
    if name == "auto":
        return torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if on_gpu and not torch.cuda.is_bf16_supported():
        raise UserError("this GPU has no bf16; use --precision=fp32")
    return torch.bfloat16

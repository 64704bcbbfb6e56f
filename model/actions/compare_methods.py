"""What `compare_methods` does after its flags are parsed: it makes a plan of them for `search`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from c4pipe.errors import UserError
from model.actions.search import carry_out
from model.experiments.inputs import Inputs, find_columns
from model.experiments.plan import Plan, Row, check_plan
from model.experiments.scale import RUNNING, Scale
from model.experiments.search_setup import Setup
from model.finetuning.base import open_base
from model.finetuning.variants import FROM_SCRATCH, parse_rates
from model.training.settings import TrainingSettings

# Training flags that the plan sets itself.
_OWN = ("seed", "learning_rate")


def perform(arguments: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    variants = [name for name in arguments.methods.split(",") if name]
    if not variants:
        raise UserError("--methods is empty; give at least one method")
    rates = parse_rates(arguments.rates)
    in_words = ", ".join(f"{name} {' or '.join(f'{rate:g}' for rate in rates[name])}" for name in variants)
    if [name for name in variants if f"{name}:" not in arguments.rates]:
        print(
            f"notice: learning rates: {in_words}; defaults are not chosen for these tasks; --rates=METHOD:RATE+RATE "
            "tries several rates per task and keeps the best",
            file=sys.stderr,
        )
    base = open_base(arguments.checkpoint)
    setup = Setup(
        plan=_plan(variants, rates, arguments.adapter_size),
        scale=_scale(arguments),
        inputs=Inputs(
            columns=find_columns(arguments.tasks, base.vocabulary, together=False),
            corpora={},
            vocabulary=base.vocabulary,
            vocabulary_folder="",
            checkpoint=arguments.checkpoint,
        ),
        config=base.checkpoint.config,
        missing={},
        output=Path(arguments.output),
        runs=str(Path(arguments.output) / "runs"),
        seeds=arguments.seeds,
        baseline_seeds=arguments.seeds,
        first_seed=arguments.seed,
        has_references=True,
        command=("model.compare_methods", *arguments.argv),
    )
    return carry_out(setup, arguments)


def _plan(variants: Sequence[str], rates: Mapping[str, tuple[float, ...]], adapter_size: int) -> Plan:
    rows = tuple(
        Row(
            name=name,
            method="all_parameters" if name == FROM_SCRATCH else name,
            from_scratch=name == FROM_SCRATCH,
            adapter_size=adapter_size,
            learning_rates=rates[name],
        )
        for name in variants
    )
    baseline = FROM_SCRATCH if FROM_SCRATCH in variants else variants[0]
    return check_plan(Plan("Fine-tuning methods compared", baseline, rows), "--methods")


def _scale(arguments: argparse.Namespace) -> Scale:
    """The training flags of this command, which every fine-tuning gets."""
    defaults = {entry.name: entry.default for entry in fields(TrainingSettings)}
    flags: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in [*defaults, *sorted(RUNNING)]
        if name not in _OWN and getattr(arguments, name) is not None
    }
    flags["dropout_rate"] = arguments.dropout_rate
    return Scale(
        preset="",
        inputs_length=1,
        seeds=arguments.seeds,
        baseline_seeds=arguments.seeds,
        validation_examples=arguments.validation_examples,
        finetune=flags,
    )

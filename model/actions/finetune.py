"""What `finetune` does after its flags are parsed."""

import argparse
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from c4pipe.command_line import from_flags
from c4pipe.errors import UserError
from c4pipe.progress import duration
from c4pipe.shards import manifest
from c4pipe.shards.stream.example_sources import Source
from c4pipe.split_names import TRAIN, VALIDATION
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints import adapter_files, step_folder
from model.checkpoints.loading import Checkpoint, find_checkpoint
from model.checkpoints.origin import Origin, of_run, of_weights, open_or_continue
from model.checkpoints.run_folder import RunFolder
from model.data.examples import RunExamples, gather_examples
from model.data.mixture_flags import MixtureFlags
from model.data.task_sources import each_task, mix, task_sources
from model.evaluation.scoring import Decoding
from model.evaluation.task_sets import TaskSet, read_task_sets
from model.evaluation.validation_score import NAME, ValidationScore
from model.finetuning.base import Base, open_base, start_model
from model.finetuning.catalog import METHODS
from model.finetuning.method import MethodSettings
from model.training.computation import Computation, resolve_precision
from model.training.figures.throughput import estimated_time, flops_of_example
from model.training.fitting import refuse_what_cannot_fit
from model.training.flags import training_settings
from model.training.hooks import Hooks
from model.training.launch import launch, make_trainer, train
from model.training.parallel.sharding import place_model
from model.training.ranks.speaker import is_first, say, silence_others, was_restarted
from model.training.ranks.world import World
from model.training.run import Run
from model.training.settings import BestMetric, RunningSettings

ORIGIN = "checkpoint_sha256"


def perform(arguments: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    began = time.monotonic()
    silence_others()
    method = METHODS[arguments.method]
    settings = training_settings(arguments)
    folder, running = RunFolder(arguments.output), from_flags(RunningSettings, arguments)
    base, origin = _base(arguments, folder, running.resume or was_restarted())
    sources = mix(task_sources(arguments.tasks), from_flags(MixtureFlags, arguments))
    examples = gather_examples(sources, num_validation=0)
    if examples.vocabulary.model != base.vocabulary.model:
        raise UserError(
            f"{arguments.tasks} and {arguments.checkpoint} have different vocabularies; make the tasks again with "
            f"--vocabulary={arguments.checkpoint.partition('@')[0]}"
        )
    sets = validation_sets(sources, base, arguments.validation_examples)
    wanted = MethodSettings(arguments.adapter_size, settings.steps)
    config = method.extend(base.checkpoint.config.with_(dropout_rate=arguments.dropout_rate), wanted)
    this = Run(
        folder=folder,
        settings=settings,
        running=running,
        identity={
            "command": "finetune",
            "model": config.to_json(),
            "method": method.name,
            "steps_of_method": settings.steps if method.follows_steps else None,
            ORIGIN: origin.sha256,
            "from_scratch": arguments.from_scratch,
            "examples": examples.identity(),
        },
        notes={
            "checkpoint": arguments.checkpoint,
            "validation_sets": {task_set.task.name: len(task_set) for task_set in sets},
            "lengths": examples.lengths(),
        },
        best=BestMetric(NAME, higher_is_better=True),
        vocabulary=base.vocabulary,
        sources=examples.sources,
    )
    launch(
        this,
        plan=lambda world: _plan(this, examples, sets, world),
        work=lambda world: _finetune(arguments, this, base, examples, sets, world, began),
    )
    return 0


def _base(arguments: argparse.Namespace, folder: RunFolder, resumes: bool) -> tuple[Base, Origin]:
    """The model that fine-tuning starts from; if it is missing, what the run's own folder says about it."""

    def opened() -> tuple[Base, Origin]:
        base = open_base(arguments.checkpoint)
        return base, of_weights(base.checkpoint.config, base.checkpoint.state_dict)

    def of_own_run(run: Mapping[str, Any]) -> tuple[Base, Origin]:
        origin = of_run(run, ORIGIN)
        config = origin.config.with_(adapter_size=0) if run["method"] == "adapters" else origin.config
        vocabulary = Vocabulary.load(str(folder), run.get("num_extra_ids"))
        return Base(Checkpoint(config, {}, str(folder)), vocabulary), origin

    return open_or_continue(opened, folder, of_own_run, resumes=resumes)


def _finetune(
    arguments: argparse.Namespace,
    this: Run,
    base: Base,
    examples: RunExamples,
    sets: Sequence[TaskSet],
    world: World,
    began: float,
) -> None:
    settings, method = this.settings, METHODS[arguments.method]
    config = base.checkpoint.config.with_(**this.identity["model"])
    _refuse_what_cannot_fit(this, config, examples, world)
    is_empty = not base.checkpoint.state_dict  # the run continues from its own checkpoint
    model = start_model(
        base.checkpoint,
        config,
        lambda weights: place_model(config, world, settings, this.running.parallel, weights),
        from_scratch=arguments.from_scratch or is_empty,
    )
    computation = Computation.of(model, world, settings)
    score = ValidationScore(
        computation.evaluated,
        base.vocabulary,
        sets,
        decoding=Decoding(max_length=arguments.max_length),
        autocast=computation.autocast,
        rank=world.rank,
        world_size=world.size,
        gather=world.gather,
    )
    names = [name for name, _ in model.named_parameters()]
    wanted = MethodSettings(arguments.adapter_size, settings.steps)
    trainer = make_trainer(
        this,
        computation,
        Hooks(evaluate=score if sets else None, trains=lambda step: method.trains(config, names, wanted, step)),
        pack=arguments.pack,
    )
    outcome = train(this, trainer)
    if world.is_first and not outcome.stopped:
        _close(arguments, this, outcome.step, time.monotonic() - began)


def _close(arguments: argparse.Namespace, this: Run, step: int, seconds: float) -> None:
    """Store adapters separately, and print the result."""
    kept = ""
    if arguments.method == "adapters":
        folder, state = find_checkpoint(str(this.folder))
        weights = step_folder.read_weights(folder.of_step(state.step))
        config = this.identity["model"]
        num_bytes = adapter_files.save(str(this.folder), int(config["adapter_size"]), weights)
        whole = sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
        kept = f", adapters stored in {num_bytes / 1e6:.2f} MB ({num_bytes / whole:.1%} of a checkpoint)"
    summary = this.folder.read()["summary"]
    best = summary.get(f"best_{NAME}")
    scored = "" if best is None else f", best score {best:.2f} at step {summary['best_step']:,}"
    say(
        f"{this.folder}: {step:,} steps of {arguments.method}{scored}{kept}, {duration(seconds)}; "
        f"next: python -m model.evaluate --checkpoint={shlex.quote(str(this.folder))} --tasks={_tasks(this)}"
    )


def _tasks(this: Run) -> str:
    """The tasks of the run as an argument of `model.evaluate`: without rates, and without folders of other examples."""
    folders: dict[str, list[str]] = {}
    for source in this.sources:
        if manifest.read(source.folder).kind == "tasks":
            folders.setdefault(source.folder, []).append(source.split.rpartition("-")[0])
    named = [
        folder if "" in tasks else ",".join(f"{folder}@{task}" for task in tasks) for folder, tasks in folders.items()
    ]
    return shlex.quote(",".join(named)) if named else "DIR"


def _refuse_what_cannot_fit(this: Run, config: ModelConfig, examples: RunExamples, world: World) -> None:
    if this.identity["method"] == "all_parameters":  # the other methods train fewer parameters
        lengths = {"inputs_length": examples.inputs_length, "targets_length": examples.targets_length}
        # Batches are trimmed to their longest example, so only one row is certain to have these lengths.
        refuse_what_cannot_fit(
            config, replace(this.settings, gradient_accumulation=0), world, **lengths, parallel=this.running.parallel
        )


def validation_sets(sources: Sequence[Source], base: Base, max_examples: int) -> list[TaskSet]:
    """The validation examples of the tasks that train, as far as they have any."""
    if max_examples == 0:
        return []
    chosen: list[Source] = []
    for source in sources:
        folder_manifest = manifest.read(source.folder)
        for name, member in each_task(source):
            split = f"{name}-{VALIDATION}"
            if (
                folder_manifest.kind == "tasks"
                and member.split.endswith(f"-{TRAIN}")
                and folder_manifest.num_rows(split)
            ):
                chosen.append(replace(member, split=split))
    if not chosen:
        if is_first():
            print(
                "notice: no task has validation examples, so the last checkpoint is kept, not the best", file=sys.stderr
            )
        return []
    return read_task_sets(chosen, base.vocabulary, split=VALIDATION, max_examples=max_examples)


def _plan(this: Run, examples: RunExamples, sets: Sequence[TaskSet], world: World) -> str:
    settings = this.settings
    config = ModelConfig.from_json(this.identity["model"])
    _refuse_what_cannot_fit(this, config, examples, world)
    seen = settings.steps * settings.batch_size
    lengths = (examples.inputs_length, examples.targets_length)
    flops = flops_of_example(build_model(config, device="meta"), *lengths) * seen
    return "\n".join(
        [
            f"would fine-tune {this.notes['checkpoint']} with {this.identity['method']} into {this.folder}",
            f"examples: {examples.num_examples:,} in {len(examples.sources)} sources; the run would see {seen:,}, "
            f"{seen / max(examples.num_examples, 1):.2f} epochs",
            f"validation: {', '.join(f'{len(task_set)} of {task_set.task.name}' for task_set in sets) or 'none'}",
            f"updates: {settings.steps:,} of {settings.batch_size} examples, {settings.optimizer}, {settings.schedule} "
            f"at {settings.learning_rate:g}",
            f"estimate: at most {estimated_time(flops, world, resolve_precision(settings.precision, world.device))}, "
            "less if many examples are shorter than the longest",
        ]
    )

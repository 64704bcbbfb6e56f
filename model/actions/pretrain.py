"""What `pretrain` does after its flags are parsed."""

import argparse
import shlex
import sys
import time
from typing import Any

from c4pipe.choices import check_choice
from c4pipe.command_line import from_flags
from c4pipe.errors import UserError
from c4pipe.progress import duration
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.presets import DEFAULT_PRESET, preset
from model.checkpoints import hugging_face
from model.checkpoints.opening import local
from model.checkpoints.origin import Origin, of_run, of_weights, open_or_continue
from model.checkpoints.run_folder import RunFolder
from model.data.examples import RunExamples, gather_examples
from model.data.mixture_flags import MixtureFlags
from model.data.task_sources import mix, task_sources
from model.training.computation import Computation, resolve_precision
from model.training.figures.throughput import estimated_time, flops_of_example
from model.training.fitting import refuse_what_cannot_fit
from model.training.flags import training_settings
from model.training.hooks import Hooks
from model.training.launch import launch, make_trainer, train
from model.training.optimizers.catalog import recipe_by_name
from model.training.parallel.sharding import place_model
from model.training.ranks.speaker import num_ranks, say, silence_others, was_restarted
from model.training.ranks.world import World
from model.training.run import Run
from model.training.settings import BestMetric, RunningSettings, TrainingSettings
from model.training.validation import Validation, yardsticks

ORIGIN = "from_weights_sha256"


def perform(arguments: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    began = time.monotonic()
    silence_others()
    settings = training_settings(arguments)
    sources = mix(task_sources(arguments.examples), from_flags(MixtureFlags, arguments))
    examples = gather_examples(
        sources,
        num_validation=arguments.validation_examples,
        max_examples=_max_examples(arguments, settings, len(sources)),
    )
    folder, running = RunFolder(arguments.output), from_flags(RunningSettings, arguments)
    start = _origin(arguments, folder, running.resume or was_restarted()) if arguments.from_hugging_face else None
    config = model_config(arguments, examples.vocabulary, start)
    if not examples.inputs_length and ARCHITECTURES[config.architecture].needs_inputs:
        raise UserError(
            f"these examples have no inputs (they are for a language model), but {config.architecture} needs inputs; "
            "give --architecture=decoder_lm, or examples of another objective"
        )
    this = Run(
        folder=folder,
        settings=settings,
        running=running,
        identity={
            "command": "pretrain",
            "model": config.to_json(),
            "examples": examples.identity(),
            "packed": arguments.pack,
            ORIGIN: start and start.sha256,
        },
        notes={
            "from_hugging_face": arguments.from_hugging_face,
            "validation": validation_notes(examples),
            "lengths": examples.lengths(),
        },
        best=BestMetric(),
        vocabulary=examples.vocabulary,
        sources=examples.sources,
    )
    launch(
        this,
        plan=lambda world: plan(this, config, examples, world),
        work=lambda world: _pretrain(arguments, this, config, start, examples, world, began),
    )
    return 0


def _max_examples(arguments: argparse.Namespace, settings: TrainingSettings, num_sources: int) -> int | None:
    """The number of training examples of each source to use, from `--max_examples` or `--repeat`; None: all.

    Raises: UserError if `--repeat` cannot be exact.
    """
    if arguments.repeat is None:
        return arguments.max_examples
    if num_sources > 1:
        raise UserError("--repeat is for a single folder of examples; give --max_examples, which holds for each folder")
    seen = settings.steps * settings.batch_size
    if seen % arguments.repeat:
        raise UserError(
            f"--repeat={arguments.repeat} does not divide the {seen:,} examples of {settings.steps:,} steps of "
            f"{settings.batch_size}; choose a divisor, or other --steps or --batch_size"
        )
    return seen // arguments.repeat


def _origin(arguments: argparse.Namespace, folder: RunFolder, resumes: bool) -> Origin:
    def opened() -> Origin:
        loaded = hugging_face.load(local(arguments.from_hugging_face))
        return of_weights(loaded.config, loaded.weights)

    return open_or_continue(opened, folder, lambda run: of_run(run, ORIGIN), resumes=resumes)


def _pretrain(
    arguments: argparse.Namespace,
    this: Run,
    config: ModelConfig,
    start: Origin | None,
    examples: RunExamples,
    world: World,
    began: float,
) -> None:
    settings = this.settings
    lengths = {"inputs_length": examples.inputs_length, "targets_length": examples.targets_length}
    refuse_what_cannot_fit(config, settings, world, **lengths, parallel=this.running.parallel)
    model = place_model(config, world, settings, this.running.parallel, (start and start.weights) or {})
    computation = Computation.of(model, world, settings)
    validation = Validation(examples.validation, computation, batch_size=min(32, settings.batch_size))
    trainer = make_trainer(
        this,
        computation,
        Hooks(evaluate=validation if validation.sets else None),
        pack=arguments.pack,
    )
    for validation_set in examples.validation if world.is_first else ():
        print(f"validation on {validation_set.note} of {validation_set.name}", file=sys.stderr)
    outcome = train(this, trainer, text=arguments.text)
    if world.is_first and not outcome.stopped:
        _close(this, outcome.step, time.monotonic() - began)


def _close(this: Run, step: int, seconds: float) -> None:
    """Print the result."""
    summary = this.folder.read()["summary"]
    loss = summary.get("last_validation_loss", summary.get("loss"))
    say(
        f"{this.folder}: {step:,} steps, {step * this.settings.batch_size:,} examples, "
        f"{'validation loss' if 'last_validation_loss' in summary else 'loss'} {loss or float('nan'):.4f}, "
        f"{duration(seconds)}; next: python -m model.finetune --checkpoint={shlex.quote(str(this.folder))} --tasks=DIR "
        f"--output=FINETUNED, or python -m model.export --checkpoint={shlex.quote(str(this.folder))} --output=EXPORTED"
    )


def model_config(arguments: argparse.Namespace, vocabulary: Vocabulary, start: Origin | None) -> ModelConfig:
    """The model that the flags ask for. start: the Hugging Face model to start from.

    Raises: UserError if a name is unknown, or if the Hugging Face model does not fit the vocabulary.
    """
    if start is not None:
        if arguments.preset is not None:
            raise UserError(
                f"--preset={arguments.preset} and --from_hugging_face both give the size of the model; give only one"
            )
        config = start.config
        if start.weights is not None:  # otherwise the run continues without the folder
            _check_same_vocabulary(arguments.from_hugging_face, vocabulary, arguments.examples)
        if config.vocabulary_size < vocabulary.size:
            raise UserError(
                f"{arguments.from_hugging_face} has {config.vocabulary_size} embedding rows, but the vocabulary of the "
                f"examples has {vocabulary.size} ids; make the examples with the vocabulary of the model"
            )
        if arguments.architecture not in (None, config.architecture):
            raise UserError(
                f"{arguments.from_hugging_face} is an {config.architecture}, not an {arguments.architecture}; "
                "leave --architecture out"
            )
    else:
        config = preset(
            arguments.preset or DEFAULT_PRESET,
            architecture=arguments.architecture or "encoder_decoder",
            vocabulary_size=vocabulary.embedding_rows,
        )
    check_choice("architecture", config.architecture, ARCHITECTURES)
    return config if arguments.dropout_rate is None else config.with_(dropout_rate=arguments.dropout_rate)


def _check_same_vocabulary(folder: str, vocabulary: Vocabulary, examples: str) -> None:
    """Refuse another vocabulary (even a smaller one), because its ids would mean other pieces to the model.

    Raises: UserError if the folder has no vocabulary, or another one than the examples.
    """
    theirs = Vocabulary.load(folder)
    if theirs != vocabulary:
        raise UserError(
            f"{examples} and {folder} have different vocabularies ({vocabulary.digest[:12]}, {vocabulary.size:,} ids, "
            f"and {theirs.digest[:12]}, {theirs.size:,} ids); make the examples again with --vocabulary={folder}"
        )


def validation_notes(examples: RunExamples) -> dict[str, Any] | None:
    """The description of the validation in `run.json`."""
    if not examples.validation:
        return None
    notes = {validation_set.name: validation_set.note for validation_set in examples.validation}
    return {**yardsticks(examples.validation), "from": notes}


def plan(this: Run, config: ModelConfig, examples: RunExamples, world: World) -> str:
    """The output of `--dry_run`. Raises: UserError if the run would not fit into memory here."""
    settings = this.settings
    model = build_model(config, device="meta")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    state_of = recipe_by_name(settings.optimizer).state_elements
    moments = sum(state_of(tuple(parameter.shape)) for parameter in model.parameters())
    seen = settings.steps * settings.batch_size
    flops = flops_of_example(model, examples.inputs_length, examples.targets_length) * seen
    lengths = {"inputs_length": examples.inputs_length, "targets_length": examples.targets_length}
    size = refuse_what_cannot_fit(config, settings, world, **lengths, parallel=this.running.parallel)
    rows = (
        settings.share(num_ranks()) // settings.gradient_accumulation if settings.gradient_accumulation else "one row"
    )
    return "\n".join(
        [
            f"would train {config.architecture} of {parameters:,} parameters into {this.folder}",
            f"examples: {examples.num_examples:,} of {examples.inputs_length} + {examples.targets_length} ids; "
            f"the run would see {seen:,}, {seen / max(examples.num_examples, 1):.2f} epochs",
            *(f"validation: {chosen.note} of {chosen.name}" for chosen in examples.validation),
            f"updates: {settings.steps:,} of {settings.batch_size} examples, {settings.optimizer}, "
            f"{settings.schedule} from {settings.learning_rate:g}",
            f"estimate: {estimated_time(flops, world, resolve_precision(settings.precision, world.device))}; a "
            f"checkpoint of {4 * (parameters + moments) / 1e9:.1f} GB",
            f"memory of a process here, with {rows} at a time: {size}",
        ]
    )

"""Pre-train T5 on example shards: `torchrun --nproc_per_node=N -m model.pretrain --examples=DIR --output=RUN`.

Also plain `python -m model.pretrain` for one process. The run folder gets run.json, metrics.jsonl, checkpoints,
the vocabulary, and run.html at the end.
"""

import argparse
import shlex
import sys
import time
from typing import Any

from c4pipe.choices import check_choice
from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from c4pipe.progress import duration
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.presets import PRESETS, preset
from model.checkpoints import hugging_face
from model.checkpoints.origin import Origin, of_run, of_weights, open_or_continue
from model.checkpoints.run_folder import RunFolder
from model.data.batches import as_batch
from model.data.examples import RunExamples, gather_examples
from model.data.packing import packed_batch
from model.data.task_sources import add_mixture_flags, mix, task_sources
from model.data.trimming import trimmed_batch
from model.training.computation import Computation, resolve_precision
from model.training.figures.throughput import estimated_time, flops_of_example
from model.training.fitting import refuse_what_cannot_fit
from model.training.flags import add_training_flags, running_settings, training_settings
from model.training.hooks import Hooks
from model.training.launch import launch, make_trainer, train
from model.training.ranks.world import World, is_first, say, silence_others, was_restarted
from model.training.run import Run
from model.training.settings import BestMetric, TrainingSettings
from model.training.validation import Validation, yardsticks

DEFAULT_PRESET = "t5_small"
ORIGIN = "from_weights_sha256"


def parser() -> Parser:
    """The command's flags."""
    flags = Parser(prog="python -m model.pretrain", description=__doc__)
    what = flags.add_argument_group("what")
    add = what.add_argument
    add(
        "--examples",
        required=True,
        metavar="DIR[@TASK][:rate],...",
        help="folders of c4_to_examples or tasks_to_examples",
    )
    add("--output", required=True, metavar="RUN", help="the run's folder")
    add("--preset", metavar="NAME", help=f"size: {', '.join(PRESETS)} (default: {DEFAULT_PRESET})")
    add("--architecture", metavar="NAME", help=f"{', '.join(ARCHITECTURES)} (default: the first)")
    add("--dropout_rate", type=float, help="share of values that are dropped (default: by the preset 0.1, v1.1 0)")
    add("--from_hugging_face", metavar="DIR", help="start from the weights (and size) of a Hugging Face T5 folder")
    add("--validation_examples", type=int, default=256, help="examples of each folder to validate on; 0: none")
    add("--pack", action="store_true", help="put several short examples into one row")
    add(
        "--text",
        metavar="DIR",
        help="text shards that the examples were made from; used to list URLs if the loss becomes NaN",
    )
    add_mixture_flags(flags)
    add_training_flags(flags, TrainingSettings())
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = parser().parse_args(argv)
    began = time.monotonic()
    silence_others()
    settings = training_settings(arguments)
    sources = mix(task_sources(arguments.examples), arguments)
    examples = gather_examples(sources, num_validation=arguments.validation_examples)
    folder, running = RunFolder(arguments.output), running_settings(arguments)
    start = _origin(arguments, folder, running.resume or was_restarted()) if arguments.from_hugging_face else None
    config = model_config(arguments, examples.vocabulary, start)
    if not examples.inputs_length and ARCHITECTURES[config.architecture].needs_inputs:
        raise UserError(
            f"these examples have no inputs (a language model's), which an {config.architecture} needs; give "
            "--architecture=decoder_lm, or examples of another objective"
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


def _origin(arguments: argparse.Namespace, folder: RunFolder, resumes: bool) -> Origin:
    def opened() -> Origin:
        loaded = hugging_face.load(arguments.from_hugging_face)
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
    refuse_what_cannot_fit(config, settings, world, **lengths)
    model = build_model(config, seed=settings.seed, device=world.device)
    if start is not None and start.weights is not None:
        model.load_state_dict(start.weights)
    computation = Computation.of(model, world, settings)
    validation = Validation(examples.validation, computation, batch_size=min(32, settings.batch_size))
    trainer = make_trainer(
        this,
        computation,
        Hooks(evaluate=validation if validation.sets else None),
        # A compiled model wants few shapes.
        prepare=packed_batch if arguments.pack else as_batch if settings.compile else trimmed_batch,
    )
    for one in examples.validation if world.is_first else ():
        print(f"validation on {one.note} of {one.name}", file=sys.stderr)
    outcome = train(this, trainer, text=arguments.text)
    if world.is_first and not outcome.stopped:
        _close(this, outcome.step, time.monotonic() - began)


def _close(this: Run, step: int, seconds: float) -> None:
    """Say how it went."""
    summary = this.folder.read()["summary"]
    loss = summary.get("last_validation_loss", summary.get("loss"))
    say(
        f"{this.folder}: {step:,} steps, {step * this.settings.batch_size:,} examples, "
        f"{'validation loss' if 'last_validation_loss' in summary else 'loss'} {loss or float('nan'):.4f}, "
        f"{duration(seconds)}; next: python -m model.finetune --checkpoint={shlex.quote(str(this.folder))} --tasks=DIR "
        f"--output=FINETUNED, or python -m model.export --checkpoint={shlex.quote(str(this.folder))} --output=EXPORTED"
    )


def model_config(arguments: argparse.Namespace, vocabulary: Vocabulary, start: Origin | None) -> ModelConfig:
    """The model that the flags ask for. start: what it begins with.

    Raises: UserError if a name is unknown, or the Hugging Face model does not go with the vocabulary.
    """
    if start is not None:
        if arguments.preset is not None:
            raise UserError(
                f"--preset={arguments.preset} and --from_hugging_face both say how large the model is; give one of them"
            )
        config = start.config
        if start.weights is not None:  # else the run goes on without the folder
            _check_same_vocabulary(arguments.from_hugging_face, vocabulary, arguments.examples)
        if config.vocabulary_size < vocabulary.size:
            raise UserError(
                f"{arguments.from_hugging_face} has {config.vocabulary_size} embedding rows and the examples' "
                f"vocabulary {vocabulary.size} ids; make the examples with the model's own vocabulary"
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
    """Ids mean what they meant to the model: another vocabulary, even a smaller one, would train on noise.

    Raises: UserError if the folder's vocabulary is another than the examples', or is not there.
    """
    theirs = Vocabulary.load(folder)
    if theirs != vocabulary:
        raise UserError(
            f"{examples} was made with another vocabulary ({vocabulary.digest[:12]}, {vocabulary.size:,} ids) than "
            f"{folder} has ({theirs.digest[:12]}, {theirs.size:,} ids); make the examples again with "
            f"--vocabulary={folder}"
        )


def validation_notes(examples: RunExamples) -> dict[str, Any] | None:
    """What `run.json` says of the validation."""
    if not examples.validation:
        return None
    return {**yardsticks(examples.validation), "from": {one.name: one.note for one in examples.validation}}


def plan(this: Run, config: ModelConfig, examples: RunExamples, world: World) -> str:
    """What `--dry_run` says. Raises: UserError if the run would not fit into memory here."""
    settings = this.settings
    model = build_model(config, device="meta")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    seen = settings.steps * settings.batch_size
    flops = flops_of_example(model, examples.inputs_length, examples.targets_length) * seen
    lengths = {"inputs_length": examples.inputs_length, "targets_length": examples.targets_length}
    size = refuse_what_cannot_fit(config, settings, world, **lengths)
    rows = settings.share(world.size) // settings.gradient_accumulation if settings.gradient_accumulation else "one"
    return "\n".join(
        [
            f"would train {config.architecture} of {parameters:,} parameters into {this.folder}",
            f"examples: {examples.num_examples:,} of {examples.inputs_length} + {examples.targets_length} ids; "
            f"{seen:,} to be seen, {seen / max(examples.num_examples, 1):.2f} epochs",
            *(f"validation: {one.note} of {one.name}" for one in examples.validation),
            f"updates: {settings.steps:,} of {settings.batch_size} examples, {settings.optimizer}, "
            f"{settings.schedule} from {settings.learning_rate:g}",
            f"estimate: {estimated_time(flops, world, resolve_precision(settings.precision, world.device))}; a "
            f"checkpoint of {(size.parameters + size.optimizer) / 1e9:.1f} GB",
            f"memory of one process here, {rows} at a time: {size}",
        ]
    )


if __name__ == "__main__":
    run(main, is_speaker=is_first)

"""Derives the graph of a plan: which examples, pre-trainings, fine-tunings and evaluations its rows need."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

from c4pipe.errors import UserError
from c4pipe.objectives import mixture as objectives
from c4pipe.objectives.lengths import Lengths
from c4pipe.objectives.objective import Parameters
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.presets import preset
from model.architectures.t5 import T5Model
from model.checkpoints.run_folder import RunFolder
from model.evaluation.validation_score import NAME
from model.experiments.graph import EVALUATE, EXAMPLES, FINETUNE, PRETRAIN, Cell, Graph, Node, Nodes
from model.experiments.inputs import Column, Inputs, escaped
from model.experiments.plan import Plan, Row
from model.experiments.scale import RUNNING, Scale
from model.finetuning.catalog import METHODS
from model.finetuning.method import MethodSettings
from model.training.figures.throughput import flops_of_example
from model.training.optimizers.catalog import recipe_by_name
from model.training.settings import TrainingSettings

# How many checkpoints of multi-task training are kept, of which each task has its best.
_CHECKPOINTS = 16
# Measured on C4: gzip makes text 2.6 times smaller, and a token is 4.3 bytes of text. Examples take 1.25 bytes per id.
_TOKENS_PER_BYTE, _BYTES_PER_ID = 2.6 / 4.3, 1.25


class Derivation:
    """Derives the nodes of rows.

    folder: in which every node has its folder. config: of the given checkpoint, if there is one.
    """

    def __init__(self, plan: Plan, scale: Scale, inputs: Inputs, folder: str, config: ModelConfig | None) -> None:
        self._plan, self._scale, self._inputs, self._config = plan, scale, inputs, config
        running = {name: value for part in (scale.pretrain, scale.finetune) for name, value in part.items()}
        self._nodes = Nodes(folder, {name: value for name, value in running.items() if name in RUNNING})
        self._cells: list[Cell] = []
        self._deferred = 0

    def graph(self, seeds: Mapping[str, Sequence[int]]) -> Graph:
        """The graph. seeds: of each row.

        Raises: UserError if an objective's parameters do not go together.
        """
        for row in self._plan.rows:
            for column in self._inputs.columns:
                for seed in seeds.get(row.name, ()):
                    if row.is_multi_task:
                        self._multi_task(row, column, seed)
                    else:
                        self._fine_tuned(row, column, seed, seeds[row.name][0])
        return Graph(self._nodes.made, tuple(self._cells), self._deferred)

    def _fine_tuned(self, row: Row, column: Column, seed: int, first: int) -> None:
        """Add the cell of a row that pre-trains and fine-tunes, with the learning rate that the first seed chose."""
        rates = row.learning_rates or self._scale.rates(row.variant)
        start = self._pretrain(row, seed) if self._inputs.checkpoint is None else None
        if len(rates) > 1:
            of_first = self._pretrain(row, first) if start is not None else None
            tries = {rate: self._finetune(row, column, first, rate, of_first) for rate in rates}
            if not all(node.is_finished() for node in tries.values()):
                self._deferred += 1
                return
            rates = (max(rates, key=lambda rate: _best_score(tries[rate])),)
        tuned = self._finetune(row, column, seed, rates[0], start)
        evaluated = self._evaluate(column, tuned, "@each" if len(column.tasks) > 1 else "", tuned.label)
        # Training from scratch takes only the configuration of the pre-trained model, so it has no pre-training.
        pretrained = None if row.from_scratch else start
        self._cells.append(Cell(row.name, column.name, seed, rates[0], pretrained, tuned, evaluated))

    def _multi_task(self, row: Row, column: Column, seed: int) -> None:
        trained = self._pretrain(row, seed)
        evaluated = self._evaluate(column, trained, "@each", f"{trained.label}, {column.name}")
        self._cells.append(Cell(row.name, column.name, seed, 0.0, trained, None, evaluated))

    def _examples(self, row: Row) -> tuple[Node, Lengths]:
        corpus, scale, vocabulary = self._inputs.corpora[row.corpus], self._scale, self._inputs.vocabulary
        flags: dict[str, Any] = {
            "objective": row.objective,
            "noise_density": row.noise_density,
            "mean_noise_span_length": row.mean_noise_span_length,
            "inputs_length": scale.inputs_length,
            # A language model has no inputs, so its targets have their length.
            "targets_length": scale.inputs_length if row.objective == "lm" else None,
            "num_extra_ids": vocabulary.num_extra_ids,
            "replicas": scale.replicas,
        }
        parameters = Parameters(
            row.noise_density, row.mean_noise_span_length, scale.inputs_length, flags["targets_length"]
        )
        objective = objectives.chosen(row.objective)
        made = objective.configure(parameters, vocabulary.size, vocabulary.num_extra_ids, vocabulary.encode)
        lengths = made.lengths
        ids = corpus.num_bytes * _TOKENS_PER_BYTE * (lengths.inputs + lengths.targets) / lengths.tokens
        node = self._nodes.add(
            EXAMPLES,
            f"{row.corpus}, {row.objective}",
            flags,
            paths={"input": corpus.source, "vocabulary": self._inputs.vocabulary_folder},
            inputs=(corpus.digest, vocabulary.digest),
            num_bytes=ids * _BYTES_PER_ID * scale.replicas,
        )
        return node, lengths

    def _pretrain(self, row: Row, seed: int) -> Node:
        examples, lengths = self._examples(row)
        flags = {"preset": self._scale.preset, "architecture": row.architecture, **self._scale.pretrain, "seed": seed}
        sources, inputs = [escaped(examples.folder)], []
        longest = (lengths.inputs, lengths.targets)
        if row.is_multi_task:
            flags["steps"] += self._scale.finetune["steps"]
            flags |= {"checkpoint_every": max(1, flags["steps"] // _CHECKPOINTS), "keep": _CHECKPOINTS + 1}
            flags |= {"mixture": row.mixture, "mixture_temperature": row.mixture_temperature}
            if row.mixture == "proportional":
                flags["mixture_limit"] = self._scale.limit(row.mixture_limit)
            for column in self._inputs.columns:
                sources.append(column.train)
                inputs.append(column.digest)
                longest = (max(longest[0], column.inputs_length), max(longest[1], column.targets_length))
        elif row.repeat is not None:
            flags["repeat"] = row.repeat
            if self._scale.examples_seen % row.repeat:
                raise UserError(
                    f"{row.name}: the {self._scale.examples_seen:,} examples of pre-training cannot be "
                    f"{row.repeat:,} times the same; choose another batch size or number of steps for the scale"
                )
        config = preset(
            self._scale.preset, architecture=row.architecture, vocabulary_size=self._inputs.vocabulary.embedding_rows
        )
        return self._nodes.add(
            PRETRAIN,
            f"{row.name}, seed {seed}",
            flags,
            paths={"examples": ",".join(sources)},
            inputs=inputs,
            needs=(examples,),
            flops=flops_of_example(_model(config), *longest) * flags["steps"] * flags["batch_size"],
            num_bytes=_checkpoint_bytes(config, flags),
        )

    def _finetune(self, row: Row, column: Column, seed: int, rate: float, start: Node | None) -> Node:
        flags: dict[str, Any] = {
            **self._scale.finetune,
            "method": row.method,
            "adapter_size": row.adapter_size if row.method == "adapters" else None,
            "from_scratch": row.from_scratch,
            "learning_rate": rate,
            "validation_examples": self._scale.validation_examples,
            "seed": seed,
        }
        if len(column.tasks) > 1:  # each task is scored at its own best checkpoint (section 3.1.2)
            every = flags.get("checkpoint_every", TrainingSettings().checkpoint_every)
            flags |= {"mixture": "proportional", "keep": -(-flags["steps"] // every)}
        config = self._config or preset(
            self._scale.preset, architecture=row.architecture, vocabulary_size=self._inputs.vocabulary.embedding_rows
        )
        config = METHODS[row.method].extend(config, MethodSettings(row.adapter_size, flags["steps"]))
        lengths = (column.inputs_length, column.targets_length)
        checkpoint = start.folder if start is not None else str(self._inputs.checkpoint)
        return self._nodes.add(
            FINETUNE,
            f"{row.name}, {column.name}, seed {seed}",
            flags,
            paths={"checkpoint": checkpoint, "tasks": column.train},
            inputs=(column.digest, *(() if start is not None else (self._inputs.checkpoint_digest,))),
            needs=(start,) if start is not None else (),
            flops=flops_of_example(_model(config), *lengths) * flags["steps"] * flags["batch_size"],
            num_bytes=_checkpoint_bytes(config, flags),
        )

    def _evaluate(self, column: Column, trained: Node, which: str, label: str) -> Node:
        return self._nodes.add(
            EVALUATE,
            label,
            {},
            paths={"checkpoint": f"{trained.folder}{which}", "tasks": column.validation},
            inputs=(column.digest, which),
            needs=(trained,),
        )


@lru_cache
def _model(config: ModelConfig) -> T5Model:
    """The model without memory for its parameters."""
    return build_model(config, device="meta")


def _checkpoint_bytes(config: ModelConfig, flags: Mapping[str, Any]) -> float:
    """The size of the checkpoints that a training keeps: the newest ones and the best."""
    settings = TrainingSettings(**{name: value for name, value in flags.items() if name in ("optimizer", "keep")})
    state = recipe_by_name(settings.optimizer).state_elements
    shapes = [tuple(parameter.shape) for parameter in _model(config).parameters()]
    return 4.0 * sum(prod(shape) + state(shape) for shape in shapes) * (settings.keep + 1)


def _best_score(node: Node) -> float:
    return RunFolder(node.folder).read()["summary"].get(f"best_{NAME}", float("-inf"))

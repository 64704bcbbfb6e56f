"""A mixture of objectives: each example is made by one of several denoisers, at exact rates.

The denoiser of an example is a pure function of the stream's key and the example's number, as all its noise is. Pages
are joined, and each example takes as many of the next tokens as its denoiser needs. In the reference, each denoiser has
its own groups of pages, and the examples are drawn at random. This gives the same examples at the same rates, but here
the rates do not fluctuate. Source: `ul2_objective` in the UL2 paper's appendix 9.2 (arXiv 2205.05131).
"""

import hashlib
import json
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from c4pipe.choices import choose
from c4pipe.errors import UserError
from c4pipe.objectives.catalog import OBJECTIVES
from c4pipe.objectives.corrupted import Corrupted, merge
from c4pipe.objectives.lengths import Lengths
from c4pipe.objectives.objective import Corruption, Encode, Objective, Parameters
from c4pipe.objectives.pieces import PAGES_PER_GROUP, Pages, Pieces, cut_unequally, most_pieces
from c4pipe.objectives.randomness import example_keys, words

MAX_DENOISERS = 64
LONGEST_ROUND = 1000
# The purposes of random numbers, which continue that of `pieces`.
_PHASE, _ORDER = 17, 18


@dataclass(frozen=True)
class Denoiser:
    """A member of a mixture.

    name: unique in the mixture. rate: its share of the examples, relative to the other rates. noise_density,
    mean_noise_span_length: None means the objective's default. prefix: the text before the inputs; None means the mode
    token of the objective.
    """

    name: str
    objective: Objective
    rate: float = 1.0
    noise_density: float | None = None
    mean_noise_span_length: float | None = None
    prefix: str | None = None


@dataclass(frozen=True)
class Mixture:
    """Denoisers and their rates. The lengths of their inputs and targets differ, so no length is fixed."""

    name: str
    summary: str
    denoisers: tuple[Denoiser, ...]
    table: str = ""
    pages_per_group: int = PAGES_PER_GROUP
    fixed_inputs: bool = False
    fixed_targets: bool = False

    @property
    def modes(self) -> set[str]:
        """The kinds of UL2's denoisers in it, except those with a prefix of their own."""
        return {denoiser.objective.mode for denoiser in self.denoisers if denoiser.prefix is None} - {""}

    def configure(
        self, parameters: Parameters, vocabulary_size: int, num_extra_ids: int, encode: Encode | None = None
    ) -> "MixedCorruption":
        """Fix everything except the text and the randomness, as `Objective.configure` does for each denoiser.

        Raises: UserError if the parameters do not go together or do not fit the vocabulary.
        """
        for flag in ("noise_density", "mean_noise_span_length"):
            if getattr(parameters, flag) is not None:
                raise UserError(f"each denoiser of {self.name} has its own --{flag}; leave it out")
        made = []
        for denoiser in self.denoisers:
            own = replace(
                parameters,
                noise_density=denoiser.noise_density,
                mean_noise_span_length=denoiser.mean_noise_span_length,
                prefix=denoiser.prefix,
            )
            try:
                made.append(denoiser.objective.configure(own, vocabulary_size, num_extra_ids, encode))
            except UserError as error:
                raise UserError(f"{self.name}: denoiser {denoiser.name}: {error}") from error
        return MixedCorruption(self, tuple(made))


@dataclass(frozen=True)
class MixedCorruption:
    """A mixture whose denoisers are configured: has the methods of `Corruption`.

    parts: the denoisers, in the order of the mixture.
    """

    objective: Mixture
    parts: tuple[Corruption, ...]

    @property
    def vocabulary_size(self) -> int:
        return self.parts[0].vocabulary_size

    @property
    def id_type(self) -> type[np.unsignedinteger]:
        return self.parts[0].id_type

    @property
    def denoiser_names(self) -> tuple[str, ...]:
        return tuple(denoiser.name for denoiser in self.objective.denoisers)

    @property
    def mean_tokens(self) -> float:
        """The mean number of raw tokens of an example."""
        rates = [denoiser.rate for denoiser in self.objective.denoisers]
        return float(np.average([part.lengths.tokens for part in self.parts], weights=rates))

    @property
    def lengths(self) -> Lengths:
        """The largest lengths of all denoisers."""
        longest = (max(getattr(part.lengths, name) for part in self.parts) for name in ("tokens", "inputs", "targets"))
        return Lengths(*longest)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the examples of a text and seed, except the vocabulary, for the manifest."""
        denoisers = [
            {"name": denoiser.name, "rate": denoiser.rate}
            | {name: value for name, value in part.settings.items() if name != "overflow"}
            for denoiser, part in zip(self.objective.denoisers, self.parts, strict=True)
        ]
        return {
            "objective": self.objective.name,
            "overflow": self.parts[0].parameters.overflow,
            "tokens_length": self.lengths.tokens,
            "inputs_length": self.lengths.inputs,
            "targets_length": self.lengths.targets,
            "denoisers": denoisers,
            "denoisers_sha256": hashlib.sha256(json.dumps(denoisers, sort_keys=True).encode()).hexdigest(),
        }

    def cut(self, pages: Pages, stream: int, first: int) -> Pieces:
        """Cut pages into pieces for the denoisers of the examples `first`, `first` + 1, ... of a stream."""
        tokens_lengths = np.array([part.lengths.tokens for part in self.parts])
        pages_per_group = self.objective.pages_per_group
        count = most_pieces(pages, int(tokens_lengths.min()), pages_per_group)
        return cut_unequally(pages, self.denoisers_of(stream, first, count), tokens_lengths, pages_per_group)

    def corrupt(self, pieces: Pieces, keys: np.ndarray) -> Corrupted:
        """Corrupt a block of pieces. keys: (b,) uint64, from `randomness.example_keys`.

        The counts are those of `Corruption`, of all examples (`noise_tokens`) and by denoiser (`noise_tokens/NAME`).
        """
        assert pieces.denoisers is not None
        places, blocks, counts = [], [], {}
        for number, (denoiser, part) in enumerate(zip(self.objective.denoisers, self._wide_parts, strict=True)):
            rows = np.flatnonzero(pieces.denoisers == number)
            if not len(rows):
                continue
            made = part(pieces.tokens[rows, : part.lengths.tokens], pieces.lengths[rows], keys[rows])
            places.append(rows)
            blocks.append(made)
            of_denoiser = {
                "examples": len(rows),
                "raw_tokens": int(pieces.lengths[rows].sum()),
                "input_tokens": int(made.input_lengths.sum()),
                "target_tokens": int(made.target_lengths.sum()),
            }
            counts.update({f"{name}/{denoiser.name}": count for name, count in {**of_denoiser, **made.counts}.items()})
        merged = merge(places, blocks)
        return replace(merged, counts=merged.counts | counts)

    def denoisers_of(self, stream: int, first: int, count: int) -> np.ndarray:
        """The denoisers (count,) uint8 of the examples `first`, `first` + 1, ... of a stream.

        Examples come in rounds. In a round, each denoiser has its share of the examples, in random order. A share that
        is not whole is rounded up or down, so that it is exact on average.
        """
        length, bounds = self._round
        rounds = np.arange(first // length, -(-(first + count) // length))
        keys = example_keys(stream, rounds)
        # Systematic sampling: one random phase per round, and points at equal distances from there.
        phases = words(keys, _PHASE, 1) >> np.uint64(32)
        points = (np.arange(length, dtype=np.uint64) << np.uint64(32)) + phases
        drawn = np.searchsorted(bounds, points, side="right").astype(np.uint8)
        order = np.argsort(words(keys, _ORDER, length), axis=1, kind="stable")
        shuffled = np.take_along_axis(drawn, order, axis=1).reshape(-1)
        return shuffled[first - int(rounds[0]) * length :][:count] if len(rounds) else shuffled

    @cached_property
    def _wide_parts(self) -> list[Corruption]:
        """The denoisers, which all pad their examples to the largest lengths."""
        room = {"inputs": self.lengths.inputs, "targets": self.lengths.targets}
        return [replace(part, lengths=replace(part.lengths, **room)) for part in self.parts]

    @cached_property
    def _round(self) -> tuple[int, np.ndarray]:
        """The number of examples in a round, and where each denoiser but the first begins in it, times 2^32.

        A round is the shortest that makes all shares whole, if this is not more than `LONGEST_ROUND`.
        """
        rates = [Fraction(str(denoiser.rate)) for denoiser in self.objective.denoisers]
        shares = [rate / sum(rates) for rate in rates]
        whole = int(np.lcm.reduce([share.denominator for share in shares], dtype=object))
        length = whole if whole <= LONGEST_ROUND else LONGEST_ROUND
        starts = [sum(shares[:number]) * length for number in range(1, len(shares))]
        return length, np.array([int(start * (1 << 32)) for start in starts], np.uint64)


def _of_ul2(kind: str, name: str, mean: float | None = None, density: float | None = None) -> Denoiser:
    return Denoiser(name, OBJECTIVES[f"{kind}_denoiser"], noise_density=density, mean_noise_span_length=mean)


MIXTURES: dict[str, Mixture] = {
    "ul2": Mixture(
        "ul2",
        "UL2's mixture of seven denoisers, all equally often",
        # The paper's Table 1.
        (
            _of_ul2("r", "r_3_15", 3.0, 0.15),
            _of_ul2("r", "r_8_15", 8.0, 0.15),
            _of_ul2("s", "s"),
            _of_ul2("x", "x_3_50", 3.0, 0.5),
            _of_ul2("x", "x_8_50", 8.0, 0.5),
            _of_ul2("x", "x_64_15", 64.0, 0.15),
            _of_ul2("x", "x_64_50", 64.0, 0.5),
        ),
    )
}
NAMES = (*OBJECTIVES, *MIXTURES)
MIXTURE_FILE = ".toml"
"""How the name of a file with a mixture of the user's ends (see `mixture_files`)."""


def chosen(name: str) -> Objective | Mixture:
    """The objective or mixture of that name. Raises: UserError if there is none."""
    table: dict[str, Objective | Mixture] = {**OBJECTIVES, **MIXTURES}
    return choose("objective", name, table)

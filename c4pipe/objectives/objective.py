"""An objective, and an objective with everything fixed except the text and the randomness.

An `Objective` is a row of the catalog: where tokens are corrupted, how, and how long examples are. `configure` fixes
its lengths, densities and vocabulary, and returns a `Corruption`, which turns blocks of pieces of text into inputs and
targets.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from c4pipe.choices import check_choice
from c4pipe.errors import UserError
from c4pipe.objectives import corruption, noise_masks, restoring
from c4pipe.objectives.corrupted import Corrupted, merge
from c4pipe.objectives.corruption import Block, Sequences
from c4pipe.objectives.lengths import Lengths
from c4pipe.objectives.pieces import PAGES_PER_GROUP, Pages, Pieces, cut

OVERFLOW_POLICIES = ("parity", "strict")
MODE_TOKENS: dict[str, Mapping[str, str]] = {
    "nlu": {"R": "[NLU]", "S": "[S2S]", "X": "[NLG]"},
    "rsx": {"R": "[R]", "S": "[S]", "X": "[X]"},
    "none": {},
}
"""UL2's mode tokens: the text before the inputs that says which kind of denoiser made them. The first are those of the
paper's code and of the released models, the second those of the paper's text."""
DEFAULT_MODE_TOKENS = "nlu"

Encode = Callable[[str], Sequence[int]]
"""text -> ids"""


@dataclass(frozen=True)
class Parameters:
    """The parameters of an objective. None means the objective's own default.

    mode_tokens: a key of `MODE_TOKENS`. prefix: the text before the inputs, instead of a mode token.
    """

    noise_density: float | None = None
    mean_noise_span_length: float | None = None
    inputs_length: int = 512
    targets_length: int | None = None
    overflow: str = "parity"
    mode_tokens: str = "none"
    prefix: str | None = None


NoiseMask = Callable[[np.ndarray, int, float, float, np.ndarray], np.ndarray | noise_masks.Spans]
"""(lengths (b,), n, noise density, mean noise span length, keys (b,)) -> mask (b, n), or spans."""

LengthsRule = Callable[["Objective", Parameters], Lengths]


@dataclass(frozen=True)
class Objective:
    """Where tokens are corrupted (`noise_mask`), how (`inputs`, `targets`), and how long examples are (`lengths`).

    table: the paper's tables that have it; empty if it is not the paper's. noise_density, mean_noise_span_length: the
    defaults; None if the objective has no such parameter. sentinels: `none`, `mask` (one token for all noise) or
    `unique` (one per span). concatenates: whether 128 pages are joined before they are cut into pieces, or each page is
    cut by itself. fixed_inputs, fixed_targets: whether all full-length pieces give the same length. restore: recovers
    the tokens from an example; None if their places are lost. keeps_tokens_once: whether every token of the text is in
    either the inputs or the targets. paper_targets_lengths: for objectives whose targets vary in length, noise density
    -> targets length of the paper's runs with 512 inputs. mode: UL2's kind of denoiser (`R`, `S`, `X`), which
    decides its mode token; empty for other objectives.
    """

    name: str
    summary: str
    noise_mask: NoiseMask
    inputs: Callable[[Block], Sequences]
    targets: Callable[[Block], Sequences]
    lengths: LengthsRule
    table: str = ""
    noise_density: float | None = None
    mean_noise_span_length: float | None = None
    sentinels: str = "none"
    concatenates: bool = True
    fixed_inputs: bool = False
    fixed_targets: bool = False
    restore: restoring.Restore | None = None
    keeps_tokens_once: bool = False
    paper_targets_lengths: Mapping[float, int] = field(default_factory=dict, hash=False)
    mode: str = ""

    @property
    def modes(self) -> set[str]:
        """The kinds of UL2's denoisers in it: its own, if it is one."""
        return {self.mode} - {""}

    @property
    def pages_per_group(self) -> int:
        """The number of pages that are joined before they are cut into pieces."""
        return PAGES_PER_GROUP if self.concatenates else 1

    @property
    def targets_have_sentinels(self) -> bool:
        """Whether the targets have sentinels, as found on an example."""
        return self.targets(corruption.worked_example()).sentinels is not None

    def restored(self, inputs: Iterable[int], targets: Iterable[int], vocabulary_size: int) -> list[int] | None:
        """The tokens of an example's text; None if the objective does not keep the places of its tokens.

        inputs, targets: ids, with or without EOS and padding, but without a prefix. The result is exact if neither was
        trimmed and there were enough sentinels for all spans.
        """
        if self.restore is None:
            return None
        texts = [[int(token) for token in ids if token > corruption.EOS_ID] for ids in (inputs, targets)]
        return self.restore(texts[0], texts[1], vocabulary_size)

    def prefix(self, parameters: Parameters) -> str:
        """The text before the inputs: the given one, or the mode token of this kind of denoiser."""
        if parameters.prefix is not None:
            return parameters.prefix
        return MODE_TOKENS[parameters.mode_tokens].get(self.mode, "")

    def configure(
        self, parameters: Parameters, vocabulary_size: int, num_extra_ids: int, encode: Encode | None = None
    ) -> "Corruption":
        """Fix everything except the text and the randomness.

        encode: makes ids of the prefix; may be left out if there is no prefix. The prefix takes its place from the
        inputs' length: the other lengths are those of inputs that are shorter by the prefix.

        Raises: UserError if the parameters do not go together, or the vocabulary does not have the ids for them.
        """
        check_choice("--overflow", parameters.overflow, OVERFLOW_POLICIES)
        check_choice("--mode_tokens", parameters.mode_tokens, MODE_TOKENS)
        for flag in ("noise_density", "mean_noise_span_length"):
            if getattr(self, flag) is None and getattr(parameters, flag) is not None:
                raise UserError(f"the objective {self.name} has no --{flag}; leave it out")
        filled = replace(
            parameters,
            noise_density=_first(parameters.noise_density, self.noise_density),
            mean_noise_span_length=_first(parameters.mean_noise_span_length, self.mean_noise_span_length),
        )
        prefix_ids = _ids_of(self.prefix(parameters), encode)
        if prefix_ids and len(prefix_ids) + 2 > parameters.inputs_length:
            raise UserError(
                f"inputs of {parameters.inputs_length} tokens have no room for the {len(prefix_ids)} tokens of "
                f"{self.prefix(parameters)!r}; give a larger --inputs_length"
            )
        lengths = self.lengths(self, replace(filled, inputs_length=filled.inputs_length - len(prefix_ids)))
        if prefix_ids:  # a language model has no inputs; with a prefix, its inputs are the prefix and EOS
            lengths = replace(lengths, inputs=len(prefix_ids) + (lengths.inputs or 1))
        made = Corruption(self, filled, lengths, vocabulary_size, num_extra_ids, prefix_ids)
        made.check_sentinels()
        return made


def _ids_of(prefix: str, encode: Encode | None) -> tuple[int, ...]:
    if not prefix:
        return ()
    if encode is None:
        raise ValueError(f"the prefix {prefix!r} needs a vocabulary: give `encode`")
    ids = tuple(map(int, encode(prefix)))
    if corruption.UNK_ID in ids:  # otherwise several mode tokens could be the same ids
        raise UserError(
            f"the vocabulary has no pieces for all characters of the prefix {prefix!r}; give --mode_tokens=none, or "
            "other prefixes in a file of denoisers"
        )
    return ids


def _first(given: float | None, default: float | None) -> float | None:
    return default if given is None else given


@dataclass(frozen=True)
class Corruption:
    """An objective with its lengths, densities and vocabulary: a pure function of pieces and keys.

    prefix_ids: the ids before the inputs, which `lengths.inputs` counts.
    """

    objective: Objective
    parameters: Parameters
    lengths: Lengths
    vocabulary_size: int
    num_extra_ids: int
    prefix_ids: tuple[int, ...] = ()

    @property
    def denoiser_names(self) -> tuple[str, ...]:
        """The denoisers of a mixture; empty for a single objective."""
        return ()

    @property
    def mean_tokens(self) -> float:
        """The mean number of raw tokens of an example."""
        return float(self.lengths.tokens)

    @property
    def prefix(self) -> str:
        """The text of `prefix_ids`."""
        return self.objective.prefix(self.parameters)

    @property
    def id_type(self) -> type[np.unsignedinteger]:
        """uint16 if every id fits into it, else uint32."""
        return np.uint16 if self.vocabulary_size <= 1 << 16 else np.uint32

    def cut(self, pages: Pages, stream: int, first: int) -> Pieces:
        """Cut pages into pieces of the length that this objective takes.

        stream, first: the key of the random numbers, and the number of the first example; not used here.
        """
        return cut(pages, self.lengths.tokens, self.objective.pages_per_group)

    def corrupt(self, pieces: Pieces, keys: np.ndarray) -> Corrupted:
        """Corrupt a block of pieces. keys: (b,) uint64, from `randomness.example_keys`."""
        return self(pieces.tokens, pieces.lengths, keys)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the examples of a text and seed, except the vocabulary, for the manifest."""
        prefix = {"prefix": self.prefix, "prefix_ids": list(self.prefix_ids)} if self.prefix_ids else {}
        return prefix | {
            "objective": self.objective.name,
            "noise_density": self.parameters.noise_density,
            "mean_noise_span_length": self.parameters.mean_noise_span_length,
            "overflow": self.parameters.overflow,
            "tokens_length": self.lengths.tokens,
            "inputs_length": self.lengths.inputs,
            "targets_length": self.lengths.targets,
            "num_noise_spans": self.lengths.spans,
        }

    def __call__(self, tokens: np.ndarray, lengths: np.ndarray, keys: np.ndarray) -> Corrupted:
        """Corrupt a block of pieces.

        Args:
            tokens: (b, n) ids, 0 past each length; n at most `self.lengths.tokens`.
            lengths: (b,) at least 1.
            keys: (b,) uint64, from `randomness.example_keys`.
        Raises: UserError under `strict` if an example has more spans than the vocabulary has extra ids.
        """
        ids = np.ascontiguousarray(tokens, self.id_type)
        is_full = lengths == ids.shape[1]
        if is_full.all() or 2 * np.count_nonzero(is_full) < len(lengths):
            return self._corrupt(ids, lengths, keys)
        # Full and shorter pieces are corrupted separately: equal lengths are faster, and only a few pieces (the last of
        # their groups) are shorter.
        places = (np.flatnonzero(is_full), np.flatnonzero(~is_full))
        return merge(places, [self._corrupt(ids[rows], lengths[rows], keys[rows]) for rows in places])

    def _corrupt(self, ids: np.ndarray, lengths: np.ndarray, keys: np.ndarray) -> Corrupted:
        objective = self.objective
        n = ids.shape[1]
        density, mean = self.parameters.noise_density or 0.0, self.parameters.mean_noise_span_length or 0.0
        noise = objective.noise_mask(lengths, n, density, mean, keys)
        block = Block(ids, lengths, noise, keys, self.vocabulary_size)
        inputs, targets = objective.inputs(block), objective.targets(block)
        overflowed = self._count_overflowed(inputs, targets)
        input_ids, input_lengths, trimmed_inputs = corruption.finish(inputs, self.lengths.inputs, self.prefix_ids)
        target_ids, target_lengths, trimmed_targets = corruption.finish(targets, self.lengths.targets)
        counts = {
            "noise_tokens": block.num_noise_tokens,
            "noise_spans": 0 if inputs.sentinels is None else int(inputs.sentinels.sum()),
            "overflowed": overflowed,
            "trimmed_inputs": trimmed_inputs,
            "trimmed_targets": trimmed_targets,
        }
        return Corrupted(input_ids, target_ids, input_lengths, target_lengths, counts)

    def check_sentinels(self) -> None:
        """
        Raises: UserError if the expected number of spans exceeds the extra ids (`strict`), or if the largest possible
            number exceeds the vocabulary (always).
        """
        most = {"none": 0, "mask": 1, "unique": self.lengths.spans or (self.lengths.tokens + 1) // 2}
        density = self.parameters.noise_density or 0.0
        expected = most | {"unique": self.lengths.spans or round(self.lengths.tokens * density * (1 - density))}
        self._need(expected[self.objective.sentinels], most[self.objective.sentinels])

    def _need(self, expected: int, most: int) -> None:
        if most > self.vocabulary_size - corruption.NUM_RESERVED_IDS:
            raise UserError(
                f"{most} sentinels do not fit a vocabulary of {self.vocabulary_size} ids; make one with more extra ids"
            )
        if self.parameters.overflow == "strict" and expected > self.num_extra_ids:
            raise UserError(
                f"examples of {self.lengths.tokens} tokens need {expected} sentinels, the vocabulary has "
                f"{self.num_extra_ids} extra ids; give one made with --num_extra_ids={most}, or --overflow=parity"
            )

    def _count_overflowed(self, inputs: Sequences, targets: Sequences) -> int:
        if inputs.sentinels is None or targets.sentinels is None:
            return 0
        needed = np.maximum(inputs.sentinels, targets.sentinels)
        overflowed = int((needed > self.num_extra_ids).sum())
        if overflowed and self.parameters.overflow == "strict":
            raise UserError(
                f"an example needs {needed.max()} sentinels, the vocabulary has {self.num_extra_ids} extra ids; give "
                f"one made with --num_extra_ids={(self.lengths.tokens + 1) // 2}, or --overflow=parity"
            )
        return overflowed

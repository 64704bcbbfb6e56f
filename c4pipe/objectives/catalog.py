"""The objectives of the paper's search, by name. Each combines a noise mask (where) with two corruptions (how).

The catalog reads like the paper's Tables 4 to 7. `OBJECTIVES[name].configure(...)` fixes lengths and densities, and
returns a `Corruption`, which turns blocks of pieces of text into inputs and targets.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from c4pipe.choices import check_choice, choose
from c4pipe.errors import UserError
from c4pipe.objectives import corruption, noise_masks, restoring
from c4pipe.objectives import lengths as length_rules
from c4pipe.objectives.corrupted import Corrupted, merge
from c4pipe.objectives.corruption import Block, Sequences
from c4pipe.objectives.lengths import Lengths

OVERFLOW_POLICIES = ("parity", "strict")
DEFAULT_TARGETS_LENGTH = 512
PAPER_INPUTS_LENGTH = 512


@dataclass(frozen=True)
class Parameters:
    """The parameters of an objective. None means the objective's own default."""

    noise_density: float | None = None
    mean_noise_span_length: float | None = None
    inputs_length: int = 512
    targets_length: int | None = None
    overflow: str = "parity"


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
    -> targets length of the paper's runs with 512 inputs.
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

    def __reduce__(self):
        return find, (self.name,)

    @property
    def targets_have_sentinels(self) -> bool:
        """Whether the targets have sentinels, as found on an example."""
        return self.targets(corruption.worked_example()).sentinels is not None

    def restored(self, inputs: Iterable[int], targets: Iterable[int], vocabulary_size: int) -> list[int] | None:
        """The tokens of an example's text; None if the objective does not keep the places of its tokens.

        inputs, targets: ids, with or without EOS and padding. The result is exact if neither was trimmed and there were
        enough sentinels for all spans.
        """
        if self.restore is None:
            return None
        texts = [[int(token) for token in ids if token > corruption.EOS_ID] for ids in (inputs, targets)]
        return self.restore(texts[0], texts[1], vocabulary_size)

    def configure(self, parameters: Parameters, vocabulary_size: int, num_extra_ids: int) -> "Corruption":
        """Fix everything except the text and the randomness.

        Raises: UserError if the parameters do not go together, or the vocabulary has too few ids for them.
        """
        check_choice("--overflow", parameters.overflow, OVERFLOW_POLICIES)
        for flag in ("noise_density", "mean_noise_span_length"):
            if getattr(self, flag) is None and getattr(parameters, flag) is not None:
                raise UserError(f"the objective {self.name} has no --{flag}; leave it out")
        filled = replace(
            parameters,
            noise_density=_first(parameters.noise_density, self.noise_density),
            mean_noise_span_length=_first(parameters.mean_noise_span_length, self.mean_noise_span_length),
        )
        made = Corruption(self, filled, self.lengths(self, filled), vocabulary_size, num_extra_ids)
        made.check_sentinels()
        return made


def _first(given: float | None, default: float | None) -> float | None:
    return default if given is None else given


def _of_random_spans(_: Objective, parameters: Parameters) -> Lengths:
    assert parameters.noise_density is not None and parameters.mean_noise_span_length is not None
    found = length_rules.span_corruption(
        parameters.inputs_length, parameters.noise_density, parameters.mean_noise_span_length
    )
    given = parameters.targets_length
    if given is not None and given < found.targets:
        raise UserError(
            f"--targets_length={given} is too short: {found.tokens} tokens with {found.spans} noise spans make "
            f"{found.targets} target tokens; leave the flag out or give {found.targets} or more"
        )
    return replace(found, targets=given or found.targets)


def _of_targets(_: Objective, parameters: Parameters) -> Lengths:
    return length_rules.pieces_of_targets(_first_length(parameters.targets_length, DEFAULT_TARGETS_LENGTH))


def _of_inputs(_: Objective, parameters: Parameters) -> Lengths:
    targets = _first_length(parameters.targets_length, parameters.inputs_length)
    return length_rules.pieces_of_inputs(parameters.inputs_length, targets)


def _of_iid_targets(objective: Objective, parameters: Parameters) -> Lengths:
    assert parameters.noise_density is not None
    default = length_rules.iid_targets_length(
        parameters.inputs_length, parameters.noise_density, has_sentinels=objective.targets_have_sentinels
    )
    if parameters.inputs_length == PAPER_INPUTS_LENGTH:
        default = objective.paper_targets_lengths.get(parameters.noise_density, default)
    return length_rules.pieces_of_inputs(parameters.inputs_length, _first_length(parameters.targets_length, default))


def _first_length(given: int | None, default: int) -> int:
    if given is not None and given < 2:
        raise UserError(f"--targets_length={given} is too short; give 2 or more")
    return default if given is None else given


@dataclass(frozen=True)
class Corruption:
    """An objective with its lengths, densities and vocabulary: a pure function of pieces and keys."""

    objective: Objective
    parameters: Parameters
    lengths: Lengths
    vocabulary_size: int
    num_extra_ids: int

    @property
    def id_type(self) -> type[np.unsignedinteger]:
        """uint16 if every id fits into it, else uint32."""
        return np.uint16 if self.vocabulary_size <= 1 << 16 else np.uint32

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
        input_ids, input_lengths, trimmed_inputs = corruption.finish(inputs, self.lengths.inputs)
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


_MASKS: dict[str, NoiseMask] = {
    "none": lambda lengths, n, density, mean, keys: np.zeros((len(lengths), n), dtype=bool),
    "all": lambda lengths, n, density, mean, keys: noise_masks.everything(lengths, n),
    "prefix": lambda lengths, n, density, mean, keys: noise_masks.prefix(lengths, n, keys),
    "iid": lambda lengths, n, density, mean, keys: noise_masks.iid(lengths, n, density, keys),
    "random_spans": lambda lengths, n, density, mean, keys: noise_masks.random_spans(lengths, n, density, mean, keys),
}

_CATALOG = (
    Objective(
        name="lm",
        summary="language model: no inputs, the text as targets",
        table="2",
        noise_mask=_MASKS["none"],
        inputs=corruption.nothing,
        targets=corruption.all_tokens,
        lengths=_of_targets,
        fixed_targets=True,
        restore=restoring.targets_alone,
        keeps_tokens_once=True,
    ),
    Objective(
        name="prefix_lm",
        summary="a prefix of random length as inputs, the rest as targets",
        table="4",
        noise_mask=_MASKS["prefix"],
        inputs=corruption.noise_tokens,
        targets=corruption.other_tokens,
        lengths=_of_inputs,
        concatenates=False,
        restore=restoring.one_after_the_other,
        keeps_tokens_once=True,
    ),
    Objective(
        name="bert_style",
        summary="90% of the noise tokens become the mask token and 10% a random token; the full text as targets",
        table="4, 5",
        noise_mask=_MASKS["iid"],
        inputs=corruption.noise_tokens_to_mask_or_random,
        targets=corruption.all_tokens,
        lengths=_of_inputs,
        noise_density=0.15,
        sentinels="mask",
        fixed_inputs=True,
        fixed_targets=True,
        restore=restoring.targets_alone,
    ),
    Objective(
        name="deshuffling",
        summary="the tokens in random order; the full text as targets",
        table="4",
        noise_mask=_MASKS["all"],
        inputs=corruption.noise_tokens_permuted,
        targets=corruption.all_tokens,
        lengths=_of_inputs,
        concatenates=False,
        restore=restoring.targets_alone,
    ),
    Objective(
        name="mass_style",
        summary="noise tokens become the mask token; the full text as targets",
        table="5",
        noise_mask=_MASKS["iid"],
        inputs=corruption.noise_tokens_to_mask,
        targets=corruption.all_tokens,
        lengths=_of_inputs,
        noise_density=0.15,
        sentinels="mask",
        fixed_inputs=True,
        fixed_targets=True,
        restore=restoring.targets_alone,
    ),
    Objective(
        name="replace_spans",
        summary="i.i.d. noise, each run of it becomes a sentinel; the noise as targets, each run between a sentinel",
        table="5, 6",
        noise_mask=_MASKS["iid"],
        inputs=corruption.noise_spans_to_unique_sentinels,
        targets=corruption.other_spans_to_unique_sentinels,
        lengths=_of_iid_targets,
        noise_density=0.15,
        sentinels="unique",
        restore=restoring.join_at_sentinels,
        keeps_tokens_once=True,
        paper_targets_lengths={0.10: 103, 0.15: 192, 0.25: 256, 0.50: 512},
    ),
    Objective(
        name="drop_tokens",
        summary="i.i.d. noise dropped; the dropped tokens as targets",
        table="5",
        noise_mask=_MASKS["iid"],
        inputs=corruption.other_tokens,
        targets=corruption.noise_tokens,
        lengths=_of_iid_targets,
        noise_density=0.15,
        keeps_tokens_once=True,
        paper_targets_lengths={0.15: 104},
    ),
    Objective(
        name="span_corruption",
        summary="random spans of noise, each becomes a sentinel; the noise as targets, each span between a sentinel",
        table="7",
        noise_mask=_MASKS["random_spans"],
        inputs=corruption.noise_spans_to_unique_sentinels,
        targets=corruption.other_spans_to_unique_sentinels,
        lengths=_of_random_spans,
        noise_density=0.15,
        mean_noise_span_length=3.0,
        sentinels="unique",
        fixed_inputs=True,
        fixed_targets=True,
        restore=restoring.join_at_sentinels,
        keeps_tokens_once=True,
    ),
)

OBJECTIVES: dict[str, Objective] = {objective.name: objective for objective in _CATALOG}


def own_defaults(parameter: str) -> str:
    """The objectives' own defaults of a parameter, in words for `--help`.

    >>> own_defaults("mean_noise_span_length")
    '3.0 for span_corruption'
    """
    names: dict[float, list[str]] = {}
    for name, objective in OBJECTIVES.items():
        if (default := getattr(objective, parameter)) is not None:
            names.setdefault(default, []).append(name)
    return "; ".join(f"{default} for {', '.join(of_default)}" for default, of_default in names.items())


def find(name: str) -> Objective:
    """The objective of that name. Raises: UserError if there is none."""
    return choose("objective", name, OBJECTIVES)

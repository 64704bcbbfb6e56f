"""The objectives of the paper's search, by name. Each combines a noise mask (where) with two corruptions (how).

The catalog reads like the paper's Tables 4 to 7, followed by the three kinds of denoisers of UL2 (arXiv 2205.05131).
`OBJECTIVES[name].configure(...)` fixes lengths and densities, and returns a `Corruption`.
"""

from dataclasses import replace

import numpy as np

from c4pipe.choices import choose
from c4pipe.errors import UserError
from c4pipe.objectives import corruption, noise_masks, restoring
from c4pipe.objectives import lengths as length_rules
from c4pipe.objectives.lengths import Lengths
from c4pipe.objectives.objective import Objective, Parameters

DEFAULT_TARGETS_LENGTH = 512
PAPER_INPUTS_LENGTH = 512


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


def _no_noise(lengths: np.ndarray, n: int, density: float, mean: float, keys: np.ndarray) -> np.ndarray:
    return np.zeros((len(lengths), n), dtype=bool)


def _only_noise(lengths: np.ndarray, n: int, density: float, mean: float, keys: np.ndarray) -> np.ndarray:
    return noise_masks.everything(lengths, n)


def _prefix(lengths: np.ndarray, n: int, density: float, mean: float, keys: np.ndarray) -> np.ndarray:
    return noise_masks.prefix(lengths, n, keys)


def _iid(lengths: np.ndarray, n: int, density: float, mean: float, keys: np.ndarray) -> np.ndarray:
    return noise_masks.iid(lengths, n, density, keys)


_OF_T5 = (
    Objective(
        name="lm",
        summary="language model: no inputs, the text as targets",
        table="2",
        noise_mask=_no_noise,
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
        noise_mask=_prefix,
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
        noise_mask=_iid,
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
        noise_mask=_only_noise,
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
        noise_mask=_iid,
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
        summary="each run of i.i.d. noise becomes a sentinel; as targets, each sentinel and then its run",
        table="5, 6",
        noise_mask=_iid,
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
        noise_mask=_iid,
        inputs=corruption.other_tokens,
        targets=corruption.noise_tokens,
        lengths=_of_iid_targets,
        noise_density=0.15,
        keeps_tokens_once=True,
        paper_targets_lengths={0.15: 104},
    ),
    Objective(
        name="span_corruption",
        summary="each random span of noise becomes a sentinel; as targets, each sentinel and then its span",
        table="7",
        noise_mask=noise_masks.random_spans,
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

OBJECTIVES: dict[str, Objective] = {objective.name: objective for objective in _OF_T5}
# UL2 joins pages for all its denoisers, also for its prefix language model.
OBJECTIVES |= {
    "r_denoiser": replace(
        OBJECTIVES["span_corruption"],
        name="r_denoiser",
        summary="UL2's regular denoising: short spans of noise (mean 3 or 8 at 15%), as span_corruption",
        table="",
        mode="R",
    ),
    "s_denoiser": replace(
        OBJECTIVES["prefix_lm"],
        name="s_denoiser",
        summary="UL2's sequential denoising: prefix_lm on joined pages",
        table="",
        concatenates=True,
        mode="S",
    ),
    "x_denoiser": replace(
        OBJECTIVES["span_corruption"],
        name="x_denoiser",
        summary="UL2's extreme denoising: much noise (mean 3, 8 or 64 at 50%) or long spans of it (mean 64 at 15%)",
        table="",
        noise_density=0.5,
        mean_noise_span_length=64.0,
        mode="X",
    ),
}


def own_defaults(parameter: str) -> str:
    """The objectives' own defaults of a parameter, in words for `--help`.

    >>> own_defaults("mean_noise_span_length")
    '3.0 for span_corruption, r_denoiser; 64.0 for x_denoiser'
    """
    names: dict[float, list[str]] = {}
    for name, objective in OBJECTIVES.items():
        if (default := getattr(objective, parameter)) is not None:
            names.setdefault(default, []).append(name)
    return "; ".join(f"{default} for {', '.join(of_default)}" for default, of_default in names.items())


def find(name: str) -> Objective:
    """The objective of that name. Raises: UserError if there is none."""
    return choose("objective", name, OBJECTIVES)

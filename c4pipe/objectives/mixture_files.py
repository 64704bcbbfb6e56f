"""Reads files of mixtures (TOML) strictly: every error is one line, which says where the fault is and what is possible.

name = "mostly_continuing"

[[denoisers]]
name = "continue"                 # unique; in the manifest, the report and the names of losses
objective = "s_denoiser"          # an objective of the catalog
rate = 3                          # relative to the other rates; 1 if left out
prefix = "[CONTINUE]"             # "" for none; the mode token of the objective if left out

[[denoisers]]
name = "fill"
objective = "span_corruption"
noise_density = 0.15              # the objective's own if left out
mean_noise_span_length = 3.0
"""

import re
from dataclasses import dataclass
from typing import Any

from c4pipe.choices import did_you_mean
from c4pipe.errors import UserError
from c4pipe.objectives.catalog import OBJECTIVES
from c4pipe.objectives.mixture import MAX_DENOISERS, NAMES, Denoiser, Mixture
from c4pipe.toml_tables import converted, parse_toml

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True)
class _File:
    """What a file holds. denoisers: tables of `_Row`."""

    name: str
    denoisers: list[Any]
    description: str = ""


@dataclass(frozen=True)
class _Row:
    """A table `[[denoisers]]`: a `Denoiser` with the name of its objective."""

    name: str
    objective: str
    rate: float = 1.0
    noise_density: float | None = None
    mean_noise_span_length: float | None = None
    prefix: str | None = None


def parse(text: bytes, where: str) -> Mixture:
    """The mixture in the text of a file. where: the name of the file in errors.

    Raises: UserError if it is not a mixture.
    """
    content = converted(parse_toml(text, where), _File, where)
    _check_name(content.name, where)
    if content.name in NAMES:
        raise UserError(f"{where}: name: {content.name!r} is an objective of ours; give the mixture another name")
    if not 1 <= len(content.denoisers) <= MAX_DENOISERS:
        raise UserError(f"{where}: denoisers must be 1 to {MAX_DENOISERS} rows, each below a line [[denoisers]]")
    denoisers = tuple(_denoiser(row, f"{where}: denoiser {number}") for number, row in enumerate(content.denoisers, 1))
    names = [denoiser.name for denoiser in denoisers]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{where}: two denoisers are called {repeated[0]!r}; give each its own name")
    return Mixture(content.name, content.description, denoisers)


def _denoiser(table: Any, where: str) -> Denoiser:
    """The denoiser of one table `[[denoisers]]`."""
    row = converted(table, _Row, where)
    _check_name(row.name, where)
    if row.objective not in OBJECTIVES:
        similar = did_you_mean(row.objective, OBJECTIVES)
        raise UserError(f"{where}: there is no objective {row.objective!r}{similar} There are {', '.join(OBJECTIVES)}")
    if not row.rate > 0:
        raise UserError(f"{where}: rate: {row.rate} is out of range; give more than 0, or leave the denoiser out")
    objective = OBJECTIVES[row.objective]
    for key in ("noise_density", "mean_noise_span_length"):
        if getattr(row, key) is not None and getattr(objective, key) is None:
            raise UserError(f"{where}: {key}: the objective {row.objective} has none; leave it out")
    return Denoiser(row.name, objective, row.rate, row.noise_density, row.mean_noise_span_length, row.prefix)


def _check_name(name: str, where: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(f"{where}: name: {name!r} is not a name; give 1 to 64 letters, digits, '_', '.' and '-'")

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

import math
import re
from collections.abc import Mapping
from typing import Any

from c4pipe.choices import did_you_mean
from c4pipe.errors import UserError
from c4pipe.objectives.catalog import OBJECTIVES
from c4pipe.objectives.mixture import MAX_DENOISERS, NAMES, Denoiser, Mixture
from c4pipe.toml_tables import parse_toml

_KEYS = ("name", "description", "denoisers")
_KEYS_OF_ROW = ("name", "objective", "rate", "noise_density", "mean_noise_span_length", "prefix")
_NUMBERS = ("rate", "noise_density", "mean_noise_span_length")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def parse(text: bytes, where: str) -> Mixture:
    """The mixture in the text of a file. where: the name of the file in errors.

    Raises: UserError if it is not a mixture.
    """
    table = parse_toml(text, where)
    _check_keys(table, _KEYS, ("name", "denoisers"), where)
    name = _name(table["name"], f"{where}: name")
    if name in NAMES:
        raise UserError(f"{where}: name: {name!r} is an objective of ours; give the mixture another name")
    description = _text(table.get("description", ""), f"{where}: description")
    rows = table["denoisers"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_DENOISERS:
        raise UserError(f"{where}: denoisers must be 1 to {MAX_DENOISERS} rows, each below a line [[denoisers]]")
    denoisers = tuple(_denoiser(row, f"{where}: denoiser {number}") for number, row in enumerate(rows, start=1))
    names = [denoiser.name for denoiser in denoisers]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{where}: two denoisers are called {repeated[0]!r}; give each its own name")
    return Mixture(name, description, denoisers)


def _denoiser(row: Any, where: str) -> Denoiser:
    """The denoiser of one table `[[denoisers]]`."""
    _check_keys(row, _KEYS_OF_ROW, ("name", "objective"), where)
    name = _name(row["name"], f"{where}: name")
    objective = row["objective"]
    if not isinstance(objective, str) or objective not in OBJECTIVES:
        similar = did_you_mean(str(objective), OBJECTIVES)
        raise UserError(f"{where}: there is no objective {objective!r}{similar} There are {', '.join(OBJECTIVES)}")
    numbers = {key: _number(row[key], f"{where}: {key}") for key in _NUMBERS if key in row}
    if not numbers.get("rate", 1.0) > 0:
        raise UserError(f"{where}: rate: {row['rate']} is out of range; give more than 0, or leave the denoiser out")
    for key in numbers:
        if key != "rate" and getattr(OBJECTIVES[objective], key) is None:
            raise UserError(f"{where}: {key}: the objective {objective} has none; leave it out")
    prefix = _text(row["prefix"], f"{where}: prefix") if "prefix" in row else None
    return Denoiser(name, OBJECTIVES[objective], prefix=prefix, **numbers)


def _check_keys(table: Any, allowed: tuple[str, ...], required: tuple[str, ...], where: str) -> None:
    if not isinstance(table, Mapping):
        raise UserError(f"{where} is not a table")
    shown = f"The keys are {', '.join(allowed)}"
    for key in table:
        if key not in allowed:
            raise UserError(f"{where}: unknown key {key!r}{did_you_mean(key, allowed)} {shown}")
    if missing := [key for key in required if key not in table]:
        raise UserError(f"{where}: {', '.join(missing)} not given. {shown}")


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise UserError(f"{where}: {value!r} is not a name; give 1 to 64 letters, digits, '_', '.' and '-'")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{where}: {value!r} is not text; put it between quotes")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UserError(f"{where}: {value!r} is not a number")
    return float(value)

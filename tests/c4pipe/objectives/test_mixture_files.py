"""Files of mixtures: what they can say, and one line for each mistake."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from c4pipe import checked_json, plain_types
from c4pipe.errors import UserError
from c4pipe.objectives.catalog import OBJECTIVES
from c4pipe.objectives.mixture import MIXTURES, Denoiser
from c4pipe.objectives.mixture_files import parse
from c4pipe.objectives.objective import Parameters

GOOD = """
name = "mine"

[[denoisers]]
name = "continue"
objective = "s_denoiser"
rate = 3
prefix = ""

[[denoisers]]
name = "fill"
objective = "span_corruption"
noise_density = 0.25
mean_noise_span_length = 5
"""


def test_a_file_says_rows_rates_and_prefixes():
    mixture = parse(GOOD.encode(), "mine.toml")
    assert mixture.name == "mine" and mixture.denoisers == (
        Denoiser("continue", OBJECTIVES["s_denoiser"], 3.0, prefix=""),
        Denoiser("fill", OBJECTIVES["span_corruption"], 1.0, 0.25, 5.0),
    )
    corruption = mixture.configure(Parameters(mode_tokens="nlu"), 32_100, 100)
    assert [part.prefix for part in corruption.parts] == ["", ""]
    drawn = corruption.denoisers_of(7, 0, 400)
    assert (drawn == 0).sum() == 300


def test_every_objective_can_be_in_a_mixture():
    rows = "".join(f'[[denoisers]]\nname = "{name}"\nobjective = "{name}"\n' for name in OBJECTIVES)
    corruption = parse(f'name = "all"\n{rows}'.encode(), "all.toml").configure(Parameters(), 32_100, 100)
    assert len(corruption.parts) == len(OBJECTIVES)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('name = "mine"', "name = mine", "mine.toml is not TOML"),
        ('name = "mine"', 'nam = "mine"', "unknown key 'nam'; did you mean name?"),
        ('name = "mine"', "", "mine.toml: name not given"),
        ('name = "mine"', 'name = "ul2"', "'ul2' is an objective of ours"),
        ('name = "mine"', 'name = "a/b"', "'a/b' is not a name"),
        ('"s_denoiser"', '"s_denoisers"', "denoiser 1: there is no objective 's_denoisers'; did you mean s_denoiser?"),
        ("rate = 3", "rate = 0", "denoiser 1: rate: 0.0 is out of range"),
        ("rate = 3", "rate = true", "denoiser 1: rate: Expected `float`, got `bool`"),
        ("rate = 3", "rate = inf", "denoiser 1: rate: inf is not a number"),
        ("rate = 3", "noise_density = 0.5", "denoiser 1: noise_density: the objective s_denoiser has none"),
        ('prefix = ""', "prefix = 1", "denoiser 1: prefix: Expected `str | null`, got `int`"),
        ("noise_density", "density", "denoiser 2: unknown key 'density'; did you mean noise_density?"),
        ('name = "fill"', 'name = "continue"', "two denoisers are called 'continue'"),
        ("[[denoisers]]", "[denoisers]", "is not TOML"),
        (GOOD, 'name = "mine"\ndenoisers = []', "denoisers must be 1 to 64 rows"),
        (GOOD, 'name = "mine"\ndenoisers = [1]', "denoiser 1 is not a table"),
    ],
)
def test_mistakes_are_one_line(old, new, error):
    with pytest.raises(UserError) as raised:
        parse(GOOD.replace(old, new).encode(), "mine.toml")
    assert error in str(raised.value) and "\n" not in str(raised.value)


def test_a_trainer_without_msgspec_says_the_same_places(monkeypatch):
    monkeypatch.setattr(checked_json, "msgspec", plain_types)
    assert parse(GOOD.encode(), "mine.toml").denoisers[0].rate == 3.0
    with pytest.raises(UserError, match=r"\Amine\.toml: denoiser 1: rate: expected float, got bool\Z"):
        parse(GOOD.replace("rate = 3", "rate = true").encode(), "mine.toml")
    with pytest.raises(UserError, match=r"\Amine\.toml: denoisers: expected an array, got str\Z"):
        parse(b'name = "mine"\ndenoisers = "many"', "mine.toml")


def test_numbers_out_of_range_name_the_denoiser():
    mixture = parse(GOOD.replace("0.25", "2").encode(), "mine.toml")
    with pytest.raises(UserError, match=r"mine: denoiser fill: noise density 2\.0 is out of range"):
        mixture.configure(Parameters(), 32_100, 100)


def test_bytes_that_are_not_text_are_an_error():
    with pytest.raises(UserError, match="is not TOML"):
        parse(b'name = "\xff"', "mine.toml")


def test_the_file_of_the_documentation_is_ul2_with_other_rates():
    page = (Path(__file__).parents[3] / "docs" / "objectives.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    written, ul2 = parse(text.encode(), "docs/objectives.md").denoisers, MIXTURES["ul2"].denoisers
    assert [denoiser.rate for denoiser in written] == [0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1]
    assert [replace(denoiser, rate=1.0, prefix=None) for denoiser in written] == list(ul2)

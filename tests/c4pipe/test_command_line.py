"""Flags from records, their help, and the one answer to a name that does not exist."""

import gc
import logging
import sys
from dataclasses import dataclass

import pytest

from c4pipe import command_line
from c4pipe.choices import choose
from c4pipe.command_line import Parser, add_flags, flag, from_flags, importing
from c4pipe.errors import UserError


@dataclass(frozen=True)
class Settings:
    folder: str = flag(help="where it lies", metavar="DIR")
    rate: float | None = flag(None, help="highest rate", otherwise="by the optimizer")
    steps: int = flag(100, help="updates")
    optimizer: str = flag("adafactor", help="update rule", choices=("adafactor", "adamw"))
    compile: bool = flag(False, help="compile it, 100% of it")


def parser(**more) -> Parser:
    made = Parser(prog="tool")
    add_flags(made, "training", Settings, **more)
    return made


def test_a_record_comes_back_from_its_flags():
    arguments = parser().parse_args(["--folder=x", "--steps=7", "--rate=0.5", "--compile"])
    assert from_flags(Settings, arguments) == Settings("x", 0.5, 7, "adafactor", True)


def test_help_shows_defaults_that_are_values_and_no_others():
    text = " ".join(parser().format_help().split())
    assert "--folder DIR where it lies --rate X highest rate (default: by the optimizer)" in text
    assert "--steps N updates (default: 100)" in text
    assert "None" not in text and "False" not in text


def test_help_shows_the_defaults_of_its_own_command():
    own = Settings("x", steps=5)
    text = " ".join(parser(defaults=own, otherwise={"rate": "0.001"}).format_help().split())
    assert "updates (default: 5)" in text and "highest rate (default: 0.001)" in text


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--optimizer=adamx", "unknown --optimizer 'adamx'; did you mean adamw? There are adafactor, adamw"),
        ("--optimiser=adamw", "unknown flag --optimiser=adamw; did you mean --optimizer? (see tool --help)"),
        ("--steps=many", "argument --steps: invalid int value: 'many' (see tool --help)"),
    ],
)
def test_a_mistake_names_the_similar_flag(argument, says):
    with pytest.raises(UserError) as caught:
        parser().parse_args(["--folder=x", argument])
    assert str(caught.value) == says


def test_a_name_that_is_like_none_is_answered_with_all():
    with pytest.raises(UserError, match=r"unknown preset 'x'\. There are small, large"):
        choose("preset", "x", {"small": 1, "large": 2})


def test_the_collector_and_warnings_rest_while_an_action_is_imported(caplog):
    with pytest.raises(ImportError), importing():
        assert not gc.isenabled()
        logging.warning("a package that is not needed")
        raise ImportError
    assert gc.isenabled()
    logging.warning("something else")
    assert [record.message for record in caplog.records] == ["something else"]


@pytest.mark.parametrize(
    ("is_speaker", "message", "said"),
    [
        (True, "no shards", "no shards"),
        (False, "no shards", "rank 3: no shards"),
        (False, "rank 3 on gpu07 lost contact", "rank 3 on gpu07 lost contact"),
        (False, "rank 30 is missing", "rank 3: rank 30 is missing"),
    ],
)
def test_a_rank_that_fails_waits_for_rank_0_before_it_speaks(is_speaker, message, said, monkeypatch, capsys):
    waited: list[float] = []
    monkeypatch.setattr(command_line.time, "sleep", waited.append)
    monkeypatch.setenv("RANK", "3")

    def fail() -> int:
        raise UserError(message)

    with pytest.raises(SystemExit) as ended:
        command_line.run(fail, is_speaker=lambda: is_speaker)
    assert ended.value.code == command_line.EXIT_USER_ERROR
    assert capsys.readouterr().err == f"error: {said}\n"
    assert waited == ([] if is_speaker else [command_line.PATIENCE_SECONDS])


@pytest.mark.parametrize("has_triton", [True, False])
def test_garbage_is_left_to_the_end_of_the_process_unless_triton_would_complain(has_triton, monkeypatch):
    frozen: list[bool] = []
    monkeypatch.setattr(command_line.gc, "freeze", lambda: frozen.append(True))
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    if has_triton:
        monkeypatch.setitem(sys.modules, "triton", sys)
    with pytest.raises(SystemExit):
        command_line.run(lambda: 0)
    assert bool(frozen) != has_triton

"""What all tests share."""

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from c4pipe.command_line import system_message
from c4pipe.errors import UserError

# Helpers are imported by name: those in this folder, and the small crawl and the web server of the pipelines' tests.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "pipelines")]

# Programs that tests start; the search for doctests would import them.
collect_ignore_glob = ["**/*_worker.py"]

# The model is tested in environments without it too.
with contextlib.suppress(ModuleNotFoundError):
    from hypothesis import HealthCheck, settings

    # The same examples in every run, and no time limit: a run must not depend on chance or on how busy the machine is.
    settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("suite")

SHARED = Path(os.environ.get("C4PIPE_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real WET files, golden results and assets beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"NOT CHECKED: {SHARED} is not there, so this comparison with the reference did not run")
    return SHARED


@pytest.fixture(scope="session")
def spiece_of() -> Callable[..., bytes]:
    """spiece_of(texts, vocab_size, ...) -> the bytes of a SentencePiece model with T5's special ids.

    The further arguments are options of SentencePiece. By default a model has fewer pieces where texts are too short.
    """
    import sentencepiece

    def train(texts: Iterable[str], vocab_size: int, **options: Any) -> bytes:
        target = io.BytesIO()
        options = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, "hard_vocab_limit": False} | options
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=target, vocab_size=vocab_size, minloglevel=3, **options
        )
        return target.getvalue()

    return train


@pytest.fixture(scope="module")
def search_in_one_process():
    """The commands of a search run in this process, which saves the seconds that each needs to import its libraries."""
    from model.experiments import running

    class InOneProcess(running.Processes):
        def __call__(self, node, device) -> int:
            self._logs.mkdir(parents=True, exist_ok=True)
            with open(self.log(node), "a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                print(f"$ python -m {node.module}")
                try:
                    return importlib.import_module(node.module).main(list(node.flags)) or 0
                except Exception as error:
                    message = str(error) if isinstance(error, UserError) else system_message(error)
                    print(f"error: {message or repr(error)}")
                    return 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "Processes", InOneProcess)
        yield


def pytest_terminal_summary(terminalreporter) -> None:
    if not SHARED.is_dir():
        terminalreporter.section("PARITY NOT CHECKED", sep="!")
        terminalreporter.line(f"{SHARED} is not there: the tests that compare with the reference were left out.")

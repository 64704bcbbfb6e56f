"""The steps of a Dockerfile, run without Docker: COPY and RUN, in a folder in place of `/` and a virtual environment.

Only what these Dockerfiles use is understood: ARG and ENV with values, COPY from the checkout, RUN of one command. COPY
from another image is left out, because its files exist only in that image.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).parent / "worker.Dockerfile"
FLEX_TEMPLATE = Path(__file__).parent / "flex_template.Dockerfile"
# Absolute paths of the image that steps write to. They become paths below the folder.
_PATHS_OF_IMAGE = re.compile(r"(?<![\w/.])/(build|template)\b")
_INSTRUCTION = re.compile(r"([A-Z]+)\s+(.*)")


@dataclass(frozen=True)
class Step:
    """A line of a Dockerfile, such as `RUN pip check`."""

    instruction: str
    text: str


def read(dockerfile: Path) -> list[Step]:
    """The steps of a Dockerfile in order. Raises: ValueError for a line that is not understood."""
    steps = []
    for line in dockerfile.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        found = _INSTRUCTION.fullmatch(line)
        if found is None or line.endswith("\\"):
            raise ValueError(f"{dockerfile.name}: {line!r} is not understood")
        steps.append(Step(*found.groups()))
    return steps


def values(steps: list[Step]) -> dict[str, str]:
    """The variables that ARG and ENV set to a value."""
    pairs = (step.text.partition("=") for step in steps if step.instruction in ("ARG", "ENV"))
    return {name: value for name, equals, value in pairs if equals}


def run(dockerfile: Path, folder: Path, *, only_fast: bool = False, arguments: Mapping[str, str] | None = None) -> Path:
    """Run the steps of a Dockerfile. Returns: the Python of the environment in `folder`, which is made if missing.

    only_fast: leave out pip. arguments: values of ARG that differ from the Dockerfile's.
    Raises: subprocess.CalledProcessError if a step fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run(
            [sys.executable, "-m", "venv", *(["--without-pip"] if only_fast else []), python.parents[1]], check=True
        )
    steps = read(dockerfile)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        **values(steps),
        **(arguments or {}),
        "PIP_QUIET": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    for step in steps:
        if step.instruction == "COPY" and not step.text.startswith("--from"):
            _copy(*_sources_and_target(step.text, folder))
        if step.instruction == "RUN" and not (only_fast and step.text.startswith("pip ")):
            command = _PATHS_OF_IMAGE.sub(rf"{folder}/\1", step.text)
            subprocess.run(command, shell=True, check=True, env=environment, cwd=folder)
    return python


def _sources_and_target(text: str, folder: Path) -> tuple[list[Path], Path]:
    *sources, target = shlex.split(text)
    return [ROOT / source for source in sources], Path(_PATHS_OF_IMAGE.sub(rf"{folder}/\1", target))


def _copy(sources: list[Path], target: Path) -> None:
    """As Docker: a folder's content goes into the target, files go below it."""
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def images(dockerfile: Path) -> Iterator[str]:
    """The images that a Dockerfile begins with, with the values of its ARGs."""
    steps = read(dockerfile)
    known = values(steps)
    for step in steps:
        if step.instruction == "FROM":
            yield re.sub(r"\$\{(\w+)\}", lambda found: known.get(found[1], found[0]), step.text.split()[0])

"""The programs of the engines, which are downloaded once into a folder that git ignores (`.engines`)."""

import os
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".engines"
POMS = Path(__file__).parent
PRISM = "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"
_FETCH_SECONDS = 1800


class Missing(Exception):
    """An engine cannot run on this machine. The message is a line that says what is missing."""


def jars(engine: str) -> Path:
    """The folder with the jars that `tools/engines/ENGINE/pom.xml` names, and with their dependencies.

    Raises: Missing if Java or Maven is not installed, or a jar cannot be downloaded.
    """
    return _by_maven(engine, "jars", "dependency:copy-dependencies")


def job_server(engine: str) -> Path:
    """The jar with all classes of Beam's job server for the engine. Raises: as `jars`."""
    return _by_maven(engine, "job_server", "package") / "job_server.jar"


def _by_maven(engine: str, name: str, goal: str) -> Path:
    """The folder that Maven fills by a goal (or phase) of an engine's `pom.xml`, anew if that file has changed."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Missing(f"{engine}: `{program}` is not installed (Java 11 or 17, and Maven)")
    folder, pom = FOLDER / engine / name, POMS / engine / "pom.xml"
    done = folder.with_suffix(".pom.xml")
    if done.exists() and done.read_bytes() == pom.read_bytes():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run(engine, ["mvn", "-q", "-B", "-f", str(pom), goal, f"-DoutputDirectory={folder}"])
    done.write_bytes(pom.read_bytes())
    return folder


def prism() -> Path:
    """The path of Prism. Raises: Missing if Go is not installed, or Prism cannot be built."""
    if shutil.which("go") is None:
        raise Missing("prism: `go` is not installed")
    program = FOLDER / "prism" / PRISM.rpartition("@")[2] / "prism"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        _run("prism", ["go", "install", PRISM], GOBIN=str(program.parent))
    return program


def _run(engine: str, command: list[str], **environment: str) -> None:
    print(f"{engine}: downloading it (once, takes some minutes)", flush=True)
    named = f"{engine}: `{' '.join(command[:3])}`"
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        # Maven and Go keep what has arrived, so the next call goes on from there.
        raise Missing(f"{named} has not ended after {_FETCH_SECONDS // 60} minutes; run the command again") from error
    if done.returncode:
        words = (done.stdout + done.stderr).strip().splitlines()
        raise Missing(f"{named} failed: {words[0] if words else done.returncode}")

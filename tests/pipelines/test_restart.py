"""After kill -9 at any moment, the same command gives the same bytes, and committed work is not repeated."""

import contextlib
import os
import random
import signal
from functools import partial
from pathlib import Path

import pytest
from small_crawl import command, digests, run, write_crawl, write_punkt

from pipelines import wet_to_c4

# The stage that writes a file, recognised by the file's folder, and how many files it writes.
STAGES = {
    "cleaned/": 12,
    "/urls_losers/": 1,
    "/lines/": 3,
    "/lines_losers/": 1,
    "/finished/": 15,
    "/c4-": 4,
    "/shards/": 4,
    "/report": 2,
    "/manifest": 1,
}
MOMENTS = ("before", "half-way", "after")
# Those that are run always; each takes some seconds.
QUICK = (("/finished/", "half-way"), ("/manifest", "after"))


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    write_crawl(folder / "wet", num_files=3, pages_a_file=25)
    write_punkt(folder / "punkt")
    return folder


def flags(crawl: Path, output: Path) -> list[str]:
    return command(crawl, output, "--direct_num_workers=1")


def kill_at(stage: str, number: int, moment: str) -> None:
    """Let this process kill itself at that moment of the stage's file of that number."""
    from c4pipe.shards import files

    write_atomically = files.write_atomically
    left = [number]

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @contextlib.contextmanager
    def write(path: str):
        is_here = stage in path and (stage not in ("/c4-", "/report", "/manifest") or "work" not in path.split("/"))
        left[0] -= is_here
        is_moment = is_here and left[0] == 0
        if is_moment and moment == "before":
            die()
        with write_atomically(path) as target:
            yield target
            if is_moment and moment == "half-way":
                target.flush()
                die()
        if is_moment:
            die()

    files.write_atomically = write


@pytest.fixture(scope="module")
def undisturbed(crawl, tmp_path_factory) -> dict[str, str]:
    """Made in this process, so that the processes that are forked from it need not import everything again."""
    output = tmp_path_factory.mktemp("undisturbed") / "c4"
    assert wet_to_c4.main(flags(crawl, output)) == 0
    return digests(output)


def committed(output: Path) -> dict[Path, int]:
    """The work files that a later start keeps, with their times.

    In some folders each file is complete by itself. Elsewhere a file counts only once there is a record of it, which is
    written last: after a kill between the keys of a file and its record, the keys are rightly written again.
    """
    found = {path for kind in ("urls_losers", "lines", "lines_losers") for path in output.rglob(f"{kind}/*")}
    for kind in ("cleaned", "finished", "shards", "keys"):
        found |= {path for path in output.rglob(f"{kind}/*") if path.with_suffix(".json").exists()}
    return {path: path.stat().st_mtime_ns for path in found if path.suffix != ".incomplete"}


@pytest.mark.parametrize(
    ("stage", "moment"),
    [
        pytest.param(stage, moment, marks=[] if (stage, moment) in QUICK else pytest.mark.slow)
        for stage in STAGES
        for moment in MOMENTS
    ],
)
def test_a_killed_run_goes_on_to_the_same_bytes(crawl, undisturbed, tmp_path, monkeypatch, stage, moment):
    chosen = random.Random(f"{stage} {moment}")
    number = chosen.randint(1, STAGES[stage])
    output = tmp_path / "c4"
    assert run(flags(crawl, output), lambda: kill_at(stage, number, moment)) == signal.SIGKILL
    if not (output / "manifest.json").exists():
        before = committed(output)
        # Killed once more just before the end, while all work files are still there to be looked at.
        if stage != "/manifest":
            assert run(flags(crawl, output), lambda: kill_at("/manifest", 1, "before")) == signal.SIGKILL
        after = committed(output)
        assert {path: after[path] for path in before} == before
    assert run(flags(crawl, output)) == 0
    assert digests(output) == undisturbed


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_all_the_same(crawl, undisturbed, tmp_path):
    chosen = random.Random(5)
    output = tmp_path / "c4"
    for _ in range(6):
        kill = (chosen.choice(list(STAGES)), chosen.randrange(1, 4), chosen.choice(MOMENTS))
        run(flags(crawl, output), partial(kill_at, *kill))
    assert run(flags(crawl, output)) == 0
    assert digests(output) == undisturbed


def test_damaged_work_files_and_shards_are_made_again(crawl, undisturbed, tmp_path):
    chosen = random.Random(6)
    output = tmp_path / "c4"
    assert run(flags(crawl, output), lambda: kill_at("/manifest", 1, "before")) == signal.SIGKILL
    kinds = ("cleaned", "urls_losers", "lines", "lines_losers", "finished", "shards", "keys")
    shards = [*output.glob("c4-*"), *output.rglob("provenance-*"), *output.glob("_keys/*")]
    for path in sorted([*(path for kind in kinds for path in output.rglob(f"{kind}/*")), *shards]):
        content, status = bytearray(path.read_bytes()), path.stat()
        if content:
            content[chosen.randrange(len(content))] ^= 1 << chosen.randrange(8)
            path.write_bytes(content)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run(flags(crawl, output)) == 0
    assert digests(output) == undisturbed

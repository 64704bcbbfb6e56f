"""An object store with workers in processes of their own: killed commands, a server that dies, training from shards.

Run by `make engines`, not by `make test`; needs neither Java nor Go.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from s3_server import BUCKET, digests, running

from c4pipe.demo import pack_crawl
from tools.engines import chain

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("C4PIPE_ENGINES"), reason="takes minutes: make engines"),
]

WORKERS = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
FLAGS = ("--variant=en.noblocklist", "--sentence_model=bundled")
_MOST_SECONDS = 1800


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """A folder with WET files, and the corpus made from them by the local run."""
    folder = tmp_path_factory.mktemp("crawl")
    pack_crawl.pack(str(folder / "wet"), 1_000_000)
    assert begin("wet_to_c4", f"--input={folder}/wet/*.wet.gz", *FLAGS, f"--output={folder}/c4").wait() == 0
    return folder


@pytest.fixture
def s3(crawl, tmp_path):
    with running(tmp_path) as (server, file_system):
        file_system.put(f"{crawl}/wet/", f"{BUCKET}/wet/", recursive=True)
        yield server, file_system


def begin(command: str, *flags: str) -> subprocess.Popen:
    module = command if "." in command else f"pipelines.{command}"
    return subprocess.Popen(
        [sys.executable, "-m", module, *flags], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )


def c4_on_s3() -> subprocess.Popen:
    return begin("wet_to_c4", f"--input=s3://{BUCKET}/wet/*.wet.gz", *FLAGS, *WORKERS, f"--output=s3://{BUCKET}/c4")


def wait_for_work(process: subprocess.Popen, file_system, pattern: str) -> bool:
    """Until files match, or the command has ended. Returns: whether it still runs."""
    end = time.monotonic() + _MOST_SECONDS
    while process.poll() is None and not file_system.glob(f"{BUCKET}/c4/{pattern}"):
        assert time.monotonic() < end
        time.sleep(0.1)
    return process.poll() is None


@pytest.mark.parametrize("pattern", ["work/*", "work/cleaned/*", "work/*/finished/*", "work/*/shards/*"])
def test_a_killed_command_continues(s3, crawl, tmp_path, pattern):
    _, file_system = s3
    process = c4_on_s3()
    if wait_for_work(process, file_system, pattern):
        time.sleep(random.Random(pattern).random())
        process.kill()
    process.communicate()
    again = c4_on_s3()
    _, said = again.communicate(timeout=_MOST_SECONDS)
    assert again.returncode == 0, said
    ours = digests(file_system, f"s3://{BUCKET}/c4", tmp_path / "got")
    assert chain.differences(ours, chain.digests(crawl / "c4")) == []


def test_a_server_that_dies_is_one_line_and_no_hang(s3):
    server, file_system = s3
    process = c4_on_s3()
    assert wait_for_work(process, file_system, "work/*/*")
    server.process.send_signal(signal.SIGKILL)
    _, said = process.communicate(timeout=_MOST_SECONDS)
    errors = [line for line in said.splitlines() if "error:" in line]
    assert process.returncode == 2 and len(errors) == 1 and "S3" in errors[0]
    assert "Traceback" not in said


def test_training_streams_shards(s3, crawl, tmp_path):
    """The same losses from s3:// as from a local folder."""
    _, file_system = s3
    vocabulary, examples = tmp_path / "vocabulary", tmp_path / "examples"
    given = f"--input={crawl}/c4"
    assert begin("c4_to_vocabulary", given, "--num_pieces=600", f"--output={vocabulary}").wait() == 0
    assert begin("c4_to_examples", given, f"--vocabulary={vocabulary}", f"--output={examples}").wait() == 0
    file_system.put(f"{examples}/", f"{BUCKET}/examples/", recursive=True)
    losses = []
    for number, source in enumerate((examples, f"s3://{BUCKET}/examples")):
        run = tmp_path / f"run-{number}"
        flags = ("--preset=t5_v1_1_tiny", "--steps=6", "--batch_size=4", "--log_every=1", "--device=cpu")
        process = begin("model.pretrain", f"--examples={source}", f"--output={run}", *flags)
        _, said = process.communicate(timeout=_MOST_SECONDS)
        assert process.returncode == 0, said
        losses.append(_losses(run))
    assert losses[0] == losses[1] and len(losses[0]) == 6


def _losses(run: Path) -> list[float]:
    from model.training.figures import metrics_log

    return [line["loss"] for line in metrics_log.read(run / "metrics.jsonl") if "loss" in line]

"""Each pipeline as the Dataflow job that would be submitted, checked without a network to Google and without a bill.

    python tests/dataflow_check.py [--keep=DIR]        (make dataflow-check)

1. Every pipeline's graph is translated to its Dataflow job with --setup_file; uploads are captured, credentials are not
   looked up. It must be far smaller than Dataflow's 10 MB.
2. A bare virtual environment gets apache-beam, the package that the job ships, and the file systems of object stores
   (tools/images/cloud_requirements.txt), nothing else. There every DoFn is unpickled, and the job's own graph is run on
   a sample: the files must be those that this environment makes.
3. The same on a portable runner: job server and worker pool are processes of their own. The pool runs in an environment
   that the steps of the workers' image (tools/images/worker.Dockerfile) have made, without Docker.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "pipelines")]

import apache_beam as beam  # noqa: E402
from apache_beam.internal.gcp import auth  # noqa: E402
from apache_beam.io.gcp.gcsio import GcsIO  # noqa: E402
from apache_beam.options.pipeline_options import PipelineOptions  # noqa: E402
from apache_beam.runners.dataflow.internal import apiclient  # noqa: E402
from small_crawl import digests, write_crawl, write_punkt  # noqa: E402

from pipelines import c4_to_examples, c4_to_vocabulary, tasks_to_examples, wet_to_c4  # noqa: E402
from pipelines.jobs import corpus  # noqa: E402
from pipelines.launch import beam_options  # noqa: E402
from tools.images import steps  # noqa: E402

MOST_GRAPH_BYTES = 1 << 20
DATAFLOW_FLAGS = [
    "--runner=DataflowRunner",
    "--project=c4pipe-test",
    "--region=us-central1",
    "--temp_location=gs://c4pipe-test/temp",
    "--staging_location=gs://c4pipe-test/staging",
    "--job_name=c4pipe-check",
    "--no_auth",
    f"--setup_file={ROOT / 'setup.py'}",
]

# Run in the bare environment: unpickles every DoFn of a job, then runs the job's graph in this process.
IN_BARE = """
import importlib.util, sys
import fsspec
from apache_beam.internal import pickler
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

for absent in ("torch", "matplotlib", "jinja2", "transformers", "pytest"):
    assert importlib.util.find_spec(absent) is None, absent + " is here: this environment is not bare"
for protocol in ("gs", "s3"):
    fsspec.get_filesystem_class(protocol)
job = beam_runner_api_pb2.Pipeline.FromString(open(sys.argv[1], "rb").read())
num_functions = 0
for transform in job.components.transforms.values():
    if transform.spec.urn == common_urns.primitives.PAR_DO.urn:
        payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
        # The others are Beam's own, known by their name.
        if payload.do_fn.urn == python_urns.PICKLED_DOFN_INFO:
            pickler.loads(payload.do_fn.payload)
            num_functions += 1
assert num_functions > 5, "there are hardly any DoFns in this job"
for environment in job.components.environments.values():
    environment.urn = python_urns.EMBEDDED_PYTHON
    environment.payload = b""
    del environment.dependencies[:]
FnApiRunner().run_via_runner_api(job, PipelineOptions([])).wait_until_finish()
print(num_functions, "DoFns")
"""

# Run in the environment of the workers' image: it has the file systems of the clouds, and nothing of training.
IN_IMAGE = """
import importlib.util
import fsspec
for protocol in ("gs", "s3"):
    fsspec.get_filesystem_class(protocol)
for absent in ("torch", "pytest"):
    assert importlib.util.find_spec(absent) is None, absent + " is in the image"
import pipelines.launch.flex_template
import pipelines.wet_to_c4
assert "/site-packages/" in pipelines.wet_to_c4.__file__, pipelines.wet_to_c4.__file__
"""


class Submitted(Exception):
    """The job is there. In place of Dataflow, the bare environment runs it."""


def translate(build: Callable[[beam.Pipeline], object], folder: Path) -> tuple[Path, Path]:
    """Translate a graph to its Dataflow job; returns (its proto, the package that it ships)."""
    folder.mkdir(parents=True, exist_ok=True)
    proto, package = folder / "job.pb", folder / "workflow.tar.gz"

    def stage_file(client, location, name, stream, *args, **kwargs) -> None:
        if name.endswith("workflow.tar.gz"):
            package.write_bytes(stream.read())

    def submit(client, job) -> None:
        proto.write_bytes(job.proto_pipeline.SerializeToString())
        raise Submitted

    client = apiclient.DataflowApplicationClient
    with (
        mock.patch.object(client, "stage_file", stage_file),
        mock.patch.object(client, "submit_job_description", submit),
        mock.patch.object(GcsIO, "is_soft_delete_enabled", lambda self, bucket: False),
        mock.patch.object(auth._Credentials, "get_service_credentials", lambda *arguments: None),
        contextlib.suppress(Submitted),
    ):
        pipeline = beam.Pipeline(options=PipelineOptions(DATAFLOW_FLAGS))
        build(pipeline)
        pipeline.run()
    assert proto.exists() and package.exists(), "nothing was submitted"
    size = proto.stat().st_size
    assert size < MOST_GRAPH_BYTES, f"the graph has {size:,} bytes"
    return proto, package


def elsewhere_environment() -> dict[str, str]:
    """The variables of this process without PYTHONPATH, so that other environments do not find this checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def make_bare_environment(folder: Path, package: Path) -> Path:
    """A virtual environment with apache-beam and the package; returns its python."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    constraints = ["-c", str(ROOT / "constraints.txt")] if (ROOT / "constraints.txt").exists() else []
    subprocess.run([*pip, *constraints, f"apache-beam=={beam.__version__}"], check=True)
    subprocess.run([*pip, *constraints, "--force-reinstall", "--no-deps", str(package)], check=True)
    subprocess.run([*pip, *constraints, str(package)], check=True)
    subprocess.run([*pip, *constraints, "-r", str(ROOT / "tools" / "images" / "cloud_requirements.txt")], check=True)
    return python


def check_pipeline(
    name: str, main: Callable, flags: list[str], output: Path, work: Path, bare: list[Path]
) -> None:  # fmt: skip
    """Make the output here. Then make it again by a job whose graph runs in the bare environment, and compare."""
    started = time.monotonic()
    said = []

    def run(build: Callable[[beam.Pipeline], object], options: PipelineOptions) -> None:
        proto, package = translate(build, work / name)
        if not bare:
            bare.append(make_bare_environment(work / "bare", package))
        script = work / "in_bare.py"
        script.write_text(IN_BARE)
        command = [str(bare[0]), str(script), str(proto)]
        ran = subprocess.run(command, cwd=work, env=elsewhere_environment(), capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(f"error: {name} does not run on a bare worker:\n{ran.stderr[-4000:]}")
        said.append(f"graph of {proto.stat().st_size:,} bytes, {ran.stdout.strip()} unpickled and run on a bare worker")

    assert main([*flags, f"--output={output}", "--direct_num_workers=1"]) == 0
    elsewhere = work / f"{name}-bare"
    with (
        mock.patch.object(beam_options, "run", run),
        # As on a cluster; the folders stay local, so that the graph can be run here.
        mock.patch.object(corpus, "keys_go_through_files", lambda options: False),
    ):
        assert main([*flags, f"--output={elsewhere}", "--direct_num_workers=1"]) == 0
    made, expected = digests(elsewhere), digests(output)
    different = sorted(file for file in {*made, *expected} if made.get(file) != expected.get(file))
    assert not different, f"{name}: {different} differ from what the local runner makes"
    print(f"{name}: {said[0]}, {len(made)} files equal, {time.monotonic() - started:.0f} s", flush=True)


def make_image(work: Path) -> Path:
    """Run the steps of the workers' image; returns its python. It must have all that workers import, and no torch."""
    started = time.monotonic()
    python = steps.run(steps.WORKER, work / "image")
    subprocess.run([str(python), "-c", IN_IMAGE], cwd=work, env=elsewhere_environment(), check=True)
    print(f"worker image: its steps run without Docker, {time.monotonic() - started:.0f} s", flush=True)
    return python


def check_portable_runner(flags: list[str], expected: Path, work: Path, image: Path) -> None:
    """wet_to_c4 through a job server and a worker pool, each a process of its own. image: the python of the pool."""
    output = work / "portable"
    with (
        _service("apache_beam.runners.portability.local_job_service_main", "--port", work) as job_port,
        _service("apache_beam.runners.worker.worker_pool_main", "--service_port", work, image) as pool_port,
    ):
        command = [sys.executable, "-m", "pipelines.wet_to_c4", *flags, f"--output={output}"]
        command += ["--runner=PortableRunner", f"--job_endpoint=localhost:{job_port}"]
        command += ["--environment_type=EXTERNAL", f"--environment_config=localhost:{pool_port}", "--shared_paths"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if ran.returncode:
        raise SystemExit(f"error: wet_to_c4 fails on the portable runner:\n{ran.stderr[-4000:]}")
    assert digests(output) == digests(expected), "the portable runner gives other bytes"
    print(f"portable runner: workers of the image, {len(digests(output))} files equal", flush=True)


@contextlib.contextmanager
def _service(module: str, port_flag: str, work: Path, python: Path = Path(sys.executable)) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    # A worker pool starts its workers by the name `python`, found on PATH.
    has_own_code = python != Path(sys.executable)
    environment = elsewhere_environment() if has_own_code else dict(os.environ)
    environment["PATH"] = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    with (work / f"{module}.log").open("w") as log:
        process = subprocess.Popen(
            [str(python), "-m", module, f"{port_flag}={port}"], cwd=work, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(port: int, process: subprocess.Popen) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
            return
        if process.poll() is not None:
            raise SystemExit(f"error: {process.args} ended with status {process.returncode}")
        time.sleep(0.1)
    raise SystemExit(f"error: nothing listens on port {port}")


def write_tasks(folder: Path) -> None:
    """A small task file."""
    folder.mkdir(parents=True, exist_ok=True)
    records = [
        {"inputs": f"sst2 sentence: text {number}", "targets": "positive", "task": "sst2"} for number in range(50)
    ]
    (folder / "sst2.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    keep = parser.parse_args().keep
    work = keep.resolve() if keep else Path(tempfile.mkdtemp(prefix="dataflow-check-"))
    os.chdir(ROOT)
    try:
        write_crawl(work / "wet")
        punkt = write_punkt(work / "punkt")
        write_tasks(work / "tasks")
        c4 = [f"--input={work}/wet/*.gz", "--variant=en.noblocklist", f"--sentence_model={punkt}"]
        c4 += ["--max_quarantined_fraction=0.1"]
        bare: list[Path] = []
        check_pipeline("wet_to_c4", wet_to_c4.main, c4, work / "c4", work, bare)
        vocabulary = [f"--input={work}/c4", "--num_pieces=300"]
        check_pipeline("c4_to_vocabulary", c4_to_vocabulary.main, vocabulary, work / "vocabulary", work, bare)
        spiece = f"--vocabulary={work}/vocabulary"
        check_pipeline(
            "c4_to_examples", c4_to_examples.main, [f"--input={work}/c4", spiece], work / "examples", work, bare
        )
        tasks = [f"--input={work}/tasks/*.jsonl", spiece, "--inputs_length=64"]
        check_pipeline("tasks_to_examples", tasks_to_examples.main, tasks, work / "task_examples", work, bare)
        check_portable_runner(c4, work / "c4", work, make_image(work))
    finally:
        if keep is None:
            shutil.rmtree(work, ignore_errors=True)
    print("dataflow-check: all pipelines pass")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

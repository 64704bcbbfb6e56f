"""The command as a user calls it: one process here, several under torchrun."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from c4pipe.errors import UserError
from model import export
from model.checkpoints.loading import load_checkpoint
from model.checkpoints.run_folder import RunFolder
from model.pretrain import main
from model.training.figures import metrics_log

STEPS = 24


def flags(examples, output, /, **more) -> list[str]:
    values = {
        "examples": examples,
        "output": output,
        # Smooth units: one of ReLU that rounding tips over its kink changes the curve in the third digit.
        "preset": "t5_v1_1_tiny",
        "dropout_rate": 0.1,
        "steps": STEPS,
        "batch_size": 8,
        "log_every": 1,
        "evaluate_every": 8,
        "checkpoint_every": 4,
        "validation_examples": 24,
        "device": "cpu",
        **more,
    }
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in values.items()]


def torchrun(ranks: int, arguments: list[str], *, options: tuple[str, ...] = ("--standalone",)) -> subprocess.Popen:
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={ranks}", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, "-m", "model.pretrain", *arguments],
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def losses(run: Path) -> list[float]:
    lines = [line for line in metrics_log.read(run / "metrics.jsonl") if "loss" in line]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    return [line["loss"] for line in lines]


def wait_for_step(run: Path, step: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 600
    while process.poll() is None and time.monotonic() < deadline:
        lines = metrics_log.read(run / "metrics.jsonl")
        if lines and lines[-1]["step"] >= step:
            return
        time.sleep(0.02)
    raise AssertionError(f"step {step} was not reached: {process.communicate()}")


def workers_of(process: subprocess.Popen) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if "model.pretrain" in Path(f"/proc/{child}/cmdline").read_text()]


@pytest.fixture(scope="module")
def reference(example_folder, tmp_path_factory) -> Path:
    """A run of one process that nothing happened to."""
    output = tmp_path_factory.mktemp("reference") / "run"
    assert main(flags(example_folder, output)) == 0
    return output


def test_a_run_learns_and_leaves_what_the_contract_says(reference):
    lines = metrics_log.read(reference / "metrics.jsonl")
    run = json.loads((reference / "run.json").read_text())
    assert run["status"] == "finished" and run["settings"]["steps"] == STEPS
    assert run["summary"]["last_validation_loss"] < 0.75 * run["summary"]["first_validation_loss"]
    assert lines[0]["step"] == 0 and lines[0]["validation_loss"] == run["summary"]["first_validation_loss"]
    assert {"loss", "learning_rate", "examples_seen", "tokens_per_second", "mfu", "data_wait_seconds"} <= set(lines[-1])
    assert lines[-1]["examples_seen"] == STEPS * 8
    assert (reference / "spiece.model").exists()
    assert "<svg" in (reference / "run.html").read_text()
    config, weights, vocabulary_folder = load_checkpoint(f"{reference}@{STEPS}")
    assert weights["embedding.weight"].shape == (config.vocabulary_size, config.d_model) == (384, 160)
    assert vocabulary_folder == str(reference)


def test_two_ranks_that_are_killed_go_on_as_one_with_the_same_curve(reference, example_folder, tmp_path):
    output = tmp_path / "run"
    process = torchrun(2, flags(example_folder, output))
    wait_for_step(output, 10, process)
    os.kill(workers_of(process)[1], signal.SIGKILL)
    process.communicate(timeout=600)
    assert process.returncode != 0
    before = losses(output)
    with pytest.raises(UserError, match="--resume"):
        main(flags(example_folder, output))
    assert main(flags(example_folder, output, resume=True)) == 0
    after = losses(output)
    saved = (len(before) - 1) // 4 * 4
    assert after[: saved - 4] == before[: saved - 4], "what was done before the checkpoint stays"
    expected = losses(reference)
    assert after[0] == pytest.approx(expected[0], abs=1e-5), "two ranks, the same first loss"
    assert after == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("sharding_on_cpus")
def test_two_sharded_ranks_that_are_killed_go_on_as_one_with_the_same_curve(reference, example_folder, tmp_path):
    """And the checkpoints of the sharded run can be exported, and read by every command."""
    output = tmp_path / "run"
    process = torchrun(2, flags(example_folder, output, parallel="fsdp"))
    wait_for_step(output, 10, process)
    os.kill(workers_of(process)[1], signal.SIGKILL)
    process.communicate(timeout=600)
    assert process.returncode != 0
    newest = RunFolder(str(output)).newest_whole()
    assert newest is not None and newest.step in (4, 8)
    folder = RunFolder(str(output)).of_step(newest.step)
    assert (folder / "model-00002-of-00002.safetensors").exists() and not (folder / "model.safetensors").exists()
    assert export.main([f"--checkpoint={output}@{newest.step}", f"--output={tmp_path / 'exported'}"]) == 0
    assert main(flags(example_folder, output, resume=True)) == 0
    assert losses(output) == pytest.approx(losses(reference), abs=1e-5)
    for name, tensor in load_checkpoint(f"{reference}@{STEPS}").state_dict.items():
        assert torch.allclose(load_checkpoint(f"{output}@{STEPS}").state_dict[name], tensor, atol=1e-4), name


def test_a_loss_that_is_no_number_leaves_the_examples_of_its_batch(example_folder, tmp_path):
    output = tmp_path / "run"
    with pytest.raises(
        UserError, match=r"step \d+; the examples of its batch are listed in .*non_finite-step-"
    ) as caught:
        main(flags(example_folder, output, learning_rate=1e30))
    (path,) = output.glob("non_finite-step-*.json")
    record = json.loads(path.read_text())
    assert len(record["examples"]) == 8 and record["position"] == (record["step"] - 1) * 8
    assert {"example_id", "shard", "row", "text_shard"} <= set(record["examples"][0])
    assert str(path) in str(caught.value)
    assert json.loads((output / "run.json").read_text())["status"] == "running"


def test_a_finished_run_is_left_alone(reference, example_folder, capsys):
    def snapshot():
        return {path: path.stat().st_mtime_ns for path in reference.rglob("*")}

    before = snapshot()
    assert main(flags(example_folder, reference)) == 0
    assert main(flags(example_folder, reference, resume=True)) == 0
    assert snapshot() == before
    assert capsys.readouterr().out.count("nothing to do") == 2


def test_a_finished_run_can_be_made_longer(reference, example_folder, tmp_path):
    output = tmp_path / "longer"
    shutil.copytree(reference, output)
    assert main(flags(example_folder, output, steps=STEPS + 4, resume=True)) == 0
    assert losses(output)[:STEPS] == losses(reference)
    assert len(losses(output)) == STEPS + 4


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"preset": "t5_huge"}, "unknown preset 't5_huge'"),
        ({"architecture": "gpt"}, "unknown architecture 'gpt'"),
        ({"batch_size": 9, "gradient_accumulation": 2}, "not a multiple of 1 ranks x 2"),
        ({"examples": "nowhere"}, "nowhere has no manifest.json"),
        ({"steps": 0}, "--steps=0"),
        ({"optimizer": "sgd"}, "unknown --optimizer 'sgd'"),
        ({"optimiser": "adamw"}, "unknown flag --optimiser=adamw; did you mean --optimizer"),
        ({"track": "mlflow"}, "unknown tracker 'mlflow'"),
        ({"validation_examples": 10_000, "from_hugging_face": "nowhere"}, "nowhere"),
        ({"output": "gs://bucket/run"}, "local or mounted disk"),
        ({"repeat": 5}, "--repeat=5 does not divide the 192 examples of 24 steps of 8"),
        ({"max_examples": 0}, "--max_examples=0 must be at least 1"),
        ({"max_examples": 8, "repeat": 4}, "give only one of them"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(example_folder, tmp_path, changes, says):
    output = tmp_path / "run"
    with pytest.raises(UserError, match=re.escape(says)) as caught:
        main(flags(example_folder, output, **changes))
    assert "\n" not in str(caught.value)
    assert not output.exists()


def test_a_run_with_other_flags_is_another_run(reference, example_folder):
    with pytest.raises(UserError, match="--batch_size=8"):
        main(flags(example_folder, reference, batch_size=16, resume=True))
    with pytest.raises(UserError, match=r"holds another run: model: dropout_rate was 0\.1, is now 0\.3"):
        main(flags(example_folder, reference, dropout_rate=0.3, resume=True))


def test_the_number_of_repetitions_is_part_of_a_run(example_folder, tmp_path):
    output = tmp_path / "run"
    assert main(flags(example_folder, output, steps=2, repeat=4)) == 0
    assert json.loads((output / "run.json").read_text())["examples"][0]["max_examples"] == 2 * 8 // 4
    assert main(flags(example_folder, output, steps=2, max_examples=4, resume=True)) == 0  # the same in other words
    with pytest.raises(UserError, match="examples 1: max_examples was 4, is now None"):
        main(flags(example_folder, output, steps=2, resume=True))


def test_a_shard_cut_in_half_is_named(example_folder, tmp_path):
    folder = tmp_path / "examples"
    shutil.copytree(example_folder, folder)
    shard = folder / "train-00001-of-00002.arrow"
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    with pytest.raises(UserError, match=r"train-00001-of-00002\.arrow"):
        main(flags(folder, tmp_path / "run"))


def test_a_bad_shard_can_be_skipped_and_is_counted(example_folder, tmp_path):
    folder = tmp_path / "examples"
    shutil.copytree(example_folder, folder)
    shard = folder / "train-00001-of-00002.arrow"
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    main(flags(folder, tmp_path / "run", steps=4, on_bad_shard="skip"))
    line = metrics_log.read(tmp_path / "run" / "metrics.jsonl")[-1]
    assert line["step"] == 4 and line["replaced_examples"] > 0


def test_a_vocabulary_that_does_not_fit_is_refused(example_folder, tmp_path):
    folder = tmp_path / "examples"
    shutil.copytree(example_folder, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["settings"]["vocabulary_size"] = 32100
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="32100 ids"):
        main(flags(folder, tmp_path / "run"))


def test_too_few_validation_examples_hold_training_examples_out(example_folder, tmp_path, capsys):
    output = tmp_path / "run"
    main(flags(example_folder, output, steps=1, validation_examples=30))
    assert "the last 30 training examples, held out" in capsys.readouterr().err
    run = json.loads((output / "run.json").read_text())
    assert run["examples"][0]["held_out"] == 30 and run["validation"]["examples"] == 30


def test_a_dry_run_makes_nothing(example_folder, tmp_path, capsys):
    assert main(flags(example_folder, tmp_path / "run", dry_run=True)) == 0
    assert "parameters" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()


def test_a_mixture_tells_the_loss_of_each_source(example_folder, tmp_path, spiece_model, make_examples):
    other = make_examples(tmp_path / "other", spiece_model, seed=5)
    output = tmp_path / "run"
    main(flags(f"{example_folder}:3,{other}:1", output, steps=1))
    line = metrics_log.read(output / "metrics.jsonl")[-1]
    parts = [value for name, value in line.items() if name.startswith("validation_loss/")]
    assert len(parts) == 2 and min(parts) <= line["validation_loss"] <= max(parts)


def test_rank_0_alone_speaks(example_folder, tmp_path):
    process = torchrun(2, flags(example_folder, tmp_path / "run", preset="t5_huge"))
    output, errors = process.communicate(timeout=600)
    assert errors.count("unknown preset") == 1
    assert output == ""


@pytest.mark.slow
def test_any_number_of_ranks_continues_what_another_number_left(example_folder, tmp_path, reference):
    output = tmp_path / "run"
    for ranks, until in ((4, 6), (1, 11), (2, 17), (4, STEPS)):
        process = torchrun(ranks, flags(example_folder, output, resume=True))
        if until == STEPS:
            assert process.wait(timeout=600) == 0, process.communicate()
            break
        wait_for_step(output, until, process)
        for worker in workers_of(process):
            os.kill(worker, signal.SIGKILL)
        process.communicate(timeout=600)
    assert losses(output) == pytest.approx(losses(reference), abs=1e-5)


@pytest.mark.slow
def test_torchrun_restarts_go_on_by_themselves(example_folder, tmp_path, reference):
    output = tmp_path / "run"
    process = torchrun(2, flags(example_folder, output), options=("--standalone", "--max-restarts=2"))
    wait_for_step(output, 6, process)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    assert process.wait(timeout=600) == 0, process.communicate()
    assert losses(output) == pytest.approx(losses(reference), abs=1e-5)


@pytest.mark.slow
def test_sigterm_to_torchrun_leaves_a_checkpoint_within_the_grace_of_clusters(example_folder, tmp_path):
    output = tmp_path / "run"
    process = torchrun(
        2, flags(example_folder, output, steps=100_000, checkpoint_every=100_000, evaluate_every=100_000)
    )
    wait_for_step(output, 7, process)
    process.send_signal(signal.SIGTERM)  # torchrun gives its ranks 30 seconds, as clusters do, and then kills them
    process.communicate(timeout=600)
    state = RunFolder(str(output)).newest_whole()
    assert state is not None and state.step >= 7
    assert metrics_log.read(output / "metrics.jsonl")[-1]["step"] == state.step


@pytest.mark.slow
def test_two_nodes_restart_over_loopback(example_folder, tmp_path, reference):
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    output = tmp_path / "run"
    options = ("--nnodes=2", "--rdzv_backend=c10d", f"--rdzv_endpoint=127.0.0.1:{port}", "--max-restarts=2")
    local = ("--local_addr=127.0.0.1",)
    nodes = [torchrun(1, flags(example_folder, output), options=(*options, *local)) for _ in range(2)]
    wait_for_step(output, 6, nodes[0])
    os.kill(workers_of(nodes[1])[0], signal.SIGKILL)
    results = [(node.wait(timeout=600), node.communicate()[1][-2000:]) for node in nodes]
    assert [status for status, _ in results] == [0, 0], results
    assert losses(output) == pytest.approx(losses(reference), abs=1e-5)

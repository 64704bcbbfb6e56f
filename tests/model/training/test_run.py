"""A run identifies inputs by their content, refuses what cannot run before it starts, and keeps run.html up to date."""

import os
import shutil
import signal
from dataclasses import replace

import pytest

from c4pipe.errors import UserError
from model import finetune, pretrain
from model.actions import pretrain as pretraining
from model.checkpoints import step_folder
from model.checkpoints.run_folder import RunFolder
from model.training import launch
from model.training.figures import metrics_log, run_page
from model.training.ranks import threads

SMALL = ["--batch_size=8", "--log_every=1", "--evaluate_every=2", "--checkpoint_every=2", "--device=cpu"]
SMALL += ["--gradient_accumulation=1"]


def finetuning(checkpoint, tasks, output, *more) -> list[str]:
    return [f"--checkpoint={checkpoint}", f"--tasks={tasks}", f"--output={output}", *SMALL, *more]


def test_a_run_goes_on_when_its_inputs_were_moved_and_renamed(base_run, task_folder, tmp_path, monkeypatch, capsys):
    base, tasks, output = tmp_path / "base", tmp_path / "tasks", tmp_path / "run"
    shutil.copytree(base_run, base)
    shutil.copytree(task_folder, tasks)
    monkeypatch.chdir(tmp_path)
    assert finetune.main(finetuning("base", "tasks", output, "--steps=2", "--method=adapters")) == 0
    assert finetune.main(finetuning(base, tasks, output, "--steps=2", "--method=adapters")) == 0
    assert "nothing to do" in capsys.readouterr().out
    tasks.rename(tmp_path / "renamed")
    base.rename(tmp_path / "elsewhere")
    longer = ("--steps=4", "--method=adapters", "--resume")
    assert finetune.main(finetuning(base, tmp_path / "renamed", output, *longer)) == 0
    assert "continues from its own checkpoint" in capsys.readouterr().err
    assert metrics_log.read(output / "metrics.jsonl")[-1]["step"] == 4
    with pytest.raises(UserError, match="holds no run"):
        finetune.main(finetuning(base, tmp_path / "renamed", tmp_path / "new", *longer))


def test_what_differs_is_said_in_words(base_run, task_folder, tmp_path):
    output = tmp_path / "run"
    assert finetune.main(finetuning(base_run, task_folder, output, "--steps=1")) == 0
    other = RunFolder(str(tmp_path / "other"))
    shutil.copytree(base_run, other.path)
    weights = dict(step_folder.read_weights(other.of_step(1)))
    weights["embedding.weight"] += 1
    step_folder.write(other.checkpoints, step_folder.State(1, 8), weights, None)
    with pytest.raises(UserError, match=r"holds another run: checkpoint has other content now; choose"):
        finetune.main(finetuning(other, task_folder, output, "--steps=1"))
    with pytest.raises(UserError, match=r"another run: examples 1: split was train, is now sst2-train; choose"):
        finetune.main(finetuning(base_run, f"{task_folder}@sst2", output, "--steps=1"))


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--device=cuda", "there is no CUDA GPU here"),
        ("--track=mlflow", "unknown tracker 'mlflow'"),
        ("--gradient_accumulation=3", "not a multiple of 1 ranks x 3"),
        ("--peak_tflops=0", "--peak_tflops=0.0 must be above 0"),
        ("--num_threads=0", "--num_threads=0 must be above 0"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_dry_run_refuses_what_the_run_refuses(example_folder, tmp_path, monkeypatch, flag, says, dry_run):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    flags = [f"--examples={example_folder}", f"--output={tmp_path}/run", "--preset=t5_tiny", "--steps=1", *SMALL]
    with pytest.raises(UserError, match=says):
        pretrain.main([*flags, flag, *(["--dry_run"] if dry_run else [])])
    assert not (tmp_path / "run").exists()


def test_a_dry_run_refuses_what_does_not_fit_and_a_folder_in_use(example_folder, tmp_path, monkeypatch):
    output = tmp_path / "run"
    flags = [f"--examples={example_folder}", f"--output={output}", "--preset=t5_tiny", "--steps=2", *SMALL]
    monkeypatch.setattr("model.training.fitting.free_bytes", lambda device: 1e6)
    with pytest.raises(UserError, match="are free"):
        pretrain.main([*flags, "--dry_run"])
    monkeypatch.undo()
    assert pretrain.main(flags) == 0
    folder = RunFolder(str(output))
    folder.write({**folder.read(), "status": "running"})
    with pytest.raises(UserError, match="continue it with --resume"):
        pretrain.main([*flags, "--dry_run"])


def test_two_flags_that_both_say_how_large_the_model_is_are_refused(example_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "_origin", lambda *rest: pretraining.Origin(pretraining.ModelConfig(), {}, "0"))
    flags = [f"--examples={example_folder}", f"--output={tmp_path}/run", "--from_hugging_face=x", "--preset=t5_tiny"]
    with pytest.raises(UserError, match="give only one"):
        pretrain.main(flags)


def test_the_next_command_takes_tasks_as_evaluate_does(example_folder, task_folder, tmp_path, base_run, capsys):
    """No rates, and no folders that hold no tasks."""
    output = tmp_path / "my run"
    mixture = f"{task_folder}@sst2:2.0"
    assert finetune.main(finetuning(base_run, mixture, output, "--steps=1")) == 0
    out = capsys.readouterr().out
    assert f"next: python -m model.evaluate --checkpoint='{output}' --tasks={task_folder}@sst2\n" in out


def test_scores_are_said_and_charted_and_step_0_is_not_empty(base_run, task_folder, tmp_path, capsys):
    output = tmp_path / "run"
    assert finetune.main(finetuning(base_run, task_folder, output, "--steps=2")) == 0
    said = capsys.readouterr().err
    assert said.count("validation score") == 2  # at steps 0 and 2
    assert "Score on validation" in (output / "run.html").read_text()
    silent = tmp_path / "silent"
    assert finetune.main(finetuning(base_run, task_folder, silent, "--steps=2", "--validation_examples=0")) == 0
    assert "training: 0 of" not in capsys.readouterr().err


def test_the_page_is_there_while_a_run_goes_on(example_folder, tmp_path, monkeypatch):
    pages = []
    original = run_page.write_page

    def note(folder, content, lines):
        original(folder, content, lines)
        pages.append((content["status"], len(lines), "not finished" in folder.page.read_text()))

    monkeypatch.setattr(launch, "write_page", note)
    monkeypatch.setattr(launch, "_FIRST_PAGE_SECONDS", 0)
    monkeypatch.setattr(launch, "_PAGE_SHARE", 0)
    flags = [f"--examples={example_folder}", f"--output={tmp_path}/run", "--preset=t5_tiny", "--steps=2", *SMALL]
    assert pretrain.main([*flags, "--validation_examples=8"]) == 0
    assert pages == [("running", 2, True), ("running", 3, True), ("finished", 3, False)]


def test_the_page_is_there_after_a_stop(example_folder, tmp_path, monkeypatch, capsys):
    original = pretraining.make_trainer

    def stopped_in_step_2(*given, **named):
        trainer = original(*given, **named)
        stop = lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 2 else None  # noqa: E731
        trainer.hooks = replace(trainer.hooks, before_step=stop)
        return trainer

    monkeypatch.setattr(pretraining, "make_trainer", stopped_in_step_2)
    flags = [f"--examples={example_folder}", f"--output={tmp_path}/run", "--preset=t5_tiny", "--steps=4", *SMALL]
    assert pretrain.main([*flags, "--validation_examples=0"]) == 0
    assert "stopped after step 2 with a checkpoint" in capsys.readouterr().out
    assert "not finished: 4 steps are planned" in (tmp_path / "run" / "run.html").read_text()


def test_help_tells_the_defaults_of_the_command():
    of_finetune = " ".join(finetune.parser().format_help().split())
    assert (
        "(default: depends on the method: all_parameters 0.001, adapters 0.02, gradual_unfreezing 0.001)" in of_finetune
    )
    assert "over the steps (default: constant)" in of_finetune
    of_pretrain = " ".join(pretrain.parser().format_help().split())
    assert "(default: depends on the optimizer: adafactor 0.01, adamw 0.02)" in of_pretrain
    assert "None" not in of_pretrain + of_finetune


def test_a_busy_machine_gets_fewer_threads_and_is_told(monkeypatch, capsys):
    taken = []
    monkeypatch.setattr(threads, "_is_chosen", False)
    monkeypatch.setattr(threads, "num_cores", lambda: 8)
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    monkeypatch.setattr("torch.set_num_threads", taken.append)
    monkeypatch.setattr("os.getloadavg", lambda: (6.2, 0, 0))
    for name in threads._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    cpu = threads.torch.device("cpu")
    threads.choose_threads(cpu)
    threads.choose_threads(cpu)
    assert taken == [2] and "computing with 2 threads, because this machine is busy" in capsys.readouterr().err
    monkeypatch.setattr(threads, "_is_chosen", False)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    threads.choose_threads(cpu)
    assert taken == [2]


def test_the_page_is_titled_by_the_run_also_where_it_has_scores():
    lines = [
        {"step": step, "validation_score": 1.0, "validation_score/a": 1.0, "validation_score/b": 2.0} for step in (0, 2)
    ]
    page = run_page.make_page("my_run", {}, lines)
    assert "<h1>my_run</h1>" in page
    assert ">mean of all tasks</text>" in page and ">a</text>" in page and ">b</text>" in page

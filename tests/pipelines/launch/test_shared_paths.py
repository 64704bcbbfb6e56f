"""`--shared_paths`: a local path that all workers mount is taken, and looked at from the workers before the work."""

import argparse
import os
import tempfile

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from c4pipe.command_line import Parser
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.stages import check_shared_folder
from pipelines.launch import beam_flags, beam_options, shared_paths

CLUSTER = [
    "--runner=PortableRunner",
    "--job_endpoint=localhost:1",
    "--environment_type=EXTERNAL",
    "--environment_config=localhost:1",
]


def parse(*argv: str) -> tuple[argparse.Namespace, PipelineOptions]:
    parser = Parser(prog="prog")
    parser.add_argument("--output")
    parser.add_argument("--input")
    flags, left = beam_flags.parse(parser, argv)
    return flags, beam_options.options_of(flags, left)


def locally(options: PipelineOptions) -> PipelineOptions:
    """The same options, but for a runner that is there."""
    options.view_as(StandardOptions).runner = "FnApiRunner"
    return options


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("file:///data/c4", "/data/c4"),
        ("file://localhost/data/c4", "/data/c4"),
        ("file:///a/*.gz,file:///b:2,gs://bucket/c", "/a/*.gz,/b:2,gs://bucket/c"),
        ("s3://bucket/file://x", "s3://bucket/file://x"),
    ],
)
def test_a_file_url_is_the_path_that_it_names(given, path):
    assert parse(f"--output={given}")[0].output == path


def test_a_local_path_is_refused_with_workers_elsewhere_although_the_job_server_is_on_this_machine():
    _, options = parse(*CLUSTER)
    with pytest.raises(UserError, match=r"--output=/data/c4 .* --shared_paths"):
        beam_options.refuse_local_paths(options, output="/data/c4")
    beam_options.refuse_local_paths(options, output="gs://bucket/c4")


def test_a_shared_path_is_whole_since_workers_start_in_folders_of_their_own():
    _, options = parse(*CLUSTER, "--shared_paths")
    beam_options.refuse_local_paths(options, output="/data/c4")
    with pytest.raises(UserError, match="absolute path"):
        beam_options.refuse_local_paths(options, output="c4")


def test_workers_that_see_the_folder_let_the_work_begin_and_leave_nothing_there(tmp_path):
    _, options = parse(*CLUSTER, "--shared_paths")
    beam_options.refuse_local_paths(options, output=str(tmp_path))
    done = tmp_path / "done"
    beam_options.run(
        lambda pipeline: pipeline | beam.Create([str(done)]) | beam.Map(lambda path: open(path, "w").close()),
        locally(options),
    )
    assert os.listdir(tmp_path) == ["done"]


def test_workers_with_another_folder_at_that_path_end_the_run_before_its_work(tmp_path, monkeypatch):
    """The launcher's folder is another than the workers': what it leaves does not reach them."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    question = check_shared_folder.question_path
    monkeypatch.setattr(shared_paths, "question_path", lambda folder, token: question(str(here), token))
    _, options = parse(*CLUSTER, "--shared_paths")
    beam_options.refuse_local_paths(options, output=str(there))
    with pytest.raises(UserError, match=r"a worker does not see .*there"):
        beam_options.run(lambda pipeline: pytest.fail("the work began"), locally(options))
    assert os.listdir(there) == []


def test_answers_that_do_not_arrive_end_the_run_before_its_work(tmp_path, monkeypatch):
    answer = check_shared_folder.answer_path
    monkeypatch.setattr(shared_paths, "answer_path", lambda folder, token, number: answer(f"{folder}/x", token, number))
    _, options = parse(*CLUSTER, "--shared_paths")
    beam_options.refuse_local_paths(options, output=str(tmp_path))
    with pytest.raises(UserError, match="64 of 64 answers are missing"):
        beam_options.run(lambda pipeline: pytest.fail("the work began"), locally(options))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork") or os.geteuid() != 0, reason="only root can become another user")
def test_a_worker_of_another_user_is_told_which_user_it_must_be(capfd):
    """A process of uid 65534 answers for a folder of mode 0700 that it sees and may not use."""
    with tempfile.TemporaryDirectory() as above:
        os.chmod(above, 0o755)
        folder = os.path.join(above, "work")
        files.make_private_folder(folder)
        files.write_bytes(check_shared_folder.question_path(folder, "token"), b"token")
        assert check_shared_folder.answer(0, [folder], "token") == 0
        if (child := os.fork()) == 0:
            os.setuid(65534)
            try:
                check_shared_folder.answer(1, [folder], "token")
            except UserError as error:
                os.write(1, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    said = capfd.readouterr().out
    assert "belongs to uid 0, and the worker has uid 65534; run all workers as the user" in said

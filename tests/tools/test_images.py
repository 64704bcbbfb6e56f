"""The Flex Template and the image of the workers: what can be checked without Docker and without a network."""

import json
import re
import runpy
import sys

import pytest

from c4pipe.command_line import run
from c4pipe.errors import HandedOver, UserError
from pipelines import wet_to_c4
from pipelines.launch import flex_template
from tools.images import metadata, steps


@pytest.mark.parametrize("pipeline", metadata.PIPELINES)
def test_the_metadata_are_those_of_the_flags(pipeline):
    assert metadata.path(pipeline).read_text(encoding="utf-8") == metadata.text(pipeline), (
        "a flag has changed: python -m tools.images.metadata"
    )


@pytest.mark.parametrize("pipeline", metadata.PIPELINES)
def test_every_parameter_is_one_that_dataflow_accepts(pipeline):
    """Names as Dataflow allows them, and texts that are there."""
    found = json.loads(metadata.text(pipeline))
    assert found["name"] == pipeline and found["description"].endswith(".")
    names = [parameter["name"] for parameter in found["parameters"]]
    assert len(names) == len(set(names)) > 5
    assert "dry_run" not in names and "help" not in names
    for parameter in found["parameters"]:
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", parameter["name"])
        assert parameter["label"] and parameter["helpText"] and "%(" not in parameter["helpText"]
        assert all(re.compile(pattern) for pattern in parameter.get("regexes", []))
    assert {parameter["name"] for parameter in found["parameters"] if not parameter["isOptional"]} >= {"output"}


def test_switches_of_a_template_are_flags_without_a_value():
    parser = wet_to_c4.parser()
    given = ["--input=a=true", "--overwrite=true", "--keep_work=false", "--num_shards=3", "--runner=DataflowRunner"]
    expected = ["--input=a=true", "--overwrite", "--num_shards=3", "--runner=DataflowRunner"]
    assert flex_template.plain_flags(parser, given) == expected
    with pytest.raises(UserError, match=r"--overwrite=yes: give true or false"):
        flex_template.plain_flags(parser, ["--overwrite=yes"])


def test_the_launcher_starts_the_pipeline_of_the_image(tmp_path, monkeypatch):
    """The Dockerfile's own steps write the file that Google's launcher runs."""
    steps.run(steps.FLEX_TEMPLATE, tmp_path, only_fast=True, arguments={"PIPELINE": "c4_to_examples"})
    path = steps.values(steps.read(steps.FLEX_TEMPLATE))["FLEX_TEMPLATE_PYTHON_PY_FILE"]
    started = []
    monkeypatch.setattr(flex_template, "start", started.append)
    runpy.run_path(f"{tmp_path}{path}", run_name="__main__")
    assert started == ["c4_to_examples"]


def test_start_gives_the_arguments_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["main.py", "--output=x", "--overwrite=maybe"])
    with pytest.raises(SystemExit) as ended:
        flex_template.start("wet_to_c4")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: --overwrite=maybe: give true or false\n"


def test_the_versions_of_the_images_are_those_of_the_constraints():
    constraints = (steps.ROOT / "constraints.txt").read_text()
    beam = re.search(r"^apache-beam==(.+)$", constraints, re.MULTILINE)[1]
    first, second = steps.images(steps.WORKER)
    assert first == f"apache/beam_python3.11_sdk:{beam}" and second == "python:3.11-slim"
    assert all(":" in image or image == "${WORKER}" for image in steps.images(steps.FLEX_TEMPLATE))
    entrypoint = steps.read(steps.WORKER)[-1]
    assert entrypoint.instruction == "ENTRYPOINT" and json.loads(entrypoint.text) == ["/opt/apache/beam/boot"]


def test_the_file_systems_of_workers_are_those_of_the_constraints():
    lines = (steps.ROOT / "tools/images/cloud_requirements.txt").read_text().splitlines()
    named = [line for line in lines if not line.startswith("#")]
    assert {line.partition("==")[0] for line in named} == {"gcsfs", "s3fs"}
    assert set(named) <= set((steps.ROOT / "constraints.txt").read_text().splitlines())


def test_a_step_that_is_not_understood_is_an_error(tmp_path):
    (tmp_path / "Dockerfile").write_text("RUN a \\\n  && b\n")
    with pytest.raises(ValueError, match="is not understood"):
        steps.read(tmp_path / "Dockerfile")


def test_a_command_whose_work_goes_on_elsewhere_ends_well(capsys):
    def main() -> int:
        raise HandedOver("Dataflow does the rest")

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 0
    assert capsys.readouterr().out == "Dataflow does the rest\n"

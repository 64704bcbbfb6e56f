"""Writes the metadata of the Flex Templates from the flags of the pipelines.

    python -m tools.images.metadata

The files `tools/images/PIPELINE.metadata.json` are for `gcloud dataflow flex-template build --metadata-file`.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from c4pipe.command_line import run

FOLDER = Path(__file__).parent
# Not c4_to_vocabulary, whose launcher waits for the job and then trains.
PIPELINES = ("wet_to_c4", "c4_to_examples", "tasks_to_examples")
# Flags that do not start a job, and those that only tell what a job would cost.
_LEFT_OUT = frozenset(
    {"help", "dry_run", "print_recipe", "crawl", "num_files", "cores", "machines", "price_per_core_hour"}
)
# wet_to_c4 needs no output to say what a crawl costs, but for a job it does.
_REQUIRED = frozenset({"output"})


def metadata(pipeline: str) -> dict[str, Any]:
    """The metadata of a pipeline's template: its name, its description, and a parameter for each flag."""
    module = import_module(f"pipelines.{pipeline}")
    parser = module.parser()
    summary = " ".join((module.__doc__ or "").partition("\n\n")[0].split())
    actions = [action for action in parser._actions if action.dest not in _LEFT_OUT]
    return {"name": pipeline, "description": summary, "parameters": [_parameter(parser, action) for action in actions]}


def text(pipeline: str) -> str:
    """The file's content."""
    return json.dumps(metadata(pipeline), indent=2, ensure_ascii=False) + "\n"


def path(pipeline: str) -> Path:
    """The file's path."""
    return FOLDER / f"{pipeline}.metadata.json"


def _parameter(parser: argparse.ArgumentParser, action: argparse.Action) -> dict[str, Any]:
    values = ("true", "false") if action.nargs == 0 else action.choices
    return {
        "name": action.dest,
        "label": action.dest.replace("_", " ").capitalize(),
        "helpText": parser._get_formatter()._expand_help(action),
        "isOptional": not action.required and action.dest not in _REQUIRED,
        **({"regexes": [f"^({'|'.join(map(str, values))})$"]} if values else {}),
    }


def main() -> int:
    for pipeline in PIPELINES:
        path(pipeline).write_text(text(pipeline), encoding="utf-8")
        print(path(pipeline))
    return 0


if __name__ == "__main__":
    sys.exit(run(main))

"""Helpers of the tests of commands that read text shards: a folder as wet_to_c4 leaves it, flags, what was said."""

import os

import pytest

from c4pipe.command_line import run
from c4pipe.shards import manifest
from c4pipe.shards.text_shards import write_text_shard

ONE_PROCESS = ["--direct_num_workers=1"]


def write_folder(folder, splits):
    """A folder as wet_to_c4 leaves it."""
    folder.mkdir()
    described = {}
    for split, parts in splits.items():
        described[split] = []
        for index, texts in enumerate(parts):
            name = f"c4-{split}.{index:05d}-of-{len(parts):05d}.json.gz"
            rows = [{"text": text, "timestamp": "", "url": f"http://x/{n}"} for n, text in enumerate(texts)]
            write_text_shard(str(folder / name), rows)
            described[split].append(manifest.describe_shard(str(folder), name, len(rows)))
    committed = {split: tuple(shards) for split, shards in described.items()}
    manifest.write(str(folder), manifest.Manifest("c4", committed, {"variant": "en"}))
    return folder


def examples_of(source, vocabulary, output, *more):
    return [f"--input={source}", f"--vocabulary={vocabulary}", f"--output={output}", *more, *ONE_PROCESS]


def contents(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(folder) if (folder / name).is_file()}


def status_of(main, arguments, capsys):
    with pytest.raises(SystemExit) as exit_of_command:
        run(lambda: main(arguments))
    error = capsys.readouterr().err
    return exit_of_command.value.code, [line for line in error.splitlines() if line.startswith("error:")]

import json

import pytest

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.manifest import Input, Manifest, Shard

DIGEST = "0123456789abcdef" * 4
GOOD = {
    "kind": "examples",
    "splits": {"train": [{"file": "train-00000-of-00001.arrow", "rows": 3, "bytes": 900, "sha256": DIGEST}]},
    "settings": {"inputs_length": 512, "targets_length": 114, "vocabulary_size": 32100, "anything": [1, None]},
    "inputs": [{"name": "c4-train.00000-of-00001.json.gz", "sha256": DIGEST}],
    "assets": {"spiece.model": DIGEST, "punkt_tab/collocations.tab": DIGEST},
    "statistics": {"counts": {"train": {"examples": 3}}, "text_shards": {"a.arrow": "b.json.gz"}, "more": 1.5},
    "version": "0.4.0",
}


def with_(path, value):
    """`GOOD` with one place changed; the value `...` removes it."""
    changed = json.loads(json.dumps(GOOD))
    place = changed
    *way, last = path
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return changed


def put(folder, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / manifest.FILE_NAME).write_text(text)
    return str(folder)


def test_what_is_written_is_read_back(tmp_path):
    written = Manifest(
        "c4",
        {"train": (Shard("a.json.gz", 3, 900, DIGEST),), "validation": ()},
        {"variant": "en"},
        inputs=(Input("a.warc.wet.gz", DIGEST), Input("hf:glue/sst2", DIGEST)),
        assets={"badwords/en": DIGEST},
        statistics={"input_bytes": 5, "pages": 3},
    )
    manifest.write(str(tmp_path), written)
    assert manifest.read(str(tmp_path)) == written
    put(tmp_path, GOOD)
    assert manifest.read(str(tmp_path)).num_rows("train") == 3


SHARD = ("splits", "train", 0)
ODD = {
    "a path above the folder": with_((*SHARD, "file"), "../victim.txt"),
    "half of a surrogate pair in a name": with_((*SHARD, "file"), "a\ud800.arrow"),
    "an absolute path": with_((*SHARD, "file"), "/etc/hostname"),
    "a path of Windows": with_((*SHARD, "file"), "..\\victim.txt"),
    "the folder itself": with_((*SHARD, "file"), "."),
    "no name": with_((*SHARD, "file"), ""),
    "a name with an escape sequence": with_((*SHARD, "file"), "\x1b[31mred"),
    "a name with a NUL": with_((*SHARD, "file"), "a\0b"),
    "a name of another type": with_((*SHARD, "file"), 7),
    "a name too long for a file": with_((*SHARD, "file"), "a" * 300),
    "a split with a separator": with_(("splits",), {"../x": []}),
    "negative rows": with_((*SHARD, "rows"), -1),
    "rows as text": with_((*SHARD, "rows"), "3"),
    "rows as a fraction": with_((*SHARD, "rows"), 3.0),
    "rows as truth": with_((*SHARD, "rows"), True),
    "more rows than a shard can have": with_((*SHARD, "rows"), 10**18),
    "negative bytes": with_((*SHARD, "bytes"), -5),
    "bytes beyond all numbers": with_((*SHARD, "bytes"), 10**400),
    "a digest that is a path": with_((*SHARD, "sha256"), "../../" + "a" * 58),
    "a digest in capitals": with_((*SHARD, "sha256"), DIGEST.upper()),
    "a digest and a line end": with_((*SHARD, "sha256"), DIGEST + "\n"),
    "a short digest": with_((*SHARD, "sha256"), DIGEST[:-1]),
    "no digest": with_((*SHARD, "sha256"), ...),
    "null for a digest": with_((*SHARD, "sha256"), None),
    "a shard that is text": with_(("splits", "train"), ["train-00000-of-00001.arrow"]),
    "a shard twice": with_(("splits", "validation"), GOOD["splits"]["train"]),
    "splits as a list": with_(("splits",), []),
    "splits as null": with_(("splits",), None),
    "no splits": with_(("splits",), ...),
    "settings as a list": with_(("settings",), []),
    "a length of a billion": with_(("settings", "inputs_length"), 10**9),
    "a negative length": with_(("settings", "targets_length"), -1),
    "a length as text": with_(("settings", "inputs_length"), "512"),
    "a vocabulary without ids": with_(("settings", "vocabulary_size"), 0),
    "replicas as text": with_(("settings", "replicas"), "two"),
    "inputs as an object": with_(("inputs",), {}),
    "an input without a name": with_(("inputs", 0, "name"), ...),
    "an asset's digest that is none": with_(("assets", "spiece.model"), "x"),
    "statistics as a list": with_(("statistics",), [1]),
    "counts as text": with_(("statistics", "counts"), {"train": {"examples": "3"}}),
    "a text shard elsewhere": with_(("statistics", "text_shards"), {"a.arrow": "../b.json.gz"}),
    "a kind that is a number": with_(("kind",), 5),
    "a kind with an escape sequence": with_(("kind",), "\x1b[2J"),
    "no kind": with_(("kind",), ...),
    "a field of a later version": with_(("later",), 1),
    "a version that is a list": with_(("version",), []),
    "a list": [],
    "null": None,
    "a number": 3,
    "nothing": "",
    "no JSON": "{",
    "half of it": json.dumps(GOOD)[:200],
    "deep nesting": "[" * 200_000,
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_manifest_is_one_line_before_anything_of_it_is_used(tmp_path, what):
    folder = put(tmp_path, ODD[what])
    with pytest.raises(UserError, match="is damaged") as caught:
        manifest.read(folder)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_a_manifest_that_is_not_utf_8_is_one_line(tmp_path):
    (tmp_path / manifest.FILE_NAME).write_bytes(b'{"kind": "\xff"}')
    with pytest.raises(UserError, match="not UTF-8"):
        manifest.read(str(tmp_path))

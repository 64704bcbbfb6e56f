"""Odd task files: each record is an example, dropped or quarantined, and a damaged file is one line."""

import gzip
import json
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import odd_bytes, odd_json, odd_value

from c4pipe.shards.reading.records import BadRecord, RawRecord
from c4pipe.stages.task_records import read_task_records
from c4pipe.tasks.catalog import TASKS
from c4pipe.tasks.conversion import convert, unfold
from c4pipe.tasks.task import Dropped, MalformedRecord

pytestmark = pytest.mark.slow
ENDINGS = {".jsonl": bytes, ".json": bytes, ".jsonl.gz": lambda content: gzip.compress(content, mtime=0)}


def records_of(task: str, draw: random.Random) -> list[dict]:
    fields = [name for name in getattr(TASKS[task], "fields", ()) if isinstance(name, str)]
    texts = ("The mill by the river.", "Yes", "0", "entailment", 1, 0)
    raw = {name: draw.choice(texts) for name in [*fields, "label", "idx"]}
    ready = {"inputs": "in", "targets": "out", "references": ["out"], "task": "mine", "split": "train"}
    return [odd_json(draw.choice((raw, ready)), draw) for _ in range(draw.randint(1, 4))]


def test_odd_records(tmp_path, fuzz):
    tasks = sorted(TASKS)

    def attempt(draw: random.Random) -> bool:
        task, ending = draw.choice(tasks), draw.choice(sorted(ENDINGS))
        records = [record if isinstance(record, dict) else {"inputs": record} for record in records_of(task, draw)]
        if draw.random() < 0.1:
            records.append({name: odd_value(draw) for name in ("inputs", "targets", "task", "label")})
        content = "".join(json.dumps(record) + "\n" for record in records).encode()
        if draw.random() < 0.3:
            content = odd_bytes(content, draw)
        packed = ENDINGS[ending](content)
        if draw.random() < 0.2:
            packed = odd_bytes(packed, draw)
        path = tmp_path / f"odd{ending}"
        path.write_bytes(packed)
        for record, split in read_task_records(str(path), task, draw.choice((None, "train", "test"))):
            assert isinstance(record, RawRecord | BadRecord)
            if isinstance(record, BadRecord):
                assert record.reason
                continue
            try:
                for inner in unfold(record.fields, task):
                    for placed in convert(inner, task, split):
                        assert len(placed.task.encode()) <= 120
                        assert isinstance(placed.example.inputs, str) and isinstance(placed.example.targets, str)
            except (MalformedRecord, Dropped) as fault:
                assert fault.reason
        return True

    fuzz(attempt)

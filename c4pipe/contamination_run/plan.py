"""What every worker of find_contamination knows: what is looked for, and where each work file lies."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.contamination.task_grams import TaskGrams
from c4pipe.contamination_run.task_texts import TaskExample
from c4pipe.errors import UserError
from c4pipe.folders.results import run_name
from c4pipe.shards import checked_json, files


@dataclass(frozen=True)
class TextShard:
    """One text shard: its place among all, its path, and what its folder's manifest says it is (None: nothing does)."""

    number: int
    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class Plan:
    """work: the work folder. length: words of a gram. code: names the version that makes the work files.

    texts_key: names the evaluation texts, which lie in the work folder.
    """

    work: str
    length: int
    code: str
    texts_key: str

    @property
    def texts_path(self) -> str:
        """Where the evaluation texts lie for the workers, one JSON string per line."""
        return files.join(self.work, f"texts-{self.texts_key}.jsonl")

    def found(self, shard: TextShard) -> str:
        """What was found in a shard."""
        return files.join(self.work, f"found-{self.texts_key}", f"{shard.number:05d}.json")

    def grams(self) -> TaskGrams:
        """The grams of the evaluation texts."""
        try:
            texts = [checked_json.parse(line, str) for line in files.read_bytes(self.texts_path).splitlines()]
        except ValueError as error:
            raise UserError(f"{self.texts_path} is damaged ({error}); run the command again") from error
        return TaskGrams(texts, self.length)


def evaluation_texts(examples: Sequence[TaskExample]) -> list[str]:
    """All texts of all examples, in their order: text number i of `TaskGrams`."""
    return [text for example in examples for _, text in example.texts()]


def texts_key(texts: Sequence[str], length: int) -> str:
    """16 hex digits that name what is looked for."""
    return run_name(length, *texts)


def write_texts(plan: Plan, texts: Sequence[str]) -> None:
    """Leave the evaluation texts for the workers."""
    lines = (json.dumps(text) + "\n" for text in texts)
    files.write_bytes(plan.texts_path, "".join(lines).encode())

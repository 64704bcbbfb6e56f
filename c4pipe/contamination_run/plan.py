"""The plan that every worker of find_contamination gets: the texts to search for, and the paths of all work files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe import checked_json
from c4pipe.contamination.task_grams import TaskGrams
from c4pipe.contamination_run.task_texts import TaskExample
from c4pipe.errors import UserError
from c4pipe.folders.results import run_name
from c4pipe.shards import files


@dataclass(frozen=True)
class TextShard:
    """A text shard: its number, its path, and its SHA-256 according to its folder's manifest (None without one)."""

    number: int
    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class Plan:
    """The settings and paths of a run.

    work: the work folder. length: words per n-gram. code: a digest of the code that makes the work files. texts_key: a
    digest of the evaluation texts, which are in the work folder.
    """

    work: str
    length: int
    code: str
    texts_key: str

    @property
    def texts_path(self) -> str:
        """The path of the evaluation texts for the workers, one JSON string per line."""
        return files.join(self.work, f"texts-{self.texts_key}.jsonl")

    def found(self, shard: TextShard) -> str:
        """The path of the findings in a shard."""
        return files.join(self.work, f"found-{self.texts_key}", f"{shard.number:05d}.json")

    def grams(self) -> TaskGrams:
        """The n-grams of the evaluation texts, read from the work folder."""
        try:
            texts = [checked_json.parse(line, str) for line in files.read_bytes(self.texts_path).splitlines()]
        except ValueError as error:
            raise UserError(f"{self.texts_path} is damaged ({error}); run the command again") from error
        return TaskGrams(texts, self.length)


def evaluation_texts(examples: Sequence[TaskExample]) -> list[str]:
    """The texts of all examples, in the order of their numbers in `TaskGrams`."""
    return [text for example in examples for _, text in example.texts()]


def texts_key(texts: Sequence[str], length: int) -> str:
    """A digest of the texts and the length of n-grams: 16 hexadecimal digits."""
    return run_name(length, *texts)


def write_texts(plan: Plan, texts: Sequence[str]) -> None:
    """Write the evaluation texts for the workers."""
    lines = (json.dumps(text) + "\n" for text in texts)
    files.write_bytes(plan.texts_path, "".join(lines).encode())

"""Gaps in text that the model did not train on: the text around each gap, the model's answer, and the right answer."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.example_shards import ExampleShard
from c4pipe.vocabulary.vocabulary import Vocabulary

_SENTINEL = re.compile(r"<extra_id_(\d+)>")
_CONTEXT_CHARACTERS = 44
_TRAIN, _VALIDATION = "train", "validation"


@dataclass(frozen=True)
class Gap:
    """A gap. before, after: the text beside it. answer: the model's answer; None if it has none for this gap."""

    before: str
    after: str
    answer: str | None
    right: str


def unseen_examples(examples: str, count: int) -> list[tuple[str, str]]:
    """(inputs, targets) of examples that no step of the demo's training reads, as text with sentinels.

    They are the first examples of the validation split. If it is too small, the training does not use its last
    examples, and these are added.
    """
    vocabulary = Vocabulary.load(examples)
    splits = manifest.read(examples).splits
    shards = [files.join(examples, shard.file) for shard in splits.get(_VALIDATION, ())]
    found = [row for path in shards for row in _rows(path, vocabulary, count, from_end=False)][:count]
    for shard in reversed(splits[_TRAIN]):
        if len(found) < count:
            found += _rows(files.join(examples, shard.file), vocabulary, count - len(found), from_end=True)
    return found


def _rows(path: str, vocabulary: Vocabulary, count: int, *, from_end: bool) -> list[tuple[str, str]]:
    with ExampleShard(path) as shard:
        first = max(shard.num_rows - count, 0) if from_end else 0
        rows = [shard.row(number) for number in range(first, min(first + count, shard.num_rows))]
    return [(vocabulary.decode(row["inputs"]), vocabulary.decode(row["targets"])) for row in rows]


def training_targets(examples: str, count: int = 1000) -> list[str]:
    """The targets of the first training examples, as text with sentinels."""
    vocabulary = Vocabulary.load(examples)
    path = files.join(examples, manifest.read(examples).splits[_TRAIN][0].file)
    return [targets for _, targets in _rows(path, vocabulary, count, from_end=False)]


def usual_filling(targets: Sequence[str]) -> str:
    """The most frequent filling; of equally frequent ones, the first. Empty if there is none.

    >>> usual_filling(["<extra_id_0> a <extra_id_1> the", "<extra_id_0> the"])
    'the'
    """
    counts = Counter(text for each in targets for text in fillings(each).values() if text)
    return counts.most_common(1)[0][0] if counts else ""


def answers_of(run: str, texts: Sequence[str]) -> list[str]:
    """The text that a run's model generates for each text. Raises: UserError if the command fails."""
    command = [sys.executable, "-m", "model.generate", f"--checkpoint={run}", "--max_length=48", "--", *texts]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if ended.returncode:
        raise UserError(f"model.generate ended with status {ended.returncode}; see its output above")
    return ended.stdout.splitlines()


def gaps_of(inputs: str, targets: str, answer: str) -> list[Gap]:
    """The gaps of one example, in the order of the text.

    >>> first, second = gaps_of(
    ...     "Thank <extra_id_0> me to <extra_id_1> week.", "<extra_id_0> you for <extra_id_1> it last", "<extra_id_0> a"
    ... )
    >>> first
    Gap(before='Thank', after='me to', answer='a', right='you for')
    >>> second
    Gap(before='me to', after='week.', answer=None, right='it last')
    """
    # Where i.i.d. noise begins the text, T5's targets have it before their first sentinel.
    begins = not _SENTINEL.match(targets.strip())
    right, given = fillings(targets, before=begins), fillings(answer, before=begins)
    parts = _SENTINEL.split(inputs)  # text, number, text, number, text ...
    return [
        Gap(
            parts[place - 1].strip()[-_CONTEXT_CHARACTERS:],
            parts[place + 1].strip()[:_CONTEXT_CHARACTERS],
            given.get(int(parts[place])),
            right.get(int(parts[place]), ""),
        )
        for place in range(1, len(parts), 2)
    ]


def fillings(text: str, *, before: bool = False) -> dict[int, str]:
    """Number of the sentinel -> the text after it (or before it). If a sentinel occurs twice, the first counts.

    >>> fillings("<extra_id_0> for inviting <extra_id_1> last <extra_id_1> next")
    {0: 'for inviting', 1: 'last'}
    >>> fillings("Thank you <extra_id_0> inviting <extra_id_1>", before=True)
    {0: 'Thank you', 1: 'inviting'}
    """
    parts = _SENTINEL.split(text)
    found: dict[int, str] = {}
    for place in range(1, len(parts), 2):
        found.setdefault(int(parts[place]), parts[place - 1 if before else place + 1].strip())
    return found

"""Combines the findings of all shards: per example and per task."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from c4pipe.contamination.task_grams import TaskGrams
from c4pipe.contamination_run.task_texts import INPUTS, TARGETS, TaskExample

# The most pages that are listed per text, of one shard and of all together. All pages are counted.
MOST_PAGES = 5


@dataclass
class FoundText:
    """An evaluation text that was found in the corpus: the words where its found n-grams begin, and the pages."""

    words: set[int] = field(default_factory=set)
    num_pages: int = 0
    pages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FoundExample:
    """An example of which a part was found in the corpus.

    inputs, targets: the share of the n-grams of its judged texts that were found. texts: (side, text, words where found
    n-grams begin, number of pages, URLs of the first pages).
    """

    task: str
    split: str
    key: str
    inputs: float
    targets: float
    texts: list[tuple[str, str, list[int], int, list[str]]]

    def to_json(self) -> dict[str, Any]:
        texts = [
            {"side": side, "text": text, "words": words, "num_pages": num_pages, "urls": urls}
            for side, text, words, num_pages, urls in self.texts
        ]
        return {**asdict(self), "texts": texts}


def add_up(records: Iterable[dict[str, Any]]) -> tuple[int, dict[int, FoundText], list[str], int]:
    """(pages read, number -> found text, sorted URLs of pages with a match, number of such pages without a URL)."""
    num_pages, found, urls, without_url = 0, dict[int, FoundText](), set[str](), 0
    for record in records:
        num_pages += record["pages"]
        urls.update(url for url in record["urls"] if url)
        without_url += sum(not url for url in record["urls"])
        for number, entry in record["texts"].items():
            text = found.setdefault(int(number), FoundText())
            text.words.update(entry["words"])
            text.num_pages += entry["num_pages"]
            text.pages = [*text.pages, *entry["pages"]][:MOST_PAGES]
    return num_pages, found, sorted(urls), without_url


def found_examples(
    examples: Sequence[TaskExample], grams: TaskGrams, found: dict[int, FoundText]
) -> list[FoundExample]:
    """The examples of which a part was found, in their order."""
    number, num_grams, result = 0, grams.num_grams(), []
    for example in examples:
        shares: dict[str, list[tuple[int, int]]] = {INPUTS: [], TARGETS: []}
        texts = []
        for side, text in example.texts():
            entry = found.get(number)
            if num_grams[number]:
                shares[side].append((len(entry.words) if entry else 0, int(num_grams[number])))
            if entry is not None:
                texts.append((side, text, sorted(entry.words), entry.num_pages, entry.pages))
            number += 1
        if texts:
            result.append(
                FoundExample(
                    example.task,
                    example.split,
                    example.key,
                    _share(shares[INPUTS]),
                    # If there are several right answers, the one with the largest share counts.
                    max((part / whole for part, whole in shares[TARGETS]), default=0.0),
                    texts,
                )
            )
    return result


def _share(parts: Sequence[tuple[int, int]]) -> float:
    return sum(part for part, _ in parts) / max(sum(whole for _, whole in parts), 1)


def by_task(examples: Sequence[TaskExample], grams: TaskGrams, found: Sequence[FoundExample]) -> list[dict[str, Any]]:
    """Counts per task and split: examples, examples that can be judged, examples whose inputs or targets were found."""
    number, num_grams = 0, grams.num_grams()
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for example in examples:
        row = rows.setdefault((example.task, example.split), _empty(example))
        sides = [side for side, _ in example.texts()]
        judged = {side for place, side in enumerate(sides) if num_grams[number + place]}
        number += len(sides)
        row["examples"] += 1
        row["judged_inputs"] += INPUTS in judged
        row["judged_targets"] += TARGETS in judged
    for found_example in found:
        row = rows[found_example.task, found_example.split]
        row["found"] += 1
        row["found_inputs"] += found_example.inputs > 0
        row["found_targets"] += found_example.targets > 0
        row["whole_inputs"] += bool(np.isclose(found_example.inputs, 1))
    return [rows[name] for name in sorted(rows)]


def _empty(example: TaskExample) -> dict[str, Any]:
    counted = ("examples", "judged_inputs", "judged_targets", "found", "found_inputs", "found_targets", "whole_inputs")
    return {"task": example.task, "split": example.split, **dict.fromkeys(counted, 0)}

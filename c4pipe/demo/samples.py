"""The samples that the demo prints at its end: pages, examples, and gaps that the model fills."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from c4pipe.demo.gaps import Gap, answers_of, gaps_of, unseen_examples
from c4pipe.shards import files, manifest
from c4pipe.shards.text_shards import read_text_shard
from c4pipe.shown import visible

NUM_SHOWN = 5
GAPS_PER_EXAMPLE = 2
WIDTH = 118


def samples(output: str) -> list[str]:
    """Lines for a terminal: some pages of the corpus, and unseen examples with the model's answers."""
    folder = Path(output)
    unseen = unseen_examples(str(folder / "examples"), NUM_SHOWN)
    answers = answers_of(str(folder / "run"), [inputs for inputs, _ in unseen])
    gaps = [
        gap
        for (inputs, targets), answer in zip(unseen, answers, strict=True)
        for gap in gaps_of(inputs, targets, answer)[:GAPS_PER_EXAMPLE]
    ]
    return [
        f"{NUM_SHOWN} pages of the corpus:",
        *(f"  {_line(f'{url}: {text}')}" for url, text in _pages(str(folder / "c4"))),
        "",
        f"{len(unseen)} examples that the model did not train on:",
        *(line for inputs, targets in unseen for line in (f"  {_line(inputs)}", f"    -> {_line(targets, WIDTH - 5)}")),
        "",
        "gaps in them, the answer of the model, and the right one:",
        *(line for gap in gaps for line in lines_of(gap)),
        f"  {num_right(gaps)} of these {len(gaps)} gaps are right: the model has trained on "
        f"{_examples_seen(folder / 'run'):,} examples, the paper's on 67 million",
        "",
    ]


def lines_of(gap: Gap) -> list[str]:
    """A gap in two lines."""
    answer = "(no answer)" if gap.answer is None else repr(visible(gap.answer))
    return [
        f"  {visible(gap.before)} [____] {visible(gap.after)}",
        f"    model: {answer}   right: {visible(gap.right)!r}",
    ]


def num_right(gaps: list[Gap]) -> int:
    """The number of gaps that the model filled with the original words."""
    return sum(gap.answer == gap.right for gap in gaps)


def _examples_seen(run: Path) -> int:
    return json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["examples_seen"]


def _pages(c4: str) -> Iterator[tuple[str, str]]:
    """(URL, text) of a page from each of the first shards."""
    shards = manifest.read(c4).splits["train"]
    per_shard = -(-NUM_SHOWN // max(len(shards), 1))
    found = (
        (page["url"], page["text"])
        for shard in shards
        for page in islice(read_text_shard(files.join(c4, shard.file), ("url", "text")), per_shard)
    )
    yield from islice(found, NUM_SHOWN)


def _line(text: str, width: int = WIDTH - 2) -> str:
    """The beginning of a text as one line."""
    line = " ".join(visible(text).split())
    return line if len(line) <= width else f"{line[: width - 3]}..."

"""The samples that the demo prints at its end: pages, examples, and gaps that the model fills."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from c4pipe.demo.gaps import Gap, answers_of, gaps_of, training_targets, unseen_examples, usual_filling
from c4pipe.shards import files, manifest
from c4pipe.shards.text_shards import read_text_shard
from c4pipe.shown import visible

NUM_SHOWN = 5
NUM_JUDGED = 128
GAPS_PER_EXAMPLE = 2
WIDTH = 118


def samples(output: str) -> list[str]:
    """Lines for a terminal: some pages of the corpus, and unseen examples with the model's answers."""
    folder = Path(output)
    unseen = unseen_examples(str(folder / "examples"), NUM_JUDGED)
    answers = answers_of(str(folder / "run"), [inputs for inputs, _ in unseen])
    # A gap that is only a space has no text that could be compared.
    gaps = [
        [gap for gap in gaps_of(inputs, targets, answer) if gap.right]
        for (inputs, targets), answer in zip(unseen, answers, strict=True)
    ]
    usual = usual_filling(training_targets(str(folder / "examples")))
    shown = [gap for of_example in gaps[:NUM_SHOWN] for gap in of_example[:GAPS_PER_EXAMPLE]]
    return [
        f"{NUM_SHOWN} pages of the corpus:",
        *(f"  {_line(f'{url}: {text}')}" for url, text in _pages(str(folder / "c4"))),
        "",
        f"{len(unseen[:NUM_SHOWN])} examples that the model did not train on:",
        *(
            line
            for pair in unseen[:NUM_SHOWN]
            for line in (f"  {_line(pair[0])}", f"    -> {_line(pair[1], WIDTH - 5)}")
        ),
        "",
        "the first gaps of each, the answer of the model, and the right one:",
        *(line for gap in shown for line in lines_of(gap)),
        *judged(shown, [gap for of_example in gaps for gap in of_example], usual),
        f"  the model has trained on {_examples_seen(folder / 'run'):,} examples, the paper's on 67 million",
        "",
    ]


def judged(shown: list[Gap], gaps: list[Gap], usual: str) -> list[str]:
    """How many gaps are right. usual: the answer of a model that does not read and knows only what is frequent."""
    by_guessing = sum(gap.right == usual for gap in gaps)
    return [
        f"  {num_right(shown)} of these {len(shown)} gaps are right, and {num_right(gaps)} of all {len(gaps)} gaps of "
        f"unseen examples; {by_guessing} would be",
        f"  with {visible(usual)!r} for each gap, which is the most frequent filling",
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

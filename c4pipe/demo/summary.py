"""The table that the demo prints at its end."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from c4pipe.demo.samples import samples
from c4pipe.report.funnel import entering
from c4pipe.shards import manifest


def summary(output: str, seconds: Mapping[str, float]) -> str:
    """The results of every stage, as text for a terminal."""
    folder = Path(output)
    report = json.loads((folder / "c4" / "report.json").read_text())
    rows = [
        *_pages(report),
        None,
        *_tokens(folder),
        None,
        *_losses(folder / "run"),
        None,
        *((f"seconds: {name}", f"{taken:,.1f}") for name, taken in seconds.items()),
        ("seconds: all", f"{sum(seconds.values()):,.1f}"),
    ]
    width = max(len(row[0]) for row in rows if row)
    lines = ["", *("" if row is None else f"{row[0]:<{width}}  {row[1]:>14}" for row in rows), ""]
    return "\n".join([*lines, *samples(output), *_what_next(output)])


def _pages(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    funnel = report["funnel"]
    kept = sum(split["pages"] for split in report["splits"].values())
    rows = [("records in", f"{entering(funnel[0]):,}"), ("pages kept", f"{kept:,}")]
    for entry in funnel:
        for reason, count in sorted(entry["dropped"].items(), key=lambda item: -item[1].get("pages", 0)):
            # The report also lists single languages; the sum is enough here.
            if count.get("pages") and not reason.startswith("ignored_language-"):
                rows.append((f"  dropped by {entry['stage']}: {reason}", f"{count['pages']:,}"))
    return rows


def _tokens(folder: Path) -> list[tuple[str, str]]:
    vocabulary = manifest.read(str(folder / "vocabulary"))
    examples = manifest.read(str(folder / "examples"))
    counts = examples.statistics["counts"].values()
    lengths = examples.settings
    return [
        ("pieces of the vocabulary", f"{vocabulary.settings['num_pieces']:,}"),
        ("tokens of text", f"{sum(split.get('raw_tokens', 0) for split in counts):,}"),
        (
            f"examples of {lengths['inputs_length']} inputs, {lengths['targets_length']} targets",
            f"{sum(examples.num_rows(split) for split in examples.splits):,}",
        ),
    ]


def _losses(run: Path) -> list[tuple[str, str]]:
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    validated = [line for line in metrics if "validation_loss" in line]
    first, last = validated[0], validated[-1]
    entropy = json.loads((run / "run.json").read_text())["validation"]["order_0_entropy"]
    loss, start = last["validation_loss"], first["validation_loss"]
    return [
        (f"validation loss at step {first['step']}", f"{start:.3f}"),
        (f"validation loss at step {last['step']}", f"{loss:.3f}"),
        ("  of the first", f"{loss / start:.1%}"),
        ("order-0 entropy of the targets", f"{entropy:.3f}"),
        ("loss with the inputs of other examples", f"{last['validation_loss_shuffled_inputs']:.3f}"),
    ]


def _what_next(output: str) -> list[str]:
    return [
        "pages to look at:",
        f"  {output}/c4/report.html          which rule dropped which pages and lines",
        f"  {output}/vocabulary/report.html  the pieces, and how text is split into them",
        f"  {output}/examples/report.html    lengths, noise, and some examples",
        f"  {output}/run/run.html            the curves",
        "",
        "what to do next:",
        *_activation(),
        f"  python -m c4pipe.inspect_shard {output}/examples/train-00000-of-*.arrow --row=3",
        f"  python -m model.generate --checkpoint={output}/run 'This function returns <extra_id_0> of the array.'",
        f"  python -m model.pretrain --examples={output}/examples --output=longer_run --preset=t5_v1_1_mini "
        "--batch_size=64 --optimizer=adamw --steps=10000",
    ]


def _activation() -> list[str]:
    """The line that makes `python` this Python, where it is that of an environment which the shell does not use yet."""
    if sys.prefix == sys.base_prefix or os.environ.get("VIRTUAL_ENV") == sys.prefix:
        return []
    return [f"  source {os.path.relpath(sys.prefix)}/bin/activate"]

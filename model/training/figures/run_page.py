"""`run.html`: a page with the curves and settings of a run."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from c4pipe.errors import UserError
from c4pipe.report import charts, html
from c4pipe.shards import files
from model.checkpoints.run_folder import RUNNING, RunFolder

Lines = Sequence[Mapping[str, Any]]

_CURVES = (
    ("Learning rate", ("learning_rate",), "the schedule"),
    ("Gradient norm", ("gradient_norm",), "before clipping"),
    ("Speed", ("tokens_per_second",), "tokens per second, without padding"),
    ("Share of peak", ("mfu",), "floating point operations of the model divided by the peak of the device"),
    ("Waiting", ("data_wait_seconds", "checkpoint_wait_seconds"), "seconds between two lines of metrics.jsonl"),
)

_VALIDATIONS = (
    ("Score on validation", "validation_score", "per task, and the mean over tasks, which chooses the best checkpoint"),
    ("Validation loss by source", "validation_loss", "nats per target token"),
)


def write_page(folder: RunFolder, content: Mapping[str, Any], lines: Lines) -> None:
    """Write the page. If a library for pages is missing, print a notice; the figures are in `metrics.jsonl` anyway."""
    try:
        page = make_page(folder.path.name, content, lines)
    except UserError as error:
        print(f"notice: no {folder.page.name}: {error}", file=sys.stderr)
        return
    files.write_bytes(str(folder.page), page.encode())


def _in_words(name: str) -> str:
    """The name of an entry of the summary, as the table at the end of the demo has it."""
    if name == "validation_loss_shuffled_inputs":
        return "loss with the inputs of other examples"
    return name.replace("_", " ")


def make_page(name: str, content: Mapping[str, Any], lines: Lines) -> str:
    """The page's HTML."""
    summary = content.get("summary", {})
    tiles = [(_in_words(name), value) for name, value in summary.items() if isinstance(value, (int, float))]
    sections = [
        html.Section("Result", html.tiles(tiles)),
        html.Section("Loss", _loss(content, lines)),
        html.Section(
            "Accuracy", _plot(lines, ("accuracy", "validation_accuracy"), "share of target tokens that are right")
        ),
    ]
    for title, names, caption in _CURVES:
        if any(_is_in(lines, name) for name in names):
            sections.append(html.Section(title, _plot(lines, names, caption)))
    for title, metric, caption in _VALIDATIONS:
        of_all = [metric] if metric == "validation_score" and _is_in(lines, metric) else []
        parts = sorted({key for line in lines for key in line if key.startswith(f"{metric}/")})
        if of_all or parts:
            sections.append(html.Section(title, _plot(lines, [*of_all, *parts], caption)))
    for title, part in (("Model", "model"), ("Settings", "settings"), ("Versions", "versions")):
        sections.append(html.Section(title, html.settings(content.get(part, {}), what="")))
    seen = f"{summary.get('steps', 0):,} steps, {summary.get('examples_seen', 0):,} examples"
    if content.get("status") == RUNNING:
        seen = f"{seen}; not finished: {content['settings']['steps']:,} steps are planned"
    return html.page(name, seen, sections)


def _is_in(lines: Lines, name: str) -> bool:
    return any(line.get(name) is not None for line in lines)


def _loss(content: Mapping[str, Any], lines: Lines) -> Any:
    entropy = (content.get("validation") or {}).get("order_0_entropy")

    def draw(axes: Any) -> None:
        for number, (name, label) in enumerate((("mean_loss", "training"), ("validation_loss", "validation"))):
            _curve(axes, lines, number, name, label)
        if entropy is not None:
            axes.axhline(entropy, color="grey", linewidth=0.8, linestyle="--", label="order-0 entropy of the targets")
        _finish(axes)

    return html.plot(draw, caption="nats per target token")


def _plot(lines: Lines, names: Sequence[str], caption: str) -> Any:
    def draw(axes: Any) -> None:
        for number, name in enumerate(names):
            _curve(axes, lines, number, name, _label(name))
        _finish(axes)

    return html.plot(draw, caption=caption, height=charts.height(len(names)))


def _label(name: str) -> str:
    """
    >>> _label("gradient_norm"), _label("validation_score/my_task"), _label("validation_score")
    ('gradient norm', 'my_task', 'mean of all tasks')
    """
    if name == "validation_score":
        return "mean of all tasks"
    return name.partition("/")[2] or name.replace("_", " ")


def _curve(axes: Any, lines: Lines, number: int, name: str, label: str) -> None:
    points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    if points:
        look = {**charts.style(number), **({} if len(points) < 60 else {"marker": None})}
        axes.plot(*zip(*points, strict=True), label=label, linewidth=1.2, markersize=2.5, **look)


def _finish(axes: Any) -> None:
    charts.step_axis(axes)
    charts.legend(axes)

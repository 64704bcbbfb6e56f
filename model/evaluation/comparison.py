"""Comparison of runs of several variants over tasks and seeds: the figures, and the page."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from c4pipe.errors import UserError
from c4pipe.report import charts, html
from c4pipe.shards import checked_json
from c4pipe.tasks import libraries

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Result:
    """A finished run.

    score: its best validation score. curve: (step, score) of each evaluation. stored_bytes: the size of the files that
    are needed in addition to the base model. seconds_a_step: the median over the lines of its metrics.
    """

    task: str
    variant: str
    seed: int
    score: float
    best_step: int
    curve: tuple[tuple[int, float], ...]
    trained_parameters: int
    all_parameters: int
    stored_bytes: int
    seconds_a_step: float
    learning_rate: float


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of scores, and the half-width of the mean's 95% interval (Student's t)."""

    mean: float
    deviation: float
    half_width: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.half_width:.2f}" if self.count > 1 else f"{self.mean:.2f}"


def spread(values: Sequence[float]) -> Spread:
    """
    >>> print(spread([80.0, 82.0, 84.0]))
    82.00 ± 4.97
    """
    count = len(values)
    if count < 2:
        return Spread(values[0], 0.0, 0.0, count)
    deviation = statistics.stdev(values)
    quantile = float(libraries.scipy_stats().t.ppf(0.5 + CONFIDENCE / 2, count - 1))
    return Spread(statistics.fmean(values), deviation, quantile * deviation / count**0.5, count)


def by_variant(results: Sequence[Result], task: str) -> dict[str, list[Result]]:
    """The results of a task per variant, in the order of seeds."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        if result.task == task:
            groups.setdefault(result.variant, []).append(result)
    return {variant: sorted(group, key=lambda result: result.seed) for variant, group in groups.items()}


def gain(results: Sequence[Result], task: str, variant: str, baseline: str) -> Spread | None:
    """How much better a variant scores than a baseline with the same seed; None if they have no seed in common."""
    groups = by_variant(results, task)
    other = {result.seed: result.score for result in groups.get(baseline, ())}
    differences = [result.score - other[result.seed] for result in groups.get(variant, ()) if result.seed in other]
    return spread(differences) if differences else None


def to_json(results: Sequence[Result], references: Mapping[str, Mapping[str, float]], baseline: str) -> str:
    """The content of `comparison.json`. references: task -> reference (such as a baseline) -> score."""
    tasks = sorted({result.task for result in results})
    content: dict[str, Any] = {
        "tasks": {
            task: {
                variant: {
                    "score": asdict(spread([result.score for result in group])),
                    **(
                        {}
                        if variant == baseline
                        else {"gain_over_" + baseline: _gain(results, task, variant, baseline)}
                    ),
                }
                for variant, group in by_variant(results, task).items()
            }
            for task in tasks
        },
        "beside": references,
        "runs": [asdict(result) for result in results],
    }
    return json.dumps(content, indent=1) + "\n"


def is_ours(path: Path) -> bool:
    """Whether a file is a `comparison.json` that this command wrote."""
    try:
        content = checked_json.parse_any(path.read_bytes())
        return {"tasks", "beside", "runs"} <= content.keys()
    except (OSError, ValueError, AttributeError):
        return False


def _gain(results: Sequence[Result], task: str, variant: str, baseline: str) -> dict[str, Any] | None:
    found = gain(results, task, variant, baseline)
    return None if found is None else asdict(found)


def page(results: Sequence[Result], references: Mapping[str, Mapping[str, float]], baseline: str, subtitle: str) -> str:
    """The page: scores with their spread, the cost of each variant, and curves."""
    tasks = sorted({result.task for result in results})
    variants = list(dict.fromkeys(result.variant for result in results))
    reference_names = list(dict.fromkeys(name for of_task in references.values() for name in of_task))
    scores = []
    for task in tasks:
        groups = by_variant(results, task)
        cells = [str(spread([result.score for result in groups[name]])) if name in groups else "" for name in variants]
        others = [
            f"{references[task][name]:.2f}" if name in references.get(task, {}) else "" for name in reference_names
        ]
        scores.append([task, *cells, *others])
    gains = [
        [task, *(str(gain(results, task, name, baseline) or "") for name in variants if name != baseline)]
        for task in tasks
    ]
    sections = [
        html.Section(
            "Score on validation",
            html.table(["task", *map(_readable, variants), *map(_readable, reference_names)], scores),
        ),
        html.Section("Cost", _costs(results, variants)),
        html.Section("Curves", _curves(results, tasks, variants)),
        html.Section("Runs", _runs(results)),
    ]
    if baseline in variants and len(variants) > 1:
        headers = ["task", *(_readable(name) for name in variants if name != baseline)]
        sections.insert(1, html.Section(f"Gain over {_readable(baseline)}", html.table(headers, gains)))
    return html.page("Fine-tuning methods compared", subtitle, sections)


def _costs(results: Sequence[Result], variants: Sequence[str]):
    rows = []
    for variant in variants:
        group = [result for result in results if result.variant == variant]
        first = group[0]
        rows.append(
            [
                _readable(variant),
                first.trained_parameters,
                f"{first.trained_parameters / first.all_parameters:.1%}",
                f"{first.stored_bytes / 1e6:.2f} MB",
                f"{1000 * statistics.median(result.seconds_a_step for result in group):.1f} ms",
                f"{statistics.median(result.best_step for result in group):,.0f}",
            ]
        )
    headers = [
        "method",
        "trained parameters",
        "of all",
        "stored per task",
        "time per step (median)",
        "best step (median)",
    ]
    return html.table(headers, rows)


def _curves(results: Sequence[Result], tasks: Sequence[str], variants: Sequence[str]):
    plots = []
    for task in tasks:
        groups = by_variant(results, task)

        def draw(axes, groups=groups) -> None:
            for number, variant in enumerate(variants):
                for result in groups.get(variant, ()):
                    label = _readable(variant) if result is groups[variant][0] else None
                    steps, scores = zip(*result.curve, strict=True)
                    axes.plot(steps, scores, alpha=0.7, linewidth=1, markersize=3, label=label, **charts.style(number))
            charts.step_axis(axes)
            axes.set_ylabel("score on validation")
            charts.legend(axes)

        plots.append(html.plot(draw, caption=f"{task}: one line per seed.", height=charts.height(len(variants))))
    return html.render("{% for plot in plots %}{{ plot }}{% endfor %}", plots=plots)


def _runs(results: Sequence[Result]):
    rows = [
        [
            result.task,
            _readable(result.variant),
            result.seed,
            f"{result.score:.2f}",
            result.best_step,
            f"{result.learning_rate:g}",
        ]
        for result in results
    ]
    return html.table(["task", "method", "seed", "best score", "at step", "learning rate"], rows)


def _readable(name: str) -> str:
    return name.replace("tf_idf", "TF-IDF").replace("_", " ")


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's `metrics.jsonl`. Raises: UserError if one of them is damaged."""
    path = folder / "metrics.jsonl"
    try:
        return [checked_json.parse(line, dict[str, Any]) for line in path.read_bytes().splitlines()]
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); train that run again") from error

"""The page of a folder of task examples: the counts per task, what was dropped, and some examples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from c4pipe.report import charts, html

_LABEL_SHARE = 0.01
_LEAST_LABELS, _MOST_LABELS = 3, 8


def task_page(statistics: Mapping[str, Mapping[str, Any]], counters: Mapping[str, int], subtitle: str) -> str:
    """The HTML page.

    statistics: TASK-SPLIT -> rows, truncated_inputs, truncated_targets, unwritable_targets, sum_inputs, sum_targets,
    longest_inputs, longest_targets, input_lengths, targets, samples, unwritable_samples, over all files. counters: the
    counters over all records.
    """
    rows = sum(int(entry["rows"]) for entry in statistics.values())
    cut = sum(int(entry["truncated_inputs"]) + int(entry["truncated_targets"]) for entry in statistics.values())
    quarantined = sum(count for name, count in counters.items() if name.startswith("quarantined_"))
    tiles = html.tiles(
        [
            ("records", counters.get("records", 0)),
            ("examples", rows),
            ("tasks", len({name.rpartition("-")[0] for name in statistics})),
            ("truncated", cut),
            ("targets not writable", sum(int(entry["unwritable_targets"]) for entry in statistics.values())),
            ("quarantined", quarantined),
        ]
    )
    sections = [
        html.Section("Overview", tiles),
        html.Section("Tasks", _tasks(statistics)),
        html.Section("Records", html.table(["outcome", "count"], sorted(counters.items()))),
        html.Section("Length of inputs", _lengths(statistics)),
        html.Section("Targets", _targets(statistics)),
        html.Section("Examples", _samples(statistics)),
    ]
    if any(entry["unwritable_samples"] for entry in statistics.values()):
        sections.insert(-1, html.Section("Targets that the vocabulary cannot write", _unwritable(statistics)))
    return html.page("Tasks as text to text", subtitle, sections)


def _tasks(statistics: Mapping[str, Mapping[str, Any]]):
    headers = [
        "split",
        "examples",
        "mean tokens of inputs",
        "longest inputs",
        "truncated inputs",
        "mean tokens of targets",
        "longest targets",
        "truncated targets",
        "targets not writable",
    ]
    body = []
    for name, entry in statistics.items():
        rows = int(entry["rows"])
        means = [f"{entry[key] / max(rows, 1):,.1f}" for key in ("sum_inputs", "sum_targets")]
        body.append(
            [
                name,
                rows,
                means[0],
                entry["longest_inputs"],
                entry["truncated_inputs"],
                means[1],
                entry["longest_targets"],
                entry["truncated_targets"],
                entry["unwritable_targets"],
            ]
        )
    return html.table(headers, body)


def _lengths(statistics: Mapping[str, Mapping[str, Any]]):
    by_task: dict[str, Counter[int]] = {}
    for name, entry in statistics.items():
        lengths = by_task.setdefault(name.rpartition("-")[0], Counter())
        lengths.update({int(bound): count for bound, count in entry["input_lengths"].items()})
    bounds = sorted({bound for lengths in by_task.values() for bound in lengths})

    def draw(axes) -> None:
        for number, (task, lengths) in enumerate(by_task.items()):
            total = sum(lengths.values()) or 1
            shares = [lengths[bound] / total for bound in bounds]
            axes.plot([str(bound) for bound in bounds], shares, label=task, markersize=4, **charts.style(number))
        axes.set_xlabel("tokens, up to")
        axes.set_ylabel("share of examples")
        charts.legend(axes)

    return html.plot(draw, caption="Inputs by their length, including EOS.", height=charts.height(len(by_task)))


def _targets(statistics: Mapping[str, Mapping[str, Any]]):
    body: list[Sequence[Any]] = []
    for name, entry in statistics.items():
        rows = int(entry["rows"]) or 1
        ranked = sorted(entry["targets"].items(), key=lambda item: (-item[1], item[0]))
        # Only labels repeat. A list of free texts would say nothing.
        least = max(_LEAST_LABELS, _LABEL_SHARE * rows)
        labels = [(target, count) for target, count in ranked if count >= least][:_MOST_LABELS]
        if not labels:
            body.append([name, "(free text)", rows, ""])
        for target, count in labels:
            body.append([name, target[:80], count, html.bar(count / rows, "keep")])
    return html.table(["split", "targets", "count", "share"], body)


def _unwritable(statistics: Mapping[str, Mapping[str, Any]]):
    headers = ["split", "examples", "target", "what the vocabulary writes"]
    rows = [
        [name, entry["unwritable_targets"] if number == 0 else "", sample["target"], sample["written"]]
        for name, entry in statistics.items()
        for number, sample in enumerate(entry["unwritable_samples"])
    ]
    return html.table(headers, rows)


def _samples(statistics: Mapping[str, Mapping[str, Any]]):
    rows = [
        [
            name,
            sample["inputs"],
            sample["targets"],
            " | ".join(sample["references"]),
            sample["num_tokens"],
            sample["truncated"],
        ]
        for name, entry in statistics.items()
        for sample in entry["samples"]
    ]
    table = html.table(["split", "inputs", "targets", "references", "tokens", "truncated"], rows, row_class="sample")
    return html.search_box("tr.sample", "look for a task or a word") + table

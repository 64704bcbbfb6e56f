"""The page of a folder of task examples: what each task gave, what was dropped, and how examples look."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from c4pipe.report import charts, html

_LABEL_SHARE = 0.01
_LEAST_LABELS, _MOST_LABELS = 3, 8


def task_page(statistics: Mapping[str, Mapping[str, Any]], counters: Mapping[str, int], subtitle: str) -> str:
    """The whole page.

    statistics: TASK-SPLIT -> rows, truncated_inputs, truncated_targets, unwritable_targets, sum_inputs, sum_targets,
    longest_inputs, longest_targets, input_lengths, targets, samples, unwritable_samples; over all files. counters: over
    all records.
    """
    rows = sum(int(one["rows"]) for one in statistics.values())
    cut = sum(int(one["truncated_inputs"]) + int(one["truncated_targets"]) for one in statistics.values())
    quarantined = sum(count for name, count in counters.items() if name.startswith("quarantined_"))
    tiles = html.tiles(
        [
            ("records", counters.get("records", 0)),
            ("examples", rows),
            ("tasks", len({name.rpartition("-")[0] for name in statistics})),
            ("truncated", cut),
            ("targets not writable", sum(int(one["unwritable_targets"]) for one in statistics.values())),
            ("quarantined", quarantined),
        ]
    )
    sections = [
        html.Section("Overview", tiles),
        html.Section("Tasks", _tasks(statistics)),
        html.Section("Records", html.table(["what became of records", "count"], sorted(counters.items()))),
        html.Section("Length of inputs", _lengths(statistics)),
        html.Section("Targets", _targets(statistics)),
        html.Section("Examples", _samples(statistics)),
    ]
    if any(one["unwritable_samples"] for one in statistics.values()):
        sections.insert(-1, html.Section("Targets that the vocabulary cannot write", _unwritable(statistics)))
    return html.page("Tasks as text to text", subtitle, sections)


def _tasks(statistics: Mapping[str, Mapping[str, Any]]):
    headers = [
        "split",
        "examples",
        "mean inputs",
        "longest",
        "inputs cut",
        "mean targets",
        "longest",
        "targets cut",
        "targets not writable",
    ]
    body = []
    for name, one in statistics.items():
        rows = int(one["rows"])
        means = [one[key] / rows if rows else 0.0 for key in ("sum_inputs", "sum_targets")]
        body.append(
            [
                name,
                rows,
                means[0],
                one["longest_inputs"],
                one["truncated_inputs"],
                means[1],
                one["longest_targets"],
                one["truncated_targets"],
                one["unwritable_targets"],
            ]
        )
    return html.table(headers, body)


def _lengths(statistics: Mapping[str, Mapping[str, Any]]):
    by_task: dict[str, Counter[int]] = {}
    for name, one in statistics.items():
        lengths = by_task.setdefault(name.rpartition("-")[0], Counter())
        lengths.update({int(bound): count for bound, count in one["input_lengths"].items()})
    bounds = sorted({bound for lengths in by_task.values() for bound in lengths})

    def draw(axes) -> None:
        for number, (task, lengths) in enumerate(by_task.items()):
            total = sum(lengths.values()) or 1
            shares = [lengths[bound] / total for bound in bounds]
            axes.plot([str(bound) for bound in bounds], shares, label=task, markersize=4, **charts.style(number))
        axes.set_xlabel("tokens, up to")
        axes.set_ylabel("share of examples")
        charts.legend(axes)

    return html.plot(draw, caption="Inputs by their length, EOS included.", height=charts.height(len(by_task)))


def _targets(statistics: Mapping[str, Mapping[str, Any]]):
    body: list[Sequence[Any]] = []
    for name, one in statistics.items():
        rows = int(one["rows"]) or 1
        ranked = sorted(one["targets"].items(), key=lambda item: (-item[1], item[0]))
        # Labels repeat; free text does not, and a list of it would say nothing.
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
        [name, one["unwritable_targets"] if number == 0 else "", sample["target"], sample["written"]]
        for name, one in statistics.items()
        for number, sample in enumerate(one["unwritable_samples"])
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
        for name, one in statistics.items()
        for sample in one["samples"]
    ]
    table = html.table(["split", "inputs", "targets", "references", "tokens", "truncated"], rows, row_class="sample")
    return html.search_box("tr.sample", "look for a task or a word") + table

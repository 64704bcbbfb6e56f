"""All tasks by name, and tasks of the user's own."""

from collections.abc import Mapping, Sequence

from c4pipe.choices import choose
from c4pipe.tasks import cnn_dailymail, glue, sentences, sentiment, squad, superglue, wmt
from c4pipe.tasks.metrics import check_name
from c4pipe.tasks.ready import ready_example
from c4pipe.tasks.task import Task

TASKS: dict[str, Task] = {
    **glue.TASKS,
    **superglue.TASKS,
    **squad.TASKS,
    **cnn_dailymail.TASKS,
    **wmt.TASKS,
    **sentiment.TASKS,
    **sentences.TASKS,
}

# Metrics of tasks that are not in the catalog, by the beginning of their names.
_BY_PREFIX = {"translate": ("bleu",), "summarize": ("rouge",)}
DEFAULT_METRICS = ("accuracy",)


def find(name: str) -> Task:
    """The catalog's task of that name.

    Raises: UserError if there is none.
    """
    return choose("task", name, TASKS)


def find_or_make(name: str, metrics: Sequence[str] = ()) -> Task:
    """The catalog's task of that name, or a task of the user's own.

    metrics: the metrics to use. Without them, a task of the user's own is scored by BLEU if its name begins with
    `translate`, by ROUGE if it begins with `summarize`, and otherwise by exact agreement. BLEU and ROUGE use the
    tokenizer that fits the references, or the tokenizer after `@` (`bleu@zh`).

    Raises: UserError if a metric or its tokenizer is unknown.
    """
    known = TASKS.get(name)
    for metric in metrics:
        check_name(metric, name)
    if known is not None and not metrics:
        return known
    by_name = next((chosen for prefix, chosen in _BY_PREFIX.items() if name.startswith(prefix)), DEFAULT_METRICS)
    return Task(
        name,
        benchmark=known.benchmark if known else "",
        source="",
        format=known.format if known else lambda record: [ready_example(record, name)],
        metrics=tuple(metrics) or by_name,
        labels=known.labels if known else (),
    )


def benchmark_averages(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The average of each benchmark that has tasks in `scores` (task -> metric -> score).

    As in the paper (section 2.3), a task with several metrics counts with their mean, MNLI's two validation sets count
    once, and WNLI does not count.

    >>> benchmark_averages({"sst2": {"accuracy": 90.0}, "mrpc": {"f1": 80.0, "accuracy": 70.0}})
    {'glue': 82.5}
    """
    units: dict[str, dict[str, list[float]]] = {}
    for name, of_task in scores.items():
        task = TASKS.get(name)
        if task is None or not task.benchmark or not of_task:
            continue
        unit = units.setdefault(task.benchmark, {}).setdefault(task.counts_as or name, [])
        unit.append(sum(of_task.values()) / len(of_task))
    return {
        benchmark: sum(sum(values) / len(values) for values in of_benchmark.values()) / len(of_benchmark)
        for benchmark, of_benchmark in units.items()
    }

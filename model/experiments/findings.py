"""What the results of a search say: scores by row and column, verdicts, and these in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from model.experiments.inputs import Column
from model.experiments.plan import PAPER_COLUMNS, Plan, Row
from model.experiments.results import Result
from model.experiments.spreads import Spread, Verdict, judge, paired, spread


@dataclass(frozen=True)
class Findings:
    """The results of a plan.

    missing: rows that cannot be run -> the reason. unfinished: how many results are not there yet. notes: sentences
    about rows.
    """

    plan: Plan
    columns: tuple[Column, ...]
    results: tuple[Result, ...]
    missing: dict[str, str]
    unfinished: int = 0
    notes: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows that have results, in the order of the plan."""
        there = {result.row for result in self.results}
        return tuple(row for row in self.plan.rows if row.name in there)

    def of(self, row: str, column: str | None = None) -> list[Result]:
        """The results of a row (in a column), in the order of columns and seeds."""
        return [result for result in self.results if result.row == row and column in (None, result.column)]

    def scores(self, row: str, column: str) -> dict[int, float]:
        """Seed -> score."""
        return {result.seed: result.score for result in self.of(row, column)}

    def spread(self, row: str, column: str) -> Spread | None:
        scores = self.scores(row, column)
        return spread(list(scores.values())) if scores else None

    def gain(self, row: str, column: str) -> Spread | None:
        """How much better the row is than the baseline, seed by seed."""
        return paired(self.scores(row, column), self.scores(self.plan.baseline, column))

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """By column, for those that have results."""
        found = {}
        for column in self.columns:
            scores = {row.name: list(self.scores(row.name, column.name).values()) for row in self.rows}
            if given := {name: values for name, values in scores.items() if values}:
                found[column.name] = judge(given, self.plan.baseline)
        return found

    def paper(self, row: Row, column: str) -> float | None:
        """The paper's figure for a cell; None if it has none."""
        place = list(PAPER_COLUMNS).index(column) if column in PAPER_COLUMNS else -1
        return row.paper[place] if row.paper and place >= 0 else None


def significance(findings: Findings) -> list[str]:
    """What is significant and what is not, one sentence or more for each column."""
    sentences = []
    for column in findings.columns:
        verdict = findings.verdicts.get(column.name)
        if verdict is None:
            sentences.append(f"{column.title}: no result yet.")
            continue
        named = "; ".join(f"{row} ({findings.spread(row, column.name)})" for row in verdict.best)
        best = f"{column.title}: the best {'is' if len(verdict.best) == 1 else 'are'} {named}."
        if len(findings.rows) == 1:
            sentences.append(f"{best} There is no other row to compare it with.")
        elif verdict.margin is None:
            why = ("no result", "only one result")[verdict.repeats] if verdict.repeats < 2 else "equal results"
            sentences.append(
                f"{best} Nothing can be said about significance, because the baseline ({findings.plan.baseline}) has "
                f"{why}."
            )
        else:
            rule = f"Two standard deviations of the baseline's {verdict.repeats} repeats are {verdict.margin:.2f}."
            near = f"Not significantly below the best: {_list(verdict.near)}."
            below = f"Further below: {_list(verdict.below)}."
            sentences.append(f"{best} {rule} {near} {below}")
        sentences += _against_baseline(findings, column)
    return sentences


def _against_baseline(findings: Findings, column: Column) -> list[str]:
    """Which rows do not differ from the baseline: the interval of the paired difference has zero in it."""
    apart: list[str] = []
    same: list[str] = []
    single: list[str] = []
    for row in findings.rows:
        gain = findings.gain(row.name, column.name)
        if row.name == findings.plan.baseline or gain is None:
            continue
        if gain.count < 2:
            single.append(row.name)
        else:
            (apart if abs(gain.mean) > gain.half_width else same).append(row.name)
    sentences = []
    if apart or same:
        sentences.append(
            f"{column.title}, seed by seed against {findings.plan.baseline}: the 95% interval of the difference "
            f"excludes zero for {_list(apart)}; it does not for {_list(same)}."
        )
    if single:
        sentences.append(f"{column.title}: a single seed gives no interval for {_list(single)}.")
    return sentences


def _list(names: Sequence[str]) -> str:
    return "; ".join(names) or "none"

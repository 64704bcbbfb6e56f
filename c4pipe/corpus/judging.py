"""What judges of pages take and give: a candidate, the ruling of one stage, the verdict of several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Candidate:
    """A page before a judge.

    url: as in the WET file; normalized_url: as pages are compared by it. lost_lines: numbers of the lines (split at
    line feeds) that other pages keep. language: as a stage before has told it.
    """

    url: str
    normalized_url: str
    text: str
    lost_lines: Sequence[int] = ()
    language: str = ""

    def after(self, ruling: "Ruling") -> "Candidate":
        """The page as it comes to the next stage."""
        text = self.text if ruling.text is None else ruling.text
        return Candidate(self.url, self.normalized_url, text, self.lost_lines, ruling.language or self.language)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one stage makes of a page.

    reason: why it goes; empty if it stays. text: as it leaves the stage; None if the stage changes nothing.
    line_counts: a number of lines for each outcome that the stage has for lines (`Stage.line_outcomes`). counters: the
    ends of further counters' names, each counted once; the stage's name comes before them. match: what in the page it
    goes for, where the stage can tell.
    """

    reason: str = ""
    text: str | None = None
    language: str = ""
    line_counts: tuple[int, ...] = ()
    counters: tuple[str, ...] = ()
    match: str = ""


STAYS = Ruling()


class Judge(Protocol):
    """Rules on pages by what is in them. Picklable."""

    def judge(self, candidates: Sequence[Candidate]) -> Sequence[Ruling]:
        """One ruling for each candidate, in order; none depends on the others."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of stages makes of a page.

    stage, reason: which stage drops it, and why; both empty if it stays. text: as it leaves the last stage, or as it
    came to the stage that drops it. line_counts: of the stage that takes lines, where the page came to it. counters:
    names of further counters, each counted once. match: what in the page it goes for, where the stage can tell.
    """

    text: str
    stage: str = ""
    reason: str = ""
    language: str = ""
    line_counts: tuple[int, ...] = ()
    counters: tuple[str, ...] = ()
    match: str = ""

    def after(self, stage: str, ruling: Ruling) -> "Verdict":
        """The verdict with one stage more."""
        return Verdict(
            text=self.text if ruling.reason or ruling.text is None else ruling.text,
            stage=stage if ruling.reason else "",
            reason=ruling.reason,
            language=ruling.language or self.language,
            line_counts=ruling.line_counts or self.line_counts,
            counters=(*self.counters, *(stage + end for end in ruling.counters)),
            match=ruling.match,
        )


Judges = Sequence[tuple[str, Judge]]


def judge(judges: Judges, candidates: Sequence[Candidate]) -> list[Verdict]:
    """One verdict for each candidate, in order. judges: (name of the stage, its judge), in the order of the stages.

    A page that one stage drops does not come to the next.
    """
    pages = list(candidates)
    verdicts = [Verdict(page.text) for page in pages]
    places = list(range(len(pages)))
    for stage, stage_judge in judges:
        staying = []
        rulings = stage_judge.judge([pages[place] for place in places])
        for place, ruling in zip(places, rulings, strict=True):
            if ruling is not STAYS:
                verdicts[place] = verdicts[place].after(stage, ruling)
                pages[place] = pages[place].after(ruling)
            if not ruling.reason:
                staying.append(place)
        places = staying
    return verdicts

"""The input and output of judges: a candidate page, the ruling of one stage, the verdict of several stages.

They are named tuples because several are made per page, and a frozen dataclass takes three times as long to make.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Candidate(NamedTuple):
    """A page that a judge has to rule on.

    url: as in the WET file. normalized_url: as used to compare pages. lost_lines: numbers of the lines (split at line
    feeds) that other pages keep. language: as identified by an earlier stage. earlier_lines: numbers of the lines that
    the corpus of an earlier crawl has.
    """

    url: str
    normalized_url: str
    text: str
    lost_lines: Sequence[int] = ()
    language: str = ""
    earlier_lines: Sequence[int] = ()

    def after(self, ruling: "Ruling") -> "Candidate":
        """The page as the next stage sees it."""
        if ruling.text is None and not ruling.language:
            return self
        text = self.text if ruling.text is None else ruling.text
        language = ruling.language or self.language
        return Candidate(self.url, self.normalized_url, text, self.lost_lines, language, self.earlier_lines)


class Ruling(NamedTuple):
    """The decision of one stage on a page.

    reason: why the page is dropped; empty if it stays. text: the text after the stage; None if the stage changes
    nothing. language: the language that the stage identified, if it is a stage that does. line_counts: the number of
    lines per outcome in `Stage.line_outcomes`. counters: suffixes of further counters, each counted once; the stage's
    name comes before them. match: the part of the page that is the reason for dropping it, if the stage can tell.
    probability: how sure the identifier is of its language.
    """

    reason: str = ""
    text: str | None = None
    language: str = ""
    line_counts: tuple[int, ...] = ()
    counters: tuple[str, ...] = ()
    match: str = ""
    probability: float = 0.0


STAYS = Ruling()


class Judge(Protocol):
    """Decides which pages stay, by their content. Picklable."""

    def judge(self, candidates: Sequence[Candidate]) -> Sequence[Ruling]:
        """One ruling per candidate, in order. A ruling does not depend on the other candidates."""
        ...


class Verdict(NamedTuple):
    """The decision of several stages on a page.

    stage, reason: the stage that drops the page, and why; both empty if it stays. text: the text after the last stage,
    or before the stage that drops the page. line_counts: those of the stage that removes lines, if the page reached it.
    counters: names of further counters, each counted once. match: the part of the page that is the reason for dropping
    it, if the stage can tell. probability: how sure the identifier is of its language, if a stage asked it.
    """

    text: str
    stage: str = ""
    reason: str = ""
    language: str = ""
    line_counts: tuple[int, ...] = ()
    counters: tuple[str, ...] = ()
    match: str = ""
    probability: float = 0.0

    def after(self, stage: str, ruling: Ruling) -> "Verdict":
        """The verdict after one more stage."""
        return Verdict(
            text=self.text if ruling.reason or ruling.text is None else ruling.text,
            stage=stage if ruling.reason else "",
            reason=ruling.reason,
            language=ruling.language or self.language,
            line_counts=ruling.line_counts or self.line_counts,
            counters=(*self.counters, *[stage + end for end in ruling.counters]),
            match=ruling.match,
            probability=ruling.probability or self.probability,
        )


Judges = Sequence[tuple[str, Judge]]


def judge(judges: Judges, candidates: Sequence[Candidate]) -> list[Verdict]:
    """One verdict per candidate, in order. judges: (name of the stage, its judge), in the order of the stages.

    A page that a stage drops does not reach the next stage.
    """
    pages = list(candidates)
    verdicts = [Verdict(page.text, language=page.language) for page in pages]
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

"""Cleaning: the lines of a page that are sentences, and whether the page is worth keeping, by a variant's rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from c4pipe.corpus.judging import Candidate, Ruling
from c4pipe.corpus.rules import LINE_PASSED, Drops, LineRule, PageRule, Rewrite, Rule, line_outcomes
from c4pipe.corpus.sentences.counter import SentenceCounter


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """A line as the rules leave it, and the rule that takes it; None if it passes."""

    line: str
    rule: LineRule | None

    @property
    def name(self) -> str:
        return self.rule.name if self.rule else LINE_PASSED

    @property
    def drops_page(self) -> bool:
        return self.rule is not None and self.rule.drops is Drops.PAGE


def line_outcome(line: str, rules: Sequence[Rule]) -> LineOutcome:
    """What becomes of one line: the first rule that takes it counts.

    >>> from c4pipe.corpus.variants import C4_RULES
    >>> outcome = line_outcome("  This is how a sentence looks.[12] ", C4_RULES)
    >>> outcome.line, outcome.name
    ('This is how a sentence looks.', 'passed')
    >>> line_outcome("Read more...", C4_RULES).name
    'no_endmark'
    """
    line = line.strip()
    for rule in rules:
        if isinstance(rule, Rewrite):
            line = rule.rewritten(line)
        elif isinstance(rule, LineRule) and rule.takes(line):
            return LineOutcome(line, rule)
    return LineOutcome(line, None)


def dropped_lines(text: str, rules: Sequence[Rule]) -> Iterator[LineOutcome]:
    """The lines that cleaning takes from a page, up to the one that drops the page; for the report's samples."""
    for line in text.splitlines():
        outcome = line_outcome(line, rules)
        if outcome.drops_page:
            return
        if outcome.rule is not None:
            yield outcome


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines that line rules keep. reason: the rule by which one of them drops the page; else empty."""

    kept: list[str]
    reason: str
    counts: tuple[int, ...]


class Cleaner:
    """Cleans pages (reference: `clean_page`). Picklable.

    rules: of lines and pages, in order; the rules of pages see the lines that are kept in the end.
    """

    def __init__(self, rules: Sequence[Rule], sentences: SentenceCounter) -> None:
        self._rules = tuple(rules)
        self._outcomes = line_outcomes(rules)
        self._page_rules = tuple(rule for rule in rules if isinstance(rule, PageRule))
        self._sentences = sentences

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        return [self.clean(candidate.text) for candidate in candidates]

    def clean(self, text: str) -> Ruling:
        """Clean the text of one page: the kept lines, joined by line feeds and stripped as a whole.

        A rule that drops the page half way ends the counting of lines there, as in the reference.
        """
        lines = self._lines_together(text) or self._line_by_line(text)
        if lines.reason:
            return Ruling(lines.reason, line_counts=lines.counts)
        for rule in self._page_rules:
            if rule.takes(lines.kept, self._sentences):
                return Ruling(rule.name, line_counts=lines.counts)
        return Ruling(text="\n".join(lines.kept).strip(), line_counts=lines.counts)

    def _line_by_line(self, text: str) -> _Lines:
        """Each line by itself, in order."""
        counts = dict.fromkeys(self._outcomes, 0)
        kept: list[str] = []
        for raw_line in text.splitlines():
            outcome = line_outcome(raw_line, self._rules)
            if outcome.drops_page:
                return _Lines([], outcome.name, tuple(counts.values()))
            counts[outcome.name] += 1
            if outcome.rule is None:
                kept.append(outcome.line)
        return _Lines(kept, "", tuple(counts.values()))

    def _lines_together(self, text: str) -> _Lines | None:
        """As `_line_by_line`, but several times as fast: rule by rule, over all lines.

        None if a line drops the page, because that ends the counting at this line.
        """
        lines = list(map(str.strip, text.splitlines()))
        lowered = text.lower()
        counts = []
        for rule in self._rules:
            if isinstance(rule, Rewrite):
                if rule.sign in text:
                    lines = list(map(rule.rewritten, lines))
                    # What stands around a match may become a phrase when the match goes.
                    text = "\n".join(lines)
                    lowered = text.lower()
            elif isinstance(rule, LineRule):
                untaken = rule.untaken(lines, lowered)
                if rule.drops is Drops.LINE:
                    counts.append(len(lines) - len(untaken))
                    lines = untaken
                elif len(untaken) < len(lines):
                    return None
        return _Lines(lines, "", (*counts, len(lines)))

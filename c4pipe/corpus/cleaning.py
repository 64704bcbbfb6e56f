"""Cleaning: by a variant's rules, keeps the lines of a page that are sentences, or drops the whole page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from c4pipe.corpus.judging import Candidate, Ruling
from c4pipe.corpus.rules import LINE_PASSED, Drops, LineRule, PageRule, Rewrite, Rule, line_outcomes
from c4pipe.corpus.sentences.counter import CountsSentences


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """A line after the rules, and the rule that applies to it; None if the line passes."""

    line: str
    rule: LineRule | None

    @property
    def name(self) -> str:
        return self.rule.name if self.rule else LINE_PASSED

    @property
    def drops_page(self) -> bool:
        return self.rule is not None and self.rule.drops is Drops.PAGE


def line_outcome(line: str, rules: Sequence[Rule]) -> LineOutcome:
    """The outcome of one line. The first rule that applies decides.

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
    """The lines that cleaning removes from a page, up to a line that drops the page; for the report's samples."""
    for line in text.splitlines():
        outcome = line_outcome(line, rules)
        if outcome.drops_page:
            return
        if outcome.rule is not None:
            yield outcome


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines that the line rules keep. reason: the rule by which a line drops the page; empty if none does."""

    kept: list[str]
    reason: str
    counts: tuple[int, ...]


class Cleaner:
    """Cleans pages (reference: `clean_page`). Picklable.

    rules: the rules of lines and of pages, in order. The page rules see the lines that all line rules keep.
    """

    def __init__(self, rules: Sequence[Rule], sentences: CountsSentences) -> None:
        self._rules = tuple(rules)
        self._outcomes = line_outcomes(rules)
        self._page_rules = tuple(rule for rule in rules if isinstance(rule, PageRule))
        self._sentences = sentences

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        return [self.clean(candidate.text) for candidate in candidates]

    def clean(self, text: str) -> Ruling:
        """Clean the text of one page. The new text is the kept lines, joined by line feeds and stripped as a whole.

        When a line drops the page, the lines after it are not counted, as in the reference.
        """
        lines = self._lines_together(text) or self._line_by_line(text)
        if lines.reason:
            return Ruling(lines.reason, line_counts=lines.counts)
        for rule in self._page_rules:
            if rule.takes(lines.kept, self._sentences):
                return Ruling(rule.name, line_counts=lines.counts)
        return Ruling(text="\n".join(lines.kept).strip(), line_counts=lines.counts)

    def _line_by_line(self, text: str) -> _Lines:
        """Applies all rules to each line, line by line."""
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
        """The same result as `_line_by_line`, several times as fast: applies each rule to all lines.

        None if a line drops the page, because then only the lines before it may be counted.
        """
        lines = list(map(str.strip, text.splitlines()))
        lowered: str | None = None
        counts = []
        for rule in self._rules:
            if isinstance(rule, Rewrite):
                if rule.sign in text:
                    lines = list(map(rule.rewritten, lines))
                    # Removing a match may join the text around it into a phrase, or into the sign of another rule.
                    text, lowered = "\n".join(lines), None
            elif isinstance(rule, LineRule):
                if rule.needs_lowered and lowered is None:
                    lowered = "\n".join(lines).lower()
                untaken = rule.untaken(lines, lowered or "")
                if rule.drops is Drops.LINE:
                    counts.append(len(lines) - len(untaken))
                    lines = untaken
                elif len(untaken) < len(lines):
                    return None
        return _Lines(lines, "", (*counts, len(lines)))

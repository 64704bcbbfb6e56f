"""Cleaning: the lines of a page that are sentences, and whether the page is worth keeping."""

from collections.abc import Iterable
from dataclasses import dataclass

from c4pipe.corpus import rules
from c4pipe.corpus.sentences import SentenceCounter


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A page after cleaning.

    `text`: the kept lines, joined by line feeds; empty where the page is dropped. `reason`: the page rule that drops
    it (one of `rules.PAGE_RULES`), empty where it is kept. `line_counts`: how many lines each of
    `rules.LINE_OUTCOMES` took; a page rule met half way ends the counting there, as in the reference.
    """

    text: str
    reason: str
    line_counts: tuple[int, ...]


def line_outcome(line: str) -> tuple[str, str]:
    """What becomes of one line: (the line as it would be kept, its outcome).

    The outcome is one of `rules.LINE_OUTCOMES`, or a page rule that the line sets off.

    >>> line_outcome("  This is how a sentence looks.[12] ")
    ('This is how a sentence looks.', 'passed')
    >>> line_outcome("Read more...")
    ('Read more...', 'no_endmark')
    """
    line = line.strip()
    if len(line) > rules.MAX_WORD_LENGTH and any(len(word) > rules.MAX_WORD_LENGTH for word in line.split()):
        return line, "too_long_word"
    line = rules.CITATION.sub("", line)
    if not line.endswith(rules.END_MARKS) or line.endswith(rules.ELLIPSIS):
        return line, "no_endmark"
    if len(line.split()) < rules.MIN_WORDS:
        return line, "too_short"
    lowered = line.lower()
    if rules.LOREM_IPSUM in lowered:
        return line, "loremipsum"
    if rules.JAVASCRIPT in lowered:
        return line, "javascript"
    if rules.CURLY_BRACKET in line:
        return line, "squigglybracket"
    if any(phrase in lowered for phrase in rules.POLICY_PHRASES):
        return line, "policy"
    return line, rules.LINE_PASSED


def dropped_lines(text: str) -> Iterable[tuple[str, str]]:
    """(line, rule) of each line that cleaning takes from a page, for the report's samples."""
    for line in text.splitlines():
        kept, outcome = line_outcome(line)
        if outcome in rules.PAGE_RULES:
            return
        if outcome != rules.LINE_PASSED:
            yield kept, outcome


class Cleaner:
    """Cleans pages (reference: `clean_page`). Picklable; holds nothing but the sentence counter."""

    def __init__(self, sentences: SentenceCounter) -> None:
        self._sentences = sentences

    def clean(self, text: str) -> Cleaned:
        """Clean the text of one page."""
        counts = dict.fromkeys(rules.LINE_OUTCOMES, 0)
        kept: list[str] = []
        for raw_line in text.splitlines():
            line, outcome = line_outcome(raw_line)
            if outcome in rules.PAGE_RULES:
                return Cleaned("", outcome, tuple(counts.values()))
            counts[outcome] += 1
            if outcome == rules.LINE_PASSED:
                kept.append(line)
        if not self._has_enough_sentences(kept):
            return Cleaned("", "too_few_sentences", tuple(counts.values()))
        return Cleaned("\n".join(kept).strip(), "", tuple(counts.values()))

    def _has_enough_sentences(self, lines: list[str]) -> bool:
        # Each kept line has at least one sentence, so three lines need no splitter.
        if len(lines) >= rules.MIN_SENTENCES:
            return True
        missing = rules.MIN_SENTENCES
        for line in lines:
            missing -= self._sentences.count(line, up_to=missing)
            if missing <= 0:
                return True
        return False

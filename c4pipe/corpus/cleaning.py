"""Cleaning: the lines of a page that are sentences, and whether the page is worth keeping."""

from collections.abc import Iterable
from dataclasses import dataclass

from c4pipe.corpus import rules
from c4pipe.corpus.sentences.counter import SentenceCounter

_END_MARKS = frozenset(rules.END_MARKS)


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
    if has_too_long_word(line):
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
        kept, reason, counts = _clean_lines_together(text) or _clean_line_by_line(text)
        if reason:
            return Cleaned("", reason, counts)
        if not self._has_enough_sentences(kept):
            return Cleaned("", "too_few_sentences", counts)
        return Cleaned("\n".join(kept).strip(), "", counts)

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


def _clean_line_by_line(text: str) -> tuple[list[str], str, tuple[int, ...]]:
    """(kept lines, the page rule that one of them set off, counts), each line by itself, in order."""
    counts = dict.fromkeys(rules.LINE_OUTCOMES, 0)
    kept: list[str] = []
    for raw_line in text.splitlines():
        line, outcome = line_outcome(raw_line)
        if outcome in rules.PAGE_RULES:
            return [], outcome, tuple(counts.values())
        counts[outcome] += 1
        if outcome == rules.LINE_PASSED:
            kept.append(line)
    return kept, "", tuple(counts.values())


def _clean_lines_together(text: str) -> tuple[list[str], str, tuple[int, ...]] | None:
    """As `_clean_line_by_line`, but several times as fast: rule by rule, over all lines.

    A phrase that is nowhere in the page need not be looked for in its lines. None where a page rule may apply, which
    would end the counting at its line.
    """
    if rules.CURLY_BRACKET in text:
        return None
    lines = list(map(str.strip, text.splitlines()))
    num_lines = len(lines)
    num_too_long = 0
    if max(map(len, lines), default=0) > rules.MAX_WORD_LENGTH:
        lines = [line for line in lines if not has_too_long_word(line)]
        num_too_long = num_lines - len(lines)
    if "[" in text:
        # What stands around a mark may become a phrase when the mark goes, so phrases are looked for afterwards.
        lines = [rules.CITATION.sub("", line) if "[" in line else line for line in lines]
        text = "\n".join(lines)
    lowered = text.lower()
    if rules.LOREM_IPSUM in lowered:
        return None
    ended = [line for line in lines if line[-1:] in _END_MARKS and line[-3:] != rules.ELLIPSIS]
    kept = [line for line in ended if len(line.split(None, rules.MIN_WORDS - 1)) == rules.MIN_WORDS]
    num_long_enough = len(kept)
    if rules.JAVASCRIPT in lowered:
        kept = [line for line in kept if rules.JAVASCRIPT not in line.lower()]
    num_without_javascript = len(kept)
    for phrase in rules.POLICY_PHRASES if "policy" in lowered or "cookies" in lowered or "terms" in lowered else ():
        if phrase in lowered:
            kept = [line for line in kept if phrase not in line.lower()]
    counts = (
        num_too_long,
        len(lines) - len(ended),
        len(ended) - num_long_enough,
        num_long_enough - num_without_javascript,
        num_without_javascript - len(kept),
        len(kept),
    )
    return kept, "", counts


def has_too_long_word(line: str) -> bool:
    """Whether a white-space token of the line has more than 1,000 characters.

    >>> has_too_long_word("x" * 1000 + " " + "y" * 1000), has_too_long_word("x" * 1001)
    (False, True)
    """
    start = 0
    while len(line) - start > rules.MAX_WORD_LENGTH:
        # From blank to blank in large steps; only where there is none need the words be measured.
        blank = line.rfind(" ", start, start + rules.MAX_WORD_LENGTH + 1)
        if blank < 0:
            return max(map(len, line[start:].split()), default=0) > rules.MAX_WORD_LENGTH
        start = blank + 1
    return False

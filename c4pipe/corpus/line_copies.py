"""Removes the lines of a page that other pages keep, after this was decided for the whole corpus."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from c4pipe.corpus.deduplication import line_contents
from c4pipe.corpus.judging import Candidate, Ruling
from c4pipe.corpus.rules import LINE_PASSED
from c4pipe.corpus.sentences.counter import CountsSentences

# The outcomes of a line: another page keeps it, it is in the corpus of an earlier crawl, it repeats an earlier line of
# its page, or (LINE_PASSED) it stays.
GLOBAL_DUPLICATE, IN_EARLIER_CRAWL, LOCAL_DUPLICATE = "global_duplicate", "in_earlier_crawl", "local_duplicate"
LINE_OUTCOMES = (GLOBAL_DUPLICATE, IN_EARLIER_CRAWL, LOCAL_DUPLICATE, LINE_PASSED)


@dataclass(frozen=True, slots=True)
class RemainingLines:
    """The remaining text of a page, and the number of its lines per outcome, in the order of `LINE_OUTCOMES`."""

    text: str
    counts: tuple[int, ...]


def remove_lines(text: str, lost: Collection[int], earlier: Collection[int] = ()) -> RemainingLines:
    """A page's text without the lines that other pages keep, and without its own repeated lines.

    `lost`: numbers of the lines (split at line feeds) that another page keeps. `earlier`: of those that an earlier
    crawl has. Of several equal lines, only the number of the first is given. Reference: `_remove_lines_from_text`.

    >>> remove_lines("A\\nb\\na\\nc", lost=[1])
    RemainingLines(text='A\\nc', counts=(1, 0, 1, 2))
    """
    lines = text.split("\n")
    keys = line_contents(text)
    if not (lost or earlier) and len(set(keys)) == len(keys):
        return RemainingLines(text, (0, 0, 0, len(keys)))
    lost_keys, earlier_keys = {keys[index] for index in lost}, {keys[index] for index in earlier}
    seen: set[str] = set()
    kept: list[str] = []
    num_global = num_earlier = num_local = 0
    for line, key in zip(lines, keys, strict=True):
        if key in lost_keys:
            num_global += 1
        elif key in earlier_keys:
            num_earlier += 1
        elif key in seen:
            num_local += 1
        else:
            seen.add(key)
            kept.append(line)
    return RemainingLines("\n".join(kept), (num_global, num_earlier, num_local, len(kept)))


class LineRemover:
    """Removes copies of lines, and drops a page if too little of it remains.

    sentences: None if there is no minimum. min_sentences: the minimum for the whole page, counted over the joined
    lines. sentences_of: language -> its sentence counter, if counting depends on the page's language.
    """

    def __init__(
        self,
        sentences: CountsSentences | None,
        min_sentences: int,
        sentences_of: Mapping[str, CountsSentences] | None = None,
    ) -> None:
        self._sentences = sentences
        self._min_sentences = min_sentences
        self._sentences_of = dict(sentences_of or {})

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Ruling:
        remaining = remove_lines(candidate.text, candidate.lost_lines, candidate.earlier_lines)
        reason = ""
        if not remaining.text:
            reason = "empty"
        elif self.has_too_few_sentences(remaining.text, candidate.language):
            reason = "too_few_sentences"
        return Ruling(reason, remaining.text, line_counts=remaining.counts)

    def has_too_few_sentences(self, text: str, language: str = "") -> bool:
        """Whether the text as a whole has fewer sentences than the minimum."""
        sentences = self._sentences_of.get(language, self._sentences)
        if sentences is None:
            return False
        return sentences.count(text, up_to=self._min_sentences) < self._min_sentences

"""The only place where pages are counted, sampled and measured, stage by stage as listed in `corpus/chain.py`."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from c4pipe.corpus import chain
from c4pipe.corpus.chain import Stage
from c4pipe.corpus.cleaning import dropped_lines
from c4pipe.corpus.judging import Candidate, Verdict
from c4pipe.corpus.line_copies import GLOBAL_DUPLICATE, IN_EARLIER_CRAWL
from c4pipe.corpus.splits import train_split_of
from c4pipe.corpus.variants import Variant
from c4pipe.corpus.wet.kinds import Kinds
from c4pipe.corpus.wet.language_header import OTHER_LANGUAGE
from c4pipe.corpus.wet.page import TOO_LONG
from c4pipe.records import Dropped, Page, Quarantined
from c4pipe.report.summary import SPLIT, Size, Summary

OTHER_COPY = "other_copy_stays"
NEAR_PAGE = "near_page_stays"
_UNKNOWN_SIZE = Size(0, 0)
# Counted for each language too, if cleaning depends on it. The stage of bad words names such counters itself.
_STAGES_BY_LANGUAGE = (chain.CLEANING.name, chain.LINE_COPIES.name, chain.LANGUAGE.name)
# Samples of dropped lines are taken from one page in this many.
_SAMPLED_PAGES_SHARE = 16


class Ledger:
    """Records the outcomes of pages in a summary: counters with the reference's names, volumes, samples.

    The reference cleans only the copies that won their URL. So a page is judged before its URL's winner is known, but
    counted only afterwards.
    """

    def __init__(self, variant: Variant, summary: Summary, *, has_earlier_crawls: bool = False) -> None:
        """has_earlier_crawls: whether the run adds to the corpora of earlier crawls."""
        self._variant, self._summary, self._has_earlier_crawls = variant, summary, has_earlier_crawls

    def add_file(self) -> None:
        """Count a WET file."""
        self._summary.counters[chain.WET_FILE] += 1

    def add_kinds(self, kinds: Kinds) -> None:
        """Count the kinds of records of a WET file."""
        self._summary.kinds.update(kinds)

    def add_no_page(self, outcome: Dropped | Quarantined) -> None:
        """Record a record of a WET file that is not a page, or is too long a page."""
        self._summary.totals["records"] += 1
        if isinstance(outcome, Quarantined):
            self._summary.counters[f"{chain.QUARANTINE}/{outcome.reason}"] += 1
        elif outcome.reason == OTHER_LANGUAGE:
            self._pass(chain.PARSING, _UNKNOWN_SIZE)
            self._drop(chain.LANGUAGE_HEADER, OTHER_LANGUAGE, _UNKNOWN_SIZE)
        elif outcome.reason == TOO_LONG:
            size = Size(outcome.lines, outcome.bytes)
            self._pass(chain.PARSING, size)
            if chain.LANGUAGE_HEADER.when(self._variant):
                self._pass(chain.LANGUAGE_HEADER, size)
            self._drop(chain.LENGTH, TOO_LONG, size)
        else:
            self._drop(chain.PARSING, outcome.reason, _UNKNOWN_SIZE)

    def add_header_samples(self, skipped: Sequence[bool], kept: Sequence[bool]) -> None:
        """Record whether the identifier names a wanted language for sampled pages, by what their header says.

        skipped: of pages whose header names none; kept: of pages whose header names one.
        """
        counters = self._summary.counters
        for name, answers, disagreeing in (("skipped", skipped, True), ("kept", kept, False)):
            counters[f"{chain.LANGUAGE_HEADER.name}/sampled-{name}"] += len(answers)
            counters[f"{chain.LANGUAGE_HEADER.name}/sampled-{name}-disagreeing"] += list(answers).count(disagreeing)

    def add_at_reading(self, page: Page, size: Size, verdict: Verdict) -> None:
        """Record a page and the verdict of the stages before URLs compete."""
        self._summary.totals["records"] += 1
        self._add(chain.AT_READING, verdict, size, page.url, page.text)

    def add_from_earlier_crawl(self, url: str, size: Size, excerpt: str) -> None:
        """Record a page whose URL is in the corpus of an earlier crawl."""
        self._drop(chain.EARLIER_CRAWLS, IN_EARLIER_CRAWL, size)
        self._sample(chain.EARLIER_CRAWLS, IN_EARLIER_CRAWL, url, excerpt)

    def add_url_loser(self, url: str, size: Size, excerpt: str) -> None:
        """Record a page that lost its URL to another copy."""
        self._pass_earlier_crawls(size)
        self._drop(chain.URL_COPIES, OTHER_COPY, size)
        self._sample(chain.URL_COPIES, OTHER_COPY, url, excerpt)

    def add_after_urls(self, url: str, size: Size, verdict: Verdict) -> None:
        """Record a page that won its URL, and the verdict of the stages up to cleaning. size: the size before them."""
        self._pass_earlier_crawls(size)
        self._pass(chain.URL_COPIES, size)
        self._add(chain.AFTER_URLS, verdict, size, url, verdict.text)

    def add_after_lines(self, candidate: Candidate, verdict: Verdict) -> None:
        """Record a cleaned page and the verdict of the stages up to its language."""
        summary, url, cleaned, language = self._summary, candidate.url, candidate.text, candidate.language
        for outcome, lines in ((GLOBAL_DUPLICATE, candidate.lost_lines), (IN_EARLIER_CRAWL, candidate.earlier_lines)):
            if lines and chain.LINE_COPIES.when(self._variant):
                summary.sample(chain.LINE_COPIES.line_counter(outcome), url, cleaned.split("\n")[lines[0]])
        self._add(chain.AFTER_LINES, verdict, Size.of(cleaned), url, cleaned, language)
        if verdict.stage != chain.LINE_COPIES.name:
            summary.languages[verdict.language or "unknown"] += 1

    def add_near_duplicate(self, url: str, text: str) -> None:
        """Record a page that is a near-duplicate of a page that stays."""
        self._drop(chain.NEAR_DUPLICATES, NEAR_PAGE, Size.of(text))
        self._sample(chain.NEAR_DUPLICATES, NEAR_PAGE, url, text)

    def add_to_the_end(self, url: str, text: str, verdict: Verdict, split: str) -> None:
        """Record a page that is not dropped as a near-duplicate, and the verdict of the last stages.

        text: the text before these stages. split: the page's split, if no stage drops it.
        """
        summary = self._summary
        if chain.NEAR_DUPLICATES.when(self._variant):
            self._pass(chain.NEAR_DUPLICATES, Size.of(text))
        self._add(chain.AFTER_NEAR_DUPLICATES, verdict, Size.of(text), url, text)
        if not verdict.stage:
            summary.volume(f"{SPLIT}{split}").add(*Size.of(verdict.text))
            language = train_split_of(split) if self._variant.splits_by_language else ""
            summary.add_written(_host(url), len(verdict.text), language)

    def sample_lines(self, page: Page, verdict: Verdict) -> None:
        """Sample the lines that cleaning removes, from a few pages. Some of these pages may lose their URL later."""
        reached_cleaning = verdict.stage in ("", chain.CLEANING.name)
        if not (reached_cleaning and chain.CLEANING.when(self._variant)):
            return
        if hashlib.md5(page.url.encode("utf-8", "surrogatepass")).digest()[0] % _SAMPLED_PAGES_SHARE:
            return
        if self._variant.cleans_by_language and not verdict.language:
            return
        for outcome in dropped_lines(page.text, self._variant.rules_of(verdict.language)):
            stage = self._in_language(chain.CLEANING, verdict.language)
            self._summary.sample(stage.line_counter(outcome.name), page.url, outcome.line)

    def _add(
        self, stages: Sequence[Stage], verdict: Verdict, size: Size, url: str, excerpt: str, language: str = ""
    ) -> None:
        """Record a page stage by stage. size: its size before the first stage. language: whose rules cleaned it."""
        self._summary.counters.update(verdict.counters)
        for stage in stages:
            if not (stage.always_shown or stage.when(self._variant)):
                continue
            if stage.changes_text:
                self._count_lines(stage, verdict.line_counts)
            self._count_in_language(stage, verdict, language or verdict.language)
            if stage.name == verdict.stage:
                self._drop(stage, verdict.reason, size)
                self._sample(stage, verdict.reason, url, excerpt, verdict.match)
                return
            if stage.changes_text:
                size = Size.of(verdict.text)
            self._pass(stage, size)

    def _in_language(self, stage: Stage, language: str) -> Stage:
        """The stage under a name of its own for a language, if cleaning depends on languages."""
        return replace(stage, name=f"{stage.name}-{language}") if self._variant.cleans_by_language else stage

    def _count_in_language(self, stage: Stage, verdict: Verdict, language: str) -> None:
        """Count what a stage does once more, for the page's language, if cleaning depends on languages."""
        is_counted = stage.name in _STAGES_BY_LANGUAGE and stage.when(self._variant)
        if not (is_counted and self._variant.cleans_by_language and language):
            return
        own = self._in_language(stage, language)
        is_dropped = stage.name == verdict.stage
        self._summary.counters[own.filtered(verdict.reason) if is_dropped else own.passed] += 1
        if stage.changes_text:
            self._count_lines(own, verdict.line_counts)

    def _count_lines(self, stage: Stage, line_counts: Sequence[int]) -> None:
        if line_counts:
            for outcome, count in zip(stage.line_outcomes(self._variant), line_counts, strict=True):
                if count:
                    self._summary.counters[stage.line_counter(outcome)] += int(count)

    def _pass_earlier_crawls(self, size: Size) -> None:
        if self._has_earlier_crawls:
            self._pass(chain.EARLIER_CRAWLS, size)

    def _pass(self, stage: Stage, size: Size) -> None:
        self._summary.volume(stage.name).add(*size)
        if stage.when(self._variant) and not stage.names_counters:
            self._summary.counters[stage.passed] += 1

    def _drop(self, stage: Stage, reason: str, size: Size) -> None:
        self._summary.volume(f"{stage.name}/{reason}").add(*size)
        if not stage.names_counters:
            self._summary.counters[stage.filtered(reason)] += 1

    def _sample(self, stage: Stage, reason: str, url: str, excerpt: str, match: str = "") -> None:
        self._summary.sample(stage.filtered(reason), url, excerpt, match)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")[:253]
    except ValueError:
        return ""

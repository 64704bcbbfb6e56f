"""All rules in a row, in one process and without Beam, for the tests of this folder."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pytest

from c4pipe.corpus import assets, counters, deduplication
from c4pipe.corpus.badwords import BadwordsFilter
from c4pipe.corpus.cleaning import Cleaner
from c4pipe.corpus.finishing import Finisher
from c4pipe.corpus.language.identifier import load_identifier
from c4pipe.corpus.page_lists import ListedDomains, ListedUrls, has_paragraphs
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.variants import COMPATS, VARIANTS
from c4pipe.corpus.wet import parsers
from c4pipe.records import Page

_BATCH = 512


@dataclass
class Entry:
    """A page on its way."""

    page: Page
    normalized: str
    text: str


@pytest.fixture
def make_corpus():
    """`(paths, variant, compat, assets, urls, punkt) -> (URL -> (timestamp, split, text), counters)`.

    punkt: the version of NLTK to count sentences as, instead of the compat's.
    """
    return _make_corpus


def _make_corpus(
    paths, variant_name: str, compat_name: str, found: assets.Assets, urls=(), punkt: str = ""
) -> tuple[dict, Counter]:
    variant, compat = VARIANTS[variant_name], COMPATS[compat_name]
    if punkt:
        compat = replace(compat, punkt=punkt)
    sentences = SentenceCounter(found.punkt, compat.punkt) if found.punkt else None
    counts: Counter[str] = Counter()
    entries = dict(_read_pages(paths, compat, found, counts))
    _drop_url_losers(entries, compat, counts)
    _keep_listed_urls(entries, variant, urls)
    _keep_paragraphs(entries, variant, counts)
    _clean(entries, Cleaner(sentences) if variant.clean else None, counts)
    lost = _lost_lines(entries, compat) if variant.deduplicate_lines else {}
    badwords = BadwordsFilter(found.badwords, compat, variant.badwords_fraction) if found.badwords else None
    identifier = load_identifier(variant.language_identifier)
    finisher = Finisher(variant, compat, variant.languages, identifier, sentences, badwords)
    return dict(_finish(entries, lost, finisher, counts)), counts


def _read_pages(paths, compat, found, counts):
    domains = ListedDomains(found.realnews) if found.realnews else None
    for file, path in enumerate(sorted(paths, key=lambda path: path.name)):
        counts[counters.WET_FILE] += 1
        for outcome in parsers.read_records(path, compat=compat):
            counters.count_record(counts, outcome)
            if not isinstance(outcome, Page):
                continue
            normalized = normalized_url(outcome.url)
            if domains is not None:
                stage, reason = counters.LISTED_DOMAINS, domains.reason(normalized)
                counts[counters.filtered(stage, reason) if reason else counters.passed(stage)] += 1
                if reason:
                    continue
            yield (file, outcome.record), Entry(outcome, normalized, outcome.text)


def _drop_url_losers(entries, compat, counts):
    keys = [np.empty(0, deduplication.URL_KEY)] + [
        deduplication.pack_url_keys(
            [entry.normalized],
            [entry.page.timestamp],
            [entry.text],
            file,
            [row],
            newest_page_wins=compat.newest_page_wins,
        )
        for (file, row), entry in entries.items()
    ]
    for place in deduplication.pick_url_losers(np.concatenate(keys)).tolist():
        del entries[place]
        counts[counters.filtered(counters.URL_DEDUPLICATION)] += 1
    counts[counters.passed(counters.URL_DEDUPLICATION)] += len(entries)


def _keep_listed_urls(entries, variant, urls):
    if variant.listed_urls:
        listed = ListedUrls(urls)
        for place in [place for place, entry in entries.items() if entry.normalized not in listed]:
            del entries[place]


def _keep_paragraphs(entries, variant, counts):
    if variant.paragraph_filter:
        for place in [place for place, entry in entries.items() if not has_paragraphs(entry.text)]:
            del entries[place]
            counts[counters.filtered(counters.PARAGRAPHS)] += 1
        counts[counters.passed(counters.PARAGRAPHS)] += len(entries)


def _clean(entries, cleaner, counts):
    for place, entry in list(entries.items()) if cleaner else ():
        cleaned = cleaner.clean(entry.text)
        counters.count_cleaning(counts, cleaned.reason, cleaned.line_counts)
        entry.text = cleaned.text
        if cleaned.reason:
            del entries[place]


def _lost_lines(entries, compat):
    keys = [np.empty(0, deduplication.LINE_KEY)] + [
        deduplication.pack_line_keys(
            entry.text, entry.page.url if compat.lines_stay_by_raw_url else entry.normalized, *place
        )
        for place, entry in entries.items()
    ]
    lost = defaultdict(list)
    for file, row, index in deduplication.pick_line_losers(np.concatenate(keys)).tolist():
        lost[file, row].append(index)
    return lost


def _finish(entries, lost, finisher, counts):
    places = iter(entries)
    while batch := list(islice(places, _BATCH)):
        chosen = [entries[place] for place in batch]
        outcomes = finisher.finish(
            [entry.page.url for entry in chosen],
            [entry.text for entry in chosen],
            [lost.get(place, ()) for place in batch],
            counts,
        )
        for entry, outcome in zip(chosen, outcomes, strict=True):
            if not outcome.reason:
                yield entry.page.url, (entry.page.timestamp, outcome.split, outcome.text)

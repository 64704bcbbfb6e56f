"""All stages in a row, in one process and without Beam, for the tests of this folder."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np
import pytest

from c4pipe.corpus import assets, chain, deduplication
from c4pipe.corpus.judging import Candidate, judge
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.page_lists import ListedUrls
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.variants import COMPATS, VARIANTS
from c4pipe.corpus.wet import parsers
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.records import Page
from c4pipe.report.summary import Size, Summary

_BATCH = 512


@dataclass(frozen=True)
class Entry:
    """A page on its way."""

    page: Page
    candidate: Candidate


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
    load = partial(load_identifier, variant.language_identifier)
    criteria = chain.Criteria(variant, compat, variant.languages, load, found, ListedUrls(urls))
    summary = Summary(samples_per_rule=0)
    ledger = Ledger(variant, summary)
    entries = dict(_read_pages(paths, criteria, ledger))
    _drop_url_losers(entries, compat, ledger)
    _judge_after_urls(entries, criteria, ledger)
    lost = _lost_lines(entries, compat) if variant.deduplicate_lines else {}
    return dict(_judge_after_lines(entries, lost, criteria, ledger)), summary.counters


def _read_pages(paths, criteria, ledger):
    judges = chain.judges_of(chain.AT_READING, criteria)
    for file, path in enumerate(sorted(paths, key=lambda path: path.name)):
        ledger.add_file()
        for outcome in parsers.read_records(path, compat=criteria.compat):
            if not isinstance(outcome, Page):
                ledger.add_no_page(outcome)
                continue
            candidate = Candidate(outcome.url, normalized_url(outcome.url), outcome.text)
            (verdict,) = judge(judges, [candidate])
            ledger.add_at_reading(outcome, Size.of(outcome.text), verdict)
            if not verdict.stage:
                yield (file, outcome.record), Entry(outcome, candidate)


def _drop_url_losers(entries, compat, ledger):
    keys = [np.empty(0, deduplication.URL_KEY)] + [
        deduplication.pack_url_keys(
            [entry.candidate.normalized_url],
            [entry.page.timestamp],
            [entry.page.text],
            file,
            [row],
            newest_page_wins=compat.newest_page_wins,
        )
        for (file, row), entry in entries.items()
    ]
    for place in deduplication.pick_url_losers(np.concatenate(keys)).tolist():
        loser = entries.pop(place)
        ledger.add_url_loser(loser.page.url, Size.of(loser.page.text), "")


def _judge_after_urls(entries, criteria, ledger):
    verdicts = judge(chain.judges_of(chain.AFTER_URLS, criteria), [entry.candidate for entry in entries.values()])
    for (place, entry), verdict in zip(list(entries.items()), verdicts, strict=True):
        ledger.add_after_urls(entry.page.url, Size.of(entry.page.text), verdict)
        if verdict.stage:
            del entries[place]
        else:
            entries[place] = Entry(entry.page, Candidate(entry.page.url, entry.candidate.normalized_url, verdict.text))


def _lost_lines(entries, compat):
    keys = [np.empty(0, deduplication.LINE_KEY)] + [
        deduplication.pack_line_keys(
            entry.candidate.text,
            entry.page.url if compat.lines_stay_by_raw_url else entry.candidate.normalized_url,
            *place,
        )
        for place, entry in entries.items()
    ]
    lost = defaultdict(list)
    for file, row, index in deduplication.pick_line_losers(np.concatenate(keys)).tolist():
        lost[file, row].append(index)
    return lost


def _judge_after_lines(entries, lost, criteria, ledger):
    judges = chain.judges_of(chain.AFTER_LINES, criteria)
    last_judges = chain.judges_of(chain.AFTER_NEAR_DUPLICATES, criteria)
    places = iter(entries)
    while batch := list(islice(places, _BATCH)):
        candidates = []
        for place in batch:
            candidate = entries[place].candidate
            candidates.append(Candidate(candidate.url, candidate.normalized_url, candidate.text, lost.get(place, ())))
        for place, candidate, verdict in zip(batch, candidates, judge(judges, candidates), strict=True):
            split = chain.split_of_page(criteria.variant, candidate.normalized_url, verdict.language)
            ledger.add_after_lines(candidate, verdict)
            if verdict.stage:
                continue
            judged = Candidate(candidate.url, candidate.normalized_url, verdict.text, (), verdict.language)
            (last,) = judge(last_judges, [judged])
            ledger.add_to_the_end(candidate.url, verdict.text, last, split)
            if not last.stage:
                yield candidate.url, (entries[place].page.timestamp, split, last.text)

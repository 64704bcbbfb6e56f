"""Cleans WET files: writes their cleaned pages to the work folder, and the keys by which pages compete for URLs."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache, partial
from typing import BinaryIO, cast

from c4pipe.corpus.judging import Candidate
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.kinds import Kinds
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.corpus_run.plan import File, Plan
from c4pipe.records import Page
from c4pipe.report.summary import Size
from c4pipe.shards import files
from c4pipe.shards.digests import HashingReader
from c4pipe.stages.engine import beam
from c4pipe.stages.wet_to_c4.cleaned_file import Cleaned, CleanedFile, Cleaning, Competitor

# The limits of a record batch in work files: pages, and bytes of text.
_BATCH_PAGES = 1024
_BATCH_BYTES = 16 << 20


class CleanFiles(beam.PTransform):
    """`File` tuples -> for each plan, by its `cleaning_key`, `Cleaned` for each file.

    plans: with different `cleaning_key`s. Files that are already committed are reused.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        super().__init__()
        self._plans = plans

    def expand(self, wet_files):
        keys = [plan.cleaning_key for plan in self._plans]
        if len(keys) == 1:
            return {keys[0]: wet_files | beam.ParDo(_CleanFile(self._plans))}
        cleaned = wet_files | beam.ParDo(_CleanFile(self._plans)).with_outputs(*keys)
        return {key: cleaned[key] for key in keys}


class _CleanFile(beam.DoFn):
    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans

    def setup(self):
        self._cleaning = FileCleaning(self._plans)

    def process(self, element):
        cleaned = self._cleaning.clean_file(File(*element))
        if len(cleaned) == 1:
            yield cleaned[0]
            return
        for plan, of_plan in zip(self._plans, cleaned, strict=True):
            yield beam.pvalue.TaggedOutput(plan.cleaning_key, of_plan)


class FileCleaning:
    """Cleans WET files one after the other. Each is read once, for all plans.

    plans: with different `cleaning_key`s, of one command: they have the same parser and compat.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._cleanings = [Cleaning(plan) for plan in plans]

    def clean_file(self, file: File) -> list[Cleaned]:
        """Clean one WET file into the work folder, unless this is done already. Returns: it for each plan."""
        sha256 = cache(partial(files.sha256, file.path))
        found = [cleaning.committed(file, sha256) for cleaning in self._cleanings]
        # Plans that skip pages by other languages in their headers see other pages.
        readings: dict[tuple[str, ...] | None, list[int]] = {}
        for place, (cleaning, of_plan) in enumerate(zip(self._cleanings, found, strict=True)):
            if of_plan is None:
                plan = cleaning.plan
                languages = plan.settings.languages if plan.variant.prefers_language_header else None
                readings.setdefault(languages, []).append(place)
        for places in readings.values():
            made = self._clean(file, [self._cleanings[place] for place in places])
            for place, of_plan in zip(places, made, strict=True):
                found[place] = of_plan
        return [of_plan for of_plan in found if of_plan is not None]

    def _clean(self, file: File, cleanings: Sequence[Cleaning]) -> list[Cleaned]:
        """Read a WET file and write its work files for some plans. Each is given an equal part of the time."""
        started = time.thread_time()
        with files.open_for_reading(file.path) as raw:
            source = HashingReader(raw)
            with ExitStack() as stack:
                cleaned = [stack.enter_context(cleaning.opened(file)) for cleaning in cleanings]
                _read(file, source, cleanings[0].plan, cleaned)
            sha256 = source.finish()
        seconds = (time.thread_time() - started) / len(cleaned)
        return [target.commit(sha256, source.num_bytes, seconds) for target in cleaned]


def _read(file: File, source: HashingReader, plan: Plan, cleaned: Sequence[CleanedFile]) -> None:
    """Give all records of a WET file to the files that are cleaned from it. plan: one of those that read it."""
    kinds: Kinds = Counter()
    header = plan.language_header()
    num_pages = num_characters = 0
    reader = cast(BinaryIO, source)
    for outcome in read_records(reader, plan.settings.wet_parser, file.name, plan.compat, kinds, header):
        if not isinstance(outcome, Page):
            for target in cleaned:
                target.add_no_page(outcome)
            continue
        candidate = Candidate(outcome.url, normalized_url(outcome.url), outcome.text)
        competitor = Competitor(outcome, candidate, Size.of(outcome.text))
        # A page that competes in one corpus may be dropped at once in another.
        competes = [target.add(competitor) for target in cleaned]
        if any(competes):
            num_pages, num_characters = num_pages + 1, num_characters + len(outcome.text)
        if num_pages >= _BATCH_PAGES or num_characters >= _BATCH_BYTES:
            _clean_batches(cleaned)
            num_pages = num_characters = 0
    _clean_batches(cleaned)
    for target in cleaned:
        target.end(kinds, header)


def _clean_batches(cleaned: Sequence[CleanedFile]) -> None:
    for target in cleaned:
        target.clean_batch()

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langdetect import detector_factory

from c4pipe.corpus.language.langdetect.cleanup import clean_text, drop_latin


def package_text(text: str, after_cleaning: bool = False) -> str:
    detector_factory.init_factory()
    detector = detector_factory._factory.create()
    detector.append(text)
    if after_cleaning:
        detector.cleaning_text()
    return detector.text


def with_single_spaces(text: str) -> str:
    return re.sub(" +", " ", text)


PIECES = st.sampled_from(
    ["http://", "https://", "http", "a.b/c", "name@example.org", "@", "@@", "x@y", "x@yz", ".", "-_.", " ", "  ", "é"]
    + ["a\u0301", "\u0323", "ư\u0303", "A" * 70, "b" * 300, "/" * 2100, "word ", "слово "]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_the_text_is_the_packages_but_for_repeated_spaces(text):
    assert with_single_spaces(clean_text(text)) == package_text(text)


@pytest.mark.parametrize(
    "filler", ["https://example.org/" + "p" * 3_000 + " ", "n" * 64 + "@" + "d" * 510 + " ", "a\u0301 ", "word "]
)
@pytest.mark.parametrize("offset", [0, 1, 17, 4_099])
def test_a_long_text_is_read_as_far_as_the_package_reads_it(filler, offset):
    text = "x" * offset + filler * (1 + 60_000 // len(filler)) + "the end of a long page " * 1_000
    assert with_single_spaces(clean_text(text)) == package_text(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab[z{ éжж家ểẠ😀"), max_size=40), min_size=1, max_size=5))
def test_latin_letters_are_dropped_as_in_the_package(texts):
    joined = "\n" + "\n".join(texts) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le"), np.uint32)
    dropped, ends = drop_latin(codes, np.cumsum([len(text) + 1 for text in texts]))
    starts = [0, *ends[:-1].tolist()]
    pages = ["".join(map(chr, dropped[start + 1 : end])) for start, end in zip(starts, ends.tolist(), strict=True)]
    expected = [package_text(text, after_cleaning=True) for text in texts]
    assert list(map(with_single_spaces, pages)) == list(map(with_single_spaces, expected))
    assert len(dropped) == ends[-1] + 1

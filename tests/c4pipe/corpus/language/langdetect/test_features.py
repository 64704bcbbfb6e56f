import numpy as np
from langdetect import detector_factory

from c4pipe.corpus.language.langdetect.features import Features
from c4pipe.corpus.language.langdetect.ngram_tables import _push_together, build_tables
from c4pipe.corpus.language.langdetect.profiles import read_profiles


def package_ngrams(text: str) -> list[str]:
    detector_factory.init_factory()
    detector = detector_factory._factory.create()
    detector.append(text)
    detector.cleaning_text()
    return detector._extract_ngrams()


def test_a_word_has_its_ngrams_in_the_packages_order():
    profiles = read_profiles()
    features = Features(["the"], build_tables(profiles.ngrams))
    rows = features.rows(np.arange(8, dtype=np.int32))
    assert [profiles.ngrams[row] for row in rows] == ["t", " t", "h", "th", " th", "e", "he", "the"]


def test_ngrams_of_pages_in_all_languages_are_the_packages(page_of_language):
    profiles = read_profiles()
    pages = [*page_of_language.values(), "", "A", "ABc DE", "x" * 9, "Ünïcödé ÀÉ’s", "日A本 b", " lead", "trail "]
    features = Features(pages, build_tables(profiles.ngrams))
    expected = [package_ngrams(page) for page in pages]
    assert features.num_ngrams.tolist() == [len(ngrams) for ngrams in expected]
    rows = features.rows(np.arange(features.num_ngrams.sum(), dtype=np.int32))
    assert [profiles.ngrams[row] for row in rows] == [ngram for ngrams in expected for ngram in ngrams]


def test_frequencies_are_the_packages_but_for_ngrams_that_no_page_has():
    detector_factory.init_factory()
    expected = detector_factory._factory.word_lang_prob_map
    profiles = read_profiles()
    assert list(profiles.languages) == detector_factory._factory.langlist
    assert all(profiles.probabilities[row].tolist() == expected[ngram] for row, ngram in enumerate(profiles.ngrams))
    left_out = set(expected) - set(profiles.ngrams)
    assert all(ngram not in package_ngrams(ngram) for ngram in sorted(left_out)[::50])


def test_pushed_together_rows_share_no_slot_and_no_base():
    draw = np.random.default_rng(3)
    group = np.sort(draw.integers(0, 3_000, 20_000))
    group = np.unique(group, return_inverse=True)[1].reshape(-1)
    offset = draw.integers(0, 500, len(group))
    members = np.unique(np.stack([group, offset], axis=1), axis=0)
    bases = _push_together(members[:, 0], members[:, 1], first_base=500)
    slots = bases[members[:, 0]] + members[:, 1]
    assert len(set(slots.tolist())) == len(members)
    assert len(set(bases.tolist())) == len(bases)
    assert bases.min() >= 500

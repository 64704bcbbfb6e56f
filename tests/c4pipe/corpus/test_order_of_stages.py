"""The order of the stages affects the result: pages that a later stage drops take part in the earlier ones."""

import hashlib

import pytest

from c4pipe.corpus import assets
from c4pipe.corpus.variants import VARIANTS

A, B = sorted(["http://a.example/1", "http://b.example/1"], key=lambda url: hashlib.md5(url.encode()).hexdigest())
ENGLISH = [
    "The weather was very nice on that day in the early summer of the year.",
    "We walked along the river until the evening came and the birds were quiet.",
    "Nobody had told us that the bridge would be closed for the whole week.",
    "In the end we found a small boat that brought us to the other side.",
]
GERMAN = [
    "Das Wetter war an diesem Tag im frühen Sommer des Jahres sehr schön.",
    "Wir gingen am Fluss entlang, bis der Abend kam und die Vögel still waren.",
    "Niemand hatte uns gesagt, dass die Brücke die ganze Woche geschlossen ist.",
]
SHARED = "This line of text stands in both of the pages and can stay in one."


@pytest.fixture
def corpus(tmp_path, make_corpus):
    """(URL, timestamp, lines) of each page, in order -> the corpus `en`, and the counters."""

    def make(*pages: tuple[str, str, list[str]], compat: str = "tfds-3.1.0"):
        records = [
            f"WARC/1.0\r\nWARC-Target-URI: {url}\r\nWARC-Date: {stamp}\r\n\r\n" + "\r\n".join(lines) + "\r\n\r\n"
            for url, stamp, lines in pages
        ]
        path = tmp_path / "a.warc.wet"
        path.write_text("".join(records), encoding="utf-8", newline="")
        bundled = assets.resolve(VARIANTS["en.noblocklist"], sentence_model="bundled")
        found = assets.Assets(bundled.punkt, {"en": frozenset({"darn"})})
        made, counts = make_corpus([path], "en", compat, found)
        return {url: page[2].split("\n") for url, page in made.items()}, counts

    return make


def test_a_page_that_is_too_long_does_not_compete_for_its_url(corpus):
    made, counts = corpus((A, "2019", ENGLISH), (A, "2020", ["x" * 190_001]))
    assert made == {A: ENGLISH} and counts["duplicate-url-filter/filtered"] == 0


def test_the_newest_copy_hides_older_ones_even_when_cleaning_drops_it(corpus):
    made, counts = corpus((A, "2019", ENGLISH), (A + "/", "2020", ["No sentence at all"]))
    assert (
        made == {} and counts["duplicate-url-filter/filtered"] == counts["clean-page/filtered:too_few_sentences"] == 1
    )


def test_cleaning_is_counted_on_the_copies_that_won_only(corpus):
    _, counts = corpus((A, "2020", ENGLISH), (A, "2019", ["No end", "Nor here", *ENGLISH]))
    assert counts["clean-page/line-filtered:no_endmark"] == 0
    assert counts["clean-page/line-passed"] == len(ENGLISH)


def test_a_copy_that_lost_its_url_does_not_compete_for_lines(corpus):
    made, _ = corpus((A, "2019", [SHARED, *ENGLISH]), (A, "2020", GERMAN), (B, "2019", [SHARED, *ENGLISH]))
    assert made == {B: [SHARED, *ENGLISH]}


def test_a_page_that_cleaning_dropped_does_not_compete_for_lines(corpus):
    made, _ = corpus((A, "2019", [SHARED, "A line { of code in it."]), (B, "2019", [SHARED, *ENGLISH]))
    assert made == {B: [SHARED, *ENGLISH]}


def test_a_german_page_still_wins_a_line_from_an_english_one(corpus):
    made, counts = corpus((A, "2019", [*GERMAN, SHARED]), (B, "2019", [SHARED, *ENGLISH]))
    assert made == {B: ENGLISH}
    assert counts["dedupe-lines/line-filtered:global_duplicate"] == 1
    assert counts["english-filter/passed"] == 1


def test_a_page_with_a_bad_word_still_wins_a_line(corpus):
    made, counts = corpus(
        (A, "2019", [*ENGLISH[:3], "Here stands the bad word darn in it.", SHARED]), (B, "2019", [SHARED, *ENGLISH])
    )
    assert made == {} and counts["badwords-filter/filtered"] == 1
    assert counts["dedupe-lines/filtered:too_few_sentences"] == 1, "the other page has one line left"


def test_bad_words_are_searched_after_line_deduplication(corpus):
    bad = "Here stands the bad word darn in it."
    made, counts = corpus((A, "2019", [bad, *GERMAN]), (B, "2019", [bad, *ENGLISH]))
    assert made == {B: ENGLISH} and counts["badwords-filter/filtered"] == 0


def test_3_0_1_lets_the_page_with_the_smallest_md5_of_its_normalized_url_keep_a_line(corpus):
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    # Of two hosts whose order by raw and by normalized URL differs.
    hosts = [f"h{number}.example" for number in range(50)]
    first, second = next(
        (one, other)
        for one in hosts
        for other in hosts
        if md5(f"http://{one}") < md5(f"http://{other}") and md5(one) > md5(other)
    )
    pages = [(f"http://{host}", "2019", [SHARED, *lines]) for host, lines in ((first, ENGLISH), (second, GERMAN))]
    assert SHARED in corpus(*pages)[0][f"http://{first}"]
    assert SHARED not in corpus(*pages, compat="tfds-3.0.1")[0][f"http://{first}"]

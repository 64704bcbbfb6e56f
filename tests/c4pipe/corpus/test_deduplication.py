"""Who stays: literal cases, ties, and the same losers whatever the order."""

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from c4pipe.corpus import deduplication as dd


def losers_of_urls(pages: list[tuple[str, str, str, int, int]], **kwargs) -> set[tuple[int, int]]:
    """pages: (normalized URL, timestamp, text, file, row)."""
    keys = [dd.pack_url_keys([url], [stamp], [text], file, [row], **kwargs) for url, stamp, text, file, row in pages]
    return {tuple(loser) for loser in dd.pick_url_losers(np.concatenate(keys)).tolist()}


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def test_the_newest_copy_of_a_url_stays():
    pages = [
        ("a", "2019-04-18", "x", 0, 0),
        ("a", "2020-01-01", "y", 0, 1),
        ("b", "2018", "z", 1, 0),
        ("a", "2019", "w", 1, 1),
    ]
    assert losers_of_urls(pages) == {(0, 0), (1, 1)}


def test_timestamps_are_compared_as_strings():
    assert losers_of_urls([("a", "2019", "x", 0, 0), ("a", "2019-01", "x", 0, 1), ("a", "9", "x", 0, 2)]) == {
        (0, 0),
        (0, 1),
    }


def test_a_tie_is_won_by_the_largest_md5_of_the_text():
    first, second = sorted(["x", "y"], key=md5)
    assert losers_of_urls([("a", "2019", second, 5, 5), ("a", "2019", first, 0, 0)]) == {(0, 0)}


def test_a_remaining_tie_is_won_by_the_earliest_page():
    pages = [("a", "2019", "x", 1, 0), ("a", "2019", "x", 0, 7), ("a", "2019", "x", 0, 3)]
    assert losers_of_urls(pages) == {(1, 0), (0, 7)}


def test_3_0_1_looks_at_the_text_s_md5_and_not_at_timestamps():
    first, second = sorted(["x", "y"], key=md5)
    pages = [("a", "2020", first, 0, 0), ("a", "2019", second, 0, 1), ("a", "", second, 0, 2)]
    assert losers_of_urls(pages, newest_page_wins=False) == {(0, 0), (0, 2)}


def test_no_pages_have_no_losers():
    assert len(dd.pick_url_losers(np.empty(0, dd.URL_KEY))) == 0
    assert len(dd.pick_line_losers(np.empty(0, dd.LINE_KEY))) == 0
    assert len(dd.pack_url_keys([], [], [], 0, [])) == 0


def losers_of_lines(pages: list[tuple[str, str]]) -> set[tuple[int, int]]:
    """pages: (URL, text). Returns (page, number of a line) of each line lost."""
    keys = [dd.pack_line_keys(text, url, 0, row) for row, (url, text) in enumerate(pages)]
    return {(row, index) for _, row, index in dd.pick_line_losers(np.concatenate(keys)).tolist()}


def test_the_page_with_the_smallest_md5_of_its_url_keeps_a_line():
    first, second = sorted(["http://a.example", "http://b.example"], key=md5)
    assert losers_of_lines([(second, "shared\nown of second"), (first, "own of first\nshared")]) == {(0, 0)}


def test_lines_are_compared_stripped_and_in_lower_case():
    first, second = sorted(["u", "v"], key=md5)
    assert losers_of_lines([(first, "  A Line.\u3000"), (second, "other\na line.")]) == {(1, 1)}
    assert losers_of_lines([(first, "a line"), (second, "a  line")]) == set()


def test_lines_part_at_line_feeds_only():
    first, second = sorted(["u", "v"], key=md5)
    assert losers_of_lines([(first, "a\vb\u2028c"), (second, "a\nb\nc")]) == set()


def test_a_line_that_a_page_has_twice_competes_once_and_by_its_first_place():
    first, second = sorted(["u", "v"], key=md5)
    assert losers_of_lines([(first, "x\nx"), (second, "y\nX\nx")]) == {(1, 1)}


def test_a_key_takes_36_bytes_and_is_the_md5_of_the_line():
    assert dd.LINE_KEY.itemsize == 36
    packed = dd.pack_line_keys("A line.", "http://a.example", 3, 4)
    assert packed["line"].tobytes() == hashlib.md5(b"a line.").digest()
    assert packed["page"].tobytes() == hashlib.md5(b"http://a.example").digest()[:8]
    assert packed[["file", "row", "index"]].tolist() == [(3, 4, 0)]
    assert dd.line_keys("A line.\nb")[0].astype(">u8").tobytes() == hashlib.md5(b"a line.").digest()


url_rows = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "2", "22"]), st.sampled_from("xyz"), st.integers(0, 2)),
    max_size=30,
)


@given(rows=url_rows, order=st.randoms(use_true_random=False), newest=st.booleans())
@settings(deadline=None)
def test_one_copy_of_each_url_stays_and_order_does_not_matter(rows, order, newest):
    pages = [(*page, row) for row, page in enumerate(rows)]
    losers = losers_of_urls(pages, newest_page_wins=newest) if pages else set()
    best: dict[str, tuple] = {}
    for url, stamp, text, file, row in pages:
        rank = (stamp if newest else "", md5(text), -file, -row)
        best[url] = max(best.get(url, rank), rank)
    winners = {(-rank[2], -rank[3]) for rank in best.values()}
    assert losers == {(file, row) for *_, file, row in pages} - winners
    shuffled = list(pages)
    order.shuffle(shuffled)
    assert not pages or losers_of_urls(shuffled, newest_page_wins=newest) == losers


@given(
    texts=st.lists(st.lists(st.sampled_from("abcABC"), min_size=1, max_size=6).map("\n".join), min_size=1, max_size=8)
)
@settings(deadline=None)
def test_each_line_stays_in_one_page(texts):
    pages = [(f"http://{n}.example", text) for n, text in enumerate(texts)]
    losers = losers_of_lines(pages)
    for line in {line.lower() for text in texts for line in text.split("\n")}:
        having = [n for n, text in enumerate(texts) if line in text.lower().split("\n")]
        keeper = min(having, key=lambda n: md5(pages[n][0]))
        lost = {n for n in having if (n, texts[n].lower().split("\n").index(line)) in losers}
        assert lost == set(having) - {keeper}


@given(text=st.text(st.sampled_from("aΣσς'\u00ad\u0301İK \n\u3000\x1c\x85AZ.\u02b0"), max_size=30))
@settings(max_examples=1500, deadline=None)
def test_lines_in_lower_case_are_the_same_together_and_one_by_one(text):
    assert dd.line_contents(text) == [line.strip().lower() for line in text.split("\n")]

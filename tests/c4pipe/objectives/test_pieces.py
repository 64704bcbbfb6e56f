"""Pieces: chunks of long pages, pages joined and cut as in the reference, and the origin of each piece."""

import numpy as np
import pytest
from scipy import stats

from c4pipe.objectives.pieces import CHUNK_LENGTH, Pages, choose_chunks, cut
from c4pipe.objectives.randomness import stream_key


def pages_of(lengths, first_row=0, stream=0):
    tokens = np.arange(1, sum(lengths) + 1)
    return choose_chunks(tokens, np.array(lengths), first_row, stream)


def reference_pieces(pages, tokens_length, pages_per_group):
    """Joined and cut plainly: lists of tokens."""
    pieces = []
    for start in range(0, len(pages), pages_per_group):
        joined = [token for page in pages[start : start + pages_per_group] for token in page]
        pieces += [joined[i : i + tokens_length] for i in range(0, len(joined), tokens_length)]
    return pieces


@pytest.mark.parametrize("pages_per_group", [1, 3, 128])
@pytest.mark.parametrize("tokens_length", [1, 7, 50, 1000])
def test_pieces_are_those_of_the_reference(pages_per_group, tokens_length):
    lengths = np.random.default_rng(0).integers(0, 40, 200).tolist()
    pages = pages_of(lengths)
    texts = np.split(np.arange(1, sum(lengths) + 1), np.cumsum(lengths)[:-1])
    expected = reference_pieces([text.tolist() for text in texts if len(text)], tokens_length, pages_per_group)
    found = cut(pages, tokens_length, pages_per_group)
    assert [row[:length].tolist() for row, length in zip(found.tokens, found.lengths, strict=True)] == expected
    assert all((row[length:] == 0).all() for row, length in zip(found.tokens, found.lengths, strict=True))
    for number, piece in enumerate(expected):
        row, offset = found.rows[number], found.offsets[number]
        assert texts[row][offset] == piece[0]
        last_row = row + found.num_pages[number] - 1
        assert piece[-1] in texts[last_row]


def test_rows_count_empty_pages_and_those_of_earlier_batches():
    pages = pages_of([0, 3, 0, 2], first_row=100)
    assert pages.rows.tolist() == [101, 103] and pages.lengths.tolist() == [3, 2]
    found = cut(pages, 10, 128)
    assert found.rows.tolist() == [101] and found.num_pages.tolist() == [3]


def test_no_pages_give_no_pieces():
    found = cut(pages_of([0, 0]), 10, 128)
    assert found.tokens.shape == (0, 10)


def test_joining_and_taking_parts_of_pages_changes_nothing():
    lengths = [3, 5, 1, 4, 2]
    whole = pages_of(lengths)
    again = Pages.join([whole[:2], whole[2:3], whole[3:]])
    for name in ("tokens", "rows", "offsets", "lengths"):
        assert np.array_equal(getattr(again, name), getattr(whole, name))


def test_a_long_page_keeps_one_whole_chunk_each_equally_often():
    long = 3 * CHUNK_LENGTH + 10
    tokens = np.concatenate([np.arange(5), np.arange(long), np.arange(7)])
    counts = np.zeros(4, int)
    for seed in range(400):
        pages = choose_chunks(tokens, np.array([5, long, 7]), 40, stream_key(seed, 0, "train", 0))
        assert pages.lengths[0] == 5 and pages.lengths[2] == 7
        offset = pages.offsets[1]
        chunk = pages.tokens[5 : 5 + pages.lengths[1]]
        assert offset % CHUNK_LENGTH == 0 and chunk[0] == offset
        assert pages.lengths[1] == (10 if offset == 3 * CHUNK_LENGTH else CHUNK_LENGTH)
        counts[offset // CHUNK_LENGTH] += 1
    assert stats.chisquare(counts).pvalue > 1e-6


def test_the_chunk_does_not_depend_on_the_pages_read_with_it():
    long = 5 * CHUNK_LENGTH
    stream = stream_key(3, 0, "train", 0)
    together = choose_chunks(np.zeros(long + 20, int), np.array([20, long]), 6, stream)
    alone = choose_chunks(np.zeros(long, int), np.array([long]), 7, stream)
    assert together.offsets[1] == alone.offsets[0]

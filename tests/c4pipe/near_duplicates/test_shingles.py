import numpy as np
import pytest

from c4pipe.near_duplicates.shingles import Shingles

SENTENCE = "The mill by the river grinds two thousand sacks of flour a year."


@pytest.fixture(scope="module")
def shingles() -> Shingles:
    return Shingles()


def test_shingles_of_a_text_do_not_depend_on_the_texts_beside_it(shingles):
    texts = ["one two three four", SENTENCE, "", "a b c d e", SENTENCE + " Again!"]
    together, counts = shingles.of_texts(texts)
    assert counts.tolist() == [0, 9, 0, 1, 10]
    alone = [shingles.of_texts([text])[0] for text in texts]
    assert together.tolist() == np.concatenate(alone).tolist()


def test_a_shingle_depends_on_the_order_of_its_words(shingles):
    first, _ = shingles.of_texts(["a b c d e"])
    second, _ = shingles.of_texts(["e d c b a"])
    assert first.tolist() != second.tolist()


def test_all_texts_too_short_give_no_shingles(shingles):
    hashes, counts = shingles.of_texts(["a b", "c"])
    assert len(hashes) == 0 and counts.tolist() == [0, 0]

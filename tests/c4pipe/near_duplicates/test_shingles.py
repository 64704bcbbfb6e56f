import pickle

import numpy as np
import pytest

from c4pipe.near_duplicates.shingles import Words, shingle_hashes

SENTENCE = "The mill by the river grinds two thousand sacks of flour a year."


@pytest.fixture(scope="module")
def words() -> Words:
    return Words()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Hello, WORLD!", ["hello", "world"]),
        ("“Curly” quotes’ ends", ["curly", "quotes", "ends"]),
        ("in 1,000 or 3.14 or 7. then 8", ["in", "0", "or", "0", "or", "0", "then", "0"]),
        ("version 1.2.3", ["version", "0", "0"]),
        ("Café CAFÉ cafe\u0301", ["cafe", "cafe", "cafe"]),
        ("snake_case", ["snake", "case"]),
        ("हिन्दी में", ["हिनदी", "म"]),
        ("我们在河边", ["我", "们", "在", "河", "边"]),
        ("ไทย ok", ["ไ", "ท", "ย", "ok"]),
        ("smile 😀 on", ["smile", "on"]),
        ("𝒳 and 𠀀", ["𝒳", "and", "𠀀"]),
    ],
    ids=[
        "empty",
        "case",
        "curly",
        "numbers",
        "dots",
        "accents",
        "underscore",
        "hindi",
        "han",
        "thai",
        "emoji",
        "astral",
    ],
)
def test_words_are_split_as_they_are_compared(words, text, expected):
    assert words.split(text) == expected


def test_hashes_follow_the_words_and_not_their_spelling(words):
    hashes, counts = words.hashes(["Café 12", "", "CAFE 7.5"])
    assert counts.tolist() == [2, 0, 2]
    assert hashes[:2].tolist() == hashes[2:].tolist()


def test_a_pickled_copy_gives_the_same_hashes(words):
    copy = pickle.loads(pickle.dumps(words))
    assert copy.hashes([SENTENCE])[0].tolist() == words.hashes([SENTENCE])[0].tolist()


def test_shingles_of_a_text_do_not_depend_on_the_texts_beside_it(words):
    texts = ["one two three four", SENTENCE, "", "a b c d e", SENTENCE + " Again!"]
    together, counts = shingle_hashes(*words.hashes(texts))
    assert counts.tolist() == [0, 9, 0, 1, 10]
    alone = [shingle_hashes(*words.hashes([text]))[0] for text in texts]
    assert together.tolist() == np.concatenate(alone).tolist()


def test_a_shingle_depends_on_the_order_of_its_words(words):
    first, _ = shingle_hashes(*words.hashes(["a b c d e"]))
    second, _ = shingle_hashes(*words.hashes(["e d c b a"]))
    assert first.tolist() != second.tolist()


def test_all_texts_too_short_give_no_shingles(words):
    hashes, counts = shingle_hashes(*words.hashes(["a b", "c"]))
    assert len(hashes) == 0 and counts.tolist() == [0, 0]

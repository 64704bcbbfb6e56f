import pickle

import pytest

from c4pipe.near_duplicates.shingles import normalized
from c4pipe.words import Words

SENTENCE = "The mill by the river grinds two thousand sacks of flour a year."


@pytest.fixture(scope="module")
def words() -> Words:
    return Words(normalized)


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

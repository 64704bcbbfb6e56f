import pickle
import random

import pytest

from c4pipe.contamination.task_grams import Match, TaskGrams

QUESTION = "Which river did the old mill that stood beside the northern bridge take its water from in winter?"
SHORT = "the miller's seven sons were named"


def page_with(text: str) -> str:
    return f"Welcome to our village. {text} More of this tomorrow."


@pytest.mark.parametrize(
    "leak",
    [
        QUESTION,
        QUESTION.upper(),
        QUESTION.replace(" ", "  \n "),
        QUESTION.replace(" ", " - ").replace("?", " ..."),
        "“" + QUESTION + "”",
    ],
    ids=["whole", "upper case", "white space", "punctuation", "quotes"],
)
def test_a_planted_text_is_found_however_it_is_spelled(leak):
    matches = TaskGrams([QUESTION]).find(["Another page.", page_with(leak)])
    assert {match.page for match in matches} == {1}
    assert [match.text_word for match in matches] == list(range(6))
    assert {match.page_word - match.text_word for match in matches} == {4}


def test_a_part_of_thirteen_words_is_found_and_one_of_twelve_is_not():
    words = QUESTION.split()
    grams = TaskGrams([QUESTION])
    expected = Match(text=0, text_word=2, page=0, page_word=4, length=13)
    assert grams.find([page_with(" ".join(words[2:15]))]) == [expected]
    assert grams.find([page_with(" ".join(words[2:14]))]) == []
    assert len(TaskGrams([QUESTION], length=8).find([page_with(" ".join(words[2:14]))])) == 5


def test_a_text_shorter_than_a_gram_must_stand_whole():
    grams = TaskGrams([SHORT])
    assert grams.num_grams().tolist() == [1]
    assert len(grams.find([page_with(SHORT)])) == 1
    assert grams.find([page_with(SHORT.rsplit(" ", 1)[0])]) == []


def test_a_text_of_few_words_is_not_judged():
    grams = TaskGrams(["yes", "", "entailment of the thing"])
    assert grams.num_grams().tolist() == [0, 0, 0]
    assert grams.find(["yes yes yes entailment of the thing"]) == []


def test_numbers_count():
    grams = TaskGrams(["in 1812 there were 40 mills"])
    assert grams.find(["in 1812 there were 40 mills"]) and not grams.find(["in 1912 there were 40 mills"])


def test_every_text_that_has_a_gram_is_named():
    matches = TaskGrams([QUESTION, SHORT, QUESTION]).find([QUESTION])
    assert sorted({match.text for match in matches}) == [0, 2]


def test_texts_without_common_words_give_no_match():
    draw = random.Random(0)
    texts = [" ".join(f"a{draw.randrange(50)}" for _ in range(20)) for _ in range(2_000)]
    pages = [" ".join(f"b{draw.randrange(50)}" for _ in range(300)) for _ in range(200)]
    assert TaskGrams(texts).find(pages) == []


def test_a_pickled_copy_finds_the_same():
    grams = TaskGrams([QUESTION, SHORT])
    assert pickle.loads(pickle.dumps(grams)).find([page_with(SHORT)]) == grams.find([page_with(SHORT)])


def test_a_gram_of_too_few_words_is_refused():
    with pytest.raises(ValueError, match="at least 5 words"):
        TaskGrams([QUESTION], length=3)

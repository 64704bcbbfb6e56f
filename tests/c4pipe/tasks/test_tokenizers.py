"""BLEU and ROUGE of any writing: letter-perfect is 100, and half a word is not."""

import pytest

from c4pipe.errors import UserError
from c4pipe.tasks import metrics, tokenizers
from c4pipe.tasks.catalog import TASKS, find_or_make

WRITINGS = {
    "hindi": "मलेसियन एयरलाइन्सको विमानमा दुई सय",
    "chinese": "今天天气很好我们去公园散步吧",
    "japanese": "今日は天気がとても良いです",
    "arabic": "الطقس جميل اليوم",
    "thai": "วันนี้อากาศดีมาก",
    "korean": "오늘 날씨가 좋습니다",
    "russian": "Сегодня хорошая погода",
    "emoji": "🙂 🙂",
}


def score(task, reference, output):
    return metrics.score(task, [(reference,)], [output])


@pytest.mark.parametrize("writing", WRITINGS)
def test_a_letter_perfect_summary_scores_100_in_every_writing(writing):
    text = WRITINGS[writing]
    found = score(find_or_make("summarize_mine"), text, text)
    perfect = {"rouge1", "rouge2", "rougeLsum"} if len(text.split()) > 1 or len(text) > 3 else {"rouge1"}
    assert {name: found[name].value for name in perfect} == dict.fromkeys(perfect, 100.0)


def test_half_a_word_is_not_the_word():
    found = score(find_or_make("summarize_de"), "Die Größe", "Die Gr e")
    assert found["rouge1"].value == pytest.approx(40.0)  # of 2 and 3 words one is common: F of 1/3 and 1/2
    assert "Unicode words" in found["rouge1"].note


def test_english_and_the_papers_tasks_keep_the_papers_tokens():
    found = score(find_or_make("summarize_mine"), "The cat's hat", "the cats hat")
    assert found["rouge1"].note == "rouge-score's tokens: runs of a-z and 0-9"
    assert score(TASKS["cnn_dailymail"], "Die Größe", "Die Gr e")["rouge1"].value == 100.0
    assert "tok:intl" in score(TASKS["translate_en_ro"], "今天天气很好", "今天天气很好")["bleu"].note


def test_bleu_of_chinese_is_by_characters_and_says_so():
    right = WRITINGS["chinese"]
    found = score(find_or_make("translate_en_zh"), right, right[:-1] + "呢")["bleu"]
    assert "tok:zh" in found.note
    # Of 14 characters 13 are right, of 13 pairs 12, and so on; no brevity penalty.
    assert found.value == pytest.approx(100 * (13 / 14 * 12 / 13 * 11 / 12 * 10 / 11) ** 0.25)
    assert score(find_or_make("translate_en_zh"), right, right)["bleu"].value == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("writing", "name", "otherwise"),
    [("japanese", "ja-mecab", "char"), ("korean", "ko-mecab", "char"), ("thai", "flores200", "char")],
)
def test_other_tokenizers_are_used_if_they_are_installed(writing, name, otherwise, monkeypatch):
    for there in (True, False):
        monkeypatch.setattr(tokenizers, "is_at_hand", lambda one, there=there: there or one == otherwise)
        assert tokenizers.for_bleu([WRITINGS[writing]]) == (name if there else otherwise)


def test_a_tokenizer_may_be_asked_for_with_the_metric():
    task = find_or_make("mine", ["bleu@char", "rouge@paper"])
    found = metrics.score(task, [("Größe",)], ["Größe"])
    assert "tok:char" in found["bleu"].note and "a-z" in found["rouge1"].note
    for named, words in (
        ("bleu@nope", "no tokenizer 'nope'"),
        ("rouge@zh", "no tokenizer 'zh'"),
        ("accuracy@zh", "accuracy has no tokenizers"),
        ("nope", "unknown metric"),
    ):
        with pytest.raises(UserError, match=words):
            find_or_make("mine", [named])


def test_a_tokenizer_that_would_have_to_be_fetched_is_refused(monkeypatch, tmp_path):
    import sacrebleu.utils

    monkeypatch.setattr(sacrebleu.utils, "SACREBLEU_DIR", str(tmp_path))
    assert not tokenizers.is_at_hand("flores200")
    with pytest.raises(UserError, match="not on this machine"):
        find_or_make("mine", ["bleu@flores200"])

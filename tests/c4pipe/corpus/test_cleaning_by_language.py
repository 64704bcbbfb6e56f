import pickle

from c4pipe.corpus import chain
from c4pipe.corpus.assets import Assets
from c4pipe.corpus.cleaning_by_language import NO_SENTENCE, OTHER_LANGUAGE
from c4pipe.corpus.judging import Candidate
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.language.identifier import Identified
from c4pipe.corpus.language.wanted import SureOfLanguages
from c4pipe.corpus.sentences.by_marks import MarkCounter
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.sentences.punkt import PunktParameters
from c4pipe.corpus.variants import COMPATS, VARIANTS, for_run

PUNKT = PunktParameters(frozenset({"z.b"}), frozenset(), frozenset(), {})
GERMAN = (
    "Startseite\nDas ist der erste Satz hier. Und das ist der zweite Satz.\nHier steht noch ein dritter deutscher Satz."
)
JAPANESE = "ホーム\nこれは日本語の最初の文章です。これは二番目の文章です。\nここに三番目の日本語の文章があります。"
ENGLISH = (
    "Home\nThis is the first sentence here. And this is the second one.\nHere is a third English sentence for you."
)


def criteria(*languages: str) -> chain.Criteria:
    variant = for_run(VARIANTS["clean"], languages, None)
    return chain.Criteria(
        variant,
        COMPATS["tfds-3.1.0"],
        languages,
        lambda: load_identifier("langdetect"),
        Assets(punkt_of={"de": PUNKT}),
    )


def judge(found: chain.Criteria, *texts: str):
    cleaner = chain.CLEANING.judge(found)
    assert cleaner is not None
    return pickle.loads(pickle.dumps(cleaner)).judge([Candidate("u", "u", text) for text in texts])


def test_each_page_is_cleaned_by_the_rules_of_its_language():
    german, japanese, english, menu = judge(criteria("de", "ja"), GERMAN, JAPANESE, ENGLISH, "Home\nMenu")
    assert (german.language, german.text) == ("de", GERMAN.removeprefix("Startseite\n"))
    assert (japanese.language, japanese.text) == ("ja", JAPANESE.removeprefix("ホーム\n"))
    assert (english.reason, english.match, english.text) == (OTHER_LANGUAGE, "en", None)
    assert menu.reason == NO_SENTENCE


def test_with_one_language_all_pages_are_cleaned_by_its_rules():
    german, english = judge(criteria("de"), GERMAN, ENGLISH)
    assert (german.language, english.language) == ("de", "de") and not english.reason


def test_sentences_are_counted_as_the_language_has_them():
    found = criteria("de", "ja", "ro")
    data = found.data_of_languages
    assert isinstance(found.sentences_of(data["de"]), SentenceCounter)
    assert isinstance(found.sentences_of(data["ja"]), MarkCounter)
    remover = chain.LINE_COPIES.judge(found)
    text = JAPANESE.split("\n")[1]  # two sentences
    short, enough = remover.judge([Candidate("u", "u", t, language="ja") for t in (text, f"{text}\n三番目の文。")])
    assert short.reason == "too_few_sentences" and not enough.reason


class Says:
    def __init__(self, *answers: Identified | None) -> None:
        self._answers = answers

    def identify(self, texts):
        return self._answers


def test_each_language_has_its_threshold_and_a_page_must_stay_in_the_language_of_its_rules():
    answers = [
        Identified("de", 0.995),
        Identified("de", 0.9),
        Identified("zh-cn", 0.6),
        Identified("en", 1.0),
        Identified("de", 1.0),
        None,
    ]
    judge = SureOfLanguages(Says(*answers), {"de": 0.99, "zh": 0.5})
    languages = ["de", "de", "zh", "de", "zh", "de"]
    rulings = judge.judge([Candidate("u", "u", "text", language=language) for language in languages])
    assert [ruling.reason for ruling in rulings] == [
        "",
        "low_confidence",
        "",
        "ignored_language",
        "cleaned_as_other_language",
        "no_predictions",
    ]
    assert rulings[2].language == "zh" and rulings[2].counters == ("/passed:zh",)

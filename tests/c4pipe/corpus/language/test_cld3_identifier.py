import pytest

from c4pipe.corpus.language.cld3_identifier import Cld3Identifier

gcld3 = pytest.importorskip("gcld3")

HEBREW = "זה הבית שאנשי הכפר בנו, ואף אחד לא יודע מי שילם על הכול. כל אדם זכאי לחיים, לחירות ולביטחון אישי."
CHINESE = "这是村里的人们建造的房子，没有人知道谁为这一切付了钱。人人生而自由，在尊严和权利上一律平等。"
# Article 1 of the Universal Declaration of Human Rights.
FILIPINO = (
    "Ang lahat ng tao ay isinilang na malaya at pantay-pantay sa karangalan at mga karapatan. Sila ay "
    "pinagkalooban ng katwiran at budhi at dapat magpalagayan ang isa't isa sa diwa ng pagkakapatiran."
)


@pytest.fixture(scope="module")
def identifier() -> Cld3Identifier:
    return Cld3Identifier()


def test_answers_are_the_wheels_with_the_references_limits(identifier):
    texts = [HEBREW, CHINESE, FILIPINO, FILIPINO * 300, HEBREW + CHINESE, "x y z " * 40]
    network = gcld3.NNetLanguageIdentifier(min_num_bytes=100, max_num_bytes=10_000)
    found = [network.FindLanguage(text) for text in texts]
    assert identifier.identify(texts) == [
        (result.language, result.probability) if result.is_reliable else None for result in found
    ]


def test_codes_are_those_of_mc4(identifier):
    assert [answer.language for answer in identifier.identify([HEBREW, CHINESE, FILIPINO])] == ["iw", "zh", "fil"]


def test_a_text_under_100_bytes_has_no_answer(identifier):
    assert identifier.identify(["This is English.", ""]) == [None, None]


def test_a_lone_surrogate_does_not_end_the_run(identifier):
    answers = identifier.identify([FILIPINO + "\ud800"])
    assert answers[0].language == "fil"

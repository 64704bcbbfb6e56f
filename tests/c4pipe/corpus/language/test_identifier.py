import pickle
import sys

import pytest
from langdetect import detector_factory

from c4pipe.corpus.language.catalog import IDENTIFIERS, load_identifier
from c4pipe.corpus.language.codes import MC4_CODES, mc4_code
from c4pipe.corpus.variants import MC4_LANGUAGES
from c4pipe.errors import UserError

ENGLISH = "This is the house that the people of the village have built, and nobody knows who paid for all of it. " * 2


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_every_identifier_knows_english_and_nothing(name):
    if name == "cld3":
        pytest.importorskip("gcld3")
    known, unknown = load_identifier(name).identify([ENGLISH, ""])
    assert known is not None
    assert known.language == "en"
    assert 0.99 < known.probability <= 1
    assert unknown is None


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_an_identifier_travels_without_its_tables(name):
    if name == "cld3":
        pytest.importorskip("gcld3")
    identifier = load_identifier(name)
    sent = pickle.dumps(identifier)
    assert len(sent) < 200
    assert pickle.loads(sent).identify([ENGLISH]) == identifier.identify([ENGLISH])


def test_an_unknown_identifier_is_an_error_that_names_the_known():
    with pytest.raises(UserError, match=r"unknown language identifier 'fasttext'.* There are langdetect, cld3"):
        load_identifier("fasttext")


def test_cld3_that_is_not_installed_is_an_error_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcld3", None)
    with pytest.raises(UserError, match=r"pip install 'c4pipe\[multilingual\]'"):
        load_identifier("cld3")


def test_langdetects_codes_become_mc4s():
    detector_factory.init_factory()
    codes = {language: mc4_code(language) for language in detector_factory._factory.langlist}
    assert {language for language, code in codes.items() if code not in MC4_LANGUAGES} == {"hr"}
    assert {language for language, code in codes.items() if code != language} == set(MC4_CODES)
    assert [codes["he"], codes["tl"], codes["zh-cn"], codes["zh-tw"]] == ["iw", "fil", "zh", "zh"]


def test_cld3s_codes_are_mc4s_already():
    assert {language: mc4_code(language) for language in MC4_LANGUAGES if mc4_code(language) != language} == {}

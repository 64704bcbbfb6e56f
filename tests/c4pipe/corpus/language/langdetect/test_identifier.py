"""Every answer is the package's, to the last bit of the probability."""

import gzip
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4pipe.corpus.language.langdetect import identifier as langdetect_identifier
from c4pipe.corpus.language.langdetect.identifier import LangdetectIdentifier

ENGLISH = "This is the house that the people of the village have built, and nobody knows who paid for all of it. "
GERMAN = "Das ist das Haus, das die Leute aus dem Dorf gebaut haben, und keiner weiß, wer das alles bezahlt hat. "
RUSSIAN = "Это дом, который построили люди из деревни, и никто не знает, кто за всё это заплатил. "
JAPANESE = "これは村の人々が建てた家で、誰がすべての費用を払ったのかは誰も知りません。"
VIETNAMESE = "Đây là ngôi nhà mà người dân trong làng đã xây, và không ai biết ai đã trả tiền. "
DECOMPOSED = "Đa\u0302y là nhà mà người da\u0302n trong la\u0300ng đa\u0303 xa\u0302y, ai bie\u0302\u0301t a\u0323i. "

ODD_PAGES = {
    "empty": "",
    "spaces": "   \n \t ",
    "digits": "12345 67890",
    "punctuation": "... !!! ???",
    "one letter": "a",
    "one capital": "A",
    "two capitals": "AB",
    "one letter again and again": "a " * 500,
    "one Cyrillic letter": "ж",
    "one letter of no profile": "ꙮ",
    "one kanji": "家",
    "a capital that is no letter of a profile": "ꙬA bc",
    "all capitals": ENGLISH.upper(),
    "mixed case in words": "ThIS iS tHe HOUse thAt THE PEOple",
    "10,000 characters": (ENGLISH * 200)[:10_000],
    "10,001 characters, the last of another language": (ENGLISH * 200)[:10_000] + "ж",
    "190,000 characters": (ENGLISH * 2000)[:190_000],
    "English, then much German": ENGLISH * 60 + GERMAN * 600,
    "half English, half German": (ENGLISH + GERMAN) * 4,
    "a word each of many languages": "house Haus maison casa дом 家 집 dom hus huis",
    "Norwegian or Danish": "Jeg er her. Vi er alle her i dag, og det er godt for alle.",
    "Russian with a few Latin words": RUSSIAN * 5 + "WARC gzip Python",
    "Russian with as many Latin words": RUSSIAN * 2 + ENGLISH,
    "Japanese with Latin letters": JAPANESE * 3 + "Tokyo",
    "Japanese, Latin letters between two characters": "東A京B都C" * 20,
    "Latin is half of the others": "ab" + "жз" * 2,
    "Latin is less than half of the others": "ab" + "жз" * 2 + "и",
    "brackets count as Latin": "[\\]^_`" + "ж" * 13,
    "astral planes": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝐀𝐁 𐐀𐐨 😀😀 " + ENGLISH,
    "a capital beside an astral capital": "𝐀A B𝐀 𝐀b" * 10,
    "lone surrogates": "\ud800 abc \udfff def " + ENGLISH,
    "NUL and other controls": "\0a\0b\x1f\x7f" + ENGLISH,
    "combining marks": "e\u0301 a\u0300 o\u0302 n\u0303 \u0301\u0301 " * 20,
    "Vietnamese": VIETNAMESE * 3,
    "Vietnamese, decomposed": DECOMPOSED * 5,
    "Vietnamese, decomposed, cut in a letter": ("a\u0323" * 10_001),
    "Romanian commas and cedillas": "și țară, şi ţară: așa știm noi că țara noastră şi apa ţării " * 3,
    "Farsi yeh": "این یک متن فارسی است که برای آزمایش نوشته شده است " * 3,
    "Hangul": "이것은 마을 사람들이 지은 집입니다 " * 3,
    "Bopomofo and Katakana": "ㄅㄆㄇ カタカナ ひらがな",
    "general punctuation": "“This”—he said—‘is the house’… that’s all ‐‑‒ " * 5,
    "Latin-1 that counts as space": "«a»\u00a0b°c " * 30,
    "a URL": "https://example.org/a/b?c=d&e=f#g " + ENGLISH,
    "only URLs": "http://a.de/b https://c.fr/d",
    "a URL without end": "http://" + "a" * 5_000 + " " + ENGLISH,
    "URLs all over a long page": (ENGLISH + "https://example.org/index.html?page=1 ") * 300,
    "long URLs all over a long page": (GERMAN + "https://example.org/" + "x" * 3_000 + " ") * 60,
    "almost a URL": "https:// http:/x ftp://example.org HTTP://EXAMPLE.ORG " + ENGLISH,
    "an address": "write to someone.else@example.org or to a@b.c or me@x " + ENGLISH,
    "addresses in a row": "a@bb@cc@dd@ @ee ff@@gg x@y_z.-a " + ENGLISH,
    "an address with a long name": "n" * 200 + "@" + "d" * 600 + "@example.org " + ENGLISH,
    "addresses all over a long page": (GERMAN + "jemand@beispiel.de ") * 400,
    "an address that a URL leaves": "https://example.org/~a@b.com/c@d.ef " + ENGLISH,
}


@pytest.fixture(scope="module")
def identifier() -> LangdetectIdentifier:
    return LangdetectIdentifier()


def assert_equal(identifier, package, texts):
    answers = identifier.identify(texts)
    different = [
        (text[:40], ours, theirs)
        for text, ours, theirs in zip(texts, answers, map(package, texts), strict=True)
        if ours != theirs
    ]
    assert different == []


def test_a_page_in_each_of_the_55_languages(identifier, package, page_of_language):
    pages = list(page_of_language.values())
    assert len(pages) == 55
    assert_equal(identifier, package, pages)
    found = [answer.language for answer in identifier.identify(pages)]
    assert sum(one == other for one, other in zip(found, page_of_language, strict=True)) > 50


def test_pages_mixed_of_languages(identifier, package, page_of_language):
    draw = random.Random(1)
    pages = list(page_of_language.values())
    mixed = [
        "".join(draw.choice(pages)[: draw.randrange(5, 300)] for _ in range(draw.randrange(2, 5))) for _ in range(60)
    ]
    assert_equal(identifier, package, mixed)


def test_short_pages(identifier, package, page_of_language):
    draw = random.Random(2)
    assert_equal(identifier, package, [page[: draw.randrange(1, 12)] for page in page_of_language.values()])


def test_all_capitals_in_every_script(identifier, package, page_of_language):
    assert_equal(identifier, package, [page[:200].upper() for page in page_of_language.values()])


@pytest.mark.parametrize("name", ODD_PAGES)
def test_an_odd_page(identifier, package, name):
    assert identifier.identify([ODD_PAGES[name]]) == [package(ODD_PAGES[name])]


def test_odd_pages_together(identifier, package):
    assert_equal(identifier, package, list(ODD_PAGES.values()))


def test_no_page(identifier):
    assert identifier.identify([]) == []


def test_only_pages_without_ngrams(identifier):
    assert identifier.identify(["", "123"]) == [None, None]


PIECES = st.sampled_from(
    [
        " ",
        "\n",
        "the",
        "The",
        "THE",
        "und",
        "ñ",
        "ß",
        "Ü",
        "đ",
        "ạ",
        "a\u0323",
        "e\u0301",
        "ж",
        "Ж",
        "ё",
        "の",
        "家",
        "집",
    ]
    + [
        "@",
        ".",
        "/",
        "http",
        "https://",
        "www.",
        "a@b.de",
        "2019",
        "’",
        "…",
        "\u00a0",
        "😀",
        "𝐀",
        "ş",
        "ș",
        "ی",
        "گ",
        "ا",
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join))


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_any_texts(identifier, package, texts):
    assert_equal(identifier, package, texts)


def test_an_answer_does_not_depend_on_the_batch(identifier, page_of_language, monkeypatch):
    pages = [*ODD_PAGES.values(), *page_of_language.values()]
    together = identifier.identify(pages)
    assert identifier.identify(pages[::-1]) == together[::-1]
    monkeypatch.setattr(langdetect_identifier, "PAGES_PER_BATCH", 7)
    monkeypatch.setattr(langdetect_identifier, "CHARACTERS_PER_BLOCK", 500)
    assert identifier.identify(pages) == together


@pytest.mark.parametrize("num_words", [4, 33, 100_000])
def test_an_answer_does_not_depend_on_how_much_of_the_stream_is_laid_out(
    identifier, page_of_language, monkeypatch, num_words
):
    pages = [*ODD_PAGES.values(), *list(page_of_language.values())[::5]][:: 6 if num_words > 10_000 else 1]
    usual = identifier.identify(pages)
    monkeypatch.setattr(langdetect_identifier, "FIRST_WORDS", num_words)
    assert identifier.identify(pages) == usual


def test_memory_does_not_grow_with_the_number_of_pages(identifier):
    pages = [(ENGLISH * 100)[k : k + 5_000] for k in range(40)]
    peaks = []
    for copies in (50, 150):
        many = pages * copies
        tracemalloc.start()
        identifier.identify(many)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Answers are some 100 bytes a page; the rest is a batch and a block.
    assert peaks[1] < peaks[0] + 4_000 * 300
    assert peaks[1] < 60e6


def wet_texts(path) -> list[str]:
    """The bodies of a WET file's records, those of bad UTF-8 left out."""
    texts = []
    for record in gzip.decompress(path.read_bytes()).split(b"WARC/1.0\r\n")[1:]:
        try:
            texts.append(record.partition(b"\r\n\r\n")[2].decode().strip())
        except UnicodeDecodeError:
            continue
    return texts


def test_pages_of_real_wet_files(identifier, package, shared):
    for path in sorted((shared / "data/wet").glob("*.wet.gz"))[::4]:
        assert_equal(identifier, package, wet_texts(path)[:1200:12])


@pytest.mark.slow
def test_all_pages_of_a_real_wet_file(identifier, package, shared):
    assert_equal(identifier, package, wet_texts(min((shared / "data/wet").glob("*.wet.gz"))))

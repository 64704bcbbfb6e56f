"""Punkt's decisions: literal ones, and the same spans as NLTK on any text."""

from collections import defaultdict

import nltk
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.tokenize import punkt as nltk_punkt

from c4pipe.corpus import assets
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.sentences.nltk_versions import NLTK_VERSIONS
from c4pipe.corpus.sentences.punkt import PunktParameters, sentence_spans
from c4pipe.corpus.variants import COMPATS, VARIANTS
from c4pipe.corpus.wet import parsers
from c4pipe.records import Page

# 2: begins a sentence in upper case; 4, 32: inside of one in upper, in lower case; 16: begins one in lower case.
TOY = PunktParameters(
    abbreviations=frozenset({"dr", "e.g", "vs", "u.s"}),
    collocations=frozenset({("##number##", "may"), ("s", "bach")}),
    sentence_starters=frozenset({"however"}),
    orthographic_contexts={"he": 2 | 32, "bach": 4, "the": 2 | 32, "cats": 32, "may": 2 | 4 | 32, "dogs": 16},
)
VERSIONS = sorted(NLTK_VERSIONS)
PINNED, NEWER = "nltk-3.8.1", "nltk-3.10.4"
# Whose decisions are compared with those of the NLTK that is installed; those of 3.10.4 are recorded below.
INSTALLED = {"3.8.1": PINNED, "3.9.1": PINNED, "3.10.4": NEWER}.get(nltk.__version__, "")
known_nltk = pytest.mark.skipif(not INSTALLED, reason=f"no version of ours decides as NLTK {nltk.__version__}")


NOTHING_KNOWN = PunktParameters(frozenset(), frozenset(), frozenset(), {})


def sentences(text: str, version: str, parameters: PunktParameters = TOY) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, parameters, NLTK_VERSIONS[version])]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is there! Three? Yes", ["One is here.", "Two is there!", "Three?", "Yes"]),
        ("I saw Dr. Brown there.", ["I saw Dr. Brown there."]),
        # An abbreviation ends a sentence if the next word starts a sentence, by its spelling or as a known starter.
        ("I saw the Dr. He left.", ["I saw the Dr.", "He left."]),
        ("I saw the Dr. However I left.", ["I saw the Dr.", "However I left."]),
        # An initial before a name that is never written small; a collocation.
        ("It is by J. Smith of Kent.", ["It is by J. Smith of Kent."]),
        ("It is by J. S. Bach of Leipzig.", ["It is by J. S. Bach of Leipzig."]),
        # An ordinal before a small word, and before a collocation.
        ("On the 3. cats came. Well.", ["On the 3. cats came.", "Well."]),
        ("On the 3. May he came.", ["On the 3. May he came."]),
        ("There were 3. The rest left.", ["There were 3.", "The rest left."]),
        # After a word that is not an abbreviation, it does not matter if the next word is in lower case.
        ("It ended. and went on.", ["It ended.", "and went on."]),
        # An ellipsis ends a sentence only before a word that starts a sentence.
        ("And so on ... cats came.", ["And so on ... cats came."]),
        ("And so on ... He came.", ["And so on ...", "He came."]),
        # Closing quotes and brackets go with the sentence before.
        ('"He came." He left.', ['"He came."', "He left."]),
        ("(He came.) He left.", ["(He came.)", "He left."]),
        ("What?! He came.", ["What?!", "He came."]),
        # A line's end is a blank like others.
        ("One is here.\nTwo is there", ["One is here.", "Two is there"]),
        ("No end\nof a sentence", ["No end\nof a sentence"]),
        ("", []),
        (" \n", []),
    ],
)
def test_sentences_end_as_in_punkt(text, expected, version):
    assert sentences(text, version) == expected


# What NLTK 3.8.1, 3.9.1 and 3.10.4 answered, with no parameters.
@pytest.mark.parametrize(
    ("text", "pinned", "newer"),
    [
        (
            "He said, “We leave now.” She said, “Not yet.” They all went home after that.",
            ["He said, “We leave now.” She said, “Not yet.” They all went home after that."],
            ["He said, “We leave now.”", "She said, “Not yet.”", "They all went home after that."],
        ),
        ("“He came.” He left.", ["“He came.” He left."], ["“He came.”", "He left."]),
        ("It’s ‘so.’ Well.", ["It’s ‘so.’ Well."], ["It’s ‘so.’", "Well."]),
        ("Il dit «Oui.» Bon.", ["Il dit «Oui.» Bon."], ["Il dit «Oui.»", "Bon."]),
        # A blank before the quote: the sentence ends, and by the older rule the quote belongs to the next one.
        ("Il dit « Oui. » Bon.", ["Il dit « Oui.", "» Bon."], ["Il dit « Oui. »", "Bon."]),
        # `regex` takes separators for letters.
        ("End.\x1cHe came.", ["End.", "He came."], ["End.\x1cHe came."]),
    ],
    ids=["speech", "double", "single", "guillemets", "spaced guillemets", "separator"],
)
def test_curly_quotes_close_a_sentence_since_nltk_3_10(text, pinned, newer):
    assert sentences(text, PINNED, NOTHING_KNOWN) == pinned
    assert sentences(text, NEWER, NOTHING_KNOWN) == newer


def test_both_compats_count_as_the_nltk_that_the_reference_pins():
    assert {compat.punkt for compat in COMPATS.values()} == {PINNED}


def test_counting_stops_at_the_number_that_is_asked_for():
    counter = SentenceCounter(TOY, PINNED)
    assert counter.count("One. Two. Three. Four.") == 4
    assert counter.count("One. Two. Three. Four.", up_to=3) == 3
    assert counter.count("One. Two.", up_to=3) == 2
    spans = sentence_spans("One. Two. " * 10**6, TOY, NLTK_VERSIONS[PINNED])
    assert [next(spans), next(spans)] == [(0, 4), (5, 9)], "without reading a million others"


def nltk_tokenizer(parameters: PunktParameters) -> nltk_punkt.PunktSentenceTokenizer:
    learned = nltk_punkt.PunktParameters()
    learned.abbrev_types = set(parameters.abbreviations)
    learned.collocations = set(parameters.collocations)
    learned.sent_starters = set(parameters.sentence_starters)
    learned.ortho_context = defaultdict(int, parameters.orthographic_contexts)
    return nltk_punkt.PunktSentenceTokenizer(learned)


WORDS = (
    "he Bach the cats May Dr. e.g. U.S. vs. However J. S. 3. -2,5. 1.000 word end. go! so? ... .. . -- ( ) [1] “ ” » "
    "\" ' etc., a--b one.Two x.y. ?! !. \u00b2. \u0663. É. é. ‘ ’ « \u0301. \u3002 \x1c \x85 \xa0"
)
words = st.sampled_from(WORDS.split(" "))
blanks = st.sampled_from(["", " ", " ", " ", "\n", "\n\n", "\t", "\u3000", "\x1d", "  "])
texts = st.lists(st.tuples(st.one_of(words, st.text(max_size=3)), blanks), max_size=25).map(
    lambda pairs: "".join(word + blank for word, blank in pairs)
)


@known_nltk
@example(text="end.\n\x1c he")
@example(text="end. \x1c he")
@given(text=texts)
@settings(max_examples=1500, deadline=None)
def test_any_text_has_the_spans_that_nltk_finds(text):
    assert list(sentence_spans(text, TOY, NLTK_VERSIONS[INSTALLED])) == list(nltk_tokenizer(TOY).span_tokenize(text))


@known_nltk
@pytest.mark.parametrize("model", ["punkt_tab", "bundled"])
def test_real_pages_have_the_spans_that_nltk_finds(shared, model):
    found = assets.resolve(VARIANTS["en.noblocklist"], folder=str(shared / "assets"), sentence_model=model).punkt
    tokenizer = nltk_tokenizer(found)

    def spans_of(text: str) -> list[tuple[int, int]]:
        return list(sentence_spans(text, found, NLTK_VERSIONS[INSTALLED]))

    for path in sorted((shared / "data/edge").glob("*.gz")) + [
        shared / "data/real/extracted_dolma_warc_public.warc.wet.gz"
    ]:
        for outcome in parsers.read_records(path):
            if isinstance(outcome, Page):
                assert spans_of(outcome.text) == list(tokenizer.span_tokenize(outcome.text))

"""Punkt's decisions: literal ones, and the same spans as NLTK on any text."""

from collections import defaultdict

import nltk
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.tokenize import punkt as nltk_punkt

from c4pipe.corpus import assets
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.sentences.punkt import PunktParameters, sentence_spans
from c4pipe.corpus.variants import VARIANTS
from c4pipe.corpus.wet import parsers
from c4pipe.records import Page

# 2: begins a sentence in upper case; 4, 32: inside of one in upper, in lower case; 16: begins one in lower case.
TOY = PunktParameters(
    abbreviations=frozenset({"dr", "e.g", "vs", "u.s"}),
    collocations=frozenset({("##number##", "may"), ("s", "bach")}),
    sentence_starters=frozenset({"however"}),
    orthographic_contexts={"he": 2 | 32, "bach": 4, "the": 2 | 32, "cats": 32, "may": 2 | 4 | 32, "dogs": 16},
)
# The version whose decisions made the reference corpus here; earlier ones take curly quotes for letters.
same_nltk = pytest.mark.skipif(
    nltk.__version__ != "3.10.4", reason=f"compares with NLTK 3.10.4, not {nltk.__version__}"
)


def sentences(text: str, parameters: PunktParameters = TOY) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, parameters)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is there! Three? Yes", ["One is here.", "Two is there!", "Three?", "Yes"]),
        ("I saw Dr. Brown there.", ["I saw Dr. Brown there."]),
        # An abbreviation ends a sentence where the next word starts one: known by its spelling, or as a starter.
        ("I saw the Dr. He left.", ["I saw the Dr.", "He left."]),
        ("I saw the Dr. However I left.", ["I saw the Dr.", "However I left."]),
        # An initial before a name that is never written small; a collocation.
        ("It is by J. Smith of Kent.", ["It is by J. Smith of Kent."]),
        ("It is by J. S. Bach of Leipzig.", ["It is by J. S. Bach of Leipzig."]),
        # An ordinal before a small word, and before a collocation.
        ("On the 3. cats came. Well.", ["On the 3. cats came.", "Well."]),
        ("On the 3. May he came.", ["On the 3. May he came."]),
        ("There were 3. The rest left.", ["There were 3.", "The rest left."]),
        # A small word behind a period does not matter for a word that is no abbreviation.
        ("It ended. and went on.", ["It ended.", "and went on."]),
        # An ellipsis ends a sentence only before what starts one.
        ("And so on ... cats came.", ["And so on ... cats came."]),
        ("And so on ... He came.", ["And so on ...", "He came."]),
        # Closing quotes and brackets go with the sentence before.
        ('"He came." He left.', ['"He came."', "He left."]),
        ("(He came.) He left.", ["(He came.)", "He left."]),
        ("“He came.” He left.", ["“He came.”", "He left."]),
        ("What?! He came.", ["What?!", "He came."]),
        # A line's end is a blank like others.
        ("One is here.\nTwo is there", ["One is here.", "Two is there"]),
        ("No end\nof a sentence", ["No end\nof a sentence"]),
        ("", []),
        (" \n", []),
    ],
)
def test_sentences_end_where_punkt_says(text, expected):
    assert sentences(text) == expected


def test_counting_stops_at_the_number_that_is_asked_for():
    counter = SentenceCounter(TOY)
    assert counter.count("One. Two. Three. Four.") == 4
    assert counter.count("One. Two. Three. Four.", up_to=3) == 3
    assert counter.count("One. Two.", up_to=3) == 2
    spans = sentence_spans("One. Two. " * 10**6, TOY)
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
    "\" ' etc., a--b one.Two x.y. ?! !. \u00b2. \u0663. É. é. \u3002 \x1c \x85 \xa0"
)
words = st.sampled_from(WORDS.split(" "))
blanks = st.sampled_from(["", " ", " ", " ", "\n", "\n\n", "\t", "\u3000", "\x1d", "  "])
texts = st.lists(st.tuples(st.one_of(words, st.text(max_size=3)), blanks), max_size=25).map(
    lambda pairs: "".join(word + blank for word, blank in pairs)
)


@same_nltk
@example(text="end.\n\x1c he")
@example(text="end. \x1c he")
@given(text=texts)
@settings(max_examples=1500, deadline=None)
def test_any_text_has_the_spans_that_nltk_finds(text):
    assert list(sentence_spans(text, TOY)) == list(nltk_tokenizer(TOY).span_tokenize(text))


@same_nltk
@pytest.mark.parametrize("model", ["punkt_tab", "bundled"])
def test_real_pages_have_the_spans_that_nltk_finds(shared, model):
    found = assets.resolve(VARIANTS["en.noblocklist"], folder=str(shared / "assets"), sentence_model=model).punkt
    tokenizer = nltk_tokenizer(found)
    for path in sorted((shared / "data/edge").glob("*.gz")) + [
        shared / "data/real/extracted_dolma_warc_public.warc.wet.gz"
    ]:
        for outcome in parsers.read_records(path):
            if isinstance(outcome, Page):
                assert list(sentence_spans(outcome.text, found)) == list(tokenizer.span_tokenize(outcome.text))

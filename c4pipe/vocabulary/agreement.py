"""Checks that a `tokenizer.json` gives the same ids as its SentencePiece model, by encoding texts with both."""

import math
import unicodedata
from collections.abc import Iterator, Sequence

from c4pipe.errors import UserError
from c4pipe.vocabulary import sentencepiece_model
from c4pipe.vocabulary.vocabulary import UNK_ID, Vocabulary

_UNKNOWN, _CONTROL, _BYTE = 2, 3, 6
_PIECES_PER_TEXT = 16
_SAME_SCORE = 1e-3

# Accents and syllables are in their composed form. In decomposed form, every fast tokenizer of T5 differs from
# SentencePiece, because the Rust library works on whole graphemes.
SAMPLE = (
    "",
    " ",
    "a",
    " a  b   c ",
    "tabs\tand\nline breaks\r\nof all\n\nkinds\n",
    "a\u00a0b and \u3000 c",
    "It's the year 1999: 1,000.50 (50%) of <b>bold</b> {braces} [x] `code` \\n and/or e-mail@example.org!",
    "ALL CAPS, Title Case and camelCase",
    "caf\u00e9, na\u00efve, Stra\u00dfe, \u00dcber, \u0218tefan, \u0141\u00f3d\u017a, \u0130stanbul",
    "\ufb01ne \uff21\uff11 \u00bd \u2075 \u2122 \u20ac5 \u2026 \u201cquotes\u201d \u00abguillemets\u00bb \u2013 \u2014",
    "\u0411\u044b\u0441\u0442\u0440\u0430\u044f \u043b\u0438\u0441\u0430; \u03b3\u03c1\u03ae\u03b3\u03bf\u03c1\u03b7",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e",
    "\u0627\u0644\u0637\u0642\u0633 \u062c\u0645\u064a\u0644; \u05e9\u05dc\u05d5\u05dd",
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002 \u65e5\u672c\u8a9e\u306e\u6587 \ud55c\uad6d\uc5b4",
    "\U0001f642 \U0001f680",
    "<extra_id_0> at the beginning, <extra_id_1>in between<extra_id_2> and <extra_id_3>",
)


def check_agreement(vocabulary: Vocabulary, tokenizer_json: str) -> None:
    """Compare the ids of a sample of texts and of every piece.

    If two segmentations of a text are equally likely (`..` then `.`, or `.` then `..`), both count as right.
    Raises: UserError if any ids differ, or if the package tokenizers is missing.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UserError("checking the tokenizer needs the package tokenizers: pip install 'c4pipe[train]'") from error
    texts = list(_texts(vocabulary))
    found = Tokenizer.from_str(tokenizer_json).encode_batch(texts)
    right = vocabulary.encode_prompts(texts)
    scores = [score for _, score, _ in sentencepiece_model.read(vocabulary.model).pieces]
    differing = [
        text
        for text, theirs, ours in zip(texts, found, right, strict=True)
        if theirs.ids != [*ours, vocabulary.eos_id] and not _are_equally_likely(theirs.ids[:-1], ours, scores)
    ]
    if differing:
        raise UserError(
            f"Hugging Face's tokenizers cannot represent this vocabulary: its tokenizer.json gives other ids for "
            f"{len(differing):,} of {len(texts):,} texts (such as {differing[0][:40]!r}). Train a vocabulary with "
            "pipelines.c4_to_vocabulary, or use the model with model.generate and model.evaluate"
        )


def _are_equally_likely(theirs: Sequence[int], ours: Sequence[int], scores: Sequence[float]) -> bool:
    """Whether two segmentations of a text have the same sum of scores, by which a unigram model chooses."""
    sums = [sum(scores[token] for token in ids if token < len(scores)) for ids in (theirs, ours)]
    return theirs.count(UNK_ID) == ours.count(UNK_ID) and math.isclose(*sums, abs_tol=_SAME_SCORE)


def _texts(vocabulary: Vocabulary) -> Iterator[str]:
    """The sample, the text of each piece, and texts of several pieces in a row."""
    yield from SAMPLE
    pieces = [
        piece.replace("\u2581", " ")
        for piece, _, kind in sentencepiece_model.read(vocabulary.model).pieces
        if kind not in (_UNKNOWN, _CONTROL, _BYTE) and unicodedata.is_normalized("NFC", piece)
    ]
    yield from pieces
    for start in range(0, len(pieces), _PIECES_PER_TEXT):
        yield "".join(pieces[start : start + _PIECES_PER_TEXT])

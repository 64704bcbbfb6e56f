"""Removes what langdetect removes from a page before it counts n-grams.

Each function gives the same result as the package's `Detector.append` and `Detector.cleaning_text`. But it looks for
addresses only in places where one is possible, and reads no more of a long page than necessary.
"""

import re

import numpy as np
from langdetect.detector import Detector
from langdetect.utils.ngram import NGram

MAX_TEXT_LENGTH = 10_000  # Detector.max_text_length: characters, after addresses are removed

# The package's regular expression for mail addresses, from the `@` on. The part before the `@` is searched backwards
# from there, because forwards it would be tried at every letter of the page.
_MAIL_DOMAIN = re.compile(r"@[-_0-9A-Za-z]{1,255}[-_.0-9A-Za-z]{1,255}")
_MAIL_NAME_CHARACTERS = "-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MAX_MAIL_NAME_LENGTH = 64

# Only the head of a long page is cleaned. Near the cut, the result is unsure, because the text after the cut can change
# a match that begins before it: a URL of up to 2,084 characters, then a mail address with up to 64 characters before
# its `@` and 511 from there on, then a letter and its accent.
_HEAD_LENGTH = 16_384
_UNSURE_LENGTH = 4_096


def clean_text(text: str) -> str:
    """The text without URLs and mail addresses, Vietnamese accents joined to their letters, cut to 10,000 characters.

    (The package also replaces several spaces by one. This changes no n-gram, because no n-gram ends in a space after a
    space.)

    >>> clean_text("see https://example.org/a?b=c or ask me@example.org, now")
    'see   or ask  , now'
    """
    head = _clean_whole(text[:_HEAD_LENGTH])
    if len(text) > _HEAD_LENGTH and len(head) < MAX_TEXT_LENGTH + _UNSURE_LENGTH:
        head = _clean_whole(text)
    return head[:MAX_TEXT_LENGTH]


def _clean_whole(text: str) -> str:
    if "/" in text and "http" in text:  # searching for one character is ten times as fast as for four
        text = Detector.URL_RE.sub(" ", text)
    if "@" in text:
        text = _without_mail_addresses(text)
    if not text.isascii() and any(mark in text for mark in NGram.DMARK_CLASS):
        text = NGram.normalize_vi(text)
    return text


def _without_mail_addresses(text: str) -> str:
    parts, end = [], 0
    for match in _MAIL_DOMAIN.finditer(text):
        at = match.start()
        before = text[max(end, at - _MAX_MAIL_NAME_LENGTH) : at]
        name_length = len(before) - len(before.rstrip(_MAIL_NAME_CHARACTERS))
        if name_length:
            parts.append(text[end : at - name_length])
            end = match.end()
    parts.append(text[end:])
    return " ".join(parts)


def drop_latin(codes: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Removes `A` to `z` from the pages that have few of them compared with other letters.

    `codes` (characters,): the pages one after the other, with one character before each page and after the last.
    `ends` (pages,): the index after each page. Returns the new `codes` and `ends`. As in the package, U+0041 to U+007A
    count as Latin letters (including the signs between upper and lower case), and everything from U+0300 on as other
    letters.
    """
    is_other = codes >= 0x300
    parts, num_dropped = [], np.zeros(len(ends), np.int64)
    start = copied = 0
    for page, end in enumerate(ends.tolist()):
        num_other = np.count_nonzero(is_other[start:end])
        if num_other:
            text = codes[start + 1 : end]
            # Most pages have only a few curly quotes. Then the letters of the first lines already outnumber them.
            is_latin = _is_latin(text[: 4 * num_other])
            if np.count_nonzero(is_latin) * 2 < num_other:
                is_latin = _is_latin(text)
            num_latin = np.count_nonzero(is_latin)
            if num_latin * 2 < num_other:
                parts += [codes[copied : start + 1], text[~is_latin]]
                copied = end
                num_dropped[page] = num_latin
        start = end
    if not parts:
        return codes, ends
    return np.concatenate([*parts, codes[copied:]]), ends - np.cumsum(num_dropped)


def _is_latin(codes: np.ndarray) -> np.ndarray:
    return (codes >= ord("A")) & (codes <= ord("z"))

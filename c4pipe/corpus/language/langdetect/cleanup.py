"""What langdetect takes out of a page before it looks at n-grams.

Each function gives what the package's `Detector.append` and `Detector.cleaning_text` give, but looks for addresses only
where one can be, and reads no more of a long page than it needs.
"""

import re

import numpy as np
from langdetect.detector import Detector
from langdetect.utils.ngram import NGram

MAX_TEXT_LENGTH = 10_000  # Detector.max_text_length: characters, after addresses are out

# The package's mail expression from the `@` on. Its first part is looked for backwards, from the `@`: forwards it is
# tried at every letter of the page.
_MAIL_DOMAIN = re.compile(r"@[-_0-9A-Za-z]{1,255}[-_.0-9A-Za-z]{1,255}")
_MAIL_NAME_CHARACTERS = "-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MAX_MAIL_NAME_LENGTH = 64

# What follows a cut can change a match that begins before it: a URL by its 2,084 characters, then an address by 64
# before its `@` and 511 from it on, then a letter and its accent by one.
_HEAD_LENGTH = 16_384
_UNSURE_LENGTH = 4_096


def clean_text(text: str) -> str:
    """The text without URLs and mail addresses, Vietnamese accents joined to their letters, cut to 10,000 characters.

    (The package also makes one space of several, which changes no n-gram: a space after a space has none.)

    >>> clean_text("see https://example.org/a?b=c or ask me@example.org, now")
    'see   or ask  , now'
    """
    head = _clean_whole(text[:_HEAD_LENGTH])
    if len(text) > _HEAD_LENGTH and len(head) < MAX_TEXT_LENGTH + _UNSURE_LENGTH:
        head = _clean_whole(text)
    return head[:MAX_TEXT_LENGTH]


def _clean_whole(text: str) -> str:
    if "/" in text and "http" in text:  # one character is found ten times as fast as four
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
    """Takes `A` to `z` out of the pages where these are few beside other letters.

    `codes` (characters,): pages behind each other, one character before each and after the last; `ends` (pages,): the
    place after each page. Returns both as they then are. As in the package the letters counted are U+0041 to U+007A,
    the signs between the two cases included, and the others all from U+0300 on.
    """
    is_other = codes >= 0x300
    parts, num_dropped = [], np.zeros(len(ends), np.int64)
    start = copied = 0
    for page, end in enumerate(ends.tolist()):
        num_other = np.count_nonzero(is_other[start:end])
        if num_other:
            text = codes[start + 1 : end]
            # Mostly a few curly quotes: then the letters of the first lines outnumber them.
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

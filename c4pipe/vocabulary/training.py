"""Trains the SentencePiece model: unigram, with T5's special ids, normalised by `nmt_nfkc`.

The bytes of the model depend only on the text and the options. SentencePiece sums floats in as many parts as it has
threads, so the number of threads is fixed and does not depend on the machine's cores.
"""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sentencepiece

from c4pipe.errors import UserError
from c4pipe.vocabulary.vocabulary import EOS_ID, PAD_ID, UNK_ID

NUM_THREADS = 16
"""More threads hardly help: the longest step, building the suffix array, uses only one."""
MAX_SENTENCE_BYTES = 4192
"""SentencePiece ignores longer sentences. So longer lines are cut at spaces."""


@dataclass(frozen=True)
class TrainingOptions:
    """The options of training.

    num_pieces: the number of pieces, including pad, EOS and unk, but not the extra ids. character_coverage: the share
    of characters that get a piece. byte_fallback: add 256 pieces of one byte each, so that no text is unknown.
    split_digits: make each digit a piece of its own.
    """

    num_pieces: int = 32_000
    character_coverage: float = 0.9995
    byte_fallback: bool = False
    split_digits: bool = False

    def check(self) -> None:
        """
        Raises: UserError if an option is out of range.
        """
        least = 259 + 1 if self.byte_fallback else 4
        if self.num_pieces < least:
            raise UserError(f"--num_pieces={self.num_pieces} is too small; give {least} or more")
        if not 0.9 <= self.character_coverage <= 1:
            raise UserError(f"--character_coverage={self.character_coverage} is out of range; give 0.9 to 1.0")


def train(texts: Iterable[str], options: TrainingOptions, *, logs: bool = False) -> bytes:
    """Train a model on texts, whose order matters. logs: whether SentencePiece says on standard error what it does.

    Returns: the bytes of `spiece.model`.
    Raises: UserError if the text is empty, or too short for this number of pieces.
    """
    options.check()
    lines = _Counted(line for text in texts for line in sentences(text))
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type="unigram",
            vocab_size=options.num_pieces,
            character_coverage=options.character_coverage,
            byte_fallback=options.byte_fallback,
            split_digits=options.split_digits,
            normalization_rule_name="nmt_nfkc",
            pad_id=PAD_ID,
            eos_id=EOS_ID,
            unk_id=UNK_ID,
            bos_id=-1,
            max_sentence_length=MAX_SENTENCE_BYTES,
            train_extremely_large_corpus=True,
            num_threads=NUM_THREADS,
            minloglevel=0 if logs else 3,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise _explained(error, options, lines.count) from error
    return model.getvalue()


class _Counted:
    """An iterator that counts the sentences that it gave."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.count += 1
            yield line


def _explained(error: Exception, options: TrainingOptions, num_sentences: int) -> Exception:
    """SentencePiece's errors are the source lines of failed checks. This explains those that a user can mend."""
    text = str(error)
    if not num_sentences:
        return UserError("the input has no text to train a vocabulary on; give other text shards")
    if too_high := re.search(r"value <= (\d+)", text):
        return UserError(
            f"the text gives at most {int(too_high[1]):,} pieces, but --num_pieces={options.num_pieces} asks for more; "
            f"give --num_pieces={too_high[1]} or less, or more text (--sample_bytes, --input)"
        )
    if "required_chars" in text or "Vocabulary size is smaller" in text:
        return UserError(
            f"--num_pieces={options.num_pieces} is fewer than the characters of the text; give more pieces, or a lower "
            "--character_coverage"
        )
    return UserError(f"SentencePiece could not train on this text ({text}); give more text or fewer pieces")


def sentences(text: str) -> Iterator[str]:
    """The lines of a text. Lines that are too long for SentencePiece are cut at spaces, or anywhere if they have none.

    >>> [len(part) for part in sentences("word " * 1000 + "\\n\\nshort")]
    [4190, 809, 5]
    """
    for line in text.split("\n"):
        if len(line) * 4 > MAX_SENTENCE_BYTES and len(line.encode()) > MAX_SENTENCE_BYTES:
            yield from _cut(line)
        elif line and not line.isspace():
            yield line


def _cut(line: str) -> Iterator[str]:
    rest = line.encode()
    while len(rest) > MAX_SENTENCE_BYTES:
        end = rest.rfind(b" ", 0, MAX_SENTENCE_BYTES) + 1 or MAX_SENTENCE_BYTES
        while end > 1 and rest[end] & 0xC0 == 0x80:  # never cut inside a character
            end -= 1
        part, rest = rest[:end], rest[end:]
        if not part.isspace():
            yield part.decode()
    if rest and not rest.isspace():
        yield rest.decode().rstrip()


def pieces_file(model: bytes) -> bytes:
    """The content of `spiece.vocab`: a piece and its score per line, as SentencePiece writes it."""
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(model)
    lines = [f"{processor.id_to_piece(i)}\t{processor.get_score(i):g}" for i in range(processor.get_piece_size())]
    return ("\n".join(lines) + "\n").encode()

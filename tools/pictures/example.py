"""The beginning of a training example: the text, and the inputs and targets that are made from it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.example_shards import ExampleShard
from c4pipe.vocabulary.vocabulary import Vocabulary
from tools.pictures.drawing import CHARACTER_WIDTH, Drawing, Theme

_WORD_START = "\u2581"
_CHARACTERS, _FEWEST_SPANS = 118, 2
_SIZE, _LINE, _LEFT, _WIDTH = 13.5, 25.0, 70.0, 640.0
# Prose that is easy to read: sentences in ASCII without code.
_PROSE = re.compile(r" ?[A-Z][A-Za-z ,.;'-]+")


@dataclass(frozen=True)
class Piece:
    """A piece of the vocabulary as it is drawn. kind: `plain`, `noise` or `sentinel`."""

    text: str
    kind: str


@dataclass
class Drawn:
    """The three rows of the picture."""

    text: list[Piece] = field(default_factory=list)
    inputs: list[Piece] = field(default_factory=list)
    targets: list[Piece] = field(default_factory=list)

    @property
    def characters(self) -> str:
        return "".join(piece.text for piece in self.text)

    def is_readable(self) -> bool:
        """Whether it is prose with some noise spans that are whole words."""
        num_spans = sum(piece.kind == "sentinel" for piece in self.inputs)
        borders = [now for before, now in pairwise(self.text) if before.kind != now.kind]
        return (
            num_spans >= _FEWEST_SPANS
            and _PROSE.fullmatch(self.characters) is not None
            and all(piece.text.startswith(" ") for piece in borders)
        )


def beginning(inputs: Sequence[int], targets: Sequence[int], vocabulary: Vocabulary) -> Drawn:
    """The pieces of an example up to some hundred characters of its text, without EOS. The last noise span is whole.

    inputs, targets: ids of span corruption.
    """
    drawn, spans = Drawn(), _spans(targets, vocabulary)
    for token in inputs:
        if len(drawn.characters) >= _CHARACTERS or token == vocabulary.eos_id:
            break
        piece = _text_of(token, vocabulary)
        if token in spans:
            noise = [Piece(_text_of(of_noise, vocabulary), "noise") for of_noise in spans[token]]
            drawn.text += noise
            drawn.inputs.append(Piece(f" {piece}", "sentinel"))
            drawn.targets += [Piece(f" {piece}", "sentinel"), *noise]
        else:
            drawn.text.append(Piece(piece, "plain"))
            drawn.inputs.append(Piece(piece, "plain"))
    return drawn


def readable_example(examples: str) -> Drawn:
    """The first example of a folder whose beginning is readable.

    Raises: UserError if there is none.
    """
    vocabulary = Vocabulary.load(examples)
    for shard in (shard for shards in manifest.read(examples).splits.values() for shard in shards):
        with ExampleShard(files.join(examples, shard.file)) as opened:
            for number in range(opened.num_rows):
                row = opened.row(number)
                drawn = beginning(row["inputs"].tolist(), row["targets"].tolist(), vocabulary)
                if drawn.is_readable():
                    return drawn
    raise UserError(f"no example in {examples} begins with plain English prose")


def example(theme: Theme, drawn: Drawn) -> Drawing:
    """The picture of an example."""
    rows = [("text", _lines(drawn.text)), ("inputs", _lines(drawn.inputs)), ("targets", _lines(drawn.targets))]
    height = sum(len(lines) * _LINE + 10 for _, lines in rows)
    picture = Drawing(theme, _WIDTH, height, "A training example: its text, inputs with sentinels, and targets")
    y = 18.0
    for name, lines in rows:
        picture.text((0, y), name, theme.soft, size=14)
        for line in lines:
            _draw_line(picture, y, line)
            y += _LINE
        y += 10
    return picture


def _draw_line(picture: Drawing, y: float, line: Sequence[Piece]) -> None:
    theme, x = picture.theme, _LEFT
    for piece in line:
        blanks = len(piece.text) - len(piece.text.lstrip())
        start, width = x + _pixels(piece.text[:blanks]), _pixels(piece.text[blanks:])
        if piece.kind == "sentinel":
            picture.box(start - 2, y - 14, width + 4, 19, theme.accent)
        colour = {"plain": theme.ink, "noise": theme.drop, "sentinel": theme.on_accent}[piece.kind]
        if width:
            picture.code((start, y), piece.text[blanks:], colour, size=_SIZE)
        x = start + width


def _lines(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """The pieces in lines of the picture's width. A line begins with a word, without the blank before it."""
    lines: list[list[Piece]] = [[]]
    for word in _words(pieces):
        if lines[-1] and _LEFT + _pixels("".join(piece.text for piece in [*lines[-1], *word])) > _WIDTH:
            lines.append([])
        if not lines[-1]:
            word = [Piece(word[0].text.lstrip(), word[0].kind), *word[1:]]
        lines[-1] += word
    return lines


def _words(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """The pieces of each word. Neighbours of one kind become one piece."""
    word: list[Piece] = []
    for piece in pieces:
        if piece.text.startswith(" ") and word:
            yield word
            word = []
        if word and word[-1].kind == piece.kind:
            word[-1] = Piece(word[-1].text + piece.text, piece.kind)
        else:
            word.append(piece)
    if word:
        yield word


def _spans(targets: Sequence[int], vocabulary: Vocabulary) -> dict[int, list[int]]:
    """Sentinel -> the noise tokens after it."""
    sentinels = {vocabulary.sentinel_id(number) for number in range(vocabulary.num_extra_ids)}
    spans: dict[int, list[int]] = {}
    for token in targets:
        if token in sentinels:
            spans[token] = []
        elif spans and token != vocabulary.eos_id:
            spans[next(reversed(spans))].append(token)
    return spans


def _text_of(token: int, vocabulary: Vocabulary) -> str:
    return vocabulary.piece(token).replace(_WORD_START, " ")


def _pixels(text: str) -> float:
    return len(text) * CHARACTER_WIDTH * _SIZE

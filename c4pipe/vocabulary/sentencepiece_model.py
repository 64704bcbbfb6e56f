"""Reads the parts of a `spiece.model` that the SentencePiece library does not expose: kinds of pieces, character map.

The file is one protocol buffer message. Its wire format is a list of (field number, wire type, value), and can be read
without the package protobuf. The field numbers are those of sentencepiece's `sentencepiece_model.proto`.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from c4pipe.errors import UserError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NORMAL = 1
_UNIGRAM = 1


class SentencePieceModel(NamedTuple):
    """The parts of a SentencePiece model.

    pieces: (text, score, kind) by id; kind: 1 normal, 2 unknown, 3 control, 4 user-defined, 6 byte. character_map: the
    compiled normalisation; empty if there is none. normalization: the name of its rule (`nmt_nfkc`). The others are
    SentencePiece's options of the same names.
    """

    pieces: list[tuple[str, float, int]]
    character_map: bytes
    is_unigram: bool
    normalization: str = ""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    split_by_whitespace: bool = True
    treat_whitespace_as_suffix: bool = False


def read(model: bytes) -> SentencePieceModel:
    """The parts of a serialised model.

    Raises: UserError if the bytes are damaged.
    """
    pieces: list[tuple[str, float, int]] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    try:
        for number, value in _fields(model):
            if number == 1 and isinstance(value, bytes):
                inner = dict(_fields(value))
                (score,) = struct.unpack("<f", _as_bytes(inner.get(2, bytes(4))))
                pieces.append((_as_bytes(inner[1]).decode(), score, int(inner.get(3, _NORMAL))))
            elif number == 2 and isinstance(value, bytes):
                trainer = dict(_fields(value))
            elif number == 3 and isinstance(value, bytes):
                normalizer = dict(_fields(value))
        return SentencePieceModel(
            pieces,
            character_map=_as_bytes(normalizer.get(2, b"")),
            is_unigram=int(trainer.get(3, _UNIGRAM)) == _UNIGRAM,
            normalization=_as_bytes(normalizer.get(1, b"")).decode(),
            add_dummy_prefix=bool(normalizer.get(3, True)),
            remove_extra_whitespaces=bool(normalizer.get(4, True)),
            split_by_whitespace=bool(trainer.get(22, True)),
            treat_whitespace_as_suffix=bool(trainer.get(24, False)),
        )
    except (IndexError, KeyError, ValueError, struct.error) as error:
        raise UserError("the vocabulary's spiece.model is damaged; make or fetch it again") from error


def without_last_pieces(model: bytes, count: int) -> bytes:
    """The serialised model without its last `count` pieces. The ids of the others do not change.

    Raises: UserError if the bytes are damaged.
    """
    try:
        fields = list(_spans(model))
    except (IndexError, ValueError) as error:
        raise UserError("the vocabulary's spiece.model is damaged; make or fetch it again") from error
    places = [place for place, (number, _, _) in enumerate(fields) if number == 1]
    left_out = set(places[len(places) - count :])
    return b"".join(model[start:end] for place, (_, start, end) in enumerate(fields) if place not in left_out)


def _as_bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number instead of bytes")
    return value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of each field. The value is an int for a varint, otherwise bytes."""
    for number, start, end in _spans(message):
        tag, place = _varint(message, start)
        if tag & 7 == _VARINT:
            yield number, _varint(message, place)[0]
        else:
            yield number, message[_varint(message, place)[1] if tag & 7 == _BYTES else place : end]


def _spans(message: bytes) -> Iterator[tuple[int, int, int]]:
    """(field number, start of the field, its end) of each field."""
    start = 0
    while start < len(message):
        tag, place = _varint(message, start)
        kind = tag & 7
        if kind == _VARINT:
            _, end = _varint(message, place)
        elif kind == _BYTES:
            length, place = _varint(message, place)
            end = place + length
        elif kind in (_FIXED64, _FIXED32):
            end = place + (8 if kind == _FIXED64 else 4)
        else:
            raise ValueError(f"wire type {kind}")
        if end > len(message):
            raise ValueError("the message breaks off")
        yield tag >> 3, start, end
        start = end


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """(value, place after it). Seven bits per byte, the lowest first; the eighth bit says that more bytes follow."""
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place
        shift += 7

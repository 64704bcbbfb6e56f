"""Reads the files beside a `spiece.model`, which tell its number of extra ids and the tokens that were added to it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from c4pipe.errors import UserError

MODEL_FILE = "spiece.model"
PIECES_FILE = "spiece.vocab"
DEFAULT_NUM_EXTRA_IDS = 100
_TOKENIZER = "tokenizer.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_ADDED_TOKENS = "added_tokens.json"
# What is downloaded of a model of the Hugging Face hub.
FILES = (MODEL_FILE, _TOKENIZER, _TOKENIZER_CONFIG, _ADDED_TOKENS)
_MOST_NAMED = 3


def folder_of(path: str) -> str:
    """The folder of a vocabulary, which may be given as a folder or as its model file.

    >>> folder_of("runs/small"), folder_of("runs/small/spiece.model"), folder_of("spiece.model")
    ('runs/small', 'runs/small', '.')
    """
    if not path.endswith(".model"):
        return path
    return path.rsplit("/", 1)[0] if "/" in path else "."


def read(path: str) -> bytes | None:
    """The bytes of a file (local or an fsspec URL), or None if it does not exist."""
    try:
        if "://" in path:
            import fsspec

            with fsspec.open(path, "rb") as source:
                return source.read()
        return Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def read_from(folder: str, name: str) -> bytes | None:
    """The bytes of a file in a folder, or None if it does not exist."""
    return read(f"{folder.rstrip('/')}/{name}")


def why_no_model(folder: str, model_file: str) -> str:
    """The error message for a folder without a model file, depending on the other files there."""
    kind = str(_json_of(folder, _TOKENIZER_CONFIG).get("tokenizer_class", ""))
    if kind.startswith("ByT5"):
        return "this is a ByT5, which reads bytes without a vocabulary; only models with SentencePiece are read here"
    if kind and not kind.startswith(("T5", "MT5", "PreTrained", "Tokenizers")):
        return f"its tokenizer is a {kind}; only models with SentencePiece's {model_file} are read here"
    if read_from(folder, _TOKENIZER) is not None:
        return (
            f"{_TOKENIZER} is there but not {model_file}, which transformers 5 leaves out; copy it from the folder "
            "that the model was first loaded from"
        )
    return f"{model_file} is not there; make one with pipelines.c4_to_vocabulary"


def recorded_num_extra_ids(folder: str) -> int | None:
    """The number of extra ids of a folder's model, according to the other files; None if they do not tell."""
    for name, find in (
        ("manifest.json", lambda found: found["settings"]["num_extra_ids"]),
        ("run.json", lambda found: found["num_extra_ids"]),
        (_TOKENIZER_CONFIG, lambda found: found["extra_ids"]),
    ):
        try:
            return int(find(_json_of(folder, name)))
        except (ValueError, KeyError, TypeError):
            continue
    return None


def refuse_added_tokens(folder: str, piece: Callable[[int], str]) -> None:
    """Check that a Hugging Face folder's tokenizer has only tokens of its SentencePiece model.

    piece: returns the vocabulary's piece for an id.
    Raises: UserError that names the tokens that the model does not have, because they would be read as `<unk>`.
    """
    # In Hugging Face's conversion of mT5, the names of sentinels begin with the mark of a word's beginning.
    foreign = sorted(
        {(token, text) for token, text in _added_tokens(folder) if text.removeprefix("\u2581") != piece(token)}
    )
    if foreign:
        named = ", ".join(f"{text!r} (id {token})" for token, text in foreign[:_MOST_NAMED])
        more = f" and {len(foreign) - _MOST_NAMED} more" if len(foreign) > _MOST_NAMED else ""
        raise UserError(
            f"{folder}: its tokenizer has tokens that its SentencePiece model does not have: {named}{more}; they would "
            "become <unk> here. Train a vocabulary with them as pieces, or use the folder without them"
        )


def _added_tokens(folder: str) -> Iterator[tuple[int, str]]:
    """(id, text) of every token that a folder's tokenizer files add to the model."""
    decoder = _json_of(folder, _TOKENIZER_CONFIG).get("added_tokens_decoder")
    for token, described in decoder.items() if isinstance(decoder, dict) else ():
        if str(token).isdecimal() and isinstance(described, dict):
            yield int(token), str(described.get("content"))
    for text, token in _json_of(folder, _ADDED_TOKENS).items():
        if isinstance(token, int):
            yield token, str(text)
    listed = _json_of(folder, _TOKENIZER).get("added_tokens")
    for described in listed if isinstance(listed, list) else ():
        if isinstance(described, dict) and isinstance(described.get("id"), int):
            yield described["id"], str(described.get("content"))


def _json_of(folder: str, name: str) -> dict[str, Any]:
    """The JSON object in a file of a folder; empty if the file is missing or is not a JSON object."""
    content = read_from(folder, name)
    try:
        found = json.loads(content) if content is not None else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

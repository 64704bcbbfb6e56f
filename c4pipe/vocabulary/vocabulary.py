"""A SentencePiece model with T5's special ids: pad 0, eos 1, unk 2, and extra ids above the pieces.

    id   0      1     2      3 ... num_pieces - 1   num_pieces ...... size - 1
         <pad>  </s>  <unk>  pieces                 <extra_id_99> ... <extra_id_0>

The extra ids (sentinels) are no pieces of the SentencePiece model: they lie above it and count downwards, as in seqio's
`SentencePieceVocabulary(extra_ids=100)` and Hugging Face's `T5Tokenizer(extra_ids=100)`. So text never encodes to one.
"""

import json
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import sentencepiece

from c4pipe.errors import UserError

MODEL_FILE = "spiece.model"
PIECES_FILE = "spiece.vocab"
PAD_ID = 0
EOS_ID = 1
UNK_ID = 2
DEFAULT_NUM_EXTRA_IDS = 100
EMBEDDING_ROWS_MULTIPLE = 128
"""T5 pads its embedding to a multiple of this, so that it divides over accelerator cores: 32,100 ids, 32,128 rows."""

# SentencePiece gives numpy arrays since 0.2.2.
_HAS_NUMPY_ENCODING = hasattr(sentencepiece.SentencePieceProcessor, "EncodeAsNumpy")


class Vocabulary:
    """Text to ids and back. Immutable; pickles with its model, so that a worker needs no file."""

    pad_id = PAD_ID
    eos_id = EOS_ID
    unk_id = UNK_ID

    def __init__(self, model: bytes, num_extra_ids: int = DEFAULT_NUM_EXTRA_IDS, source: str = "the model") -> None:
        """
        Args:
            model: the bytes of `spiece.model`.
            num_extra_ids: how many sentinels lie above the pieces.
            source: what to call the model in an error.
        Raises: UserError where the bytes are no SentencePiece model, or its special ids are not T5's.
        """
        if num_extra_ids < 0:
            raise UserError(f"num_extra_ids is {num_extra_ids}; give 0 or more")
        processor = sentencepiece.SentencePieceProcessor()
        try:
            processor.LoadFromSerializedProto(model)
        except Exception as error:
            raise UserError(f"{source} is no SentencePiece model; give a folder with {MODEL_FILE}") from error
        special = (processor.pad_id(), processor.eos_id(), processor.unk_id())
        if special != (PAD_ID, EOS_ID, UNK_ID):
            raise UserError(
                f"{source} has pad, eos, unk {special}, T5 needs (0, 1, 2); train one with pipelines.c4_to_vocabulary"
            )
        self._processor = processor
        self._model = model
        self._source = source
        self.num_pieces: int = processor.get_piece_size()
        self.num_extra_ids = num_extra_ids

    @classmethod
    def load(cls, path: str, num_extra_ids: int | None = None) -> "Vocabulary":
        """Load a vocabulary from a folder that holds `spiece.model`, or from such a file (local or an fsspec URL).

        Args:
            num_extra_ids: None takes the number that the folder tells (its `manifest.json`, a run's `run.json`, or the
                `extra_ids` of a Hugging Face `tokenizer_config.json`), else 100.
        Raises: UserError where there is no model or it is none of T5's kind.
        """
        path = str(path)
        model = _read(path) if path.endswith(".model") else None
        folder = path.rsplit("/", 1)[0] if model is not None and "/" in path else "." if model is not None else path
        if model is None:
            model = _read(f"{folder.rstrip('/')}/{MODEL_FILE}")
        if model is None and _read(f"{folder.rstrip('/')}/tokenizer.json") is not None:
            raise UserError(
                f"no vocabulary at {path}: tokenizer.json is there but not {MODEL_FILE}, which transformers 5 leaves "
                "out; copy it from the folder that the model was first loaded from"
            )
        if model is None:
            raise UserError(
                f"no vocabulary at {path}: {MODEL_FILE} is not there; make one with pipelines.c4_to_vocabulary"
            )
        if num_extra_ids is None:
            num_extra_ids = _told_num_extra_ids(folder)
        return cls(model, num_extra_ids, source=path)

    @property
    def model(self) -> bytes:
        """The bytes of `spiece.model`."""
        return self._model

    @property
    def size(self) -> int:
        """Pieces and extra ids: ids are smaller than this."""
        return self.num_pieces + self.num_extra_ids

    @property
    def embedding_rows(self) -> int:
        """`size` rounded up to a multiple of 128, the rows of an embedding table."""
        return -(-self.size // EMBEDDING_ROWS_MULTIPLE) * EMBEDDING_ROWS_MULTIPLE

    def sentinel_id(self, n: int) -> int:
        """Id of `<extra_id_n>`; `n` past the last extra id gives ids of real pieces, as in the reference."""
        return self.size - 1 - n

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without EOS. `<extra_id_0>` in the text is plain text."""
        return self._processor.encode(text, out_type=int)

    def encode_batch(self, texts: Sequence[str], num_threads: int = 1) -> list[list[int]]:
        """Ids of many texts, without EOS."""
        return self._processor.encode(list(texts), out_type=int, num_threads=num_threads)

    def encode_flat(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids of many texts one after the other, and how many each has: (tokens int32 [sum], lengths int64 [texts])."""
        if not _HAS_NUMPY_ENCODING:
            encoded = self.encode_batch(texts)
            flat = array("i")
            for ids in encoded:
                flat.fromlist(ids)
            arrays = [np.frombuffer(flat, np.int32)] if flat else []
        else:
            # Spares a Python list of ints a page: the whole is 12% faster.
            encoded = arrays = self._processor.encode(list(texts), return_type="numpy", num_threads=1)
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return np.concatenate(arrays) if arrays else np.zeros(0, np.int32), lengths

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids. Sentinels stay visible as `<extra_id_n>`, pad and EOS vanish."""
        parts: list[str] = []
        run: list[int] = []

        def close_run() -> None:
            text = self._processor.decode(run) if run else ""
            if text:
                starts_word = self._processor.id_to_piece(run[0]).startswith("\u2581")
                parts.append(f" {text}" if parts and starts_word else text)
            run.clear()

        for token in map(int, ids):
            if token in (PAD_ID, EOS_ID):
                continue
            if self.num_pieces <= token < self.size:
                close_run()
                parts.append(f"{' ' if parts else ''}{self.piece(token)}")
            else:
                run.append(token if 0 <= token < self.num_pieces else UNK_ID)
        close_run()
        return "".join(parts)

    def piece(self, token: int) -> str:
        """The piece of an id: `▁the`, `</s>`, `<extra_id_0>`; rows of the embedding above `size` are `<unused>`."""
        if 0 <= token < self.num_pieces:
            return self._processor.id_to_piece(int(token))
        if self.num_pieces <= token < self.size:
            return f"<extra_id_{self.size - 1 - token}>"
        return "<unused>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and (self._model, self.num_extra_ids) == (
            other._model,
            other.num_extra_ids,
        )

    def __hash__(self) -> int:
        return hash((self._model, self.num_extra_ids))

    def __reduce__(self):
        return Vocabulary, (self._model, self.num_extra_ids, self._source)

    def __repr__(self) -> str:
        return f"Vocabulary({self.num_pieces:,} pieces, {self.num_extra_ids} extra ids, from {self._source})"


def _told_num_extra_ids(folder: str) -> int:
    """How many extra ids the files beside a model say that it has."""
    for name, find in (
        ("manifest.json", lambda found: found["settings"]["num_extra_ids"]),
        ("run.json", lambda found: found["num_extra_ids"]),
        ("tokenizer_config.json", lambda found: found["extra_ids"]),
    ):
        content = _read(f"{folder.rstrip('/')}/{name}")
        if content is None:
            continue
        try:
            return int(find(json.loads(content)))
        except (ValueError, KeyError, TypeError):
            continue
    return DEFAULT_NUM_EXTRA_IDS


def _read(path: str) -> bytes | None:
    """A file's bytes, or None where there is none."""
    try:
        if "://" in path:
            import fsspec

            with fsspec.open(path, "rb") as source:
                return source.read()
        return Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None

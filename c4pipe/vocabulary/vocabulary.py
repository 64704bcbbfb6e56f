"""A SentencePiece model with T5's special ids: pad 0, eos 1, unk 2, and extra ids above the pieces.

    id   0      1     2      3 ... num_pieces - 1   num_pieces ...... size - 1
         <pad>  </s>  <unk>  pieces                 <extra_id_99> ... <extra_id_0>

The extra ids (sentinels) lie above the pieces and count downwards, as in seqio's
`SentencePieceVocabulary(extra_ids=100)` and Hugging Face's `T5Tokenizer(extra_ids=100)`. If the last pieces of a model
are sentinels (as in mT5's), they keep their ids: these pieces are removed from the model and become the extra ids.

Whether `<extra_id_0>` in a text means the sentinel depends on the kind of text. In a corpus it is plain text (`encode`,
`encode_flat`), so that no page can contain a sentinel. In prompts and task files it is the sentinel (`encode_prompts`).
"""

import hashlib
import re
from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import sentencepiece

from c4pipe import hub
from c4pipe.errors import UserError
from c4pipe.vocabulary import folders, sentencepiece_model
from c4pipe.vocabulary.folders import DEFAULT_NUM_EXTRA_IDS, MODEL_FILE

PAD_ID = 0
EOS_ID = 1
UNK_ID = 2
EMBEDDING_ROWS_MULTIPLE = 128
"""T5 pads its embedding to a multiple of this, to divide it over accelerator cores: 32,100 ids become 32,128 rows."""

_SENTINEL = re.compile(r"<extra_id_(0|[1-9][0-9]*)>")
# SentencePiece can return numpy arrays since version 0.2.2.
_HAS_NUMPY_ENCODING = hasattr(sentencepiece.SentencePieceProcessor, "EncodeAsNumpy")


class Vocabulary:
    """Converts text to ids and back. Immutable. It is pickled together with its model, so that workers need no file."""

    pad_id = PAD_ID
    eos_id = EOS_ID
    unk_id = UNK_ID

    def __init__(self, model: bytes, num_extra_ids: int = DEFAULT_NUM_EXTRA_IDS, source: str = "the model") -> None:
        """
        Args:
            model: the bytes of `spiece.model`.
            num_extra_ids: the number of sentinels above the pieces. A model with its own sentinels has only these.
            source: the name of the model in errors.
        Raises: UserError if the bytes are not a SentencePiece model, or if its special ids or sentinels are not T5's.
        """
        if num_extra_ids < 0:
            raise UserError(f"num_extra_ids is {num_extra_ids}; give 0 or more")
        processor = _load(model, source)
        num_own = _num_own_sentinels(processor, source)
        if num_own:
            if num_extra_ids not in (0, num_own, DEFAULT_NUM_EXTRA_IDS):
                raise UserError(
                    f"{source} has {num_own} sentinels of its own, not {num_extra_ids}; leave the number out"
                )
            model, num_extra_ids = sentencepiece_model.without_last_pieces(model, num_own), num_own
            processor = _load(model, source)
        special = (processor.pad_id(), processor.eos_id(), processor.unk_id())
        if special != (PAD_ID, EOS_ID, UNK_ID):
            raise UserError(
                f"{source} has pad, eos, unk {special}, but T5 needs (0, 1, 2); train one with "
                "pipelines.c4_to_vocabulary"
            )
        self._processor = processor
        self._model = model
        self._source = source
        # Models that mark the ends of words decode to a text with a blank at the end.
        self._ends_with_blank = processor.decode(processor.encode("a")).endswith(" ")
        self.num_pieces: int = processor.get_piece_size()
        self.num_extra_ids = num_extra_ids

    @classmethod
    def load(cls, path: str, num_extra_ids: int | None = None) -> "Vocabulary":
        """Load a vocabulary from a folder with `spiece.model`, or from such a file (local or an fsspec URL).

        A name of the Hugging Face hub, such as `google/t5-v1_1-base`, is downloaded into its cache.

        Args:
            num_extra_ids: if None, the number is read from the folder (its `manifest.json`, a run's `run.json`, or the
                `extra_ids` of a Hugging Face `tokenizer_config.json`); if it is not there, 100.
        Raises: UserError if the model is missing or does not fit T5, or if tokens were added to its tokenizer.
        """
        path = hub.model_folder(str(path), folders.FILES)
        folder = folders.folder_of(path)
        model = folders.read(path) if path.endswith(".model") else folders.read_from(folder, MODEL_FILE)
        if model is None:
            raise UserError(f"no vocabulary at {path}: {folders.why_no_model(folder, MODEL_FILE)}")
        if num_extra_ids is None:
            num_extra_ids = folders.recorded_num_extra_ids(folder)
        vocabulary = cls(model, DEFAULT_NUM_EXTRA_IDS if num_extra_ids is None else num_extra_ids, source=path)
        folders.refuse_added_tokens(folder, vocabulary.piece)
        return vocabulary

    @property
    def model(self) -> bytes:
        """The bytes of `spiece.model`."""
        return self._model

    @property
    def digest(self) -> str:
        """SHA-256 of `model`, in hexadecimal."""
        return hashlib.sha256(self._model).hexdigest()

    @property
    def size(self) -> int:
        """The number of pieces and extra ids; all ids are smaller."""
        return self.num_pieces + self.num_extra_ids

    @property
    def embedding_rows(self) -> int:
        """`size` rounded up to a multiple of 128, the rows of an embedding table."""
        return -(-self.size // EMBEDDING_ROWS_MULTIPLE) * EMBEDDING_ROWS_MULTIPLE

    def sentinel_id(self, n: int) -> int:
        """The id of `<extra_id_n>`. If `n` exceeds the extra ids, it is the id of a piece, as in the reference."""
        return self.size - 1 - n

    def encode(self, text: str) -> list[int]:
        """Ids of a text of a corpus, without EOS. `<extra_id_0>` in it is plain text."""
        return self._processor.encode(text, out_type=int)

    def encode_batch(self, texts: Sequence[str], num_threads: int = 1) -> list[list[int]]:
        """Ids of many texts of a corpus, without EOS."""
        return self._processor.encode(list(texts), out_type=int, num_threads=num_threads)

    def encode_prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of many prompts or texts of tasks, without EOS. `<extra_id_0>` in them is the sentinel.

        Each part between sentinels is encoded as a separate text, with or without a space beside the sentinel, like in
        Hugging Face's fast tokenizers.
        """
        split = [self._split_at_sentinels(text) for text in texts]
        encoded = iter(self.encode_batch([part for parts in split for part in parts if isinstance(part, str)]))
        return [
            [token for part in parts for token in ([part] if isinstance(part, int) else next(encoded))]
            for parts in split
        ]

    def _split_at_sentinels(self, text: str) -> list[str | int]:
        """Split a text into parts and the ids of the sentinels between them."""
        parts: list[str | int] = []
        begin = 0
        for match in _SENTINEL.finditer(text):
            number = int(match[1])
            if number < self.num_extra_ids:
                parts += [text[begin : match.start()], self.sentinel_id(number)]
                begin = match.end()
        return [*parts, text[begin:]]

    def encode_flat(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids of many texts, one after the other: (tokens, (sum of lengths,) int32; ids per text, (texts,) int64)."""
        if not _HAS_NUMPY_ENCODING:
            encoded = self.encode_batch(texts)
            flat = array("i")
            for ids in encoded:
                flat.fromlist(ids)
            arrays = [np.frombuffer(flat, np.int32)] if flat else []
        else:
            # Without a Python list of ints per page, encoding is 12% faster.
            encoded = arrays = self._processor.encode(list(texts), return_type="numpy", num_threads=1)
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return np.concatenate(arrays) if arrays else np.zeros(0, np.int32), lengths

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. Sentinels stay visible as `<extra_id_n>`; pad and EOS are left out."""
        parts: list[str] = []
        run: list[int] = []

        def close_run() -> None:
            text = self._processor.decode(run) if run else ""
            if text:
                starts_word = self._processor.id_to_piece(run[0]).startswith("\u2581") and not text.startswith(" ")
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
        text = "".join(parts)
        return text.removesuffix(" ") if self._ends_with_blank else text

    def piece(self, token: int) -> str:
        """The piece of an id: `▁the`, `</s>`, `<extra_id_0>`; `<unused>` for rows of the embedding above `size`."""
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


def _load(model: bytes, source: str) -> sentencepiece.SentencePieceProcessor:
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except Exception as error:
        raise UserError(f"{source} is not a SentencePiece model; give a folder with {MODEL_FILE}") from error
    return processor


def _num_own_sentinels(processor: sentencepiece.SentencePieceProcessor, source: str) -> int:
    """The number of a model's last pieces that are sentinels: from the last one, `<extra_id_0>`, `<extra_id_1>`, ...

    Raises: UserError if there are sentinels among the other pieces.
    """
    size, number = processor.get_piece_size(), 0
    while number < size and processor.id_to_piece(size - 1 - number).lstrip("\u2581") == f"<extra_id_{number}>":
        number += 1
    for piece in ("<extra_id_0>", "\u2581<extra_id_0>"):
        place = processor.piece_to_id(piece)
        if not number and processor.id_to_piece(place) == piece:
            raise UserError(
                f"{source} has {piece} as piece {place}, but T5's sentinels are the last ids and count downwards; "
                "train a model without sentinels of its own"
            )
    return number

"""The files by which `transformers` loads a vocabulary with the same ids, written from `spiece.model` alone.

`transformers` can make `tokenizer.json` itself, but only where protobuf is installed; a folder that has one loads
anywhere. What stands in it is what `transformers`' conversion of a T5 tokenizer gives (a test compares the two).
"""

import base64
import json
from typing import Any

from c4pipe.errors import UserError
from c4pipe.vocabulary import sentencepiece_model
from c4pipe.vocabulary.vocabulary import MODEL_FILE, Vocabulary

_USER_DEFINED, _BYTE = 4, 6
_PAD, _EOS, _UNK = "<pad>", "</s>", "<unk>"


def tokenizer_files(vocabulary: Vocabulary) -> dict[str, bytes]:
    """File name -> content: `spiece.model`, `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`.

    Raises: UserError where the SentencePiece model is of a kind that T5's tokenizer does not know.
    """
    sentinels = [vocabulary.piece(vocabulary.sentinel_id(n)) for n in range(vocabulary.num_extra_ids)]
    special = {"eos_token": _EOS, "pad_token": _PAD, "unk_token": _UNK, "additional_special_tokens": sentinels}
    settings = {
        **special,
        "added_tokens_decoder": {
            str(token): _added_token(text, special=True) for token, text in _special_ids(vocabulary).items()
        },
        "clean_up_tokenization_spaces": False,
        "extra_ids": vocabulary.num_extra_ids,
        "legacy": True,
        "tokenizer_class": "T5Tokenizer",
    }
    if _spells_in_bytes(sentencepiece_model.read(vocabulary.model)):
        # T5Tokenizer of version 5 builds a tokenizer without bytes; the general class takes tokenizer.json as it is.
        settings |= {
            "model_input_names": ["input_ids", "attention_mask"],
            "tokenizer_class": "PreTrainedTokenizerFast",
        }
    return {
        MODEL_FILE: vocabulary.model,
        "tokenizer.json": _json(tokenizer_json(vocabulary)),
        "tokenizer_config.json": _json(settings),
        "special_tokens_map.json": _json(special),
    }


def tokenizer_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """The fast tokenizer: pieces with their scores, the model's normalisation, words begun by `▁`, EOS at the end."""
    model = sentencepiece_model.read(vocabulary.model)
    if not model.is_unigram:
        raise UserError("Hugging Face's T5 tokenizer takes unigram models only; this vocabulary is of another kind")
    added = {token: (text, True) for token, text in _special_ids(vocabulary).items()}
    added |= {token: (piece, False) for token, (piece, _, kind) in enumerate(model.pieces) if kind == _USER_DEFINED}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    byte_fallback = _spells_in_bytes(model)
    from_bytes = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace]}
    pieces = [[piece, score] for piece, score, _ in model.pieces]
    sentinels = [[vocabulary.piece(token), 0.0] for token in range(vocabulary.num_pieces, vocabulary.size)]
    normalizers: list[dict[str, Any]] = [
        {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"},
    ]
    if model.character_map:
        encoded = base64.b64encode(model.character_map).decode()
        normalizers.insert(0, {"type": "Precompiled", "precompiled_charsmap": encoded})
    eos = {"SpecialToken": {"id": _EOS, "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": token, **_added_token(text, special=special)} for token, (text, special) in sorted(added.items())
        ],
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": metaspace,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, eos],
            "pair": [first, eos, second, eos],
            "special_tokens": {_EOS: {"id": _EOS, "ids": [vocabulary.eos_id], "tokens": [_EOS]}},
        },
        "decoder": from_bytes if byte_fallback else metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": vocabulary.unk_id,
            "vocab": pieces + sentinels,
            "byte_fallback": byte_fallback,
        },
    }


def _spells_in_bytes(model: sentencepiece_model.SentencePieceModel) -> bool:
    return any(kind == _BYTE for _, _, kind in model.pieces)


def _special_ids(vocabulary: Vocabulary) -> dict[int, str]:
    special = {vocabulary.pad_id: _PAD, vocabulary.eos_id: _EOS, vocabulary.unk_id: _UNK}
    return special | {token: vocabulary.piece(token) for token in range(vocabulary.num_pieces, vocabulary.size)}


def _added_token(text: str, *, special: bool) -> dict[str, Any]:
    return {
        "content": text,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": special,
    }


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=False) + "\n").encode()

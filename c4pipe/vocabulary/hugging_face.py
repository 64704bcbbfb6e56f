"""Makes the files from which `transformers` loads a vocabulary with the same ids, from `spiece.model` alone.

`transformers` can make `tokenizer.json` itself, but only if protobuf is installed. A folder that already has the file
loads without it. The content is the same as from `transformers`' conversion of a T5 tokenizer (a test compares them).
"""

import base64
import json
from typing import Any

from c4pipe.errors import UserError
from c4pipe.vocabulary import sentencepiece_model
from c4pipe.vocabulary.folders import MODEL_FILE
from c4pipe.vocabulary.vocabulary import Vocabulary

_USER_DEFINED, _BYTE = 4, 6
_PAD, _EOS, _UNK = "<pad>", "</s>", "<unk>"


def tokenizer_files(vocabulary: Vocabulary) -> dict[str, bytes]:
    """File name -> content: `spiece.model`, `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`.

    Raises: UserError if the SentencePiece model is of a kind that T5's tokenizer does not know.
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
    model = sentencepiece_model.read(vocabulary.model)
    if _spells_in_bytes(model) or not _has_options_of_t5(model):
        # In version 5, T5Tokenizer ignores tokenizer.json and builds a tokenizer with T5's options and without bytes.
        # The general class uses tokenizer.json unchanged.
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
    """The fast tokenizer: pieces with their scores, the model's normalisation, EOS at the end.

    Models with T5's options get the same steps as from `transformers`' conversion. Other models get steps that follow
    their options; `c4pipe.vocabulary.agreement` checks the result.
    """
    model = sentencepiece_model.read(vocabulary.model)
    if not model.is_unigram:
        raise UserError("Hugging Face's T5 tokenizer supports only unigram models; this vocabulary is of another kind")
    added = {token: (text, True) for token, text in _special_ids(vocabulary).items()}
    added |= {token: (piece, False) for token, (piece, _, kind) in enumerate(model.pieces) if kind == _USER_DEFINED}
    pieces = [[piece, score] for piece, score, _ in model.pieces]
    sentinels = [[vocabulary.piece(token), 0.0] for token in range(vocabulary.num_pieces, vocabulary.size)]
    eos = {"SpecialToken": {"id": _EOS, "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": token, **_added_token(text, special=special)} for token, (text, special) in sorted(added.items())
        ],
        **(_steps_of_t5(model) if _has_options_of_t5(model) else _steps_of_options(model)),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, eos],
            "pair": [first, eos, second, eos],
            "special_tokens": {_EOS: {"id": _EOS, "ids": [vocabulary.eos_id], "tokens": [_EOS]}},
        },
        "model": {
            "type": "Unigram",
            "unk_id": vocabulary.unk_id,
            "vocab": pieces + sentinels,
            "byte_fallback": _spells_in_bytes(model),
        },
    }


def _has_options_of_t5(model: sentencepiece_model.SentencePieceModel) -> bool:
    # The `nmt` rules turn tabs and line breaks into blanks, so that blanks are the only white space.
    return (
        model.normalization.startswith("nmt_")
        and model.add_dummy_prefix
        and model.remove_extra_whitespaces
        and model.split_by_whitespace
        and not model.treat_whitespace_as_suffix
    )


def _steps_of_t5(model: sentencepiece_model.SentencePieceModel) -> dict[str, Any]:
    """The steps of `transformers`' conversion of a T5 tokenizer, which cuts the text into words before the model."""
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    normalizers: list[dict[str, Any]] = [
        *_character_map(model),
        {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"},
    ]
    from_bytes = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace]}
    return {
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": metaspace,
        "decoder": from_bytes if _spells_in_bytes(model) else metaspace,
    }


def _steps_of_options(model: sentencepiece_model.SentencePieceModel) -> dict[str, Any]:
    """The steps of the model's own options, in SentencePiece's order.

    The model sees the whole text, so that pieces may contain blanks.
    """
    normalizers = _character_map(model)
    if model.normalization.startswith("nmt_"):
        # SentencePiece sees two characters here, but the Rust library only one.
        normalizers.insert(0, {"type": "Replace", "pattern": {"String": "\r\n"}, "content": "  "})
    if model.remove_extra_whitespaces:
        normalizers += [_replace(r"\A +| +\z", ""), _replace(" {2,}", " ")]
    as_suffix = model.treat_whitespace_as_suffix
    if model.add_dummy_prefix and as_suffix:
        normalizers.append(_replace(r"(?<=.)\z", " "))
    elif model.add_dummy_prefix:
        normalizers.append({"type": "Prepend", "prepend": "\u2581"})
    normalizers.append({"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})
    decoders: list[dict[str, Any]] = [{"type": "ByteFallback"}] if _spells_in_bytes(model) else []
    decoders += [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "Fuse"}]
    if model.add_dummy_prefix:
        decoders.append({"type": "Strip", "content": " ", "start": int(not as_suffix), "stop": int(as_suffix)})
    return {
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
    }


def _character_map(model: sentencepiece_model.SentencePieceModel) -> list[dict[str, Any]]:
    if not model.character_map:
        return []
    encoded = base64.b64encode(model.character_map).decode()
    return [{"type": "Precompiled", "precompiled_charsmap": encoded}]


def _replace(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


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

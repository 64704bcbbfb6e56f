"""The small files beside `spiece.model` by which `transformers` loads a vocabulary folder with the same ids."""

import json
from typing import Any

from c4pipe.vocabulary.vocabulary import Vocabulary

_SPECIAL = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def tokenizer_files(vocabulary: Vocabulary) -> dict[str, bytes]:
    """File name -> content, for `T5Tokenizer.from_pretrained(folder)` and `AutoTokenizer.from_pretrained(folder)`."""
    sentinels = [f"<extra_id_{n}>" for n in range(vocabulary.num_extra_ids)]
    special = _SPECIAL | {"additional_special_tokens": sentinels}
    settings = special | {
        "clean_up_tokenization_spaces": False,
        "extra_ids": vocabulary.num_extra_ids,
        "legacy": True,
        "tokenizer_class": "T5Tokenizer",
    }
    return {"special_tokens_map.json": _json(special), "tokenizer_config.json": _json(settings)}


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()

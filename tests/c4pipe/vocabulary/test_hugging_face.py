"""The tokenizer's files against transformers' own conversion and against our vocabulary."""

import importlib
import json

import pytest

from c4pipe.errors import UserError
from c4pipe.vocabulary import sentencepiece_model
from c4pipe.vocabulary.hugging_face import tokenizer_files, tokenizer_json

transformers = pytest.importorskip("transformers")

TEXTS = [
    "the model reads text",
    "  two  spaces,\tand ﬁne ligatures Ａ１ ",
    "unknown signs: 漢字 🙂 naïve",
    "",
    "it is <b>bold</b>",
]


@pytest.fixture(scope="module")
def folder(vocabulary, tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer")
    for name, content in tokenizer_files(vocabulary).items():
        (path / name).write_bytes(content)
    return path


def test_the_model_file_is_read_as_the_library_reads_it(vocabulary):
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=vocabulary.model)
    model = sentencepiece_model.read(vocabulary.model)
    assert len(model.pieces) == processor.get_piece_size()
    for token, (piece, score, kind) in enumerate(model.pieces):
        assert piece == processor.id_to_piece(token)
        assert score == processor.get_score(token)
        assert (kind == 3) == processor.is_control(token)
        assert (kind == 2) == processor.is_unknown(token)
    assert len(model.character_map) > 1000 and model.is_unigram


def test_a_model_file_that_breaks_off_is_an_error(vocabulary):
    with pytest.raises(UserError, match="damaged"):
        sentencepiece_model.read(vocabulary.model[:-3])


def test_tokenizer_json_is_what_transformers_makes(vocabulary, folder, monkeypatch):
    conversion = importlib.import_module("transformers.convert_slow_tokenizer")
    # The protobuf module that comes with transformers: sentencepiece's may be newer than the protobuf installed.
    messages = importlib.import_module("transformers.utils.sentencepiece_model_pb2_new")
    monkeypatch.setattr(conversion, "import_protobuf", lambda *arguments: messages)
    slow = transformers.T5Tokenizer(str(folder / "spiece.model"), extra_ids=vocabulary.num_extra_ids, legacy=True)
    converted = json.loads(conversion.convert_slow_tokenizer(slow).to_str())
    ours = tokenizer_json(vocabulary)
    theirs_added = {token["id"]: token for token in converted.pop("added_tokens")}
    ours_added = {token["id"]: token for token in ours.pop("added_tokens")}
    assert ours == converted
    assert all(ours_added[number] == token for number, token in theirs_added.items())


@pytest.mark.parametrize("use_fast", [True, False])
def test_texts_and_sentinels_get_our_ids(vocabulary, folder, use_fast):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, use_fast=use_fast)
    assert tokenizer.is_fast == use_fast
    for text in TEXTS:
        assert tokenizer(text).input_ids == [*vocabulary.encode(text), vocabulary.eos_id], text
    assert len(tokenizer) == vocabulary.size
    for n in (0, 7, vocabulary.num_extra_ids - 1):
        assert tokenizer.convert_tokens_to_ids(f"<extra_id_{n}>") == vocabulary.sentinel_id(n)
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2)
    ids = vocabulary.encode("bado fige lamo")
    assert tokenizer.decode(ids, skip_special_tokens=True) == vocabulary.decode(ids) == "bado fige lamo"

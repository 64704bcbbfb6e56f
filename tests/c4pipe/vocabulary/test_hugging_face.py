"""The tokenizer's files against transformers' own conversion and against our vocabulary."""

import importlib
import json
from types import SimpleNamespace

import pytest

from c4pipe.errors import UserError
from c4pipe.vocabulary import agreement, sentencepiece_model
from c4pipe.vocabulary.hugging_face import tokenizer_files, tokenizer_json
from c4pipe.vocabulary.training import TrainingOptions, train
from c4pipe.vocabulary.vocabulary import Vocabulary

transformers = pytest.importorskip("transformers")
HAS_SLOW_TOKENIZERS = int(transformers.__version__.partition(".")[0]) < 5

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


def _has_protobuf_of_sentencepiece() -> bool:
    """Version 0.2.3 of sentencepiece needs a newer protobuf than Beam allows; constraints.txt has 0.2.2."""
    try:
        importlib.import_module("sentencepiece.sentencepiece_model_pb2")
    except Exception:
        return False
    return True


def test_tokenizer_json_is_the_same_as_from_transformers(vocabulary, folder, monkeypatch):
    conversion = importlib.import_module("transformers.convert_slow_tokenizer")
    if not _has_protobuf_of_sentencepiece():
        # The one that comes with transformers; both in one process are an error.
        messages = importlib.import_module("transformers.utils.sentencepiece_model_pb2_new")
        monkeypatch.setattr(conversion, "import_protobuf", lambda *arguments: messages)
    slow = SimpleNamespace(  # what the conversion asks of a slow tokenizer, which version 5 has no more
        vocab_file=str(folder / "spiece.model"),
        _extra_ids=vocabulary.num_extra_ids,
        convert_tokens_to_ids={"</s>": vocabulary.eos_id}.__getitem__,
    )
    converted = json.loads(conversion.T5Converter(slow).converted().to_str())
    ours = tokenizer_json(vocabulary)
    theirs_added = {token["id"]: token for token in converted.pop("added_tokens")}
    ours_added = {token["id"]: token for token in ours.pop("added_tokens")}
    assert ours == converted
    assert all(ours_added[number] == token for number, token in theirs_added.items())


SLOW = pytest.mark.skipif(not HAS_SLOW_TOKENIZERS, reason="version 5 has no slow tokenizers")


@pytest.mark.parametrize("use_fast", [True, pytest.param(False, marks=SLOW)])
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


def test_sentinels_in_prompts_get_the_ids_that_the_exported_tokenizer_gives(vocabulary, folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prompts = [
        "bado <extra_id_0> fige <extra_id_1>",
        "bado<extra_id_0>fige",
        " <extra_id_7>  <extra_id_0> ",
        "<extra_id_19><extra_id_0>",
        "<extra_id_20> bado <extra_id_01>",
        "ab<extra_id_3>: 漢 <extra_id_",
    ]
    for text, ids in zip(prompts, vocabulary.encode_prompts(prompts), strict=True):
        assert tokenizer(text).input_ids == [*ids, vocabulary.eos_id], text


def test_a_vocabulary_that_spells_in_bytes_has_nothing_unknown_there_either(texts, tmp_path):
    vocabulary = Vocabulary(train(texts, TrainingOptions(num_pieces=456, byte_fallback=True)), num_extra_ids=20)
    for name, content in tokenizer_files(vocabulary).items():
        (tmp_path / name).write_bytes(content)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in ("bado fige", "unknown signs: 漢字 🙂 naïve", "é"):
        ids = vocabulary.encode(text)
        assert vocabulary.unk_id not in ids
        assert tokenizer(text).input_ids == [*ids, vocabulary.eos_id], text
        assert tokenizer.decode(ids) == vocabulary.decode(ids) == text
    assert tokenizer.convert_tokens_to_ids("<extra_id_0>") == vocabulary.sentinel_id(0)
    assert set(tokenizer("bado")) == {"input_ids", "attention_mask"}, "what a T5 model takes"


OPTIONS = {
    "no_dummy_prefix": {"add_dummy_prefix": False},
    "suffix": {"treat_whitespace_as_suffix": True},
    "pieces_with_blanks": {"split_by_whitespace": False},
    "extra_whitespace": {"remove_extra_whitespaces": False},
    "nfkc_cf": {"normalization_rule_name": "nfkc_cf"},
    "identity": {"normalization_rule_name": "identity"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_vocabularies_of_other_options_get_a_tokenizer_with_their_ids(name, texts, tmp_path, spiece_of):
    varied = [*texts, "Ein CAFÉ, \t <b>two  blanks</b>", *agreement.SAMPLE[2:] * 3]
    vocabulary = Vocabulary(spiece_of(varied, 300, **OPTIONS[name]), num_extra_ids=20)
    contents = tokenizer_files(vocabulary)
    agreement.check_agreement(vocabulary, contents["tokenizer.json"].decode())
    for file, content in contents.items():
        (tmp_path / file).write_bytes(content)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text, ids in zip(texts[:50], vocabulary.encode_prompts(texts[:50]), strict=True):
        assert tokenizer(text).input_ids == [*ids, vocabulary.eos_id]
        assert tokenizer.decode(ids) == vocabulary.decode(ids)


@pytest.mark.skipif(
    not (HAS_SLOW_TOKENIZERS and _has_protobuf_of_sentencepiece()), reason="version 5 has no slow tokenizers"
)
def test_t5s_own_tokenizer_without_its_legacy_loads_the_folder(vocabulary, folder):
    tokenizer = transformers.T5Tokenizer.from_pretrained(folder, legacy=False)
    texts = [*TEXTS, "bado <extra_id_0> fige"]
    for text, ids in zip(texts, vocabulary.encode_prompts(texts), strict=True):
        if text != TEXTS[1]:  # the fast one is compared there; this one keeps a blank before a tab
            assert tokenizer(text).input_ids == [*ids, vocabulary.eos_id], text

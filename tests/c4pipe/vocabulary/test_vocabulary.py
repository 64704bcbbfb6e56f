"""The vocabulary: T5's special ids, sentinels above the pieces, and text there and back."""

import json
import pickle

import numpy as np
import pytest

from c4pipe.errors import UserError
from c4pipe.vocabulary import vocabulary as module
from c4pipe.vocabulary.vocabulary import Vocabulary


def test_sentinels_count_down_from_the_last_id(vocabulary):
    assert (vocabulary.num_pieces, vocabulary.num_extra_ids, vocabulary.size) == (200, 20, 220)
    assert (vocabulary.sentinel_id(0), vocabulary.sentinel_id(19)) == (219, 200)
    assert (vocabulary.piece(219), vocabulary.piece(200)) == ("<extra_id_0>", "<extra_id_19>")
    assert [vocabulary.piece(token) for token in (0, 1, 2)] == ["<pad>", "</s>", "<unk>"]
    assert vocabulary.embedding_rows == 256
    assert vocabulary.piece(230) == "<unused>"


def test_t5s_own_numbers():
    class Released(Vocabulary):
        def __init__(self):
            self.num_pieces, self.num_extra_ids = 32_000, 100

    released = Released()
    assert (released.size, released.embedding_rows) == (32_100, 32_128)
    assert (released.sentinel_id(0), released.sentinel_id(99)) == (32_099, 32_000)


def test_a_batch_is_encoded_as_each_text_alone(vocabulary, texts, monkeypatch):
    batch = [*texts[:5], "", "  ", "zzz ☃"]
    alone = [vocabulary.encode(text) for text in batch]
    assert vocabulary.encode_batch(batch) == alone
    for has_numpy in (True, False):
        monkeypatch.setattr(module, "_HAS_NUMPY_ENCODING", has_numpy and module._HAS_NUMPY_ENCODING)
        tokens, lengths = vocabulary.encode_flat(batch)
        assert tokens.dtype == np.int32
        assert lengths.tolist() == [len(ids) for ids in alone]
        assert tokens.tolist() == [token for ids in alone for token in ids]
        assert vocabulary.encode_flat([])[0].shape == (0,)


def test_text_comes_back_with_sentinels_visible(vocabulary):
    assert vocabulary.decode(vocabulary.encode("bado fige lamo")) == "bado fige lamo"
    ids = [*vocabulary.encode("bado fige"), 219, *vocabulary.encode("lamo"), 218, 1, 0, 0]
    assert vocabulary.decode(ids) == "bado fige <extra_id_0> lamo <extra_id_1>"
    assert vocabulary.decode([219, 218, 1]) == "<extra_id_0> <extra_id_1>"
    assert vocabulary.decode([]) == "" == vocabulary.decode([0, 1])
    assert "⁇" in vocabulary.decode([240])  # rows of the embedding that no id has


def test_text_never_encodes_to_a_sentinel(vocabulary):
    assert max(vocabulary.encode("<extra_id_0> bado </s> <pad>")) < vocabulary.num_pieces
    assert not {0, 1} & set(vocabulary.encode("<pad> bado </s>"))


def with_own_sentinels(model, count, form="\u2581<extra_id_{}>", order=reversed):
    """A model with user-defined pieces behind its own, as mT5's has them."""
    pieces = b""
    for number in order(range(count)):
        text = form.format(number).encode()
        piece = b"\x0a" + bytes([len(text)]) + text + b"\x15" + bytes(4) + b"\x18\x04"
        pieces += b"\x0a" + bytes([len(piece)]) + piece
    return model + pieces


def test_sentinels_are_read_in_prompts_with_and_without_spaces(vocabulary):
    bado, fige = vocabulary.encode("bado"), vocabulary.encode("fige")
    texts = ["bado <extra_id_0> fige", "bado<extra_id_0>fige", "<extra_id_19>", "bado <extra_id_1><extra_id_0>", "bado"]
    assert vocabulary.encode_prompts(texts) == [
        [*bado, 219, *fige],
        [*bado, 219, *fige],
        [200],
        [*bado, 218, 219],
        bado,
    ]
    assert vocabulary.decode(vocabulary.encode_prompts(texts)[0]) == "bado <extra_id_0> fige"


@pytest.mark.parametrize("text", ["<extra_id_20> bado", "<extra_id_01>", "<extra_id_>", "</s> bado"])
def test_a_sentinel_of_other_vocabularies_stays_plain_text_in_prompts(vocabulary, text):
    assert vocabulary.encode_prompts([text]) == [vocabulary.encode(text)]


def test_a_model_with_sentinels_of_its_own_has_no_others(vocabulary):
    own = Vocabulary(with_own_sentinels(vocabulary.model, 20))
    assert (own.num_pieces, own.num_extra_ids, own.size) == (200, 20, 220)
    assert (own.sentinel_id(0), own.piece(219), own.piece(200)) == (219, "<extra_id_0>", "<extra_id_19>")
    assert own.decode([*own.encode("bado"), 219, 218]) == "bado <extra_id_0> <extra_id_1>"
    assert max(own.encode("<extra_id_0> bado <extra_id_1>")) < 200, "letters in a corpus"
    assert own.encode_prompts(["<extra_id_0>"]) == [[219]]
    assert own == vocabulary == pickle.loads(pickle.dumps(own))
    assert Vocabulary(with_own_sentinels(vocabulary.model, 20), num_extra_ids=0) == own  # as mT5's folders say
    with pytest.raises(UserError, match="20 sentinels of its own, not 7"):
        Vocabulary(with_own_sentinels(vocabulary.model, 20), num_extra_ids=7)


def test_sentinels_in_another_order_than_t5s_are_refused(vocabulary):
    with pytest.raises(UserError, match="count downwards"):
        Vocabulary(with_own_sentinels(vocabulary.model, 20, form="<extra_id_{}>", order=list))


def test_tokens_that_were_added_to_a_tokenizer_are_refused(vocabulary, tmp_path):
    (tmp_path / "spiece.model").write_bytes(vocabulary.model)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps(
            {"extra_ids": 20, "added_tokens_decoder": {"0": {"content": "<pad>"}, "219": {"content": "<extra_id_0>"}}}
        )
    )
    assert Vocabulary.load(str(tmp_path)) == vocabulary
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<ORG>": 220, "[NEWLINE]": 221, "<extra_id_0>": 219}))
    with pytest.raises(UserError, match=r"'<ORG>' \(id 220\), '\[NEWLINE\]' \(id 221\); they would become <unk>"):
        Vocabulary.load(str(tmp_path))
    (tmp_path / "added_tokens.json").unlink()
    (tmp_path / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"id": 220, "content": "<ORG>"}]}))
    with pytest.raises(UserError, match="<ORG>"):
        Vocabulary.load(str(tmp_path))
    # The sentinels of mT5's own model, as Hugging Face's conversion names them.
    (tmp_path / "tokenizer.json").write_text(
        json.dumps({"added_tokens": [{"id": 219, "content": "\u2581<extra_id_0>"}]})
    )
    assert Vocabulary.load(str(tmp_path)) == vocabulary


@pytest.mark.parametrize(
    ("kind", "words"), [("ByT5Tokenizer", "a ByT5, which reads bytes"), ("RobertaTokenizer", "is a Roberta")]
)
def test_a_folder_of_another_kind_of_tokenizer_is_named(kind, words, tmp_path):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind}))
    with pytest.raises(UserError, match=words):
        Vocabulary.load(str(tmp_path))


def test_a_folder_tells_how_many_extra_ids(vocabulary, tmp_path):
    (tmp_path / "spiece.model").write_bytes(vocabulary.model)
    assert Vocabulary.load(str(tmp_path)).num_extra_ids == 100
    assert Vocabulary.load(str(tmp_path / "spiece.model")).num_extra_ids == 100
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"extra_ids": 7}))
    assert Vocabulary.load(str(tmp_path)).num_extra_ids == 7
    (tmp_path / "manifest.json").write_text(json.dumps({"settings": {"num_extra_ids": 20}}))
    assert Vocabulary.load(str(tmp_path)) == vocabulary
    assert Vocabulary.load(str(tmp_path / "spiece.model")) == vocabulary
    assert Vocabulary.load(str(tmp_path), num_extra_ids=3).num_extra_ids == 3
    assert Vocabulary.load(f"file://{tmp_path}") == vocabulary


def test_a_folder_or_file_that_is_not_a_vocabulary_is_an_error(tmp_path, texts, spiece_of):
    with pytest.raises(UserError, match="c4_to_vocabulary"):
        Vocabulary.load(str(tmp_path / "missing"))
    with pytest.raises(UserError, match="c4_to_vocabulary"):
        Vocabulary.load(str(tmp_path / "missing.model"))
    (tmp_path / "tokenizer.json").write_text("{}")  # a folder of transformers 5
    with pytest.raises(UserError, match="copy it from"):
        Vocabulary.load(str(tmp_path))
    (tmp_path / "spiece.model").write_bytes(b"not a model")
    with pytest.raises(UserError, match="not a SentencePiece model"):
        Vocabulary.load(str(tmp_path))
    with pytest.raises(UserError, match="T5 needs"):
        Vocabulary(spiece_of(texts, 200, pad_id=-1, eos_id=2, unk_id=0, bos_id=1))


def test_it_travels_to_workers(vocabulary):
    again = pickle.loads(pickle.dumps(vocabulary))
    assert again == vocabulary and hash(again) == hash(vocabulary)
    assert again.encode("bado") == vocabulary.encode("bado")

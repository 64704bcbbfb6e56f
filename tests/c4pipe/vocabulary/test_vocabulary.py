"""The vocabulary: T5's special ids, sentinels above the pieces, and text there and back."""

import io
import json
import pickle

import numpy as np
import pytest
import sentencepiece

from c4pipe.errors import UserError
from c4pipe.vocabulary import vocabulary as module
from c4pipe.vocabulary.vocabulary import Vocabulary


def model_of(texts, **settings):
    target = io.BytesIO()
    settings = {"vocab_size": 200, "pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1, "minloglevel": 3} | settings
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=target, **settings)
    return target.getvalue()


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


def test_what_is_no_vocabulary_is_an_error(tmp_path, texts):
    with pytest.raises(UserError, match="c4_to_vocabulary"):
        Vocabulary.load(str(tmp_path / "missing"))
    with pytest.raises(UserError, match="c4_to_vocabulary"):
        Vocabulary.load(str(tmp_path / "missing.model"))
    (tmp_path / "tokenizer.json").write_text("{}")  # a folder of transformers 5
    with pytest.raises(UserError, match="copy it from"):
        Vocabulary.load(str(tmp_path))
    (tmp_path / "spiece.model").write_bytes(b"not a model")
    with pytest.raises(UserError, match="no SentencePiece model"):
        Vocabulary.load(str(tmp_path))
    with pytest.raises(UserError, match="T5 needs"):
        Vocabulary(model_of(texts, pad_id=-1, eos_id=2, unk_id=0, bos_id=1))


def test_it_travels_to_workers(vocabulary):
    again = pickle.loads(pickle.dumps(vocabulary))
    assert again == vocabulary and hash(again) == hash(vocabulary)
    assert again.encode("bado") == vocabulary.encode("bado")

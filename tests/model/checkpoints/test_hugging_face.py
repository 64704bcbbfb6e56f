"""Hugging Face folders: written here and loaded there, made there and loaded here, and back."""

import json

import pytest
import torch

from c4pipe.errors import UserError
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints import hugging_face
from model.checkpoints.hugging_face_export import export
from model.checkpoints.opening import open_model

transformers = pytest.importorskip("transformers")

SMALL = ModelConfig(vocabulary_size=256, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)
CASES = {
    "v1.0": SMALL,
    "v1.1": SMALL.with_(feed_forward="gated_gelu", tie_embeddings=False, dropout_rate=0.0),
    "half": SMALL.with_(architecture="encoder_decoder_half", num_layers=4),
}
INPUTS = torch.randint(2, 150, (3, 17), generator=torch.Generator().manual_seed(0))
TARGETS = torch.randint(2, 150, (3, 9), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", CASES)
def test_exported_trained_a_step_there_and_brought_back(name, vocabulary, tmp_path):
    ours = build_model(CASES[name], seed=2)
    out, back = str(tmp_path / "out"), str(tmp_path / "back")
    assert export(out, ours.config, ours.state_dict(), vocabulary)
    theirs, report = transformers.T5ForConditionalGeneration.from_pretrained(out, output_loading_info=True)
    assert not (report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"])
    theirs.eval()  # no dropout
    for model in (theirs, ours):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        if model is ours:
            loss = model(INPUTS, TARGETS)
            (loss.loss_sum / loss.num_tokens).backward()
        else:
            model(input_ids=INPUTS, labels=TARGETS).loss.backward()
        optimizer.step()
    theirs.save_pretrained(back)
    loaded = hugging_face.load(back)
    returned = build_model(loaded.config, seed=None)
    returned.load_state_dict(loaded.weights)
    with torch.no_grad():
        right = theirs(input_ids=INPUTS, labels=TARGETS).logits
        scale = float(right.abs().max())
        torch.testing.assert_close(returned.logits(INPUTS, TARGETS), right, rtol=0, atol=1e-5 * scale)
        torch.testing.assert_close(ours.logits(INPUTS, TARGETS), right, rtol=0, atol=1e-5 * scale)


@pytest.fixture(scope="module", params=["t5", "v1.1", "mt5", "own head"])
def theirs(request):
    """Models of the kinds that people have, with random weights."""
    sizes = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 2, "vocab_size": 256}
    sizes["decoder_start_token_id"] = 0
    if request.param == "mt5":
        return transformers.MT5ForConditionalGeneration(transformers.MT5Config(**sizes)).eval()
    gated = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
    extra = {"t5": {}, "v1.1": gated, "own head": {"tie_word_embeddings": False, "num_decoder_layers": 3}}
    return transformers.T5ForConditionalGeneration(transformers.T5Config(**sizes, **extra[request.param])).eval()


@pytest.mark.parametrize("form", ["safetensors", "sharded safetensors", "bin", "sharded bin", "bfloat16"])
def test_folders_of_every_form_are_read(theirs, form, tmp_path):
    shards = {"max_shard_size": "40KB"} if "sharded" in form else {}
    if form == "bfloat16":
        theirs = type(theirs)(theirs.config).to(torch.bfloat16)
    theirs.save_pretrained(tmp_path, safe_serialization="bin" not in form, **shards)
    assert hugging_face.is_folder(str(tmp_path))
    loaded = hugging_face.load(str(tmp_path))
    ours = build_model(loaded.config, seed=None)
    ours.load_state_dict(loaded.weights)
    assert all(tensor.dtype == torch.float32 for tensor in loaded.weights.values())
    with torch.no_grad():
        right = theirs.float().eval()(input_ids=INPUTS, labels=TARGETS).logits
        torch.testing.assert_close(ours.logits(INPUTS, TARGETS), right, rtol=0, atol=1e-5 * float(right.abs().max()))


def test_an_old_config_without_newer_settings_is_read(tmp_path):
    sizes = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 2, "vocab_size": 256}
    (tmp_path / "config.json").write_text(json.dumps({**sizes, "model_type": "t5", "n_positions": 512}))
    assert hugging_face.read_config(str(tmp_path)) == SMALL


def spoil(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"model_type": "bart"}, "bart"),
        ({"feed_forward_proj": "gated-silu"}, "gated-silu"),
        ({"d_ff": 65}, "config.json says"),
        ({"num_layers": 3}, "lacks the weight"),
        ({"decoder_start_token_id": 7}, "pad id"),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_so(vocabulary, tmp_path, changes, message):
    export(str(tmp_path), SMALL, build_model(SMALL).state_dict(), vocabulary)
    spoil(tmp_path, **changes)
    with pytest.raises(UserError, match=message):
        hugging_face.load(str(tmp_path))


def test_damaged_or_missing_weights_are_errors_that_say_so(vocabulary, tmp_path):
    export(str(tmp_path), SMALL, build_model(SMALL).state_dict(), vocabulary)
    weights = tmp_path / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        hugging_face.load(str(tmp_path))
    weights.unlink()
    with pytest.raises(UserError, match="neither"):
        hugging_face.load(str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK no zip")
    with pytest.raises(UserError, match="cannot be read as weights"):
        hugging_face.load(str(tmp_path))


def test_a_pickle_that_would_run_code_is_refused(vocabulary, tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    export(str(tmp_path), SMALL, build_model(SMALL).state_dict(), vocabulary)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UserError):
        hugging_face.load(str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_weights_that_are_not_tied_beside_a_config_that_ties_them(vocabulary, tmp_path):
    untied = SMALL.with_(tie_embeddings=False)
    export(str(tmp_path), untied, build_model(untied).state_dict(), vocabulary)
    spoil(tmp_path, tie_word_embeddings=True)
    with pytest.raises(UserError, match="tie_word_embeddings"):
        hugging_face.load(str(tmp_path))


@pytest.mark.parametrize("architecture", ["encoder_decoder_shared", "decoder_lm", "prefix_lm"])
def test_what_hugging_face_has_not_is_refused_and_nothing_is_written(architecture, vocabulary, tmp_path):
    config = SMALL.with_(architecture=architecture)
    with pytest.raises(UserError, match=architecture):
        export(str(tmp_path / "out"), config, build_model(config).state_dict(), vocabulary)
    assert not (tmp_path / "out").exists()


def test_what_was_added_to_a_model_is_refused(vocabulary, tmp_path):
    weights = build_model(SMALL).state_dict() | {"encoder.layers.0.feed_forward.adapter.down.weight": torch.ones(2, 2)}
    with pytest.raises(UserError, match="adapter"):
        export(str(tmp_path / "out"), SMALL, weights, vocabulary)


def test_exporting_again_does_nothing_and_another_model_is_refused(vocabulary, tmp_path):
    folder = tmp_path / "out"
    model = build_model(SMALL, seed=0)
    assert export(str(folder), SMALL, model.state_dict(), vocabulary)
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    assert not export(str(folder), SMALL, model.state_dict(), vocabulary)
    assert before == {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    with pytest.raises(UserError, match="another result"):
        export(str(folder), SMALL, build_model(SMALL, seed=1).state_dict(), vocabulary)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"notes\.txt"):
        export(str(tmp_path / "other"), SMALL, model.state_dict(), vocabulary)


def test_a_vocabulary_that_is_larger_than_the_model_is_refused(vocabulary, tmp_path):
    small = SMALL.with_(vocabulary_size=64)
    with pytest.raises(UserError, match="64 rows"):
        export(str(tmp_path / "out"), small, build_model(small).state_dict(), vocabulary)


def test_the_opened_folder_has_the_vocabulary_with_its_extra_ids(vocabulary, tmp_path):
    export(str(tmp_path), SMALL, build_model(SMALL).state_dict(), vocabulary)
    assert open_model(str(tmp_path)).vocabulary == vocabulary
    (tmp_path / "manifest.json").unlink()  # as a folder of somebody else's
    assert open_model(str(tmp_path)).vocabulary == vocabulary
    assert Vocabulary.load(str(tmp_path)).sentinel_id(0) == vocabulary.size - 1

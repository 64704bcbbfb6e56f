"""Hugging Face folders: written here and loaded there, made there and loaded here, and back."""

import copy
import json

import pytest
import safetensors.torch
import torch

from c4pipe.errors import UserError
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples
from model.checkpoints import hugging_face
from model.checkpoints.hugging_face_export import export
from model.checkpoints.loading import load_checkpoint
from model.checkpoints.opening import open_model

transformers = pytest.importorskip("transformers")

SMALL = ModelConfig(vocabulary_size=256, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)
CASES = {
    "v1.0": SMALL,
    "v1.1": SMALL.with_(feed_forward="gated_gelu", tie_embeddings=False, dropout_rate=0.0),
    # `is_t5` is inherited: every architecture that says so must be exported right.
    **{name: SMALL.with_(architecture=name, num_layers=4) for name, kind in ARCHITECTURES.items() if kind.is_t5},
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
            loss = model(Examples(INPUTS, TARGETS))
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
        torch.testing.assert_close(returned.logits(Examples(INPUTS, TARGETS)), right, rtol=0, atol=1e-5 * scale)
        torch.testing.assert_close(ours.logits(Examples(INPUTS, TARGETS)), right, rtol=0, atol=1e-5 * scale)


SIZES = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 2, "vocab_size": 256}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
KINDS = {
    "t5": {"model_type": "t5"},
    "v1.1": {"model_type": "t5", **GATED},
    "mt5": {"model_type": "mt5", **GATED},
    "own head": {"model_type": "t5", "tie_word_embeddings": False, "num_decoder_layers": 3},
}


def classes(model_type):
    if model_type == "mt5":
        return transformers.MT5Config, transformers.MT5ForConditionalGeneration
    return transformers.T5Config, transformers.T5ForConditionalGeneration


def built(kind):
    """A model that transformers makes of a config, with random weights: from version 5 on with one matrix always."""
    config, model = classes(KINDS[kind]["model_type"])
    return model(config(**SIZES, decoder_start_token_id=0, **KINDS[kind])).eval()


@pytest.fixture(scope="module", params=KINDS)
def theirs(request, tmp_path_factory):
    """Models of the kinds that people have, loaded from folders as they lie on the Hub, with random weights."""
    weights = {name: tensor.clone() for name, tensor in built(request.param).state_dict().items()}
    weights = {name: tensor for name, tensor in weights.items() if "embed_tokens" not in name}
    del weights["lm_head.weight"]
    if "tie_word_embeddings" in KINDS[request.param]:
        weights["lm_head.weight"] = torch.randn(256, 32, generator=torch.Generator().manual_seed(3))
    folder = tmp_path_factory.mktemp("hub")
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({**SIZES, "decoder_start_token_id": 0, **KINDS[request.param]}))
    model = classes(KINDS[request.param]["model_type"])[1].from_pretrained(folder)
    assert torch.equal(model.lm_head.weight, weights.get("lm_head.weight", weights["shared.weight"]))
    return model.eval()


def save_bin(theirs, folder, num_shards):
    """`pytorch_model.bin`, whole or in shards, with a tied matrix under each of its names; version 5 writes none."""
    theirs.config.save_pretrained(folder)
    weights = theirs.state_dict()
    if num_shards == 1:
        torch.save(weights, folder / "pytorch_model.bin")
        return
    place = {name: f"pytorch_model-{1 + n % num_shards:05}-of-{num_shards:05}.bin" for n, name in enumerate(weights)}
    for shard in set(place.values()):
        torch.save({name: weights[name] for name in weights if place[name] == shard}, folder / shard)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": place}))


@pytest.mark.parametrize("form", ["safetensors", "sharded safetensors", "bin", "sharded bin", "bfloat16"])
def test_folders_of_every_form_are_read(theirs, form, tmp_path):
    if form == "bfloat16":
        theirs = copy.deepcopy(theirs).to(torch.bfloat16)
    if "bin" in form:
        save_bin(theirs, tmp_path, 3 if "sharded" in form else 1)
    else:
        theirs.save_pretrained(tmp_path, max_shard_size="40KB" if "sharded" in form else "1GB")
    assert ("sharded" in form) == bool(list(tmp_path.glob("*model-*-of-*")))
    assert hugging_face.is_folder(str(tmp_path))
    loaded = hugging_face.load(str(tmp_path))
    assert all(tensor.dtype == torch.float32 for tensor in loaded.weights.values())
    with torch.no_grad():
        right = theirs.float().eval()(input_ids=INPUTS, labels=TARGETS).logits
    assert_same_logits(loaded, right)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_transformers_builds_anew_is_read(kind, tmp_path):
    theirs = built(kind)
    theirs.save_pretrained(tmp_path / "theirs")
    loaded = hugging_face.load(str(tmp_path / "theirs"))
    with torch.no_grad():
        assert_same_logits(loaded, theirs(input_ids=INPUTS, labels=TARGETS).logits)


def assert_same_logits(loaded, right):
    ours = build_model(loaded.config, seed=None)
    ours.load_state_dict(loaded.weights)
    with torch.no_grad():
        torch.testing.assert_close(
            ours.logits(Examples(INPUTS, TARGETS)), right, rtol=0, atol=1e-5 * float(right.abs().max())
        )


UNTIED = CASES["v1.1"]
# What version 5 writes of each kind: the settings that differ from version 4, and whether it stores a head.
VERSION_5 = {
    "v1.0": (SMALL, {"scale_decoder_outputs": True}, False),
    "v1.1 once loaded": (UNTIED, {"scale_decoder_outputs": False}, True),
    "v1.1 built anew": (UNTIED, {"scale_decoder_outputs": False}, False),
    "mt5 once loaded": (UNTIED, {"model_type": "mt5"}, True),
    "mt5 built anew": (UNTIED, {"model_type": "mt5"}, False),
}


@pytest.mark.parametrize("kind", VERSION_5)
def test_folders_of_version_5_are_read(kind, vocabulary, tmp_path):
    """Written by hand, so that they are tested beside version 4 too."""
    config, settings, has_head = VERSION_5[kind]
    ours = build_model(config, seed=4)
    if not config.tie_embeddings and not has_head:
        ours.head.weight.data.copy_(ours.embedding.weight)
    folder = tmp_path / "theirs"
    export(str(folder), config, ours.state_dict(), vocabulary)
    as_version_5(folder, **settings)
    if not has_head:
        weights = safetensors.torch.load_file(folder / "model.safetensors")
        weights.pop("lm_head.weight", None)
        safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    loaded = hugging_face.load(str(folder))
    assert loaded.config == config
    with torch.no_grad():
        assert_same_logits(loaded, ours.logits(Examples(INPUTS, TARGETS)))
        if int(transformers.__version__.partition(".")[0]) >= 5:
            theirs = classes(settings.get("model_type", "t5"))[1].from_pretrained(folder).eval()
            assert_same_logits(loaded, theirs(input_ids=INPUTS, labels=TARGETS).logits)
    assert export(str(tmp_path / "again"), loaded.config, loaded.weights, vocabulary)


def as_version_5(folder, **changes):
    path = folder / "config.json"
    values = json.loads(path.read_text())
    del values["torch_dtype"], values["scale_decoder_outputs"]
    values |= {"dtype": "float32", "tie_word_embeddings": True, "transformers_version": "5.17.0", **changes}
    path.write_text(json.dumps(values))


def test_two_matrices_and_scaled_logits_are_refused_and_mended_as_the_error_says(vocabulary, tmp_path):
    """As transformers 5.0 saves a T5 1.1 that it loaded."""
    ours = build_model(UNTIED, seed=4)
    export(str(tmp_path), UNTIED, ours.state_dict(), vocabulary)
    as_version_5(tmp_path, scale_decoder_outputs=True)
    with pytest.raises(UserError, match=r"scale_decoder_outputs.*set it to false"):
        hugging_face.load(str(tmp_path))
    spoil(tmp_path, scale_decoder_outputs=False)
    with torch.no_grad():
        assert_same_logits(hugging_face.load(str(tmp_path)), ours.logits(Examples(INPUTS, TARGETS)))


@pytest.mark.parametrize(
    "settings, config",
    [
        ({"model_type": "mt5", "tie_word_embeddings": True}, SMALL.with_(feed_forward="gated_gelu")),
        ({"model_type": "t5", "n_positions": 512}, SMALL),
    ],
    ids=["a tied mT5 of version 4 is scaled", "an old config without newer settings"],
)
def test_configs_of_older_versions_are_read(settings, config, vocabulary, tmp_path):
    export(str(tmp_path), config, build_model(config, seed=4).state_dict(), vocabulary)
    (tmp_path / "config.json").write_text(json.dumps({**SIZES, **settings}))
    assert hugging_face.load(str(tmp_path)).config == config


def test_a_folder_that_has_the_embedding_under_a_stacks_name_is_read(vocabulary, tmp_path):
    """As MADLAD's, which has neither shared.weight nor the encoder's copy."""
    ours = build_model(CASES["v1.1"], seed=2)
    export(str(tmp_path), ours.config, ours.state_dict(), vocabulary)
    weights = safetensors.torch.load_file(tmp_path / "model.safetensors")
    weights["decoder.embed_tokens.weight"] = weights.pop("shared.weight")
    safetensors.torch.save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert torch.equal(hugging_face.load(str(tmp_path)).weights["embedding.weight"], ours.embedding.weight)
    weights["encoder.embed_tokens.weight"] = weights["decoder.embed_tokens.weight"] + 1
    safetensors.torch.save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="different embeddings"):
        hugging_face.load(str(tmp_path))


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
        ({"decoder_start_token_id": 7}, "begins with id 7 and the pad id is 0"),
        # As the released MADLAD-400 has them: decoding begins with <unk>.
        (
            {"decoder_start_token_id": 0, "pad_token_id": 1, "eos_token_id": 2},
            "begins with id 0 and the pad id is 1, as in MADLAD-400; only models whose decoding begins with the pad id",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_so(vocabulary, tmp_path, changes, message):
    export(str(tmp_path), SMALL, build_model(SMALL).state_dict(), vocabulary)
    spoil(tmp_path, **changes)
    with pytest.raises(UserError, match=message):
        hugging_face.load(str(tmp_path))


ODD_VALUES = ["8", 8.5, True, None, [8], {}, float("nan"), float("inf"), -1, 10**9, 10**400]
READ = ["vocab_size", "d_model", "d_ff", "d_kv", "num_heads", "num_layers", "num_decoder_layers"]
READ += ["relative_attention_num_buckets", "relative_attention_max_distance", "pad_token_id", "eos_token_id"]


@pytest.mark.parametrize("name", [*READ, "dropout_rate", "layer_norm_epsilon", "feed_forward_proj", "model_type"])
def test_odd_values_of_a_config_are_one_line_before_anything_is_built(vocabulary, tmp_path, name, monkeypatch):
    export(str(tmp_path), SMALL, build_model(SMALL, seed=0).state_dict(), vocabulary)
    monkeypatch.setattr(hugging_face, "build_model", lambda *_, **__: pytest.fail("a model was built"))
    harmless = {"num_decoder_layers": [None], "dropout_rate": [], "layer_norm_epsilon": []}
    for value in ODD_VALUES:
        if value in harmless.get(name, ()):
            continue
        spoil(tmp_path, **{name: value})
        with pytest.raises(UserError) as caught:
            hugging_face.load(str(tmp_path))
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize("content", ["[]", "null", "3", "{", "", "[" * 200_000])
def test_a_config_that_is_no_object_is_one_line(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError):
        hugging_face.load(str(tmp_path))


def test_an_index_that_leads_out_of_the_folder_is_refused(vocabulary, tmp_path):
    export(str(tmp_path), SMALL, build_model(SMALL, seed=0).state_dict(), vocabulary)
    (tmp_path / "model.safetensors").rename(tmp_path / "part.safetensors")
    for name in ("../part.safetensors", "/part.safetensors", 7):
        index = {"weight_map": {"shared.weight": name}}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
        with pytest.raises(UserError, match="is damaged"):
            hugging_face.load(str(tmp_path))


@pytest.mark.parametrize("name", CASES)
def test_an_exported_folder_is_compared_with_its_digest(name, vocabulary, tmp_path):
    export(str(tmp_path), CASES[name], build_model(CASES[name], seed=0).state_dict(), vocabulary)
    assert load_checkpoint(str(tmp_path)).state_dict
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="checksum differs"):
        load_checkpoint(str(tmp_path))


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
    values = json.loads((tmp_path / "config.json").read_text())
    del values["scale_decoder_outputs"]  # as version 4 has it
    (tmp_path / "config.json").write_text(json.dumps({**values, "tie_word_embeddings": True}))
    with pytest.raises(UserError, match="tie_word_embeddings"):
        hugging_face.load(str(tmp_path))


@pytest.mark.parametrize("architecture", [name for name, kind in ARCHITECTURES.items() if not kind.is_t5])
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
    (tmp_path / "other" / "config.json").write_text("mine")
    with pytest.raises(UserError, match=r"no run of c4pipe has written there: config\.json"):
        export(str(tmp_path / "other"), SMALL, model.state_dict(), vocabulary)
    assert [(path.name, path.read_text()) for path in (tmp_path / "other").iterdir()] == [("config.json", "mine")]


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

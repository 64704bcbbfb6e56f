"""The commands: an exported folder is a checkpoint; its text is that of transformers with the exported tokenizer."""

import io
import json
import os
import stat

import pytest
import torch

from c4pipe.errors import UserError
from c4pipe.vocabulary.vocabulary import Vocabulary
from model import export, generate, pretrain
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints import hugging_face_export
from model.checkpoints.hugging_face_export import export as export_folder
from model.checkpoints.loading import load_checkpoint

transformers = pytest.importorskip("transformers")

TEXTS = ["bado fige: the house", "gu ko lamo rinu", "sebu"]
CONFIG = ModelConfig(
    vocabulary_size=256,
    d_model=32,
    d_ff=64,
    d_kv=8,
    num_heads=4,
    num_layers=2,
    feed_forward="gated_gelu",
    tie_embeddings=False,
)


@pytest.fixture(scope="module")
def folder(vocabulary, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("model") / "source")
    export_folder(path, CONFIG, build_model(CONFIG, seed=5).state_dict(), vocabulary)
    return path


@pytest.mark.parametrize("beams", [{}, {"num_beams": 4, "length_penalty": 0.6}])
def test_generated_text_is_that_of_transformers(folder, vocabulary, beams, capsys):
    flags = [f"--{name}={value}" for name, value in beams.items()]
    assert generate.main([f"--checkpoint={folder}", "--max_length=8", "--batch_size=2", *flags, *TEXTS]) == 0
    found = capsys.readouterr().out.splitlines()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.T5ForConditionalGeneration.from_pretrained(folder)
    ids = model.generate(**tokenizer(TEXTS, return_tensors="pt", padding=True), max_new_tokens=8, **beams)
    assert found == [vocabulary.decode(row) for row in ids.tolist()]
    assert any(found)


def test_texts_come_from_standard_input_too(folder, capsys, monkeypatch):
    generate.main([f"--checkpoint={folder}", "--max_length=8", *TEXTS])
    expected = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(TEXTS) + "\n"))
    generate.main([f"--checkpoint={folder}", "--max_length=8"])
    assert capsys.readouterr().out == expected


def test_a_large_model_is_exported_in_files_with_an_index(folder, vocabulary, tmp_path, monkeypatch):
    monkeypatch.setattr(hugging_face_export, "MAX_SHARD_BYTES", 50_000)
    weights = build_model(CONFIG, seed=5).state_dict()
    path = tmp_path / "sharded"
    assert export_folder(str(path), CONFIG, weights, vocabulary)
    assert not export_folder(str(path), CONFIG, weights, vocabulary), "it is finished"
    index = json.loads((path / "model.safetensors.index.json").read_text())
    sizes = {file.name: file.stat().st_size for file in path.glob("model-*-of-*.safetensors")}
    assert set(index["weight_map"].values()) == set(sizes) and len(sizes) > 2
    assert max(sizes.values()) < 60_000 and index["metadata"]["total_size"] < sum(sizes.values())
    first, second = (transformers.T5ForConditionalGeneration.from_pretrained(made) for made in (folder, path))
    for (name, tensor), (_, other) in zip(first.state_dict().items(), second.state_dict().items(), strict=True):
        assert torch.equal(tensor, other), name
    loaded = load_checkpoint(str(path))
    assert all(torch.equal(tensor, loaded.state_dict[name]) for name, tensor in weights.items())
    next(path.glob("model-00002-of-*")).unlink()
    with pytest.raises(UserError, match="files are missing"):
        export_folder(str(path), CONFIG, weights, vocabulary)


def test_export_of_an_exported_folder_gives_its_weights(folder, tmp_path, capsys):
    copy = str(tmp_path / "copy")
    command = [f"--checkpoint={folder}", f"--output={copy}"]
    assert export.main([*command, "--dry_run"]) == 0
    assert "would write" in capsys.readouterr().out and not (tmp_path / "copy").exists()
    assert export.main(command) == 0
    assert "next: python -m model.generate" in capsys.readouterr().out
    assert export.main(command) == 0
    assert "nothing to do" in capsys.readouterr().out
    first, second = (transformers.T5ForConditionalGeneration.from_pretrained(path) for path in (folder, copy))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("dry_run", [[], ["--dry_run"]])
def test_a_checkpoint_that_is_not_there_is_an_error(dry_run, tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        generate.main(["--checkpoint=nowhere", "text", *dry_run])
    with pytest.raises(UserError, match="nowhere"):
        export.main(["--checkpoint=nowhere", f"--output={tmp_path / 'out'}", *dry_run])


def test_flags_out_of_range_are_errors(folder):
    with pytest.raises(UserError, match="--num_beams is 0"):
        generate.main([f"--checkpoint={folder}", "--num_beams=0", "text"])
    with pytest.raises(UserError, match="unknown flag"):
        generate.main([f"--checkpoint={folder}", "--beams=2", "text"])


def test_a_dry_run_generates_nothing(folder, capsys):
    assert generate.main([f"--checkpoint={folder}", "--dry_run", "--num_beams=4", *TEXTS]) == 0
    assert "would read 3 texts" in capsys.readouterr().out


@pytest.mark.parametrize("kind", [{}, {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}])
def test_from_hugging_face_through_training_and_back(example_folder, tmp_path, capsys, kind):
    """A folder as people have them starts a run; the run's checkpoint is exported and says the same there and here."""
    start, run, out = (str(tmp_path / name) for name in ("start", "run", "out"))
    sizes = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 2, "vocab_size": 384}
    theirs = transformers.T5ForConditionalGeneration(transformers.T5Config(**sizes, **kind, decoder_start_token_id=0))
    theirs.save_pretrained(start)
    (tmp_path / "start" / "spiece.model").write_bytes((example_folder / "spiece.model").read_bytes())
    flags = ["--steps=2", "--batch_size=4", "--checkpoint_every=2", "--evaluate_every=2", "--log_every=1"]
    flags += ["--dropout_rate=0", "--device=cpu", f"--from_hugging_face={start}"]
    assert pretrain.main([f"--examples={example_folder}", f"--output={run}", *flags]) == 0
    assert export.main([f"--checkpoint={run}@last", f"--output={out}"]) == 0
    capsys.readouterr()
    generate.main([f"--checkpoint={run}@last", "--max_length=8", *TEXTS])
    here = capsys.readouterr().out
    generate.main([f"--checkpoint={out}", "--max_length=8", *TEXTS])
    assert capsys.readouterr().out == here
    trained = transformers.T5ForConditionalGeneration.from_pretrained(out)
    moved = (trained.shared.weight - theirs.shared.weight).abs().max().item()
    assert 0 < moved < 1.0, "two steps from the given weights, not from others"
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    assert len(tokenizer) == 300 and tokenizer.convert_tokens_to_ids("<extra_id_0>") == 299


def test_an_export_tells_transformers_how_long_targets_are(folder, vocabulary, tmp_path):
    """transformers ends at 20 tokens where the folder says nothing."""
    long = str(tmp_path / "long")
    weights = build_model(CONFIG, seed=5).state_dict()
    weights["head.weight"].zero_()  # all ids are equally likely, so EOS is never the first of them
    export_folder(long, CONFIG, weights, vocabulary, max_length=41)
    ids = transformers.AutoTokenizer.from_pretrained(long)(TEXTS[:1], return_tensors="pt").input_ids
    model = transformers.T5ForConditionalGeneration.from_pretrained(long)
    assert model.generate(ids).shape[1] == 41
    assert model.generate(ids, max_new_tokens=4).shape[1] == 5, "who asks for less gets less"
    again = str(tmp_path / "again")
    assert export.main([f"--checkpoint={long}", f"--output={again}"]) == 0
    assert json.loads((tmp_path / "again" / "generation_config.json").read_text())["max_length"] == 41


def test_an_export_of_a_run_ends_at_the_length_of_its_targets_and_has_a_model_card(example_folder, tmp_path):
    run, out = str(tmp_path / "run"), tmp_path / "out"
    flags = ["--preset=t5_tiny", "--steps=1", "--batch_size=2", "--checkpoint_every=1", "--device=cpu"]
    assert pretrain.main([f"--examples={example_folder}", f"--output={run}", *flags]) == 0
    assert export.main([f"--checkpoint={run}", f"--output={out}"]) == 0
    assert json.loads((out / "generation_config.json").read_text())["max_length"] == 13  # 12 and the first pad
    card = (out / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n")
    for words in ("pre-trained", "1 steps of 2 examples", f"examples of {example_folder.name}", "200 pieces"):
        assert words in card, words


def test_an_export_of_a_vocabulary_that_hugging_face_cannot_do_is_refused_and_nothing_is_written(
    spiece_of, tmp_path, monkeypatch
):
    from c4pipe.vocabulary import hugging_face as files_of_tokenizer

    # As if its options were T5's, which was believed of every vocabulary.
    monkeypatch.setattr(files_of_tokenizer, "_has_options_of_t5", lambda model: True)
    other = Vocabulary(spiece_of(TEXTS * 20, 60, add_dummy_prefix=False), num_extra_ids=20)
    with pytest.raises(UserError, match=r"gives other ids for [0-9,]+ of"):
        export_folder(str(tmp_path / "out"), CONFIG, build_model(CONFIG).state_dict(), other)
    assert not (tmp_path / "out").exists()


def test_pretraining_refuses_examples_of_another_vocabulary_than_the_models(example_folder, spiece_of, tmp_path):
    start = tmp_path / "start"
    other = Vocabulary(spiece_of(TEXTS * 20, 60, add_dummy_prefix=False), num_extra_ids=20)
    config = CONFIG.with_(vocabulary_size=384)
    export_folder(str(start), config, build_model(config, seed=0).state_dict(), other)
    flags = [f"--examples={example_folder}", f"--output={tmp_path / 'run'}", f"--from_hugging_face={start}"]
    with pytest.raises(UserError, match="have different vocabularies"):
        pretrain.main([*flags, "--steps=1", "--batch_size=2", "--device=cpu"])
    assert not (tmp_path / "run").exists()


def test_exports_and_checkpoints_have_the_mode_that_the_umask_gives(vocabulary, tmp_path):
    from model.checkpoints import step_folder

    weights = build_model(CONFIG, seed=5).state_dict()
    before = os.umask(0o027)
    try:
        export_folder(str(tmp_path / "out"), CONFIG, weights, vocabulary)
        step_folder.write(tmp_path, step_folder.State(1, 8), weights, weights)
    finally:
        os.umask(before)
    written = [*(tmp_path / "out").iterdir(), *(tmp_path / "step-00000001").iterdir()]
    assert len(written) > 8 and {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o640}

"""Mixtures of denoisers through the command: the manifest, the report, `inspect_shard` and training know them."""

import json

import pytest
from small_corpus import contents, examples_of, status_of

from c4pipe import inspect_shard
from c4pipe.shards import manifest
from c4pipe.shards.example_shards import read_example_shard
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines import c4_to_examples

SHARD = "train-00000-of-00003.arrow"
UL2 = ("--objective=ul2", "--inputs_length=256", "--mode_tokens=none")  # the vocabulary has no brackets


@pytest.fixture(scope="module")
def ul2(c4, vocabulary, tmp_path_factory):
    output = tmp_path_factory.mktemp("ul2") / "examples"
    assert c4_to_examples.main(examples_of(c4, vocabulary, output, *UL2)) == 0
    return output


def test_the_manifest_says_how_each_denoiser_works_and_what_it_made(ul2):
    made = manifest.read(str(ul2))
    assert made.settings["objective"] == "ul2" and len(made.settings["denoisers_sha256"]) == 64
    rows = {row["name"]: row for row in made.settings["denoisers"]}
    assert list(rows) == ["r_3_15", "r_8_15", "s", "x_3_50", "x_8_50", "x_64_15", "x_64_50"]
    counts = made.statistics["counts"]["train"]
    for total in ("examples", "raw_tokens", "noise_tokens", "input_tokens", "target_tokens", "overflowed"):
        assert sum(counts[f"{total}/{name}"] for name in rows) == counts[total]
    examples = [row for shard in made.splits["train"] for row in read_example_shard(str(ul2 / shard.file))]
    for number, (name, row) in enumerate(rows.items()):
        own = [example for example in examples if example["denoiser"] == number]
        assert len(own) == counts[f"examples/{name}"]
        assert max(len(example["targets"]) for example in own) <= row["targets_length"]
        assert max(len(example["inputs"]) for example in own) <= 256


def test_the_report_and_the_shard_tell_denoisers_apart(ul2, capsys):
    report = (ul2 / "report.html").read_text()
    assert "a mixture of 7 denoisers" in report and "x_64_50" in report
    assert inspect_shard.main([str(ul2 / SHARD)]) == 0
    summary = capsys.readouterr().out
    (line,) = [line for line in summary.splitlines() if line.startswith("x_8_50 ")]
    assert line.split()[-1] == "50.00%"
    row = next(row for row, made in enumerate(read_example_shard(str(ul2 / SHARD))) if made["denoiser"] == 2)
    assert inspect_shard.main([str(ul2 / SHARD), f"--row={row}"]) == 0
    shown = capsys.readouterr().out
    assert "denoiser:\n  s\n" in shown and "restored text" in shown


def test_mode_tokens_are_only_for_denoisers(c4, vocabulary, tmp_path, capsys):
    code, errors = status_of(
        c4_to_examples.main, examples_of(c4, vocabulary, tmp_path / "out", "--mode_tokens=rsx"), capsys
    )
    assert code == 2 and errors == ["error: the objective span_corruption has no --mode_tokens; leave it out"]
    assert not (tmp_path / "out").exists()
    flags = examples_of(c4, vocabulary, tmp_path / "out", "--objective=ul2")
    code, errors = status_of(c4_to_examples.main, flags, capsys)
    assert code == 2 and "no pieces for all characters of the prefix '[NLU]'; give --mode_tokens=none" in errors[0]


def test_the_same_command_again_changes_nothing_and_another_mixture_is_refused(ul2, c4, vocabulary, capsys):
    before = contents(ul2)
    flags = examples_of(c4, vocabulary, ul2, *UL2)
    assert c4_to_examples.main(flags) == 0
    assert "finished" in capsys.readouterr().out
    code, errors = status_of(c4_to_examples.main, [*flags, "--objective=span_corruption"], capsys)
    assert code == 2 and "objective" in errors[0]
    assert contents(ul2) == before


def test_training_validates_on_each_denoiser(ul2, tmp_path):
    from model.pretrain import main

    flags = ["--preset=t5_tiny", "--steps=1", "--batch_size=4", "--gradient_accumulation=1", "--device=cpu"]
    assert main([f"--examples={ul2}", f"--output={tmp_path}/run", "--validation_examples=21", *flags]) == 0
    last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    losses = {name.partition("/")[2] for name in last if name.startswith("validation_loss/")}
    names = [row["name"] for row in manifest.read(str(ul2)).settings["denoisers"]]
    assert losses == {f"{ul2.name}/{name}" for name in names}
    assert json.loads((tmp_path / "run" / "run.json").read_text())["validation"]["examples"] == 21


def test_a_file_of_denoisers_is_an_objective(c4, vocabulary, tmp_path, capsys):
    rows = '[[denoisers]]\nname = "a"\nobjective = "s_denoiser"\nprefix = "bado"\n'
    rows += '[[denoisers]]\nname = "b"\nobjective = "deshuffling"\nrate = 0.5\n'
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\n{rows}')
    folder = tmp_path / "out"
    flags = examples_of(c4, vocabulary, folder, f"--objective={path}", "--inputs_length=64")
    code, errors = status_of(c4_to_examples.main, [f.replace("mine.toml", "yours.toml") for f in flags], capsys)
    assert code == 2 and "yours.toml" in errors[0] and not folder.exists()
    assert c4_to_examples.main([*flags, "--dry_run"]) == 0 and not folder.exists()
    assert c4_to_examples.main(flags) == 0
    made = manifest.read(str(folder))
    rows = made.settings["denoisers"]
    assert made.settings["objective"] == "mine" and [row["rate"] for row in rows] == [1.0, 0.5]
    assert rows[0]["prefix_ids"] == Vocabulary.load(str(folder)).encode("bado")
    for row in read_example_shard(str(folder / SHARD)):
        begins = row["inputs"].tolist()[: len(rows[0]["prefix_ids"])] == rows[0]["prefix_ids"]
        assert begins == (row["denoiser"] == 0)
    assert inspect_shard.main([str(folder / SHARD), "--row=0"]) == 0
    assert "restored text" in capsys.readouterr().out
    # Another file of the same name is another objective.
    path.write_text(path.read_text().replace("0.5", "0.25"))
    code, errors = status_of(c4_to_examples.main, flags, capsys)
    assert code == 2 and "denoisers" in errors[0]

"""inspect_shard prints the content of a shard and of the text that it was made from."""

import json
import shutil

import pytest

from c4pipe import inspect_shard
from c4pipe.errors import UserError
from c4pipe.objectives.catalog import OBJECTIVES, Parameters
from c4pipe.shards import manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.provenance import write_provenance
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.shards.text_shards import TextShard, write_text_shard
from c4pipe.stages.make_examples import Recipe, make_examples
from c4pipe.vocabulary.vocabulary import Vocabulary

WORDS = "the old river ran past seven quiet mills before it met a wide and patient sea under low grey winter clouds"
TEXT_SHARD = names.text_shard("train", 0, 1, ".json.gz")


def _pages():
    words = WORDS.split()
    for page in range(30):
        text = " ".join(words[(page * 7 + place * place) % len(words)] for place in range(60 + page)).capitalize()
        yield {"url": f"https://mill.example/{page}", "timestamp": "2019-04-25T12:57:54Z", "text": f"{text}."}


@pytest.fixture(scope="module")
def root(tmp_path_factory, spiece_of):
    """A folder with c4/ (text and provenance) and examples/ (span corruption, inputs of 64) made from it."""
    root = tmp_path_factory.mktemp("inspect")
    c4, examples = root / "c4", root / "examples"
    pages = list(_pages())
    write_text_shard(str(c4 / TEXT_SHARD), pages)
    write_provenance(str(c4 / names.provenance("train", 0, 1)), [("a.warc.wet.gz", 100 + row) for row in range(30)])
    text = manifest.describe_shard(str(c4), TEXT_SHARD, len(pages))
    manifest.write(str(c4), manifest.Manifest("c4", {"train": (text,)}, {}))

    (root / "spiece.model").write_bytes(spiece_of((page["text"] for page in pages), 60))
    vocabulary = Vocabulary((root / "spiece.model").read_bytes())
    corruption = OBJECTIVES["span_corruption"].configure(Parameters(inputs_length=64), vocabulary.size, 100)
    made = make_examples(
        TextShard(str(c4 / TEXT_SHARD), "train", 0, 1), Recipe(corruption, vocabulary, 0, 1), str(examples)
    )
    shutil.copy(root / "spiece.model", examples)
    settings = {
        "objective": "span_corruption",
        "inputs_length": corruption.lengths.inputs,
        "targets_length": corruption.lengths.targets,
        "tokens_length": corruption.lengths.tokens,
        "num_extra_ids": 100,
        "vocabulary_size": vocabulary.size,
    }
    inputs = (manifest.Input(TEXT_SHARD, text.sha256),)
    manifest.write(str(examples), manifest.Manifest("examples", {"train": made.shards}, settings, inputs))
    return root


def _print(capsys, *arguments):
    assert inspect_shard.main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def _joined(text):
    return " ".join(text.split())


def test_an_example_is_shown_with_its_text_urls_and_wet_records(root, capsys):
    out = _print(capsys, root / "examples/train-00000-of-00001.arrow", "--row=0")
    restored = _joined(out.partition("restored text")[2].partition("from:")[0].partition(":")[2])
    joined = " ".join(page["text"] for page in _pages())
    assert len(restored) > 100
    assert joined.startswith(restored)
    assert "<extra_id_0>" in out.partition("targets")[0]
    assert "row 0: https://mill.example/0 (2019-04-25T12:57:54Z), record 100 of a.warc.wet.gz" in out


def test_the_pages_named_hold_the_text_of_a_later_example(root, capsys):
    out = _print(capsys, root / "examples/train-00000-of-00001.arrow", "--row=17")
    restored = _joined(out.partition("restored text")[2].partition("from:")[0].partition(":")[2])
    rows = [int(line.split()[1][:-1]) for line in out.splitlines() if line.startswith("  row ")]
    pages = [page["text"] for page in _pages()]
    assert rows
    assert restored[5:-5] in " ".join(pages[row] for row in rows)


def test_text_is_found_in_the_folder_of_the_report_or_of_the_flag(root, tmp_path, capsys):
    shutil.copytree(root / "examples", tmp_path / "far" / "away" / "examples")
    shard = tmp_path / "far/away/examples/train-00000-of-00001.arrow"
    assert "was not found; name its folder with --c4" in _print(capsys, shard, "--row=0")
    assert "mill.example/0" in _print(capsys, shard, "--row=0", f"--c4={root / 'c4'}")
    (shard.parent / "report.json").write_text(json.dumps({"text_folders": [str(root / "c4")]}))
    assert "mill.example/0" in _print(capsys, shard, "--row=0")
    other = tmp_path / "other"
    write_text_shard(str(other / TEXT_SHARD), list(_pages())[:20])
    with pytest.raises(UserError, match="does not have the"):
        inspect_shard.main([str(shard), "--row=0", f"--c4={other}"])


def test_a_summary_counts_noise_spans_and_padding(root, capsys):
    out = _print(capsys, root / "examples/train-00000-of-00001.arrow")
    assert "objective: span_corruption" in out
    noise = float(out.partition("noise: ")[2].partition("%")[0])
    assert 13 < noise < 17
    assert 2 < float(out.partition("per example, ")[2].partition(" tokens per span")[0]) < 4


def test_a_text_shard_is_shown_too(root, capsys):
    out = _print(capsys, root / "c4" / TEXT_SHARD, "--row=3")
    assert "https://mill.example/3" in out
    assert "record 103 of a.warc.wet.gz" in out
    assert "30 pages" in _print(capsys, root / "c4" / TEXT_SHARD)


def test_a_task_example_shows_task_and_references(root, tmp_path, capsys):
    vocabulary = Vocabulary((root / "spiece.model").read_bytes())
    shutil.copy(root / "spiece.model", tmp_path)
    ids = [vocabulary.encode("the old mills"), vocabulary.encode("river")]
    schema = ExampleSchema(64, 16, vocabulary.size, False, False, task=True, metadata={"task_file": "rte.jsonl"})
    with ExampleShardWriter(str(tmp_path / "rte-train-00000-of-00001.arrow"), schema) as writer:
        where = {"row": [41], "token_offset": [0], "num_pages": [1]}
        writer.write([[*ids[0], 1]], [[*ids[1], 1]], **where, task=["rte"], references=[["river", "sea"]])
    out = _print(capsys, tmp_path / "rte-train-00000-of-00001.arrow", "--row=0")
    assert "the old mills" in out
    assert "river | sea" in out
    assert "record 41 of rte.jsonl" in out
    assert "rte 1" in _print(capsys, tmp_path / "rte-train-00000-of-00001.arrow")


@pytest.mark.parametrize(("row", "complaint"), [("9999", "has no row 9999"), ("-1", "count from 0")])
def test_a_row_that_is_not_there_is_an_error(root, row, complaint):
    with pytest.raises(UserError, match=complaint):
        inspect_shard.main([str(root / "examples/train-00000-of-00001.arrow"), f"--row={row}"])
    with pytest.raises(UserError, match=complaint):
        inspect_shard.main([str(root / "c4" / TEXT_SHARD), f"--row={row}"])


@pytest.mark.parametrize("flags", [[], ["--row=1"]])
def test_a_shard_that_is_not_there_is_what_the_error_names(tmp_path, flags):
    with pytest.raises(UserError, match=r"cannot read .*/train-00000-of-00001\.arrow"):
        inspect_shard.main([str(tmp_path / "train-00000-of-00001.arrow"), *flags])


def test_a_vocabulary_that_does_not_fit_is_an_error(root, tmp_path):
    (tmp_path / "tokenizer_config.json").write_text('{"extra_ids": 7}')
    with pytest.raises(UserError, match="no vocabulary"):
        inspect_shard.main([str(root / "examples/train-00000-of-00001.arrow"), "--row=0", f"--vocabulary={tmp_path}"])


def test_dry_run_reads_nothing(root, capsys):
    out = _print(capsys, root / "examples/train-00000-of-00001.arrow", "--dry_run")
    assert "would read" in out


def test_control_characters_of_a_page_are_spelled_out(tmp_path, capsys):
    pages = [{"url": "https://a.example/\x1b[2J", "timestamp": "", "text": "one \x1b[31mred\x1b]0;title\x07 \u202etwo"}]
    write_text_shard(str(tmp_path / TEXT_SHARD), pages)
    inspect_shard.main([str(tmp_path / TEXT_SHARD), "--row=0"])
    inspect_shard.main([str(tmp_path / TEXT_SHARD)])
    shown = capsys.readouterr().out
    assert "\\x1b[31mred" in shown and "\\u202etwo" in shown
    assert not set(shown) & set("\x1b\x07\u202e\x9b")


@pytest.mark.parametrize("flags", [[], ["--row=0"]], ids=["summary", "one example"])
def test_an_example_shard_that_is_not_the_manifests_is_an_error(root, tmp_path, flags):
    folder = tmp_path / "examples"
    shutil.copytree(root / "examples", folder)
    path = folder / names.example_shard("train", 0, 1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not what its folder's manifest says"):
        inspect_shard.main([str(path), *flags])

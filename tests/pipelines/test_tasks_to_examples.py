"""tasks_to_examples: files of records in, shards with references out, the same bytes however it runs."""

import hashlib
import io
import json

import pytest
import sentencepiece

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.example_shards import read_example_shard
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines.tasks_to_examples import main

# In one process: starting workers costs seconds, and what they do is the same.
ONE_PROCESS = ["--direct_running_mode=in_memory", "--direct_num_workers=1"]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vocabulary")
    model = io.BytesIO()
    words = "sst2 cola sentence good bad film was the a question context positive negative acceptable unacceptable"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([words, words[::-1], "abcdefghijklmnopqrstuvwxyz : . 0 1 2 3 4 5 6 7 8 9"] * 40),
        model_writer=model,
        vocab_size=110,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(model.getvalue())
    return folder


@pytest.fixture(scope="module")
def task_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    rows = [
        {"inputs": f"sst2 sentence: film {number} was good", "targets": "positive", "task": "sst2"}
        for number in range(60)
    ]
    (folder / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    rows = [
        {"inputs": f"my question: {number}", "targets": f"a{number}", "task": "mine", "references": ["x", f"a{number}"]}
        for number in range(30)
    ]
    rows += [{**row, "task": "sst2", "split": "dev", "references": ["positive"]} for row in rows[:3]]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)) + '\n{"broken": \n')
    return folder


def run(task_files, vocabulary, output, *flags):
    arguments = [f"--input={task_files}/*.jsonl", f"--vocabulary={vocabulary}", f"--output={output}"]
    return main([*arguments, "--max_quarantined_fraction=0.05", *flags])


@pytest.fixture(scope="module")
def finished(task_files, vocabulary, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "tasks"
    assert run(task_files, vocabulary, output, *ONE_PROCESS) == 0
    return output


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def test_shards_hold_ids_task_and_references(finished, vocabulary):
    held = manifest.read(str(finished))
    loaded = Vocabulary.load(str(finished))
    assert held.kind == "tasks"
    assert sorted(held.splits) == ["mine-train", "mine-validation", "sst2-train", "sst2-validation"]
    assert sum(held.num_rows(split) for split in held.splits) == 93
    assert (finished / "sst2-validation-00000-of-00002.arrow").exists()
    rows = [row for shard in held.splits["mine-train"] for row in read_example_shard(str(finished / shard.file))]
    assert all(row["task"] == "mine" and row["references"] == ["x", loaded.decode(row["targets"])] for row in rows)
    assert all(row["inputs"][-1] == 1 and row["targets"][-1] == 1 for row in rows)
    by_number = {row["row"]: loaded.decode(row["inputs"]) for row in rows}
    assert all(text == f"my question: {number}" for number, text in by_number.items())


def test_the_manifest_tells_lengths_and_inputs_by_name(finished, vocabulary):
    held = manifest.read(str(finished))
    assert held.settings["inputs_length"] == 512
    longest = max(
        len(row["targets"])
        for shards in held.splits.values()
        for shard in shards
        for row in read_example_shard(str(finished / shard.file))
    )
    assert held.settings["targets_length"] == longest
    assert [one.name for one in held.inputs] == ["a.jsonl", "b.jsonl"]
    for shards in held.splits.values():
        for shard in shards:
            assert hashlib.sha256((finished / shard.file).read_bytes()).hexdigest() == shard.sha256


def test_a_bad_record_is_quarantined_with_a_reason_and_counted(finished):
    (row,) = map(json.loads, (finished / "quarantine.jsonl").read_text().splitlines())
    assert (row["file"], row["reason"]) == ("a.jsonl", "bad_json") and row["offset"] > 1000
    report = json.loads((finished / "report.json").read_text())
    assert report["counters"] == {"records": 94, "examples": 93, "quarantined_bad_json": 1}
    assert "my question" in (finished / "report.html").read_text()


def test_bytes_are_the_same_with_many_workers_other_order_and_place(finished, task_files, vocabulary, tmp_path):
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "a.jsonl").write_bytes((task_files / "a.jsonl").read_bytes())
    inputs = f"--input={task_files}/b.jsonl,{tmp_path}/moved/a.jsonl"
    main([inputs, f"--vocabulary={vocabulary}", f"--output={tmp_path}/out", "--max_quarantined_fraction=0.05"])
    assert digests(tmp_path / "out") == digests(finished)


def test_a_finished_folder_is_left_alone_and_another_result_refused(finished, task_files, vocabulary, capsys):
    before = digests(finished)
    assert run(task_files, vocabulary, finished) == 0
    assert "nothing to do" in capsys.readouterr().out
    with pytest.raises(UserError, match="other inputs_length"):
        run(task_files, vocabulary, finished, "--inputs_length=100")
    assert digests(finished) == before


def test_a_killed_run_continues_to_the_same_bytes(finished, task_files, vocabulary, tmp_path, monkeypatch):
    from pipelines import tasks_to_examples

    def die(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tasks_to_examples.manifest, "write", die)
        with pytest.raises(KeyboardInterrupt):
            run(task_files, vocabulary, tmp_path / "out", *ONE_PROCESS)
    assert not (tmp_path / "out" / "manifest.json").exists()
    # One file's work is lost, and a shard of an earlier attempt lies about.
    lost = sorted((tmp_path / "out" / ".work").glob("*/done.json"))[0]
    lost.unlink()
    (tmp_path / "out" / "old-train-00000-of-00001.arrow").write_bytes(b"x")
    assert run(task_files, vocabulary, tmp_path / "out", *ONE_PROCESS) == 0
    assert digests(tmp_path / "out") == digests(finished)


def test_raw_records_need_their_task_and_are_cut_to_length(vocabulary, tmp_path):
    (tmp_path / "cola.tsv").write_text("gj04\t1\t\t" + "good film " * 50 + "\nx\t0\t*\tbad film\ny\t-1\t\tno label\n")
    arguments = [f"--input={tmp_path}/cola.tsv", f"--vocabulary={vocabulary}", f"--output={tmp_path}/out"]
    with pytest.raises(UserError, match="missing_field 2"):
        (tmp_path / "cola.jsonl").write_text('{"sentence": "a"}\n{"sentence": "b"}')
        main([f"--input={tmp_path}/cola.jsonl", *arguments[1:], *ONE_PROCESS])
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert main([*arguments, "--task=cola", "--inputs_length=20", "--targets_length=30", *ONE_PROCESS]) == 0
    held = manifest.read(str(tmp_path / "out"))
    assert held.settings["targets_length"] == 30
    assert held.statistics["counters"] == {"records": 3, "examples": 2, "dropped_no_label": 1}
    assert sum(one["truncated_inputs"] for one in held.statistics["splits"].values()) == 1
    rows = [
        row
        for shards in held.splits.values()
        for shard in shards
        for row in read_example_shard(str(tmp_path / "out" / shard.file))
    ]
    cut = next(row for row in rows if row["references"] == ["acceptable"])
    assert len(cut["inputs"]) == 20 and cut["inputs"][-1] == 1


def test_targets_that_the_vocabulary_cannot_write_are_counted_and_said(vocabulary, tmp_path, capsys):
    targets = ["good film", "good { film", "good\nfilm", "good  film", "<extra_id_0> good <extra_id_1>"]
    rows = [{"task": "mine", "inputs": f"a {n}", "targets": text, "split": "train"} for n, text in enumerate(targets)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = [f"--input={tmp_path}/rows.jsonl", f"--vocabulary={vocabulary}", f"--output={tmp_path}/out"]
    assert main([*arguments, *ONE_PROCESS]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "cannot write 3 of 5 targets as they are (such as 'good { film', which becomes 'good  ⁇  film')" in last
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["splits"]["mine-train"]["unwritable_targets"] == 3
    assert {one["written"] for one in report["splits"]["mine-train"]["unwritable_samples"]} == {
        "good  ⁇  film",
        "good film",
    }
    assert "good { film" in (tmp_path / "out" / "report.html").read_text()
    loaded = Vocabulary.load(str(tmp_path / "out"))
    (shard,) = manifest.read(str(tmp_path / "out")).splits["mine-train"]
    ids = [row["targets"].tolist() for row in read_example_shard(str(tmp_path / "out" / shard.file))][-1]
    assert (ids[0], ids[-2]) == (loaded.sentinel_id(0), loaded.sentinel_id(1)), "sentinels in task files are sentinels"


def test_too_many_bad_records_end_without_shards(vocabulary, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"inputs": "a", "targets": "b", "task": "t"}\nnope\n')
    with pytest.raises(UserError, match="bad_json 1"):
        main([f"--input={tmp_path}/*.jsonl", f"--vocabulary={vocabulary}", f"--output={tmp_path}/out", *ONE_PROCESS])
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_file()} == {
        "quarantine.jsonl",
        "report.json",
        "report.html",
    }


def test_a_data_set_of_hugging_face_is_read_with_its_splits(vocabulary, tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = {"sentence": ["good film", "bad film"], "label": [1, 0], "idx": [0, 1]}
    both = datasets.DatasetDict(
        {"train": datasets.Dataset.from_dict(rows), "validation": datasets.Dataset.from_dict(rows)}
    )
    both.save_to_disk(str(tmp_path / "sst2"))
    arguments = [f"--input=hf:{tmp_path}/sst2", f"--vocabulary={vocabulary}", f"--output={tmp_path}/out", "--task=sst2"]
    assert main([*arguments, *ONE_PROCESS]) == 0
    held = manifest.read(str(tmp_path / "out"))
    assert {split: held.num_rows(split) for split in held.splits} == {"sst2-train": 2, "sst2-validation": 2}


def test_mistakes_are_named(vocabulary, task_files, tmp_path):
    with pytest.raises(UserError, match="unknown task 'nope'"):
        run(task_files, vocabulary, tmp_path / "out", "--task=nope")
    with pytest.raises(UserError, match="leaves no room"):
        run(task_files, vocabulary, tmp_path / "out", "--inputs_length=1")
    with pytest.raises(UserError, match="no file matches"):
        main([f"--input={tmp_path}/*.x", f"--vocabulary={vocabulary}", f"--output={tmp_path}/out"])
    assert not (tmp_path / "out").exists()


def test_a_dry_run_writes_nothing(vocabulary, task_files, tmp_path, capsys):
    assert run(task_files, vocabulary, tmp_path / "out", "--dry_run") == 0
    assert "2 files" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()

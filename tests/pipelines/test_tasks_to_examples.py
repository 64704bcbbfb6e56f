"""tasks_to_examples: files of records in, shards with references out, the same bytes however it runs."""

import hashlib
import json

import pytest

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.example_shards import read_example_shard
from c4pipe.stages import write_task_examples
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines.tasks_to_examples import main

# In one process, because starting workers takes seconds, and they do the same work.
ONE_PROCESS = ["--direct_running_mode=in_memory", "--direct_num_workers=1"]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory, spiece_of):
    folder = tmp_path_factory.mktemp("vocabulary")
    words = "sst2 cola sentence good bad film was the a question context positive negative acceptable unacceptable"
    texts = [words, words[::-1], "abcdefghijklmnopqrstuvwxyz : . 0 1 2 3 4 5 6 7 8 9"] * 40
    (folder / "spiece.model").write_bytes(spiece_of(texts, 110))
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
    committed = manifest.read(str(finished))
    loaded = Vocabulary.load(str(finished))
    assert committed.kind == "tasks"
    assert sorted(committed.splits) == ["mine-train", "mine-validation", "sst2-train", "sst2-validation"]
    assert sum(committed.num_rows(split) for split in committed.splits) == 93
    assert (finished / "sst2-validation-00000-of-00002.arrow").exists()
    rows = [row for shard in committed.splits["mine-train"] for row in read_example_shard(str(finished / shard.file))]
    assert all(row["task"] == "mine" and row["references"] == ["x", loaded.decode(row["targets"])] for row in rows)
    assert all(row["inputs"][-1] == 1 and row["targets"][-1] == 1 for row in rows)
    by_number = {row["row"]: loaded.decode(row["inputs"]) for row in rows}
    assert all(text == f"my question: {number}" for number, text in by_number.items())


def test_the_manifest_tells_lengths_and_inputs_by_name(finished, vocabulary):
    committed = manifest.read(str(finished))
    assert committed.settings["inputs_length"] == 512
    longest = max(
        len(row["targets"])
        for shards in committed.splits.values()
        for shard in shards
        for row in read_example_shard(str(finished / shard.file))
    )
    assert committed.settings["targets_length"] == longest
    assert [entry.name for entry in committed.inputs] == ["a.jsonl", "b.jsonl"]
    for shards in committed.splits.values():
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
    with pytest.raises(UserError, match="inputs_length is"):
        run(task_files, vocabulary, finished, "--inputs_length=100")
    assert digests(finished) == before


def test_a_killed_run_continues_to_the_same_bytes(finished, task_files, vocabulary, tmp_path, monkeypatch):
    def die(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(manifest, "write", die)
        with pytest.raises(KeyboardInterrupt):
            run(task_files, vocabulary, tmp_path / "out", *ONE_PROCESS)
    assert not (tmp_path / "out" / "manifest.json").exists()
    # The work of one file is lost, and the folder has a file of the user.
    lost = sorted((tmp_path / "out" / ".work").glob("*/done.json"))[0]
    lost.unlink()
    (tmp_path / "out" / "old-train-00000-of-00001.arrow").write_bytes(b"x")
    assert run(task_files, vocabulary, tmp_path / "out", *ONE_PROCESS) == 0
    assert (tmp_path / "out" / "old-train-00000-of-00001.arrow").read_bytes() == b"x"
    (tmp_path / "out" / "old-train-00000-of-00001.arrow").unlink()
    assert digests(tmp_path / "out") == digests(finished)


def test_raw_records_need_their_task_and_are_cut_to_length(vocabulary, tmp_path):
    (tmp_path / "cola.tsv").write_text("gj04\t1\t\t" + "good film " * 50 + "\nx\t0\t*\tbad film\ny\t-1\t\tno label\n")
    arguments = [f"--input={tmp_path}/cola.tsv", f"--vocabulary={vocabulary}", f"--output={tmp_path}/out"]
    with pytest.raises(UserError, match="missing_field 2"):
        (tmp_path / "cola.jsonl").write_text('{"sentence": "a"}\n{"sentence": "b"}')
        main([f"--input={tmp_path}/cola.jsonl", *arguments[1:], *ONE_PROCESS])
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert main([*arguments, "--task=cola", "--inputs_length=20", "--targets_length=30", *ONE_PROCESS]) == 0
    committed = manifest.read(str(tmp_path / "out"))
    assert committed.settings["targets_length"] == 30
    assert committed.statistics["counters"] == {"records": 3, "examples": 2, "dropped_no_label": 1}
    assert sum(split["truncated_inputs"] for split in committed.statistics["splits"].values()) == 1
    rows = [
        row
        for shards in committed.splits.values()
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
    assert "cannot write 3 of 5 targets exactly (such as 'good { film', which becomes 'good  ⁇  film')" in last
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["splits"]["mine-train"]["unwritable_targets"] == 3
    assert {sample["written"] for sample in report["splits"]["mine-train"]["unwritable_samples"]} == {
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
        "unfinished.json",
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
    committed = manifest.read(str(tmp_path / "out"))
    assert {split: committed.num_rows(split) for split in committed.splits} == {"sst2-train": 2, "sst2-validation": 2}


def convert(vocabulary, output, source, task, *more):
    """Runs the command; returns the manifest's splits with their rows, and its counters."""
    arguments = [f"--input={source}", f"--vocabulary={vocabulary}", f"--output={output}", f"--task={task}", *more]
    assert main([*arguments, *ONE_PROCESS]) == 0
    committed = manifest.read(str(output))
    return {split: committed.num_rows(split) for split in committed.splits}, committed.statistics["counters"]


def save_data_set(folder, splits, names):
    """Split -> class numbers; a row per number."""
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    rows = {
        split: datasets.Dataset.from_dict(
            {"sentence": [f"film {number} of {split}" for number in range(len(labels))], "label": labels}, features
        )
        for split, labels in splits.items()
    }
    datasets.DatasetDict(rows).save_to_disk(str(folder))


def test_the_class_names_of_a_data_set_decide(vocabulary, tmp_path):
    save_data_set(tmp_path / "data", {"train": [0, 1, 0], "test": [-1, 1]}, ["positive", "negative"])
    splits, counters = convert(vocabulary, tmp_path / "out", f"hf:{tmp_path}/data", "sst2")
    assert splits == {"sst2-test": 2, "sst2-train": 3, "sst2-validation": 0}
    assert counters["examples_without_label"] == 1
    rows = list(read_example_shard(str(tmp_path / "out" / "sst2-train-00000-of-00001.arrow")))
    assert [row["references"] for row in rows] == [["positive"], ["negative"], ["positive"]]
    assert convert(vocabulary, tmp_path / "plain", tmp_path / "data", "sst2")[0] == splits
    assert convert(vocabulary, tmp_path / "one", f"hf:{tmp_path}/data@train", "sst2")[0]["sst2-train"] == 3
    save_data_set(tmp_path / "short", {"train": [0, 1]}, ["neg", "pos"])
    convert(vocabulary, tmp_path / "out2", f"hf:{tmp_path}/short", "sst2")
    rows = list(read_example_shard(str(tmp_path / "out2" / "sst2-train-00000-of-00001.arrow")))
    assert [row["references"] for row in rows] == [["negative"], ["positive"]]
    save_data_set(tmp_path / "other", {"train": [0, 1]}, ["good", "negative"])
    with pytest.raises(UserError, match="the classes of its column 'label' are good, negative, but the task sst2 has"):
        convert(vocabulary, tmp_path / "out3", f"hf:{tmp_path}/other", "sst2")


def test_files_in_folders_named_as_the_splits_are_of_that_split(vocabulary, tmp_path):
    for split, label in (("train", 1), ("validation", 0), ("test", -1)):
        (tmp_path / split).mkdir()
        rows = [{"sentence": f"{split} film {number}", "label": label} for number in range(3)]
        (tmp_path / split / "0000.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    splits, _ = convert(vocabulary, tmp_path / "out", f"{tmp_path}/*/*.jsonl", "sst2")
    assert splits == {"sst2-test": 3, "sst2-train": 3, "sst2-validation": 3}


def test_files_named_as_on_the_hub_are_their_splits(vocabulary, tmp_path, capsys):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for split, label in (("train", 1), ("validation", 0), ("test", -1)):
        table = pa.table({"sentence": [f"{split} film {number}" for number in range(30)], "label": [label] * 30})
        pq.write_table(table, tmp_path / f"{split}-00000-of-00001.parquet")
    splits, counters = convert(vocabulary, tmp_path / "out", tmp_path / "*.parquet", "sst2")
    assert splits == {"sst2-test": 30, "sst2-train": 30, "sst2-validation": 30}
    assert counters == {"records": 90, "examples": 90, "examples_without_label": 30}
    said = capsys.readouterr()
    assert "the names of the 3 files say the splits: 1 for test, 1 for train, 1 for validation" in said.err
    assert "; 30 examples of test splits have no label, and are decoded without a score" in said.out
    # A file for training only: a tenth of it is for validation, as for any file.
    splits, _ = convert(vocabulary, tmp_path / "alone", tmp_path / "train-*.parquet", "sst2")
    assert sum(splits.values()) == 30 and splits["sst2-validation"] > 0
    asked = f"{tmp_path}/train-*.parquet@dev,{tmp_path}/validation-*.parquet@train"
    assert convert(vocabulary, tmp_path / "asked", asked, "sst2")[0] == {"sst2-train": 30, "sst2-validation": 30}


def test_all_splits_of_mnli_go_to_their_tasks(vocabulary, tmp_path):
    datasets = pytest.importorskip("datasets")
    names = ["entailment", "neutral", "contradiction"]
    features = datasets.Features(
        {name: datasets.Value("string") for name in ("premise", "hypothesis")}
        | {"label": datasets.ClassLabel(names=names), "idx": datasets.Value("int32")}
    )
    rows = {"premise": ["film"] * 4, "hypothesis": ["good", "bad", "a", "b"], "idx": [0, 1, 2, 3]}
    labels = {
        "train": 0,
        "validation_matched": 1,
        "validation_mismatched": 2,
        "test_matched": -1,
        "test_mismatched": -1,
    }
    data = {
        split: datasets.Dataset.from_dict({**rows, "label": [label] * 4}, features) for split, label in labels.items()
    }
    datasets.DatasetDict(data).save_to_disk(str(tmp_path / "mnli"))
    splits, _ = convert(vocabulary, tmp_path / "out", f"hf:{tmp_path}/mnli", "mnli")
    assert {split: rows for split, rows in splits.items() if rows} == {
        "mnli-train": 4,
        "mnli-validation": 4,
        "mnli-test": 4,
        "mnli_mismatched-validation": 4,
        "mnli_mismatched-test": 4,
    }
    (row, *_) = read_example_shard(str(tmp_path / "out" / "mnli_mismatched-test-00000-of-00001.arrow"))
    assert row["references"] == ["0"] and row["targets"].tolist() == [1]


def test_a_missing_label_field_and_a_missing_header_are_named(vocabulary, tmp_path):
    rows = [{"sentence": f"film {number}", "labels": 1} for number in range(5)]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(UserError, match=r"5 of 5 records could not be used .*missing_field 5"):
        convert(vocabulary, tmp_path / "out", tmp_path / "labels.jsonl", "sst2")
    (row, *_) = map(json.loads, (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines())
    assert row["detail"] == "no field 'label'; it has sentence, labels"
    (tmp_path / "noheader.tsv").write_text("a good film\t1\na bad film\t0\n")
    with pytest.raises(UserError, match=r"has no header: its first line \(a good film, 1\) names none of the columns"):
        convert(vocabulary, tmp_path / "out2", tmp_path / "noheader.tsv", "sst2")
    (tmp_path / "ready.csv").write_text("a,x,my\n")
    with pytest.raises(UserError, match=r"has no header: .* that a ready record has \(inputs, targets\)"):
        convert(vocabulary, tmp_path / "out3", tmp_path / "ready.csv", "")


def test_csv_is_read(vocabulary, tmp_path):
    (tmp_path / "tasks.csv").write_text('inputs,targets,task\n"a, b",x,my\n"two\nlines",y,my\n')
    splits, _ = convert(vocabulary, tmp_path / "out", tmp_path / "tasks.csv", "")
    assert sum(splits.values()) == 2 and set(splits) == {"my-train", "my-validation"}


def test_squads_own_file_is_read_and_questions_without_an_answer_are_on_the_last_line(vocabulary, tmp_path, capsys):
    def question(number):
        answers = [{"text": "good film", "answer_start": 0}] if number % 3 else []
        return {"id": str(number), "question": f"who was {number}", "answers": answers, "is_impossible": not answers}

    paragraphs = [{"context": "the good film", "qas": [question(number) for number in range(60)]}]
    content = {"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}
    (tmp_path / "train-v2.0.json").write_text(json.dumps(content))
    splits, counters = convert(vocabulary, tmp_path / "out", tmp_path / "train-v2.0.json", "squad")
    assert sum(splits.values()) == 40 and splits["squad-train"] > splits["squad-validation"] > 0
    assert counters == {"records": 60, "examples": 40, "dropped_unanswerable": 20}
    assert "; left out: unanswerable 20" in capsys.readouterr().out
    rows = list(read_example_shard(str(tmp_path / "out" / "squad-train-00000-of-00001.arrow")))
    assert len({row["row"] for row in rows}) == len(rows)


def test_a_task_file_cut_in_half_is_an_error(vocabulary, tmp_path):
    import zstandard

    rows = b"".join(b'{"inputs": "film %d", "targets": "good", "task": "my"}\n' % number for number in range(20_000))
    whole = zstandard.ZstdCompressor().compress(rows)
    (tmp_path / "a.jsonl.zst").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"a\.jsonl\.zst is damaged"):
        convert(vocabulary, tmp_path / "out", tmp_path / "a.jsonl.zst", "")
    assert not (tmp_path / "out" / "manifest.json").exists()


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


def test_a_task_file_that_changes_while_it_is_read_is_an_error(task_files, vocabulary, tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    path.write_bytes((task_files / "b.jsonl").read_bytes())
    read = write_task_examples.read_task_records

    def read_and_grow(*given):
        yield from read(*given)
        with open(path, "a") as target:
            target.write('\n{"inputs": "one", "targets": "more", "task": "sst2"}')

    monkeypatch.setattr(write_task_examples, "read_task_records", read_and_grow)
    with pytest.raises(Exception, match="changed while it was read"):
        run(tmp_path, vocabulary, tmp_path / "out", *ONE_PROCESS)
    assert not manifest.exists(str(tmp_path / "out"))
    monkeypatch.undo()
    assert run(tmp_path, vocabulary, tmp_path / "out", *ONE_PROCESS) == 0
    assert manifest.read(str(tmp_path / "out")).inputs[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()

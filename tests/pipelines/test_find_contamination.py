"""find_contamination finds planted leaks in any spelling, and nothing in texts without common runs of words."""

import json
import random
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from c4pipe.errors import UserError
from c4pipe.shards.text_shards import write_text_shard
from pipelines import tasks_to_examples
from pipelines.find_contamination import main

ONE_PROCESS = ["--direct_running_mode=in_memory", "--direct_num_workers=1"]
NUM_EXAMPLES = 40


def words(seed: int, count: int) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefgh", k=5)) for _ in range(count))


def record(number: int) -> dict:
    inputs = f"qa question: {words(number, 20)}? context: {words(1_000 + number, 40)}."
    return {"inputs": inputs, "targets": words(2_000 + number, 8), "task": "mine", "split": "validation"}


QUESTION, CONTEXT, ANSWER = (lambda n: words(n, 20)), (lambda n: words(1_000 + n, 40)), (lambda n: words(2_000 + n, 8))


@pytest.fixture(scope="module")
def tasks(tmp_path_factory, spiece_of) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "spiece.model").write_bytes(spiece_of(["abcdefgh question context qa : ? ."] * 20, 60))
    (folder / "records.jsonl").write_text("".join(json.dumps(record(number)) + "\n" for number in range(NUM_EXAMPLES)))
    output = folder / "examples"
    flags = [f"--input={folder}/records.jsonl", f"--vocabulary={folder}", f"--output={output}", "--targets_length=114"]
    assert tasks_to_examples.main([*flags, *ONE_PROCESS]) == 0
    return output


def page(url: str, text: str) -> dict:
    return {"text": f"{words(9_000, 30)}. {text} {words(9_001, 30)}.", "timestamp": "", "url": url}


@pytest.fixture(scope="module")
def c4(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("c4")
    first = [
        page("http://nothing.example/", words(5_000, 200)),
        page("http://whole.example/", f"{QUESTION(0)}? {CONTEXT(0)}. {ANSWER(0)}"),
        page("http://inputs.example/", CONTEXT(1)),
    ]
    second = [
        page("http://spelled.example/", QUESTION(2).upper().replace(" ", " -- ")),
        page("http://answer.example/", f"“{ANSWER(3).title()}!”"),
        page("http://part.example/", " ".join(CONTEXT(4).split()[5:18])),
        page("http://too-little.example/", " ".join(CONTEXT(5).split()[5:17])),
        page("http://whole.example/again", CONTEXT(0)),
    ]
    write_text_shard(str(folder / "c4-train.00000-of-00002.json.gz"), first)
    write_text_shard(str(folder / "c4-train.00001-of-00002.json.gz"), second)
    return folder


@pytest.fixture(scope="module")
def found(c4, tasks, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("found") / "out"
    assert main([f"--c4={c4}", f"--tasks={tasks}", f"--output={output}", *ONE_PROCESS]) == 0
    return output


def test_planted_leaks_are_found_and_nothing_else(found):
    result = json.loads((found / "contamination.json").read_text())
    shares = [(round(example["inputs"], 3), example["targets"]) for example in result["examples"]]
    grams = 8 + 28  # of a question of 20 words and a context of 40
    assert shares == [
        (1, 1),
        (round(28 / grams, 3), 0),
        (round(8 / grams, 3), 0),
        (0, 1),
        (round(1 / grams, 3), 0),
    ]
    (row,) = result["tasks"]
    assert (row["task"], row["split"], row["examples"]) == ("mine", "validation", NUM_EXAMPLES)
    assert (row["found"], row["found_inputs"], row["found_targets"], row["whole_inputs"]) == (5, 4, 2, 1)


def test_the_urls_of_pages_with_a_match_go_into_a_list(found):
    names = ("answer", "inputs", "part", "spelled", "whole")
    expected = {*(f"http://{name}.example/" for name in names), "http://whole.example/again"}
    assert set((found / "contaminated_urls.txt").read_text().splitlines()) == expected


def test_the_page_marks_the_found_words(found):
    page = (found / "report.html").read_text()
    assert f"<mark>{QUESTION(2)}</mark>" in page and "http://spelled.example/" in page
    summaries = re.findall(r'<span class="count">([^<]*)</span>', page)
    assert sum("targets" in said for said in summaries) == 2 and not any(" 0%" in said for said in summaries)


def test_eight_words_find_more(c4, tasks, tmp_path):
    flags = [f"--c4={c4}", f"--tasks={tasks}", f"--output={tmp_path}/out", "--ngram=8"]
    assert main([*flags, *ONE_PROCESS]) == 0
    assert len(json.loads((tmp_path / "out/contamination.json").read_text())["examples"]) == 6


def test_the_same_command_again_changes_nothing(c4, tasks, found, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in found.iterdir()}
    assert main([f"--c4={c4}", f"--tasks={tasks}", f"--output={found}", *ONE_PROCESS]) == 0
    assert "finished already" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in found.iterdir()} == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--ngram=3"], "--ngram=3 is too short"),
        (["--tasks={tasks}@test"], "no task with the split 'test'"),
        (["--tasks={c4}"], "no manifest.json"),
    ],
    ids=["short grams", "a split that is not there", "no tasks"],
)
def test_what_cannot_be_searched_is_said(c4, tasks, tmp_path, flags, message):
    flags = [flag.format(c4=c4, tasks=tasks) for flag in flags]
    with pytest.raises(UserError, match=message):
        main([f"--c4={c4}", f"--tasks={tasks}", f"--output={tmp_path}/out", *ONE_PROCESS, *flags])


def test_a_dry_run_writes_nothing(c4, tasks, tmp_path, capsys):
    flags = [f"--c4={c4}", f"--tasks={tasks}", f"--output={tmp_path}/out"]
    assert main([*flags, *ONE_PROCESS, "--dry_run"]) == 0
    assert "would search for 40 evaluation examples" in capsys.readouterr().out and not (tmp_path / "out").exists()


def test_rows_that_are_not_pages_are_counted_and_quarantined_within_the_limit(tasks, tmp_path, capsys):
    rows = [page("http://first.example/", CONTEXT(0)), {"url": "http://null.example/", "text": None}]
    shard = tmp_path / "pages.jsonl"
    shard.write_text("".join(json.dumps(row) + "\n" for row in [*rows, page("http://last.example/", QUESTION(1))]))
    output = tmp_path / "out"
    flags = [f"--c4={shard}", f"--tasks={tasks}", f"--output={output}", *ONE_PROCESS]
    with pytest.raises(UserError, match=r"1 of 3 records could not be used \(no_text 1\); see .*quarantine.jsonl"):
        main(flags)
    assert not (output / "contamination.json").exists()
    assert main([*flags, "--max_quarantined_fraction=0.5"]) == 0
    assert capsys.readouterr().out.endswith("rows that are not pages, in quarantine.jsonl: no_text 1\n")
    result = json.loads((output / "contamination.json").read_text())
    assert (result["pages"], result["pages_with_a_match"], result["quarantined_no_text"]) == (2, 2, 1)
    (quarantined,) = (output / "quarantine.jsonl").read_text().splitlines()
    assert json.loads(quarantined)["reason"] == "no_text"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("c4-train.{}-of-01024.json.gz", {"timestamp": "2019-04-25T12:57:54Z"}),
        ("data_CC-MAIN-2013-20_000_{}.parquet", {"id": "<urn:uuid:1>", "dump": "x", "date": "2013-05-18T05:32:25Z"}),
    ],
    ids=["the released C4", "FineWeb"],
)
def test_layouts_of_published_corpora_are_read(tasks, tmp_path, name, more):
    for number in (0, 1):
        row = {"text": page("", f"{QUESTION(number)}? {CONTEXT(number)}.")["text"], "url": f"http://{number}.example/"}
        path = str(tmp_path / name.format(f"{number:05d}"))
        if path.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist([row | more]), path)
        else:
            write_text_shard(path, [row | more])
    glob = str(tmp_path / name.format("*"))
    assert main([f"--c4={glob}", f"--tasks={tasks}", f"--output={tmp_path / 'out'}", *ONE_PROCESS]) == 0
    urls = (tmp_path / "out" / "contaminated_urls.txt").read_text().splitlines()
    assert urls == ["http://0.example/", "http://1.example/"]

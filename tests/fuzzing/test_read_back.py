"""JSON that commands read back from their own and from others' folders: odd values are one line, or as if nothing lay
there; none ends in a traceback, and none passes with other types.
"""

import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import odd_file

from c4pipe.contamination_run.plan import Plan as SearchPlan
from c4pipe.contamination_run.plan import write_texts
from c4pipe.corpus import assets
from c4pipe.corpus_run import inputs, results
from c4pipe.corpus_run.inputs import File
from c4pipe.errors import UserError
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.near_duplicates_run.clustering import Clustering, Signed
from c4pipe.report.summary import InputFile, Sample, Summary, Volume
from c4pipe.shards import files, origins
from c4pipe.shards.manifest import Shard
from c4pipe.shards.reading import data_set_folders
from c4pipe.shards.text_shards import TextShard
from c4pipe.shown import one_line
from c4pipe.stages import make_examples, sample_pages, write_task_examples
from c4pipe.stages.near_duplicates import find_clusters
from model.actions import export
from model.checkpoints import hugging_face
from model.experiments import results as results_of_search
from pipelines.jobs import release

DIGEST = "5" * 64
NUM_ODD = 400
Read = Callable[[], Any]
# Path of the JSON file that `read` reads, its good content, and `read`.
Case = Callable[[Path], tuple[Path, Any, Read]]
ROW = {"file": "a.json.gz", "offset": 7, "reason": "no_text", "detail": "`text` is null"}


def record_of_examples(folder: Path):
    shard = TextShard(str(folder / "c4-train.00000-of-00001.json.gz"), "train", 0, 1)
    (folder / "train-00000-of-00001.arrow").write_bytes(b"12345")
    made = make_examples.Made(
        files.base_name(shard.path),
        DIGEST,
        DIGEST,
        (Shard("train-00000-of-00001.arrow", 3, 5, DIGEST),),
        {"pages": 4},
        [0, 3],
        [0, 3],
        quarantined=[ROW],
    )
    path = folder / make_examples.WORK_FOLDER / shard.record_name
    return path, asdict(made), lambda: make_examples.find_made(str(folder), shard, DIGEST, check_text=False)


def done_of_tasks(folder: Path):
    statistics = write_task_examples.SplitStatistics(3, samples=[{"inputs": "a"}], sha256=DIGEST, targets={"yes": 3})
    content = {"splits": {"mine-train": asdict(statistics)}, "counters": {"records": 3}, "quarantined": [ROW]}
    return folder / "done.json", content, lambda: write_task_examples.read_done(str(folder / "done.json"))


def plan_of_a_sample(folder: Path):
    content = {"available_bytes": [100, 200], "budget_bytes": [10, 20], "limits": [3, 4]}
    return folder / sample_pages.PLAN_FILE, content, lambda: asdict(sample_pages.read_plan(str(folder)))


def rows_of_a_sample(folder: Path):
    shard = sample_pages.SourceShard(0, 0, "a.json.gz")
    content = {"num_rows": 4, "quarantined": [ROW], "sha256": DIGEST}
    read = lambda: (*sample_pages.read_bad_rows([shard], str(folder)), sample_pages.read_digests([shard], str(folder)))  # noqa: E731
    return folder / shard.rows_name, content, read


def result_of_a_corpus(folder: Path):
    summary = Summary(samples_per_rule=3)
    summary.counters["parsed"] = 4
    summary.volumes["parsing"] = Volume(4, 40, 400)
    summary.samples["rule"] = [Sample("0a", "http://a.example", "text", "")]
    summary.lengths[3] = 4
    summary.seconds["clean_files"] = 0.5
    summary.inputs.append(InputFile(0, "a.warc.wet.gz", DIGEST, 100, 0, False))
    shard = results.WrittenShard("train", "c4-train.00000-of-00001.json.gz", 4, 100, DIGEST)
    content = {
        "run_key": "0a",
        "cleaned": summary.to_json(),
        "finished": summary.to_json(),
        "shards": [asdict(shard)],
        "keys": [asdict(results.WrittenKeys("urls", "urls-00000", 4, 40, DIGEST))],
    }
    return folder / "result.json", content, lambda: results.read_result(str(folder / "result.json"))


def summary_of_clusters(folder: Path):
    clustering = Clustering(str(folder), Banding())
    content = {
        **{"pages": 9, "clusters": 2, "in_clusters": 5, "dropped": 3},
        **{"sizes": [[2, 1], [3, 1]], "largest": [[0, 3]], "drawn": [[0, 1]]},
    }
    path = Path(clustering.summary("key"))
    return path, content, lambda: find_clusters.pages_to_show(clustering.read_summary("key"))


def verdict(folder: Path):
    class Folder:
        def file(self, name: str) -> str:
            return str(folder / name)

    content = {"rows_checked": 9, "rows_disagreeing": 1, "disagreements": {"other_lines": 1}, "settings": {}}
    return folder / release.RESULT, content, lambda: release.verdict(release.read_result(Folder()))


def report_of_examples(folder: Path):
    return folder / "report.json", {"text_folders": ["/a", "/b"]}, lambda: origins.text_folders(str(folder))


def data_set(folder: Path):
    for number in range(2):
        (folder / f"data-0000{number}-of-00002.arrow").write_bytes(b"")
    names = [f"data-0000{number}-of-00002.arrow" for number in range(2)]
    content = {"_data_files": [{"filename": name} for name in names], "_split": "train", "_fingerprint": "0a"}
    return folder / "state.json", content, lambda: data_set_folders.splits_of(str(folder))


def data_sets(folder: Path):
    data_set(folder)
    (folder / "train").mkdir()
    path, content, _ = data_set(folder / "train")
    path.write_text(json.dumps(content))
    return folder / "dataset_dict.json", {"splits": ["train"]}, lambda: data_set_folders.splits_of(str(folder))


def settings_of_generation(folder: Path):
    def read() -> bool:
        length = export._max_length(str(folder), {})
        assert isinstance(length, int) and not isinstance(length, bool) and length > 0
        return length != export.DEFAULT_MAX_LENGTH

    return folder / hugging_face.GENERATION_FILE, {"max_length": 30, "eos_token_id": 1}, read


def scores_of_an_evaluation(folder: Path):
    good = {"tasks": {"cola": {"matthews_corrcoef": 12.5}}, "averages": {"glue": 12.5}, "split": "validation"}
    return folder / "metrics.json", good, lambda: results_of_search.read_scores(str(folder))


def domains_of_news(folder: Path):
    path = folder / "domains.json"

    def read() -> Any:
        return assets._domains(path.read_bytes().decode("utf-8", "replace"))

    return path, {"a.example": True, "b.example": ["news.b.example"], "c.example": False}, read


CASES: list[Case] = [
    record_of_examples,
    done_of_tasks,
    plan_of_a_sample,
    rows_of_a_sample,
    result_of_a_corpus,
    summary_of_clusters,
    verdict,
    report_of_examples,
    data_set,
    data_sets,
    settings_of_generation,
    scores_of_an_evaluation,
    domains_of_news,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_odd_json_is_one_line_or_as_if_there_were_none(tmp_path, case):
    path, good, read = case(tmp_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(good))
    assert read()
    num_refused = 0
    for number in range(NUM_ODD):
        path.write_bytes(odd_file(good, random.Random(f"{case.__name__} {number}")))
        try:
            num_refused += not read()
        except UserError as error:
            num_refused += 1
            assert "\n" not in one_line(str(error))
    assert num_refused > NUM_ODD // 10


LINES: dict[str, Callable[[Path], tuple[Path, Read]]] = {}


def lines_of(write: Callable[[Path], tuple[Path, Read]]) -> Callable[[Path], tuple[Path, Read]]:
    LINES[write.__name__] = write
    return write


@lines_of
def list_of_wet_files(folder: Path):
    written = [File(0, "/crawl/a\u2028.warc.wet.gz", "a"), File(1, "/crawl/b.warc.wet.gz", "b")]
    inputs.write_list(str(folder / "list"), written)
    assert list(inputs.read_list(str(folder / "list"))) == written
    return folder / "list", lambda: list(inputs.read_list(str(folder / "list")))


@lines_of
def numbered_files(folder: Path):
    clustering = Clustering(str(folder), Banding())
    key = clustering.number_pages([Signed(0, "signed/0", 5, 4, "x"), Signed(1, "signed/1", 3, 3, "y")], "settings")
    (path,) = folder.rglob("files.jsonl")
    return path, lambda: clustering.numbered_files(key)


@lines_of
def evaluation_texts(folder: Path):
    plan = SearchPlan(str(folder), 13, "code", "key")
    write_texts(plan, ["one text of some words", "another text"])
    return Path(plan.texts_path), lambda: [plan.grams()]


@pytest.mark.parametrize("name", LINES)
def test_odd_lines_of_json_are_one_line(tmp_path, name):
    path, read = LINES[name](tmp_path)
    lines = path.read_bytes().splitlines()
    assert read()
    num_refused = 0
    for number in range(NUM_ODD):
        draw = random.Random(f"{name} {number}")
        place = draw.randrange(len(lines))
        odd = odd_file(json.loads(lines[place]), draw).replace(b"\n", b" ")
        path.write_bytes(b"\n".join([*lines[:place], odd, *lines[place + 1 :]]) + b"\n")
        try:
            read()
        except UserError as error:
            num_refused += 1
            assert "\n" not in one_line(str(error))
    assert num_refused > NUM_ODD // 10

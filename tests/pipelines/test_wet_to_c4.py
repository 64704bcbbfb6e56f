import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_crawl import command, digests

from c4pipe.errors import HandedOver, UserError
from c4pipe.shards import manifest
from c4pipe.shards.provenance import read_provenance
from pipelines import wet_to_c4
from pipelines.jobs import corpus

ROOT = Path(__file__).parents[2]
ONE_WORKER = "--direct_num_workers=1"


def make(crawl: Path, output: Path, *more: str, wet: str | None = None) -> Path:
    flags = command(crawl, output, *more, wet=wet)
    if not any(flag.startswith(("--direct", "--runner")) for flag in more):
        flags.append(ONE_WORKER)
    assert wet_to_c4.main(flags) == 0
    return output


@pytest.fixture(scope="module")
def made(crawl, tmp_path_factory) -> Path:
    return make(crawl, tmp_path_factory.mktemp("c4") / "en")


def rows(folder: Path, split: str) -> list[dict]:
    found = []
    for path in sorted(folder.glob(f"c4-{split}.*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found.extend(json.loads(line) for line in lines)
    return found


def test_the_folder_is_as_the_manifest_says(made, crawl):
    committed = manifest.read(str(made))
    assert sorted(committed.splits) == ["train", "validation"]
    assert len(committed.splits["train"]) == 4 and len(committed.splits["validation"]) == 1
    for split, shards in committed.splits.items():
        assert sum(shard.rows for shard in shards) == len(rows(made, split))
    names = {shard.file for shards in committed.splits.values() for shard in shards}
    assert names == {path.name for path in made.rglob("c4-*")}
    assert not (made / "work").exists() and not (made / "unfinished.json").exists()
    assert [entry.name for entry in committed.inputs] == [path.name for path in sorted((crawl / "wet").iterdir())]


def test_provenance_names_the_record_of_each_row(made, crawl):
    page = rows(made, "train")[0]
    wet_file, record = read_provenance(str(made / "_provenance" / "provenance-train.00000-of-00004.parquet"))[0]
    members = gzip.decompress((crawl / "wet" / wet_file).read_bytes()).split(b"WARC/1.0\r\n")[1:]
    assert f"WARC-Target-URI: {page['url']}\r\n".encode() in members[record]


def test_the_card_names_the_splits_and_the_funnel(made):
    card = (made / "README.md").read_text()
    assert '- split: train\n    path:\n    - "c4-train.*-of-00004.json.gz"\n' in card
    assert "variant `en.noblocklist`, with the results of `tfds-3.1.0`" in card and "from 4 WET files" in card
    funnel = json.loads((made / "report.json").read_text())["funnel"]
    assert f"| {funnel[-1]['pages']:,} | {funnel[-1]['lines']:,} | {funnel[-1]['bytes']:,} |" in card
    assert manifest.read(str(made)).statistics["card"] == "README.md"


def test_a_url_is_there_once_and_a_line_too(made):
    pages = rows(made, "train") + rows(made, "validation")
    urls = [page["url"] for page in pages]
    lines = [line.strip().lower() for page in pages for line in page["text"].split("\n")]
    assert len(urls) == len(set(urls)) > 50
    assert len(lines) == len(set(lines))


def test_datasets_reads_the_shards_as_it_reads_the_released_corpus(made, tmp_path):
    datasets = pytest.importorskip("datasets")
    files = str(made / "c4-train.*.json.gz")
    loaded = datasets.load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path))
    assert set(loaded.column_names) == {"url", "text", "timestamp"}
    expected = rows(made, "train")
    assert [(page["url"], page["text"]) for page in loaded] == [(page["url"], page["text"]) for page in expected]
    times = [f"{page['timestamp']:%Y-%m-%dT%H:%M:%SZ}" for page in loaded]  # datasets makes moments of them
    assert times == [page["timestamp"] for page in expected]


def test_too_little_room_for_the_work_is_said_before(crawl, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(corpus, "free_bytes", lambda folder: 1000)
    make(crawl, tmp_path / "c4")
    said = capsys.readouterr().err
    assert "notice: the work files may need" in said and "0 MB are free" in said


def test_the_report_adds_up(made):
    report = json.loads((made / "report.json").read_text())
    assert report["checks"] and all(check["ok"] for check in report["checks"])
    counters = report["counters"]
    assert counters["quarantine/invalid_utf8"] == 4 == report["quarantine"]["records"]
    assert counters["split-wet-file/wet-file"] == 4
    assert counters["split-wet-file/filtered:no_url"] == 4
    assert (
        counters["english-filter/passed"]
        == report["splits"]["train"]["pages"] + report["splits"]["validation"]["pages"]
    )
    assert len((made / "quarantine.jsonl").read_text().splitlines()) == 4
    assert report["samples"]["clean-page/filtered:loremipsum"]


def test_the_order_of_the_inputs_does_not_matter(crawl, made, tmp_path):
    paths = sorted((crawl / "wet").iterdir(), reverse=True)
    names = tmp_path / "list.txt"
    names.write_text("\n".join(map(str, paths)) + "\n")
    flags = [flag for flag in command(crawl, tmp_path / "c4", ONE_WORKER) if not flag.startswith("--input=")]
    assert wet_to_c4.main([*flags, f"--input_list={names}"]) == 0
    assert digests(tmp_path / "c4") == digests(made)


def test_where_the_inputs_lie_does_not_matter(crawl, made, tmp_path):
    halves = []
    for number, path in enumerate(sorted((crawl / "wet").iterdir())):
        folder = tmp_path / f"half{number % 2}"
        folder.mkdir(exist_ok=True)
        (folder / path.name).symlink_to(path)
        halves.append(str(folder / "*.gz"))
    make(crawl, tmp_path / "c4", wet=",".join(sorted(set(halves), reverse=True)))
    assert digests(tmp_path / "c4") == digests(made)


@pytest.mark.parametrize(
    "flags",
    [
        ["--direct_num_workers=2", "--direct_running_mode=multi_threading"],
        ["--runner=BundleBasedDirectRunner"],
        pytest.param(["--direct_num_workers=2"], marks=pytest.mark.slow),
        pytest.param(["--direct_num_workers=3"], marks=pytest.mark.slow),
    ],
    ids=["threads", "bundles", "two processes", "three processes"],
)
def test_every_way_to_run_gives_the_same_bytes(crawl, made, tmp_path, flags):
    make(crawl, tmp_path / "c4", *flags)
    assert digests(tmp_path / "c4") == digests(made)


def test_keys_through_the_shuffle_give_the_same_bytes(crawl, made, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "keys_go_through_files", lambda options: False)
    make(crawl, tmp_path / "c4")
    assert digests(tmp_path / "c4") == digests(made)


def test_many_buckets_give_the_same_bytes(crawl, made, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "BUCKET_BYTES", 2000)
    make(crawl, tmp_path / "c4")
    assert digests(tmp_path / "c4") == digests(made)


def test_a_finished_folder_is_left_as_it_is(crawl, made, capsys):
    before = {path: path.stat().st_mtime_ns for path in made.iterdir()}
    make(crawl, made)
    assert "finished already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in made.iterdir()} == before


def test_another_result_is_refused_unless_it_may_go(crawl, tmp_path):
    output = make(crawl, tmp_path / "c4")
    with pytest.raises(UserError, match="--overwrite"):
        wet_to_c4.main(command(crawl, output, "--num_shards=2"))
    assert len(list(output.glob("c4-train.*"))) == 4
    make(crawl, output, "--num_shards=2", "--overwrite")
    assert len(list(output.glob("c4-train.*"))) == 2
    assert len(list(output.glob("_provenance/provenance-train.*"))) == 2


def test_shards_that_no_run_vouches_for_are_refused_and_stay(crawl, tmp_path):
    output = make(crawl, tmp_path / "c4")
    (output / "manifest.json").unlink()
    before = digests(output)
    for more in ([], ["--overwrite"]):
        with pytest.raises(UserError, match="no run of c4pipe has written there"):
            wet_to_c4.main(command(crawl, output, *more))
    assert digests(output) == before


def test_a_work_folder_of_the_users_stays(crawl, tmp_path):
    (tmp_path / "c4" / "work").mkdir(parents=True)
    (tmp_path / "c4" / "work" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not a work folder"):
        wet_to_c4.main(command(crawl, tmp_path / "c4"))
    assert (tmp_path / "c4" / "work" / "notes.txt").read_text() == "mine"
    assert [path.name for path in (tmp_path / "c4").iterdir()] == ["work"]


@pytest.mark.parametrize("num_shards", [1, 3, 7])
def test_the_number_of_shards_changes_no_row(crawl, made, tmp_path, num_shards):
    make(crawl, tmp_path / "c4", f"--num_shards={num_shards}")
    assert len(list((tmp_path / "c4").glob("c4-train.*"))) == num_shards
    assert rows(tmp_path / "c4", "train") == rows(made, "train")


@pytest.mark.parametrize("format", ["json.zst", "parquet"])
def test_every_format_has_the_same_rows(crawl, made, tmp_path, format):
    from c4pipe.shards.text_shards import COLUMNS, read_text_shard

    make(crawl, tmp_path / "c4", f"--format={format}")
    found = [
        row for path in sorted((tmp_path / "c4").glob("c4-train.*")) for row in read_text_shard(str(path), COLUMNS)
    ]
    assert found == rows(made, "train")


def test_how_sure_the_identifier_is_can_be_a_column(crawl, made, tmp_path):
    import pyarrow.parquet as pq

    output = make(crawl, tmp_path / "c4", "--format=parquet", "--language_probability")
    found = [row for path in sorted(output.glob("c4-train.*")) for row in pq.read_table(path).to_pylist()]
    probabilities = [row.pop("language_probability") for row in found]
    assert found == rows(made, "train")
    assert all(isinstance(probability, float) and 0.99 <= probability <= 1 for probability in probabilities)
    assert "`language_probability` says how sure" in (output / "README.md").read_text()


def test_too_much_quarantine_is_an_error_without_shards(crawl, tmp_path):
    flags = [*command(crawl, tmp_path / "c4"), ONE_WORKER, "--max_quarantined_fraction=0.001"]
    with pytest.raises(UserError, match="--max_quarantined_fraction"):
        wet_to_c4.main(flags)
    assert {path.name for path in (tmp_path / "c4").iterdir()} >= {"report.json", "quarantine.jsonl"}
    assert not list((tmp_path / "c4").glob("c4-*")) and not (tmp_path / "c4" / "manifest.json").exists()
    # With a higher limit the same folder can be finished. Cleaned files are reused.
    make(crawl, tmp_path / "c4")
    report = json.loads((tmp_path / "c4" / "report.json").read_text())
    assert report["timing"]["stages"][0]["reused"] == 4


def test_input_that_gives_no_page_gives_empty_shards(crawl, tmp_path):
    (tmp_path / "empty.warc.wet.gz").write_bytes(b"")
    make(crawl, tmp_path / "c4", wet=str(tmp_path / "empty.warc.wet.gz"))
    committed = manifest.read(str(tmp_path / "c4"))
    assert {split: [shard.rows for shard in shards] for split, shards in committed.splits.items()} == {
        "train": [0],
        "validation": [0],
    }


def test_changed_input_is_cleaned_again(crawl, tmp_path):
    (tmp_path / "wet").mkdir()
    for path in (crawl / "wet").iterdir():
        (tmp_path / "wet" / path.name).write_bytes(path.read_bytes())
    make(crawl, tmp_path / "c4", "--keep_work", wet=str(tmp_path / "wet" / "*.gz"))
    changed = sorted((tmp_path / "wet").iterdir())[0]
    changed.write_bytes(sorted((crawl / "wet").iterdir())[1].read_bytes())
    with pytest.raises(UserError, match="another result"):
        wet_to_c4.main(command(crawl, tmp_path / "c4", wet=str(tmp_path / "wet" / "*.gz")))
    make(crawl, tmp_path / "c4", "--overwrite", wet=str(tmp_path / "wet" / "*.gz"))
    make(crawl, tmp_path / "fresh", wet=str(tmp_path / "wet" / "*.gz"))
    assert digests(tmp_path / "c4") == digests(tmp_path / "fresh")
    report = json.loads((tmp_path / "c4" / "report.json").read_text())
    assert report["timing"]["stages"][0]["reused"] == 3


def test_the_graph_is_as_large_for_many_files_as_for_few(crawl, tmp_path):
    import apache_beam as beam

    from c4pipe.stages.wet_to_c4.make_c4 import MakeC4
    from pipelines.launch import beam_flags
    from pipelines.launch.runner import Runner

    sizes = []
    for count in (8, 64_000):
        names = tmp_path / f"list{count}.txt"
        names.write_text("".join(f"https://data.example.org/{number:06d}.warc.wet.gz\n" for number in range(count)))
        flags = [flag for flag in command(crawl, tmp_path / "c4") if not flag.startswith("--input=")]
        # The files are not there, so none is looked into.
        more = [f"--input_list={names}", "--accept_other_records"]
        parsed, left = beam_flags.parse(wet_to_c4.parser(), [*flags, *more])
        runner = Runner(parsed, left)
        job = corpus.make_job(parsed, runner)
        assert job.plan.num_files == count
        pipeline = beam.Pipeline(options=runner.options)
        pipeline | MakeC4([job.plan], ["result.json"])
        sizes.append(len(pipeline.to_runner_api().SerializeToString()))
    # A number of more digits, pickled and packed a few times: some bytes. The names themselves would be megabytes.
    assert abs(sizes[0] - sizes[1]) < sizes[0] / 100 and sizes[0] < 1 << 20


def test_a_path_of_this_machine_is_refused_on_a_cluster(crawl, tmp_path):
    with pytest.raises(UserError, match="workers on other machines"):
        wet_to_c4.main(command(crawl, tmp_path / "c4", "--runner=DataflowRunner"))


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--variant=english"], "unknown variant"),
        (["--compat=tfds-9"], "unknown compat"),
        (["--languages=xx"], "no language"),
        (["--format=csv"], "--format"),
        (["--num_shards=0"], "--num_shards"),
        (["--samples_per_rule=-1"], "--samples_per_rule=-1 is negative"),
        (["--variant=webtextlike"], "--urls"),
        (["--work_dri=x"], "--work_dir"),
        (["--sentence_model=nowhere"], "no sentence model"),
    ],
)
def test_a_mistake_in_a_flag_is_one_line(crawl, tmp_path, flags, word):
    with pytest.raises(UserError, match=word):
        wet_to_c4.main(command(crawl, tmp_path / "c4", *flags))
    assert not (tmp_path / "c4").exists()


@pytest.mark.parametrize(("variant", "flag"), [("webtextlike", "--urls"), ("en", "--exclude_urls")])
def test_a_damaged_list_of_urls_is_one_line(crawl, tmp_path, variant, flag):
    path, badwords = tmp_path / "urls.gz", tmp_path / "badwords"
    path.write_bytes(gzip.compress(b"https://a.example/\n", mtime=0)[:10] + b"\xff" * 20)
    badwords.write_text("frobnicated\n")
    flags = (f"--variant={variant}", f"--badwords={badwords}", f"{flag}={path}")
    with pytest.raises(UserError, match=r"^\S+urls.gz is damaged \([^\n]+\); copy it again$"):
        wet_to_c4.main(command(crawl, tmp_path / "c4", *flags))
    assert not (tmp_path / "c4").exists()


def test_excluded_urls_leave_no_trace(crawl, made, tmp_path):
    page = rows(made, "train")[3]
    names = tmp_path / "exclude.txt"
    names.write_text(page["url"] + "\n")
    make(crawl, tmp_path / "c4", f"--exclude_urls={names}")
    assert page["url"] not in {row["url"] for row in rows(tmp_path / "c4", "train")}
    report = json.loads((tmp_path / "c4" / "report.json").read_text())
    assert report["counters"]["excluded-url-filter/filtered"] == 1


def test_the_estimate_runs_nothing(crawl, tmp_path, capsys):
    assert wet_to_c4.main(command(crawl, tmp_path / "c4", "--dry_run")) == 0
    said = capsys.readouterr().out
    assert "pages/s per core" in said and "memory" in said and "disk" in said
    assert not (tmp_path / "c4").exists()


@pytest.mark.slow
def test_the_last_line_says_what_was_done_and_what_comes_next(crawl, tmp_path):
    flags = command(crawl, tmp_path / "c4")
    ran = subprocess.run(
        [sys.executable, "-m", "pipelines.wet_to_c4", *flags], cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert ran.returncode == 0, ran.stderr
    assert "pages" in ran.stdout and ran.stdout.splitlines()[-1].startswith("next: ")


def test_output_and_work_may_be_at_a_url(crawl, made):
    import fsspec

    assert wet_to_c4.main(command(crawl, Path("x"), ONE_WORKER, "--output=memory://c4/en")) == 0
    remote = fsspec.filesystem("memory")
    names = {path.rsplit("/", 1)[-1] for path in remote.ls("/c4/en", detail=False)}
    local = {path.name for path in made.iterdir()}
    assert names == local
    for name in local - {"report.json", "report.html", "_provenance", "_keys"}:
        assert remote.cat(f"/c4/en/{name}") == (made / name).read_bytes(), name
    for folder in ("_provenance", "_keys"):
        inside = {path.name: path.read_bytes() for path in (made / folder).iterdir()}
        assert {name: remote.cat(f"/c4/en/{folder}/{name}") for name in inside} == inside


@pytest.mark.parametrize("number", [3, 14, 22, 30])
def test_a_full_disk_is_one_line_and_a_restart_continues(crawl, made, tmp_path, monkeypatch, number):
    import contextlib
    import errno

    from c4pipe.shards import files

    left = [number]
    write_atomically = files.write_atomically

    @contextlib.contextmanager
    def write(path):
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        with write_atomically(path) as target:
            yield target

    with monkeypatch.context() as full:
        full.setattr(files, "write_atomically", write)
        with pytest.raises((UserError, OSError)) as caught:
            make(crawl, tmp_path / "c4")
    assert getattr(caught.value, "errno", None) == errno.ENOSPC or "disk is full" in str(caught.value)
    assert not (tmp_path / "c4" / "manifest.json").exists()
    make(crawl, tmp_path / "c4")
    assert digests(tmp_path / "c4") == digests(made)


def test_a_job_that_was_handed_over_as_a_template_is_finished_by_the_same_command(crawl, made, tmp_path):
    """As with a Flex Template of Dataflow; here the local runner does the job before the launcher ends."""
    with pytest.raises(HandedOver, match="gs://bucket/job"):
        make(crawl, tmp_path / "en", "--template_location=gs://bucket/job")
    left = {path.name for path in (tmp_path / "en").iterdir()}
    assert "unfinished.json" in left and "work" in left and "manifest.json" not in left
    assert digests(make(crawl, tmp_path / "en")) == digests(made)

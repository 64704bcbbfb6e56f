"""Every pipeline reads from and writes to an object store as to a local folder: moto's S3 server, over HTTP."""

import gzip
import json
import shutil

import pytest
from s3_server import BUCKET, digests, running
from small_corpus import status_of
from small_crawl import write_crawl
from web_server import serving

from c4pipe.shards import files
from pipelines import c4_to_examples, c4_to_vocabulary, crawl_to_wet, tasks_to_examples, wet_to_c4
from tools.engines import chain

CRAWL = "CC-MAIN-2019-18"
EN = ("--variant=en.noblocklist", "--sentence_model=bundled", "--max_quarantined_fraction=0.5")
TWO_LANGUAGES = (
    "--variant=multilingual",
    "--languages=en,de",
    "--sentence_model=bundled",
    "--max_quarantined_fraction=0.5",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with running(tmp_path_factory.mktemp("s3")) as (_, file_system):
        yield file_system


@pytest.fixture(scope="module")
def common_crawl(tmp_path_factory):
    """The URL of a web server with a crawl of two WET files."""
    folder = tmp_path_factory.mktemp("web")
    wets = write_crawl(folder / "crawl-data" / "wet", num_files=2, pages_a_file=30)
    listed = folder / "crawl-data" / CRAWL / "wet.paths.gz"
    listed.parent.mkdir()
    listed.write_bytes(gzip.compress("".join(f"crawl-data/wet/{wet.name}\n" for wet in wets).encode()))

    with serving(folder) as url:
        yield url


def make_all(url: str, output: str, tasks: str, badwords: str) -> None:
    """From the crawl to examples, all in folders of `output`."""

    def below(name: str) -> str:
        return files.join(output, name)

    crawl = [f"--crawl={CRAWL}", "--num_files=2", f"--base_url={url}", f"--output={below('wet')}"]
    assert crawl_to_wet.main(crawl) == 0
    for name, flags in {"c4": EN, "multilingual": (*TWO_LANGUAGES, badwords)}.items():
        assert wet_to_c4.main([f"--input={below('wet')}/*.wet.gz", *flags, f"--output={below(name)}"]) == 0
    c4, vocabulary = f"--input={below('c4')}", f"--vocabulary={below('vocabulary')}"
    assert c4_to_vocabulary.main([c4, "--num_pieces=300", f"--output={below('vocabulary')}"]) == 0
    assert c4_to_examples.main([c4, vocabulary, f"--output={below('examples')}"]) == 0
    assert tasks_to_examples.main([f"--input={tasks}", vocabulary, f"--output={below('tasks')}"]) == 0


def test_every_pipeline_gives_the_same_files(store, common_crawl, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("C4PIPE_CACHE", str(tmp_path / "cache"))
    tasks = tmp_path / "tasks.jsonl"
    records = [{"inputs": f"sst2 sentence: {n}", "targets": "positive", "task": "sst2"} for n in range(20)]
    tasks.write_text("".join(json.dumps(record) + "\n" for record in records))
    store.put_file(str(tasks), f"{BUCKET}/in/tasks.jsonl")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "en").write_text("deprecated\n")
    badwords = f"--badwords={tmp_path}/words"
    make_all(common_crawl, str(tmp_path / "local"), str(tasks), badwords)
    make_all(common_crawl, f"s3://{BUCKET}/out", f"s3://{BUCKET}/in/tasks.jsonl", badwords)
    shutil.rmtree(tmp_path / "local" / "wet" / ".lists")
    ours = digests(store, f"s3://{BUCKET}/out", tmp_path / "got")
    local = chain.digests(tmp_path / "local")
    assert not list((tmp_path / "cache").rglob("*.wet.gz"))
    # This report names the folders that the text came from.
    assert chain.differences(ours, local) == ["examples/report.json"]
    assert sum(name.startswith("wet/") for name in local) == 2
    capsys.readouterr()
    make_all(common_crawl, f"s3://{BUCKET}/out", f"s3://{BUCKET}/in/tasks.jsonl", badwords)
    assert capsys.readouterr().out.count("nothing to do") == 6


def test_files_that_another_process_writes_are_seen(store):
    """A listing that is remembered hid the result of worker processes from the launcher."""
    folder = f"s3://{BUCKET}/seen"
    store.pipe_file(f"{BUCKET}/seen/first", b"1")
    assert files.list_folder(folder) == ["first"]
    assert not files.exists(f"{folder}/second")
    store.pipe_file(f"{BUCKET}/seen/second", b"22")
    assert files.list_folder(folder) == ["first", "second"]
    assert files.exists(f"{folder}/second") and files.sizes(folder) == {"first": 1, "second": 2}
    assert files.expand(f"{folder}/*") == [f"{folder}/first", f"{folder}/second"]


@pytest.mark.parametrize(
    "place, words",
    [
        ("--output=s3://no-such-bucket/c4", "The specified bucket does not exist"),
        ("--work_dir=s3://no-such-bucket/work", "The specified bucket does not exist"),
        ("--input=s3://no-such-bucket/*.wet.gz", "no file matches"),
        ("--input_list=s3://no-such-bucket/wet.paths", "not found"),
    ],
)
def test_a_missing_bucket_is_one_line(store, tmp_path, capsys, place, words):
    wet = write_crawl(tmp_path / "wet", num_files=1, pages_a_file=5)[0]
    given = [place] if "put" in place.partition("=")[0] and "input" in place else [f"--input={wet}", place]
    output = [] if place.startswith("--output") else [f"--output={tmp_path / 'c4'}"]
    status, lines = status_of(wet_to_c4.main, [*given, *output, *EN], capsys)
    assert status == 2 and len(lines) == 1
    assert words in lines[0] and "no-such-bucket" in lines[0]


def test_no_credentials_and_no_server_are_one_line(store, tmp_path, monkeypatch, capsys):
    wet = write_crawl(tmp_path / "wet", num_files=1, pages_a_file=5)[0]
    flags = [f"--input={wet}", f"--output=s3://{BUCKET}/refused", *EN]
    for name, value in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    kind = type(store)
    with monkeypatch.context() as without:
        without.delenv("AWS_ACCESS_KEY_ID")
        without.delenv("AWS_SECRET_ACCESS_KEY")
        kind.clear_instance_cache()
        status, lines = status_of(wet_to_c4.main, flags, capsys)
    assert status == 2 and len(lines) == 1 and "S3 asks for credentials" in lines[0] and "AWS_ACCESS_KEY_ID" in lines[0]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    kind.clear_instance_cache()
    status, lines = status_of(wet_to_c4.main, flags, capsys)
    assert status == 2 and len(lines) == 1 and "Could not connect" in lines[0] and "check the address" in lines[0]
    kind.clear_instance_cache()

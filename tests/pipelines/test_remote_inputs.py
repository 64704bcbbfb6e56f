"""wet_to_c4 reads WET files from object stores and web servers (emulated here) as it reads local ones."""

import pytest
from web_server import serving

from c4pipe.demo.documentation import _topics
from c4pipe.demo.pack_crawl import wet_record
from c4pipe.errors import UserError
from pipelines import wet_to_c4

TIME = "2019-04-25T12:00:00Z"
BUCKET = "c4pipe-test"


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """A folder with two WET files, and the corpus made from them where they lie."""
    folder = tmp_path_factory.mktemp("crawl")
    pages = [(url, text) for url, text in _topics() if "{" not in text and len(text) > 1500][:12]
    for number in range(2):
        records = [
            wet_record("conversion", {"WARC-Target-URI": url, "WARC-Date": TIME}, text.encode())
            for url, text in pages[number::2]
        ]
        (folder / f"part-{number}.warc.wet.gz").write_bytes(b"".join(records))
    assert make(folder / "c4", f"--input={folder}/*.wet.gz") == 0
    return folder


def make(output, *arguments) -> int:
    common = [f"--output={output}", "--variant=en.noblocklist", "--sentence_model=bundled"]
    return wet_to_c4.main([*common, *arguments])


def shards(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("c4-*"))}


@pytest.fixture
def s3(monkeypatch):
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    _, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import fsspec

    fsspec.config.conf.clear()
    file_system = fsspec.filesystem("s3", skip_instance_cache=True)
    file_system.mkdir(BUCKET)
    yield file_system
    server.stop()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def gcs(monkeypatch, tmp_path):
    from gcp_storage_emulator.server import create_server

    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    server.start()
    port = server._api._httpd.server_address[1]
    # The emulator has no gRPC, by which gcsfs asks for a bucket's kind.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    import fsspec

    yield fsspec.filesystem("gs", skip_instance_cache=True, token="anon")
    server.stop()
    fsspec.get_filesystem_class("gs").clear_instance_cache()


def test_wet_files_on_s3_give_the_same_shards(crawl, s3, tmp_path):
    for path in crawl.glob("*.wet.gz"):
        s3.put_file(str(path), f"{BUCKET}/crawl/{path.name}")
    assert make(tmp_path / "c4", f"--input=s3://{BUCKET}/crawl/*.wet.gz", "--direct_num_workers=1") == 0
    assert shards(tmp_path / "c4") == shards(crawl / "c4")


def test_wet_files_on_google_storage_give_the_same_shards(crawl, gcs, tmp_path):
    for path in crawl.glob("*.wet.gz"):
        with gcs.open(f"{BUCKET}/crawl/{path.name}", "wb") as target:
            target.write(path.read_bytes())
    assert make(tmp_path / "c4", f"--input=gs://{BUCKET}/crawl/*.wet.gz", "--direct_num_workers=1") == 0
    assert shards(tmp_path / "c4") == shards(crawl / "c4")


@pytest.fixture
def web(crawl):
    with serving(crawl) as url:
        yield url


def test_wet_files_on_a_web_server_give_the_same_shards(crawl, web, tmp_path):
    (tmp_path / "list").write_text("".join(f"{web}/part-{number}.warc.wet.gz\n" for number in range(2)))
    assert make(tmp_path / "c4", f"--input_list={tmp_path}/list") == 0
    assert shards(tmp_path / "c4") == shards(crawl / "c4")


def test_a_remote_file_that_is_not_there_is_one_clear_error(web, tmp_path):
    (tmp_path / "list").write_text(f"{web}/missing.warc.wet.gz\n")
    with pytest.raises(UserError, match=r"missing\.warc\.wet\.gz"):
        make(tmp_path / "c4", f"--input_list={tmp_path}/list")
    assert not list((tmp_path / "c4").glob("c4-*"))

"""Every command that reads text shards compares them with the manifest of their folder, and names one that differs."""

import shutil
from pathlib import Path

import pytest

from c4pipe import inspect_shard
from c4pipe.demo.pack_crawl import wet_record
from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.text_shards import write_text_shard
from pipelines import drop_near_duplicates, find_contamination, find_url, verify_release
from pipelines.jobs import release

TIME = "2019-04-25T12:00:00Z"
SHARDS = [f"c4-train.{number:05d}-of-00002.json.gz" for number in range(2)]
LINES = [f"The river runs past the old mill in the year {number} of our count." for number in range(40)]
PAGES = [{"text": "\n".join(LINES[n : n + 9]), "timestamp": TIME, "url": f"https://a.example/{n}"} for n in (0, 9, 18)]
IS_ANOTHER = r"c4-train\.00001-of-00002\.json\.gz is not what its folder's manifest says"
ONE_WORKER = "--direct_num_workers=1"


@pytest.fixture
def c4(tmp_path) -> Path:
    """Two shards, the second of which was copied over by the first after the manifest was written."""
    folder = tmp_path / "c4"
    described = []
    for name, rows in zip(SHARDS, (PAGES[:2], PAGES[2:]), strict=True):
        write_text_shard(str(folder / name), rows)
        described.append(manifest.describe_shard(str(folder), name, len(rows)))
    manifest.write(str(folder), manifest.Manifest("c4", {"train": tuple(described)}, {"variant": "en"}))
    shutil.copy(folder / SHARDS[0], folder / SHARDS[1])
    return folder


def find_a_url(c4: Path, output: Path) -> int:
    return find_url.main(["https://a.example/0", f"--c4={c4}"])


def drop_pages(c4: Path, output: Path) -> int:
    return drop_near_duplicates.main([f"--input={c4}", f"--output={output}", ONE_WORKER])


def verify(c4: Path, output: Path) -> int:
    wet = output.parent / "crawl.warc.wet.gz"
    records = [
        wet_record("conversion", {"WARC-Target-URI": page["url"], "WARC-Date": TIME}, page["text"].encode())
        for page in PAGES
    ]
    wet.write_bytes(b"".join(records))
    (output.parent / "badwords").write_text("frobnicated\n")
    flags = [f"--wet={wet}", f"--released={c4}/c4-*.json.gz", f"--output={output}", "--num_workers=1"]
    return verify_release.main([*flags, "--sentence_model=bundled", f"--badwords={output.parent}/badwords"])


def search(c4: Path, output: Path) -> int:
    from c4pipe.contamination_run.task_texts import TaskExample

    examples = [TaskExample("mine", "validation", "0", (PAGES[0]["text"],), ())]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.jobs.contamination.read_task_texts", lambda sources: examples)
        return find_contamination.main([f"--c4={c4}", "--tasks=tasks", f"--output={output}", ONE_WORKER])


def summarise(c4: Path, output: Path) -> int:
    return inspect_shard.main([str(c4 / SHARDS[1])])


def show_a_page(c4: Path, output: Path) -> int:
    return inspect_shard.main([str(c4 / SHARDS[1]), "--row=0"])


@pytest.mark.parametrize("command", [find_a_url, drop_pages, verify, search, summarise, show_a_page])
def test_a_shard_that_is_not_the_manifests_is_an_error_that_names_it(c4, tmp_path, command):
    output = tmp_path / "out"
    with pytest.raises(UserError, match=IS_ANOTHER):
        command(c4, output)
    for result in ("manifest.json", "verify.json", "contamination.json"):
        assert not (output / result).exists()


@pytest.mark.parametrize("command", [find_a_url, drop_pages, verify, search, summarise, show_a_page])
def test_the_shards_of_the_manifest_pass(c4, tmp_path, command):
    write_text_shard(str(c4 / SHARDS[1]), PAGES[2:])
    assert command(c4, tmp_path / "out") in (0, release.EXIT_DISAGREE)

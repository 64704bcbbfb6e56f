"""find_url: every row and example of a URL, and no other."""

import shutil
from dataclasses import replace

import pytest

from c4pipe.errors import UserError
from c4pipe.shards import manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.provenance import write_provenance
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.shards.text_shards import write_text_shard
from pipelines import find_url
from pipelines.actions import find_url as action

URLS = {
    "train": ["http://www.a.example/1/", "https://b.example/x?utm_source=m", "https://sub.b.example/"],
    "validation": [],
}
URLS["validation"] = ["https://c.example/", "http://a.example/1"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """c4/ of 3 + 2 pages and examples/ in which example n covers the rows n and n + 1."""
    root = tmp_path_factory.mktemp("find")
    text, shards, of, inputs = {}, {}, {}, []
    for split, urls in URLS.items():
        name = names.text_shard(split, 0, 1, ".json.gz")
        pages = [{"url": url, "timestamp": "2019-04-25T12:57:54Z", "text": f"Page {url}."} for url in urls]
        write_text_shard(str(root / "c4" / name), pages)
        write_provenance(str(root / "c4" / names.provenance(split, 0, 1)), [("w.gz", 9 - n) for n in range(len(urls))])
        text[split] = (manifest.describe_shard(str(root / "c4"), name, len(urls)),)
        inputs.append(manifest.Input(name, text[split][0].sha256))
        example = names.example_shard(split, 0, 1)
        with ExampleShardWriter(str(root / "examples" / example), ExampleSchema(4, 4, 100)) as writer:
            count = len(urls)
            ids = [[5, 1]] * count
            writer.write(ids, ids, row=range(count), token_offset=[0] * count, num_pages=[2] * (count - 1) + [1])
        shards[split] = (manifest.describe_shard(str(root / "examples"), example, len(urls)),)
        of[example] = name
    manifest.write(str(root / "c4"), manifest.Manifest("c4", text, {}))
    statistics = {"text_shards": of}
    committed = manifest.Manifest("examples", shards, {}, inputs=tuple(inputs), statistics=statistics)
    manifest.write(str(root / "examples"), committed)
    return root


def _lines(root, capsys, url, *flags):
    assert find_url.main([url, f"--c4={root / 'c4'}", f"--examples={root / 'examples'}", *flags]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_url_is_found_in_every_split_however_it_is_written(root, capsys):
    lines = _lines(root, capsys, "https://a.example/1?ref=mail")
    assert lines[:4] == [
        "c4-train.00000-of-00001.json.gz row 0: http://www.a.example/1/ (2019-04-25T12:57:54Z), record 9 of w.gz",
        "c4-validation.00000-of-00001.json.gz row 1: http://a.example/1 (2019-04-25T12:57:54Z), record 8 of w.gz",
        "train-00000-of-00001.arrow rows 0",
        "validation-00000-of-00001.arrow rows 0-1",
    ]
    assert "in 2 rows of 2 text shards and 3 examples" in lines[4]


def test_a_domain_is_found_with_its_subdomains_and_no_other(root, capsys):
    lines = _lines(root, capsys, "b.example", "--domain")
    assert [line.split()[2] for line in lines[:2]] == ["1:", "2:"]
    assert lines[2] == "train-00000-of-00001.arrow rows 0-2"


def test_a_url_that_is_nowhere_is_said_to_be_nowhere(root, capsys):
    assert "is in 0 rows" in _lines(root, capsys, "https://b.example/")[-1]


def test_worker_processes_find_the_same(root):
    shards = [str(root / "c4" / names.text_shard(split, 0, 1, ".json.gz")) for split in URLS]
    alone, together = (action.find_pages(shards, "a.example/1", False, in_parallel=way) for way in (False, True))
    assert alone == together
    assert len(alone) == 2


@pytest.mark.parametrize("url", ["http://a.example/1", "http://nobody.example/"])
def test_a_folder_of_examples_that_is_not_there_is_an_error(root, tmp_path, url):
    """Also if no row has the URL, where "0 examples" would look like an answer."""
    with pytest.raises(UserError, match=r"absent has no manifest\.json"):
        find_url.main([url, f"--c4={root / 'c4'}", f"--examples={tmp_path / 'absent'}"])


def test_examples_of_other_text_are_refused(root, tmp_path):
    name = names.text_shard("train", 0, 1, ".json.gz")
    write_text_shard(str(tmp_path / name), [{"url": "http://a.example/1", "timestamp": "", "text": "Other."}])
    with pytest.raises(UserError, match="was not made from"):
        find_url.main(["http://a.example/1", f"--c4={tmp_path}", f"--examples={root / 'examples'}"])
    with pytest.raises(UserError, match="does not say"):
        find_url.main(["http://a.example/1", f"--c4={root / 'c4'}", f"--examples={root / 'c4'}"])


def test_two_text_shards_of_the_same_name_are_both_known_and_it_is_said(root, tmp_path, capsys):
    """As after `c4_to_examples --input=c4/2019,c4/2020`."""
    made = manifest.read(str(root / "examples"))
    shutil.copytree(root / "examples", tmp_path / "examples")
    (first, second) = made.inputs
    other = manifest.Input(first.name, "0" * 64)
    manifest.write(str(tmp_path / "examples"), replace(made, inputs=(first, other, second)))
    assert find_url.main(["http://a.example/1", f"--c4={root / 'c4'}", f"--examples={tmp_path / 'examples'}"]) == 0
    said = capsys.readouterr()
    assert "was made from 2 text shards named c4-train.00000-of-00001.json.gz" in said.err and "3 examples" in said.out


def test_a_text_that_is_not_a_url_is_an_error(root):
    with pytest.raises(UserError, match="not a URL"):
        find_url.main(["https://", f"--c4={root / 'c4'}"])


def test_dry_run_reads_nothing(root, capsys):
    assert "would read 2 text shards" in _lines(root, capsys, "https://a.example", "--dry_run")[0]


def test_an_example_shard_that_is_not_the_manifests_is_an_error(root, tmp_path):
    shutil.copytree(root / "examples", tmp_path / "examples")
    path = tmp_path / "examples" / names.example_shard("train", 0, 1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="its SHA-256 is not the manifest's"):
        find_url.main(["http://a.example/1", f"--c4={root / 'c4'}", f"--examples={tmp_path / 'examples'}"])

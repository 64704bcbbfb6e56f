import pytest

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.text_shards import write_text_shard
from model.experiments.inputs import corpora_in, find_corpora


def write_corpus(folder):
    """A corpus of one page, as wet_to_c4 leaves it."""
    folder.mkdir(parents=True)
    name = "c4-train.00000-of-00001.json.gz"
    write_text_shard(str(folder / name), [{"text": folder.name, "timestamp": "", "url": "http://a.example/"}])
    shard = manifest.describe_shard(str(folder), name, 1)
    manifest.write(str(folder), manifest.Manifest("c4", {"train": (shard,)}, {"variant": folder.name}))


def test_the_corpora_of_a_folder_have_the_names_of_the_plan(tmp_path):
    folder = tmp_path / "corpora, all"
    for variant in ("en", "en.noclean", "webtextlike", "en.noblocklist"):
        write_corpus(folder / variant)
    (folder / "realnewslike").mkdir()  # not finished
    wanted = ["c4", "unfiltered", "realnewslike", "webtextlike", "wikipedia"]
    found = find_corpora(corpora_in(f"{folder}/", wanted), wanted)
    assert list(found) == ["c4", "unfiltered", "webtextlike"]
    assert len({corpus.digest for corpus in found.values()}) == 3
    assert find_corpora(corpora_in(str(folder), ["c4"]), ["c4"]) == {"c4": found["c4"]}


def test_a_folder_without_any_names_the_command_that_makes_them(tmp_path):
    with pytest.raises(UserError, match=r"wet_to_c4 --variant=en,en.noclean --output=\S+ makes them"):
        corpora_in(str(tmp_path), ["c4", "unfiltered", "wikipedia"])

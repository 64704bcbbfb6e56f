"""Which files a source of text names: by manifest, by name, by folder, by glob; validation stays apart."""

import pytest

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.reading.text_sources import find_text, resolve_source
from c4pipe.shards.text_shards import write_text_shard

ROWS = [{"text": "A page.", "timestamp": "", "url": "http://a.example/"}]


def write_splits(folder, splits, with_manifest):
    """Split -> the path of its one shard."""
    shards, paths = {}, {}
    for split in splits:
        name = f"c4-{split}.00000-of-00001.json.gz"
        write_text_shard(str(folder / name), ROWS)
        shards[split] = (manifest.describe_shard(str(folder), name, 1),)
        paths[split] = str(folder / name)
    if with_manifest:
        manifest.write(str(folder), manifest.Manifest("c4", shards, {}))
    return paths


def test_a_source_is_a_folder_or_a_split_of_it(tmp_path, capsys):
    paths = write_splits(tmp_path, ["train", "validation"], with_manifest=True)
    assert resolve_source(str(tmp_path)) == [paths["train"]]
    assert resolve_source(f"{tmp_path}@validation") == [paths["validation"]]
    assert capsys.readouterr().err == ""
    with pytest.raises(UserError, match="no split 'de'"):
        resolve_source(f"{tmp_path}@de")
    with pytest.raises(UserError, match="no file matches"):
        resolve_source(str(tmp_path / "nothing-*.json.gz"))


def test_a_glob_over_a_finished_folder_keeps_validation_apart_and_says_nothing(tmp_path, capsys):
    paths = write_splits(tmp_path, ["train", "validation"], with_manifest=True)
    found = find_text(f"{tmp_path}/c4-*.json.gz")
    assert found.train == (paths["train"],) and found.validation == (paths["validation"],)
    assert resolve_source(f"{tmp_path}/c4-*.json.gz") == [paths["train"]]
    assert find_text(f"{tmp_path}/c4-*.json.gz@validation").asked == (paths["validation"],)
    assert find_text(f"{tmp_path}/c4-validation*").train == ()
    assert capsys.readouterr().err == ""


def test_a_released_folder_without_a_manifest_keeps_validation_apart_by_name(tmp_path, capsys):
    paths = write_splits(tmp_path, ["train", "validation"], with_manifest=False)
    for source in (str(tmp_path), f"{tmp_path}/*.json.gz"):
        found = find_text(source)
        assert found.train == (paths["train"],) and found.validation == (paths["validation"],)
        assert (
            "no manifest.json; its 2 files are taken as they are, 1 of them for validation" in capsys.readouterr().err
        )
    assert resolve_source(f"{tmp_path}@validation") == [paths["validation"]]


@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_multilingual_folder_gives_all_its_languages_and_their_validation(tmp_path, with_manifest):
    paths = write_splits(tmp_path, ["de", "de-validation", "ro", "ro-validation"], with_manifest)
    found = find_text(str(tmp_path))
    assert found.train == (paths["de"], paths["ro"])
    assert found.validation == (paths["de-validation"], paths["ro-validation"])
    german = find_text(f"{tmp_path}@de")
    assert german.train == (paths["de"],) and german.validation == (paths["de-validation"],)


def test_files_of_the_hub_are_their_splits(tmp_path):
    for split in ("train", "validation", "test"):
        write_text_shard(str(tmp_path / f"{split}-00000-of-00001.parquet"), ROWS, "parquet")
    found = find_text(f"{tmp_path}/*.parquet")
    assert [path.rsplit("/")[-1][:5] for path in (*found.train, *found.validation)] == ["train", "valid"]


def test_files_in_a_folder_for_each_split_are_of_that_split(tmp_path):
    for split in ("train", "validation", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "0000.jsonl").write_text('{"text": "a"}\n')
    found = find_text(f"{tmp_path}/*/*.jsonl")
    assert (found.train, found.validation) == (
        (f"{tmp_path}/train/0000.jsonl",),
        (f"{tmp_path}/validation/0000.jsonl",),
    )


def test_plain_text_and_tables_need_a_glob_with_their_ending(tmp_path, capsys):
    write_text_shard(str(tmp_path / "a.json.gz"), ROWS)
    for name in ("b.txt", "README.md"):
        (tmp_path / name).write_text("A line.\n")
    assert resolve_source(str(tmp_path)) == [str(tmp_path / "a.json.gz")]
    assert resolve_source(f"{tmp_path}/*.txt") == [str(tmp_path / "b.txt")]
    capsys.readouterr()
    assert resolve_source(f"{tmp_path}/*") == [str(tmp_path / "a.json.gz")]
    assert "2 files are not text: README.md, b.txt" in capsys.readouterr().err
    (tmp_path / "a.json.gz").unlink()
    with pytest.raises(UserError, match=r"has no text shards .* such as .*\*\.txt"):
        resolve_source(str(tmp_path))


def test_a_folder_of_folders_is_answered_with_the_glob_of_their_files(tmp_path):
    inner = tmp_path / "lang=de"
    inner.mkdir()
    write_text_shard(str(inner / "part-0.parquet"), ROWS)
    with pytest.raises(UserError) as error:
        resolve_source(str(tmp_path))
    glob = str(error.value).rpartition("such as ")[2]
    assert glob == f"{tmp_path}/*/*.parquet" and resolve_source(glob) == [str(inner / "part-0.parquet")]


def test_a_folder_of_datasets_is_read_by_its_splits(tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": ["One page.", "Another."]})
    datasets.DatasetDict({"train": rows, "validation": rows.select([0])}).save_to_disk(str(tmp_path / "both"))
    rows.save_to_disk(str(tmp_path / "one"))
    found = find_text(f"hf:{tmp_path}/both")
    assert found.train == (f"{tmp_path}/both/train/data-00000-of-00001.arrow",)
    assert found.validation == (f"{tmp_path}/both/validation/data-00000-of-00001.arrow",)
    assert resolve_source(str(tmp_path / "one")) == [f"{tmp_path}/one/data-00000-of-00001.arrow"]
    (tmp_path / "one" / "data-00000-of-00001.arrow").unlink()
    with pytest.raises(UserError, match=r"is missing, but .* names it"):
        resolve_source(str(tmp_path / "one"))
    with pytest.raises(UserError, match="is not a folder that `save_to_disk` wrote"):
        resolve_source(f"hf:{tmp_path}/nothing")

"""The rules cross the work folder as plain data, and come out as they went in."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from c4pipe.corpus.assets import Assets
from c4pipe.corpus.page_lists import ExcludedUrls, ListedUrls
from c4pipe.corpus.sentences.counter import PUNKT_FILES, parse_punkt_files
from c4pipe.corpus_run import rules_file
from c4pipe.corpus_run.rules_file import RuleSet, read_rules, write_rules
from c4pipe.errors import UserError

BUNDLED = Path(rules_file.__file__).parents[1] / "corpus" / "sentences" / "bundled_punkt"
URLS = [f"https://a.example/{number}?q={number % 7}" for number in range(500)]


@pytest.fixture(scope="module")
def rules():
    punkt = parse_punkt_files({name: (BUNDLED / name).read_text(encoding="utf-8") for name in PUNKT_FILES})
    assets = Assets(
        punkt,
        {"en": frozenset({"darn", "h*ck", "naïve word"}), "ja": frozenset({"グロ"})},
        {"a.example": True, "b.example": ["news", ""]},
        {"badwords/en": "0" * 64},
    )
    return RuleSet(assets, ListedUrls(URLS), ExcludedUrls(["https://a.example/x", "B.example.", "c.example"]))


def test_rules_come_out_as_they_went_in(rules, tmp_path):
    path = str(tmp_path / "rules.npz")
    write_rules(path, rules)
    found = read_rules(path)
    assert found.assets == rules.assets
    assert list(found.assets.punkt.orthographic_contexts.items()) == list(
        rules.assets.punkt.orthographic_contexts.items()
    )
    assert list(found.assets.realnews) == list(rules.assets.realnews)
    np.testing.assert_array_equal(found.listed_urls.keys, rules.listed_urls.keys)
    assert (found.excluded_urls.urls, found.excluded_urls.domains) == (
        rules.excluded_urls.urls,
        rules.excluded_urls.domains,
    )
    assert "www2.b.example/y" in found.excluded_urls


def test_rules_without_anything_come_out_so(tmp_path):
    path = str(tmp_path / "rules.npz")
    write_rules(path, RuleSet(Assets()))
    assert read_rules(path) == RuleSet(Assets())


def test_the_same_rules_give_the_same_bytes(rules, tmp_path):
    for name in ("one", "two"):
        write_rules(str(tmp_path / name), rules)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


class _Touch:
    """Unpickled, it would make a marker file."""

    def __init__(self, marker):
        self._marker = marker

    def __reduce__(self):
        return (Path.touch, (self._marker,))


def test_a_pickle_is_never_opened(tmp_path):
    marker = tmp_path / "marker"
    path = tmp_path / "rules.npz"
    path.write_bytes(pickle.dumps(_Touch(marker)))
    with pytest.raises(UserError, match="is damaged"):
        read_rules(str(path))
    array = np.empty(1, dtype=object)
    array[0] = _Touch(marker)
    np.savez(path, rules=array)
    with pytest.raises(UserError, match="is damaged"):
        read_rules(str(path))
    assert not marker.exists()


@pytest.mark.parametrize("text", ["[]", "{", "{}", '{"punkt": 3}', '{"punkt": null, "badwords": {"en": "darn"}}'])
def test_rules_of_another_shape_are_one_line(tmp_path, text):
    np.savez(tmp_path / "rules.npz", rules=np.frombuffer(text.encode(), dtype=np.uint8))
    with pytest.raises(UserError, match="is damaged"):
        read_rules(str(tmp_path / "rules.npz"))


def test_a_list_of_another_shape_is_one_line(rules, tmp_path):
    path = str(tmp_path / "rules.npz")
    write_rules(path, rules)
    with np.load(path) as arrays:
        text = arrays["rules"]
    for listed in (np.zeros(4, np.uint64), np.zeros((2, 2)), np.array([[2, 0], [1, 0]], np.uint64)):
        np.savez(path, rules=text, listed_urls=listed)
        with pytest.raises(UserError, match="is damaged"):
            read_rules(path)


def test_a_flipped_bit_is_seen(rules, tmp_path):
    path = tmp_path / "rules.npz"
    write_rules(str(path), rules)
    content = path.read_bytes()
    for place in range(60, len(content) - 200, len(content) // 40):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(UserError, match="is damaged"):
            read_rules(str(path))

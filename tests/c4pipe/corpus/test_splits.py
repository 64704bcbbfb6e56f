import hashlib

from c4pipe.corpus import splits


def test_one_page_in_a_thousand_validates_by_the_md5_of_its_normalized_url():
    urls = [f"example.com/{n}" for n in range(20_000)]
    held_out = [url for url in urls if splits.split_of(url) == "validation"]
    assert held_out == [url for url in urls if int(hashlib.md5(url.encode()).hexdigest(), 16) % 1000 == 0]
    assert 5 < len(held_out) < 40


def test_a_known_url_validates():
    assert splits.split_of("example.com/356") == "validation"
    assert splits.split_of("example.com/357") == "train"


def test_languages_have_splits_of_their_own():
    assert splits.split_of("example.com/356", "de") == "de-validation"
    assert splits.split_of("example.com/357", "de") == "de"
    assert splits.split_of("example.com/357", "und") == "und"

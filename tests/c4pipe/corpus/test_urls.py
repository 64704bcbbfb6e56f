import pytest

from c4pipe.corpus.urls import normalized_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.example/b", "a.example/b"),
        ("https://www.a.example/b", "a.example/b"),
        ("HTTP://www.a.example", "HTTP://www.a.example"),
        ("www.a.example/", "www.a.example"),
        ("http://a.example///", "a.example"),
        # Every occurrence is removed, and the rest need not be a valid URL.
        ("http://old.example/https://www.new.example/", "old.example/new.example"),
        ("http://http://a.example", "a.example"),
        # A query is removed only if it starts like this, and then with everything after it.
        ("http://a.example/?utm_source=x&id=1", "a.example"),
        ("http://a.example/b?ref=x", "a.example/b"),
        ("http://a.example/b?reference=12", "a.example/b"),
        ("http://a.example/b?feed=rss/", "a.example/b"),
        ("http://a.example/b?id=1&utm_source=x", "a.example/b?id=1&utm_source=x"),
        ("http://a.example/b?id=1/", "a.example/b?id=1"),
        # Up to the end of the line.
        ("http://a.example/?ref=1\nb", "a.example/\nb"),
    ],
)
def test_a_url_is_normalized_as_the_reference_does(url, expected):
    assert normalized_url(url) == expected

import pickle

import pytest

from c4pipe.corpus.page_lists import ListedDomains, ListedUrls
from c4pipe.corpus.rules import Paragraphs

PARAGRAPHS = Paragraphs(lines=3, characters=200)
DOMAINS = ListedDomains({"a.example": True, "paper.com": True, "news.co.uk": ["", "world"], "site.com": ["www"]})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("paper.com/1", ""),
        ("deep.down.paper.com/1", ""),
        ("other.com/paper.com", "bad_domain"),
        ("news.co.uk/1", ""),
        ("world.news.co.uk", ""),
        ("sport.news.co.uk", "bad_subdomain"),
        # `www.` is removed only after a scheme, so a subdomain `www` occurs rarely.
        ("www.site.com", ""),
        ("site.com", "bad_subdomain"),
        ("", "bad_domain"),
        ("127.0.0.1/x", "bad_domain"),
    ],
)
def test_a_page_stays_by_its_domain_and_subdomain(url, reason):
    assert DOMAINS.reason(url) == reason
    assert pickle.loads(pickle.dumps(DOMAINS)).reason(url) == reason


def test_listed_urls_are_normalized_as_the_pages_are():
    urls = ListedUrls(["https://www.a.example/b/?utm_source=x", "c.example/d"])
    assert "a.example/b" in urls and "c.example/d" in urls and len(urls) == 2
    assert "https://www.a.example/b/?utm_source=x" not in urls


def test_a_list_of_urls_takes_16_bytes_each_and_travels():
    urls = ListedUrls(f"http://a.example/{n % 10_000}" for n in range(20_000))
    assert len(urls) == 10_000 and "a.example/9999" in urls and "a.example/10000" not in urls
    packed = pickle.dumps(urls)
    assert len(packed) < 16 * 10_000 + 1000 and "a.example/0" in pickle.loads(packed)
    assert "a.example/0" not in ListedUrls([])


def test_a_page_needs_three_lines_and_200_characters_in_the_third_longest():
    assert PARAGRAPHS.are_in("\n".join(["x" * 200, "short", "y" * 200, "z" * 500]))
    assert not PARAGRAPHS.are_in("\n".join(["x" * 199, "y" * 200, "z" * 500]))
    assert not PARAGRAPHS.are_in("\n".join(["x" * 2000, "y" * 2000]))

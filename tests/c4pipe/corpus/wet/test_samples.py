"""The outcomes of all broken or odd WET files of the shared data, with both parsers."""

from collections import Counter

import pytest

from c4pipe.corpus.wet import parsers
from c4pipe.records import Page

# File -> what becomes of its records with `tfds` and with `warc`. Every file made for tests begins with a warcinfo
# record, which has no URL, unless its name says otherwise.
EDGE = {
    # The second conversion record claims more bytes than the rest of the file has. `tfds` reads no lengths.
    "bad_length.warc.wet.gz": ({"no_url": 1, "page": 3}, {"no_url": 1, "page": 2, "bad_length": 1}),
    # No bytes, no records, although the name promises gzip.
    "empty.warc.wet.gz": ({}, {}),
    # Header lines that end in LF without CR.
    "lf_only.warc.wet.gz": ({"page": 3}, {"page": 3}),
    # One record without a URL besides the warcinfo.
    "no_uri.warc.wet.gz": ({"no_url": 2, "page": 1}, {"no_url": 2, "page": 1}),
    "no_warcinfo.warc.wet.gz": ({"page": 8}, {"page": 8}),
    # The whole file in one gzip member; the same records without gzip.
    "one_member.warc.wet.gz": ({"no_url": 1, "page": 12}, {"no_url": 1, "page": 12}),
    "plain.warc.wet": ({"no_url": 1, "page": 12}, {"no_url": 1, "page": 12}),
    # The last of its members is cut off in the middle.
    "truncated.warc.wet.gz": (
        {"no_url": 1, "page": 9, "corrupt_gzip": 1},
        {"no_url": 1, "page": 9, "corrupt_gzip": 1},
    ),
    "warcinfo_only.warc.wet.gz": ({"no_url": 1}, {"no_url": 1}),
}
REAL = {
    # A genuine WET file of Common Crawl, with gzip and without.
    "whirlwind.warc.wet": ({"no_url": 1, "page": 1}, {"no_url": 1, "page": 1}),
    "whirlwind.warc.wet.gz": ({"no_url": 1, "page": 1}, {"no_url": 1, "page": 1}),
    "extracted_dolma_warc_public.warc.wet.gz": ({"no_url": 1, "page": 22}, {"no_url": 1, "page": 22}),
    # The C4 builder's own fixtures: pages made up by hand under lengths of other pages. Only `tfds` reads them.
    "tfds_c4_cc_0.warc.wet": ({"no_url": 1, "page": 2}, {"bad_length": 3}),
    "tfds_c4_cc_1.warc.wet": ({"no_url": 1, "page": 3}, {"bad_length": 4}),
}


@pytest.mark.parametrize("parser", ["tfds", "warc"])
@pytest.mark.parametrize(("folder", "name"), [("edge", n) for n in EDGE] + [("real", n) for n in REAL])
def test_the_outcomes_of_a_sample_match_its_fault(shared, folder, name, parser):
    outcomes = list(parsers.read_records(shared / "data" / folder / name, parser))
    found = Counter("page" if isinstance(outcome, Page) else outcome.reason for outcome in outcomes)
    expected = {**EDGE, **REAL}[name][parser == "warc"]
    assert dict(found) == expected


def test_every_sample_is_explained(shared):
    for folder, known in (("edge", EDGE), ("real", REAL)):
        names = {path.name for path in (shared / "data" / folder).iterdir()}
        assert {name for name in names if name.endswith((".wet", ".wet.gz"))} <= known.keys()


def test_both_parsers_read_the_same_pages_if_lengths_are_right(shared):
    for name in ("plain.warc.wet", "one_member.warc.wet.gz", "truncated.warc.wet.gz", "lf_only.warc.wet.gz"):
        by_lines, by_length = (list(parsers.read_records(shared / "data/edge" / name, p)) for p in ("tfds", "warc"))
        assert by_lines == by_length, name


def test_the_same_file_with_and_without_gzip_gives_the_same_pages(shared):
    plain, packed = (
        list(parsers.read_records(shared / "data/edge" / n)) for n in ("plain.warc.wet", "one_member.warc.wet.gz")
    )
    assert plain == packed
    plain, packed = (list(parsers.read_records(shared / "data/real" / f"whirlwind.warc.wet{n}")) for n in ("", ".gz"))
    assert plain == packed

"""The look that all pages share."""

import re

import pytest

from c4pipe.report import html


def test_text_of_the_corpus_is_never_markup():
    page = html.page("T", "<b>sub</b>", [html.Section("S", html.table(["text"], [["<script>alert(1)</script>"]]))])
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;sub&lt;/b&gt;" in page


def test_a_column_of_numbers_is_set_right_with_separators():
    assert '<td class="number">12,345</td>' in html.table(["pages"], [[12345]])


@pytest.mark.parametrize(
    "column",
    [
        [1, 2.5],
        ["12.5%", "3%"],
        [7, "", "-"],
        ["1,234", "0.5"],
        ["12.30 MB", "9 B"],
        ["3.2 ms"],
        ["80.10 ± 1.25", "79.00"],
    ],
)
def test_the_header_of_a_column_of_figures_is_aligned_with_them(column):
    written = html.table(["what", "count"], [["x", value] for value in column])
    assert '<th>what</th><th class="number">count</th>' in written
    assert written.count('<td class="number">') == len(column)


@pytest.mark.parametrize(
    "column", [["a", "b"], [1, "adam"], ["2019-04-18"], [True, False], ["", "-"], [], ["10 hosts"]]
)
def test_a_column_of_other_things_is_set_left_its_header_too(column):
    assert 'class="number"' not in html.table(["what", "value"], [["x", value] for value in column])


def test_only_a_table_of_figures_alone_is_not_stretched():
    assert '<table class="figures">' in html.table(["size", "clusters"], [[2, 34], [3, 13]])
    assert "<table>" in html.table(["what", "count"], [["x", 34]])


def test_headers_wrap_so_that_a_table_of_many_columns_fits_and_figures_do_not():
    style = html.page("T", "s", []).split("<style>")[1].split("</style>")[0]
    unwrapped = re.findall(r"^([^{]*)\{[^}]*white-space: nowrap", style, re.MULTILINE)
    assert [selector.strip() for selector in unwrapped] == ["td.number"]


def test_values_of_settings_are_words_not_python():
    written = html.settings({"languages": ["en", "de"], "sources": [["a", 1.0, 3]], "seed": None, "keep": True})
    for said in ("en, de", "a, 1, 3", "<td>-</td>", "<td>yes</td>"):
        assert said in written
    assert "<td>assets: a</td><td>1f</td>" in html.settings({"assets": {"a": "1f"}})
    assert "[" not in written and "None" not in written and "True" not in written


def test_charts_are_as_wide_as_the_page_and_can_be_moved_where_that_is_narrow():
    style = html.page("T", "s", []).split("<style>")[1].split("</style>")[0]
    assert re.search(r"figure svg \{[^}]*width: 100%;[^}]*min-width: 36rem", style)
    assert ".scroll { overflow-x: auto;" in style
    assert '<figure><div class="scroll"><svg' in html.plot(lambda axes: None)


def test_the_same_plot_gives_the_same_bytes():
    def draw(axes):
        axes.plot([1, 2, 3], [3, 1, 2])

    assert html.plot(draw, caption="c") == html.plot(draw, caption="c")
    assert "<svg" in html.plot(draw)


def test_a_page_asks_the_network_for_nothing():
    page = html.page("T", "s", [html.Section("S", html.plot(lambda axes: axes.bar([1], [2])))])
    for needle in ('src="http', 'href="http', "@import", "url(http"):
        assert needle not in page


def test_dollar_signs_in_a_folders_name_are_not_a_formula():
    svg = str(html.plot(lambda axes: axes.set_title("run_$HOME_$_{a$"), caption="runs of $a$"))
    assert "run_$HOME_$_{a$" in svg

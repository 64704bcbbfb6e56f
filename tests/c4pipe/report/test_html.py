"""The look that all pages share."""

from c4pipe.report import html


def test_text_of_the_corpus_is_never_markup():
    page = html.page("T", "<b>sub</b>", [html.Section("S", html.table(["text"], [["<script>alert(1)</script>"]]))])
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;sub&lt;/b&gt;" in page


def test_a_column_of_numbers_is_set_right_with_separators():
    assert '<td class="number">12,345</td>' in html.table(["pages"], [[12345]])


def test_the_same_plot_gives_the_same_bytes():
    def draw(axes):
        axes.plot([1, 2, 3], [3, 1, 2])

    assert html.plot(draw, caption="c") == html.plot(draw, caption="c")
    assert "<svg" in html.plot(draw)


def test_a_page_asks_the_network_for_nothing():
    page = html.page("T", "s", [html.Section("S", html.plot(lambda axes: axes.bar([1], [2])))])
    for needle in ('src="http', 'href="http', "@import", "url(http"):
        assert needle not in page


def test_dollar_signs_of_a_folder_s_name_are_no_formula():
    svg = str(html.plot(lambda axes: axes.set_title("run_$HOME_$_{a$"), caption="runs of $a$"))
    assert "run_$HOME_$_{a$" in svg

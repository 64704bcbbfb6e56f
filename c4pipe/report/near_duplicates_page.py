"""The page of a run that dropped near-duplicates: clusters by size, the largest, and pairs side by side."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from c4pipe.near_duplicates.signatures import Banding
from c4pipe.report import charts
from c4pipe.report.html import Section, page, plot, render, table, tiles

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_SIMILARITIES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_EXCERPT_CHARACTERS = 200
# A chart with logarithmic axes says little of a few sizes.
_MOST_SIZES_IN_A_TABLE = 12


def near_duplicates_page(summary: Mapping[str, Any], shown: Mapping[str, Mapping[str, str]], banding: Banding) -> str:
    """The HTML page. Arguments: as of `cluster_sections`."""
    sections = [Section("At a glance", _glance(summary)), *cluster_sections(summary, shown, banding)]
    subtitle = "Pages whose runs of five words are nearly the same; one page of each cluster stays"
    return page("Near-duplicates", subtitle, sections)


def cluster_sections(
    summary: Mapping[str, Any], shown: Mapping[str, Mapping[str, str]], banding: Banding
) -> list[Section]:
    """The sections of a page about clusters.

    summary: the summary of `find_clusters`. shown: for the pages that it names, page number -> `url` and the beginning
    of `text`.
    """
    return [
        Section("Sizes of clusters", _sizes(summary["sizes"])),
        Section("The largest clusters", _largest(summary["largest"], shown)),
        Section("A sample of near-duplicates, side by side", _pairs(summary["drawn"], shown)),
        Section("Probability that a pair is found", _curve(banding)),
    ]


def _glance(summary: Mapping[str, Any]) -> "Markup":
    share = summary["dropped"] / max(summary["pages"], 1)
    return tiles(
        [
            ("pages read", summary["pages"]),
            ("pages dropped", summary["dropped"]),
            ("share of all pages", f"{share:.2%}"),
            ("clusters", summary["clusters"]),
            ("pages in clusters", summary["in_clusters"]),
        ]
    )


def _sizes(sizes: Sequence[tuple[int, int]]) -> "Markup | str":
    if not sizes:
        return "No page is a near-duplicate of another."

    if len(sizes) <= _MOST_SIZES_IN_A_TABLE:
        return table(("pages in the cluster", "clusters"), sizes)

    def draw(axes: "Axes") -> None:
        axes.scatter([size for size, _ in sizes], [count for _, count in sizes], color="#1f6feb", s=14)
        charts.log_scale(axes, "x", "y")
        axes.set_xlim(left=1)
        axes.set_ylim(bottom=0.8)
        axes.set_xlabel("pages in the cluster")
        axes.set_ylabel("clusters")

    return plot(draw, caption="The number of clusters per size.")


def _largest(largest: Sequence[tuple[int, int]], shown: Mapping[str, Mapping[str, str]]) -> "Markup | str":
    if not largest:
        return "There are no clusters."
    rows = []
    for number, size in largest:
        kept = shown.get(str(number), {})
        beginning = " ".join(kept.get("text", "").split())[:_EXCERPT_CHARACTERS]
        rows.append((size, render(_KEPT, url=kept.get("url") or "(no URL)", beginning=beginning)))
    return table(("pages", "the page that stays"), rows)


def _pairs(drawn: Sequence[tuple[int, int]], shown: Mapping[str, Mapping[str, str]]) -> "Markup | str":
    pairs = [(shown[str(kept)], shown[str(gone)]) for kept, gone in drawn if {str(kept), str(gone)} <= shown.keys()]
    if not pairs:
        return "There are no pairs."
    marked = [
        (kept["url"], gone["url"], list(_marked(kept["text"], gone["text"])), list(_marked(gone["text"], kept["text"])))
        for kept, gone in pairs
    ]
    return render(_PAIRS, pairs=marked)


def _marked(text: str, other: str) -> Iterator[tuple[bool, str]]:
    """Yield runs of a text's words: (whether the other text lacks them, the words).

    >>> list(_marked("the old mill stands", "the new mill stands"))
    [(False, 'the'), (True, 'old'), (False, 'mill stands')]
    """
    words, others = text.split(), other.split()
    for kind, start, end, _, _ in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        if end > start:
            yield kind != "equal", " ".join(words[start:end])


def _curve(banding: Banding) -> "Markup":
    rows = [(f"{similarity:.2f}", f"{banding.probability(similarity):.1%}") for similarity in _SIMILARITIES]
    return table(("share of common shingles (Jaccard)", "found"), rows)


# URL and text are in one cell: on a phone, two columns of text leave no width for either.
_KEPT = '<div class="sample">{{ beginning }}<div class="url">{{ url }}</div></div>'

_PAIRS = """{% for kept_url, gone_url, kept, gone in pairs %}
<details{% if loop.first %} open{% endif %}><summary>{{ gone_url or "(no URL)" }}</summary>
<div class="pair"><div><h4>stays: {{ kept_url or "(no URL)" }}</h4><p>
{%- for differs, words in kept %}{% if differs %}<mark>{{ words }}</mark>{% else %}{{ words }}{% endif %} {% endfor -%}
</p></div><div><h4>dropped: {{ gone_url or "(no URL)" }}</h4><p>
{%- for differs, words in gone %}{% if differs %}<mark>{{ words }}</mark>{% else %}{{ words }}{% endif %} {% endfor -%}
</p></div></div></details>{% endfor %}"""

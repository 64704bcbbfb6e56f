"""The common look of all pages that c4pipe writes: self-contained HTML that needs no network.

Everything that is not `Markup` is escaped. So a page of the corpus with `<script>` in it is shown as text.
"""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import c4pipe
from c4pipe.errors import UserError

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """A titled part of a page. `body` is Markup (or text, which is escaped)."""

    title: str
    body: "Markup | str"

    @property
    def anchor(self) -> str:
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole HTML document."""
    return _template((_HERE / "page.html").read_text()).render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        version=c4pipe.__version__,
        style=_markup((_HERE / "page.css").read_text()),
        script=_markup((_HERE / "page.js").read_text()),
    )


def render(template: str, **values: Any) -> "Markup":
    """Render a small Jinja template with escaping."""
    return _markup(_template(template).render(**values))


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, row_class: str = "") -> "Markup":
    """A table. Numbers get thousands separators; text is shown unchanged.

    Columns that have only figures (numbers, and texts such as `12.5%`) are right-aligned, including the header.
    """
    body = [list(row) for row in rows]
    is_right = [_are_figures([row[place] for row in body]) for place in range(len(headers))]
    cells = [list(zip(map(_cell, row), is_right, strict=True)) for row in body]
    return render(
        _TABLE,
        headers=list(zip(headers, is_right, strict=True)),
        rows=cells,
        row_class=row_class,
        is_figures=all(is_right),
    )


def settings(values: Mapping[str, Any], what: str = "setting") -> "Markup":
    """A table of names and JSON values, sorted by name. An object has one row per member."""
    rows: list[tuple[str, str]] = []
    for name, value in sorted(values.items()):
        if isinstance(value, Mapping) and value:
            rows += [(f"{name}: {member}", plain(part)) for member, part in sorted(value.items())]
        else:
            rows.append((name, plain(value)))
    return table((what, "value"), rows)


def plain(value: Any) -> str:
    """A JSON value in words.

    >>> [plain(value) for value in (None, True, 0.5, ["en", "de"], [["en", 1.0], ["de", 0.5]], {"a": [1, 2]}, [])]
    ['-', 'yes', '0.5', 'en, de', 'en, 1; de, 0.5', 'a: 1, 2', '-']
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {plain(part)}" for name, part in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        between = "; " if any(isinstance(part, (list, tuple, Mapping)) for part in value) else ", "
        return between.join(map(plain, value)) or "-"
    return str(value)


def tiles(figures: Iterable[tuple[str, Any]]) -> "Markup":
    """The most important figures, as large numbers: (label, value) pairs."""
    return render(_TILES, figures=[(what, _cell(value)) for what, value in figures])


def bar(share: float, kind: str = "") -> "Markup":
    """A bar for a share between 0 and 1, for a cell of a table. kind: `keep`, `drop` or empty."""
    return render(
        '<span class="bar {{ kind }}" style="width:{{ width }}%"></span>', kind=kind, width=f"{share * 100:.2f}"
    )


def search_box(selector: str, what: str) -> "Markup":
    """A search box that hides the elements (given as a CSS selector) without the typed text."""
    return render(
        '<input type="search" data-filters="{{ s }}" placeholder="{{ w }}" aria-label="{{ w }}">', s=selector, w=what
    )


def plot(draw: Callable[["Axes"], None], *, caption: str = "", width: float = 9.0, height: float = 3.0) -> "Markup":
    """An inline SVG of what `draw` draws on matplotlib axes. width, height: in inches."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError(f"pages need {error.name}: pip install {error.name}") from error
    # Ids depend only on the content, so that the same run writes the same page. `$` is not read as a formula, because
    # it may be in the name of a folder.
    settings: Any = {"svg.hashsalt": "c4pipe", "svg.fonttype": "none", "font.size": 9, "text.parse_math": False}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        output = io.StringIO()
        figure.savefig(output, format="svg", transparent=True, metadata={"Date": None})
    svg = output.getvalue()
    svg = svg[svg.index("<svg") :]
    return render(
        '<figure><div class="scroll">{{ svg }}</div>'
        "{% if caption %}<figcaption>{{ caption }}</figcaption>{% endif %}</figure>",
        svg=_markup(svg),
        caption=caption,
    )


# A number as text, possibly with a unit or a spread.
_FIGURE = re.compile(r"[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?( ?(%|s|ms|[kMGT]?B))?( ± [\d.,]+)?|-")


def _are_figures(values: Sequence[Any]) -> bool:
    """Whether a column has only figures, except for blank cells."""
    given = [value for value in values if not (isinstance(value, str) and not value)]
    return any(value != "-" for value in given) and all(map(_is_figure, given))


def _is_figure(value: Any) -> bool:
    if isinstance(value, str):
        return _FIGURE.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return value


@cache
def _environment():
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise UserError("pages need jinja2: pip install jinja2") from error
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def _template(source: str):
    return _environment().from_string(source)


def _markup(text: str) -> "Markup":
    _environment()
    from markupsafe import Markup

    return Markup(text)


_TABLE = """<div class="scroll"><table{% if is_figures %} class="figures"{% endif %}>
<thead><tr>
{%- for header, is_right in headers %}<th{% if is_right %} class="number"{% endif %}>{{ header }}</th>{% endfor -%}
</tr></thead>
<tbody>
{%- for row in rows %}
<tr{% if row_class %} class="{{ row_class }}"{% endif %}>
{%- for value, is_right in row %}<td{% if is_right %} class="number"{% endif %}>{{ value }}</td>{% endfor -%}
</tr>
{%- endfor %}</tbody></table></div>"""

_TILES = """<div class="tiles">{% for what, value in figures %}
<div class="tile"><b>{{ value }}</b><span>{{ what }}</span></div>
{%- endfor %}</div>"""

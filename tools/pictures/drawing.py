"""A small SVG drawing: boxes, lines, arrows and text, in the colours of a light or a dark page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]

# In a fixed-width font, a character is this many font sizes wide. `textLength` makes it so in every font.
CHARACTER_WIDTH = 0.6
_PROPORTIONAL = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_FIXED_WIDTH = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


@dataclass(frozen=True)
class Theme:
    """Colours, as in the report pages (`c4pipe/report/page.css`)."""

    name: str
    ink: str
    soft: str
    line: str
    wash: str
    accent: str
    on_accent: str
    drop: str
    keep: str


THEMES = (
    Theme("light", "#1b2430", "#5c6875", "#aeb8c2", "#f5f7f9", "#1f6feb", "#ffffff", "#c2410c", "#15803d"),
    Theme("dark", "#e6eaf0", "#9aa7b5", "#56626f", "#1a2129", "#6ea8fe", "#0b1118", "#fb923c", "#4ade80"),
)


@dataclass
class Drawing:
    """An SVG picture with a transparent background. Coordinates are pixels from the upper left corner."""

    theme: Theme
    width: float
    height: float
    title: str
    _parts: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, colour: str, outline: str = "none") -> None:
        """A filled rectangle with round corners."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" fill="{colour}" '
            f'stroke="{outline}"/>'
        )

    def line(self, points: Sequence[Point], colour: str, *, width: float = 1.5, dashes: str = "", head: bool = False):
        """A line through points. head: ends in an arrow head."""
        path = " ".join(f"{x:.4g},{y:.4g}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashed}'
            f"{_HEAD if head else ''}/>"
        )

    def dot(self, at: Point, colour: str) -> None:
        """A point of a curve."""
        self._parts.append(f'<circle cx="{at[0]:.4g}" cy="{at[1]:.4g}" r="3" fill="{colour}"/>')

    def text(self, at: Point, text: str, colour: str, *, size: float = 14, anchor: str = "start", bold: bool = False):
        """Text. at: the left end, middle or right end (anchor `start`, `middle`, `end`) of its baseline."""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{at[0]:g}" y="{at[1]:g}" font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"{weight}>'
            f"{escape(text)}</text>"
        )

    def code(self, at: Point, text: str, colour: str, *, size: float = 12, anchor: str = "start") -> None:
        """Text in a fixed-width font, which is exactly `len(text) * CHARACTER_WIDTH * size` pixels wide."""
        self._parts.append(
            f'<text class="code" x="{at[0]:g}" y="{at[1]:g}" font-size="{size:g}" fill="{colour}" '
            f'text-anchor="{anchor}" textLength="{len(text) * CHARACTER_WIDTH * size:g}" xml:space="preserve">'
            f"{escape(text)}</text>"
        )

    def svg(self) -> str:
        """The whole file."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}" height="{self.height:g}" '
                f'viewBox="0 0 {self.width:g} {self.height:g}" role="img" aria-label={quoteattr(self.title)}>',
                f"<style>text {{ font-family: {_PROPORTIONAL} }} text.code {{ font-family: {_FIXED_WIDTH} }}</style>",
                f'<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
                f'<path d="M0,0 L8,4 L0,8 z" fill="{self.theme.soft}"/></marker>',
                *self._parts,
                "</svg>\n",
            ]
        )


_HEAD = ' marker-end="url(#head)"'

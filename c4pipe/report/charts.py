"""Charts with many series: each series has its own style, and the legend hides none of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# matplotlib's tab10.
_COLOURS = (
    "#1f77b4",
    "#ff7f0e",
    "#2ca02c",
    "#d62728",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
)
_DASHES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "x")
_MOST_INSIDE = 6
_INCHES_PER_ENTRY = 0.17


def style(number: int) -> Mapping[str, Any]:
    """The arguments of `axes.plot` for series `number`. The first 160 series have different styles.

    >>> style(0), style(11)
    ({'color': '#1f77b4', 'linestyle': '-', 'marker': 'o'}, {'color': '#ff7f0e', 'linestyle': '--', 'marker': 'o'})
    """
    rest, colour = divmod(number, len(_COLOURS))
    rest, dash = divmod(rest, len(_DASHES))
    return {"color": _COLOURS[colour], "linestyle": _DASHES[dash], "marker": _MARKERS[rest % len(_MARKERS)]}


def log_scale(axes: "Axes", *names: str) -> None:
    """Make axes (`x`, `y`) logarithmic, with plain numbers as ticks, because our pages do not render formulas."""
    for name in names:
        axes.set(**{f"{name}scale": "log"})
        axis = getattr(axes, f"{name}axis")
        axis.set_major_formatter("{x:,.12g}")
        axis.set_minor_formatter("")


def step_axis(axes: "Axes") -> None:
    """The x axis counts steps of a training, which are whole numbers."""
    axes.set_xlabel("step")
    axes.locator_params(axis="x", integer=True)


def height(num_series: int) -> float:
    """The height in inches of a chart with room for a legend of this many series."""
    return max(3.0, 0.6 + _INCHES_PER_ENTRY * num_series)


def legend(axes: "Axes") -> None:
    """Add a legend of the named series: inside the axes if there are few, otherwise to the right of the axes."""
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        return
    if len(labels) <= _MOST_INSIDE:
        axes.legend(frameon=False, fontsize=8)
        return
    axes.figure.legend(
        handles, labels, loc="outside right upper", frameon=False, fontsize=7.5, labelspacing=0.35, handlelength=3
    )

"""How figures look, and how they are saved so that the same seed gives the same bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

from optimlab.checks import choice
from optimlab.lab.frame.terminal import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "PALETTE", "Panel", "drawn", "has_display", "legend_above", "literal", "save_figure", "style"]

Panel = Callable[[Any], object] | tuple[Callable[[Any], object], str]
"""What draws on axes; beside it "3d", for axes of three dimensions, or "figure", for a figure instead of axes."""

FORMATS = ("png", "svg", "pdf")
_WINDOWLESS = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}

#: Okabe and Ito's eight colours that colour-blind readers can tell apart, the strongest on white first.
PALETTE: Mapping[str, str] = MappingProxyType(
    {
        "blue": "#0072B2",
        "vermillion": "#D55E00",
        "green": "#009E73",
        "purple": "#CC79A7",
        "orange": "#E69F00",
        "sky": "#56B4E9",
        "black": "#000000",
        "yellow": "#F0E442",
    }
)

_PARAMETERS: Mapping[str, Any] = {
    "figure.figsize": (8.0, 4.8),
    "figure.constrained_layout.use": True,
    "savefig.dpi": 150,
    "font.size": 11.0,
    "axes.titlesize": 12.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "date.converter": "concise",
    "legend.frameon": False,
    "legend.fontsize": 10.0,
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "none",
    "svg.hashsalt": "optimlab",  # otherwise the ids in the file are random
}

# What matplotlib would write of its own accord: its version, and the date.
_METADATA: Mapping[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the common style: readable sizes, a light grid, colours for everyone, no chartjunk.

    The style starts from matplotlib's defaults, not from the user's settings, so that a figure looks the
    same everywhere. A study runs inside it already; use it to draw the same way elsewhere.

    Examples
    --------
    >>> import matplotlib
    >>> with style():
    ...     matplotlib.rcParams["savefig.dpi"]
    150.0
    """
    import matplotlib.style
    from cycler import cycler

    colours = {"axes.prop_cycle": cycler(color=list(PALETTE.values()))}
    with matplotlib.style.context(["default", {**_PARAMETERS, **colours}]):
        yield


def literal(text: str, width: int = 40) -> str:
    r"""Return a user's text for a figure: a line of `width` characters, no mathematics, boxes for what the font lacks.

    Examples
    --------
    >>> print(literal("sales in $ / cost in $"))
    sales in \$ / cost in \$
    """
    from matplotlib.font_manager import findfont, get_font

    line = printable(" ".join(text.split()))
    drawn = get_font(findfont("DejaVu Sans")).get_charmap()
    line = "".join(c if ord(c) in drawn else "□" for c in line)
    return (line if len(line) <= width else line[: width - 1] + "…").replace("$", r"\$")


def legend_above(ax: Any, columns: int = 2) -> None:
    """Put the legend above what is drawn, with room of its own, whatever the scale.

    Examples
    --------
    >>> import matplotlib.figure
    >>> ax = matplotlib.figure.Figure().subplots()
    >>> _ = ax.semilogy([1, 10], label="a")
    >>> before = ax.get_ylim()
    >>> legend_above(ax)
    >>> bool(before[0] == ax.get_ylim()[0] and before[1] < ax.get_ylim()[1])
    True
    """
    rows = -(-sum(not label.startswith("_") for label in ax.get_legend_handles_labels()[1]) // columns)
    low, _ = ax.get_ylim()
    _, top = (ax.transAxes - ax.transData).transform((0.0, 1.0 + 0.08 * (rows + 0.5)))
    ax.set_ylim(low, top)
    box = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.9}  # lines may cross it
    ax.legend(loc="upper left", ncols=columns, fontsize=9, **box)


def drawn(panels: Sequence[Panel], columns: int, size: tuple[float, float]) -> "Figure":
    """Return a figure of panels, each drawn, row by row; `size` is that of a panel, in inches.

    Examples
    --------
    >>> figure = drawn([lambda ax: ax.plot([1, 2]), (lambda ax: ax.set_zlabel("f"), "3d")], 2, (4, 3))
    >>> len(figure.axes), figure.get_size_inches().tolist()
    (2, [8.0, 3.0])
    """
    import matplotlib.pyplot as plt

    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = plt.figure(figsize=(size[0] * columns, size[1] * rows))
    grid = figure.add_gridspec(rows, columns)
    for k, panel in enumerate(panels):
        draw, kind = panel if isinstance(panel, tuple) else (panel, "axes")
        place = grid[divmod(k, columns)]
        if kind == "figure":
            draw(figure.add_subfigure(place))
        else:
            draw(figure.add_subplot(place, projection="3d" if kind == "3d" else None))
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) if axis.get_scale() == "log"):
        axis.set_minor_formatter(_sparse())
    return figure


def _sparse() -> Any:
    """Return what names of 2, 3, ..., 9 times a power of ten only 2 and 5 times, unless the axis is short."""
    from matplotlib.ticker import LogFormatterSciNotation

    class Sparse(LogFormatterSciNotation):
        def __call__(self, x: float, pos: Any = None) -> str:
            low, high = self.axis.get_view_interval()  # type: ignore[union-attr]
            return super().__call__(x, pos) if high < 3.0 * low or f"{x:.0e}"[0] in "125" else ""

    return Sparse()


def save_figure(figure: "Figure", file: BinaryIO, image_format: str) -> None:
    """Save a figure in one of `FORMATS` without date and version, so that equal figures are equal files.

    Examples
    --------
    >>> from io import BytesIO
    >>> from matplotlib.figure import Figure
    >>> save_figure(Figure(), file := BytesIO(), "png")
    >>> file.getvalue()[1:4]
    b'PNG'
    """
    choice("image_format", image_format, FORMATS)
    with style():
        figure.savefig(file, format=image_format, metadata=_METADATA[image_format])


def has_display() -> bool:
    """Return whether matplotlib can open windows here."""
    import matplotlib.pyplot as plt

    return plt.get_backend().lower() not in _WINDOWLESS

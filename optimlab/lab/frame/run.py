"""One run of a study: its randomness, its knobs, its answer, its panels, its files and its claims."""

import json
import re
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from optimlab.lab.frame.animation import animation_page
from optimlab.lab.frame.claims import COLUMNS, Claim, Quote
from optimlab.lab.frame.figures import Panel, drawn, save_figure
from optimlab.lab.frame.output import whole_file
from optimlab.lab.frame.terminal import printable, tell

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Run", "texts"]

T = TypeVar("T")
_PATIENCE = 2.0  # seconds before a progress bar appears


@dataclass
class Run:
    """What a study gets from the frame, and gives its results to.

    Parameters
    ----------
    name : str
        Name of the study.
    folder : Path
        The existing folder for its files.
    seed : int
        Seed of `rng`.
    quick : bool
        Whether a short, rough run was asked for.
    options : argparse.Namespace
        The command line: `format` and `show` of the figures, the `panel` that is wanted alone, and the study's knobs.
    turned : tuple of str
        The knobs that were turned: claims of the defaults alone are left out.
    touched : tuple of str
        These, and sizes of samples that were set: claims that would then accept a value off by half are left out.
    quotes : dict of Quote
        The sentences of articles that claims may test, by row.

    Attributes
    ----------
    rng : numpy.random.Generator
        The source of all randomness of the study.
    claims : list of Claim
        The claims so far.
    files : list of Path
        The files written so far.
    left_out : int
        How many claims were left out.

    Examples
    --------
    >>> import tempfile
    >>> run = Run("demo", Path(tempfile.mkdtemp()), seed=1)
    >>> mean = np.mean([run.rng.normal() for _ in run.progress(range(1000), "draws")])
    >>> run.claim("mean", "the mean is 0", expected=0, measured=mean, tolerance=0.2)
    >>> run.claims[0].stands
    True
    """

    name: str
    folder: Path
    seed: int = 0
    quick: bool = False
    options: Namespace = field(default_factory=lambda: Namespace(format="png", show=False, panel=None))
    turned: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    quotes: dict[str, Quote] = field(default_factory=dict)
    rng: np.random.Generator = field(init=False, repr=False)
    claims: list[Claim] = field(init=False, default_factory=list)
    files: list[Path] = field(init=False, default_factory=list)
    left_out: int = field(init=False, default=0)
    panels: int = field(init=False, default=0)
    answer_text: str = field(init=False, default="")
    answer_table: "pd.DataFrame | None" = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    @property
    def failed(self) -> list[Claim]:
        """The claims that do not stand."""
        return [claim for claim in self.claims if not claim.stands]

    def say(self, text: str) -> None:
        """Print text to the terminal at once, above the progress bar; control characters become escapes."""
        tell(printable(text))

    def answer(self, text: str, table: "pd.DataFrame | None" = None) -> None:
        """Give the answer, which the frame prints first: one to three sentences with numbers, and one small table.

        The table has about ten rows at most, and a column for each thing to compare; its index is not shown.
        """
        self.answer_text = " ".join(text.split())
        self.answer_table = table

    def progress(self, items: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
        """Return `items`, with a progress bar in a terminal if going through them takes longer than 2 s.

        The description says what is counted ("noise draws"), `total` how many there are where ``len(items)`` does not.
        """
        from tqdm import tqdm

        return tqdm(items, desc=description, total=total, delay=_PATIENCE, leave=False, disable=None)

    def table(self, frame: "pd.DataFrame", name: str) -> Path:
        """Write a tidy table to ``<name>.csv``; the index becomes a column only if it has a name."""
        if name == "claims":
            raise ValueError("name must not be 'claims': claims.csv holds the claims of the run")
        return self._table(frame, name)

    def draw(self, *panels: Panel, columns: int = 2, size: tuple[float, float] = (6.4, 4.7), name: str = "") -> None:
        """Draw panels into one figure and write it, and the one that ``--panel`` asks for into a figure of its own.

        Parameters
        ----------
        *panels : callable, or pair of callable and kind
            Each draws on the axes that it is given; of kind "3d" they have three dimensions, and of kind "figure" it
            is given a figure for axes of its own. Panels are counted over all figures of a run, from 1.
        columns : int
            Panels beside each other.
        size : pair of float
            Width and height of a panel, inches.
        name : str
            Name of the file; by default that of the study.
        """
        first, self.panels = self.panels + 1, self.panels + len(panels)
        chosen, same = self.options.panel, [self._repeated(panel) for panel in panels]
        self.figure(drawn(same, columns, size), name or self.name)
        if chosen is not None and first <= chosen <= self.panels:
            after = self.rng.bit_generator.state
            self.figure(drawn([same[chosen - first]], 1, size), f"{self.name}_panel{chosen}")
            self.rng.bit_generator.state = after

    def figure(self, figure: "Figure", name: str) -> Path:
        """Write a figure to ``<name>.<format>`` and close it, unless it is to be shown at the end."""
        import matplotlib.pyplot as plt

        path = self._path(name, self.options.format)
        with whole_file(path) as file:
            save_figure(figure, file, self.options.format)
        if not self.options.show:
            plt.close(figure)
        return path

    def animation(self, figure: "Figure", draw: Callable[[int], Any], *, frames: int, name: str, text: str) -> Path:
        """Write an animation to ``<name>.html``, a page to play or to step through, and close its figure.

        Parameters
        ----------
        figure : matplotlib Figure
            What is drawn on, at 80 dots per inch.
        draw : callable
            Brings the figure to frame k = 0, 1, ... of `frames`, and returns the artists that it changed.
        text : str
            What the page says above the animation.
        """
        import matplotlib.pyplot as plt

        path = self.page(animation_page(figure, draw, frames=frames, title=name.replace("_", " "), text=text), name)
        plt.close(figure)
        return path

    def page(self, text: str, name: str) -> Path:
        """Write a page of HTML to ``<name>.html``."""
        path = self._path(name, "html")
        with whole_file(path) as file:
            file.write(text.encode(errors="backslashreplace"))
        return path

    def claim(
        self,
        id: str,  # noqa: A002  the field's name in claims.csv
        statement: str,
        *,
        expected: float,
        measured: float | tuple[float, ...],
        default: bool = False,
        **more: Any,
    ) -> None:
        """Record a claim.

        Parameters
        ----------
        id, statement, expected
            As `Claim` takes them.
        measured : float, or (value, low, high)
            A value, taken as exact, or one with its interval, as `mean_interval` returns it.
        default : bool
            Whether it holds for the default of each knob alone: where one is turned, it is left out.
        **more
            `tolerance`, `row`, `verdict`, `wide` of `Claim`; the verdict is by default that of the row in articles.csv.

        Raises
        ------
        ValueError
            If the run already has a claim of this id, the row is none, or an argument is out of its range.
        """
        if any(id == earlier.id for earlier in self.claims):
            raise ValueError(f"id must be new in every claim of a run; got {id!r} again (does a value stand twice?)")
        if (row := more.get("row")) and self.quotes:
            if row not in self.quotes:
                raise ValueError(f"row must be one of articles.csv; got {row!r}")
            more["verdict"] = more.get("verdict") or self.quotes[row].verdict
        value, low, high = measured if isinstance(measured, tuple) else (measured, measured, measured)
        claim = Claim(id=id, statement=statement, expected=expected, measured=value, low=low, high=high, **more)
        if (self.turned and (default or claim.row)) or (self.touched and not claim.tells):
            self.left_out += 1
        else:
            self.claims.append(claim)

    def claim_rows(self, table: "pd.DataFrame", id: str, statement: str, **columns: Any) -> None:  # noqa: A002
        """Record a claim for each row of a table in which something is expected.

        Parameters
        ----------
        table : DataFrame
            The rows.
        id, statement : str
            With columns in braces: ``"{rule} {eps:g}"``.
        **columns
            As `claim` takes them; a text that names a column stands for its entry, three of them for an interval. Where
            `expected` is NaN there is no claim.

        Examples
        --------
        >>> import pandas as pd
        >>> run = Run("demo", Path())
        >>> table = pd.DataFrame({"beta": [0.5, 0.9], "lag": [1.0, 9.0], "theory": [1.0, 9.0]})
        >>> run.claim_rows(table, "lag {beta:g}", "lag of β = {beta:g}", expected="theory", measured="lag")
        >>> [claim.id for claim in run.claims]
        ['lag 0.5', 'lag 0.9']
        """
        for entries in table.to_dict("records"):
            row = {str(name): value for name, value in entries.items()}
            given = {name: _entry(value, row) for name, value in columns.items()}
            if not np.isnan(given["expected"]):
                self.claim(id.format(**row), statement.format(**row), **given)

    def claim_all(self, *claims: tuple[Any, ...]) -> None:
        """Record claims of (id, statement, expected, measured[, tolerance[, row[, verdict]]]); a truth counts 1.

        Where NaN is expected there is no claim.

        Examples
        --------
        >>> run = Run("demo", Path())
        >>> run.claim_all(("sum", "1 + 1", 2, 1 + 1), ("third", "1/3, to two digits", 1 / 3, 0.33, 0.005))
        >>> [claim.stands for claim in run.claims]
        [True, True]
        """
        for id_, statement, expected, measured, *more in claims:
            if not np.isnan(expected):
                entries: dict[str, Any] = dict(zip(("tolerance", "row", "verdict"), more, strict=False))
                found = measured if isinstance(measured, tuple) else float(measured)
                self.claim(id_, statement, expected=float(expected), measured=found, **entries)

    def write_claims(self) -> Path:
        """Write ``claims.csv``; the frame calls this once the study has returned."""
        import pandas as pd

        rows = [claim.cells(self.name) for claim in self.claims]
        return self._table(pd.DataFrame(rows, columns=list(COLUMNS)), "claims")

    def write_record(self, facts: dict[str, object]) -> Path:
        """Write ``run.json``: `facts`, then answer, files and claims. Where it is, the run is complete."""
        table = self.answer_table
        shown = None if table is None else {"head": list(map(str, table.columns)), "rows": texts(table)}
        record = facts | {"turned": list(self.turned), "answer": self.answer_text, "table": shown}
        record |= {"files": [path.name for path in self.files], "left_out": self.left_out}
        record |= {"claims": [asdict(claim) for claim in self.claims]}
        path = self._path("run", "json")
        with whole_file(path) as file:
            text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
            file.write(text.encode(errors="backslashreplace"))  # names of files need not be UTF-8
        return path

    def _repeated(self, panel: Panel) -> Panel:
        """Return a panel that gets the same random numbers whenever it is drawn."""
        draw, kind = panel if isinstance(panel, tuple) else (panel, "axes")
        states: list[Any] = []

        def again(place: Any) -> None:
            if states:
                self.rng.bit_generator.state = states[0]
            states.append(self.rng.bit_generator.state)
            draw(place)

        return again, kind

    def _table(self, frame: "pd.DataFrame", name: str) -> Path:
        path = self._path(name, "csv")
        named = any(level is not None for level in frame.index.names)
        with whole_file(path) as file:
            frame.to_csv(file, index=named, lineterminator="\n", encoding="utf-8")
        return path

    def _path(self, name: str, suffix: str) -> Path:
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise ValueError(f"name must be a plain file name of letters, digits, '_', '-' and '.'; got {name!r}")
        path = self.folder / f"{name}.{suffix}"
        if path not in self.files and path.name != "run.json":
            self.files.append(path)
        return path


def _entry(value: Any, row: dict[str, Any]) -> Any:
    """Return what a column of a table, or three of them, say in a row; anything else is itself."""
    if isinstance(value, tuple):
        return tuple(row[name] for name in value)
    return row[value] if isinstance(value, str) and value in row else value


def texts(table: "pd.DataFrame") -> list[list[str]]:
    """Return the cells of a small table as they are shown: four digits, whole numbers whole."""
    return [[_cell(value) for value in row] for row in table.itertuples(index=False)]


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        value = float(value)
        if np.isnan(value):
            return "–"
        return f"{value:.0f}" if abs(value) < 1e6 and value == round(value) else f"{value:.4g}"
    return str(value)

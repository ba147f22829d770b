"""One run of a study: its randomness, its progress bars, its files and its claims."""

import json
import re
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np

from optimlab.lab.frame.animation import animation_page
from optimlab.lab.frame.claims import COLUMNS, Claim, Verdict
from optimlab.lab.frame.figures import save_figure
from optimlab.lab.frame.output import whole_file
from optimlab.lab.frame.terminal import printable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Run"]

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
    format : {"png", "svg", "pdf"}
        Format of the figures.
    show : bool
        Whether figures stay open to be shown at the end.
    options : argparse.Namespace
        The command line, with the study's own options.

    Attributes
    ----------
    rng : numpy.random.Generator
        The source of all randomness of the study.
    claims : list of Claim
        The claims so far.
    files : list of Path
        The files written so far.

    Examples
    --------
    >>> import tempfile
    >>> run = Run("demo", Path(tempfile.mkdtemp()), seed=1)
    >>> mean = np.mean([run.rng.normal() for _ in run.progress(range(1000), "draws")])
    >>> claim = run.claim("mean", "the mean is 0", expected=0, measured=mean, tolerance=0.2, verdict="reproduced")
    >>> claim.stands
    True
    """

    name: str
    folder: Path
    seed: int = 0
    quick: bool = False
    format: str = "png"
    show: bool = False
    options: Namespace = field(default_factory=Namespace)
    rng: np.random.Generator = field(init=False, repr=False)
    claims: list[Claim] = field(init=False, default_factory=list)
    files: list[Path] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    @property
    def failed(self) -> list[Claim]:
        """The claims that do not stand."""
        return [claim for claim in self.claims if not claim.stands]

    def say(self, text: str) -> None:
        """Print text to the terminal, above the progress bar if there is one; control characters become escapes."""
        from tqdm import tqdm

        tqdm.write(printable(text))

    def progress(self, items: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
        """Return `items`, with a progress bar in a terminal if going through them takes longer than 2 s.

        Parameters
        ----------
        items : iterable
            What the loop runs over.
        description : str
            What is counted, such as ``"noise draws"``.
        total : int, optional
            How many items there are, where ``len(items)`` does not know.
        """
        from tqdm import tqdm

        return tqdm(items, desc=description, total=total, delay=_PATIENCE, leave=False, disable=None)

    def table(self, frame: "pd.DataFrame", name: str) -> Path:
        """Write a tidy table to ``<name>.csv``; the index becomes a column only if it has a name.

        Returns
        -------
        Path
            The file.
        """
        if name == "claims":
            raise ValueError("name must not be 'claims': claims.csv holds the claims of the run")
        return self._table(frame, name)

    def figure(self, figure: "Figure", name: str) -> Path:
        """Write a figure to ``<name>.<format>`` and close it, unless it is to be shown at the end.

        Returns
        -------
        Path
            The file.
        """
        import matplotlib.pyplot as plt

        path = self._path(name, self.format)
        with self._writing(path) as file:
            save_figure(figure, file, self.format)
        if not self.show:
            plt.close(figure)
        return path

    def animation(self, figure: "Figure", draw: Callable[[int], Any], *, frames: int, name: str) -> Path:
        """Write an animation to ``<name>.html``, a page to play or to step through, and close its figure.

        Parameters
        ----------
        figure : matplotlib Figure
            What is drawn on.
        draw : callable
            Brings the figure to frame k = 0, 1, ..., and returns the artists that it changed.
        frames : int, at least 1
            Number of frames.
        name : str
            Name of the file.

        Returns
        -------
        Path
            The file.
        """
        import matplotlib.pyplot as plt

        path = self._path(name, "html")
        page = animation_page(figure, draw, frames=frames, title=name)
        with self._writing(path) as file:
            file.write(page.encode())
        plt.close(figure)
        return path

    def claim(
        self,
        id: str,  # noqa: A002  the field's name in claims.csv
        statement: str,
        *,
        expected: float,
        measured: float | tuple[float, float, float],
        verdict: Verdict = "reproduced",
        tolerance: float = 0.0,
    ) -> Claim:
        """Record a claim; see `Claim` for the parameters.

        What was measured is a value, taken as exact, or (value, low, high) as `mean_interval` returns it.

        Raises
        ------
        ValueError
            If the run already has a claim of this id, or an argument is out of its range.
        """
        if any(id == earlier.id for earlier in self.claims):
            raise ValueError(f"id must be new in every claim of a run; got {id!r} again")
        value, low, high = measured if isinstance(measured, tuple) else (measured, measured, measured)
        claim = Claim(
            id=id,
            statement=statement,
            expected=expected,
            measured=value,
            low=low,
            high=high,
            tolerance=tolerance,
            verdict=verdict,
        )
        self.claims.append(claim)
        return claim

    def write_claims(self) -> Path:
        """Write ``claims.csv``; the frame calls this once the study has returned."""
        import pandas as pd

        rows = [claim.row(self.name) for claim in self.claims]
        return self._table(pd.DataFrame(rows, columns=list(COLUMNS)), "claims")

    def write_record(self, facts: dict[str, object]) -> Path:
        """Write ``run.json``: `facts`, then files and claims. Written last: where it is, the run is complete."""
        counts = {"total": len(self.claims), "failed": len(self.failed)}
        record = facts | {"files": [path.name for path in self.files], "claims": counts}
        path = self._path("run", "json")
        with self._writing(path) as file:
            text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
            file.write(text.encode(errors="backslashreplace"))  # names of files need not be UTF-8
        return path

    def _table(self, frame: "pd.DataFrame", name: str) -> Path:
        path = self._path(name, "csv")
        named = any(level is not None for level in frame.index.names)
        with self._writing(path) as file:
            frame.to_csv(file, index=named, lineterminator="\n", encoding="utf-8")
        return path

    def _path(self, name: str, suffix: str) -> Path:
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise ValueError(f"name must be a plain file name of letters, digits, '_', '-' and '.'; got {name!r}")
        return self.folder / f"{name}.{suffix}"

    @contextmanager
    def _writing(self, path: Path) -> Iterator[BinaryIO]:
        if not self.files:  # from here on the record of an earlier run no longer describes the folder
            (self.folder / "run.json").unlink(missing_ok=True)
        with whole_file(path) as file:
            yield file
        if path not in self.files:
            self.files.append(path)

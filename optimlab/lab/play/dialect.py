"""How a file of numbers is written: the options of `read_series` on a command line."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimlab.lab.frame.errors import StudyError
from optimlab.series.files import read_series
from optimlab.series.fit import FittedDecay, fit_decay

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DIALECT", "add_dialect", "add_format", "fitted", "read", "spelled"]

_TABLE: dict[str, dict[str, Any]] = {
    "time": {"metavar": "NAME", "help": "column of numbers or dates for the x axis (default: row numbers)"},
    "time-format": {"metavar": "FORMAT", "help": "format of the dates, such as %%d.%%m.%%Y"},
    "dayfirst": {"action": argparse.BooleanOptionalAction, "help": "whether 1/2/2024 is 1 February"},
    "sort": {"action": "store_true", "default": None, "help": "sort the rows by time"},
    "sep": {"type": lambda text: text.replace(r"\t", "\t"), "metavar": "C", "help": "between cells (default: ,)"},
    "decimal": {"metavar": "C", "help": "before decimals: . or , (default: .)"},
    "thousands": {"metavar": "C", "help": "between groups of digits, if they are separated"},
    "encoding": {"metavar": "NAME", "help": "encoding of the text (default: utf-8)"},
    "na": {"nargs": "+", "action": "extend", "metavar": "WORD", "help": "more words that mean a gap"},
    "skip": {"nargs": "+", "action": "extend", "type": int, "metavar": "N", "help": "numbers of lines to leave out"},
}
_SQUARED = (1e-140, 1e140)  # sizes whose squares are far inside float64
_NAMES = [name.replace("-", "_") for name in _TABLE]
DIALECT = [name for name in _NAMES if name not in ("time", "sort")]
"""How cells are written, by the names of `read_series`."""


def add_dialect(parser: argparse.ArgumentParser, file: str = "file") -> None:
    """Add FILE, ``--column`` and how the file is written; where FILE is an option, as ``--csv``, none is needed."""
    group, free = parser.add_argument_group("the series"), file.startswith("-")
    place: dict[str, Any] = {"dest": "file"} if free else {}
    group.add_argument(file, metavar="FILE", help="CSV file with a header line; - is standard input", **place)
    group.add_argument("--column", metavar="NAME", required=not free, help="column of values; empty cells are gaps")
    add_format(group)


def add_format(group: Any, *but: str) -> None:
    """Add how a file is written, but for the options of some names."""
    for name, given in _TABLE.items():
        if name not in but:
            group.add_argument(f"--{name}", **given)


def read(options: argparse.Namespace, otherwise: Callable[[], pd.Series[Any]] | None = None) -> pd.Series[Any]:
    """Return the series that the options name; what the file leaves open is said with the options that settle it.

    Parameters
    ----------
    options : argparse.Namespace
        What was given for the options of `add_dialect`.
    otherwise : callable, optional
        Returns the series of a command that needs no file, where none of its options is given.
    """
    chosen = {name: getattr(options, name) for name in _NAMES if getattr(options, name) is not None}
    if otherwise is not None and not chosen and options.file is options.column is None:
        return otherwise()
    if options.file is None or options.column is None:
        raise StudyError("--csv FILE and --column NAME belong together")
    if options.file != "-":
        return _read(options.file, options.file, options.column, chosen)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return _read(str(path), "standard input", options.column, chosen)


def fitted(options: argparse.Namespace, series: pd.Series[Any]) -> FittedDecay:
    """Return the decay that forecasts a series best, or say of which column it cannot be found."""
    largest = float(series.abs().max())
    if largest and not _SQUARED[0] < largest < _SQUARED[1]:
        size = f"at most {_SQUARED[1]:g} and not all below {_SQUARED[0]:g}, for their squares; change the unit"
        raise StudyError(f"column {options.column!r} of {options.file}: numbers must be {size}; got up to {largest:g}")
    try:
        return fit_decay(series)
    except ValueError as error:
        raise StudyError(f"column {options.column!r} of {options.file}: {error}") from error


def _read(path: str, name: str, column: str, chosen: dict[str, Any]) -> pd.Series[Any]:
    try:
        return read_series(path, column, **chosen)
    except (ValueError, TypeError, ImportError) as error:
        raise StudyError(spelled(str(error).replace(path, name).replace("\n", " "))) from error


def spelled(message: str) -> str:
    """Spell the options that a message recommends as a shell reads them.

    Examples
    --------
    >>> spelled("column 'a' must hold numbers; use decimal=',', thousands='.'")
    "column 'a' must hold numbers; use --decimal=, --thousands=."
    """
    head, use, remedy = message.rpartition("; use ")
    text = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
    given = rf"\b({'|'.join(_NAMES)})=({text}|\[(?:{text}|[^]'\"])*\]|True|False|None|)"
    return head + use + re.sub(given, _option, remedy).replace(", --", " --")


def _option(given: re.Match[str]) -> str:
    """Spell ``name=value`` as an option of the command line."""
    option = f"--{given[1].replace('_', '-')}"
    value = ast.literal_eval(given[2] or "''")
    if value is None or isinstance(value, bool):
        return {None: f"no {option}", True: option, False: option.replace("--", "--no-")}[value]
    values = map(str, value if isinstance(value, list) else [value])
    return " ".join(f"{option}={shlex.quote(v) if v else ''}" for v in values).replace("\t", r"\t")

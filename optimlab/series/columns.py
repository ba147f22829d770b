"""The cells of one column as numbers or as times, all of them in one format.

What the cells leave open is refused, and the refusal names the row and, after "; use", the options that settle it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from optimlab.checks import choice
from optimlab.series.dates import Dates, formats
from optimlab.typing import Array, Floats, Marks

__all__ = ["Column", "Numbers", "Ticks", "Times"]

_MISSING = frozenset(("", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none"))
_GROUPS = {",": ",", ".": ".", " ": " \u00a0\u2009\u202f", "'": "'’"}
_FEW = 5  # words or lines that a remedy names


@dataclass(frozen=True)
class Numbers:
    """Numbers as the file writes them: the signs of decimals and of groups of digits, and the words for a gap."""

    decimal: str = "."
    thousands: str | None = None
    na: tuple[str, ...] = ()

    words = "numbers"
    sure = True

    def __post_init__(self) -> None:
        choice("decimal", self.decimal, (".", ","))
        if self.thousands is not None:
            choice("thousands", self.thousands, tuple(_GROUPS))
        if self.thousands == self.decimal:
            raise ValueError(f"thousands must differ from decimal; got {self.decimal!r} for both")
        for word in self.na:
            if not isinstance(word, str):
                raise TypeError(f"na must hold words; got {word!r}; use na={str(word)!r}")

    @cached_property
    def _form(self) -> Callable[[str], object]:
        group, point = f"[{_GROUPS[self.thousands]}]" if self.thousands else "(?!)", re.escape(self.decimal)
        digits = f"(?:[0-9]+|[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}})"
        number = f"(?:{digits}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+−-]?[0-9]+)?"
        return re.compile(f"[+−-]?(?:{number}|inf|Inf|INF|[Ii]nfinity)").fullmatch

    @cached_property
    def _gaps(self) -> tuple[frozenset[str], list[float]]:
        """The words that mean a gap, and the numbers that do."""
        numbers = [float(self.plain([word])[0]) for word in self.na if self._form(word)]
        return _MISSING | {word.strip().casefold() for word in self.na}, numbers

    def plain(self, cells: Sequence[str]) -> list[str]:
        """Return numbers as Python writes them."""
        text = "\n".join(cells)
        for sign in _GROUPS[self.thousands] if self.thousands else "":
            text = text.replace(sign, "")
        return text.replace(self.decimal, ".").replace("−", "-").split("\n")

    def readings(self, cell: str) -> Sequence[Reading]:
        """Return the one way to read such a column."""
        return [self]

    def read(self, cells: list[str]) -> tuple[Floats, Marks]:
        """Return the numbers, with NaN in a gap, and which cells are one or the other."""
        words, numbers = self._gaps
        fits, cells = np.ones(len(cells), dtype=bool), list(cells)
        for row in [row for row, cell in enumerate(cells) if not self._form(cell)]:
            fits[row] = cells[row].casefold() in words
            cells[row] = "nan"
        values = np.array(list(map(float, self.plain(cells))), dtype=np.float64)
        values[np.isin(values, numbers)] = np.nan
        return values, fits

    def join(self, pieces: list[Floats]) -> Floats:
        """Return the column of its pieces."""
        return np.concatenate(pieces)

    def options(self, cells: list[str], bad: list[str]) -> list[str]:
        """Return the options with which the cells can be read: other signs."""
        return [f"{option} ({style.read(bad[:1])[0][0]:.15g})" for option, style in self.styles(cells).items()]

    def hints(self, bad: list[str]) -> list[str]:
        """Return the options with which these cells may be read: words for a gap."""
        words = sorted(set(bad))
        few = len(words) <= _FEW and not any(map(str.isdigit, "".join(words)))
        return [f"na={[*self.na, *words]} for a gap"] * few

    def styles(self, cells: list[str]) -> dict[str, Numbers]:
        """Return the options of other signs with which all cells are numbers, the fewest for each sign of decimals."""
        found: dict[str, Numbers] = {}
        for decimal in "" if self.read(cells)[1].all() else ".,":
            styles = (replace(self, decimal=decimal, thousands=sign) for sign in (None, *_GROUPS) if sign != decimal)
            style = next((style for style in styles if style.read(cells)[1].all()), self)
            changes = [name for name in ("decimal", "thousands") if getattr(style, name) != getattr(self, name)]
            if changes:
                found[", ".join(f"{name}={getattr(style, name)!r}" for name in changes)] = style
        return found


@dataclass(frozen=True)
class Ticks:
    """Times that are numbers: whole ones stay whole, and are dates if all of them are YYYYMMDD."""

    numbers: Numbers

    words = "numbers"
    sure = True

    def read(self, cells: list[str]) -> tuple[Array, Marks]:
        """Return the numbers, and which cells are finite ones."""
        values, fits = self.numbers.read(cells)
        fits &= np.isfinite(values)
        plain = self.numbers.plain(cells)
        if not fits.all() or set("".join(plain)) & set(".eE"):
            return values, fits
        try:
            return np.array(list(map(int, plain)), dtype=np.int64), fits
        except OverflowError:
            return values, np.abs(values) < 2.0**63

    def join(self, pieces: list[Array]) -> Any:
        """Return the column of its pieces."""
        import pandas as pd

        values = np.concatenate(pieces)
        if values.dtype == np.int64 and ((values >= 1700_01_01) & (values <= 2199_12_31)).all():
            dates: Any = pd.to_datetime(values.astype(str), format="%Y%m%d", errors="coerce")
            return dates if dates.notna().all() else values
        return values


Reading = Numbers | Ticks | Dates
"""One way to read a column; it is chosen where no other is left, if it is `sure`."""


@dataclass(frozen=True)
class Times:
    """Numbers or dates, in the format that is named or, if none is, in any that the column leaves no choice about."""

    numbers: Numbers
    format: str | None = None
    dayfirst: bool | None = None

    words = "numbers or dates"

    def __post_init__(self) -> None:
        if self.format is None:
            return
        try:
            known = re.search("%[^d]", self.format) and ("%d" not in self.format or re.search("%[yYGcx]", self.format))
            if known:
                self.readings("")[0].read(["x"])
        except ValueError:
            known = None
        if not known:
            allowed = "a format of strptime, with the year where it has the day, such as '%d.%m.%Y'"
            raise ValueError(f"time_format must be {allowed}; got {self.format!r}")

    def readings(self, cell: str) -> Sequence[Reading]:
        """Return the ways to read a column that starts with a cell."""
        if self.format is not None:
            return [Dates(self.format, offset="%z" in self.format.lower(), sure=True)]
        if Ticks(self.numbers).read([cell])[1][0]:
            return [Ticks(self.numbers)]
        return [dates for dates in formats(cell) if self.dayfirst is None or dates.dayfirst in (None, self.dayfirst)]

    def options(self, cells: list[str], bad: list[str]) -> list[str]:
        """Return the options with which the cells can be read: other signs of numbers, another format of dates."""
        found = list(self.numbers.styles(cells))
        for reading in replace(self, format=None, dayfirst=None).readings(cells[0]):
            if reading.read(cells)[1].all():
                form = getattr(reading, "format", None)
                found.append(f"time_format={None if form == 'ISO8601' else form!r}")
        return found

    def hints(self, bad: list[str]) -> list[str]:
        """Return the options with which these cells may be read: a format that only the user knows."""
        return ["time_format= with the format of the dates"] * (self.format is None)


class Column:
    """A column read piece by piece, in all ways that have fitted so far; `where` it is, for messages."""

    def __init__(self, where: str, kind: Numbers | Times, skip: tuple[int, ...]) -> None:
        self.where, self._kind, self._skip, self._rows = where, kind, skip, 0
        self._pieces: dict[Reading, list[Any]] = {}

    def add(self, cells: list[str], lines: Array) -> None:
        """Read some more cells, which stand in lines of these numbers."""
        results = {way: way.read(cells) for way in self._pieces or self._kind.readings(cells[0])}
        fitting = {way: values for way, (values, fits) in results.items() if fits.all()}
        if not fitting:
            self._refuse(cells, lines, {way: fits for way, (_, fits) in results.items()})
        self._pieces = {way: self._pieces.get(way, []) for way in fitting}
        for way, values in fitting.items():
            self._pieces[way].append(values)
        self._rows += len(cells)

    def _refuse(self, cells: list[str], lines: Array, fits: dict[Reading, Marks]) -> NoReturn:
        """Refuse the first cell that the reading that got farthest does not fit."""
        best: Any = max(fits, key=lambda way: int(np.argmin(fits[way])), default=None)
        rows = [0] if best is None else np.flatnonzero(~fits[best]).tolist()
        bad, here = [cells[row] for row in rows], rows[0]
        options = self._kind.options(cells, bad)
        if not options:
            lines_of_bad = f"skip={sorted({*self._skip, *lines[rows].tolist()})} to leave out"
            options = self._kind.hints(bad) + [lines_of_bad] * (len(rows) <= _FEW)
        raise ValueError(
            f"{self.where} must hold {(best or self._kind).words}; got {bad[0][:60]!r} in data row "
            f"{self._rows + here + 1} (line {lines[here]}); "
            + ("use " * bool(options) + (" or ".join(options) or "leave nothing else in the column"))
        )

    def result(self) -> Any:
        """Return the column, if there is one way to read it."""
        distinct: dict[Any, Any] = {}
        for way, pieces in self._pieces.items():
            values = way.join(pieces)
            if all((values != other).any() for other in distinct.values()):
                distinct[way] = values
        if not distinct:
            return np.empty(0)
        first, *others = distinct.values()
        whole = all(way.sure for way in distinct)
        if whole and not others:
            return first
        row = int(np.argmax(first != others[-1])) if others else 0
        options = [f"dayfirst={way.dayfirst}" if whole else f"time_format={way.format!r}" for way in distinct]
        dates = [f" (data row {row + 1} is {values[row]})".replace(" 00:00:00", "") for values in distinct.values()]
        raise ValueError(
            f"{self.where} must hold whole dates that can be read in one way; use "
            + " or ".join(map("".join, zip(options, dates, strict=True)))
        )

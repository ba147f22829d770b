"""The cells of one column as numbers or as times, all of them in one format; what they leave open is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any, NoReturn

import numpy as np

from optimlab.checks import choice
from optimlab.typing import Array, Marks

__all__ = ["Column", "Numbers", "ways_of_times"]

_MISSING = {"", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none"}
_GROUPS = {",": ",", ".": ".", " ": " \u00a0\u2009\u202f", "'": "'’"}
_FEW = 5  # words or lines that a remedy names
_ISO = re.compile(
    r"\d{4}(-?)\d\d\1\d\d(?:[T ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?(Z| ?[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
).fullmatch
_WHOLE = ("dmY", "mdY", "Ymd", "dbY", "dBY", "bdY", "BdY")  # dates in letters of strptime; parts of dates:
_PARTS = ("dmy", "mdy", "ymd", "dby", "dBy", "by", "By", "bY", "BY", "mY", "Ym", "")
_CLOCKS = ("", "HM", "HMS", "HMSf", "IMp", "IMSp")


@dataclass(frozen=True)
class Numbers:
    """Numbers as a file writes them: the signs of decimals and of groups of digits, and the words for a gap."""

    decimal: str = "."
    thousands: str | None = None
    na: tuple[str, ...] = ()

    words = "numbers"

    def __post_init__(self) -> None:
        choice("decimal", self.decimal, (".", ","))
        if self.thousands is not None:
            choice("thousands", self.thousands, [sign for sign in _GROUPS if sign != self.decimal])
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
    def _gaps(self) -> tuple[set[str], list[float]]:
        """The words that mean a gap, and the numbers that do."""
        numbers = [float(number) for word in self.na if self._form(word) for number in self._plain([word])]
        return _MISSING | {word.strip().casefold() for word in self.na}, numbers

    def _plain(self, cells: list[str]) -> list[str]:
        """Return numbers as Python writes them."""
        text = "\n".join(cells)
        for sign in _GROUPS[self.thousands] if self.thousands else "":
            text = text.replace(sign, "")
        return text.replace(self.decimal, ".").replace("−", "-").split("\n")

    def read(self, cells: list[str]) -> tuple[Array, Marks]:
        """Return the numbers, whole ones as they are, with NaN in a gap, and which cells are one or the other."""
        words, gaps = self._gaps
        numbers = np.fromiter(map(bool, map(self._form, cells)), dtype=bool, count=len(cells))
        plain = self._plain([cell if number else "nan" for cell, number in zip(cells, numbers, strict=True)])
        try:
            values: Array = np.array(list(map(int, plain)), dtype=np.int64)
        except (ValueError, OverflowError):
            values = np.array(list(map(float, plain)))
        if np.isin(values, gaps).any():
            values = np.where(np.isin(values, gaps), np.nan, values)
        return values, numbers | [not number and cells[row].casefold() in words for row, number in enumerate(numbers)]

    def better(self, cells: list[str]) -> dict[str, Numbers]:
        """Return the options of other signs that read more cells, the fewest for each sign of decimals."""
        signs = [(d, t) for d in ".," for t in (self.thousands, None, *_GROUPS) if t != d]
        counts = {
            style: style.read(cells)[1].sum() for style in (replace(self, decimal=d, thousands=t) for d, t in signs)
        }
        best = {style.decimal: style for style in reversed(counts) if counts[style] == max(counts.values())}
        found = {}
        for style in best.values() if counts[self] < max(counts.values()) else ():
            changes = [name for name in ("decimal", "thousands") if getattr(self, name) != getattr(style, name)]
            found[", ".join(f"{name}={getattr(style, name)!r}" for name in changes)] = style
        return found


@dataclass(frozen=True)
class _Dates:
    """Dates in a format of ``strptime`` or in ISO 8601, in UTC if they have an offset, with their letters in order."""

    format: str
    offset: bool
    order: str = "Ymd"

    @property
    def words(self) -> str:
        zone = f" {'with' if self.offset else 'without'} an offset" * (self.format == "ISO8601")
        return f"dates in the format {self.format!r}{zone}"

    @property
    def option(self) -> str:
        """The option that chooses this format among those that fit."""
        return f"dayfirst={self.order == 'dmY'}" if self.order in _WHOLE[:2] else f"time_format={self.format!r}"

    def read(self, cells: list[str]) -> tuple[Array, Marks]:
        import pandas as pd

        if self.format == "ISO8601":
            matches = zip(cells, map(_ISO, cells), strict=True)
            cells = [cell.replace(",", ".") if m and bool(m[2]) == self.offset else "" for cell, m in matches]
        dates: Any = pd.to_datetime(cells, format=self.format, errors="coerce", utc=True)
        return dates.tz_localize(None).to_numpy(), dates.notna()


def _formats(cell: str) -> list[_Dates]:
    """Return the formats in which a cell is a date, or a part of one."""
    iso = _ISO(cell)
    if iso or len(cell) > 60:
        return [_Dates("ISO8601", bool(iso[2]))] if iso else []
    text = re.sub(r"(:.*\d)( ?)(?:Z|[+-]\d\d:?\d\d)$", r"\1\2Z", cell).replace("%", "%%")
    before, *between = re.split(r"[0-9]+|(?!T\d)[^\W\d_]+", text)
    found = []
    for order, clock, offset in product((*_WHOLE, *_PARTS), _CLOCKS, ("", "z")):
        letters = order + clock + offset
        form = before + "".join(f"%{letter}{sign}" for letter, sign in zip(letters, between, strict=False))
        if letters != offset and len(letters) == len(between) and form.count(":") == sum(map(clock.count, "MS")):
            found.append(_Dates(form, bool(offset), order))
    return [dates for dates in found if dates.read([cell])[1].all()]


def ways_of_times(numbers: Numbers, form: str | None, dayfirst: bool | None) -> Callable[[str], list[Any]]:
    """Return what gives the ways to read a column of times that starts with a cell: as numbers, or as dates."""
    if form in (None, "ISO8601"):
        other = None if dayfirst is None else f"dayfirst={not dayfirst}"
        return lambda cell: (
            [numbers] if _finite(*numbers.read([cell])).all() else [d for d in _formats(cell) if d.option != other]
        )
    named = _Dates(form, "%z" in form.lower())
    try:
        known = "%" in form and named.read(["x"])
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"time_format must be a format of strptime, such as '%d.%m.%Y'; got {form!r}")
    return lambda _: [named]


def _finite(values: Array, fits: Marks) -> Marks:
    """Mark the times: dates, and finite numbers that 64 bits hold."""
    return fits if values.dtype.kind == "M" else fits & (np.abs(values) < 2.0**63)


@dataclass
class Column:
    """A column read piece by piece, in all ways that have fitted so far; `where` it is, for messages."""

    where: str
    numbers: Numbers
    skip: tuple[int, ...]
    times: Callable[[str], list[Any]] | None = None
    pieces: dict[Any, list[Array]] = field(default_factory=dict)
    rows: int = 0

    def add(self, cells: list[str], lines: Array) -> None:
        """Read some more cells, which stand in lines of these numbers."""
        ways = self.pieces or (self.times(cells[0]) if self.times else [self.numbers])
        results = {way: way.read(cells) for way in ways}
        marks = {way: _finite(*result) if self.times else result[1] for way, result in results.items()}
        fitting = [way for way, fits in marks.items() if fits.all()]
        if not fitting:
            self._refuse(cells, lines, marks)
        self.pieces = {way: [*self.pieces.get(way, []), results[way][0]] for way in fitting}
        self.rows += len(cells)

    def result(self) -> Any:
        """Return the column, if there is one way to read it: numbers, or dates as an index."""
        import pandas as pd

        if not self.pieces:
            return np.empty(0)
        columns = {way: np.concatenate(pieces) for way, pieces in self.pieces.items()}
        first, *others = columns
        ways = [first, *(way for way in others if (columns[way] != columns[first]).any())]
        if len(ways) > 1 or getattr(first, "order", "Ymd") not in _WHOLE:
            row = int((columns[ways[0]] != columns[ways[-1]]).argmax())
            dates = [f"{way.option} ({pd.Timestamp(columns[way][row])})".replace(" 00:00:00", "") for way in ways]
            allowed = f"whole dates that can be read in one way; got another in data row {row + 1}"
            raise ValueError(f"{self.where} must hold {allowed}; use {' or '.join(dates)}")
        values = columns[ways[0]]
        if values.dtype.kind == "M":
            return pd.DatetimeIndex(values, tz="UTC" if ways[0].offset else None)
        if self.times and values.dtype == np.int64 and ((values >= 1700_01_01) & (values <= 2199_12_31)).all():
            days: Any = pd.to_datetime(values.astype(str), format="%Y%m%d", errors="coerce")
            return days if days.notna().all() else values
        return values

    def taken(self) -> Any:
        """Return what was added since the last time, and keep the ways that have fitted so far."""
        result, self.pieces = self.result(), {way: [] for way in self.pieces}
        return result

    def _refuse(self, cells: list[str], lines: Array, marks: dict[Any, Marks]) -> NoReturn:
        """Refuse the first cell that does not fit, and name the options that read it."""
        way = max(marks, key=lambda way: int(np.argmin(marks[way])), default=None)
        bad = np.flatnonzero(~marks[way]).tolist() if way else [0]
        styles = self.numbers.better(cells)
        if self.times:
            styles = {option: style for option, style in styles.items() if style.read(cells)[1].all()}
        bad = [row for row in bad if any(style.read([cells[row]])[1] for style in styles.values())] or bad
        options = [f"{option} ({style.read([cells[bad[0]]])[0][0]:.15g})" for option, style in styles.items()]
        if self.times:
            options += [f"time_format={d.format!r}" for d in _formats(cells[0]) if d.read(cells)[1].all()]
        remedies = options or self._hints([cells[row] for row in bad], lines[bad].tolist(), unknown=way is None)
        words = way.words if way else "numbers or dates"
        raise ValueError(
            f"{self.where} must hold {words}; got {cells[bad[0]][:60]!r} in data row {self.rows + bad[0] + 1} "
            f"(line {lines[bad[0]]}); use {' or '.join(remedies) or f'{words} alone in its cells'}"
        )

    def _hints(self, bad: list[str], lines: list[int], *, unknown: bool) -> list[str]:
        """Return the options with which cells may be read that none of the known ones reads."""
        words = sorted({word for word in bad if not any(map(str.isdigit, word))})
        hints = ["time_format= with the format of the dates"] * unknown
        if not self.times and bad[0] in words and len(words) <= _FEW:
            hints = [f"na={[*self.numbers.na, *words]} for a gap"]
        return hints + [f"skip={sorted({*self.skip, *lines})} to leave out"] * (len(lines) <= _FEW)

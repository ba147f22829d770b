"""Dates in one format: what the cells of a column mean in it, and the formats in which a cell is a date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

from optimlab.typing import Marks

__all__ = ["Dates", "formats"]

_ISO = re.compile(
    r"\d{4}(-?)\d\d\1\d\d(?:[T ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?(Z| ?[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
).fullmatch
_CLOCK = re.compile(r"([T, ]*)\d\d?:\d\d(:\d\d)?(\.\d+)?( ?[AaPp][Mm])?( ?(?:Z|[+-]\d\d:?\d\d))?$", re.ASCII).search
_ORDERS = {"dmy", "mdy", "ymd", "my", "ym", ""}  # of day, month and year; a day and a month alone are no date


@dataclass(frozen=True)
class Dates:
    """Dates in one format of ``strptime`` or in ISO 8601; with an offset they are UTC."""

    format: str
    offset: bool
    sure: bool

    @property
    def words(self) -> str:
        """What all cells must be."""
        if self.format != "ISO8601":
            return f"dates in the format {self.format!r}"
        return f"ISO 8601 dates, all {'with' if self.offset else 'without'} an offset"

    @property
    def dayfirst(self) -> bool | None:
        """Whether the day stands before the month, if that can be asked."""
        day, month = self.format.find("%d"), self.format.find("%m")
        return None if min(day, month) < 0 or self.format[:2].lower() == "%y" else day < month

    def read(self, cells: list[str]) -> tuple[Any, Marks]:
        """Return the dates, with NaT for what is none, and which cells are dates."""
        import pandas as pd

        if self.format == "ISO8601":
            matches = zip(cells, map(_ISO, cells), strict=True)
            cells = [cell.replace(",", ".") if m and bool(m[2]) == self.offset else "" for cell, m in matches]
        dates: Any = pd.to_datetime(cells, format=self.format, errors="coerce", utc=self.offset)
        return dates, dates.notna()

    def join(self, pieces: list[Any]) -> Any:
        """Return the column of its pieces."""
        return pieces[0].append(pieces[1:])


def formats(cell: str) -> list[Dates]:
    """Return the formats in which a cell is a date, or a part of one."""
    iso = _ISO(cell)
    if iso:
        return [Dates("ISO8601", offset=bool(iso[2]), sure=True)]
    day, clock, offset = _clock(cell[-60:])  # no date is longer
    tokens = re.findall(r"[0-9]+|[^\W\d_]+|[\W_]+", day)
    if sum(map(str.isalnum, tokens)) > 3:
        return []
    found = []
    for parts in product(*map(_directives, tokens)):
        letters = [part[1] for part in parts if part[0] == "%" and part != "%%"]
        plain = len(letters) != 2 or {"Y", "b", "B"} & {*letters}  # 30.01. is no January of 2030
        if plain and "".join(letters).lower().replace("b", "m") in _ORDERS and (letters or clock):
            found.append(Dates("".join(parts) + clock, offset, sure={"d", "Y"} <= {*letters}))
    return [dates for dates in found if dates.read([cell])[1].all()]


def _directives(token: str) -> list[str]:
    """Return what a part of a date may stand for."""
    if token.isdigit():
        return {1: ["%d", "%m"], 2: ["%d", "%m", "%y"], 4: ["%Y"]}.get(len(token), [])
    return ["%b", "%B"] if token.isalpha() else [token.replace("%", "%%")]


def _clock(cell: str) -> tuple[str, str, bool]:
    """Return what stands before the time of day, the format of that, and whether it has an offset from UTC."""
    clock = _CLOCK(cell)
    if clock is None:
        return cell, "", False
    lead, seconds, fraction, half, offset = (group or "" for group in clock.groups())
    form = lead + ("%I" if half else "%H") + ":%M" + ":%S" * bool(seconds) + ".%f" * bool(fraction)
    form += half[:-2] + "%p" * bool(half) + " " * offset.startswith(" ") + "%z" * bool(offset)
    return cell[: clock.start()], form, bool(offset)

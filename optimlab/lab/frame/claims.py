"""Claims: what a study asserts, in numbers that can turn out wrong."""

import csv
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from math import isnan
from pathlib import Path
from typing import Literal, NamedTuple, TextIO, get_args

from optimlab.checks import NOT_NEGATIVE, choice, number, real
from optimlab.lab.frame.terminal import columns, painted, printable

__all__ = [
    "COLUMNS", "NUMBERS", "VERDICTS", "Claim", "Quote", "Verdict", "claims_text", "count_text", "expected_text",
    "measured_text", "quotes",
]  # fmt: skip

Verdict = Literal["reproduced", "refuted", "artefact"]
VERDICTS: tuple[str, ...] = get_args(Verdict)
NUMBERS = ("expected", "measured", "low", "high", "tolerance")
COLUMNS = ("study", "id", "statement", *NUMBERS, "row", "verdict", "wide", "stands")
_DIGITS = 4
_ALL_DIGITS = 9  # where a claim failed by little
_HALF = 0.5  # of what is expected: an error that a claim must not accept in silence


class Quote(NamedTuple):
    """What an article says: its title, the sentence, and what the numbers say of it in the end."""

    title: str
    sentence: str
    verdict: str = ""


@cache
def quotes(folder: Path) -> dict[str, Quote]:
    """Return the sentences that the studies of a folder may quote, by row; they stand in its ``articles.csv``."""
    path = folder / "articles.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return {line["row"]: Quote(line["title"], line["sentence"], line.get("verdict", "")) for line in lines}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A measurement beside what theory, or a sentence of an article, lets expect.

    Parameters
    ----------
    id : str
        Name of the claim, unique within a run.
    statement : str
        What was measured, in words.
    expected : float
        The value given by theory. A NaN never stands.
    measured : float
        The value that the study found.
    low, high : float
        Confidence interval of the measured value; both equal to ``measured`` if there is none.
    tolerance : float
        How far outside the interval ``expected`` may lie, in the unit of ``expected``; finite, >= 0.
    row : str
        The row of ``articles.csv`` whose sentence is under test; "" for a claim of theory.
    verdict : {"", "reproduced", "refuted", "artefact"}
        What the numbers say of that sentence: it holds, it is wrong, or it owes its truth to the set-up; else "".
    wide : str
        Why interval and tolerance may accept a value that is off by half; "" where they do not.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, or a number is none; the message names it.

    Examples
    --------
    A sentence that is refuted is a claim that stands: the numbers came out as the refutation predicts.

    >>> claim = Claim(id="lag", statement="lag of β = .98", expected=49.0, measured=49.02, low=48.9, high=49.1)
    >>> claim.stands
    True

    What would accept half of it, or one and a half, says nothing, and does not stand:

    >>> Claim(id="lag", statement="lag", expected=49.0, measured=45.0, low=20.0, high=70.0).stands
    False
    """

    id: str
    statement: str
    expected: float
    measured: float
    low: float
    high: float
    tolerance: float = 0.0
    row: str = ""
    verdict: str = ""
    wide: str = ""

    def __post_init__(self) -> None:
        for name in NUMBERS:
            object.__setattr__(self, name, _scalar(name, getattr(self, name)))
        for name in ("id", "statement"):
            if not str(getattr(self, name)).strip():
                raise ValueError(f"{name} must be a non-empty text; got {getattr(self, name)!r}")
        if self.verdict and not self.row:
            raise ValueError(f"row must name the sentence that is {self.verdict}; a claim of theory has no verdict")
        if self.row:
            choice("verdict", self.verdict, VERDICTS)
        number("tolerance", self.tolerance, NOT_NEGATIVE)
        if self.low > self.high:
            raise ValueError(f"low must be <= high; got low={self.low}, high={self.high}")

    @property
    def agrees(self) -> bool:
        """Whether low - tolerance <= expected <= high + tolerance, and nothing is NaN."""
        agrees = self.low - self.tolerance <= self.expected <= self.high + self.tolerance
        return agrees and not isnan(self.measured)

    @property
    def tells(self) -> bool:
        """Whether a value off by half of what is expected would be found, or it is said why not."""
        reach = max(self.high - self.measured, self.measured - self.low) + self.tolerance
        return bool(self.wide) or self.expected == 0.0 or not reach >= _HALF * abs(self.expected)

    @property
    def stands(self) -> bool:
        """Whether the measurement agrees, and says something."""
        return self.agrees and self.tells

    def cells(self, study: str) -> dict[str, object]:
        """Return the line of ``claims.csv``: one entry for each of ``COLUMNS``."""
        entries = asdict(self) | {"study": study, "stands": self.stands}
        return {column: entries[column] for column in COLUMNS}


def count_text(claims: Sequence[Claim]) -> str:
    """Return one line: how many claims there are, and whether they stand.

    Examples
    --------
    >>> count_text([Claim(id="a", statement="it is two", expected=2, measured=2, low=2, high=2)])
    '1 claim: it stands'
    """
    failed = sum(not claim.stands for claim in claims)
    if not claims:
        return "no claims"
    if len(claims) == 1:
        return "1 claim: it " + ("FAILED" if failed else "stands")
    return f"{len(claims)} claims: " + (f"{failed} FAILED" if failed else "all stand")


def claims_text(claims: Sequence[Claim], stream: TextIO, known: dict[str, Quote] | None = None) -> str:
    r"""Return the claims one below the other, each with the sentence that it tests; what failed is red in a terminal.

    Lines of a terminal are wrapped, those of a file are left whole. Sentences are `known` by row.

    Examples
    --------
    >>> import sys
    >>> print(claims_text([
    ...     Claim(id="a", statement="it is two", expected=2.0, measured=2.1, low=2.0, high=2.2),
    ...     Claim(id="b", statement="it is three", expected=3.0, measured=2.1, low=2.0, high=2.2),
    ... ], sys.stdout))
    ok      it is two: expected 2, measured 2.1 [2, 2.2]
    FAILED  it is three: expected 3, measured 2.1 [2, 2.2]
    """
    return "\n".join(_lines(claim, stream, known or {}) for claim in claims)


def expected_text(claim: Claim, digits: int = _DIGITS) -> str:
    """Return what a claim expects, with its tolerance if it has one: ``2 ±0.5``."""
    return f"{claim.expected:.{digits}g}" + (f" ±{claim.tolerance:.{digits}g}" if claim.tolerance else "")


def measured_text(claim: Claim, digits: int = _DIGITS) -> str:
    """Return what a claim measured, with its interval if it has one: ``2.1 [2, 2.2]``."""
    measured, low, high = (f"{number:.{digits}g}" for number in (claim.measured, claim.low, claim.high))
    exact = claim.low == claim.measured == claim.high
    return measured if exact else f"{measured} [{low}, {high}]"


def _lines(claim: Claim, stream: TextIO, known: dict[str, Quote]) -> str:
    mark, digits = ("ok    ", _DIGITS) if claim.stands else ("FAILED", _ALL_DIGITS)
    numbers = f"expected {expected_text(claim, digits)}, measured {measured_text(claim, digits)}"
    text = f"{mark}  {' '.join(claim.statement.split())}: {numbers}"
    if claim.row:
        said = known.get(claim.row, Quote("article", claim.row))
        text += f"; {claim.verdict}: “{said.sentence}” ({said.title})"
    if not claim.tells:
        text += "; its interval and tolerance would accept a value off by half"
    width = columns(stream)
    text = printable(text)
    whole = textwrap.fill(text, width, subsequent_indent=" " * 8) if width else text
    return whole if claim.stands else painted(whole, stream)


def _scalar(name: str, value: object) -> float:
    """Return a single number, which here may be NaN."""
    array = real(name, value, "a number")
    if array.ndim:
        raise TypeError(f"{name} must be a number; got {value!r}")
    return float(array)

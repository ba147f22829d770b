"""Claims: what a study asserts, in numbers that can turn out wrong."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Literal, get_args

from optimlab.checks import NOT_NEGATIVE, choice, number, real

__all__ = ["COLUMNS", "NUMBERS", "VERDICTS", "Claim", "Verdict", "claims_text", "expected_text", "measured_text"]

Verdict = Literal["reproduced", "refuted", "artefact"]
VERDICTS: tuple[str, ...] = get_args(Verdict)
COLUMNS = (
    "study",
    "id",
    "statement",
    "expected",
    "measured",
    "low",
    "high",
    "tolerance",
    "verdict",
    "stands",
)
NUMBERS = ("expected", "measured", "low", "high", "tolerance")
_SHORTEST_STATEMENT = 24
_DIGITS = 4
_ALL_DIGITS = 9  # where a claim failed by little


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, the number it should give, the number it gave, and what follows for the statement.

    Parameters
    ----------
    id : str
        Name of the claim, unique within a run.
    statement : str
        The statement under test, in words.
    expected : float
        The value given by theory or by a reference. A NaN never stands.
    measured : float
        The value that the study found.
    low, high : float
        Confidence interval of the measured value; both equal to ``measured`` if there is none.
    tolerance : float
        How far outside the interval ``expected`` may lie, in the unit of ``expected``; finite, >= 0.
    verdict : {"reproduced", "refuted", "artefact"}
        What the numbers say of the statement: it holds, it is wrong, or it owes its truth to the set-up.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, or a number is none; the message names it.

    Examples
    --------
    A refuted statement is a claim that stands: the numbers came out as the refutation predicts.

    >>> claim = Claim(
    ...     id="003-a",
    ...     statement="β = .98 averages 50 samples, so it lags by 50",
    ...     expected=49.0,
    ...     measured=49.02,
    ...     low=48.9,
    ...     high=49.1,
    ...     tolerance=0.0,
    ...     verdict="refuted",
    ... )
    >>> claim.stands
    True
    """

    id: str
    statement: str
    expected: float
    measured: float
    low: float
    high: float
    tolerance: float
    verdict: Verdict

    def __post_init__(self) -> None:
        for name in NUMBERS:
            object.__setattr__(self, name, _scalar(name, getattr(self, name)))
        for name in ("id", "statement"):
            if not str(getattr(self, name)).strip():
                raise ValueError(f"{name} must be a non-empty text; got {getattr(self, name)!r}")
        choice("verdict", self.verdict, VERDICTS)
        number("tolerance", self.tolerance, NOT_NEGATIVE)
        if self.low > self.high:
            raise ValueError(f"low must be <= high; got low={self.low}, high={self.high}")

    @property
    def stands(self) -> bool:
        """Whether the measurement agrees: low - tolerance <= expected <= high + tolerance, and nothing is NaN."""
        agrees = self.low - self.tolerance <= self.expected <= self.high + self.tolerance
        return agrees and not isnan(self.measured)

    def row(self, study: str) -> dict[str, object]:
        """Return the line of ``claims.csv``: one entry for each of ``COLUMNS``."""
        entries = asdict(self) | {"study": study, "stands": self.stands}
        return {column: entries[column] for column in COLUMNS}


def claims_text(claims: Sequence[Claim], width: int = 100) -> str:
    r"""Return the claims as an aligned table, failed ones marked and explained below it.

    Parameters
    ----------
    claims : sequence of Claim
        The claims of a run, at least one.
    width : int
        Width of the terminal in columns; statements are shortened to fit.

    Returns
    -------
    str
        The table, a line that counts, and a paragraph for every failed claim.

    Examples
    --------
    >>> one = dict(low=2.0, high=2.2, tolerance=0.0, verdict="reproduced")
    >>> print(claims_text([
    ...     Claim(id="a", statement="it is two", expected=2.0, measured=2.1, **one),
    ...     Claim(id="b", statement="it is three", expected=3.0, measured=2.1, **one),
    ... ]))
            claim  verdict     expected  measured [low, high]  statement
    ok      a      reproduced         2  2.1 [2, 2.2]          it is two
    FAILED  b      reproduced         3  2.1 [2, 2.2]          it is three
    <BLANKLINE>
    FAILED b: it is three
           expected 3, measured 2.1 [2, 2.2]
    1 of 2 claims FAILED
    """
    failed = [claim for claim in claims if not claim.stands]
    number, outcome = (len(failed), "FAILED") if failed else (len(claims), "stand")
    count = f"{number} of {len(claims)} claims {outcome}"
    return "\n".join([_table(claims, width), "", *(_explanation(claim, width) for claim in failed), count])


def _scalar(name: str, value: object) -> float:
    """Return a single number, which here may be NaN."""
    array = real(name, value, "a number")
    if array.ndim:
        raise TypeError(f"{name} must be a number; got {value!r}")
    return float(array)


def expected_text(claim: Claim, digits: int) -> str:
    """Return what a claim expects, with its tolerance if it has one: ``2 ±0.5``."""
    return f"{claim.expected:.{digits}g}" + (f" ±{claim.tolerance:.{digits}g}" if claim.tolerance else "")


def measured_text(claim: Claim, digits: int) -> str:
    """Return what a claim measured, with its interval if it has one: ``2.1 [2, 2.2]``."""
    measured, low, high = (f"{number:.{digits}g}" for number in (claim.measured, claim.low, claim.high))
    exact = claim.low == claim.measured == claim.high
    return measured if exact else f"{measured} [{low}, {high}]"


def _cells(claim: Claim) -> tuple[str, ...]:
    mark = "ok" if claim.stands else "FAILED"
    return mark, claim.id, claim.verdict, expected_text(claim, _DIGITS), measured_text(claim, _DIGITS)


def _table(claims: Sequence[Claim], width: int) -> str:
    rows = [("", "claim", "verdict", "expected", "measured [low, high]"), *map(_cells, claims)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = max(width - sum(widths) - 2 * len(widths), _SHORTEST_STATEMENT)
    statements = ["statement", *(textwrap.shorten(c.statement, room, placeholder=" …") for c in claims)]
    return "\n".join(f"{_aligned(row, widths)}  {end}" for row, end in zip(rows, statements, strict=True))


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    mark, name, verdict, expected, measured = map(str.ljust, row, widths)
    return "  ".join((mark, name, verdict, expected.strip().rjust(widths[3]), measured))


def _explanation(claim: Claim, width: int) -> str:
    statement = textwrap.fill(f"FAILED {claim.id}: {claim.statement}", width, subsequent_indent=" " * 7)
    numbers = f"expected {expected_text(claim, _ALL_DIGITS)}, measured {measured_text(claim, _ALL_DIGITS)}"
    return f"{statement}\n       {numbers}"

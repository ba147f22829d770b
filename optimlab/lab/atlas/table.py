"""The atlas as a table: read from ``docs/atlas.md``, written there, and compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_UP, Context
from itertools import permutations
from pathlib import Path
from typing import Final, NamedTuple

from optimlab.lab.atlas.lockstep import RUNS, STEPS, worst
from optimlab.lab.atlas.pairs import Pair
from optimlab.optimizer import Optimizer
from optimlab.schedules.schedule import Schedule

__all__ = ["Row", "changes", "expression", "figure", "markdown", "measured", "read", "row"]

_HEAD: Final = """# Atlas: other systems' rules as expressions

Each line is a function of `optimlab.conventions`, what it makes of its defaults, and how far it comes from the
released rule: the largest difference of a parameter in {steps} steps, relative to the longest way that the leaf has
come from its start, over {runs} runs, the first with the defaults, the others with random hyperparameters, each over
three shapes and gradients of scales from 1/8 to 4. Of schedules the first {steps} numbers are compared, in float64. The
bar is 1e-11 in float64 and 1e-5 in float32, unless a reason is given.
`python -m optimlab atlas` measures it again against what is installed, `--write` writes this file.

| system | name | expression | float64 | float32 | version |
| --- | --- | --- | --- | --- | --- |
"""


class Row(NamedTuple):
    """A line of the table, as text."""

    system: str
    name: str
    expression: str
    float64: str
    float32: str
    version: str

    @property
    def key(self) -> tuple[str, str]:
        """What the line is about."""
        return self.system, self.name


def expression(made: Optimizer | Schedule) -> str:
    """Return the schedule, or the rule and what else makes the convention: hooks, average.

    Examples
    --------
    >>> from optimlab import ClipNorm, sgd
    >>> expression(Optimizer(sgd(), 0.1, hooks=[ClipNorm(1.0)]))
    'Gradient(); hooks=(ClipNorm(max_norm=1.0),)'
    """
    if isinstance(made, Schedule):
        return repr(made)
    held = {"hooks": made.hooks, "average": made.average}
    return "; ".join([repr(made.rule), *[f"{name}={value!r}" for name, value in held.items() if value]])


def row(pair: Pair) -> Row:
    """Return the line of a pair that is not measured."""
    name = str(pair).partition(".")[2]
    bar = f"{pair.bar:.0e}" if pair.bar > 1e-11 else f"float32 {pair.single:.0e}"
    name = f"{name}: {bar}, {pair.because}" if pair.because else name
    return Row(pair.system, name, expression(pair.convention(**pair.options(0))), "", "", "")


def measured(pair: Pair) -> Row:
    """Return the line of a pair whose system is installed."""
    figures = {dtype: figure(worst(pair, dtype=dtype)) for dtype in pair.dtypes}
    return row(pair)._replace(**figures, version=pair.other.version or "")


def figure(difference: float) -> str:
    """Return one digit of a difference, rounded up: what stands in the table is a bound.

    Examples
    --------
    >>> figure(1.01e-5), figure(9.8e-6), figure(0.0)
    ('2e-05', '1e-05', '0e+00')
    """
    rounded = Context(prec=1, rounding=ROUND_UP).create_decimal(difference)
    return f"{float(rounded):.0e}"


def markdown(rows: Iterable[Row]) -> str:
    """Return the whole page."""
    lines = (" | ".join(cell.replace("|", r"\|") for cell in _cells(each)) for each in rows)
    return _HEAD.format(steps=STEPS, runs=RUNS) + "".join(f"| {line} |\n" for line in lines)


def _cells(each: Row) -> Sequence[str]:
    return each._replace(expression=f"`{each.expression}`")


def read(page: Path) -> dict[tuple[str, str], Row]:
    """Return the lines of the page by what they are about; none if there is no page."""
    text = page.read_text(encoding="utf-8").partition("| --- |")[2] if page.exists() else ""
    cells = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in text.splitlines()[1:]]
    rows = [Row(*[cell.replace(r"\|", "|").strip("`") for cell in line]) for line in cells]
    return {each.key: each for each in rows}


def changes(old: Row | None, new: Row) -> list[str]:
    """Return what is different, in words; a figure has changed where it is more than ten times another.

    Examples
    --------
    >>> row = Row("torch", "SGD", "Gradient()", "1e-16", "1e-07", "2.13.0")
    >>> changes(row, row._replace(float64="3e-12"))
    ['float64 1e-16 → 3e-12']
    """
    if old is None:
        return ["new"]
    words = [name for name in ("expression", "version") if getattr(old, name) != getattr(new, name)]
    figures = [name for name in ("float64", "float32") if _far(getattr(old, name), getattr(new, name))]
    return [f"{name} {getattr(old, name)} → {getattr(new, name)}" for name in [*words, *figures]]


def _far(old: str, new: str) -> bool:
    """Whether one is more than ten times the other, both at least a rounding error; nothing is far from everything."""
    if not (old and new):
        return old != new
    floors = [max(float(figure), 1e-15) for figure in (old, new)]
    return not all(a <= 10.0 * b for a, b in permutations(floors))

"""The EMA in pieces: a long series cut along its rows, one piece after another or all at once, as a whole.

``recipe.results(piece, carry)`` is ``ema`` of a piece after all that ``carry`` says of the rows before it. Fed one
after another, pieces are a stream. For work in parallel, ``recipe.summary(piece)`` says what a piece alone amounts to,
and summaries ``merge``, in any tree, into the carry of each piece: the rows are read twice.

A summary is more than the state of the piece alone, for what its first values weigh depends on what was before: a start
other than the debiased leaves the past the mass of one row after each value, start="sma" counts values, spacing="time"
asks how long ago the last one was. So the first values of each column (none, 1 or ``warmup``), its *heads*, stay as
they are, each with the fade of the rows since the one before. The rows after them, the *tail*, are one sample, found by
a pass in which heads have no weight, and what they leave of the past, ``left``: Πq for the debiased start, else the
mean of a series that is 1 at the heads and 0 after them. A merge lets heads step, then joins the tail (``merging``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.checks import choice, truth, whole
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.step import LEAST
from optimlab.series.ema import CORRELATION, MEAN, SUM, Task, moment_of
from optimlab.series.merging import Carried, Rules, blank, grown, in_units, merged
from optimlab.series.options import (
    NAMES,
    Plan,
    of_gain,
    one_decay,
    plan,
    rate_of,
)
from optimlab.series.pieces import Rows, warm_up
from optimlab.series.times import Clock, is_timedelta
from optimlab.typing import Array, Floats

__all__ = ["Piece", "Recipe"]

_UNIT = np.ones(1)
TINY = 1e-140  # what one gap leaves at least of a weight, so that the ratios of what is left stay


@dataclass(frozen=True, eq=False)
class Piece:
    """The rows of a piece of a series, and what belongs to each of them.

    Parameters
    ----------
    x, y : array_like of real number, shape (rows,) or (rows, columns)
        Values; ``y`` for a covariance or a correlation.
    weights : array_like, shape (rows,) or as x
        Weights of the values.
    times, by : array_like, shape (rows,)
        Times of the rows; labels of their groups.
    beta : array_like, shape (rows,)
        Decay of each row, if it is not one for all.
    """

    x: ArrayLike
    y: ArrayLike | None = None
    weights: ArrayLike | None = None
    times: Any = None
    by: Any = None
    beta: ArrayLike | None = None


@dataclass(frozen=True)
class Recipe:
    """What is asked of a series that comes in pieces: everything but its rows.

    Parameters
    ----------
    task : {"mean", "sum", "var", "std", "cov", "corr"}
        The function: ``ema``, ``ema_sum``, ...
    beta : float in [0, 1), Decay or gain, optional
        Decay, as in ``ema``; None if it is another option or comes with each piece.
    options : mapping of str to object
        Options of ``ema`` but those that are arrays of the rows, which a ``Piece`` has, and ``axis`` and ``betas``.
    bias : bool
        Of a second moment, as in ``ema_var``.
    of : {"values", "counts", "weights"}
        Of a sum, as in ``ema_sum``.

    Raises
    ------
    ValueError, TypeError
        As ``ema``.

    Examples
    --------
    >>> recipe = Recipe("mean", 0.9)
    >>> parts = Piece([1.0, 2.0]), Piece([3.0])
    >>> carry = recipe.summary(parts[0])  # in parallel, then
    >>> recipe.results(parts[1], carry)[0].round(6)
    array([2.070111])
    """

    task: str
    beta: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    bias: bool = False
    of: str = "values"

    def __post_init__(self) -> None:
        choice("task", self.task, tuple(_SERIES))
        choice("of", self.of, ("values", "counts", "weights"))
        truth("bias", self.bias)
        given = dict(self.options)
        for name in ("weights", "times", "by", "out", "betas", "axis"):
            if given.pop(name, None) is not None:
                own = "belongs to the rows: give it to Piece" if name in ("weights", "times", "by") else "is for ema"
                raise ValueError(f"{name} must not be among the options of a recipe; it {own}")
        if self.task == "sum" and (given.get("start", "debiased"), given.get("spacing", "event")) != (
            "debiased",
            "event",
        ):
            raise ValueError(
                "a decayed sum starts from nothing, and counts each value once; give no start and no spacing"
            )
        object.__setattr__(self, "options", given)
        if self.timed and given.get("start", "debiased") == "debiased" and given.get("min_weight"):
            raise ValueError(
                "min_weight must be 0 for pieces with spacing='time' and start='debiased', whose first weight is known "
                "only once a later row has come; give start='first'"
            )
        if self._fixed:
            times: Any = np.zeros(1, "M8[us]") if self._dated else np.zeros(1) if self.timed else None
            plan(np.zeros(1), self.beta, None, times=times, **given)

    def nothing(self) -> Carried:
        """Return the summary of no rows: ``merge`` with it changes nothing."""
        return blank(self.rules(None), 0, ())

    def merge(self, one: Carried, two: Carried) -> Carried:
        """Return what two stretches of rows, one after the other, amount to.

        Parameters
        ----------
        one, two : Carried
            Summaries of this recipe; ``one`` may be a carry, the state that ``results`` returned.

        Returns
        -------
        Carried
            A new summary, or carry.

        Raises
        ------
        ValueError
            If times decrease from one to the other, or ``two`` is a carry.

        Examples
        --------
        >>> recipe = Recipe("mean", 0.9)
        >>> both = recipe.merge(recipe.summary(Piece([1.0, 2.0])), recipe.summary(Piece([3.0])))
        >>> recipe.results(Piece([4.0]), both)[0].round(6)
        array([2.631288])
        """
        return merged(one, two, self.rules(one if two.times is None else two))

    def results(self, piece: Piece, carry: Carried | None = None) -> tuple[Array, Carried]:
        """Return the results of a piece after what came before it, and the carry at its end.

        Parameters
        ----------
        piece : Piece
            The rows.
        carry : Carried, optional
            What all rows before amount to: the merge of their summaries, or the carry that this method returned.

        Returns
        -------
        results : ndarray of the shape of x
            float32 for float32, else float64.
        carry : Carried
            The state after the piece.

        Raises
        ------
        ValueError, TypeError
            As ``ema``, and if the columns are not those of the rows before.

        Examples
        --------
        >>> recipe, carry = Recipe("sum", 0.5), None
        >>> for x in [1.0, 2.0], [3.0]:
        ...     result, carry = recipe.results(Piece(x), carry)
        >>> result
        array([4.25])
        """
        rows = Rows(self, piece)
        rules = self.rules(rows)
        state = blank(rules, len(rows.columns[0]), rows.labels, begun=True)
        if carry is not None and carry.table.size:
            _refuse_columns(carry, state)
            state = carry if carry.begun else merged(state, carry, rules)
            state = in_units(grown(state, rows.known(state.labels), rules), rows.units)
        else:
            state = in_units(state, rows.units)
        return rows.results(state)

    def summary(self, piece: Piece, before: int = 0) -> Carried:
        """Return what a piece alone amounts to, without its results.

        Parameters
        ----------
        piece : Piece
            The rows.
        before : int
            How many rows are before the piece; a gain alone asks for it.

        Returns
        -------
        Carried
            A summary, to be merged.

        Raises
        ------
        ValueError, TypeError
            As ``ema``, and if a gain meets a NaN or groups: it counts values, of which the pieces before are not known.

        Examples
        --------
        >>> Recipe("mean", 0.9).summary(Piece([1.0, 2.0])).table[0, 0, 2].round(6)
        np.float64(1.526316)
        """
        return Rows(self, piece).summary(whole("before", before, 0))

    @property
    def timed(self) -> bool:
        """Whether a value counts for the time since the one before."""
        return bool(self.options.get("spacing", "event") == "time")

    @property
    def asked(self) -> tuple[Task, int]:
        """The task in the words of ``ema``, and how many series it takes."""
        task, series = _SERIES[self.task]
        return (task if task is not None else moment_of(self.bias, self.task == "std")), series

    @property
    def _start(self) -> Any:
        said = of_gain(self.beta)
        return said[1] if said is not None else self.options.get("start", "debiased")

    def steady(self, beta: Any) -> tuple[Any, dict[str, Any]]:
        """Return the decay and the options of a plan in which nothing is counted by values."""
        options = dict(self.options)
        if options.get("start") == "sma":
            options |= {"start": "first", "warmup": None}
        return beta, options

    def rules(self, rows: Any) -> Rules:
        """Return what a merge must know; ``rows`` have times, or are a state that has."""
        what, warmup = self.asked[0][0], self.options.get("warmup")
        base = self.base
        times = None if rows is None or rows.times is None else np.ravel(rows.times)[:1]
        clock = None if times is None or not len(times) else Clock(times, 1)
        rate = rate_of(clock, self.beta, self.names) if clock is not None else 0.0
        heads = warmup or int(bool(base.floor) or self.timed)
        opening = None if base.prior is not None else base.floor > 0.0
        told = None if what is None else (False, *what)
        warm, least = None if warmup is None else warm_up(warmup, base), self.least
        return Rules(
            base.floor, base.prior, 0.0 if self._forgets else LEAST, heads, told, warm, opening,
            lambda one, two: np.maximum(np.exp(_logs(one, two, rate)), least),
            lambda one, two: -np.expm1(_logs(one, two, rate)),
        )  # fmt: skip

    @property
    def least(self) -> float:
        """What a piece leaves at least of a weight."""
        return 0.0 if self._forgets else TINY

    @property
    def _forgets(self) -> bool:
        """Whether β is 0 for rows one step apart: then even an infinite past is nothing."""
        said = of_gain(self.beta)
        if self._dated or (said is None and isinstance(self.beta, Gain)):
            return False
        return (said[0] if said is not None else one_decay(self.beta, self.names)).beta == 0.0 if self._fixed else False

    @property
    def _fixed(self) -> bool:
        return self.beta is not None or any(value is not None for value in self.names.values())

    @property
    def _dated(self) -> bool:
        return is_timedelta(self.names["halflife"]) or isinstance(self.names["halflife"], str)

    @property
    def names(self) -> dict[str, Any]:
        """The decay in its other names."""
        return {name: self.options.get(name) for name in NAMES}

    @property
    def base(self) -> Plan:
        """The plan of a row, whatever it fades by: start, gaps, and when there is a result."""
        names = dict.fromkeys(NAMES)
        if isinstance(self.beta, Gain):
            return plan(_UNIT, self.beta, **self.steady(None)[1])
        return plan(_UNIT, 0.5, **self.steady(None)[1] | names)


def _logs(one: Array, two: Array, rate: float) -> Floats:
    """Δ ln β between times; no time is no decay, also of β = 0."""
    steps = two - one
    steps = (steps.view(np.int64) if steps.dtype.kind == "m" else steps).astype(np.float64)
    return np.where(steps == 0.0, 0.0, rate * np.where(steps == 0.0, 1.0, steps))


def _refuse_columns(carry: Carried, state: Carried) -> None:
    if len(carry.table) != len(state.table):
        raise ValueError(f"x must have {len(carry.table)} columns, as the rows before; got {len(state.table)}")


_SERIES: dict[str, tuple[Task | None, int]] = {
    "mean": (MEAN, 1),
    "sum": (SUM, 1),
    "var": (None, 1),
    "std": (None, 1),
    "cov": (None, 2),
    "corr": (CORRELATION, 2),
}

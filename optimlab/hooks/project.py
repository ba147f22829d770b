"""Projection on convex sets: box, ball, simplex."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, final

import numpy as np

from optimlab.checks import ANY, NOT_NEGATIVE, POSITIVE, Hyperparameter, Range, check_fields, per_replica
from optimlab.finite import norm
from optimlab.settings import Checked
from optimlab.trees import patterns
from optimlab.typing import Array, Floats

if TYPE_CHECKING:
    from optimlab.step import Step

__all__ = ["Ball", "Box", "ConvexSet", "Project", "Simplex"]


def _convex(onto: Any) -> ConvexSet:
    if isinstance(onto, type) or not callable(getattr(onto, "nearest", None)):
        raise TypeError(f"onto must be a set with nearest(rows), such as Box(-1.0, 1.0); got {onto!r}")
    return onto  # type: ignore[no-any-return]


@final
@dataclass(eq=False)
class Project(Checked):
    """w ← the point of a set that is nearest to w, after each step and for each leaf by itself.

    The optimizer's average is that of the projected weights.

    Parameters
    ----------
    onto : Box, Ball, Simplex or another object with ``nearest(rows)``
        The set; a leaf is a point of it as one vector, with replicas each replica's part.
    only : str or sequence of str, optional
        Names of the leaves that are projected, with ``*`` for any letters; default all.

    Examples
    --------
    >>> from optimlab import Box, Optimizer, Project, sgd
    >>> w = np.array([0.5, -0.5])
    >>> _ = Optimizer(sgd(), lr=1.0, hooks=[Project(Box(-1.0, 1.0))]).step(w, np.array([-3.0, 0.25]))
    >>> w
    array([ 1.  , -0.75])
    """

    onto: ConvexSet
    only: str | Sequence[str] | None = None
    whole_leaves: ClassVar[bool] = True
    moves_weights: ClassVar[bool] = True
    checks: ClassVar[dict[str, Any]] = {"onto": _convex, "only": patterns}

    def before(self, step: Step) -> None:
        """See that leaves without numbers are points of the set, before anything moves."""
        for name, w, meant in zip(step.names, step.params, step.chosen(self.only), strict=True):
            if meant and not w.size and not step.idle:
                try:
                    self.onto.nearest(w.reshape(1, 0))
                except Exception as error:
                    remedy = "leave it out with only="
                    raise ValueError(f"parameter {name!r} is empty, and no point of {self.onto!r}; {remedy}") from error

    def after(self, step: Step) -> None:
        """Project the leaves of the replicas that have moved."""
        count = 1 if step.replicas is None else step.replicas
        for w, meant in zip(step.params, step.chosen(self.only), strict=True):
            if meant:
                nearest = self.onto.nearest(w.reshape(count, -1))
                np.copyto(w, nearest.reshape(w.shape), where=step.spread(step.live, w))


class ConvexSet(Protocol):
    """What ``Project`` needs: the point of the set that is nearest to each row."""

    def nearest(self, rows: Array) -> Array:
        """Return the nearest points, shape and dtype as rows, (S, n); points of the set as they are."""


@final
@dataclass(frozen=True, repr=False)
class Box:
    """{x : low ≤ xᵢ ≤ high}.

    Parameters
    ----------
    low, high : float or sequence of float, shape (S,)
        The limits; by default there is none: ``Box(low=0.0)`` are the non-negative numbers.

    Examples
    --------
    >>> from optimlab import Box
    >>> Box(-1.0, 1.0).nearest(np.array([[-3.0, 0.5, 2.0]]))
    array([[-1. ,  0.5,  1. ]])
    """

    low: Hyperparameter = -math.inf
    high: Hyperparameter = math.inf
    ranges: ClassVar[dict[str, Range]] = {"low": ANY, "high": ANY}

    def __post_init__(self) -> None:
        check_fields(self, per_replica)  # no schedules: a set stays the same
        if not np.all(np.asarray(self.low) <= np.asarray(self.high)):
            raise ValueError(f"low must be at most high; got low={self.low!r}, high={self.high!r}")

    def nearest(self, rows: Array) -> Array:
        """min(max(x, low), high)."""
        return np.clip(rows, _column(self.low, rows), _column(self.high, rows))

    def __repr__(self) -> str:
        words = [f"{name}={held!r}" for name, held in vars(self).items() if held not in (-math.inf, math.inf)]
        return f"Box({', '.join(words)})"


@final
@dataclass(frozen=True)
class Ball:
    """{x : ‖x‖ ≤ radius}, the Euclidean norm of a leaf.

    Parameters
    ----------
    radius : float, at least 0, or sequence of float, shape (S,)
        Radius.

    Examples
    --------
    >>> from optimlab import Ball
    >>> Ball(1.0).nearest(np.array([[3.0, 4.0], [0.1, 0.0]]))
    array([[0.6, 0.8],
           [0.1, 0. ]])
    """

    radius: Hyperparameter
    ranges: ClassVar[dict[str, Range]] = {"radius": NOT_NEGATIVE}

    def __post_init__(self) -> None:
        check_fields(self, per_replica)

    def nearest(self, rows: Array) -> Array:
        """x · min(1, radius/‖x‖)."""
        radius = np.asarray(self.radius)
        norms = norm([rows], len(rows))
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(norms > radius, radius / norms, 1.0)
        result: Array = rows * _column(factor, rows)
        return result


@final
@dataclass(frozen=True)
class Simplex:
    """{x : xᵢ ≥ 0, Σxᵢ = total}: probabilities, if total is 1.

    Parameters
    ----------
    total : float, greater than 0, or sequence of float, shape (S,)
        Σxᵢ.

    Source
    ------
    Held, Wolfe & Crowder 1974; Duchi et al. 2008, figure 1.

    Examples
    --------
    >>> from optimlab import Simplex
    >>> Simplex().nearest(np.array([[1.0, 0.5, -1.0]]))
    array([[0.75, 0.25, 0.  ]])
    """

    total: Hyperparameter = 1.0
    ranges: ClassVar[dict[str, Range]] = {"total": POSITIVE}

    def __post_init__(self) -> None:
        check_fields(self, per_replica)

    def nearest(self, rows: Array) -> Array:
        """max(x - θ, 0), θ such that the sum is the total."""
        x = rows.astype(np.float64)
        total = np.asarray(self.total, np.float64).reshape(-1, 1)
        descending = -np.sort(-x, axis=1)
        theta = (np.cumsum(descending, axis=1) - total) / np.arange(1, x.shape[1] + 1)
        last = np.count_nonzero(descending > theta, axis=1)[:, np.newaxis] - 1
        projected = np.maximum(x - np.take_along_axis(theta, last, axis=1), 0.0)
        inside = (x >= 0.0).all(axis=1, keepdims=True) & (
            np.abs(x.sum(axis=1, keepdims=True) - total) <= _near(rows, total)
        )
        return np.where(inside, rows, projected.astype(rows.dtype))


def _column(numbers: Any, rows: Array) -> Array:
    return np.asarray(numbers, rows.dtype).reshape(-1, 1)


def _near(rows: Array, total: Floats) -> Floats:
    """Return the rounding of a sum of a row: points within it are of the set."""
    return total * float(np.finfo(rows.dtype).eps) * math.sqrt(rows.shape[1])

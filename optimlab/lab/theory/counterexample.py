"""Why Adam can drift uphill: the losses of Reddi, Kale & Kumar, fₜ(x) = C x once in three steps, otherwise -x.

The gradients of a period sum to C - 2 > 0, so on [-1, 1] the best point is x = -1. With a short memory β of squares the
large gradient raises its own divisor √v, while v has forgotten it when the two small ones come: they win. Adam has
β₁ = 0 here and β₂ = ``beta``; once v repeats itself it is v₁ after the large gradient, v₂ and v₃ after the small ones.
``lr`` is the learning rate of the first step, falling as lr/√t, and T = ``steps``.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from optimlab.checks import Range, numbers
from optimlab.lab.theory.domain import Decays, Finite, Ordinals, Positive, formula

__all__ = ["adam_drift", "adam_regret", "amsgrad_distance", "amsgrad_drift", "amsgrad_regret", "crossing_steps"]

Large = Annotated[Any, Range("greater than 2 and finite")]


@formula
def adam_drift(C: Large, beta: Decays) -> Any:
    """1/√v₂ + 1/√v₃ - C/√v₁: how far Adam moves in a period, in units of the learning rate.

    Where it is positive, Adam goes to x = +1, the worst point. v₁ = (1-β)(C² + β + β²)/(1-β³),
    v₂ = (1-β)(1 + βC² + β²)/(1-β³), v₃ = (1-β)(1 + β + β²C²)/(1-β³).

    Source
    ------
    Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", theorem 1: the fixed point of its recursion.

    Examples
    --------
    >>> adam_drift(3.0, [0.1, 0.999]).round(4)
    array([ 0.6809, -0.5215])
    """
    down, first, second = _moves(C, beta)
    return first + second - down


@formula
def amsgrad_drift(C: Large, beta: Decays) -> Any:
    """-(C - 2)/√v₁: the drift with the largest v so far as the divisor, the same for all three gradients.

    It is always negative.

    Source
    ------
    Reddi et al. 2018, algorithm 2 (AMSGrad), which has no bias correction; the largest v is v₁ of ``adam_drift``.

    Examples
    --------
    >>> print(f"{amsgrad_drift(3.0, 0.1):.4f}")
    -0.3491
    """
    return -(C - 2.0) / np.sqrt(_squares(C, beta)[0])


@formula
def crossing_steps(drift: Finite, lr: Positive) -> Any:
    """(3 / (2 lr |drift|))²: steps that it takes to cross a distance of 1.

    For a small lr: the steps of one period, which are not yet equal at small t, must not matter.

    Source
    ------
    Σ lr/√t over t ≤ T is 2 lr √T, a third of it for each gradient of the period.

    Examples
    --------
    >>> print(f"{crossing_steps(adam_drift(3.0, 0.1), 0.5):.1f}")
    19.4
    """
    if not drift.all():
        raise ValueError(f"drift must be a finite number other than 0; got {drift}")
    return (1.5 / (lr * np.abs(drift))) ** 2


@formula
def adam_regret(steps: Ordinals, lr: Positive, *, C: Large, beta: Decays) -> Any:
    """2(C-2)/3 + (2 lr/(3√T)) (d + max(d - u, 0)), d = C/√v₁, u = 1/√v₂: Adam's average regret once it is at +1.

    Staying at x = +1 costs 2(C-2)/3 a step. The way there, for which `adam_drift` must be positive, adds a term of the
    order of 1/T.

    Source
    ------
    Each period the large gradient throws x down by d lr/√t; the losses at the two points on the way back, summed.

    Examples
    --------
    >>> print(f"{adam_regret(300_000, 0.5, C=3.0, beta=0.1):.5f}")
    0.66748
    """
    down, first, second = _moves(C, beta)
    numbers("beta", first + second - down, Range("such that adam_drift is greater than 0"))
    return 2.0 * (C - 2.0) / 3.0 + _mean_rate(steps, lr) * (down + np.maximum(down - first, 0.0))


@formula
def amsgrad_distance(steps: Ordinals, lr: Positive, *, C: Large, beta: Decays) -> Any:
    """2 lr/√(T v₁): how far from the best point x = -1 AMSGrad is after T steps, at the end of a period.

    T is a multiple of 3, well above `crossing_steps`.

    Source
    ------
    The large gradient takes x to the wall, the two small ones back by lr/√(t v₁) each.

    Examples
    --------
    >>> print(f"{amsgrad_distance(300_000, 0.5, C=3.0, beta=0.1) - 1:.5f}")
    -0.99936
    """
    return 2.0 * lr / np.sqrt(steps * _squares(C, beta)[0])


@formula
def amsgrad_regret(steps: Ordinals, lr: Positive, *, C: Large, beta: Decays) -> Any:
    """(2 lr/(3√T)) (2C - 1)/√v₁: AMSGrad's average regret once it is at the best point; it goes to 0.

    The way there adds a term of the order of 1/T.

    Source
    ------
    With a = lr/√(t v₁), x + 1 is 2a, 0 and a when the losses C x, -x and -x come.

    Examples
    --------
    >>> print(f"{amsgrad_regret(300_000, 0.5, C=3.0, beta=0.1):.5f}")
    0.00106
    """
    return _mean_rate(steps, lr) * (2.0 * C - 1.0) / np.sqrt(_squares(C, beta)[0])


def _squares(C: Any, beta: Any) -> tuple[Any, Any, Any]:
    """Return v₁, v₂ and v₃."""
    sums = (C * C + beta + beta * beta, 1.0 + beta * C * C + beta * beta, 1.0 + beta + beta * beta * C * C)
    first, second, third = (total / (1.0 + beta + beta * beta) for total in sums)
    return first, second, third


def _moves(C: Any, beta: Any) -> tuple[Any, Any, Any]:
    """Return C/√v₁, 1/√v₂ and 1/√v₃."""
    first, second, third = map(np.sqrt, _squares(C, beta))
    return C / first, 1.0 / second, 1.0 / third


def _mean_rate(steps: Any, lr: Any) -> Any:
    """Return the mean over T steps of lr/√t, counted once in each period of 3."""
    return 2.0 * lr / (3.0 * np.sqrt(steps))

"""How long the monkey saddle, f = x³ - 3xy², holds gradient descent: its Hessian is 0, so the saddle is not strict."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from optimlab.lab.theory.domain import distances, overflowing, positive

__all__ = ["monkey_escape", "monkey_flow_time"]


@overflowing
def monkey_escape(eps: ArrayLike, lr: ArrayLike) -> Any:
    """(1/eps - 1)/(3 lr) + ln(1/eps): steps of gradient descent from (-eps, 0), to first order in lr.

    Parameters
    ----------
    eps : array_like of float, in (0, 1]
        Distance of the start (-eps, 0).
    lr : array_like of float, greater than 0, small
        Learning rate.

    Returns
    -------
    float or ndarray
        The steps.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.

    Source
    ------
    u = -x follows 1/uₖ₊₁ = 1/uₖ - 3 lr + 9 lr² uₖ - ..., and Σ 3 lr uₖ → ln(1/eps).

    Examples
    --------
    >>> monkey_escape([0.1, 0.01, 0.001], 0.01).round(1)
    array([  302.3,  3304.6, 33306.9])
    """
    return monkey_flow_time(eps) / positive("lr", lr) + np.log(1.0 / distances(eps))


@overflowing
def monkey_flow_time(eps: ArrayLike) -> Any:
    """(1/eps - 1)/3: time of the flow ẋ = -3x² from -eps to -1, on f = x³ - 3xy².

    Parameters
    ----------
    eps : array_like of float, in (0, 1]
        Distance of the start (-eps, 0).

    Returns
    -------
    float or ndarray
        The time; divided by lr, the steps of gradient descent with a small lr.

    Raises
    ------
    ValueError, TypeError
        If eps is outside its range.

    Source
    ------
    ẋ = -∂f/∂x at y = 0, separated. The Hessian at the origin is 0: the saddle is not strict, and 1/eps is in the place
    of ln(1/eps).

    Examples
    --------
    >>> monkey_flow_time([0.1, 0.01, 0.001])
    array([  3.,  33., 333.])
    """
    return (1.0 / distances(eps) - 1.0) / 3.0

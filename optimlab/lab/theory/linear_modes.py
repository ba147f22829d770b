"""One mode of any linear rule: SGD and each form of momentum by one formula."""

from __future__ import annotations

from numpy.typing import ArrayLike

from optimlab.lab.theory.linear_rules import LinearRule
from optimlab.lab.theory.modes import Mode

__all__ = ["linear_mode"]


def linear_mode(rule: LinearRule, lr_h: ArrayLike) -> Mode:
    """wₜ₊₁ = [1 + β - lr h (a+b)] wₜ - β (1 - lr h b) wₜ₋₁ from w₁ = [1 - lr h (a+b)] w₀.

    Parameters
    ----------
    rule : LinearRule
        v ← β v + g, w ← w - lr (a v + b g); its ``trace`` is a, its ``gradient`` b.
    lr_h : array_like of float, finite
        Learning rate times curvature; below 0 at a saddle.

    Source
    ------
    Two steps of the rule, from which v is eliminated; ``heavy_ball_mode``, ``ema_momentum_mode`` and ``nesterov_mode``
    are cases.

    Examples
    --------
    >>> linear_mode(LinearRule(0.9, trace=0.9, gradient=1.0), 0.19).radius.round(6)  # Nesterov's
    np.float64(0.853815)
    """
    whole = (rule.trace + rule.gradient) * lr_h
    return Mode(1.0 + rule.beta - whole, rule.beta * (1.0 - rule.gradient * lr_h), 1.0 - whole)

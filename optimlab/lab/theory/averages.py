"""Averages of SGD's iterates on the noisy quadratic, whatever their weights; and whether to merge or to decay.

Both ways end a run of SGD at a constant learning rate: over k updates more the rate falls to 0 in a straight line, or
it stays and the k iterates are merged, their plain mean taken. x = lr h k is the number of time constants of a mode of
curvature h in that window, and ``excess`` is E w² at its start in units of the stationary one. Forms in x are the limit
of small lr h, where both ways depend on x and on the excess alone.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from optimlab.checks import Range
from optimlab.lab.theory.domain import Finite, NotNegative, Positive, formula
from optimlab.typing import Floats

__all__ = ["averaged_square", "merge_crossover", "merge_over_decay"]

Windows = Annotated[Any, Range("at least 0.01 and finite")]


@formula
def averaged_square(
    weights: Finite, rates: NotNegative, curvature: Positive, *, noise: NotNegative = 1.0, start: NotNegative = 1.0
) -> Any:
    """E (Σ ωᵢ wᵢ)² = (1-lr₁h)² u₁² E w₀² + noise Σ lrᵢ² uᵢ², uᵢ = ωᵢ + (1-lrᵢ₊₁h) uᵢ₊₁: any mean of SGD's iterates.

    uᵢ is what the mean keeps of update i. ``weights`` ω, of shape (K, ...), has a weight for each update, such as
    ``gain.weights(K)``, ``rates`` its learning rate; ``start`` is E w₀². The last iterate has the weights 0, ..., 0, 1.

    Source
    ------
    wᵢ = (1-lrᵢh) wᵢ₋₁ - lrᵢ eᵢ, summed backwards; for an EMA Zhang et al. 2019.

    Examples
    --------
    >>> from optimlab import ConstantGain, UniformGain
    >>> last, mean = (gain.weights(100) for gain in (ConstantGain(0.0), UniformGain()))
    >>> rates, floor = np.full(100, 0.1), 0.1 / 1.9
    >>> averaged_square(last, rates, 1.0, start=floor).round(6), averaged_square(mean, rates, 1.0, start=floor).round(6)
    (np.float64(0.052632), np.float64(0.009053))
    """
    if rates.ndim == 0 or weights.shape[:1] != rates.shape[:1]:
        shapes = f"{weights.shape} and {rates.shape}"
        raise ValueError(f"weights must be as many as rates, one of each for every update; got shapes {shapes}")
    kept: Any = 0.0
    total: Any = 0.0
    for weight, lr, later in zip(weights[::-1], rates[::-1], [0.0 * rates[-1], *rates[:0:-1]], strict=True):
        kept = weight + (1.0 - later * curvature) * kept
        total = total + (lr * kept) ** 2
    return ((1.0 - rates[0] * curvature) * kept) ** 2 * start + noise * total


@formula
def merge_over_decay(x: Windows, excess: NotNegative = 1.0) -> Any:
    """(s a² + M) / (s e⁻ˣ + D): E w² of the merged iterates over that after a linear decay, from s = ``excess``.

    a = (1-e⁻ˣ)/x and e^(-x/2) are what is left of the start, M = (x - 2(1-e⁻ˣ) + (1-e⁻²ˣ)/2) 2/x² and
    D = √(π/x)/2 erf √x - e⁻ˣ is the noise of the window. From the floor, s = 1, merging wins: 4/√(πx) for large x.

    Source
    ------
    Tian et al. 2025, "WSM" (2507.17634), set merging equal to decaying, which holds for gradients that do not depend on
    the weights. Here both are solved on a quadratic: w is an Ornstein-Uhlenbeck process.

    Examples
    --------
    >>> merge_over_decay([2.0, 10.0, 50.0]).round(3), merge_over_decay(10.0, 100.0).round(2)
    (array([0.949, 0.642, 0.313]), np.float64(4.11))
    """
    merged, decayed = _noises(x)
    return (excess * _left(x) ** 2 + merged) / (excess * np.exp(-x) + decayed)


@formula
def merge_crossover(x: Windows) -> Any:
    """s* = (D - M)/(a² - e⁻ˣ): the excess above which a linear decay ends lower than the merge; see `merge_over_decay`.

    It is 6/5 for a short window and grows as √π/2 x^1.5: merging wins for all modes but those that are still far above
    their floor, as slow ones are, whose mean lags behind.

    Source
    ------
    ``merge_over_decay`` solved for 1.

    Examples
    --------
    >>> merge_crossover([0.01, 2.0, 10.0, 50.0]).round(2)
    array([  1.2 ,   1.59,  11.07, 216.33])
    """
    merged, decayed = _noises(x)
    return (decayed - merged) / (_left(x) ** 2 - np.exp(-x))


def _left(x: Floats) -> Floats:
    return np.asarray(-np.expm1(-x) / x)


def _noises(x: Floats) -> tuple[Floats, Floats]:
    """M and D, in units of the stationary variance."""
    merged = 2.0 * (x + 2.0 * np.expm1(-x) - 0.5 * np.expm1(-2.0 * x)) / x**2
    error = np.vectorize(math.erf, otypes=[float])(np.sqrt(x))
    return merged, 0.5 * np.sqrt(np.pi / x) * error - np.exp(-x)

"""How likely noise alone shows a difference as large as that of two contestants, who may have tried often.

The hypothesis: for each seed, a loss of the one and a loss of the other might as well be swapped. It holds wherever the
two are equal in law, and where their losses are symmetric about one centre, whatever their spreads.

The winner pays for its attempts, and must beat each attempt of the other that is known: who reports the best of K alone
has K chances (what was picked to lose, no correction mends). If the number of seeds was settled beforehand, the chance
is that of signed ranks under flips of signs, all attempts of a seed flipped together. If seeds were added until the
difference passed, it is one over the most that a gambler has made of the hypothesis, who stakes a share of his money on
each sign: however often one looks, he makes 1/α of fair coins with a chance of at most α.

Power at 0.05, measured on 1000 contests of normal differences, for a mean of 0.5 | 1 standard deviations:

====== =============== ================ ==================== ===============
seeds  settled, K = 1  settled, K = 5   stopped, K = 1       stopped, K = 5
====== =============== ================ ==================== ===============
10     0.26 | 0.77     0.09 | 0.41      0.07 | 0.34          0.00 | 0.01
20     0.55 | 0.99     0.32 | 0.91      0.29 | 0.88          0.10 | 0.65
40     0.85 | 1.00     0.66 | 1.00      0.59 | 1.00          0.38 | 1.00
====== =============== ================ ==================== ===============

With all five attempts in the file, each of them better by as much, settled: 0.30 | 0.87, 0.68 | 1.00, 0.95 | 1.00.

What all of them share is said here.

Parameters
----------
differences : ndarray of float64
    Loss of the second minus loss of the first, shape (..., n, a, b) for n seeds, a attempts of the first, b of the
    second; 0 where one of them is not there or both diverged, inf or -inf where one diverged.
attempts : pair of int
    How many attempts each had, known or not; at least a and b.

Source
------
J. P. Romano and M. Wolf, Exact and approximate stepdown methods for multiple hypothesis testing, JASA 100 (2005);
J. Ville, Étude critique de la notion de collectif (1939); G. Shafer, Testing by betting, JRSS A 184 (2021);
G. E. Noether, Sample size determination for some common nonparametric tests, JASA 82 (1987).
"""

from __future__ import annotations

from itertools import product
from math import ceil, log2
from typing import Any

import numpy as np

from optimlab.checks import POSITIVE, Range, generator, number, whole
from optimlab.extras import needed
from optimlab.typing import Floats, Rng

__all__ = ["flips", "seeds_needed", "settled_chance", "stopped_chances"]

_ALL = 14  # signs of so many seeds are flipped in all ways
_DRAWN = (2000, 20_000)  # ways at least and at most of flipping more
_NUMBERS = 4_000_000  # that they take together, between these
_SHIFTS = (0.3, 0.5, 0.8, 1.3, 2.0)
_LEVEL = Range("in (0, 1)")


def flips(n: int, rng: Rng = None) -> Floats:
    """Return signs for n seeds, shape (ways, n): all 2ⁿ ways up to n = 14, else no flip and 19 999 drawn ones.

    For more than 200 seeds fewer are drawn, 2000 at least.

    Examples
    --------
    >>> flips(2).tolist()
    [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
    """
    seeds, seed = whole("n", n, 1), generator(rng)
    if seeds <= _ALL:
        return np.array(list(product([1.0, -1.0], repeat=seeds)))
    ways = int(np.clip(_NUMBERS // seeds, *_DRAWN))
    signs: Floats = np.where(seed.integers(2, size=(ways, seeds)) == 1, 1.0, -1.0)
    signs[0] = 1.0
    return signs


def settled_chance(differences: Floats, attempts: tuple[int, int], signs: Floats) -> Any:
    """Return the chance, two-sided, where the number of seeds was settled beforehand; `signs` are of `flips`.

    For one attempt each it is Wilcoxon's signed-rank test, exactly as SciPy computes it.

    Examples
    --------
    >>> d = np.array([3.0, 1.0, 2.0, 5.0, 4.0]).reshape(5, 1, 1)
    >>> float(settled_chance(d, (1, 1), flips(5))), float(settled_chance(d, (4, 1), flips(5)))
    (0.0625, 0.25)
    """
    ranks = _signed_ranks(differences)
    first = _beats(ranks, signs) * (attempts[0] / ranks.shape[-2])
    second = _beats(-np.swapaxes(ranks, -1, -2), signs) * (attempts[1] / ranks.shape[-1])
    return np.minimum(1.0, 2.0 * np.minimum(first, second))


def stopped_chances(differences: Floats, attempts: tuple[int, int]) -> Floats:
    """Return the chance after each seed, two-sided, shape (..., n), however often one looked and whenever one stopped.

    Examples
    --------
    >>> d = np.ones((9, 1, 1))
    >>> stopped_chances(d, (1, 1)).round(3)[[0, 4, 8]].tolist()
    [1.0, 0.194, 0.022]
    """
    first = _most(differences) * (differences.shape[-2] / attempts[0])
    second = _most(-np.swapaxes(differences, -1, -2)) * (differences.shape[-1] / attempts[1])
    return np.asarray(2.0 / np.maximum(np.maximum(first, second), 2.0))


def seeds_needed(differences: Floats, shift: float, attempts: int, *, power: float = 0.8, level: float = 0.05) -> float:
    """Return how many seeds show a difference: (z_{1-α} + z_power)² / 3 (p - ½)², α = level / 2 K.

    p is the chance that two differences that scatter about `shift` add up to more than 0; how they scatter is taken
    from those that were measured, and their mirror images.

    Parameters
    ----------
    differences : ndarray of float64
        Those that were measured, shape (n,).
    shift : float
        The difference that is to be shown, greater than 0.
    attempts : int
        K of the winner.
    power, level : float
        How likely it is to be shown, and the chance of noise at which it counts as shown; in (0, 1).

    Returns
    -------
    float
        A whole number; inf where no number of seeds is enough.

    Examples
    --------
    >>> seeds_needed(np.random.default_rng(0).normal(size=50), 1.0, 1)
    14.0
    """
    needed("scipy", "lab", "seeds_needed")
    from scipy.stats import norm

    alpha = number("level", level, _LEVEL) / (2 * whole("attempts", attempts, 1))
    z = norm.isf(alpha) + norm.ppf(number("power", power, _LEVEL))
    e = differences - np.median(differences)
    with np.errstate(invalid="ignore"):  # of inf - inf, which says nothing
        pairs = np.stack([sign * e[i] + other * e[j] for i, j in [np.triu_indices(e.size, 1)]
                          for sign, other in product((1, -1), repeat=2)])  # fmt: skip
        above = float(np.mean(np.sign(np.nan_to_num(pairs) + 2 * number("shift", shift, POSITIVE)))) / 2
    if above <= 0:
        return np.inf
    return float(max(ceil(z**2 / (3 * above**2)), ceil(log2(1 / alpha))))


def _signed_ranks(differences: Floats) -> Floats:
    """Return sign(d) rank|d| among those that are not 0, so scaled over the seeds that the squares add up to 1."""
    needed("scipy", "lab", "the chance of a difference")
    from scipy.stats import rankdata

    size = np.abs(differences)
    ranks = rankdata(size, axis=-3) - np.sum(size == 0, axis=-3, keepdims=True)
    signed = np.sign(differences) * ranks
    length = np.sqrt(np.sum(signed**2, axis=-3, keepdims=True))
    return np.asarray(np.divide(signed, length, out=np.zeros_like(signed), where=length > 0))


def _beats(ranks: Floats, signs: Floats) -> Any:
    """Return the chance that the best attempt of the first beats each attempt of the second as clearly as it does."""
    chances = []
    for one in np.moveaxis(ranks, -1, 0):  # (..., n, a), against one attempt of the second
        drawn = (signs @ one).max(axis=-1)
        seen = one.sum(axis=-2).max(axis=-1)
        chances.append(np.mean(drawn >= seen[..., None] - 1e-9, axis=-1))
    return np.max(chances, axis=0)


def _most(differences: Floats) -> Any:
    """Return the most that was won so far against the worst attempt of the second, in the mean over the first's."""
    return np.maximum.accumulate(_money(differences).mean(axis=-2), axis=-2).min(axis=-1)


def _money(differences: Floats) -> Floats:
    """Return what a unit of money, staked on the first, has become after each seed: of the shape of differences.

    A stake is tanh(μ q) of the money, with q the half-normal score of |d| among those so far: what the law of a normal
    difference with mean μ and variance 1 bets on its sign.
    """
    needed("scipy", "lab", "the chance of a difference")
    from scipy.special import ndtri

    size = np.moveaxis(np.abs(differences), -3, -1)
    there, earlier = size > 0, np.tri(size.shape[-1], dtype=bool)
    smaller = (size[..., None, :] < size[..., :, None]) & there[..., None, :] & earlier
    equal = (size[..., None, :] == size[..., :, None]) & there[..., None, :] & earlier
    ranks = smaller.sum(axis=-1) + equal.sum(axis=-1) / 2
    scores = ndtri((1 + ranks / np.maximum(np.cumsum(there, axis=-1), 1)) / 2)
    signed = np.sign(differences) * np.moveaxis(scores, -1, -3)
    won = [np.exp(np.cumsum(np.log1p(np.tanh(shift * signed)), axis=-3)) for shift in _SHIFTS]
    return np.asarray(np.mean(won, axis=0))

"""Units: what becomes of a path where the loss is measured in another unit; and gradients as small as ε."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from optimlab.lab.check.candidate import Candidate
from optimlab.lab.check.exam import exam
from optimlab.lab.check.trials import Trials
from optimlab.typing import Floats

__all__ = [
    "gradients_of_a_trillionth", "gradients_of_one_in_100000", "loss_without_a_unit", "rate_in_units_of_the_loss",
    "units_of_single_weights",
]  # fmt: skip

_UNITS, _SMALL = "units", "ε traps"
_UNIT: Final = 2.0**20  # a power of two: a product with it rounds nothing
_ROUGHLY: Final = 1e-5  # ε/|g| of gradients of .1 and more, with ε to 1e-6
_DIMENSIONS = "dimensional analysis: a rate has the unit w/g of a linear rule, or the unit w of a normalised one"
_EPSILON = "Kingma & Ba 2015, algorithm 1: under a constant gradient m̂ = g and √v̂ = |g|"


def _path(who: Candidate, unit: Any, rate: float) -> Floats:
    """Return the end of a noisy descent whose gradients are multiplied by a unit."""
    rng = who.rng()
    h = np.geomspace(0.1, 1.0, 16)
    return who.end(lambda w: unit * (h * w + rng.standard_normal(w.shape)), rng.standard_normal((1, 16)), rate, 60)


def _apart(one: Floats, other: Floats) -> Floats:
    """Return the largest difference in units of the largest weight, as one trial."""
    return np.array([np.abs(one - other).max() / np.abs(one).max()])


@exam(_UNITS, trait=True, formula="number of weights with w(2²⁰ g, lr) ≠ w(g, lr): 0", source=_DIMENSIONS)
def loss_without_a_unit(who: Candidate) -> Trials:
    """Whether its path has the same bits where the loss is 2²⁰ times as large, at the same rate.

    If not: the rate belongs to a unit of the loss, or ε does, however little it shows.
    """
    differ = _path(who, 1.0, who.rate) != _path(who, _UNIT, who.rate)
    return Trials(np.array([np.count_nonzero(differ)], np.float64), high=0.0, lr=who.rate)


@exam(_UNITS, formula="w(2²⁰ g, lr) or w(2²⁰ g, 2⁻²⁰ lr) is w(g, lr), to 1e-5", source=_DIMENSIONS)
def rate_in_units_of_the_loss(who: Candidate) -> Trials:
    """Whether a loss 2²⁰ times as large is made up for by the rate, left as it is or 2²⁰ times as small.

    A failure: another number in it has a unit too, such as a weight decay that is added to the gradient.
    """
    plain = _path(who, 1.0, who.rate)
    found = [_apart(plain, _path(who, _UNIT, rate)) for rate in (who.rate, who.rate / _UNIT)]
    return Trials(np.minimum(*found), high=_ROUGHLY, lr=who.rate)


@exam(_UNITS, trait=True, formula="w(2ᵏ g) = w(g) to 1e-5, k = 0 to 20 by weight", source=_DIMENSIONS)
def units_of_single_weights(who: Candidate) -> Trials:
    """Whether each slope may have a unit of its own, up to 2²⁰ times that of others, at the same rate.

    If not: one rate serves all weights, and steep ones take it from flat ones.
    """
    units = 2.0 ** np.linspace(0.0, 20.0, 16).round()
    return Trials(_apart(_path(who, 1.0, who.rate), _path(who, units, who.rate)), high=_ROUGHLY, lr=who.rate)


def _between(who: Candidate, size: float) -> Trials:
    """Compare the way under a small constant gradient with that under one of 1: in proportion to it, or equal."""
    w = who.end(lambda w: np.array([[size], [1.0]]), np.zeros((2, 1)), who.rate, 100)
    ratio = w[0, 0] / w[1, 0]
    return Trials(np.array([min(abs(ratio - 1.0), abs(ratio / size - 1.0))]), high=0.01, lr=who.rate)


@exam(
    _SMALL, formula="way at |g| over way at 1 is 1 or |g|, to .01; of Adam |g|/(|g| + ε); |g| = 1e-5",
    source=_EPSILON,
)  # fmt: skip
def gradients_of_one_in_100000(who: Candidate) -> Trials:
    """Whether a gradient of 10⁻⁵ moves it as far as one of 1 does, or in proportion, to one in a hundred.

    A failure: ε is no small number beside such gradients; inside the root, 10⁻⁸ counts as 10⁻⁴.
    """
    return _between(who, 1e-5)


@exam(
    _SMALL, formula="way at |g| over way at 1 is 1 or |g|, to .01; of Adam |g|/(|g| + ε); |g| = 2⁻⁴⁰",
    source=_EPSILON,
)  # fmt: skip
def gradients_of_a_trillionth(who: Candidate) -> Trials:
    """Whether a gradient of 2⁻⁴⁰ moves it as far as one of 1 does, or in proportion, to one in a hundred.

    A failure: where gradients are this small, ε is the divisor, and the rate is another one than it says.
    """
    return _between(who, 2.0**-40)

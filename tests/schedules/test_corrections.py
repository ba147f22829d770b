"""Corrections: their formulas with math's functions, and one number as many."""

import math

import numpy as np
import pytest

from optimlab import cyclic
from optimlab.schedules.corrections import Dozat, HalfLife, LargestRate, PowerDecay

INDICES = [0, 1, 5000, 127, 128, 129, 99, 3]


def half_life(k):
    """From .9 to .999 in 100 steps: weights halve after a time that grows linearly."""
    first, last = (math.log(0.5) / math.log(beta) - 1 for beta in (0.9, 0.999))
    share = min(k / 100, 1)
    return 0.5 ** (1 / ((1 - share) * first + share * last + 1))


@pytest.mark.parametrize(
    ("correction", "formula"),
    [
        (Dozat(0.9, psi=0.01), lambda k: 0.9 * (1 - 0.5 * 0.96 ** ((k + 1) * 0.01))),
        (PowerDecay(0.8), lambda k: 1 - (k + 1) ** -0.8),
        (HalfLife(0.9, 0.999, steps=100), half_life),
    ],
    ids=["Dozat", "PowerDecay", "HalfLife"],
)
def test_formulas(correction, formula):
    numbers = [correction(k) for k in INDICES]
    np.testing.assert_array_equal(correction(np.array(INDICES)), numbers)
    np.testing.assert_array_equal([correction(np.int64(k)) for k in INDICES], numbers)
    np.testing.assert_allclose(numbers, [formula(k) for k in INDICES], rtol=1e-14)


def test_the_largest_rate_so_far_in_any_order():
    rates = cyclic(0.1, 1.0, up=700, factor=0.5)
    largest = np.maximum.accumulate(rates(np.arange(1, 5002))) ** 2
    weight = LargestRate(rates, 2.0)
    np.testing.assert_allclose([weight(k) for k in INDICES], largest[INDICES], rtol=1e-15)
    np.testing.assert_allclose(weight(np.array(INDICES)), largest[INDICES], rtol=1e-15)

"""Numbers of 106 bits against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab.recurrence.powers import joined, quotient, spent, table_of, two_sum

MANY = settings(deadline=None, derandomize=True, max_examples=200)
SHARES = st.floats(1e-30, 1.0)


def exact(x: Any) -> Fraction:
    return Fraction(float(x[0])) + Fraction(float(x[1]))


def double(high: float, low: float) -> tuple[Any, Any]:
    """A share, and up to a unit in its last place."""
    return two_sum(high, low * 2.0**-54 * high)


@MANY
@given(SHARES, SHARES, st.floats(-1, 1), st.floats(-1, 1))
def test_two_numbers_are_joined_and_divided(a: float, b: float, c: float, d: float) -> None:
    x, y = double(a, c), double(b, d)
    union = exact(x) + exact(y) * (1 - exact(x))
    assert abs(exact(joined(x, y)) - union) <= Fraction(2) ** -98 * union
    ratio = exact(x) / exact(y)
    assert abs(Fraction(quotient(x, y)) - ratio) <= (Fraction(2) ** -53 + Fraction(2) ** -80) * ratio


@MANY
@given(st.floats(1e-12, 1.0), st.integers(1, 256))
def test_powers_by_squaring_and_by_the_table(alpha: float, t: int) -> None:
    share = 1 - (1 - Fraction(alpha)) ** t
    assert abs(exact(spent((alpha, 0.0), t)) - share) <= Fraction(2) ** -94 * share
    high, low = table_of(alpha, 0.0, 256)
    assert high.shape == low.shape == (256, 1)
    assert abs(exact((high[t - 1, 0], low[t - 1, 0])) - share) <= Fraction(2) ** -94 * share


def test_a_table_of_many_numbers_is_as_long_as_it_must_be() -> None:
    high, low = table_of((0.5, 0.1), (0.0, 0.0), 37)
    assert high.shape == low.shape == (37, 2)
    np.testing.assert_array_equal(high[:3, 0], [0.5, 0.75, 0.875])

"""Elementary functions against 50 digits, at their edges, and in any form of their arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from optimlab.recurrence import elementary
from optimlab.recurrence.elementary import (
    complement,
    cos_pi,
    exponential,
    logarithm,
    power,
    sin_pi,
    tangent_h,
)
from optimlab.recurrence.powers import two_sum

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
RNG = np.random.default_rng(0)
FAR = np.exp(RNG.uniform(-700.0, 700.0, 300))
NEAR = RNG.uniform(-3.0, 3.0, 300)
SMALL = RNG.uniform(-1.0, 1.0, 300) * 10.0 ** RNG.uniform(-15.0, 0.0, 300)
RATES = 1.0 - 10.0 ** RNG.uniform(-9.0, -0.5, 300)


def sine(x: Decimal) -> Decimal:
    """Sin πx by its series."""
    y = PI * (x - 2 * (x / 2).to_integral_value())
    total, term, j = y, y, 1
    while abs(term) > Decimal("1e-50"):
        term *= -y * y / ((j + 1) * (j + 2))
        total, j = total + term, j + 2
    return total


def raised(x: Decimal, p: Decimal) -> Decimal:
    return (p * x.ln()).exp()


CASES: dict[str, tuple[Callable[..., Any], Callable[..., Decimal], list[tuple[Any, ...]], float]] = {
    "power": (power, raised, [
        (FAR, 700.0 * NEAR / 3.0 / np.log(FAR)), (np.abs(NEAR), NEAR), (RATES, np.floor(10.0 ** np.abs(2.0 * NEAR))),
    ], 0.7),
    "logarithm": (logarithm, Decimal.ln, [(FAR,), (np.abs(NEAR),), (1.0 + SMALL,)], 0.7),
    "exponential": (exponential, Decimal.exp, [(200.0 * NEAR,), (NEAR,), (SMALL,)], 0.7),
    "complement": (complement, lambda x: 1 - (-x).exp(), [(np.abs(NEAR),), (np.abs(SMALL),), (20.0 + NEAR,)], 0.8),
    "tangent_h": (tangent_h, lambda x: 1 - 2 / ((2 * x).exp() + 1), [(NEAR,), (SMALL,), (9.0 * NEAR,)], 2.5),
    "sin_pi": (sin_pi, sine, [(NEAR,), (SMALL,), (1e5 * NEAR,)], 2.0),
    "cos_pi": (cos_pi, lambda x: sine(x + Decimal("0.5")), [(NEAR,), (SMALL,), (1e5 * NEAR,)], 2.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_errors_are_as_small_as_said(name: str) -> None:
    function, exact, arguments, units = CASES[name]
    with localcontext(prec=70):
        for given in arguments:
            for found, *numbers in zip(function(*given).tolist(), *[x.tolist() for x in given], strict=True):
                wanted = exact(*map(Decimal, numbers))
                assert abs(Decimal(found) - wanted) <= Decimal(units * math.ulp(float(wanted))), numbers


def test_what_a_float_holds_is_exact() -> None:
    bases, exponents = np.meshgrid(np.arange(1.0, 40.0) / 8.0, np.arange(-3.0, 9.0))
    whole = np.array([[float(b) ** int(p) for b in bases[0]] for p in exponents[:, 0] if p >= 0.0])
    kept = whole * 8.0 ** exponents[3:] < 2.0**53  # of as many digits as a float has: no rounding on the way
    np.testing.assert_array_equal(power(bases, exponents)[3:][kept], whole[kept])
    np.testing.assert_array_equal(power(bases**2, 0.5), bases)
    np.testing.assert_array_equal(power(2.0, np.arange(-1074.0, 1024.0)), np.ldexp(1.0, np.arange(-1074, 1024)))
    np.testing.assert_array_equal(power(FAR, 1.0), FAR)
    np.testing.assert_array_equal(power(FAR, np.r_[2.0, np.ones(299)])[1:], FAR[1:])
    halves = np.arange(-8.0, 9.0) / 2.0
    np.testing.assert_array_equal(cos_pi(halves), [1, 0, -1, 0] * 4 + [1])
    np.testing.assert_array_equal(sin_pi(halves), [0, 1, 0, -1] * 4 + [0])


def test_edges() -> None:
    inf, nan = np.inf, np.nan
    bases = [0.0, -0.0, 0.0, 0.0, inf, inf, inf, nan, 0.5, 0.5, 2.0, 1.0, -1.0, 2.0, 2.0, 5e-324, -1.0]
    exponents = [0.0, 2.0, 0.5, -1.0, 2.0, 0.0, -1.0, 0.0, inf, -inf, -inf, inf, 2.0, 5e3, -5e3, 1.0, 1.0]
    wanted = [1.0, 0.0, 0.0, inf, inf, 1.0, 0.0, 1.0, 0.0, inf, 0.0, 1.0, nan, inf, 0.0, 5e-324, nan]
    np.testing.assert_array_equal(power(bases, exponents), wanted)
    assert np.isnan(power([0.0, 1.0, 2.0, nan], [nan, nan, nan, 1.0])).all()
    np.testing.assert_array_equal(logarithm(np.array([0.0, inf, -1.0, nan, 1.0])), [-inf, inf, nan, nan, 0.0])
    np.testing.assert_array_equal(exponential(np.array([-inf, inf, nan, 0.0, 710.0])), [0.0, inf, nan, 1.0, inf])
    np.testing.assert_array_equal(complement(np.array([0.0, inf, nan])), [0.0, 1.0, nan])
    np.testing.assert_array_equal(tangent_h(np.array([-inf, inf, nan, 0.0])), [-1.0, 1.0, nan, 0.0])
    np.testing.assert_array_equal(cos_pi(np.array([1e300, 2.0**53 + 2, inf, nan])), [1.0, 1.0, nan, nan])
    np.testing.assert_array_equal(np.abs(sin_pi(np.array([1e300, 1.7e308, -inf, nan]))), [0.0, 0.0, nan, nan])


@pytest.mark.parametrize("name", [name for name in elementary.__all__ if name != "log_of"])
def test_the_form_of_the_arguments_does_not_matter(name: str) -> None:
    function, _, (given, *_), _ = CASES[name]
    wanted = function(*given)
    for form in (lambda x: x.reshape(2, 150).T, lambda x: np.repeat(x, 3)[::3], lambda x: x[::-1]):
        np.testing.assert_array_equal(function(*map(form, given)), form(wanted))
    for place in range(40):
        for kind in (float, np.float64, np.array):
            single = function(*[kind(x[place]) for x in given])
            assert isinstance(single, np.float64)
            assert single == wanted[place]


@pytest.mark.parametrize("function", [cos_pi, sin_pi, tangent_h])
def test_of_a_float32_it_is_a_float32(function: Callable[[Any], Any]) -> None:
    x = NEAR.astype(np.float32)
    assert function(x).dtype == np.float32
    assert isinstance(function(x[0]), np.float32)
    np.testing.assert_allclose(function(x), function(x.astype(np.float64)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("function", [cos_pi, sin_pi, tangent_h])
def test_a_complex_step_gives_the_slope(function: Callable[[Any], Any]) -> None:
    slopes = {
        cos_pi: lambda x: -np.pi * sin_pi(x),
        sin_pi: lambda x: np.pi * cos_pi(x),
        tangent_h: lambda x: 1 - tangent_h(x) ** 2,
    }
    np.testing.assert_allclose(function(NEAR + 1e-30j).imag * 1e30, slopes[function](NEAR), rtol=1e-13, atol=1e-14)


def test_the_logarithm_of_a_double_loses_no_digit_near_1() -> None:
    high, low = elementary.log_of(two_sum(1.0, 1e-20))
    assert high + low == 1e-20

"""Gains against exact arithmetic, as values, for replicas and with schedules."""

from __future__ import annotations

import pickle
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab import (
    ConstantGain,
    DebiasedGain,
    Decay,
    FirstValueGain,
    Gain,
    PowerGain,
    ShareGain,
    UniformGain,
    WarmUpGain,
)  # fmt: skip

EXACT = 4e-16
STEPS = [1, 2, 3, 7, 255, 256, 257, 1000, 12_345, 10**6, 10**9]
ALL = [
    ConstantGain(0.9), DebiasedGain(0.9), FirstValueGain(0.9), UniformGain(), PowerGain(6.94), ShareGain(0.1),
    WarmUpGain(0.999),
]  # fmt: skip


def off(k: Any, exact: Decimal) -> float:
    return float(abs(Decimal(float(k)) / exact - 1))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 3000))
def test_the_debiased_gain_is_exact(beta: float, t: int) -> None:
    exact = (1 - Fraction(beta)) / (1 - Fraction(beta) ** t)
    assert abs(Fraction(DebiasedGain(beta).at(t)) / exact - 1) <= EXACT


@pytest.mark.parametrize("alpha", [1e-3, 1e-9, 1e-15, 1e-17, 1e-300])
def test_a_decay_keeps_an_alpha_too_small_for_beta(alpha: float) -> None:
    with localcontext() as context:
        context.prec = 700
        for t in (1, 2, 300, 10_000):
            exact = Decimal(alpha) / (1 - (1 - Decimal(alpha)) ** t)
            assert off(DebiasedGain(Decay(alpha=alpha)).at(t), exact) <= EXACT


def test_powers_shares_and_warm_ups_are_their_formulas() -> None:
    with localcontext() as context:
        context.prec = 60
        for t in STEPS[1:]:
            for gamma in (0.0, 0.5, 3.56, 6.94, 16.97, 999.0):
                assert off(PowerGain(gamma).at(t), 1 - (1 - 1 / Decimal(t)) ** (Decimal(gamma) + 1)) <= EXACT
            for share in (1.0, 0.1, 1e-4):
                assert off(ShareGain(share).at(t), 1 - Decimal(2) ** (-1 / (Decimal(share) * t))) <= EXACT
            beta = 0.999
            exact = 1 - min(Decimal(beta), Decimal(t) / (t + 9))
            assert off(WarmUpGain(beta).at(t), exact) <= 2 * EXACT


def test_the_first_step() -> None:
    for gain in ALL:
        assert gain.at(1) == (1.0 if not isinstance(gain, ConstantGain) else ConstantGain(0.9).at(7))
    assert [UniformGain().at(t) for t in (1, 3, 300)] == [1.0, 1 / 3, 1 / 300]


@pytest.mark.parametrize("gain", ALL, ids=repr)
def test_gains_are_values(gain: Gain) -> None:
    twin = pickle.loads(pickle.dumps(gain))
    assert twin == gain
    assert hash(twin) == hash(gain)
    assert eval(repr(gain)) == gain
    for t in (1, 300, 5, 70_000):
        k = gain.at(t)
        assert isinstance(k, float)
        assert 0.0 < k <= 1.0
        assert twin.at(t) == k


@pytest.mark.parametrize("kind", [ConstantGain, DebiasedGain, FirstValueGain, WarmUpGain])
def test_replicas_are_gains_side_by_side(kind: Any) -> None:
    betas = (0.5, 0.9, 0.999)
    for t in (1, 2, 256, 257, 5000):
        np.testing.assert_array_equal(kind(betas).at(t), [kind(beta).at(t) for beta in betas])
    np.testing.assert_array_equal(
        kind(betas).at(np.array([1, 2, 300])), [kind(b).at(t) for b, t in zip(betas, (1, 2, 300), strict=True)]
    )
    np.testing.assert_array_equal(PowerGain((1.0, 2.0)).at(9), [PowerGain(1.0).at(9), PowerGain(2.0).at(9)])


def test_a_scheduled_beta_is_the_product_of_its_steps() -> None:
    def beta(k: Any) -> Any:
        return 0.9 + 0.09 * k / (k + 10)

    left, gain = Fraction(1), DebiasedGain(beta)
    assert gain.at(600) == DebiasedGain(beta).at(600)
    for t in range(1, 300):
        left *= Fraction(beta(t - 1))
        exact = (1 - Fraction(beta(t - 1))) / (1 - left)
        assert abs(Fraction(gain.at(t)) / exact - 1) <= EXACT
    assert FirstValueGain(beta).at(5) == 1.0 - beta(4)
    np.testing.assert_array_equal(DebiasedGain(lambda k: np.array([0.5, 0.9])).at(2), DebiasedGain((0.5, 0.9)).at(2))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: DebiasedGain(1.0), ValueError, r"beta must be in \[0, 1\); got 1\.0"),
        (lambda: DebiasedGain("a"), TypeError, r"beta must be"),
        (lambda: PowerGain(-1.0), ValueError, r"gamma must be from 0 to 1000; got -1\.0"),
        (lambda: ShareGain(0.0), ValueError, r"share must be in \(0, 1\]; got 0\.0"),
        (
            lambda: DebiasedGain(lambda k: 1.5).at(1),
            ValueError,
            r"beta, from its schedule at k = 0, must be in \[0, 1\)",
        ),
    ],
)
def test_what_is_no_gain_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()

"""Gains against exact arithmetic, as values, for replicas and with schedules."""

from __future__ import annotations

import contextlib
import math
import pickle
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optimlab import (
    ConstantGain,
    DebiasedGain,
    Decay,
    FirstValueGain,
    Gain,
    InversePowerGain,
    PowerGain,
    ShareGain,
    TailGain,
    UniformGain,
    WarmUpGain,
    WeightedGain,
    polynomial_decay,
)  # fmt: skip
from optimlab.checks import Range
from optimlab.recurrence.gain import _block

EXACT = 4e-16
STEPS = [1, 2, 3, 7, 255, 256, 257, 1000, 12_345, 10**6, 10**9]
ALL = [
    ConstantGain(0.9), DebiasedGain(0.9), FirstValueGain(0.9), UniformGain(), PowerGain(6.94), ShareGain(0.1),
    WarmUpGain(0.999), InversePowerGain(0.5, least=1e-3, lag=10.0), TailGain(100.0),
    WeightedGain(polynomial_decay(1.0, steps=10**6, final=0.5)),
]  # fmt: skip


def off(k: Any, exact: Decimal) -> float:
    return float(abs(Decimal(float(k)) / exact - 1))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 3000))
@example(0.3, 62)
def test_the_debiased_gain_is_exact(beta: float, t: int) -> None:
    exact = (1 - Fraction(beta)) / (1 - Fraction(beta) ** t)
    for gain in (DebiasedGain(beta), DebiasedGain(Decay(beta))):
        k = gain.at(t)
        assert abs(Fraction(k) - exact) <= Fraction(math.ulp(k)) / 2 * (1 + Fraction(1, 2**40))  # rounded once


def test_a_decay_and_its_beta_have_the_same_gains() -> None:
    for beta in np.linspace(0.0, 0.9, 300).tolist():
        assert [DebiasedGain(Decay(beta)).at(t) for t in (2, 3, 5)] == [DebiasedGain(beta).at(t) for t in (2, 3, 5)]


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
            assert ShareGain(1e-320).at(t) == 1.0
            for power, lag, rate in ((0.5, 10.0, 1.0), (2 / 3, 0.0, 1.0), (0.2, 1 - 1 / 7, 1 / 7), (3.0, 1.0, 2.0)):
                gain = InversePowerGain(power, lag=lag, rate=rate)
                assert off(gain.at(t), Decimal(lag + rate * t) ** -Decimal(power)) <= EXACT
            assert InversePowerGain(2 / 3, least=0.01).at(t) == max(0.01, InversePowerGain(2 / 3).at(t))
            beta = 0.999
            exact = 1 - min(Decimal(beta), Decimal(t) / (t + 9))
            assert off(WarmUpGain(beta).at(t), exact) <= 2 * EXACT


def test_the_first_step() -> None:
    for gain in ALL:
        assert gain.at(1) == (1.0 if not isinstance(gain, ConstantGain) else ConstantGain(0.9).at(7))
    assert [UniformGain().at(t) for t in (1, 3, 300)] == [1.0, 1 / 3, 1 / 300]
    assert [DebiasedGain(Decay(com=np.inf)).at(t) for t in (1, 3, 300)] == [1.0, 1 / 3, 1 / 300]


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


def test_many_replicas_are_gains_side_by_side_too() -> None:
    """More numbers make shorter blocks, equal ones have one gain."""
    betas = np.random.default_rng(0).uniform(0.0, 1.0, 300)
    for many in (betas, np.repeat(betas[:3], 200), np.full(5, 0.9), np.concatenate([betas, betas[::-1]])):
        gain = DebiasedGain(many)  # type: ignore[arg-type]
        for t in (1, 8, 9, 109, 110, 256, 257, 3000):
            np.testing.assert_array_equal(gain.at(t), [DebiasedGain(float(beta)).at(t) for beta in many])
    each = DebiasedGain((0.9, 0.5, 0.9)).at(2)
    assert isinstance(each, np.ndarray)
    assert each.tolist() == [DebiasedGain(beta).at(2) for beta in (0.9, 0.5, 0.9)]
    steps = np.array([7, 7, 300])
    np.testing.assert_array_equal(DebiasedGain(0.9).at(steps), [DebiasedGain(0.9).at(t) for t in steps.tolist()])


@dataclass(frozen=True)
class Between(Gain):
    """A gain of one's own, with two numbers."""

    low: Any
    high: Any
    ranges: ClassVar[dict[str, Range]] = {"low": Range("in (0, 1]"), "high": Range("in (0, 1]")}

    def gains(self, t: Any) -> Any:
        return np.clip(1.0 / t, self.low, self.high)


def test_a_gain_of_ones_own() -> None:
    assert [Between(0.1, 0.5).at(t) for t in (1, 4, 300)] == [0.5, 0.25, 0.1]
    both = Between((0.1, 0.1, 0.2), (0.5, 1.0, 0.5))
    assert np.asarray(both.at(1)).tolist() == [0.5, 1.0, 0.5]
    assert np.asarray(both.at(300)).tolist() == [0.1, 0.1, 0.2]
    assert both == pickle.loads(pickle.dumps(both))
    with pytest.raises(ValueError, match=r"low must be in \(0, 1\]; got 0\.0"):
        Between(0.0, 0.5)


def test_what_a_gain_returns_belongs_to_nobody() -> None:
    for gain in (DebiasedGain((0.5, 0.9)), ConstantGain((0.5, 0.9)), PowerGain((1.0, 2.0))):
        k = gain.at(3)
        assert isinstance(k, np.ndarray)
        before = k.copy()
        with contextlib.suppress(ValueError):
            k *= 2.0
        np.testing.assert_array_equal(gain.at(3), before)


def test_decays_that_are_equal_keep_their_own_digits() -> None:
    one, two = DebiasedGain(Decay(0.9)), DebiasedGain(Decay(alpha=0.1))
    assert one == two
    assert hash(one) == hash(two)
    for first, second in ((one, two), (two, one)):
        first.at(10_000)
        for gain in (second, first):
            assert gain.at(10_000) == gain.decay.alpha


@dataclass
class Table:
    """A schedule that cannot be hashed and ends with the run."""

    values: list[float]

    def __call__(self, k: int) -> float:
        return self.values[k]


def test_a_schedule_may_be_a_table_and_is_asked_for_no_later_step() -> None:
    table = Table([0.5, 0.75, 0.25])
    for kind in (ConstantGain, FirstValueGain, WarmUpGain, DebiasedGain):
        for t in (1, 3, 2, 3):
            assert kind(table).at(t) == kind(tuple(table.values)[t - 1]).at(t) or kind is DebiasedGain
        with pytest.raises(IndexError):
            kind(table).at(4)
    product = 1.0
    for t, beta in enumerate(table.values, start=1):
        product *= beta
        assert DebiasedGain(table).at(t) == pytest.approx((1.0 - beta) / (1.0 - product), rel=4e-16)


def test_steps_of_a_schedule_may_be_asked_for_in_any_order() -> None:
    def beta(k: int) -> float:
        return 0.9 - 0.5 / (k + 1)

    forward = DebiasedGain(beta)
    expected = [forward.at(t) for t in range(1, 400)]
    shuffled = DebiasedGain(beta)
    for t in np.random.default_rng(0).permutation(399).tolist():
        assert shuffled.at(t + 1) == expected[t]
    np.testing.assert_array_equal(DebiasedGain(beta).at(np.array([399, 1, 200])), [expected[i] for i in (398, 0, 199)])


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


def test_a_tail_is_the_plain_mean_of_what_comes_after_its_start() -> None:
    for start in (0, 1, 7):
        expected = [0.0] * start + [1 / (20 - start)] * (20 - start)
        np.testing.assert_allclose(TailGain(start).weights(20), expected, rtol=1e-14)
        later = WeightedGain(lambda k, start=start: float(k >= start))
        np.testing.assert_allclose(later.weights(20), expected, rtol=1e-14)
    assert [TailGain(5).at(t) for t in (1, 5, 6, 7)] == [1.0, 1.0, 1.0, 0.5]
    np.testing.assert_array_equal(TailGain((0, 5)).at(8), [1 / 8, 1 / 3])


def test_weights_of_a_schedule_are_the_weights() -> None:
    """In any order of the steps, to the last digit, and for replicas."""
    lr = np.random.default_rng(0).uniform(0.0, 1e-3, 700)
    gain = WeightedGain(lambda k: (k + 1) ** 2 * lr[k] ** 2)
    expected = np.arange(1, 701) ** 2 * lr**2
    np.testing.assert_allclose(gain.weights(700), expected / expected.sum(), rtol=1e-12)
    total = sum(map(Fraction, expected.tolist()))
    assert abs(Fraction(float(gain.at(700))) * total / Fraction(float(expected[-1])) - 1) <= EXACT
    assert WeightedGain(gain.schedule).at(700) == gain.at(700)
    both = WeightedGain(lambda k: np.array([1.0, k]))
    np.testing.assert_array_equal([both.at(t) for t in (1, 2, 3)], [[1.0, 1.0], [1 / 2, 1.0], [1 / 3, 2 / 3]])
    np.testing.assert_allclose(WeightedGain(lambda k: 1.0).weights(300), UniformGain().weights(300), rtol=1e-13)


def test_the_warm_ups_of_others_are_inverse_powers() -> None:
    """timm, diffusers and ema-pytorch: β = min(β_max, 1 - (1 + s/g)^-p) after s = t - 1 updates."""
    for g, p, most in ((1.0, 2 / 3, 0.9999), (25.0, 0.75, 0.99)):
        gain = InversePowerGain(p, least=1.0 - most, lag=1.0 - 1.0 / g, rate=1.0 / g)
        for t in STEPS:
            assert gain.at(t) == pytest.approx(1.0 - min(most, 1.0 - (1.0 + (t - 1) / g) ** -p), rel=1e-12)


@pytest.mark.parametrize("gain", ALL, ids=repr)
def test_the_weights_are_what_the_recurrence_gives_each_value(gain: Gain) -> None:
    means = np.zeros(60)
    for t, value in enumerate(np.eye(60), start=1):
        means = means + gain.at(t) * (value - means)
    np.testing.assert_allclose(gain.weights(60), means, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: DebiasedGain(1.0), ValueError, r"beta must be in \[0, 1\); got 1\.0"),
        (lambda: DebiasedGain("a"), TypeError, r"beta must be"),
        (lambda: PowerGain(-1.0), ValueError, r"gamma must be from 0 to 1000; got -1\.0"),
        (lambda: PowerGain(lambda k: 1.0), TypeError, r"gamma must be from 0 to 1000; got <function"),
        (lambda: FirstValueGain(Decay(com=float("inf"))), ValueError, r"for a plain mean give UniformGain\(\)"),
        (lambda: ConstantGain(Decay(com=float("inf"))), ValueError, r"infinite memory"),
        (lambda: TailGain(1.5), TypeError, r"start must be whole numbers of at least 0 and finite; got 1\.5"),
        (lambda: TailGain(-1), ValueError, r"start must be whole numbers of at least 0"),
        (lambda: InversePowerGain(-0.5), ValueError, r"power must be from 0 to 10; got -0\.5"),
        (lambda: InversePowerGain(0.5, least=2.0), ValueError, r"least must be in \[0, 1\]; got 2\.0"),
        (lambda: InversePowerGain(0.5, rate=0.0), ValueError, r"rate must be greater than 0 and finite; got 0\.0"),
        (
            lambda: WeightedGain(0.5),
            TypeError,
            r"must be a function of k = t - 1; got 0\.5; .* UniformGain\(\)",
        ),
        (
            lambda: WeightedGain(lambda k: -1.0).at(1),
            ValueError,
            r"schedule, from its schedule at k = 0, must be",
        ),
        (lambda: UniformGain().weights(0), ValueError, r"t must be a whole number of at least 1; got 0"),
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


def test_thousands_of_runs_in_turn_find_each_block_once():
    gains = [DebiasedGain(0.9) for _ in range(200)]
    before = _block.cache_info().misses
    for t in range(1, 40):
        for gain in gains:
            gain.at(t)
    assert _block.cache_info().misses - before == len(gains)
    assert vars(pickle.loads(pickle.dumps(gains[0]))).keys() == {"beta"}

"""Decay: seven names of one number, what they mean, and the bias correction, against sums and exact arithmetic."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optimlab import Decay, bias_correction
from tests.series.oracle import MANY, SOME

NAMES = ["beta", "alpha", "span", "com", "halflife", "window", "cutoff"]
BETAS = [0.0, 0.01, 0.1, 0.2, 0.5, 0.7, 0.9, 0.98, 0.99, 0.999, 1 - 1e-7, 1 - 1e-12]

VALUES = {
    "beta": st.floats(0.0, 1.0, exclude_max=True),
    "alpha": st.floats(0.0, 1.0, exclude_min=True),
    "span": st.floats(1.0),
    "com": st.floats(0.0),
    "halflife": st.floats(0.0, exclude_min=True),
    "window": st.floats(1.0),
    "cutoff": st.floats(0.0, 0.5, exclude_min=True),
}
GIVEN = st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
DECAYS = GIVEN.map(lambda pair: Decay(**{pair[0]: pair[1]}))


def approx(value: Any, rel: float) -> Any:
    """Equal to a relative tolerance alone, however small the value."""
    return pytest.approx(value, rel=rel, abs=0.0)


# ---------------------------------------------------------------- seven names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beta", 0.9),
        ("alpha", 0.1),
        ("span", 19.0),
        ("com", 9.0),
        ("halflife", 6.578813478960585),
        ("window", 10.0),
        ("cutoff", math.acos(1 - 0.1**2 / (2 * 0.9)) / (2 * math.pi)),
    ],
)
def test_seven_names_of_nine_tenths(name: str, value: float) -> None:
    decay = Decay(**{name: value})
    assert (decay.beta, decay.alpha) == approx((0.9, 0.1), rel=2e-15)
    assert getattr(decay, name) == approx(value, rel=2e-15)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beta", BETAS)
def test_each_name_gives_back_the_decay(name: str, beta: float) -> None:
    decay = Decay(beta)
    value = getattr(decay, name)
    if name == "cutoff" and beta < 3 - 2 * math.sqrt(2):
        assert math.isnan(value)
        return
    if name == "halflife" and beta == 0.0:
        assert value == 0.0
        return
    again = Decay(**{name: value})
    assert again.beta == approx(beta, rel=1e-14)
    assert again.alpha == approx(decay.alpha, rel=1e-14)


@pytest.mark.parametrize("beta", BETAS)
def test_names_by_their_formulas(beta: float) -> None:
    decay, b = Decay(beta), Fraction(beta)
    assert decay.lag == decay.com == approx(float(b / (1 - b)), rel=1e-15)
    assert decay.window == approx(float(1 / (1 - b)), rel=1e-15)
    assert decay.span == approx(float((1 + b) / (1 - b)), rel=1e-15)
    if beta > 0.0:
        assert decay.halflife == approx(float(Decimal("0.5").ln() / Decimal(beta).ln()), rel=1e-15)
        assert decay.log_beta == approx(float(Decimal(beta).ln()), rel=1e-15)


def test_the_lag_is_the_mean_age_of_the_weights() -> None:
    age = np.arange(5000)
    for beta in (0.0, 0.3, 0.9, 0.98):
        weights = (1 - beta) * beta**age
        assert Decay(beta).lag == approx((weights * age).sum(), rel=1e-12)


def test_positional_argument_is_beta() -> None:
    assert Decay(0.25) == Decay(beta=0.25)
    assert Decay(0.25).beta == 0.25


@MANY
@given(GIVEN)
@example(("cutoff", 1e-200))
@example(("cutoff", 5e-324))
@example(("com", math.inf))
@example(("halflife", 5e-324))
@example(("alpha", 1e-17))
def test_a_pair_that_belongs_together(given: tuple[str, float]) -> None:
    decay = Decay(**{given[0]: given[1]})
    assert 0.0 <= decay.beta <= 1.0
    assert 0.0 <= decay.alpha <= 1.0
    small, large = sorted([decay.beta, decay.alpha])
    assert large == 1.0 - small  # the larger follows from the smaller, which keeps its digits


@MANY
@given(st.floats(0.0, 1.0, exclude_min=True))
def test_the_smaller_of_the_pair_is_kept_as_given(share: float) -> None:
    if share <= 0.5:
        assert Decay(alpha=share).alpha == share
        assert Decay(beta=share).beta == share
    else:
        assert Decay(alpha=share).alpha == approx(share, rel=1e-15)


@SOME
@given(st.floats(1e-300, 1e-3))
def test_a_tiny_share_keeps_its_digits(alpha: float) -> None:
    for name in ("span", "com", "window", "halflife", "cutoff"):
        assert Decay(**{name: getattr(Decay(alpha=alpha), name)}).alpha == approx(alpha, rel=1e-14), name


@MANY
@given(DECAYS)
@example(Decay(0.9))
@example(Decay(alpha=0.1))
@example(Decay(com=math.inf))
@example(Decay(0.0))
def test_the_repr_rebuilds_the_value(decay: Decay) -> None:
    again = eval(repr(decay), {"Decay": Decay})
    assert (again.beta, again.alpha) == (decay.beta, decay.alpha)
    assert again == decay
    assert hash(again) == hash(decay)


def test_reprs_are_short() -> None:
    assert repr(Decay(0.9)) == "Decay(beta=0.9)"
    assert repr(Decay(span=19)) == "Decay(alpha=0.1)"
    assert repr(Decay(0.999)) == "Decay(beta=0.999)"
    assert repr(Decay(alpha=1e-17)) == "Decay(alpha=1e-17)"
    assert repr(Decay(com=math.inf)) == "Decay(com=float('inf'))"


def test_a_decay_is_frozen_and_compares_by_value() -> None:
    decay = Decay(0.5)
    with pytest.raises(AttributeError):
        decay.beta = 0.6  # type: ignore[misc]
    assert decay == Decay(alpha=0.5) == Decay(span=3) == Decay(com=1) == Decay(halflife=1) == Decay(window=2)
    assert decay != Decay(0.6)
    assert decay != 0.5


def test_decays_are_equal_where_beta_says_alpha_too() -> None:
    for beta, alpha in ((0.9, 0.1), (0.98, 0.02), (0.999, 0.001), (0.3, 0.7), (0.0, 1.0)):
        assert Decay(beta) == Decay(alpha=alpha)
        assert hash(Decay(beta)) == hash(Decay(alpha=alpha))
        assert len({Decay(beta), Decay(alpha=alpha), Decay(span=2 / alpha - 1)}) == 1
    assert Decay(0.9).alpha != Decay(alpha=0.1).alpha
    assert Decay(alpha=1e-17) != Decay(alpha=2e-17)
    assert Decay(alpha=1e-10) != Decay(alpha=1.0000001e-10)
    assert Decay(alpha=1e-17) != Decay(com=math.inf)
    assert Decay(0.0005) != Decay(alpha=0.0005)


@given(st.integers(0, 2**53), st.lists(st.integers(-40, 40), min_size=3, max_size=3), st.sampled_from([1.0, 2.0**-10]))
def test_equality_is_an_equivalence_and_hashes_agree(place: int, near: list[int], scale: float) -> None:
    alpha = max(place, 100) * 2.0**-53 * scale
    some = [Decay(alpha=min(alpha + n * math.ulp(alpha), 1.0)) for n in near]
    some += [Decay(1.0 - alpha)] if 1.0 - alpha < 1.0 else []
    for a, b, c in itertools.product(some, repeat=3):
        assert (a == b) == (b == a)
        assert not (a == b == c) or a == c
        assert a != b or hash(a) == hash(b)
        assert a != b or a.alpha == approx(b.alpha, rel=2e-13)


@pytest.mark.parametrize("value", [1, np.float32(0.25), np.int64(1), np.array(0.25), Fraction(1, 4), Decimal("0.25")])
def test_any_real_scalar_is_a_number(value: Any) -> None:
    assert Decay(com=value) == Decay(com=float(value))


@pytest.mark.parametrize("name", ["span", "com", "halflife", "window"])
def test_infinite_memory(name: str) -> None:
    decay = Decay(**{name: math.inf})
    assert (decay.beta, decay.alpha) == (1.0, 0.0)
    assert decay.lag == decay.window == decay.span == decay.halflife == math.inf
    assert decay.cutoff == decay.noise_gain() == decay.log_beta == 0.0
    assert decay.effective_samples(7) == 7.0
    assert "running mean" in decay.describe()


# ---------------------------------------------------------------- bad input

BAD = [
    ({}, ValueError, r"exactly one of beta, alpha, span, com, halflife, window, cutoff must be given; got none"),
    ({"beta": 0.9, "span": 3}, ValueError, r"exactly one of .* must be given; got beta, span"),
    ({"com": 1, "alpha": 0.1, "window": 2}, ValueError, r"exactly one of .*; got alpha, com, window"),
    ({"beta": 1.0}, ValueError, r"beta must be in \[0, 1\); got 1\.0.*com=inf"),
    ({"beta": -0.1}, ValueError, r"beta must be in \[0, 1\); got -0\.1"),
    ({"beta": math.nan}, ValueError, r"beta must be in \[0, 1\); got nan"),
    ({"beta": math.inf}, ValueError, r"beta must be in \[0, 1\); got inf"),
    ({"alpha": 0}, ValueError, r"alpha must be in \(0, 1\]; got 0\.0.*com=inf"),
    ({"alpha": 1.5}, ValueError, r"alpha must be in \(0, 1\]; got 1\.5"),
    ({"alpha": math.nan}, ValueError, r"alpha must be in \(0, 1\]; got nan"),
    ({"span": 0.99}, ValueError, r"span must be at least 1.*; got 0\.99"),
    ({"span": math.nan}, ValueError, r"span must be at least 1.*; got nan"),
    ({"com": -1e-9}, ValueError, r"com must be at least 0.*; got -1e-09"),
    ({"com": math.nan}, ValueError, r"com must be at least 0.*; got nan"),
    ({"halflife": 0}, ValueError, r"halflife must be greater than 0.*; got 0\.0"),
    ({"halflife": -math.inf}, ValueError, r"halflife must be greater than 0.*; got -inf"),
    ({"window": 0.5}, ValueError, r"window must be at least 1.*; got 0\.5"),
    ({"cutoff": 0}, ValueError, r"cutoff must be in \(0, 0\.5\] cycles per sample; got 0\.0"),
    ({"cutoff": 0.51}, ValueError, r"cutoff must be in \(0, 0\.5\] cycles per sample; got 0\.51"),
    ({"beta": "0.9"}, TypeError, r"beta must be in \[0, 1\).*; got '0\.9'"),
    ({"beta": b"0.9"}, TypeError, r"beta must be in \[0, 1\).*; got b'0\.9'"),
    ({"beta": False}, TypeError, r"beta must be in \[0, 1\).*; got False"),
    ({"beta": np.True_}, TypeError, r"beta must be in \[0, 1\).*; got (np\.)?True"),
    ({"beta": 0.5j}, TypeError, r"beta must be in \[0, 1\).*; got 0\.5j"),
    ({"beta": np.complex128(0.5 + 3j)}, TypeError, r"beta must be in \[0, 1\).*; got np\.complex128"),
    ({"beta": [0.5]}, TypeError, r"beta must be in \[0, 1\).*; got \[0\.5\]"),
    ({"span": np.array([3.0])}, TypeError, r"span must be at least 1.*; got array"),
    ({"halflife": np.timedelta64(4, "D")}, TypeError, r"halflife must be greater than 0.*; got .*timedelta64"),
    ({"span": 10**400}, ValueError, r"span must be .* that a float can hold"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD)
def test_bad_input_is_refused_by_name(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Decay(**arguments)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda d: d.noise_gain(1.0), ValueError, r"phi must be in \(-1, 1\); got 1\.0"),
        (lambda d: d.noise_gain(math.nan), ValueError, r"phi must be in \(-1, 1\); got nan"),
        (lambda d: d.noise_gain("a"), TypeError, r"phi must be in \(-1, 1\); got 'a'"),
        (lambda d: d.effective_samples(0.5), ValueError, r"t must be at least 1; got 0\.5"),
        (lambda d: d.effective_samples(math.nan), ValueError, r"t must be at least 1; got nan"),
        (lambda d: d.correction_steps(0.0), ValueError, r"tol must be in \(0, 1\); got 0\.0"),
        (lambda d: d.correction_steps(1.0), ValueError, r"tol must be in \(0, 1\); got 1\.0"),
        (lambda d: d.correction_steps(math.nan), ValueError, r"tol must be in \(0, 1\); got nan"),
        (lambda d: Decay(com=math.inf).correction_steps(), ValueError, "infinite memory has no correction_steps"),
    ],
)
def test_bad_arguments_of_methods(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(Decay(0.9))


# ---------------------------------------------------------------- noise


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.9, -0.5])
@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 0.9, 0.98])
def test_noise_gain_is_the_sum_over_pairs_of_weights(beta: float, phi: float) -> None:
    age = np.arange(1500)
    weights = (1 - beta) * beta**age
    correlation = float(phi) ** np.abs(age[:, np.newaxis] - age)
    assert Decay(beta).noise_gain(phi) == approx(weights @ correlation @ weights, rel=1e-11)
    if phi == 0.0:
        assert Decay(beta).noise_gain() == approx((weights**2).sum(), rel=1e-12)
        assert Decay(beta).noise_gain() == approx(1 / Decay(beta).span, rel=1e-14)


@pytest.mark.parametrize("t", [1, 2, 3, 10, 100, 3000])
@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 0.9, 0.98, 0.999])
def test_effective_samples_are_kishs(beta: float, t: int) -> None:
    weights = beta ** np.arange(t)
    kish = weights.sum() ** 2 / (weights**2).sum()
    assert Decay(beta).effective_samples(t) == approx(kish, rel=1e-12)


@MANY
@given(DECAYS, st.floats(1.0, 1e18))
def test_effective_samples_lie_between_one_and_the_samples(decay: Decay, t: float) -> None:
    assert 1.0 <= decay.effective_samples(t) <= t
    assert decay.effective_samples() == approx(decay.span, rel=1e-15)


# ---------------------------------------------------------------- frequency


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.98])
def test_the_response_is_the_transform_of_the_weights(beta: float) -> None:
    omega = np.linspace(0, np.pi, 7)
    age = np.arange(4000)
    transform = ((1 - beta) * beta**age * np.exp(-1j * np.multiply.outer(omega, age))).sum(axis=1)
    np.testing.assert_allclose(Decay(beta).response(omega), transform, rtol=0, atol=1e-12)
    assert Decay(beta).response(0.0) == approx(1.0, rel=1e-15)


@pytest.mark.parametrize("beta", [3 - 2 * math.sqrt(2) + 1e-12, 0.2, 0.5, 0.9, 0.98, 0.999, 1 - 1e-9])
def test_power_is_halved_at_the_cutoff(beta: float) -> None:
    decay = Decay(beta)
    assert abs(decay.response(2 * np.pi * decay.cutoff)) == approx(math.sqrt(0.5), rel=1e-6)


def test_cutoffs_from_the_literature() -> None:
    for beta, cutoff in [(0.9, 0.01678), (0.98, 0.003215), (0.99, 0.0016)]:
        assert Decay(beta).cutoff == approx(cutoff, rel=2e-3)


@pytest.mark.parametrize("beta", [0.0, 0.1, 3 - 2 * math.sqrt(2) - 1e-12])
def test_a_short_memory_never_halves_the_power(beta: float) -> None:
    assert math.isnan(Decay(beta).cutoff)
    assert abs(Decay(beta).response(np.pi)) > math.sqrt(0.5)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.98])
def test_group_delay_is_minus_the_slope_of_the_phase(beta: float) -> None:
    omega, h = np.linspace(0.0, 3.0, 13), 1e-5
    phase = np.unwrap([np.angle(Decay(beta).response(omega - h)), np.angle(Decay(beta).response(omega + h))], axis=0)
    slope = (phase[1] - phase[0]) / (2 * h)
    np.testing.assert_allclose(Decay(beta).group_delay(omega), -slope, rtol=1e-6, atol=1e-8)
    assert Decay(beta).group_delay(0.0) == approx(Decay(beta).lag, rel=1e-15)


# ---------------------------------------------------------------- start


def test_correction_steps_of_the_usual_decays() -> None:
    assert [Decay(beta).correction_steps() for beta in (0.9, 0.98, 0.999)] == [44, 228, 4603]
    assert Decay(0.0).correction_steps() == 1


@pytest.mark.parametrize("tol", [0.5, 0.01, 1e-9])
@pytest.mark.parametrize("beta", [0.01, 0.5, 0.9, 0.98, 0.999])
def test_correction_steps_are_the_first_that_suffice(beta: float, tol: float) -> None:
    steps = Decay(beta).correction_steps(tol)
    assert beta**steps <= tol * (1 + 1e-12)
    assert steps == 1 or beta ** (steps - 1) > tol * (1 - 1e-12)


def test_describe_tells_what_it_means() -> None:
    text = Decay(0.9).describe()
    for part in ("β = 0.9", "9 steps", "10 steps", "65.1 %", "6.579", "19 points", "0.0526", "0.01678", "44 steps"):
        assert part in text


# ---------------------------------------------------------------- bias correction


def exact_correction(beta: float, t: int) -> float:
    with localcontext() as context:
        context.prec = 60
        return float(1 - (Decimal(beta).ln() * t).exp()) if beta > 0.0 and t > 0 else float(t > 0)


@pytest.mark.parametrize("t", [1, 2, 3, 5, 44, 1000, 10**7])
@pytest.mark.parametrize("beta", [0.0, 1e-300, 1e-3, 0.3, 0.5, 0.9, 0.999, 1 - 1e-8, 1 - 1e-12, 1 - 2.0**-53])
def test_bias_correction_is_exact_to_two_units_in_the_last_place(beta: float, t: int) -> None:
    exact = exact_correction(beta, t)
    assert abs(bias_correction(beta, t) - exact) <= 2 * math.ulp(exact)


@MANY
@given(st.floats(0.0, 1.0, exclude_max=True), st.integers(1, 10**6))
def test_bias_correction_is_exact_everywhere(beta: float, t: int) -> None:
    exact = exact_correction(beta, t)
    assert abs(bias_correction(beta, t) - exact) <= 2 * math.ulp(exact)


def test_the_textbook_form_fails_where_this_does_not() -> None:
    for alpha, lost in [(1e-8, 1e-10), (1e-12, 1e-6), (1e-16, 1e-2)]:
        beta = 1.0 - alpha
        exact = alpha  # β itself is rounded: 1 - β is what a Decay keeps
        assert abs((1.0 - beta**1) / exact - 1) > lost
        assert bias_correction(Decay(alpha=alpha), 1) == approx(exact, rel=3e-16)
    beta = 1.0 - 2.0**-40
    t = 3
    exact = float(1 - Fraction(beta) ** t)
    assert abs((1.0 - beta**t) / exact - 1) > 1e-13
    assert abs(bias_correction(beta, t) / exact - 1) < 3e-16


def test_bias_correction_of_a_decay_too_slow_for_beta() -> None:
    assert Decay(alpha=1e-20).beta == 1.0
    assert bias_correction(Decay(alpha=1e-20), 5) == approx(5e-20, rel=3e-16)
    assert bias_correction(Decay(com=math.inf), 5) == 0.0
    assert bias_correction(Decay(0.9), 2) == bias_correction(0.9, 2)


def test_bias_correction_before_the_first_sample_and_without_memory() -> None:
    for beta in (0.0, 0.5, 1 - 1e-12):
        assert bias_correction(beta, 0) == 0.0
    assert bias_correction(0.0, [0, 1, 2, 10]).tolist() == [0.0, 1.0, 1.0, 1.0]
    assert bias_correction(0.0, math.inf) == bias_correction(0.9, math.inf) == 1.0
    assert str(bias_correction(0.9, 0)) == "0.0"  # not -0.0


def test_bias_correction_broadcasts() -> None:
    betas, steps = np.array([0.0, 0.3, 0.9, 1 - 1e-9]), np.array([0, 1, 2, 50])
    table = bias_correction(betas[:, np.newaxis], steps)
    assert table.shape == (4, 4)
    assert table.dtype == np.float64
    for i, j in np.ndindex(4, 4):
        assert table[i, j] == bias_correction(betas[i], steps[j])
    assert type(bias_correction(0.9, 1)) is float
    assert bias_correction(np.float32(0.5), np.int8(2)) == 0.75
    assert bias_correction([], 1).shape == (0,)


@pytest.mark.parametrize(
    ("beta", "t", "message"),
    [
        (1.0, 1, r"beta must be in \[0, 1\); got 1\.0"),
        (-0.1, 1, r"beta must be in \[0, 1\); got -0\.1"),
        (math.nan, 1, r"beta must be in \[0, 1\); got nan"),
        ([0.5, 2.0], 1, r"beta must be in \[0, 1\); got 2\.0"),
        (0.5, -1, r"t must be at least 0; got -1"),
        (0.5, math.nan, r"t must be at least 0; got nan"),
    ],
)
def test_bias_correction_refuses(beta: Any, t: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bias_correction(beta, t)


@pytest.mark.parametrize(("beta", "t"), [("0.9", 3), (0.9, "3"), (0.9, True), (True, 3), (0.5j, 3)])
def test_bias_correction_takes_numbers_alone(beta: Any, t: Any) -> None:
    with pytest.raises(TypeError, match="must be"):
        bias_correction(beta, t)


@pytest.mark.parametrize("alpha", [1e-300, 1e-17, 1e-6, 0.01, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("updates", [0.25, 1, 2, 32, 1000])
def test_every_so_many_updates_the_memory_is_the_same(alpha: float, updates: float) -> None:
    """1 - (1-α)ⁿ against exact arithmetic, of α that β cannot show as well."""
    decay = Decay(alpha=alpha)
    found = decay.every(updates)
    with localcontext() as context:
        context.prec = 700
        beta = 1 - Decimal(decay.alpha) if decay.alpha < 0.5 else Decimal(decay.beta)
        exact = beta ** Decimal(updates)
        smaller, ours = (exact, found.beta) if exact < 0.5 else (1 - exact, found.alpha)
        assert ours == approx(float(smaller), rel=1e-15 * max(1.0, abs(math.log(float(smaller) or 1.0))))
    if decay.beta > 0.0 and found.beta > 0.0:
        assert found.halflife * updates == approx(decay.halflife, rel=1e-14)


def test_a_plain_mean_stays_one_and_no_memory_none() -> None:
    assert Decay(com=math.inf).every(3) == Decay(com=math.inf)
    assert Decay(0.0).every(7) == Decay(0.0)


def test_a_half_life_in_samples_is_the_same_at_any_batch() -> None:
    for batch in (1, 64, 4096):
        decay = Decay.of_samples(5e5, batch=batch)
        assert decay.halflife_in_samples(batch) == approx(5e5, rel=1e-14)
        assert decay.every(4).alpha == approx(Decay.of_samples(5e5, batch=4 * batch).alpha, rel=1e-14)
        assert decay.every(4).halflife_in_samples(4 * batch) == approx(5e5, rel=1e-14)
    assert Decay.of_samples(1e25, batch=1).alpha == approx(math.log(2.0) * 1e-25, rel=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Decay(0.9).every(0), r"updates must be greater than 0 and finite; got 0"),
        (lambda: Decay(com=math.inf).every(math.nan), r"updates must be greater than 0 and finite; got nan"),
        (lambda: Decay.of_samples(0, batch=1), r"halflife must be greater than 0 .*; got 0"),
        (lambda: Decay.of_samples(5, batch=math.inf), r"batch must be greater than 0 and finite; got inf"),
        (lambda: Decay(0.9).halflife_in_samples(-1), r"batch must be greater than 0 and finite; got -1"),
    ],
)
def test_conversions_refuse(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_the_recurrence_knows_nothing_of_series() -> None:
    code = "import sys; from optimlab import Decay; print([m for m in sys.modules if m.startswith('optimlab.series')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

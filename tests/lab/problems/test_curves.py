"""The curves: their truths, their noise, and the published numbers of the classic one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab.lab.problems import Curve, ar1_noise, bursts, classic_curve, parabola, ramp, sinusoid, step

GENERATORS: list[Callable[..., Curve]] = [parabola, step, ramp, sinusoid, bursts]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# Values of v[i] = β v[i-1] + (1-β) y[i], v[0] = 0, at six indices, then the largest value and where it is.
PUBLISHED = {
    0.9: ([0.005097, 0.074592, 0.802855, 0.964192, 0.647518, 0.089546], 1.024355, 204),
    0.98: ([0.001019, 0.021296, 0.507803, 0.870973, 0.782641, 0.379908], 0.935552, 219),
    0.5: ([0.025487, 0.115644, 0.910875, 0.925975, 0.531230, 0.032423], 1.130193, 198),
}


@pytest.mark.parametrize("beta", PUBLISHED)
def test_the_classic_curve_gives_the_published_averages(beta: float) -> None:
    values, largest, where = PUBLISHED[beta]
    y = classic_curve().values
    v = np.zeros_like(y)
    for i in range(1, len(y)):
        v[i] = beta * v[i - 1] + (1 - beta) * y[i]
    np.testing.assert_allclose(v[[1, 10, 100, 182, 300, 364]], values, rtol=0, atol=5.1e-7)
    assert v.max() == pytest.approx(largest, abs=5.1e-7)
    assert v.argmax() == where


def test_the_classic_curve_is_the_parabola_with_fixed_noise() -> None:
    curve, exact = classic_curve(), parabola(rng(), noise=0.0)
    np.testing.assert_array_equal(curve.x, exact.x)
    np.testing.assert_array_equal(curve.truth, exact.truth)
    np.testing.assert_array_equal(curve.values, classic_curve().values)
    assert (curve.noise_sd, curve.phi, curve.values.shape) == (0.1, 0.0, (365,))
    assert np.std(curve.values - curve.truth) == pytest.approx(0.1, rel=0.1)


def test_the_classic_curve_leaves_the_global_generator_alone() -> None:
    _, before, *position = np.random.get_state()  # noqa: NPY002
    classic_curve()
    _, after, *new_position = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(after, before)
    assert new_position == position


def test_parabola_truth() -> None:
    curve = parabola(rng())
    np.testing.assert_allclose(curve.x, -1 + 2 * np.arange(365) / 364, rtol=0, atol=1e-15)
    np.testing.assert_allclose(curve.truth, (1 - curve.x) * (1 + curve.x), rtol=0, atol=1e-15)
    assert curve.truth[182] == curve.truth.max() == 1.0
    right = parabola(rng(), 3, start=0.0, stop=2.0)
    np.testing.assert_array_equal(right.truth, [1.0, 0.0, -3.0])


def test_step_truth() -> None:
    np.testing.assert_array_equal(step(rng(), 5).truth, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(step(rng(), 3, at=0, height=-2).truth, [-2, -2, -2])
    np.testing.assert_array_equal(step(rng(), 3, at=2).truth, [0, 0, 1])


def test_ramp_truth_rises_by_the_slope() -> None:
    curve = ramp(rng(), 50, slope=-0.25)
    assert curve.truth[0] == 0.0
    np.testing.assert_array_equal(np.diff(curve.truth), -0.25)


def test_sinusoid_truth_repeats_and_has_its_amplitude() -> None:
    curve = sinusoid(rng(), 400, period=40, amplitude=3.0)
    np.testing.assert_allclose(curve.truth[40:], curve.truth[:-40], rtol=0, atol=1e-13)
    np.testing.assert_allclose(curve.truth[[0, 10, 20, 30]], [0, 3, 0, -3], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("every", "width"), [(7, 2), (7, 7), (1, 1), (10, 9)])
def test_bursts_truth_is_one_for_the_last_width_of_every_period(every: int, width: int) -> None:
    one = [0.0] * (every - width) + [1.0] * width
    np.testing.assert_array_equal(bursts(rng(), 3 * every, every=every, width=width).truth, one * 3)


@pytest.mark.parametrize("generator", GENERATORS)
class TestEveryGenerator:
    def test_without_noise_the_values_are_the_truth_in_an_array_of_their_own(self, generator) -> None:
        curve = generator(rng(), 20, noise=0.0)
        np.testing.assert_array_equal(curve.values, curve.truth)
        assert not np.shares_memory(curve.values, curve.truth)

    def test_the_noise_is_that_of_ar1_noise(self, generator) -> None:
        for phi in (0.0, 0.7):
            curve = generator(rng(4), 30, noise=0.3, phi=phi, draws=5)
            np.testing.assert_array_equal(curve.values, curve.truth + ar1_noise(rng(4), 30, phi=phi, sd=0.3, draws=5))
            assert (curve.noise_sd, curve.phi) == (0.3, phi)

    def test_the_default_is_365_samples_with_white_noise_of_a_tenth(self, generator) -> None:
        curve = generator(rng())
        assert (curve.values.shape, curve.noise_sd, curve.phi) == ((365,), 0.1, 0.0)
        assert curve.values.dtype == curve.truth.dtype == curve.x.dtype == np.float64
        assert curve.name == generator.__name__
        assert curve.description

    def test_one_sample_is_enough(self, generator) -> None:
        assert generator(rng(), 1, phi=0.5, draws=3).values.shape == (3, 1)

    def test_the_truth_does_not_depend_on_the_noise(self, generator) -> None:
        first, second = generator(rng(1), 40, noise=0.1), generator(rng(2), 40, noise=9.0, phi=-0.5, draws=2)
        np.testing.assert_array_equal(first.truth, second.truth)

    @pytest.mark.parametrize(
        ("bad", "error", "message"),
        [
            ({"n": 0}, ValueError, "n must be a whole number of at least 1; got 0"),
            ({"n": 3.0}, TypeError, r"n must be a whole number of at least 1; got 3\.0"),
            ({"n": True}, TypeError, "n must be a whole number of at least 1; got True"),
            ({"noise": -0.1}, ValueError, r"noise must be at least 0 and finite; got -0\.1"),
            ({"noise": np.nan}, ValueError, "noise must be at least 0 and finite; got nan"),
            ({"noise": np.inf}, ValueError, "noise must be at least 0 and finite; got inf"),
            ({"noise": "0.1"}, TypeError, r"noise must be at least 0 and finite; got '0\.1'"),
            ({"noise": [0.1]}, TypeError, r"noise must be at least 0 and finite, a single number; got \[0\.1\]"),
            ({"noise": 1j}, TypeError, "noise must be at least 0 and finite; got 1j"),
            ({"phi": 1.0}, ValueError, r"phi must be in \(-1, 1\), for the noise to be stationary; got 1\.0"),
            ({"phi": -1.0}, ValueError, r"phi must be in \(-1, 1\).*; got -1\.0"),
            ({"phi": np.nan}, ValueError, r"phi must be in \(-1, 1\).*; got nan"),
            ({"draws": 0}, ValueError, "draws must be a whole number of at least 1; got 0"),
            ({"draws": 2.5}, TypeError, r"draws must be a whole number of at least 1; got 2\.5"),
            ({"rng": 0.7}, TypeError, r"rng must be a numpy\.random\.Generator, a seed or None; got 0\.7"),
        ],
    )
    def test_bad_input_is_refused(self, generator, bad: dict[str, Any], error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            generator(**({"rng": rng()} | bad))


@pytest.mark.parametrize(
    ("generator", "bad", "message"),
    [
        (parabola, {"start": np.inf}, "start must be a finite number; got inf"),
        (parabola, {"stop": np.nan}, "stop must be a finite number; got nan"),
        (step, {"at": 365}, "at must be a whole number from 0 to 364; got 365"),
        (step, {"at": -1}, "at must be a whole number from 0 to 364; got -1"),
        (step, {"height": np.nan}, "height must be a finite number; got nan"),
        (ramp, {"slope": np.inf}, "slope must be a finite number; got inf"),
        (sinusoid, {"period": 1.9}, r"period must be a finite number of at least 2 samples; got 1\.9"),
        (sinusoid, {"amplitude": np.nan}, "amplitude must be a finite number; got nan"),
        (bursts, {"every": 0}, "every must be a whole number of at least 1; got 0"),
        (bursts, {"width": 0}, "width must be a whole number from 1 to 73; got 0"),
        (bursts, {"every": 4, "width": 5}, "width must be a whole number from 1 to 4; got 5"),
    ],
)
def test_each_parameter_of_a_curve_has_its_range(generator, bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generator(rng(), **bad)


@settings(deadline=None)  # the first call imports SciPy
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 40),
    phi=st.floats(-0.999, 0.999),
    sd=st.just(0.0) | st.floats(1e-9, 1e6),
)
def test_ar1_noise_is_its_recurrence(seed: int, n: int, phi: float, sd: float) -> None:
    z = rng(seed).standard_normal(n)
    expected = sd * z
    for i in range(1, n):
        expected[i] = phi * expected[i - 1] + sd * np.sqrt(1 - phi**2) * z[i]
    np.testing.assert_allclose(ar1_noise(rng(seed), n, phi=phi, sd=sd), expected, rtol=1e-9, atol=1e-9 * sd)


@settings(deadline=None)  # the first call imports SciPy
@given(seed=st.integers(0, 2**32), draws=st.integers(1, 5), phi=st.sampled_from([-0.9, 0.0, 0.5]))
def test_the_first_of_many_draws_is_the_single_draw(seed: int, draws: int, phi: float) -> None:
    many = ar1_noise(rng(seed), 12, phi=phi, draws=draws)
    assert many.shape == (draws, 12)
    np.testing.assert_array_equal(many[0], ar1_noise(rng(seed), 12, phi=phi))


@pytest.mark.parametrize("phi", [-0.8, 0.0, 0.9, 0.99])
def test_ar1_noise_is_stationary_from_its_first_sample(phi: float) -> None:
    draws = 40_000
    noise = ar1_noise(rng(11), 30, phi=phi, sd=2.0, draws=draws)
    # Five standard errors: sd/√(2N) for a deviation, at most 1/√N for a correlation.
    np.testing.assert_allclose(noise.std(axis=0), 2.0, rtol=5 / np.sqrt(2 * draws))
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=5 * 2.0 / np.sqrt(draws))
    for lag in (1, 3):
        for first in (0, 20):
            found = np.corrcoef(noise[:, first], noise[:, first + lag])[0, 1]
            assert found == pytest.approx(phi**lag, abs=5 / np.sqrt(draws))


@pytest.mark.parametrize(("bad", "name"), [({"sd": -1.0}, "sd"), ({"phi": 2.0}, "phi"), ({"n": 0}, "n")])
def test_ar1_noise_names_the_bad_argument(bad: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be "):
        ar1_noise(**({"rng": rng(), "n": 5, "phi": 0.5} | bad))


def test_new_noise_leaves_the_curve_as_it_was() -> None:
    curve = classic_curve()
    values = curve.values.copy()
    other = curve.with_noise(rng(), 0.5, phi=0.3, draws=4)
    assert (other.values.shape, other.noise_sd, other.phi) == ((4, 365), 0.5, 0.3)
    assert (curve.noise_sd, curve.phi) == (0.1, 0.0)
    np.testing.assert_array_equal(curve.values, values)
    assert (other.name, other.x is curve.x, other.truth is curve.truth) == (curve.name, True, True)


def test_a_curve_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        classic_curve().noise_sd = 0.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"truth": np.zeros(4)}, ValueError, r"x and truth must have one shape \(n,\); got \(365,\) and \(4,\)"),
        ({"x": np.zeros((5, 73))}, ValueError, r"x and truth must have one shape \(n,\); got \(5, 73\)"),
        ({"values": np.zeros((365, 2))}, ValueError, r"\(draws, n\) with n = 365; got \(365, 2\)"),
        ({"values": np.zeros((1, 2, 365))}, ValueError, r"\(draws, n\) with n = 365; got \(1, 2, 365\)"),
        ({"values": [0.0] * 365}, TypeError, "values must be a NumPy array; got list"),
        ({"noise_sd": np.nan}, ValueError, "noise_sd must be at least 0 and finite; got nan"),
        ({"phi": 1.0}, ValueError, r"phi must be in \(-1, 1\)"),
    ],
)
def test_a_curve_whose_parts_do_not_fit_is_refused(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        replace(classic_curve(), **changes)

"""Tunings against eigenvalues and searches; error and transient of the heavy ball against the real optimizer."""

import numpy as np
import pytest
from scipy.optimize import minimize

from optimlab import Optimizer, heavy_ball
from optimlab.lab.theory import (
    LinearRule,
    bare_steps,
    gradient_descent_optimum,
    heavy_ball_error,
    heavy_ball_optimum,
    heavy_ball_transient,
    nesterov_optimum,
    nesterov_textbook,
)

SPECTRA = [(1.0, 1.5), (1.0, 10.0), (0.3, 300.0), (2.0, 2e4)]
FORMS = {
    gradient_descent_optimum: lambda beta: LinearRule(),
    heavy_ball_optimum: LinearRule,
    nesterov_optimum: lambda beta: LinearRule(beta, trace=beta, gradient=1.0),
    nesterov_textbook: lambda beta: LinearRule(beta, trace=beta, gradient=1.0),
}


def worst(form, lr, beta, mu, L):
    """Largest spectral radius over the spectrum."""
    return form(beta).mode(lr * np.linspace(mu, L, 401)).radius.max()


@pytest.mark.parametrize("optimum", FORMS)
@pytest.mark.parametrize(("mu", "L"), SPECTRA)
def test_the_rate_is_the_largest_spectral_radius(optimum, mu, L):
    lr, beta, rate = optimum(mu, L)
    # A double root moves by the square root of a rounding error
    assert worst(FORMS[optimum], lr, beta, mu, L) == pytest.approx(rate, abs=1e-7)


@pytest.mark.parametrize("optimum", [heavy_ball_optimum, nesterov_optimum])
@pytest.mark.parametrize("kappa", [3.0, 30.0, 1000.0])
def test_no_search_finds_a_better_tuning(optimum, kappa):
    lr, beta, rate = optimum(1.0, kappa)
    form = FORMS[optimum]

    def radius(x):
        return worst(form, lr * np.exp(x[0]), np.clip(beta + x[1], 0.0, 0.9999), 1.0, kappa)

    simplex = np.array([[0.1, 0.0], [-0.1, 0.05], [0.05, -0.05]])
    options = {"initial_simplex": simplex, "xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000}
    found = minimize(radius, simplex[0], method="Nelder-Mead", options=options)
    assert found.fun >= rate - 1e-7
    for x in ((1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)):
        assert radius(x) > rate + 1e-6


def test_no_rate_of_gradient_descent_is_better():
    lr, _, rate = gradient_descent_optimum(1.0, 50.0)
    others = lr * np.linspace(0.5, 1.05, 200)
    assert min(worst(FORMS[gradient_descent_optimum], other, 0.0, 1.0, 50.0) for other in others) >= rate - 1e-15
    assert rate == pytest.approx(49 / 51, rel=1e-15)


def test_bare_steps_bring_a_power_to_the_tolerance():
    assert 0.9 ** bare_steps(0.9, 1e-6) == pytest.approx(1e-6, rel=1e-12, abs=0.0)
    kappa = np.array([100.0, 1000.0, 10_000.0])
    ratio = bare_steps(gradient_descent_optimum(1.0, kappa).rate, 1e-6)
    ratio /= bare_steps(heavy_ball_optimum(1.0, kappa).rate, 1e-6)
    np.testing.assert_allclose(np.arctanh(1.0 / np.sqrt(kappa)) / np.arctanh(1.0 / kappa), ratio, rtol=1e-9)
    np.testing.assert_allclose(ratio, np.sqrt(kappa), rtol=0.004)


def test_curvatures_broadcast():
    assert heavy_ball_optimum(np.ones((3, 1)), np.array([10.0, 100.0])).rate.shape == (3, 2)


@pytest.mark.parametrize("optimum", FORMS)
def test_bad_curvatures_are_named(optimum):
    for mu in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="mu must be greater than 0 and finite; got"):
            optimum(mu, 1.0)
        with pytest.raises(ValueError, match="L must be greater than 0 and finite; got"):
            optimum(1.0, [2.0, mu])
    with pytest.raises(ValueError, match=r"mu must be at most L; got mu=3\.0, L=2\.0"):
        optimum(3.0, 2.0)


def test_bad_arguments_are_named():
    for rate in (0.0, 1.0, np.nan):
        with pytest.raises(ValueError, match=r"rate must be in \(0, 1\); got"):
            bare_steps(rate, 1e-6)
    with pytest.raises(ValueError, match=r"tolerance must be in \(0, 1\]; got 0.0"):
        bare_steps(0.5, 0.0)


def simulated(kappa, steps):
    """‖w‖/‖w₀‖ of the real heavy ball at its optimum, from (1, 1)."""
    lr, beta, _ = heavy_ball_optimum(1.0, kappa)
    optimizer, w = Optimizer(heavy_ball(float(beta)), float(lr)), np.ones(2)
    errors = [1.0]
    for _ in range(steps):
        optimizer.step(w, np.array([1.0, kappa]) * w)
        errors.append(np.linalg.norm(w) / np.sqrt(2.0))
    return np.array(errors)


@pytest.mark.parametrize("kappa", [1.0, 2.0, 8.0, 8.7, 20.0, 100.0, 1000.0, 1e4])
def test_error_and_transient_are_those_of_the_optimizer(kappa):
    errors = simulated(kappa, 300)
    np.testing.assert_allclose(heavy_ball_error(kappa, np.arange(301)), errors, rtol=1e-8, atol=1e-14)
    peak, step = heavy_ball_transient(kappa)
    assert peak == pytest.approx(errors.max(), rel=1e-10)
    assert step == errors.argmax()


def test_the_transient_is_the_largest_error_at_any_condition():
    kappa = np.geomspace(1.0, 1e4, 2000)
    errors = heavy_ball_error(kappa, np.arange(100)[:, None])
    peak, step = heavy_ball_transient(kappa)
    np.testing.assert_array_equal(peak, errors.max(axis=0))
    np.testing.assert_array_equal(step, errors.argmax(axis=0))


def test_the_transient_grows_like_root_kappa():
    kappa = np.array([1e5, 1e6, 1e8])
    peak, step = heavy_ball_transient(kappa)
    np.testing.assert_allclose(peak / np.sqrt(kappa), 1 / (np.e * np.sqrt(2)), rtol=1e-4)
    np.testing.assert_allclose(step / np.sqrt(kappa), 0.5, rtol=0.02)


def test_the_transient_begins_at_its_smallest_condition():
    rho = np.sqrt(np.sqrt(5.0) - 2.0)  # ρ²(4 + ρ²) = 1: the first step changes nothing
    threshold = ((1 + rho) / (1 - rho)) ** 2
    assert threshold == pytest.approx(8.35, abs=0.005)
    assert heavy_ball_transient(threshold * 0.999)[0] == 1.0
    assert heavy_ball_transient(threshold * 1.001)[0] > 1.0


def test_bad_conditions_and_times_are_named():
    for kappa in (0.9, np.nan, np.inf):
        with pytest.raises(ValueError, match="condition must be at least 1 and finite; got"):
            heavy_ball_transient(kappa)
    with pytest.raises(ValueError, match=r"t must be whole numbers of at least 0 and finite; got -1\.0"):
        heavy_ball_error(10.0, -1)

"""Error and transient of the heavy ball against the real optimizer."""

import numpy as np
import pytest

from optimlab import Optimizer, heavy_ball
from optimlab.lab.theory import heavy_ball_error, heavy_ball_optimum, heavy_ball_transient


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


def test_bad_arguments_are_named():
    for kappa in (0.9, np.nan, np.inf):
        with pytest.raises(ValueError, match="condition must be at least 1 and finite; got"):
            heavy_ball_transient(kappa)
    with pytest.raises(ValueError, match=r"t must be whole numbers of at least 0 and finite; got -1\.0"):
        heavy_ball_error(10.0, -1)

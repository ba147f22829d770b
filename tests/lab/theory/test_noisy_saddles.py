"""Escape by noise against descents that are written out."""

import numpy as np
import pytest

from optimlab.lab.theory import noise_escape_mean, noise_escape_sd


@pytest.mark.parametrize(("lr", "h", "sd"), [(0.01, 2.0, 1e-3), (0.1, 1.0, 1e-6)])
def test_noise(lr, h, sd):
    rng, runs = np.random.default_rng(0), 4000
    y, steps = np.zeros(runs), np.zeros(runs)
    k = 0
    while (steps == 0).any():
        k += 1
        y += lr * (h * y + sd * rng.standard_normal(runs))
        y = np.clip(y, -2.0, 2.0)
        steps[(np.abs(y) >= 1.0) & (steps == 0)] = k
    expected_sd = float(noise_escape_sd(lr, curvature=h))
    error = 4 * expected_sd / np.sqrt(runs)
    # a whole step is half a step later than the formula, on average
    assert steps.mean() - 0.5 == pytest.approx(noise_escape_mean(sd, lr, curvature=h), abs=error)
    assert steps.std() == pytest.approx(expected_sd, rel=4 * np.sqrt(3.0 / 2.0 / runs))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="sd must be greater than 0 and finite; got nan"):
        noise_escape_mean([0.1, np.nan], 0.1, curvature=1.0)
    with pytest.raises(ValueError, match="lr must be greater than 0 and finite; got inf"):
        noise_escape_sd(np.inf, curvature=1.0)

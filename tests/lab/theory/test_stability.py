"""Limits of stability and the plateau against eigenvalues."""

import numpy as np
import pytest
from scipy.optimize import brentq

from optimlab.lab.theory import (
    ema_momentum_limit,
    ema_momentum_mode,
    heavy_ball_limit,
    heavy_ball_mode,
    heavy_ball_plateau,
    nesterov_limit,
    nesterov_mode,
)


@pytest.mark.parametrize(
    ("limit", "mode"),
    [(heavy_ball_limit, heavy_ball_mode), (ema_momentum_limit, ema_momentum_mode), (nesterov_limit, nesterov_mode)],
)
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.99])
def test_beyond_the_limit_an_eigenvalue_leaves_the_unit_circle(limit, mode, beta):
    def beyond(a):
        return np.abs(np.linalg.eigvals(mode(a, beta).matrix)).max() - 1.0

    assert brentq(beyond, 0.5, 1000.0, xtol=1e-13) == pytest.approx(limit(beta), rel=1e-9)


def test_limits_at_nine_tenths():
    assert [round(float(limit(0.9)), 4) for limit in (heavy_ball_limit, ema_momentum_limit)] == [3.8, 38.0]
    assert nesterov_limit(0.9) == pytest.approx(19 / 14, rel=1e-14)
    assert (nesterov_limit([0.1, 0.5, 0.9, 0.999]) < 2.0).all()


@pytest.mark.parametrize("beta", [0.0, 0.2, 0.9])
def test_the_plateau_is_where_roots_turn_complex(beta):
    low, high = heavy_ball_plateau(beta)
    for end in (low, high):
        assert (1 + beta - end) ** 2 == pytest.approx(4 * beta, abs=1e-14)
    assert high < heavy_ball_limit(beta) + 1e-15 or beta == 0.0


def test_bad_arguments_are_named():
    for function in (heavy_ball_limit, ema_momentum_limit, nesterov_limit, heavy_ball_plateau):
        for beta in (1.0, -0.5, np.nan):
            with pytest.raises(ValueError, match=r"beta must be in \[0, 1\); got"):
                function(beta)
    with pytest.raises(TypeError, match=r"beta must be in \[0, 1\); got True"):
        heavy_ball_limit(True)

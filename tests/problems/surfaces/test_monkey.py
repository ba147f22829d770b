"""The monkey saddle: r³ cos 3θ, and its gradient."""

import numpy as np

from optimlab import check_gradient
from optimlab.problems import MonkeySaddle


def test_value_in_polar_coordinates():
    rng = np.random.default_rng(0)
    r, angle = rng.uniform(0, 3, 100), rng.uniform(0, 2 * np.pi, 100)
    w = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=-1)
    np.testing.assert_allclose(MonkeySaddle().value(w), r**3 * np.cos(3 * angle), atol=1e-12)


def test_gradient():
    rng = np.random.default_rng(0)
    for w in rng.normal(size=(10, 2)):
        assert check_gradient(MonkeySaddle(), w, rng) < 1e-8


def test_the_origin_is_degenerate():
    (point,) = MonkeySaddle().points
    assert point.kind == "degenerate"
    np.testing.assert_array_equal(MonkeySaddle().gradient(point.at), np.zeros(2))

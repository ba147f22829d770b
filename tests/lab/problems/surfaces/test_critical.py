"""Newton's method and the complex step, on a function whose answers are known."""

from dataclasses import dataclass

import numpy as np
import pytest

from optimlab.lab.problems import Surface, critical_point, hessian


@dataclass(frozen=True)
class Waves(Surface):
    """sin x + cosh y + xy: critical points of no short form, Hessian [[-sin x, 1], [1, cosh y]]."""

    dimension = 2
    starts = np.zeros((1, 2))

    def _value(self, w):
        x, y = w[..., 0], w[..., 1]
        return np.sin(x) + np.cosh(y) + x * y

    def _gradient(self, w):
        x, y = w[..., 0], w[..., 1]
        return np.stack([np.cos(x) + y, np.sinh(y) + x], axis=-1)


def test_hessian_is_exact_to_rounding():
    for x, y in np.random.default_rng(0).normal(size=(20, 2)):
        expected = [[-np.sin(x), 1.0], [1.0, np.cosh(y)]]
        np.testing.assert_allclose(hessian(Waves(), np.array([x, y])), expected, rtol=4e-16, atol=1e-16)


def test_critical_point_is_polished_to_the_last_digits():
    point = critical_point(Waves(), (0.8, -0.7))
    x, y = point.at
    assert np.cos(x) + y == pytest.approx(0.0, abs=3e-16)
    assert np.sinh(y) + x == pytest.approx(0.0, abs=3e-16)
    assert point.value == np.sin(x) + np.cosh(y) + x * y
    product = -np.sin(x) * np.cosh(y) - 1.0
    assert np.prod(point.curvatures) == pytest.approx(product)
    assert point.kind == "saddle"


def test_the_same_question_is_answered_once():
    assert critical_point(Waves(), (0.8, -0.7)) is critical_point(Waves(), (0.8, -0.7))

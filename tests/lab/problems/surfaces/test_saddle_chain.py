"""The chain of saddles: its gradient, its critical points, and steps in logarithms against the descent itself."""

import numpy as np
import pytest

from optimlab import FirstPassage, Optimizer, check_gradient, descend, sgd
from optimlab.lab.problems import SaddleChain

E = np.e
CHAIN = SaddleChain(4, growth=0.3, contraction=1.2)


@pytest.mark.parametrize("point", [[0.5, -0.4, 0.3, 0.2], [3.0, -0.4, 0.3, 0.2], [-9.0, 12.0, 0.3, 0.2], [4.0] * 4])
def test_gradient(point):
    assert check_gradient(CHAIN.value, CHAIN.gradient, np.array(point), rng=0).error < 1e-7


def test_a_coordinate_has_its_turn_once_all_before_it_have_left():
    gradient = CHAIN.gradient([[0.1] * 4, [3.0, 0.1, 0.1, 0.1], [0.1, 3.0, 0.1, 0.1]])
    np.testing.assert_allclose(gradient[0], [-0.06, 0.24, 0.24, 0.24])
    np.testing.assert_allclose(gradient[1], [2.4 * (3 - 4 * E), -0.06, 0.24, 0.24])
    np.testing.assert_allclose(gradient[2], [-0.06, 7.2, 0.24, 0.24])  # it has not had its turn


def test_value_is_continuous_where_a_coordinate_leaves_but_for_the_next_one():
    before, after = CHAIN.value([[E * (1 - 1e-12), 0.0, 0.0, 0.0], [E * (1 + 1e-12), 0.0, 0.0, 0.0]])
    assert before == pytest.approx(after, abs=1e-9)
    before, after = CHAIN.value([[E * (1 - 1e-12), 0.5, 0.0, 0.0], [E * (1 + 1e-12), 0.5, 0.0, 0.0]])
    assert before - after == pytest.approx((1.2 + 0.3) * 0.25, abs=1e-9)


def test_critical_points():
    assert [point.kind for point in CHAIN.points] == ["saddle"] * 4 + ["minimum"]
    for point in CHAIN.points:
        np.testing.assert_array_equal(CHAIN.gradient(point.at), np.zeros(4))
        assert CHAIN.value(point.at) == pytest.approx(point.value, rel=1e-14)
        shift = 1e-4 * np.eye(4)
        hessian = (CHAIN.gradient(point.at + shift) - CHAIN.gradient(point.at - shift)) / 2e-4
        np.testing.assert_allclose(np.linalg.eigvalsh(hessian), point.curvatures, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_stays_and_divergence_is_silent(dtype):
    w = np.array([[np.inf, 0.1, 0.1, 0.1], [1e38, 0.1, np.nan, 0.1]], dtype)
    assert CHAIN.gradient(w).dtype == CHAIN.value(w).dtype == dtype
    assert CHAIN.gradient(w).shape == w.shape


def test_steps_in_logarithms_are_those_of_the_descent():
    chain, lr = SaddleChain(3, growth=0.25), 0.125
    start = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    passage = FirstPassage(np.abs, chain.radius)
    descend(chain, Optimizer(sgd(), lr=lr, replicas=50), 20_000, start=start, stop=passage, progress=False)
    np.testing.assert_array_equal(chain.escapes(start, lr), passage.steps)


def test_steps_go_on_where_float64_underflows():
    steps = SaddleChain(9, growth=0.25).escapes(np.full(9, 0.5), 0.125)
    assert steps[-1] > 1e7
    assert (np.diff(steps) > 4 * steps[:-1]).all()


def test_floor():
    chain = SaddleChain(5, growth=0.25)
    start = np.full(5, 0.5)
    np.testing.assert_array_equal(np.diff(chain.escapes(start, 0.125, floor=0.01)), 93.0)
    np.testing.assert_array_equal(chain.escapes(start, 0.125, floor=3.0), np.zeros(5))
    np.testing.assert_array_equal(chain.escapes(start, 0.125, floor=1e-300)[:3], chain.escapes(start, 0.125)[:3])


def test_from_the_axis_nothing_escapes():
    np.testing.assert_array_equal(SaddleChain(3).escapes([0.5, 0.0, 0.5], 0.1)[1:], [np.inf, np.inf])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SaddleChain(0), ValueError, "length must be a whole number of at least 1; got 0"),
        (lambda: SaddleChain(2, growth=0.0), ValueError, "growth must be greater than 0 and finite; got 0.0"),
        (lambda: SaddleChain(2, contraction="a"), TypeError, "contraction must be"),
        (
            lambda: CHAIN.escapes([0.5] * 4, 0.5),
            ValueError,
            r"lr must be in \(0, 0\.41666\d*\), below 1/\(2 contraction\); got 0\.5",
        ),
        (lambda: CHAIN.escapes([0.5] * 4, 0.0), ValueError, "lr must be"),
        (lambda: CHAIN.escapes([0.5] * 4, 0.1, floor=-1.0), ValueError, "floor must be"),
        (lambda: CHAIN.escapes([0.5] * 3, 0.1), ValueError, r"w must have shape \(..., 4\)"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()

"""The losses that mislead Adam."""

import numpy as np
import pytest

from optimlab.lab.problems import AlternatingLosses


def test_gradient_and_loss():
    losses = AlternatingLosses(5.0)
    assert [float(losses.gradient(t)) for t in range(1, 8)] == [5, -1, -1, 5, -1, -1, 5]
    assert losses.loss(4, 0.5) == 2.5
    np.testing.assert_array_equal(losses.loss(3, np.array([0.5, -1.0])), [-0.5, 1.0])


def test_the_best_point_is_the_left_one():
    losses, x = AlternatingLosses(2.5), np.linspace(-1, 1, 21)
    total = sum(losses.loss(t, x) for t in range(1, 31))
    regret = sum(losses.regret(t, x) for t in range(1, 31))
    assert total.argmin() == 0
    np.testing.assert_allclose(regret, total - total[0], atol=1e-12)
    np.testing.assert_allclose(total, 10 * 0.5 * x, atol=1e-12)


def test_replicas():
    np.testing.assert_array_equal(AlternatingLosses((3.0, 5.0)).gradient(1), [3.0, 5.0])
    np.testing.assert_array_equal(AlternatingLosses((3.0, 5.0)).gradient(2), [-1.0, -1.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: AlternatingLosses(2.0), ValueError, "C must be greater than 2 and finite; got 2.0"),
        (lambda: AlternatingLosses((3.0, np.inf)), ValueError, "C must be greater than 2 and finite; got inf"),
        (lambda: AlternatingLosses("3"), TypeError, "C must be"),
        (lambda: AlternatingLosses().gradient(0), ValueError, "t must be a whole number of at least 1; got 0"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()

"""Scalar expressions: the published counts and slopes of article 001."""

import numpy as np
import pytest

from optimlab.lab.autodiff import grad
from optimlab.lab.nets import MLP, TrainingLoss
from optimlab.lab.problems import Scalar, blocks_cost, chain_cost, xor, xor_cost


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7])
def test_paths_of_blocks(n):
    assert blocks_cost([Scalar(0.5) for _ in range(2 + 9 * n)]).back() == 22 * 3**n - 14


def test_slopes_of_the_chain_with_all_weights_1():
    """The article prints dC/dw of the first and the last weight."""
    scalars = [Scalar(number) for number in (1.0, 1.0, 3.0, *[1.0] * 10)]
    chain_cost(scalars).back()
    assert scalars[3].gradient == pytest.approx(-1.089e-6, abs=5e-10)
    assert scalars[12].gradient == pytest.approx(-0.6933, abs=5e-5)


def test_the_cost_is_that_of_the_net():
    w = np.random.default_rng(0).normal(size=9)
    numbers = [0.0, 1.0, *w.tolist()]
    loss = TrainingLoss(MLP((2, 2, 1), "sigmoid", output="sigmoid"), xor(), loss="squared")
    places = [0, 3, 1, 4, 2, 5, 6, 7, 8]  # unit after unit there, input after input in a net
    value, gradient = loss.value_and_gradient(w[places])
    assert xor_cost([Scalar(number) for number in numbers]).value == pytest.approx(8.0 * value, rel=1e-12)
    np.testing.assert_allclose(np.array(grad(xor_cost)(numbers))[2:][places], 8.0 * gradient, rtol=1e-10)


def test_overflow_is_data():
    """σ(-800) is 0 with slope 0 · inf; a power beyond float64 is inf."""
    numbers = [Scalar(number) for number in (1.0, 1.0, 3.0, *[-800.0] * 10)]
    assert chain_cost(numbers).back() == 206
    assert (Scalar(1e300) ** 2.0).value == np.inf
    assert (Scalar(0.0) ** -1.0).value == np.inf


def test_operands_are_scalars():
    with pytest.raises(TypeError, match="unsupported operand"):
        Scalar(1.0) + 2.0
    with pytest.raises(TypeError, match="unsupported operand"):
        Scalar(1.0) * 2.0

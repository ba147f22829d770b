"""The learning rate inside a rule."""

import numpy as np
import pytest

from optimlab import Gradient, Mean, Optimizer, Trace, Weights
from optimlab.rules.elementwise import Rate

INSIDE = (Rate() * Gradient() | Trace(0.9)) / Rate()
RATES = [0.3, 0.0, 0.07, 1e-300, 0.1]


def _gradients(*shape):
    return np.random.default_rng(0).standard_normal((len(RATES), *shape))


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_is_over_the_rate_is_the_step_to_the_last_bit(engine, dtype):
    opt, w = Optimizer(INSIDE, lr=lambda k: RATES[k], engine=engine), np.ones(5, dtype)
    expected, v = w.copy(), np.zeros(5, dtype)
    for rate, g in zip(RATES, _gradients(5).astype(dtype), strict=True):
        opt.step(w, g)
        v = dtype(0.9) * v + dtype(rate) * g
        expected -= v
        np.testing.assert_array_equal(w, expected)


def test_each_replica_has_its_own_rate_and_a_frozen_one_changes_no_bit():
    rates, gradients = np.array([0.3, 0.07, 0.01]), _gradients(3, 5)
    opt, w = Optimizer(INSIDE, lr=rates, replicas=3), np.ones((3, 5))
    single = [(Optimizer(INSIDE, lr=rate), np.ones(5)) for rate in rates]
    for t, g in enumerate(gradients):
        bad = g.copy()
        bad[1] = np.nan if t >= 2 else g[1]
        opt.step(w, bad)
        for i, (alone, u) in enumerate(single):
            if i != 1 or t < 2:
                alone.step(u, g[i])
            np.testing.assert_array_equal(w[i], u)


def test_within_a_sum_it_is_divided_by():
    opt, w = Optimizer(INSIDE + 0.5 * Weights(), lr=0.25), np.ones(1)
    assert opt.step(w, np.ones(1)) == [1.0 - 0.25 - 0.125]


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize(
    ("rule", "share", "decay"),
    [
        (INSIDE + 0.5 * Weights(), 1.0, 0.5),
        (0.5 * Weights() + INSIDE, 1.0, 0.5),
        (-INSIDE, -1.0, 0.0),
        (INSIDE / 2.0 - 0.25 * Weights(), 0.5, -0.25),
        (Gradient() / Gradient() * INSIDE, 1.0, 0.0),
        (INSIDE + 0.0 * Mean(), 1.0, 0.0),
    ],
    ids=repr,
)
def test_a_rate_of_zero_goes_on_with_the_buffer_also_in_a_sum_or_a_product(engine, rule, share, decay):
    opt, w, expected, v = Optimizer(rule, lr=lambda k: RATES[k], engine=engine), np.ones(5), np.ones(5), np.zeros(5)
    for rate, g in zip(RATES, _gradients(5), strict=True):
        opt.step(w, g)
        v = 0.9 * v + rate * g
        expected = expected - share * v - rate * decay * expected
        np.testing.assert_allclose(w, expected, rtol=1e-14)


def test_what_is_divided_by_a_part_with_the_rate_is_scaled():
    opt, w = Optimizer(Gradient() / (Gradient() / Rate()), lr=0.5), np.ones(1)
    assert opt.step(w, np.ones(1)) == [1.0 - 0.5 * 0.5]


def test_it_is_written_as_it_is_done():
    assert INSIDE.latex().splitlines()[-1] == r"w &\leftarrow w - v"
    assert (INSIDE + 0.5 * Weights()).latex().splitlines()[-1] == (
        r"w &\leftarrow w - \left(v + \eta \cdot 0.5\,w\right)"
    )

"""The chain's closed forms against a loop over logarithms."""

import numpy as np
import pytest

from optimlab.lab.theory import chain_bound, chain_factor, chain_mean


def leave(u, lr, g, L):
    """Steps at which a start u leaves each saddle, step by step in logarithms."""
    sizes, t, found = np.log(u), 0, []
    for k in range(len(u)):
        while sizes[k] < 1.0:
            sizes[k] += np.log(1 + 2 * lr * g)
            sizes[k + 1 :] += np.log(1 - 2 * lr * L)
            t += 1
        found.append(t)
    return found


@pytest.mark.parametrize(("lr", "g", "L"), [(0.125, 1.0, 1.0), (0.125, 0.5, 1.0), (0.05, 2.0, 3.0)])
def test_mean_and_factor(lr, g, L):
    rng = np.random.default_rng(1)
    steps = np.array([leave(rng.uniform(0, 1, 5), lr, g, L) for _ in range(150)])
    expected = chain_mean(np.arange(1, 6), lr, growth=g, contraction=L)
    error = 4 * steps.std(axis=0) / np.sqrt(len(steps))
    assert (np.abs(steps.mean(axis=0) - expected) < error).all()
    factor = chain_factor(lr, growth=g, contraction=L)
    assert np.median(steps[:, -1] / steps[:, -2]) == pytest.approx(factor, rel=3 * steps[:, 0].mean() / steps[0, -1])
    assert factor > chain_bound(g, L)


def test_factor_tends_to_its_bound():
    ratio = np.array([0.1, 1.0, 10.0])
    assert chain_factor(1e-9, growth=1.0, contraction=ratio) == pytest.approx(chain_bound(1.0, ratio), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chain_factor(0.5, growth=1.0, contraction=1.0), r"lr must be .*below 1/\(2 contraction\).*; got 0.5"),
        (lambda: chain_factor(0.1, growth=0.0, contraction=1.0), "growth must be greater than 0 and finite; got 0.0"),
        (lambda: chain_bound(1.0, -1.0), "contraction must be greater than 0 and finite; got -1.0"),
        (lambda: chain_mean(0, 0.1, growth=1.0, contraction=1.0), "saddle must be whole numbers .*; got 0.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_part_of_a_saddle_is_of_the_wrong_kind():
    with pytest.raises(TypeError, match=r"saddle must be whole numbers of at least 1; got 1\.5"):
        chain_mean(1.5, 0.1, growth=1.0, contraction=1.0)

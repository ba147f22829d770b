"""Random Hessians: symmetry, variances, edge and shift."""

import numpy as np
import pytest

from optimlab.lab.problems import goe_hessians


def rng():
    return np.random.default_rng(0)


def test_symmetric_with_the_stated_variances():
    n, draws = 4, 50_000
    h = goe_hessians(rng(), draws, n=n)
    assert h.shape == (draws, n, n)
    np.testing.assert_array_equal(h, h.transpose(0, 2, 1))
    error = 4 * np.sqrt(2 / draws)  # relative, of a variance
    np.testing.assert_allclose(h.var(axis=0), (1 + np.eye(n)) / n, rtol=error)
    assert abs(h.mean(axis=0)).max() < 5 * np.sqrt(2 / n / draws)


def test_elements_are_independent():
    h = goe_hessians(rng(), 50_000, n=3)[:, *np.triu_indices(3)]
    assert abs(np.corrcoef(h.T) - np.eye(6)).max() < 5 / np.sqrt(50_000)


def test_edge_and_shift():
    values = np.linalg.eigvalsh(goe_hessians(rng(), 4, n=400, shift=1.5))
    np.testing.assert_allclose(values[:, [0, -1]], [[-0.5, 3.5]] * 4, atol=0.1)
    plain = goe_hessians(rng(), 3, n=5)
    np.testing.assert_allclose(goe_hessians(rng(), 3, n=5, shift=0.5), plain + 0.5 * np.eye(5), rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"draws": 0, "n": 3}, ValueError, "draws must be a whole number of at least 1; got 0"),
        ({"draws": 2, "n": 0}, ValueError, "n must be a whole number of at least 1; got 0"),
        ({"draws": 2, "n": 2.0}, TypeError, "n must be a whole number"),
        ({"draws": 2, "n": 3, "shift": np.inf}, ValueError, "shift must be a finite number; got inf"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        goe_hessians(rng(), **arguments)
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        goe_hessians(0.5, 2, n=2)

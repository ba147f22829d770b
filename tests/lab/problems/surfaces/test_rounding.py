"""Rounded gradients: off by rounding errors, and by no more."""

import numpy as np
import pytest

from optimlab.lab.problems import Quadratic, Rounded, ravine

F = ravine(100.0)


def test_the_gradient_is_off_by_at_most_the_unit():
    w = np.ones((10_000, 2))
    off = Rounded(F, np.random.default_rng(0), unit=1e-3).gradient(w) / F.gradient(w) - 1
    assert 0.99e-3 < abs(off).max() <= 1e-3 * (1 + 1e-12)
    assert abs(off.mean(axis=0)).max() < 5e-5
    assert np.unique(off).size > 19_000  # each number is off by its own


def test_the_default_reaches_the_nearest_numbers_and_leans_to_no_side():
    w = np.random.default_rng(1).uniform(1, 4, size=(10_000, 2))
    identity = Quadratic((1.0, 1.0))
    off = Rounded(identity, np.random.default_rng(0)).gradient(w) - w
    assert {-2.0, -1.0, 0.0, 1.0, 2.0} == set(np.unique(off / np.spacing(w)))
    assert abs((off > 0).mean() - (off < 0).mean()) < 0.02


def test_zero_is_plain_arithmetic_for_each_replica():
    w = np.random.default_rng(1).normal(size=(2, 2))
    f = Rounded(F, np.random.default_rng(0), unit=np.array([[0.0], [1e-3]]))
    equal = f.gradient(w) == F.gradient(w)
    assert equal[0].all()
    assert not equal[1].any()


def test_value_start_and_dtype_are_the_surface_s():
    f = Rounded(F, np.random.default_rng(0))
    w = np.ones(2, np.float32)
    assert f.value(w) == F.value(w)
    assert f.gradient(w).dtype == np.float32
    np.testing.assert_array_equal(f.start, F.start)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="unit must be at least 0 and finite"):
        Rounded(F, np.random.default_rng(0), unit=-1.0)
    for unit in ("small", None, 1j, True):
        with pytest.raises(TypeError, match="unit must be at least 0 and finite"):
            Rounded(F, np.random.default_rng(0), unit=unit)
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        Rounded(F, 0.5)

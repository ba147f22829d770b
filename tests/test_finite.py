"""Norms that neither overflow nor underflow, with bits that nothing else changes; and what is not finite."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab.finite import all_finite, any_bad, norm, tame


@settings(max_examples=40)
@given(
    st.integers(1, 5),
    st.sampled_from([1, 7, 4095, 4096, 4097, 9001]),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**32 - 1),
)
def test_the_norm_of_a_replica_is_the_norm_of_it_alone(replicas, n, dtype, seed):
    batch = np.random.default_rng(seed).standard_normal((replicas, n)).astype(dtype)
    both = norm([batch, batch[:, :1].copy()], replicas)
    alone = [norm([row, row[:1].copy()], None) for row in batch]
    assert both.tolist() == alone
    exact = np.sqrt((batch.astype(np.longdouble) ** 2).sum(axis=1) + batch[:, 0].astype(np.longdouble) ** 2)
    np.testing.assert_allclose(both, exact.astype(float), rtol=2e-7 if dtype is np.float32 else 2e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [-1.0, -0.8, -0.3, 0.3, 0.8, 0.95])
def test_the_norm_survives_what_its_square_does_not(dtype, exponent):
    size = float(np.finfo(dtype).max) ** exponent
    g = np.full(9, size, dtype)
    assert norm([g], None) == pytest.approx(3 * float(g[0]), rel=1e-6)
    assert any_bad([g], None) is False


def test_the_norm_of_views_in_any_order():
    g = np.random.default_rng(0).standard_normal((40, 60))
    expected = np.sqrt((g**2).sum())
    for view in (g, g.T, np.asfortranarray(g), g[::-1, ::-1], np.repeat(g, 2, axis=1)[:, ::2]):
        assert norm([view], None) == pytest.approx(expected, rel=1e-14)
    assert norm([np.zeros((0, 3))], None) == 0
    assert norm([np.array(-2.0)], None) == 2


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_bits_of_the_norm_do_not_depend_on_strides(n, seed):
    g = np.random.default_rng(seed).standard_normal((3, n))
    alone = [norm([row], None) for row in g]
    for view in (g, np.asfortranarray(g), np.repeat(g, 2, axis=1)[:, ::2], g.reshape(3, 1, n).copy()):
        assert norm([view], 3).tolist() == alone


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_of_the_norm_do_not_depend_on_threads(dtype):
    code = (
        "import numpy as np; from optimlab.finite import norm; r = np.random.default_rng(0); "
        f"print(norm([r.standard_normal(10**6).astype('{dtype}')], None).hex())"
    )
    found = set()
    for threads in ("1", "2", "3"):
        variables = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        found.add(subprocess.run([sys.executable, "-c", code], env=os.environ | variables,
                                 capture_output=True, text=True, check=True).stdout)  # fmt: skip
    assert len(found) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [3, 9000])
def test_the_norm_of_each_replica_survives_what_its_square_does_not(dtype, n):
    """Sums of squares that overflow, underflow, or have lost digits, each beside one that is fine."""
    info = np.finfo(dtype)
    sizes = np.array([0.0, info.smallest_subnormal, info.tiny, info.tiny**0.5 / 30, 1.0, info.max**0.5, info.max / 1e5])
    ones = np.random.default_rng(0).uniform(0.5, 1.0, (len(sizes), n))
    g = (sizes[:, None] * ones).astype(dtype)
    exact = np.sqrt((g.astype(np.longdouble) ** 2).sum(axis=1)).astype(float)
    tolerance = 3e-7 if dtype is np.float32 else 3e-15
    np.testing.assert_allclose(norm([g], len(g)), exact, rtol=tolerance)
    np.testing.assert_allclose(norm([g[:, :1], g[:, 1:]], len(g)), exact, rtol=tolerance)
    np.testing.assert_allclose([norm([row], None) for row in g], exact, rtol=tolerance)


def test_the_norm_of_what_is_not_finite():
    g = np.array([[1.0, np.inf], [np.nan, 1.0], [-np.inf, np.nan], [3.0, 4.0]])
    np.testing.assert_array_equal(norm([g], 4), [np.inf, np.nan, np.nan, 5.0])
    np.testing.assert_array_equal([norm([row], None) for row in g], [np.inf, np.nan, np.nan, 5.0])
    assert type(norm([g[3]], None)) is type(norm([g[0]], None)) is float


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 8191, 8192, 8193, 20_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_wherever_it_is(dtype, n, bad):
    huge = np.full(n, np.finfo(dtype).max, dtype)  # the squares overflow
    with np.errstate(over="ignore", invalid="ignore"):
        assert all_finite(huge)
        for x in (huge, np.zeros(n, dtype)):
            for place in {0, n // 2, n - 1}:
                one = x.copy()
                one[place] = bad
                assert not all_finite(one)
                assert any_bad([x, one], None) is True
                assert any_bad([np.stack([x, one, x]), np.ones((3, 2), dtype)], 3).tolist() == [False, True, False]
    assert any_bad([huge], None) is False
    assert any_bad([np.stack([huge, huge])], 2).tolist() == [False, False]
    assert any_bad([np.ones((2, n), dtype)], 2).tolist() == [False, False]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_norm_that_is_safe_has_the_bits_of_the_root_of_one_sum(dtype):
    for seed in range(20):
        x = np.random.default_rng(seed).uniform(0.0, 1e-2, 9).astype(dtype)
        assert norm([x], None) == float(np.dot(x, x)) ** 0.5
        assert norm([x[None]], 1).tolist() == [float(np.dot(x, x)) ** 0.5]


@pytest.mark.parametrize(("dtype", "least", "most"), [(np.float32, 1e15, 2e16), (np.float64, 1e149, 2e150)])
def test_numbers_are_tame_if_sums_of_their_squares_are_far_from_overflow(dtype, least, most):
    x = np.full(20000, 1.0, dtype)
    for i in (0, 19999):
        for number, expected in ((-least, True), (most, False), (np.inf, False), (np.nan, False)):
            x[i] = number
            with np.errstate(all="ignore"):
                assert tame(x) is expected
        x[i] = 1.0

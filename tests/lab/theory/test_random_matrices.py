"""Random matrices: closed forms, the quadrature against the exact Pfaffian, both against draws."""

import math
from decimal import localcontext
from itertools import combinations

import numpy as np
import pytest
from scipy.special import betainc

from optimlab.lab.theory import (
    goe_density,
    goe_index,
    goe_minimum_probability,
    minimum_log_probability,
    minimum_log_probability_large,
    minimum_log_probability_signs,
    pfaffian,
    semicircle_density,
    semicircle_index,
)

CLOSED = [0.5, (2 - math.sqrt(2)) / 4, (math.pi - 2 * math.sqrt(2)) / (4 * math.pi)]
SHIFTS = np.array([-1.0, 0.0, 0.7, 1.4, 2.0, 2.6])


def spectra(n, draws=40_000):
    """Eigenvalues of GOE matrices with edge 2, one at a time from the definition."""
    rng = np.random.default_rng(n)
    m = np.zeros((draws, n, n))
    for i in range(n):
        m[:, i, i] = rng.normal(0.0, math.sqrt(2 / n), draws)
    for i, j in combinations(range(n), 2):
        m[:, i, j] = m[:, j, i] = rng.normal(0.0, math.sqrt(1 / n), draws)
    return np.linalg.eigvalsh(m)


def test_closed_forms_of_the_first_three():
    np.testing.assert_allclose(np.exp(minimum_log_probability([1, 2, 3])), CLOSED, rtol=1e-14)


@pytest.mark.parametrize("n", [1, 4, 5, 12, 13])
def test_the_recurrence_gives_the_incomplete_beta_function(n):
    with localcontext(prec=60):
        signs = pfaffian._signs(n).astype(float)
    k, j = np.meshgrid(np.arange(n), np.arange(n))
    np.testing.assert_allclose(signs, 1 - 2 * betainc((k + 1) / 2, (j + 1) / 2, 0.5), rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", range(1, 9))
def test_quadrature_agrees_with_the_exact_value(n):
    assert goe_minimum_probability(n, 0.0) == pytest.approx(math.exp(minimum_log_probability(n)), rel=0, abs=1e-12)


@pytest.mark.parametrize("n", [40, 101])
def test_more_digits_change_nothing(n):
    exact = minimum_log_probability(n)
    with localcontext(prec=40 + 3 * n):
        found = pfaffian._leading_pfaffians(pfaffian._bordered(pfaffian._signs(n)), n)[-1]
        log = float(found.ln()) + n * (n - 5) / 4 * math.log(2)
    assert exact == pytest.approx(log, rel=1e-14)


def test_large_n_is_approached_in_the_second_difference():
    log = minimum_log_probability(np.arange(1, 101))
    law = minimum_log_probability_large(np.arange(1, 101))
    second = np.diff(log[1::2], 2), np.diff(law[1::2], 2)
    assert second[0][-1] == pytest.approx(second[1][-1], rel=1e-5)
    assert second[0][3] != pytest.approx(second[1][3], rel=1e-5)


def test_sign_model():
    np.testing.assert_allclose(np.exp(minimum_log_probability_signs([1, 2, 6])), [1 / 2, 1 / 4, 1 / 64], rtol=1e-14)


@pytest.mark.parametrize("n", [2, 3, 8, 9])
def test_shifted_matrices_against_draws(n):
    values = spectra(n)
    for shift in (0.0, 1.0, 1.7):
        p, index = goe_minimum_probability(n, shift), goe_index(n, shift)
        below = values < -shift
        assert (~below.any(axis=1)).mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / len(values)) + 1e-4)
        shares = below.mean(axis=1)
        assert shares.mean() == pytest.approx(index, abs=4 * shares.std() / math.sqrt(len(values)))


@pytest.mark.parametrize("n", [1, 2, 7, 20, 100])
def test_density_and_index(n):
    x = np.linspace(-12.0, 12.0, 30_001)
    density = goe_density(n, x)
    assert density.sum() * (x[1] - x[0]) == pytest.approx(1.0, abs=1e-9)
    assert (density * x**2).sum() * (x[1] - x[0]) == pytest.approx((n + 1) / n, abs=1e-9)  # E tr H²/n
    np.testing.assert_allclose(density, density[::-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(goe_index(n, SHIFTS) + goe_index(n, -SHIFTS), 1.0, rtol=0, atol=1e-12)


def test_semicircle():
    x = np.linspace(-2.0, 2.0, 200_001)
    cumulated = np.cumsum(semicircle_density(x)) * (x[1] - x[0])
    np.testing.assert_allclose(semicircle_index(-x[::1000]), cumulated[::1000], rtol=0, atol=1e-5)
    assert semicircle_index([-3.0, 3.0]).tolist() == [1.0, 0.0]
    assert semicircle_density([-2.5, 2.5]).tolist() == [0.0, 0.0]


def test_finite_matrices_approach_the_semicircle():
    errors = [np.abs(goe_index(n, SHIFTS) - semicircle_index(SHIFTS)).max() for n in (5, 20, 80)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert goe_density(100, 0.3) == pytest.approx(semicircle_density(0.3), abs=0.01)


def test_a_single_eigenvalue_is_gaussian():
    np.testing.assert_allclose(
        goe_minimum_probability(1, SHIFTS), [0.5 * math.erfc(-s / 2) for s in SHIFTS], rtol=0, atol=1e-12
    )


def test_shapes_broadcast():
    assert np.shape(minimum_log_probability(3)) == ()
    assert minimum_log_probability([[1, 2], [3, 4]]).shape == (2, 2)
    assert goe_minimum_probability(3, SHIFTS.reshape(2, 3)).shape == (2, 3)
    assert goe_index(3, SHIFTS.reshape(2, 3)).shape == (2, 3)
    assert goe_density(3, 0.0).shape == ()
    assert goe_minimum_probability(3, 1e9) == pytest.approx(1.0, abs=1e-12)
    assert goe_minimum_probability(3, -1e9) == 0.0


@pytest.mark.parametrize("law", [minimum_log_probability, minimum_log_probability_large, minimum_log_probability_signs])
def test_laws_refuse_what_is_no_size(law):
    with pytest.raises(ValueError, match="n must be whole numbers from 1 to 9e15; got 0"):
        law(0)
    with pytest.raises(TypeError, match=r"n must be whole numbers from 1 to 9e15; got 2\.5"):
        law(2.5)


@pytest.mark.parametrize("function", [goe_minimum_probability, goe_index, goe_density])
def test_finite_sizes_refuse_what_is_no_size(function):
    with pytest.raises(ValueError, match="n must be a whole number from 1 to 100; got 101"):
        function(101, 0.0)
    with pytest.raises(TypeError, match=r"n must be a whole number from 1 to 100; got 2\.0"):
        function(2.0, 0.0)
    with pytest.raises(ValueError, match="must be a finite number; got nan"):
        function(3, math.nan)

"""Moments of clipped numbers against quadrature of the densities of SciPy."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from optimlab.lab.theory import (
    clipped_exponential,
    clipped_normal,
    clipped_normal_cosine,
    clipped_student,
)

MEANS = (-3.0, 0.0, 0.4, 2.0)
LIMITS = (0.1, 1.0, 4.0)


def by_quadrature(law, limit):
    """E[X̂] and Var[X̂] of a frozen law of SciPy."""
    points = [x for x in (law.support()[0],) if -limit < x < limit]
    inner = [quad(lambda x, k=k: x**k * law.pdf(x), -limit, limit, points=points, epsabs=1e-13)[0] for k in (1, 2)]
    mean = inner[0] + limit * (law.sf(limit) - law.cdf(-limit))
    return mean, inner[1] + limit**2 * (law.sf(limit) + law.cdf(-limit)) - mean**2


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("scale", [0.3, 2.0])
def test_moments_against_quadrature(mean, limit, scale):
    cases = [
        (clipped_normal(mean, scale, limit), stats.norm(mean, scale)),
        (clipped_exponential(mean, scale, limit), stats.expon(mean - scale, scale)),
        *((clipped_student(mean, scale, df, limit), stats.t(df, mean, scale)) for df in (1.2, 1.5, 2.0, 3.0, 4.0, 9.5)),
    ]
    for found, law in cases:
        np.testing.assert_allclose(found, by_quadrature(law, limit), rtol=1e-9, atol=1e-11)


def test_a_wide_limit_changes_nothing():
    np.testing.assert_allclose(clipped_normal(0.3, 2.0, 50.0), [0.3, 4.0], rtol=1e-12)
    np.testing.assert_allclose(clipped_exponential(0.3, 2.0, 200.0), [0.3, 4.0], rtol=1e-12)
    np.testing.assert_allclose(clipped_student(0.3, 1.0, 30.0, 1e3), [0.3, 30 / 28], rtol=1e-12)


def test_many_degrees_of_freedom_are_normal():
    np.testing.assert_allclose(clipped_student(0.5, 1.0, 1e7, 1.0), clipped_normal(0.5, 1.0, 1.0), rtol=1e-5)


def test_infinite_variance_is_bounded_but_grows_with_the_limit():
    variances = clipped_student(0.0, 1.0, 1.5, np.array([1e6, 1e8])).variance
    assert variances[1] / variances[0] == pytest.approx(100**0.5, rel=2e-3)  # c^(2-ν), next order c^(-1/2)


def test_two_degrees_of_freedom_grow_as_the_logarithm():
    variances = clipped_student(0.0, 1.0, 2.0, np.array([1e3, 1e6, 1e9])).variance
    np.testing.assert_allclose(np.diff(variances), 2 * math.log(1e3), rtol=1e-5)
    np.testing.assert_allclose(
        clipped_student(0.2, 1.0, 2.0, 1.5), clipped_student(0.2, 1.0, 2.0 + 1e-9, 1.5), rtol=1e-8
    )


@pytest.mark.parametrize("limit", [0.2, 1.0, 3.0])
def test_cosine_of_a_long_gradient(limit):
    z = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    clipped = np.clip(z, -limit, limit)
    cosine = z @ clipped / np.linalg.norm(z) / np.linalg.norm(clipped)
    assert clipped_normal_cosine(limit) == pytest.approx(cosine, rel=1e-4)


def test_arguments_broadcast():
    assert clipped_normal([[0.0], [1.0]], [1.0, 2.0, 3.0], 1.0).mean.shape == (2, 3)
    assert clipped_student(0.0, [1.0, 2.0], 3.0, 1.0).variance.shape == (2,)
    assert clipped_exponential([0.0, 1.0], 1.0, 1.0).mean.shape == (2,)
    assert clipped_normal_cosine([[1.0, 2.0]]).shape == (1, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clipped_normal(math.nan, 1.0, 1.0), "mean must be a finite number; got nan"),
        (lambda: clipped_normal(0.0, 0.0, 1.0), r"sd must be greater than 0 and finite; got 0\.0"),
        (lambda: clipped_normal(0.0, 1.0, math.inf), "limit must be greater than 0 and finite; got inf"),
        (lambda: clipped_exponential(0.0, -1.0, 1.0), r"scale must be greater than 0 and finite; got -1\.0"),
        (
            lambda: clipped_student(0.0, 1.0, 1.0, 1.0),
            r"df must be in \(1, 1e12\], .* clipped_normal .*; got 1\.0",
        ),
        (lambda: clipped_student(0.0, 1.0, math.inf, 1.0), "df must be .*; got inf"),
        (lambda: clipped_normal_cosine(0.0), r"limit must be greater than 0 and finite; got 0\.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

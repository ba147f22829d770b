"""The noisy quadratic is a quadratic with noise of the stated size, for any number of replicas."""

import numpy as np
import pytest

from optimlab import check_gradient
from optimlab.lab.problems import GaussianNoise, NoisyQuadratic, Quadratic, TwelveUniforms, noisy_quadratic

H, C = (2.0, 0.5, 0.1), (1.0, 4.0, 0.0)


def test_it_is_made_of_a_quadratic_and_noise():
    model = NoisyQuadratic(np.array(H), list(C), batch=16)
    assert model == NoisyQuadratic(H, C, 16.0)
    assert hash(model) == hash(NoisyQuadratic(H, C, 16.0))
    assert model.surface == Quadratic(H)
    assert model.noise == GaussianNoise((0.25, 0.5, 0.0))


def test_gradients_have_the_mean_and_the_variance_of_a_batch():
    model = NoisyQuadratic(H, C, batch=4)
    problem = model.seen(np.random.default_rng(3))
    w = np.broadcast_to([1.0, -2.0, 3.0], (40_000, 3))
    gradients = problem.gradient(w)
    assert gradients.shape == w.shape
    assert np.ptp(gradients[:, 2]) == 0.0
    sd = np.sqrt(np.array(C) / 4)
    assert (np.abs(gradients.mean(axis=0) - [2.0, -1.0, 0.3]) <= 5.0 * sd / np.sqrt(len(w)) + 1e-12).all()
    np.testing.assert_allclose(gradients.var(axis=0), sd**2, rtol=0.05, atol=1e-20)
    np.testing.assert_array_equal(problem.value(w), model.surface.value(w))


def test_gradient_without_noise_is_that_of_the_value():
    model = NoisyQuadratic(H, (0.0,) * 3)
    problem = model.seen(np.random.default_rng(0))
    assert check_gradient(problem.value, problem.gradient, np.array([1.0, 2.0, -1.0]), rng=1).error < 1e-8


def test_the_papers_choice():
    model = noisy_quadratic(1000, batch=8)
    np.testing.assert_array_equal(model.curvatures, 1.0 / np.arange(1, 1001))
    assert model.variances == model.curvatures
    assert model.noise.sd[3] == np.sqrt(0.25 / 8)


def test_the_same_seed_gives_the_same_gradients():
    w, model = np.ones((5, 3)), NoisyQuadratic(H, C)
    first, second = (model.seen(np.random.default_rng(7)).gradient(w) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((), ()), ValueError, "curvatures must be a sequence of at least one number"),
        (((1.0, 0.0), C), ValueError, "curvatures must be greater than 0 and finite; got 0.0"),
        (((1.0, np.nan), C), ValueError, "curvatures must be greater than 0 and finite; got nan"),
        ((H, (1.0, -1.0, 1.0)), ValueError, "variances must be at least 0 and finite; got -1.0"),
        ((H, (1.0,)), ValueError, "variances must be as many as curvatures, 3; got 1"),
        ((H, C, 0), ValueError, "batch must be greater than 0 and finite; got 0"),
        ((H, C, "8"), TypeError, "batch must be greater than 0 and finite; got '8'"),
        ((("1",), (1.0,)), TypeError, r"curvatures must be greater than 0 and finite; got \('1',\)"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        NoisyQuadratic(*arguments)


def test_a_bad_dimension_is_named():
    with pytest.raises(ValueError, match="dimension must be a whole number of at least 1; got 0"):
        noisy_quadratic(0)


@pytest.mark.parametrize("sd", [-1.0, np.nan, (), (1.0, -1.0)])
def test_standard_deviations_are_checked(sd):
    for noise in (GaussianNoise, TwelveUniforms):
        with pytest.raises(ValueError, match="sd must be a"):
            noise(sd)


def test_twelve_uniform_numbers_are_added_from_the_left():
    e, u = TwelveUniforms((1.0, 3.0)).draw(5, (50, 2)), np.random.default_rng(5).random((50, 2, 12))
    total = u[..., 0]
    for i in range(1, 12):
        total = total + u[..., i]
    np.testing.assert_array_equal(e, (total - 6.0) * [1.0, 3.0])
    many = TwelveUniforms(2.0).draw(0, (10**5,))
    assert abs(many.mean()) < 0.03
    assert abs(many.var() - 4.0) < 0.1

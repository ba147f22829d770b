"""Variance propagation against integrals, samples and textbook numbers."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from optimlab.lab import theory

FUNCTIONS = {
    "linear": (lambda z: z, lambda z: 1.0),
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "leaky_relu": (lambda z: z if z > 0 else 0.2 * z, lambda z: 1.0 if z > 0 else 0.2),
    "tanh": (np.tanh, lambda z: np.cosh(min(abs(z), 300.0)) ** -2),
    "sigmoid": (lambda z: 0.5 + 0.5 * np.tanh(z / 2), lambda z: 0.25 * np.cosh(min(abs(z / 2), 300.0)) ** -2),
}


def integral(function, q):
    edge = 3 / np.sqrt(q)
    return quad(
        lambda x: function(np.sqrt(q) * x) ** 2 * stats.norm.pdf(x),
        -12,
        12,
        points=[-edge, 0, edge],
        limit=200,
        epsabs=1e-13,
    )[0]


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("q", [0.1, 1.0, 7.0, 500.0])
def test_moments_are_gaussian_integrals(activation, q):
    value, slope = FUNCTIONS[activation]
    assert theory.activation_moment(activation, q, slope=0.2) == pytest.approx(integral(value, q), rel=1e-9)
    assert theory.slope_moment(activation, q, slope=0.2) == pytest.approx(integral(slope, q), rel=1e-9)


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_moments_take_arrays(activation):
    q = np.array([[0.0, 0.5], [1.0, 20.0]])
    for function in (theory.activation_moment, theory.slope_moment):
        each = [float(function(activation, value)) for value in q.ravel()]
        assert function(activation, q) == pytest.approx(np.reshape(each, q.shape), rel=1e-14)


def test_forward_and_backward_by_hand():
    forward = theory.forward_moments("leaky_relu", [1.0, 2.0], 3, start=4.0, slope=0.5)
    assert forward == pytest.approx(4.0 * np.array([0.625, 1.25]) ** np.arange(4)[:, None], rel=1e-14)
    backward = theory.backward_factors("leaky_relu", [1.0, 2.0], 3, slope=0.5)
    assert backward == pytest.approx(np.sqrt([[0.625, 1.25]] * 3), rel=1e-14)
    moments = theory.forward_moments("tanh", 2.0, 2)
    assert moments[2] == theory.activation_moment("tanh", 2.0 * theory.activation_moment("tanh", 2.0))
    slopes = theory.slope_moment("tanh", 2.0 * moments[:2])
    assert theory.backward_factors("tanh", 2.0, 2) == pytest.approx(np.sqrt(2.0 * slopes), rel=1e-14)


def test_one_wide_layer_of_sigmoids():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((1, 2000))
    a /= np.sqrt((a**2).mean())
    z = (a @ rng.normal(0, np.sqrt(3.0 / 2000), (2000, 200_000 // 100))).ravel()
    y = 1 / (1 + np.exp(-z))
    for sample, expected in (
        (y**2, theory.activation_moment("sigmoid", 3.0)),
        ((y * (1 - y)) ** 2, theory.slope_moment("sigmoid", 3.0)),
    ):
        assert abs(sample.mean() - expected) < 3.9 * sample.std() / np.sqrt(len(sample))


def test_the_pre_activations_of_one_unit():
    sd = theory.preactivation_sd(10_000, [1 / 3, 1.0, theory.truncated_variance(), 1e-4])
    assert sd == pytest.approx([33.33, 57.74, 50.79, 0.5774], rel=2e-4)
    assert theory.outside_probability(sd) == pytest.approx([0.9761, 0.9862, 0.9843, 0.0833], abs=5e-5)
    assert theory.outside_probability(2.0, bound=[0.0, 2.0]) == pytest.approx([1.0, 2 * stats.norm.sf(1.0)], rel=1e-14)


@pytest.mark.parametrize("cut", [0.1, 1.0, 2.0, 5.0, 30.0])
def test_truncated_variance(cut):
    assert theory.truncated_variance(cut) == pytest.approx(stats.truncnorm(-cut, cut).var(), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.activation_moment("none", 1.0), "activation must be one of 'linear'.*; got 'none'"),
        (lambda: theory.slope_moment("none", 1.0), "activation must be one of"),
        (lambda: theory.activation_moment("relu", -1.0), "q must be at least 0 and finite; got -1.0"),
        (lambda: theory.slope_moment("tanh", np.nan), "q must be at least 0 and finite"),
        (lambda: theory.forward_moments("relu", -1.0, 3), "g must be at least 0 and finite"),
        (lambda: theory.forward_moments("relu", 1.0, 0), "layers must be a whole number of at least 1; got 0"),
        (lambda: theory.backward_factors("relu", 1.0, 3, start=-1.0), "start must be at least 0 and finite"),
        (lambda: theory.preactivation_sd(0, 1.0), "n must be at least 1 and finite; got 0"),
        (lambda: theory.preactivation_sd(5, -1.0), "variance must be at least 0 and finite"),
        (lambda: theory.outside_probability(0.0), "sd must be greater than 0 and finite; got 0.0"),
        (lambda: theory.truncated_variance(0.0), "cut must be greater than 0 and finite; got 0.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

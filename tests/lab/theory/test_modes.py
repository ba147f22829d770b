"""Modes against the rules' own iteration matrices, retyped, and the real optimizers; limits against eigenvalues."""

import numpy as np
import pytest
from scipy.optimize import brentq

from optimlab import Optimizer, heavy_ball, momentum, nesterov, sgd
from optimlab.lab.theory import LinearRule, Mode, heavy_ball_plateau

PRODUCTS = np.array([-0.5, 0.0, 1e-3, 0.05, 0.3, 1.0, 1.3, 1.99, 2.5, 3.7, 4.5])  # lr h
BETAS = [0.0, 0.01, 0.25, 0.5, 0.9, 0.99]
FORMS = {
    "heavy ball": LinearRule,
    "ema": lambda beta: LinearRule(beta, trace=1.0 - np.asarray(beta)),
    "nesterov": lambda beta: LinearRule(beta, trace=beta, gradient=1.0),
}
RULES = {"heavy ball": heavy_ball, "ema": momentum, "nesterov": nesterov}


def retyped(name, a, beta):
    """(w, buffer) ← M (w, buffer) for curvature 1 and learning rate a, read off the rule's two lines."""
    alpha = 1.0 - beta
    return {
        "heavy ball": np.array([[1 - a, -a * beta], [1, beta]]),  # v' = βv + w, w' = w - a v'
        "ema": np.array([[1 - a * alpha, -a * beta], [alpha, beta]]),  # m' = βm + (1-β)w, w' = w - a m'
        "nesterov": np.array([[1 - a * (1 + beta), -a * beta**2], [1, beta]]),  # w' = w - a (w + β v')
    }[name]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("beta", BETAS)
def test_roots_are_the_eigenvalues_of_the_iteration(name, beta):
    mode = FORMS[name](beta).mode(PRODUCTS)
    for i, a in enumerate(PRODUCTS):
        matrix = retyped(name, a, beta)
        assert np.trace(mode.matrix[i]) == pytest.approx(np.trace(matrix), abs=1e-14)
        assert np.linalg.det(mode.matrix[i]) == pytest.approx(np.linalg.det(matrix), abs=1e-14)
        # A double root moves by the square root of a rounding error
        assert mode.radius[i] == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max(), abs=3e-8)
        assert mode.radius[i] == pytest.approx(np.abs(np.linalg.eigvals(mode.matrix[i])).max(), abs=3e-8)
        assert np.poly(mode.roots[i]) == pytest.approx(np.poly(matrix), abs=1e-13)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("beta", BETAS)
def test_values_are_what_the_optimizer_does(name, beta):
    w = np.ones((len(PRODUCTS), 1))
    optimizer = Optimizer(RULES[name](beta), lr=1.0, replicas=len(PRODUCTS))
    found = [w[:, 0].copy()]
    for _ in range(60):
        optimizer.step(w, PRODUCTS[:, None] * w)
        found.append(w[:, 0].copy())
    expected = FORMS[name](beta).mode(PRODUCTS).values(np.arange(61)[:, None])
    scale = np.maximum.accumulate(np.abs(expected))
    np.testing.assert_array_less(np.abs(np.array(found) - expected) / scale, 1e-10)


def test_gradient_descent_is_the_heavy_ball_without_momentum():
    w = np.ones(1)
    optimizer = Optimizer(sgd(), lr=0.3)
    for _ in range(5):
        optimizer.step(w, w)
    assert LinearRule(0.0).mode(0.3).values(5) == pytest.approx(w[0], rel=1e-14)
    np.testing.assert_allclose(LinearRule(0.0).mode(PRODUCTS).radius, np.abs(1 - PRODUCTS), rtol=1e-15)


@pytest.mark.parametrize("beta", [0.1, 0.5, 0.9, 0.99])
def test_complex_roots_have_modulus_root_beta_whatever_the_rate(beta):
    root = np.sqrt(beta)
    inside = np.linspace((1 - root) ** 2, (1 + root) ** 2, 101)[1:-1]
    np.testing.assert_allclose(LinearRule(beta).mode(inside).radius, root, rtol=1e-13)
    assert (np.abs(LinearRule(beta).mode(inside).roots.imag) > 0).all()
    for outside in ((1 - root) ** 2 / 2, (1 + root) ** 2 * 1.01):
        assert LinearRule(beta).mode(outside).radius > root


def test_double_roots_and_what_is_next_to_them():
    t = np.arange(200)
    for z in (0.9, -0.9, 0.5, -0.5):
        exact = z**t * (1 + t * (0.3 / z - 1))
        for off in (0.0, 1e-15, -1e-15):
            found = Mode(2 * z, z * z * (1 + off), 0.3).values(t)
            np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-15)


def test_roots_at_zero():
    np.testing.assert_array_equal(Mode(0.0, 0.0, 0.0).values([0, 1, 2, 3]), [1, 0, 0, 0])
    np.testing.assert_array_equal(Mode(0.0, 0.0, 0.5).values([0, 1, 2, 3]), [1, 0.5, 0, 0])
    np.testing.assert_array_equal(Mode(0.0, 0.0, 0.5).roots, [0, 0])
    np.testing.assert_allclose(Mode(0.0, -0.25, 1.0).values([0, 1, 2, 3]), [1, 1, 0.25, 0.25])


def test_shapes_broadcast_and_numbers_stay_numbers():
    mode = LinearRule(np.array([0.1, 0.2])).mode(np.ones((3, 1)))
    assert mode.matrix.shape == (3, 2, 2, 2)
    assert mode.roots.shape == (3, 2, 2)
    assert mode.values(np.zeros((5, 1, 1))).shape == (5, 3, 2)
    assert np.ndim(LinearRule(0.9).mode(0.1).radius) == np.ndim(LinearRule(0.9).mode(0.1).values(3)) == 0


def test_divergence_is_data():
    assert abs(LinearRule(0.9).mode(5.0).values(10_000)) == np.inf


@pytest.mark.parametrize("beta", [1.0, -0.1, np.nan])
@pytest.mark.parametrize("name", FORMS)
def test_bad_arguments_are_named(name, beta):
    with pytest.raises(ValueError, match=r"beta must be in \[0, 1\); got"):
        FORMS[name]([0.5, beta])
    with pytest.raises(ValueError, match="lr_h must be a finite number; got inf"):
        FORMS[name](0.5).mode([1.0, np.inf])
    with pytest.raises(TypeError, match="lr_h must be a finite number; got 'fast'"):
        FORMS[name](0.5).mode("fast")


def test_bad_times_and_coefficients_are_named():
    for t, error in ((-1, ValueError), (0.5, TypeError), (np.inf, ValueError), (np.nan, ValueError)):
        with pytest.raises(error, match="t must be whole numbers of at least 0 and finite; got"):
            LinearRule(0.9).mode(0.1).values([1, t])
    with pytest.raises(ValueError, match="q must be a finite number; got nan"):
        Mode(1.0, np.nan, 1.0)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.99])
def test_beyond_the_limit_an_eigenvalue_leaves_the_unit_circle(name, beta):
    def beyond(a):
        return np.abs(np.linalg.eigvals(FORMS[name](beta).mode(a).matrix)).max() - 1.0

    assert brentq(beyond, 0.5, 1000.0, xtol=1e-13) == pytest.approx(FORMS[name](beta).limit, rel=1e-9)


def test_limits_at_nine_tenths():
    assert [round(float(FORMS[name](0.9).limit), 4) for name in ("heavy ball", "ema")] == [3.8, 38.0]
    assert FORMS["nesterov"](0.9).limit == pytest.approx(19 / 14, rel=1e-14)
    assert (FORMS["nesterov"]([0.1, 0.5, 0.9, 0.999]).limit < 2.0).all()


@pytest.mark.parametrize("beta", [0.0, 0.2, 0.9])
def test_the_plateau_is_where_roots_turn_complex(beta):
    low, high = heavy_ball_plateau(beta)
    for end in (low, high):
        assert (1 + beta - end) ** 2 == pytest.approx(4 * beta, abs=1e-14)
    assert high < LinearRule(beta).limit + 1e-15 or beta == 0.0


def test_bad_betas_of_limits_are_named():
    for function in (*FORMS.values(), heavy_ball_plateau):
        for beta in (1.0, -0.5, np.nan):
            with pytest.raises(ValueError, match=r"beta must be in \[0, 1\); got"):
                function(beta)
    with pytest.raises(TypeError, match=r"beta must be in \[0, 1\); got True"):
        LinearRule(True)

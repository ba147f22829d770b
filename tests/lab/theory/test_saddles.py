"""Escape times against descents that are written out, the chain against a loop over logarithms."""

import numpy as np
import pytest

from optimlab.lab.theory import (
    LinearRule,
    chain_bound,
    chain_factor,
    chain_mean,
    monkey_escape,
    noise_escape_mean,
    noise_escape_sd,
)

FORMS = {
    "SGD": (lambda beta: LinearRule(), lambda v, g, beta: g),
    "heavy ball": (LinearRule, lambda v, g, beta: v),
    "EMA": (lambda beta: LinearRule(beta, trace=1.0 - beta), lambda v, g, beta: (1 - beta) * v),
    "Nesterov": (lambda beta: LinearRule(beta, trace=beta, gradient=1.0), lambda v, g, beta: g + beta * v),
}
SETTINGS = [(0.01, 2.0, 0.9), (0.05, 0.7, 0.5), (0.3, 1.0, 0.0), (0.002, 5.0, 0.99)]
EPS = [1e-6, 1e-9, 1e-15]


def walk(lr, h, *, beta, step, until=1.0, y=1e-6):
    """Steps of y ← y - lr step(v, g, β) with v ← β v + g and g = -h y, and the sizes on the way."""
    v, sizes = 0.0, [y]
    while sizes[-1] < until:
        g = -h * sizes[-1]
        v = beta * v + g
        sizes.append(sizes[-1] - lr * step(v, g, beta))
    return len(sizes) - 1, np.array(sizes)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(("lr", "h", "beta"), SETTINGS)
@pytest.mark.parametrize("eps", EPS)
def test_the_last_whole_step_holds_the_closed_form(name, lr, h, beta, eps):
    form, step = FORMS[name]
    steps, _ = walk(lr, h, beta=beta, step=step, y=eps)
    assert steps - 1 <= form(beta).mode(-lr * h).escape(eps) <= steps


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(("lr", "h", "beta"), SETTINGS)
def test_growth_is_the_tail_of_the_walk(name, lr, h, beta):
    form, step = FORMS[name]
    mode = form(beta).mode(-lr * h)
    root = mode.roots[0].real
    steps, sizes = walk(lr, h, beta=beta, step=step, until=1e6, y=1e-6)
    assert sizes[-1] / sizes[-2] == pytest.approx(root, rel=1e-9)
    assert sizes[-1] / (1e-6 * root**steps) == pytest.approx(root ** -mode.escape(1.0), rel=1e-9)


def escape(name, beta):
    return FORMS[name][0](beta).mode(-0.02).escape(EPS)


def test_without_momentum_all_forms_are_gradient_descent():
    for name in FORMS:
        np.testing.assert_allclose(escape(name, 0.0), np.log(1.0 / np.array(EPS)) / np.log(1.02), rtol=1e-12)


@pytest.mark.parametrize("beta", [0.5, 0.9, 0.99])
def test_ema_momentum_is_slower_and_the_heavy_ball_faster_than_gradient_descent(beta):
    assert (escape("heavy ball", beta) < escape("SGD", beta)).all()
    assert (escape("SGD", beta) < escape("EMA", beta)).all()


@pytest.mark.parametrize(("lr", "h", "sd"), [(0.01, 2.0, 1e-3), (0.1, 1.0, 1e-6)])
def test_escape_by_noise(lr, h, sd):
    rng, runs = np.random.default_rng(0), 4000
    y, steps = np.zeros(runs), np.zeros(runs)
    k = 0
    while (steps == 0).any():
        k += 1
        y += lr * (h * y + sd * rng.standard_normal(runs))
        y = np.clip(y, -2.0, 2.0)
        steps[(np.abs(y) >= 1.0) & (steps == 0)] = k
    expected_sd = float(noise_escape_sd(lr, curvature=h))
    error = 4 * expected_sd / np.sqrt(runs)
    # a whole step is half a step later than the formula, on average
    assert steps.mean() - 0.5 == pytest.approx(noise_escape_mean(sd, lr, curvature=h), abs=error)
    assert steps.std() == pytest.approx(expected_sd, rel=4 * np.sqrt(3.0 / 2.0 / runs))


@pytest.mark.parametrize("lr", [0.01, 0.001])
def test_monkey_saddle(lr):
    eps = np.array([0.1, 0.02])
    for e in eps:
        u, steps = e, 0
        while u < 1.0:
            u, steps = u + 3 * lr * u * u, steps + 1
        assert monkey_escape(e, lr) == pytest.approx(steps - 0.5, abs=1.0)
        assert steps * lr == pytest.approx((1 / e - 1) / 3, abs=lr * (1.5 + np.log(1 / e)))


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
def test_mean_and_factor_of_the_chain(lr, g, L):
    rng = np.random.default_rng(1)
    steps = np.array([leave(rng.uniform(0, 1, 5), lr, g, L) for _ in range(150)])
    expected = chain_mean(np.arange(1, 6), lr, growth=g, contraction=L)
    error = 4 * steps.std(axis=0) / np.sqrt(len(steps))
    assert (np.abs(steps.mean(axis=0) - expected) < error).all()
    factor = chain_factor(lr, growth=g, contraction=L)
    assert np.median(steps[:, -1] / steps[:, -2]) == pytest.approx(factor, rel=3 * steps[:, 0].mean() / steps[0, -1])
    assert factor > chain_bound(g, L)


def test_factor_of_the_chain_tends_to_its_bound():
    ratio = np.array([0.1, 1.0, 10.0])
    assert chain_factor(1e-9, growth=1.0, contraction=ratio) == pytest.approx(chain_bound(1.0, ratio), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise_escape_mean([0.1, np.nan], 0.1, curvature=1.0), "sd must be greater than 0 and finite; got nan"),
        (lambda: noise_escape_sd(np.inf, curvature=1.0), "lr must be greater than 0 and finite; got inf"),
        (lambda: monkey_escape(-0.1, 0.1), r"eps must be in \(0, 1\].*; got -0.1"),
        (lambda: monkey_escape(0.0, 0.1), r"eps must be in \(0, 1\]; at 0 nothing escapes; got 0.0"),
        (lambda: monkey_escape(2.0, 0.1), r"eps must be in \(0, 1\].*; got 2.0"),
        (lambda: LinearRule(0.9).mode(-0.1).escape(0.0), "eps must be greater than 0 and finite; got 0.0"),
        (lambda: monkey_escape(0.1, 0.0), r"lr must be greater than 0 and finite; got 0\.0"),
        (lambda: chain_factor(0.5, growth=1.0, contraction=1.0), r"lr must be .*below 1/\(2 contraction\).*; got 0.5"),
        (lambda: chain_factor(0.1, growth=0.0, contraction=1.0), "growth must be greater than 0 and finite; got 0.0"),
        (lambda: chain_bound(1.0, -1.0), "contraction must be greater than 0 and finite; got -1.0"),
        (lambda: chain_mean(0, 0.1, growth=1.0, contraction=1.0), "saddle must be whole numbers .*; got 0.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_text_is_refused():
    with pytest.raises(TypeError, match="lr must be"):
        monkey_escape(0.1, "fast")


def test_a_part_of_a_saddle_is_of_the_wrong_kind():
    with pytest.raises(TypeError, match=r"saddle must be whole numbers of at least 1; got 1\.5"):
        chain_mean(1.5, 0.1, growth=1.0, contraction=1.0)

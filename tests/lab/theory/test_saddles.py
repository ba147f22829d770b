"""Escape times against descents that are written out."""

import numpy as np
import pytest

from optimlab.lab.theory import (
    descent_escape,
    ema_momentum_escape,
    heavy_ball_escape,
    heavy_ball_growth,
    nesterov_escape,
    nesterov_growth,
)

SETTINGS = [(0.01, 2.0, 0.9), (0.05, 0.7, 0.5), (0.3, 1.0, 0.0), (0.002, 5.0, 0.99)]
EPS = [1e-6, 1e-9, 1e-15]


def walk(lr, h, *, beta, step, until=1.0, y=1e-6):
    """Steps of y ← y - lr step(v, g) with v ← β v + g and g = -h y, and the sizes on the way."""
    v, sizes = 0.0, [y]
    while sizes[-1] < until:
        g = -h * sizes[-1]
        v = beta * v + g
        sizes.append(sizes[-1] - lr * step(v, g))
    return len(sizes) - 1, np.array(sizes)


@pytest.mark.parametrize(("lr", "h", "beta"), SETTINGS)
@pytest.mark.parametrize("eps", EPS)
def test_the_last_whole_step_holds_the_closed_form(lr, h, beta, eps):
    cases = {
        float(descent_escape(eps, lr, curvature=h)): lambda v, g: g,
        float(heavy_ball_escape(eps, lr, curvature=h, beta=beta)): lambda v, g: v,
        float(ema_momentum_escape(eps, lr, curvature=h, beta=beta)): lambda v, g: (1 - beta) * v,
        float(nesterov_escape(eps, lr, curvature=h, beta=beta)): lambda v, g: g + beta * v,
    }
    for expected, step in cases.items():
        steps, _ = walk(lr, h, beta=beta, step=step, y=eps)
        assert steps - 1 <= expected <= steps


@pytest.mark.parametrize(("lr", "h", "beta"), SETTINGS)
def test_growth_is_the_tail_of_the_walk(lr, h, beta):
    for function, step in ((heavy_ball_growth, lambda v, g: v), (nesterov_growth, lambda v, g: g + beta * v)):
        root, amplitude = function(lr, curvature=h, beta=beta)
        steps, sizes = walk(lr, h, beta=beta, step=step, until=1e6, y=1e-6)
        assert sizes[-1] / sizes[-2] == pytest.approx(root, rel=1e-9)
        assert sizes[-1] / (1e-6 * root**steps) == pytest.approx(amplitude, rel=1e-9)


def test_without_momentum_all_forms_are_gradient_descent():
    plain = descent_escape(EPS, 0.1, curvature=2.0)
    for form in (heavy_ball_escape, ema_momentum_escape, nesterov_escape):
        np.testing.assert_allclose(form(EPS, 0.1, curvature=2.0, beta=0.0), plain, rtol=1e-12)


@pytest.mark.parametrize("beta", [0.5, 0.9, 0.99])
def test_ema_momentum_is_slower_and_the_heavy_ball_faster_than_gradient_descent(beta):
    rows = {name: form(1e-8, 0.01, curvature=2.0, beta=beta) for name, form in
            {"ema": ema_momentum_escape, "heavy": heavy_ball_escape}.items()}  # fmt: skip
    assert rows["heavy"] < descent_escape(1e-8, 0.01, curvature=2.0) < rows["ema"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: descent_escape(0.0, 0.1, curvature=1.0), r"eps must be in \(0, 1\]; at 0 nothing escapes; got 0.0"),
        (lambda: descent_escape(2.0, 0.1, curvature=1.0), r"eps must be in \(0, 1\].*; got 2.0"),
        (lambda: heavy_ball_escape(0.1, -0.1, curvature=1.0, beta=0.9), "lr must be greater than 0 and finite; got"),
        (lambda: heavy_ball_growth(0.1, curvature=0.0, beta=0.9), "curvature must be greater than 0 and finite; got"),
        (lambda: nesterov_growth(0.1, curvature=1.0, beta=1.0), r"beta must be in \[0, 1\); got 1.0"),
        (lambda: ema_momentum_escape(0.1, 0.1, curvature=1.0, beta=[0.5, -1.0]), "beta must be .*; got -1.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_text_is_refused():
    with pytest.raises(TypeError, match="lr must be"):
        descent_escape(0.1, "fast", curvature=1.0)

"""What the page finds from a rule's own program is what the closed forms say."""

import numpy as np
import pytest

from optimlab import heavy_ball, momentum, nesterov, sgd
from optimlab.lab.theory import (
    LinearRule,
    linear_rule,
    noise_escape_mean,
    sgd_variance,
    stationary_covariance,
)
from tests.lab.explorer.javascript import run

RULES = {
    "sgd()": linear_rule(sgd()),
    "momentum(0.9)": linear_rule(momentum(0.9)),
    "momentum(0.99)": linear_rule(momentum(0.99)),
    "heavy_ball(0.9)": linear_rule(heavy_ball(0.9)),
    "heavy_ball(0.5)": linear_rule(heavy_ball(0.5)),
    "nesterov(0.9)": linear_rule(nesterov(0.9)),
    "0.3 * Gradient() + 2.0 * Ema(0.8)": LinearRule(0.8, trace=0.4, gradient=0.3),
    "(Rate() * Gradient() | Trace(0.9)) / Rate()": LinearRule(0.9),
    "Gradient() / 4.0 - -0.5 * Trace(0.7)": LinearRule(0.7, trace=0.5, gradient=0.25),
}
STABLE, UNSTABLE = [4.0, 1.0, 0.01], [-2.0, -0.1]
LR, NOISE, START, RADIUS = 0.05, 0.3, 1e-6, 1.5


def theory(rules, **setting):
    code = "return data.rules.map((rule) => theoryOf({ ...data.setting, rule: readRule(rule) }))"
    return run(code, {"rules": list(rules), "setting": setting})


def test_limit_contraction_and_floor_of_linear_rules():
    for rule, found in zip(RULES.values(), theory(RULES, curvatures=STABLE, lr=LR, noise=NOISE), strict=True):
        np.testing.assert_allclose(found["limit"], rule.limit / max(STABLE), rtol=1e-11)
        variances = [stationary_covariance(rule, LR, h, noise=NOISE**2)[0, 0] for h in STABLE]
        for h, mode, variance in zip(STABLE, found["modes"], variances, strict=True):
            np.testing.assert_allclose(mode["contraction"], rule.mode(LR * h).radius, rtol=1e-11)
            np.testing.assert_allclose(mode["variance"], variance, rtol=1e-9)
        np.testing.assert_allclose(found["floor"], 0.5 * np.dot(STABLE, variances), rtol=1e-9)


def test_beyond_the_limit_nothing_settles():
    for rule, found in zip(RULES.values(), theory(RULES, curvatures=[1.0], lr=500.0, noise=NOISE), strict=True):
        assert found["modes"][0]["variance"] is found["floor"] is None
        np.testing.assert_allclose(found["modes"][0]["contraction"], rule.mode(500.0).radius, rtol=1e-11)


def test_steps_to_leave_a_saddle_from_a_start():
    settings = {"curvatures": UNSTABLE, "lr": LR, "noise": 0.0, "starts": [START, -START], "radius": RADIUS}
    for rule, found in zip(RULES.values(), theory(RULES, **settings), strict=True):
        assert found["limit"] is None
        for h, mode in zip(UNSTABLE, found["modes"], strict=True):
            expected = rule.mode(LR * h)
            way = np.abs(expected.values(np.arange(10_000))) * START
            assert mode["escape"]["steps"] == int(np.argmax(way >= RADIUS))
            np.testing.assert_allclose(mode["escape"]["predicted"], expected.escape(START / RADIUS), rtol=1e-10)


def test_noise_alone_pushes_gradient_descent_off_a_saddle():
    (found,) = theory(["sgd"], curvatures=[-2.0], lr=0.01, noise=1e-3, starts=[0.0], radius=2.0)
    escape = found["modes"][0]["escape"]
    assert escape["steps"] is None
    np.testing.assert_allclose(escape["predicted"], noise_escape_mean(5e-4, 0.01, curvature=2.0), rtol=1e-12)


def test_gains_are_taken_where_they_have_settled_and_an_escape_sees_those_of_each_step():
    debiased, plain = theory(["Ema(0.9, debias=True)", "Ema(0.9)"], curvatures=[2.0, 0.5], lr=LR, noise=NOISE)
    assert debiased["limit"] == pytest.approx(plain["limit"], rel=1e-12)
    assert debiased["floor"] == pytest.approx(plain["floor"], rel=1e-12)
    (found,) = theory(["Ema(0.9, debias=True)"], curvatures=[-2.0], lr=LR, starts=[START], radius=RADIUS)
    w, m, t = START, 0.0, 0
    while abs(w) < RADIUS:
        t += 1
        m += 0.1 / (1.0 - 0.9**t) * (-2.0 * w - m)
        w -= LR * m
    escape = found["modes"][0]["escape"]
    assert escape["steps"] == t
    assert t - 1 < escape["predicted"] <= t


def test_a_rule_that_pulls_to_the_origin_is_linear_and_adam_is_not():
    linear = ["Gradient() + 0.5 * Weights()", "-1.0 * Gradient()"]
    other = ["adam", "Sign()", "Clip(-1e9, 1e9)", "Gradient() - 0.1"]
    moving = ["Ema(UniformGain())", "Ema(cosine_decay(0.9, steps=10), debias=True)", "cyclic(0.1, 1.0, up=5) * sgd()"]
    decayed, upward, *others = theory([*linear, *other, *moving], curvatures=[1.0], lr=0.1, noise=0.5)
    assert decayed["limit"] == pytest.approx(2.0 / 1.5, rel=1e-11)
    assert decayed["modes"][0]["variance"] == pytest.approx(0.01 * 0.25 / (1.0 - 0.85**2), rel=1e-12)
    assert upward["limit"] == 0.0
    assert others == [None] * 7


def test_sgd_has_the_variance_of_the_closed_form():
    (found,) = theory(["sgd"], curvatures=[0.7], lr=0.4, noise=2.0)
    assert found["modes"][0]["variance"] == pytest.approx(sgd_variance(0.4, 0.7, noise=4.0), rel=1e-13)

"""The EMA as a rule is the EMA of a series: m ← m + k (x - m), step by step or all at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from optimlab import (
    ConstantGain,
    DebiasedGain,
    Decay,
    Ema,
    FirstValueGain,
    InversePowerGain,
    Optimizer,
    PowerGain,
    ShareGain,
    TailGain,
    UniformGain,
    WarmUpGain,
    WeightedGain,
    adam,
    ema,
    sgd,
)

X = np.random.default_rng(0).uniform(1.0, 10.0, 700)
BETAS = [0.0, 0.3, 0.9, 0.999, 1 - 2.0**-30, Decay(alpha=0.1), Decay(span=365), Decay(halflife=1e9), Decay(alpha=1e-12)]


def beta_of(k: Any) -> Any:
    return 0.9 - 0.5 / (k + 1.0)


GAINS = [
    *[kind(beta) for kind in (ConstantGain, DebiasedGain, FirstValueGain, WarmUpGain) for beta in (*BETAS, beta_of)],
    DebiasedGain(Decay(alpha=1e-17)), DebiasedGain(Decay(com=math.inf)), UniformGain(), PowerGain(0.0), PowerGain(6.94),
    PowerGain(100.0),
    ShareGain(1.0), ShareGain(0.1), TailGain(0), TailGain(300), InversePowerGain(0.5), WeightedGain(beta_of),
    InversePowerGain(2 / 3, least=1e-3, lag=10.0),
]  # fmt: skip
STARTS = {ConstantGain: "zero", DebiasedGain: "debiased", FirstValueGain: "first"}


def stepped(rule: Ema, x: Any, **options: Any) -> Any:
    """Return m after each value."""
    w, optimizer, path = np.zeros_like(x[0]), Optimizer(rule, 1.0, **options), []
    for row in x:
        optimizer.step(w, row)
        path.append(optimizer.state["params"]["ema"].copy())
    return np.array(path)


def averages(rule: Ema, x: Any) -> Any:
    """Return the average of weights that are these values, after each step."""
    w, optimizer, path = np.zeros(1), Optimizer(sgd(), 1.0, average=rule), []
    for value in x:
        optimizer.step(w, w - value)
        with optimizer.averaged(w):
            path.append(w[0])
    return np.array(path)


@pytest.mark.parametrize("gain", GAINS)
def test_steps_are_the_series(gain: Any) -> None:
    found = stepped(Ema(gain), X[:, np.newaxis])[:, 0]
    np.testing.assert_allclose(found, ema(X, gain), rtol=3e-15, atol=0.0)
    np.testing.assert_allclose(stepped(Ema(gain), X[:, np.newaxis].astype(np.float32))[:, 0], found, rtol=2e-5)


@pytest.mark.parametrize("beta", BETAS, ids=repr)
@pytest.mark.parametrize("kind", STARTS)
def test_starts_have_a_gain(kind: Any, beta: Any) -> None:
    found = stepped(Ema(kind(beta)), X[:, np.newaxis])[:, 0]
    np.testing.assert_allclose(found, ema(X, beta, start=STARTS[kind]), rtol=3e-15, atol=0.0)
    if kind is not FirstValueGain:
        assert Ema(kind(beta)) == Ema(beta, debias=kind is DebiasedGain)
        np.testing.assert_array_equal(found, stepped(Ema(beta, debias=kind is DebiasedGain), X[:, np.newaxis])[:, 0])
    else:
        found = stepped(Ema(beta, first=3.0), X[:, np.newaxis])[:, 0]
        np.testing.assert_allclose(found, ema(X, beta, start=3.0), rtol=3e-15, atol=0.0)


def test_a_schedule_is_a_beta_for_each_row() -> None:
    betas = beta_of(np.arange(len(X)))
    for kind, start in STARTS.items():
        found = stepped(Ema(kind(beta_of)), X[:, np.newaxis])[:, 0]
        np.testing.assert_allclose(found, ema(X, betas, start=start), rtol=3e-15, atol=0.0)


@pytest.mark.parametrize("gain", [UniformGain(), PowerGain(6.94), ShareGain(0.1), DebiasedGain(0.99)], ids=repr)
def test_averages_of_the_weights_are_the_series(gain: Any) -> None:
    np.testing.assert_allclose(averages(Ema(gain), X[:300]), ema(X[:300], gain), rtol=3e-15, atol=0.0)


@pytest.mark.parametrize("make", [ConstantGain, DebiasedGain, FirstValueGain, WarmUpGain, PowerGain, ShareGain])
def test_replicas_are_series_side_by_side(make: Any) -> None:
    numbers, x = (0.25, 0.9, 0.999), np.stack([X, X[::-1], np.sqrt(X)], axis=1)[:, :, np.newaxis]
    found = stepped(Ema(make(numbers)), x, replicas=3)
    for i, number in enumerate(numbers):
        np.testing.assert_array_equal(found[:, i], stepped(Ema(make(number)), x[:, i]))


@pytest.mark.parametrize("gain", [UniformGain(), PowerGain(6.94), FirstValueGain(0.9)], ids=repr)
def test_both_engines_give_the_same_bits(gain: Any) -> None:
    pytest.importorskip("numba")
    x = np.random.default_rng(1).standard_normal((20, 33))
    found, compiled = (stepped(Ema(gain), x, engine=engine) for engine in ("numpy", "fused"))
    np.testing.assert_array_equal(found, compiled)


def test_the_first_value_is_taken_as_it_is() -> None:
    for x in (1e308, 5e-324, -0.1, np.inf):
        for gain in (g for g in GAINS if not isinstance(g, ConstantGain)):
            assert stepped(Ema(gain), np.array([[x]]), check_finite=False) == x


def test_the_power_profile_has_its_weights() -> None:
    """Karras et al. 2024: the mean of x_i with weights i^γ, but for terms of 1/t."""
    t = np.arange(1, 2001.0)
    found = stepped(Ema(PowerGain(3.0)), t[:, np.newaxis])[-1, 0]
    assert found == pytest.approx((t**3 * t).sum() / (t**3).sum(), rel=1e-3)


def test_adam_takes_the_steps_of_torch() -> None:
    """Both are within 8e-15 of the exact step; torch's own 1 - βᵗ has lost a few digits in the first steps."""
    torch = pytest.importorskip("torch")
    gradients = np.random.default_rng(2).standard_normal((2000, 50))
    w, theirs = np.zeros(50), torch.zeros(50, dtype=torch.float64, requires_grad=True)
    ours, peer = Optimizer(adam(), 1.0), torch.optim.Adam([theirs], lr=1.0)
    for g in gradients:
        w[:], theirs.data[:] = 0.0, 0.0
        theirs.grad = torch.from_numpy(g)
        ours.step(w, g)
        peer.step()
        np.testing.assert_allclose(w, theirs.detach().numpy(), rtol=0.0, atol=1e-14 * abs(w).max())

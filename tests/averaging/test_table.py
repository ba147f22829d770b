"""Every average of the weights through every generic property: weights, engines, dtypes, hooks, replicas, travel."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optimlab import Bema, ConstantGain, Ema, FirstValueGain, Gain, InversePowerGain, Optimizer, Rule, adam, momentum
from optimlab.lab.frame.expressions import rule as rule_of
from tests.engine.laws import AVERAGES, equal, leaves_of, run, same, same_averages

EACH = pytest.mark.parametrize("name", AVERAGES)
SHAPES = ((3, 4), (), (9001,))


def averaged(optimizer: Optimizer, params: Any) -> list[Any]:
    with optimizer.averaged(params):
        return [x.copy() for x in params]


def stepped(optimizer: Optimizer, params: list[Any], steps: range) -> list[list[Any]]:
    """Return the weights after each step."""
    path = []
    for k in steps:
        optimizer.step(params, [np.cos(k + 3.0 * w).astype(w.dtype) for w in params])
        path.append([w.copy() for w in params])
    return path


@EACH
def test_it_is_the_mean_with_its_weights(name: str) -> None:
    optimizer, params = Optimizer(momentum(), 0.1, average=AVERAGES[name]), leaves_of(np.float64, *SHAPES)
    path = stepped(optimizer, params, range(12))
    weights = optimizer.average.weights(12)  # of a constant β those from the first weights on
    assert weights.sum() == pytest.approx(1.0, rel=1e-14)
    for i, found in enumerate(averaged(optimizer, params)):
        expected = sum(share * row[i] for share, row in zip(weights.tolist(), path, strict=True))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_engines_give_the_same_bits(name: str, dtype: Any) -> None:
    pytest.importorskip("numba")
    leaves = leaves_of(dtype, *SHAPES)
    results = [run(adam(), leaves, average=AVERAGES[name], engine=engine, steps=7) for engine in ("numpy", "fused")]
    assert same(*results)
    assert same_averages(*results)


@EACH
def test_float32_has_the_digits_of_float32(name: str) -> None:
    results = []
    for dtype in (np.float32, np.float64):
        optimizer, params = Optimizer(momentum(), 0.1, average=AVERAGES[name]), leaves_of(dtype, *SHAPES)
        stepped(optimizer, params, range(40))
        results.append(averaged(optimizer, params))
    for single, double in zip(*results, strict=True):
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, double, rtol=0.0, atol=2e-5)


class Nothing:
    """A hook that might move the weights."""

    def after(self, step: Any) -> None:
        pass


@EACH
def test_after_hooks_it_is_the_same(name: str) -> None:
    leaves = leaves_of(np.float64, *SHAPES)
    results = [run(adam(), leaves, average=AVERAGES[name], hooks=hooks) for hooks in ([], [Nothing()])]
    assert same_averages(*results)


@EACH
@pytest.mark.parametrize("way", ["save", "copy", "pickle"])
def test_going_on_is_not_stopping(name: str, way: str, tmp_path: Path) -> None:
    optimizer, params = Optimizer(adam(), 0.1, average=AVERAGES[name]), leaves_of(np.float64, *SHAPES)
    stepped(optimizer, params, range(5))
    if way == "save":
        other, others = Optimizer(adam(), 0.1, average=AVERAGES[name]), leaves_of(np.float64, *SHAPES)
        optimizer.save(tmp_path / "run.npz")
        other.load(tmp_path / "run.npz", others)
    else:
        travel = copy.deepcopy if way == "copy" else lambda pair: pickle.loads(pickle.dumps(pair))
        other, others = travel((optimizer, params))
    for each, weights in ((optimizer, params), (other, others)):
        stepped(each, weights, range(5, 9))
    assert all(map(equal, averaged(optimizer, params), averaged(other, others)))


MANY: dict[str, Any] = {
    "tail": lambda a, b: f"Ema(TailGain({a!r}))",
    "power": lambda a, b: f"Ema(PowerGain({a!r}))",
    "inverse power": lambda a, b: f"Ema(InversePowerGain({b!r}, lag={a!r}))",
    "bema": lambda a, b: f"Bema(InversePowerGain({b!r}), InversePowerGain(0.2, lag={a!r}))",
}


@pytest.mark.parametrize("name", MANY)
def test_each_replica_is_averaged_as_if_it_were_alone(name: str) -> None:
    first, second = (0.0, 3.0, 10.0), (0.25, 0.5, 2 / 3)
    leaves = leaves_of(np.float64, (3, 4), (3,))
    together, params = Optimizer(momentum(), 0.1, average=rule_of(MANY[name](first, second)), replicas=3), leaves
    alone = [[w[i, ...].copy() for w in leaves] for i in range(3)]
    stepped(together, params, range(9))
    found = averaged(together, params)
    for i, own in enumerate(alone):
        optimizer = Optimizer(momentum(), 0.1, average=rule_of(MANY[name](first[i], second[i])))
        stepped(optimizer, own, range(9))
        for mean, expected in zip(found, averaged(optimizer, own), strict=True):
            assert equal(mean[i], expected)


def test_the_table_is_whole() -> None:
    gains = {type(rule.gain) for rule in AVERAGES.values() if isinstance(rule, (Ema, Bema))}
    assert gains == set(of_the_library(Gain))


def of_the_library(kind: type[Any]) -> list[type[Any]]:
    """All gains that a user can name."""
    import optimlab

    found = [getattr(optimlab, name) for name in optimlab.__all__]
    return [thing for thing in found if isinstance(thing, type) and issubclass(thing, kind) and thing is not kind]


def test_bema_is_its_algorithm() -> None:
    """Block & Zhang 2025, with θ₀ the first weights: as TRL's callback with update_after=1 has it, retyped."""
    rule = AVERAGES["bema"]
    optimizer, params = Optimizer(adam(), 0.1, average=rule), leaves_of(np.float64, (3, 4))
    start = mean = np.zeros(())
    for t in range(1, 30):
        (theta,) = stepped(optimizer, params, range(t, t + 1))[0]
        alpha, beta = (10 + t) ** -0.2, (10 + t) ** -0.5
        start, mean = (theta, theta) if t == 1 else (start, (1 - beta) * mean + beta * theta)
        np.testing.assert_allclose(averaged(optimizer, params)[0], mean + alpha * (theta - start), rtol=1e-13)


def test_constant_weights_stay_what_they_are_in_bema() -> None:
    rule: Rule = AVERAGES["bema"]
    params = [np.full(5, 0.1, np.float32)]
    optimizer = Optimizer(momentum(), 0.1, average=rule)
    for _ in range(10):
        optimizer.step(params, [np.zeros(5, np.float32)])
    assert averaged(optimizer, params)[0].tolist() == params[0].tolist()


@pytest.mark.parametrize(
    ("gain", "bias", "error", "words"),
    [
        (0.9, InversePowerGain(0.2), TypeError, "gain must be a Gain, such as .*; got 0.9"),
        (InversePowerGain(0.5), 0.1, TypeError, "bias must be a Gain, such as .*; got 0.1"),
        (ConstantGain(0.9), ConstantGain(0.0), ValueError, "gain must be 1 at first, such as .*; got ConstantGain"),
    ],
)
def test_bema_starts_from_the_first_weights(gain: Any, bias: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Bema(gain, bias)
    assert Bema(FirstValueGain(0.9), ConstantGain(0.0)).weights(1).tolist() == [1.0]

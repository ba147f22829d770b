"""A rule may differ from leaf to leaf: then one optimizer is as many as there are rules, to the last bit."""

import copy
from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import ClipNorm, Ema, Gradient, Rule, Weights, adam, adamw, momentum, sgd
from optimlab.optimizer import Optimizer
from tests.engine.laws import same
from tests.test_replicas import engine_of


@dataclass(frozen=True, repr=False)
class Except(Rule):
    """One rule for leaves of some names, another for all others."""

    rule: Rule
    names: tuple[str, ...]
    other: Rule

    @property
    def slots(self):
        return self.rule.slots

    def coefficients(self, t):
        return self.rule.coefficients(t)

    def compose(self):
        return self.rule.compose()

    def on(self, names):
        return tuple(self.other if name in self.names else self.rule for name in names)


def params_of(dtype, replicas=None):
    """Layers with weights and biases, a large one among them."""
    shapes = {"0": {"W": (4, 3), "b": (3,)}, "1": {"W": (100, 100), "b": (9000,)}, "2": {"W": (3,), "b": ()}}
    front, generator = () if replicas is None else (replicas,), np.random.default_rng(0)
    return {
        layer: {name: np.asarray(generator.standard_normal(front + shape), dtype) for name, shape in inner.items()}
        for layer, inner in shapes.items()
    }


BIASES = ("0.b", "1.b", "2.b")
DECAYED, PLAIN = adamw(weight_decay=0.1), adam()
MASKED = adam() + 0.1 * Weights(only="*.W")
APART = Except(DECAYED, BIASES, PLAIN)


def part(tree, name):
    return {layer: inner[name] for layer, inner in tree.items()}


def gradients_of(params, k):
    return {
        layer: {name: np.sin(k + 3 * w).astype(w.dtype) for name, w in inner.items()} for layer, inner in params.items()
    }


def equal(one, two):
    return all(np.array_equal(one[layer][name], two[layer][name]) for layer in one for name in one[layer])


@pytest.mark.parametrize(
    ("rule", "engine", "dtype"),
    [
        (MASKED, "numpy", np.float32),
        (MASKED, "numpy", np.float64),
        (MASKED, "fused", np.float32),
        (APART, "numpy", np.float32),
    ],
)
@pytest.mark.parametrize("replicas", [None, 2])
def test_two_rules_in_one_optimizer_are_two_optimizers(replicas, rule, engine, dtype):
    options = {"engine": engine_of(engine), "average": Ema(0.9, debias=True), "replicas": replicas}
    together, apart = params_of(dtype, replicas), params_of(dtype, replicas)
    one = Optimizer(rule, 0.1, **options)
    weights, biases = (Optimizer(rule, 0.1, **options) for rule in (DECAYED, PLAIN))
    for k in range(4):
        one.step(together, gradients_of(together, k))
        gradients = gradients_of(apart, k)
        weights.step(part(apart, "W"), part(gradients, "W"))
        biases.step(part(apart, "b"), part(gradients, "b"))
    assert equal(together, apart)
    for name, own in (("W", weights), ("b", biases)):
        for layer, slots in own.state.items():
            assert all(np.array_equal(one.state[f"{layer}.{name}"][slot], held) for slot, held in slots.items())
    with one.averaged(together), weights.averaged(part(apart, "W")), biases.averaged(part(apart, "b")):
        assert equal(together, apart)


def test_the_rules_do_differ():
    one, two = params_of(np.float64), params_of(np.float64)
    for rule, params in ((MASKED, one), (DECAYED, two)):
        Optimizer(rule, 0.1).step(params, gradients_of(params, 0))
    assert equal(part_only(one, "W"), part_only(two, "W"))
    assert not any(np.array_equal(one[layer]["b"], two[layer]["b"]) for layer in one)


def part_only(tree, name):
    return {layer: {name: inner[name]} for layer, inner in tree.items()}


@pytest.mark.parametrize("through", ["dict", "file", "copy"])
@pytest.mark.parametrize("replicas", [None, 2])
def test_they_go_on_as_if_they_had_never_stopped(replicas, through, tmp_path):
    def new():
        return Optimizer(MASKED, lambda k: 0.1 / (k + 1), average=Ema(0.9), replicas=replicas)

    straight, stopped = params_of(np.float64, replicas), params_of(np.float64, replicas)
    one, two = new(), new()
    for k in range(6):
        one.step(straight, gradients_of(straight, k))
    for k in range(3):
        two.step(stopped, gradients_of(stopped, k))
    if through == "copy":
        three = copy.deepcopy(two)
    else:
        three = new()
        two.save(tmp_path / "a.npz")
        three.load(tmp_path / "a.npz") if through == "file" else three.load_state_dict(two.state_dict())
    for k in range(3, 6):
        three.step(stopped, gradients_of(stopped, k))
    assert equal(straight, stopped)
    assert same(([], one), ([], three))


def test_the_order_of_leaves_and_the_names_of_rules_make_no_difference():
    one, two = params_of(np.float32), dict(reversed(params_of(np.float32).items()))
    for params in (one, two):
        optimizer = Optimizer(MASKED, 0.1)
        for k in range(3):
            optimizer.step(params, gradients_of(params, k))
    assert equal(one, two)


def test_one_norm_clips_all_leaves():
    params, clip = {"a": np.zeros(1), "b": np.zeros(1)}, ClipNorm(5.0)
    optimizer = Optimizer(Except(sgd(), ("b",), 10.0 * sgd()), 1.0, hooks=[clip])
    optimizer.step(params, {"a": np.array([6.0]), "b": np.array([8.0])})
    assert clip.norm == 10.0
    assert params == {"a": [-3.0], "b": [-40.0]}


def test_each_rule_has_its_own_numbers_at_each_step():
    params = {"a": np.zeros(1), "b": np.zeros(1)}
    optimizer = Optimizer(Except(Gradient() * (lambda k: 1.0 + k), ("b",), Gradient() * (lambda k: 10.0 * k)), 1.0)
    for _ in range(3):
        optimizer.step(params, {"a": np.ones(1), "b": np.ones(1)})
    assert params == {"a": [-6.0], "b": [-30.0]}


def test_a_number_of_another_shape_is_refused_in_any_of_them():
    params = {"a": np.zeros((2, 1)), "b": np.zeros((2, 1))}
    optimizer = Optimizer(Except(sgd() * 1.0, ("b",), sgd() * (lambda k: np.ones(3))), 1.0, replicas=2)
    with pytest.raises(ValueError, match=r"rule has a hyperparameter of shape \(3,\); it must be a number or \(2,\)"):
        optimizer.step(params, {"a": np.ones((2, 1)), "b": np.ones((2, 1))})
    assert not any(param.any() for param in params.values())


@pytest.mark.parametrize(
    "rule",
    [momentum(), Except(momentum(), ("none",), sgd()), Except(momentum(), ("a",), momentum()), Weights(only="*") * 2],
)
def test_where_nothing_differs_there_is_one_engine_and_one_buffer(rule):
    optimizer, params = Optimizer(rule, 0.1), {name: np.ones(3) for name in "abc"}
    optimizer.step(params, params)
    assert len(optimizer._run.layout.jobs) == 1
    assert len(optimizer._run.layout.segments) == 1

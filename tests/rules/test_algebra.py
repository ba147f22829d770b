"""Laws of the algebra."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from optimlab import (
    Abs,
    Constant,
    Ema,
    Gradient,
    Root,
    Rule,
    Sign,
    Square,
    Trace,
    Weights,
    adam,
    adamw,
    nesterov,
    rmsprop,
)
from tests.engine.laws import RULES, half_then_nearly, half_then_whole, leaves_of, run, same
from tests.public import NAMES as PUBLIC

NAMES = {rule.__name__: rule for rule in (half_then_whole, half_then_nearly)}


@pytest.mark.parametrize("name", [name for name in RULES if name != "scheduled"])
def test_repr_rebuilds_the_rule(name):

    rule = RULES[name]
    assert eval(repr(rule), PUBLIC | NAMES) == rule
    assert hash(eval(repr(rule), PUBLIC | NAMES)) == hash(rule)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (adamw(), "Ema(0.9, debias=True) / (Square() | Ema(0.999, debias=True) | Root(1e-08)) + 0.01 * Weights()"),
        (Gradient() - (Gradient() - Weights()), "Gradient() - (Gradient() - Weights())"),
        ((Gradient() - Gradient()) - Weights(), "Gradient() - Gradient() - Weights()"),
        (Gradient() / (Gradient() * Weights()), "Gradient() / (Gradient() * Weights())"),
        ((Gradient() + Weights()) * 2, "(Gradient() + Weights()) * 2.0"),
        (Gradient() + Weights() | Sign(), "Gradient() + Weights() | Sign()"),
        ((Gradient() | Sign()) * 2, "(Gradient() | Sign()) * 2.0"),
        (-Gradient(), "-1.0 * Gradient()"),
        (1 - Gradient(), "1.0 - Gradient()"),
        (1 / (Abs() + 1), "1.0 / (Abs() + 1.0)"),
        (Constant(1) + 2, "Constant(1.0) + Constant(2.0)"),
        (Constant([1, 2]) * Gradient(), "(1.0, 2.0) * Gradient()"),
    ],
)
def test_repr_has_the_brackets_that_it_needs_and_no_more(rule, text):

    assert repr(rule) == text
    assert eval(text, PUBLIC | NAMES) == rule


def test_pipes_are_associative():
    a, b, c = Square(), Ema(0.9), Root(1e-8)
    assert (a | b) | c == a | (b | c)


def test_a_numpy_number_scales_a_rule():
    assert np.float64(2) * Gradient() == 2 * Gradient() == np.float32(2) * Gradient()
    assert Gradient() * np.float64(2) == Gradient() * 2
    assert isinstance(np.float64(2) + Gradient(), Rule)


def test_equality_is_by_value():
    assert adam() == adam()
    assert adam() != adam(beta2=0.99)
    assert len({adam(), adam(), adamw()}) == 2


def test_rules_are_frozen_and_copy():
    rule = Ema(0.9)
    with pytest.raises(FrozenInstanceError):
        rule.beta = 0.5
    assert copy.deepcopy(adam()) == pickle.loads(pickle.dumps(adam())) == adam()


def test_slots_are_named_by_the_way_to_them():
    assert adam().slots == ("ema", "square_ema")
    assert (Trace(0.5) + Trace(0.9)).slots == ("trace", "trace_2")
    assert ((Gradient() + Weights()) | Ema(0.9)).slots == ("ema",)
    assert (Trace(0.5, first=1.0) + Ema(0.9, first=2.0)).start == (1.0, 2.0)


def test_latex_is_the_update():
    assert rmsprop(0.9).latex() == (
        "v &\\leftarrow 0.9\\,v + 0.1\\,g^2 \\\\\nw &\\leftarrow w - \\eta\\,\\frac{g}{\\sqrt{v} + 10^{-8}}"
    )


@pytest.mark.parametrize("name", RULES)
def test_latex_has_matching_brackets(name):
    text = RULES[name].latex()
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right") + text.count(r"\leftarrow")


@pytest.mark.parametrize("engine", ["numpy", "fused"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Ema(0.0), Gradient()),
        (Ema(0.0, debias=True), Gradient()),
        (Trace(0.0), Gradient()),
        (nesterov(0.0), Gradient()),
        (1 * Gradient(), Gradient()),
        (Gradient() | Gradient(), Gradient()),
        (Gradient() | Ema(0.9), Ema(0.9)),
        (Ema(0.9) | Gradient(), Ema(0.9)),
        (Gradient() | 0.5 * Gradient(), 0.5 * Gradient()),
        (-1 * -Ema(0.9), Ema(0.9)),
        (Ema(0.9) - Weights(), Ema(0.9) + -1 * Weights()),
        (adam(beta1=0.0), Gradient() / (Square() | Ema(0.999, debias=True) | Root(1e-8))),
        (adamw(weight_decay=0.0), adam()),
        (Ema(0.9) + Trace(0.5), Trace(0.5) + Ema(0.9)),
        (Square(), Gradient() * Gradient()),
        (Ema(0.875), 0.125 * Trace(0.875)),
    ],
    ids=str,
)
def test_two_ways_to_say_the_same(first, second, engine, dtype):
    if engine == "fused":
        pytest.importorskip("numba")
    leaves = leaves_of(dtype, (1000,), (3, 4))
    options = {"engine": engine, "steps": 5}
    (one, _), (two, _) = run(first, leaves, **options), run(second, leaves, **options)
    near = 2.0**-40 if dtype is np.float64 else 2.0**-18
    for a, b in zip(one, two, strict=True):
        if first == Ema(0.875):  # rounded in another order
            assert np.allclose(a, b, rtol=near, atol=near)
        else:
            assert np.array_equal(a, b)


@pytest.mark.parametrize("engine", ["numpy", "fused"])
def test_power_of_two_scaling_of_the_gradient_leaves_adam_without_eps_unchanged(engine):
    if engine == "fused":
        pytest.importorskip("numba")
    rule = adam(eps=0.0)
    plain, scaled = np.linspace(1, 2, 100), np.linspace(1, 2, 100)
    one, two = (_optimizer(rule, engine) for _ in range(2))
    for k in range(1, 20):
        g = np.sin(k * np.arange(1, 101.0))
        one.step(plain, g)
        two.step(scaled, g * 2.0**40)
    assert (plain == scaled).all()


def _optimizer(rule, engine):
    from optimlab.optimizer import Optimizer

    return Optimizer(rule, 0.1, engine=engine)


def test_pipes_give_the_same_bits_however_they_are_bracketed():
    leaves = leaves_of(np.float32, (100,))
    a, b, c = Gradient() + Weights(), Ema(0.9), Sign() + 0.5 * Gradient()
    assert same(run((a | b) | c, leaves), run(a | (b | c), leaves))


def test_a_rule_without_a_formula_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="a rule needs a formula"):
        Rule().formula(1.0, 1.0, (), ())


def test_piping_into_something_else_is_a_type_error():
    with pytest.raises(TypeError):
        Gradient() | 3
    with pytest.raises(TypeError, match="number must be a real number"):
        Gradient() + "x"

"""Laws of the algebra."""

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields
from typing import ClassVar

import numpy as np
import pytest

from optimlab import (
    Abs,
    ArrayRule,
    Constant,
    Ema,
    Gradient,
    Optimizer,
    Root,
    Rule,
    Sign,
    Square,
    Trace,
    Weights,
    adam,
    adamw,
    cosine_decay,
    nesterov,
)
from optimlab.checks import FINITE, POSITIVE, Range
from tests.engine.grown import grown
from tests.engine.laws import RULES, half_then_nearly, half_then_whole, leaves_of, run, same
from tests.public import NAMES as PUBLIC

NAMES = {rule.__name__: rule for rule in (half_then_whole, half_then_nearly)} | {"inf": np.inf}


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
    assert np.array([1.0, 2.0]) * Gradient() == Constant([1, 2]) * Gradient()


def test_equality_is_by_value():
    assert adam() == adam()
    assert adam() != adam(beta2=0.99)
    assert len({adam(), adam(), adamw()}) == 2


def test_rules_are_frozen_and_copy():
    rule = Ema(0.9)
    with pytest.raises(FrozenInstanceError):
        rule.beta = 0.5
    assert copy.deepcopy(adam()) == pickle.loads(pickle.dumps(adam())) == adam()


@pytest.mark.parametrize("name", RULES)
def test_every_rule_pickles(name):
    rule = RULES[name]
    rule.coefficients(3)
    assert pickle.loads(pickle.dumps(rule)) == rule


def test_slots_are_named_by_the_way_to_them():
    assert adam().slots == ("ema", "square_ema")
    assert (Trace(0.5) + Trace(0.9)).slots == ("trace", "trace_2")
    assert ((Gradient() + Weights()) | Ema(0.9)).slots == ("ema",)
    assert (Trace(0.1) + Trace(0.2) + Trace(0.3)).slots == ("trace", "trace_2", "trace_3")
    assert (Trace(0.1) + (Trace(0.2) + Trace(0.3))).slots == ("trace", "trace_2", "trace_3")
    assert (Trace(0.5, first=1.0) + Ema(0.9, first=2.0)).start == (1.0, 2.0)


ROUNDED = [Ema(0.875), Ema(0.0), Ema(0.0, debias=True), adam(beta1=0.0)]


@pytest.mark.parametrize("engine", ["numpy", pytest.param("fused", marks=pytest.mark.slow)])
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
        if first in ROUNDED:  # in another order, or x as m + (x - m)
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
    with pytest.raises(TypeError, match="number must be a finite number; got 'x'"):
        Gradient() + "x"


def test_a_schedule_times_a_rule_is_a_rule():
    schedule = cosine_decay(1.0, steps=3)
    assert schedule * Ema(0.9) == Constant(schedule) * Ema(0.9)
    assert repr(schedule * Ema(0.9)) == "cosine_decay(1.0, steps=3) * Ema(0.9)"


@pytest.mark.parametrize("name", RULES)
def test_numbers_is_how_many_coefficients_there_are(name):
    assert RULES[name].numbers == len(RULES[name].coefficients(1)) == len(RULES[name].symbols())


@pytest.mark.parametrize("seed", range(40))
def test_numbers_of_random_rules(seed):
    for rule in (grown(seed), grown(seed, 3)):
        assert rule.numbers == len(rule.coefficients(2)) == len(rule.symbols())


@dataclass(frozen=True)
class Softsign(Rule):
    scale: float = 1.0
    ranges: ClassVar[dict[str, Range]] = {"scale": POSITIVE}

    @staticmethod
    def formula(x, w, state, c):
        return x / (c[0] + abs(x)), state


def test_hyperparameters_that_are_declared_are_checked_and_are_the_coefficients():
    assert Softsign(2).coefficients(3) == (2.0,)
    assert Softsign([1, 2]).coefficients(3)[0].tolist() == [1.0, 2.0]
    assert Softsign(lambda k: k + 0.5).coefficients(3) == (2.5,)
    with pytest.raises(ValueError, match=r"scale must be greater than 0 and finite; got -1\.0"):
        Softsign(-1)
    with pytest.raises(ValueError, match="scale, from its schedule at k = 0, must be greater than 0"):
        Softsign(lambda k: 0.0).coefficients(1)


@dataclass(frozen=True)
class Times(ArrayRule):
    """A rule that holds a matrix, which has no hash and no one truth of its equality."""

    matrix: np.ndarray

    def of(self, x, w, c):
        return self.matrix @ x


@dataclass(frozen=True)
class Uncompared(Rule):
    factor: float = field(compare=False)

    def formula(self, x, w, state, c):
        return self.factor * x, state


class Held(Rule):
    """A rule whose number is in no field."""

    def __init__(self, factor):
        vars(self)["factor"] = factor

    def formula(self, x, w, state, c):
        return self.factor * x, state


class TestRulesThatEqualityDoesNotTellApart:
    @pytest.mark.parametrize(
        ("one", "two"),
        [(Times(np.eye(2)), Times(2.0 * np.eye(2))), (Uncompared(1.0), Uncompared(2.0)), (Held(1.0), Held(2.0))],
        ids=["matrix", "uncompared", "hidden"],
    )
    def test_they_are_two_in_an_expression_and_in_groups(self, one, two):
        g = np.ones(2)
        assert Optimizer(one - two, 1.0).step(np.zeros(2), g).tolist() == [1.0, 1.0]
        params = {"a": np.zeros(2), "b": np.zeros(2)}
        Optimizer({"a": one | Ema(0.0), "b": two | Ema(0.0)}, 1.0).step(params, {"a": g, "b": g})
        assert (params["a"].tolist(), params["b"].tolist()) == ([-1.0, -1.0], [-2.0, -2.0])

    def test_masks_go_with_them(self):
        params = {"a": np.ones(2), "b": np.ones(2)}
        Optimizer(Times(np.eye(2)) + Weights(only="a"), 1.0).step(params, {"a": np.ones(2), "b": np.ones(2)})
        assert (params["a"].tolist(), params["b"].tolist()) == ([-1.0, -1.0], [0.0, 0.0])


@pytest.mark.parametrize("name", RULES)
def test_what_is_pickled_does_not_depend_on_use(name):
    rule = RULES[name]
    assert rule.shapes((2,)) == ((2,),) * len(rule.slots)
    assert len(rule.coefficients(1)) == rule.numbers
    assert (rule.__reduce_ex__(4)[2] or {}).keys() == {field.name for field in fields(rule)}


class TestFinal:
    @pytest.mark.parametrize("base", [Ema, Gradient, Softsign, type(Gradient() + 1), type(Gradient() | Sign())])
    def test_a_class_with_a_formula_has_no_subclasses(self, base):
        with pytest.raises(
            TypeError, match=rf"Own must derive from Rule: {base.__name__} is final; vary it by composition"
        ):
            type("Own", (base,), {})

    def test_so_has_one_with_a_composition_of_its_own(self):
        made = type("Made", (Rule,), {"compose": lambda self: lambda x, w, state, c: (x, state)})
        with pytest.raises(TypeError, match="Made is final"):
            type("Own", (made,), {})
        with pytest.raises(TypeError, match="Made is final"):
            type("Own", (dict, made), {})

    def test_what_has_no_formula_is_abstract(self):
        @dataclass(frozen=True)
        class Scaled(Rule):
            factor: float = 2.0
            ranges: ClassVar[dict[str, Range]] = {"factor": FINITE}

        class Times(Scaled):
            @staticmethod
            def formula(x, w, state, c):
                return c[0] * x, state

        assert Times(3).coefficients(1) == (3.0,)


NAMES_OF = ("a.weight", "a.bias", "b.weight")


class TestLeaves:
    def test_a_rule_without_masks_is_itself_everywhere(self):
        for rule in (adamw(), Ema(0.9), Gradient() | Sign(), *map(grown, range(20))):
            assert all(found is rule for found in rule.on(NAMES_OF))
        assert adam().on(()) == ()

    def test_weights_of_some_leaves_are_zero_for_the_others(self):
        rule = Weights(only="*weight")
        there, elsewhere, again = rule.on(NAMES_OF)
        assert there is again
        assert there == Weights()
        assert elsewhere.formula(1.0, np.inf, (), elsewhere.coefficients(1)) == (0.0, ())

    @pytest.mark.parametrize(
        "rule",
        [
            adam() + 0.1 * Weights(only="*weight"),
            Gradient() + 0.1 * Weights(only=["a.weight", "b.*"]) | adam(),
            (Weights(only="*weight") | Ema(0.9)) - Trace(0.5),
        ],
        ids=str,
    )
    def test_masks_are_found_anywhere(self, rule):
        found = rule.on(NAMES_OF)
        assert found[0] is found[2] is not found[1]
        assert {each.slots for each in found} == {rule.slots}
        assert {each.start for each in found} == {rule.start}
        assert "only=(" not in repr(found[0])
        assert "Weights(only=())" in repr(found[1])
        for each in (rule, *found):
            assert eval(repr(each), PUBLIC) == each
            assert each.numbers == len(each.coefficients(1))
        assert found[0].on(NAMES_OF)[1] is found[0]

    def test_adamw_without_decay_of_the_biases(self):
        decayed, plain, _ = (adam() + 0.1 * Weights(only="*weight")).on(NAMES_OF)
        leaves = leaves_of(np.float64, (20,))
        assert same(run(decayed, leaves), run(adamw(weight_decay=0.1), leaves))
        assert same(run(plain, leaves), run(adam(), leaves))

    def test_masks_in_rules_of_ones_own(self):
        @dataclass(frozen=True)
        class Halved(Rule):
            inner: Rule

            def formula(self, x, w, state, c):
                return 0.5 * self.inner.compose()(x, w, state, c)[0], state

        there, elsewhere, _ = Halved(Weights(only="*weight")).on(NAMES_OF)
        assert there == Halved(Weights())
        assert elsewhere == Halved(Weights(only=()))

    @pytest.mark.parametrize(("only", "error"), [(3, TypeError), ([], TypeError), ([3], TypeError)])
    def test_what_is_no_pattern_is_refused(self, only, error):
        with pytest.raises(error, match="only must be a name, or a sequence of names"):
            Weights(only=only)
        with pytest.raises(TypeError):
            Weights("*weight")

    def test_a_pattern_that_names_no_leaf_is_refused(self):
        with pytest.raises(
            ValueError, match=r"only must name leaves; '\*kernel' is none of a.weight, a.bias, b.weight"
        ):
            (adam() + 0.1 * Weights(only=["*weight", "*kernel"])).on(NAMES_OF)

    def test_one_pattern_in_a_sequence_is_that_pattern(self):
        assert Weights(only=["*w"]) == Weights(only="*w")
        assert repr(Weights(only=["*w"])) == "Weights(only='*w')"
        assert Weights(only=["a", "b"]) == Weights(only=("a", "b"))
        assert hash(Weights(only=["a", "b"])) == hash(Weights(only=("a", "b")))

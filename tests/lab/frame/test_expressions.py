"""Texts become the rules and functions that Python would make of them, and nothing else."""

import contextlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import optimlab
from optimlab import (
    Clip,
    Decay,
    Ema,
    PowerGain,
    Sign,
    Trace,
    UniformGain,
    WarmUpGain,
    Weights,
    adam,
    adamw,
    constant,
    cosine_decay,
    cosine_restarts,
    heavy_ball,
    join,
    momentum,
    nesterov,
    one_cycle,
    piecewise,
    rmsprop,
    sgd,
    step_decay,
)
from optimlab.lab.autodiff import value_and_grad
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.expressions import _FUNCTIONS, _makers, function, rule, rules, schedules
from optimlab.lab.frame.reading import nearest

RULES = {
    "adam": adam(),
    "  heavy_ball( .95 )\n": heavy_ball(0.95),
    "adamw(0.9, 0.99, weight_decay=.1)": adamw(0.9, 0.99, weight_decay=0.1),
    "Ema(.9) | Sign()": Ema(0.9) | Sign(),
    "Ema(.9)|Sign": Ema(0.9) | Sign(),
    "-0.5*momentum - 2*Weights(only='*weight')": -0.5 * momentum() - 2 * Weights(only="*weight"),
    "-momentum / 4": -momentum() / 4,
    "2 * (sgd + adam)": 2 * (sgd() + adam()),
    "1/2 * sgd": 0.5 * sgd(),
    "Ema(.9, debias=True)": Ema(0.9, debias=True),
    "Ema(UniformGain)": Ema(UniformGain()),
    "Ema(Decay(span=19))": Ema(Decay(span=19)),
    "heavy_ball(cosine_decay(.9, steps=100))": heavy_ball(cosine_decay(0.9, steps=100)),
    "heavy_ball((.9, .95))": heavy_ball((0.9, 0.95)),
    "step_decay(1, .5, steps=500) * sgd": step_decay(1.0, 0.5, steps=500) * sgd(),
    "piecewise([1, .1], at=[100]) * sgd": piecewise([1.0, 0.1], at=[100]) * sgd(),
    "Clip(-inf, 1)": Clip(-np.inf, 1.0),
}


@pytest.mark.parametrize("text", RULES)
def test_a_text_is_the_rule_that_python_would_make(text):
    assert rule(text) == RULES[text]


MADE = [
    sgd(), momentum(), heavy_ball(), nesterov(0.8), rmsprop(), adam(), adamw(), *RULES.values(), 1.0 - (2.0 - sgd()),
    (sgd() | Sign()) * 3.0, sgd() / (sgd() / adam()), Ema(PowerGain(6.94)), Ema(WarmUpGain(Decay(0.99))),
    Trace(0.9, first=2.0), heavy_ball(join(0.9, 0.5, at=[10])), heavy_ball(cosine_restarts(0.9, steps=50)),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(MADE)))
def test_the_repr_of_a_rule_is_a_text_of_it(number):
    assert rule(repr(MADE[number])) == MADE[number]


def test_the_names_are_those_of_the_library():
    made = {*_makers()} - {"inf"}
    homes = {name: getattr(optimlab, name).__module__.split(".")[1] for name in optimlab.__all__}
    there = {name for name, home in homes.items() if home in ("averaging", "rules", "schedules", "recurrence")}
    assert there - made == {
        "ArrayRule", "Gain", "Profile", "Rule", "Schedule", "Synthesis", "bias_correction", "synthesize",
    }  # fmt: skip
    assert made <= there


def test_several_rules_have_labels_that_say_how_they_differ():
    found = rules("adam, heavy_ball(0.9), heavy_ball(0.95), Ema(.9)|Sign(), 0.5*momentum,")
    assert found == {
        "Adam": adam(),
        "heavy ball β 0.9": heavy_ball(),
        "heavy ball β 0.95": heavy_ball(0.95),
        "Ema(.9)|Sign()": Ema(0.9) | Sign(),
        "0.5*momentum": 0.5 * momentum(),
    }
    assert list(rules("(nesterov)")) == ["Nesterov"]


def test_a_rule_that_stands_twice_is_refused_and_the_remedies_work():
    with pytest.raises(StudyError, match="the rule heavy ball stands twice; leave one out, or change a number in it"):
        rules("heavy_ball, adam, Trace(.9)")
    assert len(rules("heavy_ball, adam")) == 2
    assert len(rules("heavy_ball, adam, Trace(.95)")) == 3


WRONG = [  # text, what is said, the column of the mark
    ("heavy_bal(0.95)", "'heavy_bal' is not known; did you mean heavy_ball?", 0),
    ("sgd, Adm(0.9)", "'Adm' is not known; did you mean adam?", 5),
    ("β + Gradent", "'β' is not known; there are Abs, After", 0),
    ("'β' + Gradent", "this is nothing that has | + - * /: 'β'", 0),
    ("Weights(only='β') + Gradent", "did you mean Gradient?", 20),
    ("heavy_ball(1.5)", "beta must be in [0, 1]; got 1.5", 0),
    ("sgd + heavy_ball(1.5)", "beta must be in [0, 1]; got 1.5", 6),
    ("adam(beta3=.9)", "got an unexpected keyword argument 'beta3'; it is adam(beta1=0.9, beta2=0.999, eps=1e-08)", 0),
    ("Ema", "missing a required argument: 'gain'; it is Ema(gain, *, debias=False, first=0.0)", 0),
    ("adam(", "'(' was never closed", 4),
    ("adam sgd", "invalid syntax", 5),
    ("adam sgd, sgd", "invalid syntax", 5),
    ("0.95", "a rule such as adam must stand here; this is 0.95", 0),
    ("adam, 3", "a rule such as adam must stand here; this is 3", 6),
    ("cosine_decay(.1, steps=9)", "a rule such as adam must stand here; this is cosine_decay", 0),
    ("inf(3)", "only a name of a function can be called", 0),
    ("adam ** 2", "** is not allowed before this; | + - * / are", 8),
    ("adam @ adam", "this sign is not allowed before this", 7),
    ("9**9**9 * adam", "** is not allowed before this", 3),
    ("1/0 * adam", "division by zero", 0),
    ("1e999 * adam", "this is no finite number: inf", 0),
    ("9" * 900 + "*adam", "int too large to convert to float", 0),
    ("1j * adam", "1j is no number", 0),
    ("True * adam", "this is nothing that has | + - * /: True", 0),
    ("[1] * 99999999", "this is nothing that has", 0),
    ("'a' * 99999999", "this is nothing that has", 0),
    ("0.5 | adam", "unsupported operand type(s) for |", 0),
    ("~adam", "this (unaryop) is not allowed", 0),
    ("adam.__class__", "this (attribute) is not allowed", 0),
    ("().__class__.__bases__[0]", "this (subscript) is not allowed", 0),
    ("adam()()", "only a name of a function can be called", 0),
    ("adam.formula()", "only a name of a function can be called", 0),
    ("__import__('os')", "'__import__' is not known", 0),
    ("eval('1')", "'eval' is not known", 0),
    ("heavy_ball(lambda k: .9)", "this (lambda) is not allowed", 11),
    ("heavy_ball([b for b in (1, 2)])", "this (listcomp) is not allowed", 11),
    ("heavy_ball({1: 2})", "this (dict) is not allowed", 11),
    ("heavy_ball(f'{adam}')", "this (joinedstr) is not allowed", 11),
    ("heavy_ball(*(1, 2))", "this (starred) is not allowed", 11),
    ("adam(**{})", "arguments must stand one by one", 0),
    ("adam(eps=1, eps=2)", "", 0),
    ("adam(node=1)", "got an unexpected keyword argument 'node'", 0),
    ("sgd(make=1, self=2)", "got an unexpected keyword argument", 0),
    ("(b := .9)", "this (namedexpr) is not allowed", 1),
    ("adam if 1 else sgd", "this (ifexp) is not allowed", 0),
    ("adam < sgd", "this (compare) is not allowed", 0),
    ("adam and sgd", "this (boolop) is not allowed", 0),
    ("b = .9", "invalid syntax", 2),
    ("adam # , sgd", "an expression has no comments", 5),
    ("adam; sgd", "invalid syntax", 4),
    ("import os", "invalid syntax", 0),
    ("sgd +", "invalid syntax", 5),
    ("ad\0am", "", None),
    ("", "an expression must have 1 to 1000 characters; got 0", None),
    ("adam," * 201, "an expression must have 1 to 1000 characters; got 1005", None),
    ("(" * 300 + "adam" + ")" * 300, "too many nested parentheses", None),
    ("-" * 900 + "adam", "", None),
    ("+".join(["sgd"] * 200), "an expression must not nest deeper than 60 levels", 0),
]


def refused(read, text, said, column):
    with pytest.raises(StudyError) as caught:
        read(text)
    first, *rest = str(caught.value).split("\n")
    assert said in first
    assert "\0" not in str(caught.value)
    if column is not None:
        assert len(rest) == 2
        assert rest[1].index("^") == column + 2


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_wrong_rule_is_refused_with_the_place(number):
    refused(rules, *WRONG[number])


def test_the_remedies_of_names_work():
    for text, said, _ in WRONG:
        meant = re.search(r"'(\w+)' is not known; did you mean (\w+)\?", said)
        if meant:
            assert rules(text.replace(meant[1], meant[2]))


FORMULAS = {
    "x**2 - y**2": lambda x, y: x**2 - y**2,
    "sin(x)*exp(-y**2)": lambda x, y: np.sin(x) * np.exp(-(y**2)),
    "-2*x/(1 + abs(y)) + pi": lambda x, y: -2 * x / (1 + abs(y)) + np.pi,
    "maximum(x, y) * e**x": lambda x, y: np.maximum(x, y) * np.e**x,
    "sqrt(log1p(x*x)) + arctan2(y, 2.5)": lambda x, y: np.sqrt(np.log1p(x * x)) + np.arctan2(y, 2.5),
    "tanh(cos(3)) * y": lambda x, y: np.tanh(np.cos(3)) * y,
    "y**-2": lambda x, y: y**-2.0,
}


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_the_function_that_python_would_make(text):
    x, y = np.array([0.5, -1.0, 3.0]), np.array([2.0, 0.25, -1.5])
    f, twin = function(text), FORMULAS[text]
    np.testing.assert_allclose(f(x, y), twin(x, y), rtol=1e-15)
    assert f(0.5, 2.0) == pytest.approx(twin(0.5, 2.0), rel=1e-15)
    found = value_and_grad(lambda w: f(w[0], w[1]))(np.array([0.5, 2.0]))
    expected = value_and_grad(lambda w: twin(w[0], w[1]))(np.array([0.5, 2.0]))
    assert found[0] == pytest.approx(expected[0], rel=1e-15)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-15)


@pytest.mark.parametrize("name", [name for name, thing in _FUNCTIONS.items() if callable(thing)])
def test_every_function_of_a_formula_has_a_gradient(name):
    two = name in ("arctan2", "logaddexp", "maximum", "minimum")
    f = function(f"{name}(x, y)" if two else f"{name}(x) + 0*y")
    slope = value_and_grad(lambda w: f(w[0], w[1]))(np.array([0.7, 0.4]))[1]
    h = 1e-6
    difference = (f(0.7 + h, 0.4) - f(0.7 - h, 0.4)) / (2 * h)
    assert slope[0] == pytest.approx(difference, rel=1e-8)


def test_a_formula_has_the_variables_that_it_is_given():
    assert function("3*t", ["t"])(2.0) == 6.0
    assert function("e + x", ["x", "e"])(1.0, 10.0) == 11.0  # a variable hides the number of that name


def test_a_pole_is_infinite_as_in_numpy_and_no_error():
    with np.errstate(all="ignore"):
        assert function("1/x")(0.0, 1.0) == np.inf
        assert np.isnan(function("log(x)")(-1.0, 1.0))


FORMULAS_WRONG = [
    ("x**2 - z", "'z' is not known; there are abs, arctan2", 7),
    ("sine(x)", "'sine' is not known; did you mean sin?", 0),
    ("sin", "missing a required argument: 'x'; it is sin(x)", 0),
    ("sin(x, y)", "too many positional arguments; it is sin(x)", 0),
    ("x(2)", "only a name of a function can be called", 0),
    ("2 + 3", "a formula must contain x or y", 0),
    ("x + 9**9**9", "", 4),
    ("x + (-8)**(1/3)", "this is no finite number", 4),
    ("x + 1/0", "division by zero", 4),
    ("x + 1e999", "this is no finite number: inf", 4),
    ("x, y", "this (tuple) is not allowed", 0),
    ("x | y", "| is not allowed before this", 4),
    ("x // y", "this sign is not allowed before this", 5),
    ("x + 'a'", "'a' is no number", 4),
    ("x + True", "True is no number", 4),
    ("x.real", "this (attribute) is not allowed", 0),
    ("x[0]", "this (subscript) is not allowed", 0),
    ("x^2", "this sign is not allowed", 2),
    ("adam + x", "'adam' is not known", 0),
    ("__import__('os').system('ls') + x", "only a name of a function can be called", 0),
]


@pytest.mark.parametrize("number", range(len(FORMULAS_WRONG)))
def test_a_wrong_formula_is_refused_with_the_place(number):
    refused(function, *FORMULAS_WRONG[number])


@given(st.text(alphabet="adm+-*/|()[]{}.,:=<>'\"_ 019xyeé\\\n\t\0#@~!", max_size=30))
def test_any_text_is_read_or_refused(text):
    for read in (rules, function):
        with contextlib.suppress(StudyError):
            read(text)


def test_schedules_are_functions_of_the_number_of_updates():
    found = schedules(
        "cosine_decay(0.1, steps=K/2), one_cycle(0.02, .5, steps=K), 2*constant(1), piecewise([1, .5], at=[K/2])"
    )
    assert [make(200) for make in found.values()] == [
        cosine_decay(0.1, steps=100),
        one_cycle(0.02, 0.5, steps=200),
        2 * constant(1.0),
        piecewise([1.0, 0.5], at=[100]),
    ]
    assert list(found) == ["cosine_decay", "one_cycle", "2*constant(1)", "piecewise"]
    assert list(schedules("constant(1), constant(2)")) == ["constant(1)", "constant(2)"]


@pytest.mark.parametrize(
    ("text", "said", "column"),
    [
        ("constant(1), sgd", "a schedule such as constant(0.1) must stand here; this is Gradient()", 13),
        ("constant", "it is constant(value)", 0),
        ("constant(1), constant(1)", "a schedule stands twice; leave one out", 0),
        ("cosine_decay(1, steps=L)", "'L' is not known", 22),
        ("one_cycle(0.1, 1, steps=K/3)", "steps must be a whole number", 0),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_place(text, said, column):
    refused(schedules, text, said, column)


def test_the_nearest_name_is_found_whatever_its_case():
    assert nearest("ADAM", ["adam", "Ema"]) == "did you mean adam?"
    assert nearest("eam", ["adam", "Ema"]) == "did you mean Ema?"

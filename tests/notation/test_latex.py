"""What is printed as mathematics, computed as it is read, is what the formula does."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import (
    Abs,
    Clip,
    Constant,
    DebiasedGain,
    Decay,
    Ema,
    FirstValueGain,
    Gain,
    Gradient,
    InversePowerGain,
    PowerGain,
    Root,
    Rule,
    Schedule,
    ShareGain,
    Sign,
    Square,
    TailGain,
    Trace,
    UniformGain,
    WarmUpGain,
    Weights,
    adam,
    adamw,
    cosine_decay,
    linear,
    rmsprop,
    sgd,
)
from optimlab.notation.latex import letters
from optimlab.notation.symbols import UntraceableError
from tests.engine.grown import Change, Chosen, Literal, Swap, Twice, grown
from tests.engine.laws import RULES
from tests.export.texts import Softsign
from tests.notation.mathematics import Reader, assigned


def schedules(rule):
    """Return all schedules in a rule by name."""
    found = {}
    for held in vars(rule).values():
        for part in held if isinstance(held, tuple) else (held,):
            if isinstance(part, (Rule, Gain)):
                found |= schedules(part)
            elif isinstance(part, Schedule) and " * " in repr(part):
                found |= schedules(Constant(part.args[0])) | schedules(Constant(part.args[1]))
            elif callable(part):
                found[getattr(part, "__name__", repr(part).partition("(")[0])] = part
    return found


def check(rule, number=lambda x: x):
    """Compare the mathematics with the formula at a few steps, states and signals."""
    text, names, generator = rule.latex(), letters(rule.slots), np.random.default_rng(0)
    assert len(set(names)) == len(names)
    for t in (1, 2, 5):
        g, w, *state = generator.uniform(0.1, 2.0, 2 + len(names)) * generator.choice([-1, 1], 2 + len(names))
        values = {"g": g, "w": w, r"\eta": 0.1, "t": t, "k": t - 1} | dict(zip(names, state, strict=True))
        with np.errstate(all="ignore"):
            numbers = [0.1 if i in rule.rates else c for i, c in enumerate(rule.coefficients(t))]
            y, new = rule.compose()(g, w, tuple(state), tuple(numbers))
            found = assigned(text, values, schedules(rule))
        expected = [w - 0.1 * y, *new]
        for name, value in zip(["w", *names], expected, strict=True):
            np.testing.assert_allclose(found[name], value, rtol=1e-7, atol=1e-12, err_msg=f"{name} of {rule!r}\n{text}")


@dataclass(frozen=True)
class Halving(Gain):
    """A gain of one's own."""

    def gains(self, t):
        return 0.5**t


GAINS = [
    FirstValueGain(0.9), FirstValueGain(linear(0.5, steps=4, final=0.9)), UniformGain(), PowerGain(6.94),
    ShareGain(0.25), WarmUpGain(0.75), WarmUpGain(Decay(alpha=0.5)), DebiasedGain(Decay(com=float("inf"))), TailGain(3),
    InversePowerGain(0.5), InversePowerGain(2 / 3, least=0.4, lag=0.5, rate=0.5),
]  # fmt: skip


class Turned(Rule):
    @staticmethod
    def formula(x, w, state, c):
        return np.where((x < w) | ~(w >= 0), x, w), state


class Both(Rule):
    @staticmethod
    def formula(x, w, state, c):
        both = (x < w) & np.logical_or(w >= 0, x != 0)
        return (x - w) ** 3 + 2.0 ** (x + w) + np.where(
            both, np.hypot(x, w), np.where(x == w, 0.0, 1 / (x - w))
        ) - np.where(~both, x, w), state


g, w = Gradient(), Weights()
FEW = [
    g + 0.1 * w | Ema(0.9),
    (g + w) | 0.5 * g,
    (Ema(0.9) | g + w) * 2,
    g - (Ema(0.9) | (g + w)),
    g - (g - w),
    g - (g + w),
    g - w * g - w,
    g / (g / w),
    g / w / g,
    g * (w + g) * w,
    g * (w - g) / (g + w),
    -g,
    -(g + w),
    g - -w,
    -2 * g * -3,
    w * -1e-8,
    2e-5 * g * 3e-5,
    g + w | Square(),
    Ema(0.5) / g | Square(),
    Square() | Square(),
    Square() | Root(1e-8) | Square(),
    g - w | Abs() | Square(),
    g - w | Sign(),
    -g | Abs(),
    Clip(-0.5, 0.25) | Square(),
    Clip(-np.inf, 0.25),
    Clip(-0.5, np.inf) | Square(),
    -2e-5 * (g + w) - -2e-5 * w,
    Ema(0.5, debias=True) | Square() | Ema(0.9, debias=True) | Root(),
    Trace(0.5) + Trace(0.9) + Trace(0.1),
    Ema(0.5) | Ema(0.25) | Square() | Ema(0.75),
    Ema(Decay(span=19), debias=True),
    *[Ema(gain) for gain in GAINS],
    Ema([0.5, 0.9], debias=True) * Constant([2.0, 3.0]),
    Ema(linear(0.5, steps=4, final=0.9), debias=True),
    cosine_decay(1.0, steps=10) * g - linear(0.5, steps=4),
    cosine_decay(1.0, steps=10) * linear(0.5, steps=4) * g,
    Ema(cosine_decay(0.9, steps=10) * linear(0.5, steps=4), debias=True),
    Change(0.5),
    Change(0.5) | Change(0.25),
    Swap(),
    Swap() | Swap(),
    Twice(),
    Chosen(0.5) * g,
    Chosen(0.5) | Square(),
    Literal(0.25),
    Weights(only=()) + g,
    Both(),
    2 * Both() | Square(),
]


@pytest.mark.parametrize("rule", FEW, ids=str)
def test_the_brackets_are_right(rule):
    check(rule)


@pytest.mark.parametrize("name", RULES)
def test_the_mathematics_of_every_rule_here(name):
    check(RULES[name])


@pytest.mark.parametrize("seed", sorted({*range(151)} - {110}))  # which divides a difference of equal means by 0
def test_the_mathematics_of_random_rules(seed):
    check(grown(seed))


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        (sgd(), [r"w &\leftarrow w - \eta\,g"]),
        (
            rmsprop(0.9),
            [r"v &\leftarrow v + 0.1\,\left(g^2 - v\right)", r"w &\leftarrow w - \eta\,\frac{g}{\sqrt{v} + 10^{-8}}"],
        ),
        (
            g + 0.1 * w | Ema(0.9),
            [r"m &\leftarrow m + 0.1\,\left(g + 0.1\,w - m\right)", r"w &\leftarrow w - \eta\,m"],
        ),
        (g + w | 0.5 * g, [r"w &\leftarrow w - \eta \cdot 0.5\,\left(g + w\right)"]),
        (
            Ema(cosine_decay(0.9, steps=10), debias=True),
            [
                r"m &\leftarrow m + \frac{1 - \mathrm{cosine\_decay}(k)}{1 - \prod_{j=0}^{k} \mathrm{cosine\_decay}(j)}"
                r"\,\left(g - m\right)",
                r"w &\leftarrow w - \eta\,m",
            ],
        ),
        (Ema(UniformGain()), [r"m &\leftarrow m + \frac{1}{t}\,\left(g - m\right)", None]),
        (
            Ema(PowerGain(6.5)),
            [r"m &\leftarrow m + \left(1 - \left(1 - \frac{1}{t}\right)^{7.5}\right)\,\left(g - m\right)", None],
        ),
        (Ema(Halving()), [r"m &\leftarrow m + \mathrm{Halving}(t)\,\left(g - m\right)", None]),
        (
            Change(0.5),
            [r"m' &\leftarrow m", r"m &\leftarrow 0.5\,m + g", r"w &\leftarrow w - \eta\,\left(m - m'\right)"],
        ),
        (
            Chosen(0.5),
            [
                r"\mathrm{last}' &\leftarrow \mathrm{last}",
                r"\mathrm{last} &\leftarrow \begin{cases} \mathrm{last} & \text{if } \mathrm{isnan}\left(g\right) \\ "
                r"g & \text{otherwise} \end{cases}",
                None,
            ],
        ),
        (
            Turned(),
            [
                r"w &\leftarrow w - \eta\,\left(\begin{cases} g & \text{if } \left(g < w\right) \lor \left(\lnot \left("
                r"w \ge 0\right)\right) \\ w & \text{otherwise} \end{cases}\right)"
            ],
        ),
    ],
    ids=str,
)
def test_it_is_written_as_one_writes_it(rule, lines):
    found = rule.latex().split(" \\\\\n")
    assert [line and text for line, text in zip(lines, found, strict=True)] == lines


def test_states_have_the_letters_of_the_field_and_numbers_when_taken():
    assert letters(adam().slots) == ["m", "v"]
    assert letters((Trace(0.5) + Trace(0.9) + Ema(0.1)).slots) == ["v", "v_{2}", "m"]
    assert letters(("w", "t", "k", "j")) == ["w_{2}", "t_{2}", "k_{2}", "j_{2}"]
    assert letters(("g", "size", "old_size", "m", "ema")) == [
        "g_{2}",
        r"\mathrm{size}",
        r"\mathrm{size}_{2}",
        "m",
        "m_{2}",
    ]


def test_no_schedule_is_called_schedule_and_a_function_without_a_name_is_s():
    def falling(k):
        return 1.0 / (k + 1)

    assert r"\mathrm{falling}(k)\,g" in (falling * g).latex()
    assert r"\mathrm{s}(k)\,g" in ((lambda k: 1.0) * g).latex()
    assert "Schedule" not in (cosine_decay(1.0, steps=3) * Ema(linear(0.1, steps=3), debias=True)).latex()


@dataclass(frozen=True)
class Warmed(Rule):
    """A coefficient that is no field, one that changes with t, and one for each of two replicas."""

    beta: float = 0.75

    def coefficients(self, t):
        return 1.0 - self.beta, min(t, 100) / 100, np.array([0.5, 0.25])

    @staticmethod
    def formula(x, w, state, c):
        return c[0] * x + c[1] * w + c[2], state


def test_a_rule_of_ones_own_is_written_with_what_its_coefficients_are():
    check(Ema(0.9) | Softsign(0.5))
    assert Softsign(0.5).latex() == r"w &\leftarrow w - \eta\,\frac{g}{0.5 + \left|g\right|}"
    text = r"0.25\,g + \mathrm{Warmed}_{2}(t)\,w + \left(0.5, 0.25\right)"
    assert Warmed().latex() == rf"w &\leftarrow w - \eta\,\left({text}\right)"
    assert r"\frac{g}{\mathrm{Softsign}_{1}(t) + \left|g\right|}" in Softsign(Followed()).latex()


class Followed(float):
    """A number that is also a function, as a coefficient of one's own may be."""

    def __call__(self, k):
        return 1.0


def test_a_formula_that_cannot_be_traced_has_no_mathematics():
    @dataclass(frozen=True)
    class Branch(Rule):
        @staticmethod
        def formula(x, w, state, c):
            return (x if x > 0 else w), state

    with pytest.raises(UntraceableError, match="branch"):
        (Branch() + 1).latex()


def test_the_reader_notices_missing_brackets():
    values = {"a": 2.0, "b": 3.0, "c": 5.0}
    assert Reader(r"a - b + c", values, {}).whole() == 4.0
    assert Reader(r"a - \left(b + c\right)", values, {}).whole() == -6.0
    assert Reader(r"a\,b + c \cdot 2", values, {}).whole() == 16.0
    assert Reader(r"-a^2", values, {}).whole() == -4.0
    for text in (r"a b", r"a^b^c", r"a + ", r"a\,-b", r"\left(a + b"):
        with pytest.raises((AssertionError, KeyError, IndexError)):
            Reader(text, values, {}).whole()


@pytest.mark.parametrize("seed", range(40))
def test_braces_and_brackets_match(seed):
    text = grown(seed).latex()
    assert text.count("{") == text.count("}")
    assert len(re.findall(r"\\left\b", text)) == len(re.findall(r"\\right\b", text))


def test_adamw_in_full():
    check(adamw(weight_decay=0.1))

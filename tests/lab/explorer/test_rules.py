"""Rules as text: the page reads them as Python does, to the same repr, slots, numbers and programs."""

import random

import numpy as np
import pytest

import optimlab
from optimlab.engine.program import stepped
from optimlab.lab.explorer.atoms import facts
from optimlab.lab.frame.expressions import rule as read
from tests.lab.explorer.javascript import differing, run

STEPS = (1, 2, 3, 10, 256, 257, 1000)
READ = """
const told = (text) => {
  const rule = readRule(text);
  const { slots, start, rates, program, averageProgram } = rule;
  const numbers = data.steps.map((t) => rule.coefficients(t));
  return { text: rule.text, slots, start, rates, numbers, programs: [program, averageProgram] };
};
return data.texts.map(told);
"""
TEXTS = [
    "Ema(.9)/(Square()|Ema(.999)|Root(1e-8))",
    "sgd",
    "-adam",
    "0.5*momentum | Sign()",
    "1 - 2 * Gradient() - -3",
    "(Rate() * Gradient() | Trace(0.9)) / Rate()",
    "(Rate() * Gradient() | Trace(0.9)) / Rate() + 0.1 * Rate() * Weights()",
    "0.5 * ((Rate() * Gradient() | Ema(0.9)) / Rate()) - Weights() * 1e-3",
    "Gradient() / Rate() * Sign()",
    "(Gradient() / Rate()) * (Ema(0.9) / Rate()) + Sign() * (Ema(0.9) / Rate())",
    "(Gradient() + 0.1 * Weights()) | adam()",
    "Ema(PowerGain(6.94)) / (Square() | Ema(WarmUpGain(0.9)) | Root(1e-8))",
    "Ema(UniformGain()) + Ema(TailGain(3)) + Ema(ShareGain(0.05)) + Ema(InversePowerGain(2/3, least=0.1))",
    "Ema(FirstValueGain(0.9)) - Ema(0.9, first=-0.0) - Ema(0.9, first=0.25)",
    "adam(eps=EpsHat(1e-8, 0.999))",
    "adam(0.8, beta2=0.99)",
    "ademamix(beta3=HalfLife(0.9, 0.99, 20), alpha=linear(0.0, steps=100, final=5.0))",
    "momentum(polynomial_decay(0.9, steps=10, final=0.5)) | Ema(linear(0.5, steps=7, final=0.75), debias=True)",
    "TwoReadings(linear(0.9, steps=10), 0.5) | StepRms(0.9, 1e-6)",
    "cautious(lion(0.8, 0.9)) + grokfast(cautious_decay(adamw(weight_decay=0.1)))",
    "qhm(nu=0.5, beta=0.25)",
    "constant(0.5) * linear(1.0, steps=4) * Gradient() | Clip(-1.0, inf)",
    "Constant(2) * 3 + Constant(1e16) - Constant(1e-4) / Constant(123456789.125)",
    "Clip(low=-inf, high=0.0001) | Positive() | RunningMax(0.5, first=-0.0) | Delay(first=1e-5)",
    "Abs() | SignedEma(0.9) | StepSize(0.1, high=2.0)",
    "Ema(0.9) + (Gradient() - Ema(0.9) | Square()) + (-0.0) * Gradient() + 0.0 * Gradient()",
]


def told(rule):
    """What the page says of a rule, from Python's."""
    numbers = [np.array(rule.coefficients(t), np.float64) for t in STEPS]
    update, follow = stepped(rule, rule, np.float64)
    return {
        "text": repr(rule), "slots": [*rule.slots], "start": [*rule.start], "rates": [*rule.rates], "numbers": numbers,
        "programs": [program(update), program(follow)],
    }  # fmt: skip


def program(found):
    calls = [[function.__name__, [*places], out] for function, places, out in found.calls]
    held = {"arrays": found.arrays, "numbers": found.numbers, "calls": calls, "copies": [*map(list, found.copies)]}
    constants = np.frombuffer(found.constants, np.float64).tolist()
    return held | {"constants": constants, "buffers": [kind.name for kind in found.buffers]}


def check(texts, rules):
    for text, page, rule in zip(texts, run(READ, {"texts": texts, "steps": STEPS}), rules, strict=True):
        python = told(rule)
        numbers = zip(page.pop("numbers"), python.pop("numbers"), strict=True)
        assert sum(differing(a, b) for a, b in numbers) == 0, text
        assert page == python, text


def written(generator, depth):
    """A random expression of the algebra."""
    if depth == 0 or generator.random() < 0.2:
        beta, number = generator.choice(["0.9", "0.5", ".999", "0"]), generator.choice(["2", "1e-3", "0.25", "7e22"])
        atoms = ["Gradient()", "Weights()", "Square()", "Sign", f"Ema({beta})", f"Ema({beta}, debias=True)", "Abs()"]
        atoms += [f"Trace({beta})", f"Root({number})", f"Clip(-{number}, {number})", "Delay()", f"RunningMax({beta})"]
        return generator.choice([*atoms, f"TwoReadings({beta})", "Positive()", f"({number} * Rate())", "adam", number])
    sign = generator.choice(["|", "+", "-", "*", "/"])
    parts = [written(generator, depth - 1) for _ in range(2)]
    return f"({' '.join([parts[0], sign, parts[1]])})"


def random_texts(count):
    """Random expressions that Python takes."""
    generator, found = random.Random(0), []
    while len(found) < count:
        text = written(generator, generator.randrange(1, 5))
        try:
            read(text)
        except ValueError:  # a number feeds into a rule, or is no rule
            continue
        found.append(text)
    return found


def test_a_rule_that_finds_its_own_step_begins_with_a_rate_of_1():
    rates = {rule["name"]: rule["lr"] for rule in facts()["rules"]}
    assert (rates["rprop"], rates["adadelta"], rates["adam"]) == (1.0, 1.0, 0.01)


def test_names_are_spelled_as_their_authors_do():
    labels = {rule["name"]: rule["label"] for rule in facts()["rules"]}
    wanted = {"adabelief": "AdaBelief", "qhm": "QHM", "simplified_ademamix": "simplified AdEMAMix", "sgd": "SGD"}
    assert wanted.items() <= labels.items()
    assert all(label.replace(" ", "_").lower() == name for name, label in labels.items() if name != "momentum")


def test_expressions_are_read_as_python_reads_them():
    check(TEXTS, [*map(read, TEXTS)])


@pytest.mark.slow
def test_random_expressions_are_read_as_python_reads_them():
    texts = random_texts(300)
    check(texts, [*map(read, texts)])


def moved(entry):
    """Values of a rule's parameters beside the defaults."""
    numbers = [x for x in entry["parameters"] if x["name"] != "rule"]
    return {x["name"]: x["value"] * 0.97 + 1e-9 * i for i, x in enumerate(numbers)}


def made(entry, values):
    make = getattr(optimlab, entry["name"])
    return make(**{p["name"]: values.get(p["name"], optimlab.adam()) for p in entry["parameters"]})


def test_named_rules_are_those_of_python():
    entries = facts()["rules"]
    defaults = [
        made(entry, {p["name"]: p["value"] for p in entry["parameters"] if p["name"] != "rule"}) for entry in entries
    ]
    assert len(entries) >= 25
    check([entry["name"] for entry in entries], defaults)


@pytest.mark.slow
def test_named_rules_follow_their_parameters():
    entries = facts()["rules"]
    values = [moved(entry) for entry in entries]
    code = "return data.values.map((values, i) => ruleText(RULES[i], values));"
    check(run(code, {"values": values}), [*map(made, entries, values)])


WRONG = {
    "": "an expression is empty",
    "heavy_bal(0.9)": "did you mean heavy_ball?",
    "Ema(1.5)": "beta must be in [0, 1); got 1.5",
    "adam(beta3=0.5)": "adam has no argument beta3; did you mean beta1?",
    "StepSize(0.1, shrink=0)": "shrink must be in (0, 1); got 0.0",
    "Ema(TailGain(2.5))": "start must be whole numbers of at least 0 and finite; got 2.5",
    "Trace()": "Trace needs beta",
    "Trace(0.9, 0.1)": "at most 1 arguments without a name",
    "adam(": "must stand here; there is the end",
    "adam) + 1": '")" does not belong here',
    "Clip(1, -1)": "low must be at most high",
    "1 + 2": "a rule such as adam must stand here; this is 3.0",
    "1/0 * adam": "this is no finite number: 1.0 / 0.0",
    "adam ** 2": "** does not join rules; | + - * / do",
    "adam | 2": "| feeds one rule into the next; 2.0 is no rule",
    "Ema(PowerGain(2), debias=True)": "debias=True goes with a β",
    "Ema(0.9, debias=True, first=1)": "first must be 0 with DebiasedGain",
    "<img src=x onerror=alert(1)>": '"<" has no meaning here',
    "while(1)": '"while" is not known',
    "constructor": '"constructor" is not known',
    "adam(__proto__=1)": "adam has no argument __proto__",
    "Ema('x')": '"\'" has no meaning here',
    "Ema([0.9, 0.5])": "beta must be in [0, 1); got [0.9, 0.5]",
    "1e999 * adam": "1e999 is too large for a number",
    "adam" + " + adam" * 70: "must not nest deeper than 60 levels",
    "(" * 90 + "adam" + ")" * 90: "must not nest deeper than 60 levels",
    "a" * 61: "at most 60 letters; this one has 61",
    "a" * 1000000: "at most 2000 characters; this one has 1000000",
}


def test_what_is_no_rule_is_refused_in_plain_words_at_its_place():
    code = """
    return data.map((text) => {
      try { return { message: readRule(text).text, at: -1 }; }
      catch (error) { if (!(error instanceof Said)) throw error; return { message: error.message, at: error.at }; }
    });
    """
    for (text, words), found in zip(WRONG.items(), run(code, [*WRONG]), strict=True):
        assert words in found["message"], (text, found)
        assert 0 <= found["at"] <= len(text), (text, found)


def test_an_error_points_at_what_is_wrong():
    code = "try { readRule(data); } catch (error) { return error.at; }"
    assert run(code, "0.5 * adam + Ema(2)") == 13


def test_numbers_are_written_as_python_writes_them():
    bits = np.random.default_rng(0).integers(0, 2**63, 20000).view(np.float64)
    numbers = np.concatenate(
        [bits[np.isfinite(bits)], [0.0, -0.0, 1e16, 1e15, 1e-4, 9.9e-5, 123.0, -2.5, 5e-324, np.inf]]
    )
    assert run("return Array.from(data, pythonNumber);", numbers) == [*map(repr, numbers.tolist())]

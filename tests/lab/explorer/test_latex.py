"""The page writes a rule as Python does, letter by letter."""

from functools import cache

import numpy as np

import optimlab
from optimlab.lab.explorer.facts import facts
from optimlab.lab.frame.expressions import rule
from tests.engine.laws import RULES
from tests.lab.explorer.javascript import run

NUMBERS = ["0.9", "0.1", "2.0", "-3.0", "1e-08", "1e16", "-2.5e-7", "0.1234567890123", "123456789012.5", repr(2.0**-18),
           "1.0", "0.0", "1e-5", "0.30000000000000004", "1000000000000.0", "-1e-12"]  # fmt: skip
BETAS = ["0.9", "0.999", "0.0", "linear(0.5, steps=4, final=0.9)", "cosine_decay(0.9, steps=10)", "Dozat(0.9)"]
GAINS = ["UniformGain()", "PowerGain(6.94)", "ShareGain(0.25)", "TailGain(3)", "InversePowerGain(0.5)",
         "InversePowerGain(0.6, least=0.4, lag=0.5, rate=0.5)", "WarmUpGain({b})", "FirstValueGain({b})"]  # fmt: skip
ATOMS = ["Gradient()", "Weights()", "Sign()", "Abs()", "Square()", "Positive()", "Delay()", "Root()", "Root({e})",
         "Clip(-0.5, 0.25)", "Clip(-inf, 1.0)", "Clip(0.0, inf)", "Clip(FourthRoot(-1.0), FourthRoot())",
         "Ema({b})", "Ema({b}, debias=True)", "Ema({b}, debias=True)", "Trace({b})", "RunningMax({b})", "StepSize(0.1)",
         "TwoReadings({b}, 0.99)", "SignedEma({b})", "StepRms({b}, {e})",
         *[f"Ema({gain})" for gain in GAINS]]  # fmt: skip
EPSILONS = ["1e-8", "0.001", "EpsHat(1e-8, 0.9)", "Mass({b})", "exponential_decay(0.1, 0.5, steps=3)"]
FACTORS = [*NUMBERS, "Rate()", "Mass({b})", "EpsHat(2.0, {b})", "FourthRoot(3.0)", "SquareRoot()",
           "GradientShare(0.9)", "MeanShare({b})", "WithinMean(0.9)", "Rectified(0.99)", "Unrectified(0.9, 4.5)",
           "After(1, 2.0)", "cosine_decay(1.0, steps=10)",
           "cosine_decay(1.0, steps=10) * linear(0.5, steps=4)", "2 * step_decay(1.0, 0.5, steps=5)"]  # fmt: skip


def grown(random, depth):
    """A text of a rule."""

    def chosen(texts):
        return random.choice(texts).format(b=random.choice(BETAS), e=random.choice(EPSILONS)).format(b="0.9")

    if depth == 0 or random.random() < 0.15:
        return chosen(ATOMS)
    sign, left, right = random.choice(["|", "|", *"+-*/"]), grown(random, depth - 1), grown(random, depth - 1)
    if sign != "|" and random.random() < 0.4:
        left, right = random.permutation([chosen(FACTORS), right])
    return f"({left}) {sign} ({right})"


@cache
def texts():
    """Rules to compare: those of the laws, every atom, every number that depends on the step, and random ones."""
    random = np.random.default_rng(0)
    found = [repr(made) for made in RULES.values() if "function" not in repr(made)]
    each = [*ATOMS, *[f"{factor} * Gradient()" for factor in FACTORS]]
    found += [text.format(b="0.9", e="1e-8").format(b="0.9") for text in each]
    return found + [grown(random, 1 + i % 4) for i in range(120)]


def written(code, data):
    return run(f"const tex = (rule) => [rule.text, latexOf(rule)]; return {code}", data)


def test_rules_of_the_laws_and_random_ones():
    found = written("data.map((text) => tex(readRule(text)))", texts())
    for text, (shown, latex) in zip(texts(), found, strict=True):
        made = rule(text)
        assert (shown, latex) == (repr(made), made.latex()), text


def test_every_named_rule_at_other_parameters():
    random, data, defaults = np.random.default_rng(1), [], {}
    for entry in facts()["rules"]:
        data.append([entry["name"], {}])
        defaults[entry["name"]] = {p["name"]: p["value"] for p in entry["parameters"]}
        for share in (0.0, 1.0, *random.random(3).tolist()):
            numbers = {p["name"]: p["low"] + share * (p["high"] - p["low"]) for p in entry["parameters"] if "low" in p}
            rules = {p["name"]: "heavy_ball(0.5) | Sign()" for p in entry["parameters"] if "low" not in p}
            data.append([entry["name"], numbers | rules])
    code = "data.map(([name, values]) => tex(readRule(ruleText(RULES.find((rule) => rule.name === name), values))))"
    found = written(code, data)
    assert len(defaults) > 30
    for (name, values), (text, latex) in zip(data, found, strict=True):
        given = {key: rule(x) if isinstance(x, str) else x for key, x in (defaults[name] | values).items()}
        made = getattr(optimlab, name)(**given)
        assert (text, latex) == (repr(made), made.latex()), name


def test_a_formula_that_repeats_itself_without_end_is_refused_in_words():
    code = "try { latexOf(readRule(data)); return null; } catch (error) { return [error.name, error.message]; }"
    doubled = run(code, " | ".join(["Gradient() + Square()"] * 50))
    assert doubled == ["Said", "This rule is too long to be written out: its formula repeats itself."]

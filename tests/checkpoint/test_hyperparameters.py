"""The numbers of a rule have names, and all else is its form."""

import pytest

from optimlab import (
    Decay,
    Ema,
    Gradient,
    PowerGain,
    Trace,
    Weights,
    adam,
    adamw,
    cosine_decay,
    heavy_ball,
    nesterov,
    rmsprop,
    sgd,
)
from optimlab.checkpoint.hyperparameters import described, written


def steady(k):
    return 0.5


NAMES = {
    "adamw": (adamw(), {"beta": "0.9", "first": "0.0", "beta_2": "0.999", "first_2": "0.0", "eps": "1e-08",
                        "weight_decay": "0.01"}),
    "nesterov": (nesterov(0.5), {"number": "0.5", "beta": "0.5", "first": "0.0"}),
    "schedule": (Ema(cosine_decay(0.5, steps=10)), {"beta": "cosine_decay(0.5, steps=10)", "first": "0.0"}),
    "function": (steady * Gradient(), {"number": "<function steady>"}),
    "replicas": (heavy_ball([0.5, 0.25]), {"beta": "(0.5, 0.25)", "first": "0.0"}),
    "gain": (Ema(PowerGain(6)), {"gamma": "6.0", "first": "0.0"}),
    "Decay": (Ema(Decay(alpha=1e-17), debias=True), {"beta": "Decay(alpha=1e-17)", "first": "0.0"}),
    "decay first": (Weights(only="w") * 0.1 - 2 * Weights(), {"weight_decay": "0.1", "weight_decay_2": "2.0"}),
    "numbers": (0.5 * Trace(0.5) + 2 * Gradient(), {"number": "0.5", "beta": "0.5", "first": "0.0", "number_2": "2.0"}),
    "groups": ({"*.b": sgd(), "*": adamw(), "x": None}, {
        "*: beta": "0.9", "*: first": "0.0", "*: beta_2": "0.999", "*: first_2": "0.0", "*: eps": "1e-08",
        "*: weight_decay": "0.01",
    }),
    "nothing": (sgd(), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_numbers_have_names(name):
    rule, names = NAMES[name]
    assert described(rule).numbers == names
    assert described(rule, "average.").numbers == {f"average.{name}": x for name, x in names.items()}


def test_what_is_no_number_is_in_the_form():
    assert described({"*.b": sgd(), "*": None}).form == "{'*.b': Gradient(), '*': None}"
    forms = [described(rule).form for rule in (adam(), rmsprop(), adamw(), Ema(0.9), Ema(0.9, debias=True), Trace(0.9))]
    forms += [described(rule).form for rule in (Weights(), Weights(only="w"), Weights() + sgd(), Weights() - sgd())]
    assert len(set(forms)) == len(forms)
    assert described(adamw()).form == described(adamw(0.5, steady, 1e-3, weight_decay=[1.0, 2.0])).form


def test_text_is_that_of_the_number_and_of_the_function():
    assert written(1) == written(1.0) == "1.0"
    assert written((1, 2.5)) == written([1.0, 2.5]) == "(1.0, 2.5)"
    assert "lambda" in written(lambda k: k)
    assert " at 0x" not in written(lambda k: k) + described((lambda k: 1.0) * sgd()).text
    assert written(None) == "None"

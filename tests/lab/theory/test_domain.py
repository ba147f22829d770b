"""Every closed form, given what it must refuse, and what is too large for float64."""

import inspect

import numpy as np
import pytest

from optimlab import Decay
from optimlab.lab import theory
from optimlab.lab.theory import LinearRule

GOOD = {
    "C": 3.0, "L": 4.0, "activation": "relu", "age": 2.0, "beta": 0.1, "bound": 1.0, "condition": 9.0,
    "contraction": 1.0, "curvature": 1.0, "cut": 2.0, "decay": Decay(0.9), "df": 3.0, "drift": 0.5, "eps": 0.1,
    "excess": 1.0, "g": 1.0, "gamma": 0.9, "growth": 0.5, "input_moment": 1.0, "layers": 3, "limit": 1.0, "lr": 0.1,
    "mean": 0.5, "mu": 1.0, "n": 3, "noise": 1.0, "q": 1.0, "rate": 0.5, "rates": [0.1, 0.1],
    "rule": LinearRule(0.5), "saddle": 2, "scale": 1.0, "sd": 0.1, "shift": 0.5, "slope": 0.1, "squares": 1.0,
    "steps": 300, "t": 3, "tolerance": 1e-3, "variance": 1.0, "weights": [0.5, 0.5], "x": 0.3,
}  # fmt: skip
NOT_NUMBERS = {"activation", "decay", "rule"}
FUNCTIONS = {name: getattr(theory, name) for name in theory.__all__ if inspect.isfunction(getattr(theory, name))}


def called(name, **other):
    """Call a function with good arguments but for some."""
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    start = "zero" if parameters.get("start") and parameters["start"].default is inspect.Parameter.empty else 1.0
    given = {**GOOD, "start": start, **other}
    free = [p for p, kind in parameters.items() if kind.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = {p: given[p] for p in parameters if p not in free}
    return FUNCTIONS[name](*(given[p] for p in free), **named)


NUMBERS = [
    (name, parameter)
    for name, function in FUNCTIONS.items()
    for parameter, kind in inspect.signature(function).parameters.items()
    if parameter not in NOT_NUMBERS and not (parameter == "start" and kind.annotation == "str")
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numbers_make_numbers(name):
    found = called(name)
    for part in found if isinstance(found, tuple) else (found,):
        assert not isinstance(part, np.ndarray) or part.ndim


@pytest.mark.parametrize(("name", "parameter"), NUMBERS)
@pytest.mark.parametrize("bad", ["x", None, 1j, True, np.nan, [1.0, [2.0]]], ids=repr)
def test_what_is_no_number_is_refused_by_name(name, parameter, bad):
    leaky = {"activation": "leaky_relu"}  # the only one that asks for a slope
    with pytest.raises((TypeError, ValueError), match=f"^{parameter} must be"):
        called(name, **leaky, **{parameter: bad})


@pytest.mark.parametrize(
    ("name", "far"),
    [
        ("chain_mean", {"saddle": 10_000}),
        ("crossing_steps", {"drift": 1e-200}),
        ("best_decay_variance", {"curvature": 1e200}),
        ("stationary_covariance", {"lr": 1e200, "curvature": 1e200}),
        ("monkey_escape", {"eps": 1e-320}),
        ("heavy_ball_error", {"t": 1e200}),
        ("semicircle_density", {"x": 1e200}),
        ("clipped_normal", {"limit": 1e200}),
        ("clipped_exponential", {"limit": 1e200}),
        ("clipped_normal", {"mean": -1e200}),
    ],
)
def test_what_leaves_the_range_of_float64_is_data(name, far):
    for value in np.atleast_1d(called(name, **far)).ravel():
        assert not np.isnan(value)


def test_a_limit_beyond_every_draw_clips_nothing():
    np.testing.assert_allclose(theory.clipped_normal(0.3, 2.0, 1e200), [0.3, 4.0], rtol=1e-12)
    np.testing.assert_allclose(theory.clipped_exponential(0.3, 2.0, 1e200), [0.3, 4.0], rtol=1e-12)


def test_empty_arrays_and_integers_are_taken():
    assert theory.impulse_response(Decay(0.9), []).shape == (0,)
    assert theory.sgd_variance(1, [1, 2]).tolist() == [1.0, np.inf]
    assert theory.monkey_escape(1, 1) == 0.0

"""Bad input: the kind of error, and a message that names the argument, what is allowed and what was given."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optimlab import Decay, EmaState, ema, ema_corr, ema_cov, ema_inverse, ema_std, ema_var, fit_decay

X = [1.0, 2.0, 3.0]
DAYS = pd.date_range("2020-01-01", periods=3)
ONE_OF = "exactly one of beta, alpha, span, com, halflife"
READ_ONLY = np.zeros(3)
READ_ONLY.flags.writeable = False

# What ema and all its relatives refuse.
SHARED = [
    # the decay
    pytest.param({}, ValueError, rf"{ONE_OF}.*; got none", id="no decay"),
    pytest.param({"beta": 0.5, "alpha": 0.5}, ValueError, rf"{ONE_OF}.*; got beta, alpha", id="two decays"),
    pytest.param({"span": 3, "com": 1, "halflife": 1}, ValueError, r"got span, com, halflife", id="three decays"),
    pytest.param({"beta": Decay(0.5), "span": 3}, ValueError, "beta is a Decay already", id="a Decay and another"),
    pytest.param({"beta": [0.5] * 3, "span": 3}, ValueError, rf"{ONE_OF}.*array beta", id="an array and another"),
    pytest.param({"beta": 1.0}, ValueError, r"beta must be in \[0, 1\); got 1\.0.*com=inf", id="beta one"),
    pytest.param({"beta": 1}, ValueError, r"beta must be in \[0, 1\); got 1\.0", id="beta integer one"),
    pytest.param({"beta": -1e-9}, ValueError, r"beta must be in \[0, 1\); got -1e-09", id="beta negative"),
    pytest.param({"beta": float("nan")}, ValueError, r"beta must be in \[0, 1\); got nan", id="beta NaN"),
    pytest.param({"beta": np.float64("nan")}, ValueError, r"beta must be in \[0, 1\); got nan", id="beta NumPy NaN"),
    pytest.param({"alpha": 0.0}, ValueError, r"alpha must be in \(0, 1\]; got 0\.0", id="alpha zero"),
    pytest.param({"alpha": float("nan")}, ValueError, r"alpha must be in \(0, 1\]; got nan", id="alpha NaN"),
    pytest.param({"span": 0.5}, ValueError, r"span must be at least 1.*got 0\.5", id="span below one"),
    pytest.param({"com": -1.0}, ValueError, r"com must be at least 0.*got -1\.0", id="com negative"),
    pytest.param({"halflife": 0.0}, ValueError, r"halflife must be greater than 0.*got 0\.0", id="half-life zero"),
    pytest.param({"beta": "0.9"}, TypeError, r"beta must be in \[0, 1\); got '0\.9'", id="beta text"),
    pytest.param({"beta": 0.9j}, TypeError, r"beta must be in \[0, 1\); got 0\.9j", id="beta complex"),
    pytest.param({"beta": True}, TypeError, r"beta must be in \[0, 1\); got True", id="beta Boolean"),
    pytest.param({"halflife": "2D"}, TypeError, r"halflife must be a number of rows.*'2D'", id="half-life text"),
    pytest.param(
        {"halflife": pd.Timedelta("2D")}, TypeError, r"halflife must be a number of rows.*Timedelta", id="timedelta"
    ),
    pytest.param({"halflife": np.timedelta64(2, "D")}, TypeError, r"halflife must be .*timedelta64", id="td64"),
    # β by row
    pytest.param({"beta": [0.5, 0.5]}, ValueError, r"beta must have shape \(3,\).*got \(2,\)", id="betas too few"),
    pytest.param({"beta": [[0.5] * 3]}, ValueError, r"beta must have shape \(3,\).*got \(1, 3\)", id="betas 2-D"),
    pytest.param({"beta": [0.5, 1.0, 0.5]}, ValueError, r"beta must be in \[0, 1\); got 1\.0 at index 1", id="betas"),
    pytest.param({"beta": [0.5, 0.5, np.nan]}, ValueError, r"beta must be in .*; got nan at index 2", id="betas NaN"),
    pytest.param({"beta": ["a", "b", "c"]}, TypeError, r"beta must hold .*; got dtype <U1", id="betas text"),
    pytest.param({"beta": [0.5j] * 3}, TypeError, r"beta must hold .*; got dtype complex128", id="betas complex"),
    # words
    pytest.param({"beta": 0.5, "start": "last"}, ValueError, r"start must be one of .*; got 'last'", id="start word"),
    pytest.param(
        {"beta": 0.5, "start": "a number"},
        ValueError,
        r"start must be one of .* or a finite number; got 'a number'",
        id="start words",
    ),
    pytest.param({"beta": 0.5, "start": None}, TypeError, r"start must be .*; got None", id="start None"),
    pytest.param({"beta": 0.5, "start": np.nan}, ValueError, r"start must be .*finite.*; got nan", id="start NaN"),
    pytest.param({"beta": 0.5, "start": np.inf}, ValueError, r"start must be .*finite.*; got inf", id="start inf"),
    pytest.param({"beta": 0.5, "start": True}, TypeError, r"start must be .*; got True", id="start Boolean"),
    pytest.param({"beta": 0.5, "start": 1j}, TypeError, r"start must be .*; got 1j", id="start complex"),
    pytest.param({"beta": 0.5, "start": [1.0]}, TypeError, r"start must be .*; got \[1\.0\]", id="start list"),
    pytest.param({"beta": 0.5, "start": {}}, TypeError, r"start must be .*; got \{\}", id="start unhashable"),
    pytest.param({"beta": 0.5, "start": np.ones(3)}, TypeError, r"start must be .*; got array", id="start array"),
    pytest.param({"beta": 0.5, "gaps": "fill"}, ValueError, r"gaps must be one of .*'skip'.*; got 'fill'", id="gaps"),
    pytest.param({"beta": 0.5, "gaps": None}, TypeError, r"gaps must be one of .*; got None", id="gaps None"),
    pytest.param({"beta": 0.5, "gaps": ["skip"]}, TypeError, r"gaps must be one of .*; got \['skip'\]", id="gaps list"),
    pytest.param({"beta": 0.5, "spacing": "even"}, ValueError, r"spacing must be one of .*; got 'even'", id="spacing"),
    pytest.param({"com": np.inf, "start": "first"}, ValueError, r"start must be 'debiased' with an inf", id="no start"),
    pytest.param({"beta": 0.5, "debias": True}, TypeError, "debias", id="unknown option"),
    pytest.param({"beta": 0.5, "min_periods": 2}, TypeError, "min_periods", id="pandas' name of an option"),
    # count, axis
    pytest.param({"beta": 0.5, "min_count": -1}, ValueError, r"min_count must be .*at least 0; got -1", id="count"),
    pytest.param(
        {"beta": 0.5, "min_count": 1.5}, TypeError, r"min_count must be a whole number.*; got 1\.5", id="count 1.5"
    ),
    pytest.param({"beta": 0.5, "min_count": True}, TypeError, r"min_count must be .*; got True", id="count Boolean"),
    pytest.param({"beta": 0.5, "min_count": None}, TypeError, r"min_count must be .*; got None", id="count None"),
    pytest.param(
        {"beta": 0.5, "axis": 1}, ValueError, r"axis must be a whole number from -1 to 0; got 1", id="axis too large"
    ),
    pytest.param(
        {"beta": 0.5, "axis": -2}, ValueError, r"axis must be a whole number from -1 to 0; got -2", id="axis too small"
    ),
    pytest.param({"beta": 0.5, "axis": 0.0}, TypeError, r"axis must be a whole number.*; got 0\.0", id="axis float"),
    pytest.param({"beta": 0.5, "axis": None}, TypeError, r"axis must be a whole number.*; got None", id="axis None"),
    pytest.param({"beta": 0.5, "axis": (0,)}, TypeError, r"axis must be a whole number.*; got \(0,\)", id="axis tuple"),
    # weights
    pytest.param(
        {"beta": 0.5, "weights": [1, 2]}, ValueError, r"weights must have shape \(3,\).*got \(2,\)", id="w few"
    ),
    pytest.param({"beta": 0.5, "weights": 1.0}, ValueError, r"weights must have at least one dimension", id="w scalar"),
    pytest.param(
        {"beta": 0.5, "weights": [1, -1, 1]}, ValueError, r"weights must be .*; got -1\.0 at index 1", id="w -1"
    ),
    pytest.param(
        {"beta": 0.5, "weights": [1, 1, np.nan]}, ValueError, r"weights must be .*; got nan at index 2", id="w NaN"
    ),
    pytest.param(
        {"beta": 0.5, "weights": [np.inf, 1, 1]}, ValueError, r"weights must be .*; got inf at index 0", id="w inf"
    ),
    pytest.param({"beta": 0.5, "weights": ["a"] * 3}, TypeError, r"weights must hold .*; got dtype <U1", id="w text"),
    # times
    pytest.param({"beta": 0.5, "times": [0, 1]}, ValueError, r"times must have shape \(3,\).*got \(2,\)", id="t few"),
    pytest.param({"beta": 0.5, "times": [[0], [1], [2]]}, ValueError, r"times must have shape \(3,\)", id="t 2-D"),
    pytest.param({"beta": 0.5, "times": 3}, ValueError, r"times must have shape \(3,\).*got \(\)", id="t scalar"),
    pytest.param(
        {"beta": 0.5, "times": [0, 2, 1]}, ValueError, r"times must not decrease.*got 1.* after 2.* index 2", id="t"
    ),
    pytest.param(
        {"beta": 0.5, "times": [0, np.nan, 1]}, ValueError, r"times must be finite; got nan at index 1", id="t NaN"
    ),
    pytest.param(
        {"beta": 0.5, "times": [0, 1, np.inf]}, ValueError, r"times must be finite; got inf at index 2", id="t inf"
    ),
    pytest.param(
        {"beta": 0.5, "times": list("abc")}, TypeError, r"times must hold numbers or datetimes.*<U1", id="t text"
    ),
    pytest.param({"beta": 0.5, "times": [1j, 2j, 3j]}, TypeError, r"times must hold .*complex128", id="t complex"),
    pytest.param({"beta": 0.5, "times": [object()] * 3}, TypeError, r"times must hold .*object", id="t objects"),
    pytest.param(
        {"beta": [0.5] * 3, "times": [0, 1, 2]}, ValueError, r"beta must be one number with times", id="t betas"
    ),
    pytest.param(
        {"halflife": "1D", "times": [0, 1, 2]}, TypeError, r"halflife must be a number.*; got '1D'", id="t h text"
    ),
    pytest.param(
        {"halflife": datetime.timedelta(1), "times": [0, 1, 2]},
        TypeError,
        r"halflife must be a number.*timedelta",
        id="t td",
    ),
    pytest.param({"times": [0, 1, 2]}, ValueError, rf"{ONE_OF}.*; got none", id="t without decay"),
    pytest.param(
        {"beta": 0.5, "times": [0, 1, 2], "start": "first"}, ValueError, "start must be 'debiased' with", id="t start"
    ),
    # datetimes
    pytest.param(
        {"halflife": 2.0, "times": DAYS}, TypeError, r"halflife must be a timedelta.*; got 2\.0", id="d number"
    ),
    pytest.param({"times": DAYS}, TypeError, r"halflife must be a timedelta.*; got None", id="d without half-life"),
    pytest.param({"beta": 0.5, "times": DAYS}, TypeError, r"halflife must be a timedelta.*; got None", id="d beta"),
    pytest.param({"beta": 0.5, "halflife": "1D", "times": DAYS}, ValueError, "halflife alone", id="d beta too"),
    pytest.param({"span": 5, "halflife": "1D", "times": DAYS}, ValueError, "halflife alone", id="d span too"),
    pytest.param({"halflife": "soon", "times": DAYS}, ValueError, r"halflife must be .*; got 'soon'", id="d word"),
    pytest.param(
        {"halflife": "0D", "times": DAYS}, ValueError, r"halflife must be greater than 0; got '0D'", id="d zero"
    ),
    pytest.param(
        {"halflife": "-1D", "times": DAYS}, ValueError, r"halflife must be greater than 0; got '-1D'", id="d -1"
    ),
    pytest.param(
        {"halflife": pd.NaT, "times": DAYS}, ValueError, r"halflife must be greater than 0; got NaT", id="d NaT"
    ),
    pytest.param(
        {"halflife": "1D", "times": DAYS[::-1]}, ValueError, r"times must not decrease.*2020-01-02", id="d back"
    ),
    pytest.param(
        {"halflife": "1D", "times": [DAYS[0], pd.NaT, DAYS[1]]},
        ValueError,
        r"times must be finite; got NaT at index 1",
        id="d gap",
    ),
]

ONE_SERIES = [ema, ema_var, ema_std]
TWO_SERIES = [ema_cov, ema_corr]


@pytest.mark.parametrize(("options", "error", "message"), SHARED)
@pytest.mark.parametrize("function", ONE_SERIES + TWO_SERIES)
def test_options(function: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    series = [X] if function in ONE_SERIES else [X, X]
    with pytest.raises(error, match=message):
        function(*series, **options)


@pytest.mark.parametrize(("options", "error", "message"), SHARED)
def test_options_are_checked_for_empty_input_too(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """Not those whose length would have to be that of the input."""
    if {"weights", "times"} & options.keys() or np.ndim(options.get("beta", 0)) > 0:
        return
    with pytest.raises(error, match=message):
        ema([], **options)


SERIES = [
    pytest.param(["a", "b"], TypeError, r"{name} must hold .*; got dtype <U1", id="text"),
    pytest.param(np.array([b"a"]), TypeError, r"{name} must hold .*; got dtype \|S1", id="bytes"),
    pytest.param(np.array([1.0, "a"], dtype=object), TypeError, r"{name} must hold .*; got dtype object", id="objects"),
    pytest.param([1j, 2.0], TypeError, r"{name} must hold .*; got dtype complex128", id="complex"),
    pytest.param(np.ones(2, np.float16), TypeError, r"{name} must hold .*; got dtype float16", id="float16"),
    pytest.param(
        np.ones(2, np.longdouble), TypeError, r"{name} must hold .*; got dtype float(96|128)", id="longdouble"
    ),
    pytest.param(DAYS, TypeError, r"{name} must hold .*; got dtype datetime64", id="datetimes"),
    pytest.param(DAYS - DAYS[0], TypeError, r"{name} must hold .*; got dtype timedelta64", id="timedeltas"),
    pytest.param(pd.Series(["a", "b"]), TypeError, r"{name} must hold .*; got dtype object", id="pandas text"),
    pytest.param(
        pd.DataFrame({"a": [1.0], "b": ["x"]}), TypeError, r"{name} must hold numbers; got column 'b' of", id="mixed"
    ),
    pytest.param(pd.Series([1.0], dtype="category"), TypeError, r"{name} must hold .*; got a category", id="category"),
    pytest.param(3.0, ValueError, r"{name} must have at least one dimension; got the single number", id="number"),
    pytest.param(None, TypeError, r"{name} must hold .*; got dtype object", id="None"),
    pytest.param({"a": 1.0}, TypeError, r"{name} must hold .*; got dtype object", id="dict"),
]


@pytest.mark.parametrize(("x", "error", "message"), SERIES)
def test_series_must_hold_real_numbers(x: Any, error: type[Exception], message: str) -> None:
    for function in ONE_SERIES:
        with pytest.raises(error, match=message.format(name="x")):
            function(x, 0.9)
    for function in TWO_SERIES:
        with pytest.raises(error, match=message.format(name="x")):
            function(x, X, 0.9)
        with pytest.raises(error, match=message.format(name="y")):
            function(X, x, 0.9)


@pytest.mark.parametrize("function", TWO_SERIES)
def test_two_series_must_belong_together(function: Any) -> None:
    with pytest.raises(ValueError, match=r"y must have the shape of x, \(3,\); got \(2,\)"):
        function(X, [1.0, 2.0], 0.9)
    with pytest.raises(ValueError, match="y must have the index"):
        function(pd.Series(X), pd.Series(X, index=[1, 2, 3]), 0.9)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        pytest.param(np.zeros(2), ValueError, r"out must have shape \(3,\).*; got \(2,\)", id="length"),
        pytest.param(np.zeros((3, 1)), ValueError, r"out must have shape \(3,\).*; got \(3, 1\)", id="dimensions"),
        pytest.param(
            np.zeros(3, np.float32), ValueError, r"out must have .*dtype float64.*; got .*float32", id="float32"
        ),
        pytest.param(np.zeros(3, int), ValueError, r"out must have .*dtype float64.*; got .*int64", id="integers"),
        pytest.param([0.0] * 3, TypeError, r"out must be a NumPy array; got list", id="list"),
        pytest.param(pd.Series([0.0] * 3), TypeError, r"out must be a NumPy array; got Series", id="Series"),
        pytest.param(READ_ONLY, ValueError, r"out must be writeable; got a read-only array", id="read-only"),
    ],
)
def test_out(out: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ema(X, 0.9, out=out)


def test_out_belongs_to_the_mean_alone() -> None:
    for function in (ema_var, ema_std):
        with pytest.raises(TypeError, match="out"):
            function(X, 0.9, out=np.zeros(3))


def test_weights_of_each_element_are_checked_at_their_place() -> None:
    weights = np.ones((3, 2))
    weights[2, 1] = -0.5
    with pytest.raises(ValueError, match=r"weights must be finite and not negative; got -0\.5 at index \(2, 1\)"):
        ema(np.ones((3, 2)), 0.9, weights=weights)
    with pytest.raises(ValueError, match=r"weights must have shape \(3,\).* or \(3, 2\) like x; got \(2, 3\)"):
        ema(np.ones((3, 2)), 0.9, weights=np.ones((2, 3)))


def test_the_message_on_gaps_says_where() -> None:
    x = np.ones((5, 3))
    x[3, 1] = np.nan
    for function in ONE_SERIES:
        with pytest.raises(ValueError, match=r"x must not contain NaN with gaps='raise'; got NaN in row 3, column 1"):
            function(x, 0.9, gaps="raise")


def test_a_refused_call_writes_nothing() -> None:
    out = np.full(3, 7.0)
    for bad in ({"beta": 2.0}, {"beta": 0.5, "weights": [1, -1, 1]}, {"beta": 0.5, "times": [2, 1, 0]}):
        with pytest.raises(ValueError, match="must"):
            ema(X, out=out, **bad)
    with pytest.raises(ValueError, match="gaps='raise'"):
        ema([1.0, np.nan, 2.0], 0.5, gaps="raise", out=out)
    assert (out == 7.0).all()


@pytest.mark.parametrize(
    "function",
    [
        lambda start: EmaState(0.9, start=start),
        lambda start: ema_inverse([1.0, 2.0, 3.0], 0.9, start=start),
        lambda start: fit_decay([1.0, 2.0, 4.0, 3.0], start=start),
    ],
)
def test_a_start_of_several_values_is_refused_where_there_is_no_warmup(function: Any) -> None:
    function("first")
    with pytest.raises(
        ValueError, match="start must be one of 'debiased', 'zero', 'first' or a finite number; got 'sma'"
    ):
        function("sma")

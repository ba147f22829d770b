"""Double and triple EMA, and the inverse."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimlab import Decay, double_ema, ema, ema_inverse, triple_ema

STARTS = ["debiased", "zero", "first", 2.5]


@pytest.mark.parametrize("start", STARTS)
def test_are_what_their_formulas_say(start):
    x = np.random.default_rng(0).normal(size=(200, 3))
    one = ema(x, 0.8, start=start)
    two = ema(one, 0.8, start=start)
    three = ema(two, 0.8, start=start)
    np.testing.assert_array_equal(double_ema(x, 0.8, start=start), 2 * one - two)
    np.testing.assert_array_equal(triple_ema(x, 0.8, start=start), 3 * one - 3 * two + three)


def test_double_has_no_lag_on_a_ramp_and_triple_none_on_a_parabola():
    t = np.arange(2000.0)
    assert double_ema(t, 0.9)[-1] == pytest.approx(t[-1], rel=1e-10)
    assert triple_ema(t**2, 0.9)[-1] == pytest.approx(t[-1] ** 2, rel=1e-9)
    assert t[-1] - ema(t, 0.9)[-1] == pytest.approx(9.0)


def test_noise_gain_and_overshoot_of_the_docstring():
    beta = 0.9
    impulse = double_ema(np.eye(1, 2000)[0], beta, start="zero")
    assert (impulse**2).sum() == pytest.approx((1 - beta) * (1 + 4 * beta + 5 * beta**2) / (1 + beta) ** 3)
    step = double_ema(np.ones(20_000), 0.999, start="zero")
    assert step.max() == pytest.approx(1.135, abs=1e-3)


@pytest.mark.parametrize("function", [double_ema, triple_ema])
@pytest.mark.parametrize("gaps", ["decay", "skip"])
def test_a_gap_is_a_gap_in_every_average(function, gaps):
    x = np.array([1.0, np.nan, 4.0, 2.0, np.nan, np.nan, 7.0, 3.0])
    result = function(x, 0.7, gaps=gaps)
    assert not np.isnan(result).any()
    if gaps == "skip":
        seen = ~np.isnan(x)
        np.testing.assert_allclose(result[seen], function(x[seen], 0.7), rtol=1e-14)


def test_keep_the_type_of_a_series():
    x = pd.Series([1.0, 5.0, 2.0], index=[3, 4, 5], name="x")
    for result in (double_ema(x, 0.5), triple_ema(x, 0.5), ema_inverse(x, 0.5)):
        assert isinstance(result, pd.Series)
        pd.testing.assert_index_equal(result.index, x.index)
        assert result.name == "x"


@pytest.mark.parametrize("start", STARTS)
@given(data=st.data())
def test_inverse_brings_the_series_back(start, data):
    beta = data.draw(st.floats(0, 0.99))
    values = data.draw(st.lists(st.floats(-100, 100), min_size=1, max_size=60))
    x = np.array(values)
    back = ema_inverse(ema(x, beta, start=start), beta, start=start)
    np.testing.assert_allclose(back, x, atol=1e-11)


def test_inverse_of_the_running_mean_along_an_axis():
    x = np.random.default_rng(1).normal(size=(4, 30)).astype(np.float32)
    endless = Decay(com=np.inf)
    back = ema_inverse(ema(x, endless, axis=1), endless, axis=1)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, x, atol=1e-5)
    assert ema_inverse(np.empty(0), 0.9).shape == (0,)


def test_inverse_loses_the_digits_that_the_docstring_says():
    x = np.random.default_rng(2).normal(size=5000)
    error = np.abs(ema_inverse(ema(x, 0.999), 0.999) - x).max()
    assert 1e-14 < error < 1e-11


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"beta must be in \[0, 1\); got 1.5"):
        ema_inverse([1.0], 1.5)
    with pytest.raises(ValueError, match="start must be"):
        ema_inverse([1.0], 0.5, start="last")
    with pytest.raises(ValueError, match="axis must be"):
        ema_inverse([1.0], 0.5, axis=1)
    with pytest.raises(TypeError, match="m must hold"):
        ema_inverse(["a"], 0.5)
    with pytest.raises(TypeError, match=r"unexpected keyword argument .stat.|no such option"):
        double_ema([1.0], 0.5, stat="zero")

"""What pandas' ``ewm`` answers, to 1e-12, over random series, for the compiled and for the NumPy path.

Two things of pandas need words. Its unbiased moments take (Σw)² - Σw² from sums, which loses as many digits as that
difference has fewer than (Σw)²: the tolerance grows by that ratio, which is unbiased ÷ biased. And of a single value it
gives NaN or, after gaps, 0 divided by what rounding left: only those two are expected there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optimlab import ema, ema_corr, ema_corr_matrix, ema_cov, ema_cov_matrix, ema_std, ema_sum, ema_var
from tests.series.oracle import ENGINES, SOME, engine, near, series

pytestmark = pytest.mark.slow

RTOL = 1e-12
LONG = 70_000  # from 65 536 values on series are averaged by compiled loops
SEEDS = st.integers(0, 2**32 - 1)
OLD = int(pd.__version__.split(".")[0]) < 3
EACH_FOR_ITS_TIME = pytest.param(
    False, marks=pytest.mark.skipif(OLD, reason="pandas before 3 has no times with adjust=False")
)
DECAYS = [{"alpha": 0.05}, {"alpha": 0.4}, {"span": 9.5}, {"com": 7.0}, {"halflife": 2.5}, {"alpha": 0.9}]


def options(window: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``ewm`` in the names of the project, as the README's table has them."""
    ours = {name: value for name, value in window.items() if name in ("alpha", "span", "com", "halflife", "times")}
    ours["gaps"] = "skip" if window.get("ignore_na") else "decay"
    ours["min_count"] = window.get("min_periods", 0)
    if not window.get("adjust", True):
        ours["start"] = "first"
    if "times" in window and not window.get("adjust", True):
        ours["spacing"] = "time"
    return ours


def gappy(rng: np.random.Generator, rows: int, missing: float, leading: int) -> pd.DataFrame:
    """Return two columns with gaps, the first ones alike, and a third without any."""
    x = pd.DataFrame(series(rng, (rows, 3)), columns=["a", "b", "c"])
    x = x.mask(rng.random(x.shape) < [missing, missing, 0.0])
    x.iloc[:leading] = np.nan
    return x


def as_close_as_pandas_can(ours: Any, theirs: Any, scale: Any = None, digits_lost: Any = 1.0) -> None:
    """Assert equality to RTOL of the scale, times the factor by which pandas' own rounding grows."""
    assert type(ours) is type(theirs)
    pd.testing.assert_index_equal(ours.index, theirs.index)
    ours, theirs = ours.to_numpy(), theirs.to_numpy()
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    scale = np.abs(theirs) if scale is None else np.asarray(scale)
    apart = np.abs(ours - theirs) - RTOL * scale * np.maximum(np.asarray(digits_lost), 1.0)
    assert not (apart > 0.0).any(), f"by {np.nanmax(np.abs(ours - theirs))}"


def of_two_values(ours: pd.DataFrame, theirs: pd.DataFrame, count: pd.DataFrame) -> pd.DataFrame:
    """Return pandas' unbiased moments with NaN at a single value, where it has NaN or 0."""
    assert theirs[count < 2].isin([0.0, np.nan]).all(axis=None)
    assert ours[count < 2].isna().all(axis=None)
    return theirs.where(count >= 2)


def check_means(x: pd.DataFrame, window: dict[str, Any]) -> None:
    as_close_as_pandas_can(ema(x, **options(window)), x.ewm(**window).mean())


def check_sums(x: pd.DataFrame, window: dict[str, Any]) -> None:
    window = window | {"adjust": True}  # the only sum that pandas has
    as_close_as_pandas_can(ema_sum(x, **options(window)), x.ewm(**window).sum())


def check_spreads(x: pd.DataFrame, window: dict[str, Any]) -> None:
    theirs, ours = x.ewm(**window), options(window)
    biased, unbiased = ema_var(x, bias=True, **ours), ema_var(x, **ours)
    lost = (unbiased / biased).fillna(1.0)
    as_close_as_pandas_can(biased, theirs.var(bias=True))
    as_close_as_pandas_can(ema_std(x, bias=True, **ours), theirs.std(bias=True))
    count = x.notna().cumsum()
    as_close_as_pandas_can(unbiased, of_two_values(unbiased, theirs.var(), count), digits_lost=lost)
    std = ema_std(x, **ours)
    as_close_as_pandas_can(std, of_two_values(std, theirs.std(), count), digits_lost=lost)


def check_pairs(x: pd.DataFrame, window: dict[str, Any]) -> None:
    y = x[["b", "c", "a"]].set_axis(x.columns, axis=1)
    theirs, ours = x.ewm(**window), options(window)
    both = x.notna() & y.notna()
    biased, unbiased = ema_cov(x, y, bias=True, **ours), ema_cov(x, y, **ours)
    spread = [ema_var(z.where(both), bias=True, **ours) for z in (x, y)]
    scale = np.sqrt(spread[0] * spread[1])
    as_close_as_pandas_can(biased, theirs.cov(y, bias=True, pairwise=False), scale)
    lost = (ema_var(x.where(both), **ours) / spread[0]).fillna(1.0)
    expected = of_two_values(unbiased, theirs.cov(y, pairwise=False), both.cumsum())
    as_close_as_pandas_can(unbiased, expected, scale * lost, lost)
    as_close_as_pandas_can(ema_corr(x, y, **ours), theirs.corr(y, pairwise=False), 1.0)


CHECKS = [check_means, check_sums, check_spreads, check_pairs]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("check", CHECKS)
@SOME
@given(
    SEEDS, st.integers(0, 60), st.sampled_from([0.0, 0.2, 0.6]), st.sampled_from([0, 0, 1, 7]),
    st.sampled_from(DECAYS), st.booleans(), st.booleans(), st.sampled_from([0, 1, 2, 5]),
)  # fmt: skip
@example(0, 0, 0.0, 0, {"alpha": 0.4}, True, False, 0)
@example(1, 7, 0.0, 7, {"alpha": 0.4}, False, False, 2)
@example(2, 60, 0.6, 7, {"alpha": 0.9}, True, True, 0)
def test_random_windows(
    check: Any, name: str, seed: int, rows: int, missing: float, leading: int, decay: dict[str, float],
    adjust: bool, ignore_na: bool, min_periods: int,
) -> None:  # fmt: skip
    x = gappy(np.random.default_rng(seed), rows, missing, min(leading, rows))
    with engine(name):
        check(x, decay | {"adjust": adjust, "ignore_na": ignore_na, "min_periods": min_periods})


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("ignore_na", [False, True])
@pytest.mark.parametrize("adjust", [True, False])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_long_series(check: Any, adjust: bool, ignore_na: bool, missing: float) -> None:
    x = gappy(np.random.default_rng(4), LONG, missing, 5)
    check(x, {"alpha": 0.03, "adjust": adjust, "ignore_na": ignore_na})


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("adjust", [True, EACH_FOR_ITS_TIME])
@SOME
@given(SEEDS, st.integers(1, 60), st.sampled_from([0.0, 0.4]), st.sampled_from([0, 2]), st.booleans())
def test_random_times(name: str, adjust: bool, seed: int, rows: int, missing: float, least: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    x = gappy(rng, rows, missing, 0)
    steps = rng.integers(0 if ties else 1, 10_000, rows)
    times = pd.Timestamp("2021-03-01") + pd.to_timedelta(np.cumsum(steps), "s")
    with engine(name):
        check_means(x, {"halflife": "90min", "times": times, "adjust": adjust, "min_periods": least})


@pytest.mark.parametrize("adjust", [True, EACH_FOR_ITS_TIME])
def test_long_times(adjust: bool) -> None:
    rng = np.random.default_rng(5)
    times = pd.Timestamp("2021-03-01") + pd.to_timedelta(np.cumsum(rng.integers(1, 100, LONG)), "s")
    check_means(gappy(rng, LONG, 0.1, 5), {"halflife": "20min", "times": times, "adjust": adjust})


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("rows", [40, LONG])
def test_float32_is_what_pandas_finds_rounded(rows: int, name: str) -> None:
    x = gappy(np.random.default_rng(6), rows, 0.2, 2).astype(np.float32)
    with engine(name):
        for ours, theirs in [(ema(x, alpha=0.1), x.ewm(alpha=0.1).mean()), (ema_sum(x, 0.9), x.ewm(alpha=0.1).sum())]:
            assert (ours.dtypes == np.float32).all()
            near(ours.astype(float), theirs, rtol=2.0**-24 * (1 + 1e-6))


@pytest.mark.parametrize("name", ENGINES)
def test_along_the_columns(name: str) -> None:
    x = gappy(np.random.default_rng(7), 30, 0.3, 2)
    with engine(name):
        for function, method in [(ema, "mean"), (ema_std, "std"), (ema_sum, "sum")]:
            ours, theirs = function(x.T, alpha=0.2, axis=1).T, getattr(x.ewm(alpha=0.2), method)()
            near(ours.iloc[10:], theirs.iloc[10:], rtol=1e-10 if method == "std" else RTOL)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("adjust", [True, False])
@SOME
@given(SEEDS, st.integers(1, 40), st.sampled_from([0.0, 0.3]))
def test_matrices(name: str, adjust: bool, seed: int, rows: int, missing: float) -> None:
    x = gappy(np.random.default_rng(seed), rows, missing, 0)
    window = {"alpha": 0.15, "adjust": adjust}
    with engine(name):
        ours = ema_cov_matrix(x, bias=True, **options(window))
        std = np.sqrt(
            np.concatenate([np.diag(block)[:, None] * np.diag(block) for block in ours.to_numpy().reshape(-1, 3, 3)])
        )
        theirs = x.ewm(**window).cov(bias=True)
        as_close_as_pandas_can(ours, theirs, np.where(np.isnan(std), 1.0, 1.0 + std))
        as_close_as_pandas_can(ema_corr_matrix(x, **options(window)), x.ewm(**window).corr(), 1.0)


def test_at_half_pandas_takes_no_times_for_times() -> None:
    x = pd.Series([1.0, np.nan, 5.0])
    theirs = x.ewm(com=1, adjust=False).mean().iloc[-1]
    assert theirs in (4.0, pytest.approx(11 / 3, rel=RTOL))  # an answer of its own at exactly this com
    for com in (1 - 1e-9, 1.0, 1 + 1e-9):
        near(ema(x, com=com, start="first").iloc[-1], 11 / 3, rtol=1e-8)

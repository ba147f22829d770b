"""Every row of the README's table of recipes: what it says to write gives what the system that it names gives.

Both columns are read from the README and run. Systems that cannot be installed everywhere are retyped here, slowly,
from their documentation; where they are installed, the retyped ones are held against them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import optimlab
from optimlab import ema, fit_decay
from tests.series.oracle import near, series

README = Path(__file__).parents[2] / "README.md"
HEAD = "| you want | write | the same as |"
ROWS, N, BETA, HALFLIFE = 60, 5, 0.7, "2h"
_ = np.nan


class Recipe(NamedTuple):
    """One thing to write, and one call of one system that is to give the same."""

    write: str
    system: str
    call: str


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def recipes(text: str) -> list[Recipe]:
    """Return the recipes of the table; the i-th call of a system is what the i-th thing to write gives."""
    lines = text[text.index(HEAD) :].split("\n\n")[0].splitlines()[2:]
    found = []
    for _want, write, same in map(cells, lines):
        ours, system, theirs = re.findall(r"`([^`]+)`", write), "", {}
        for name, call in re.findall(r"([^`]*)`([^`]+)`", same):
            system = name.strip(" ,()") or system
            theirs.setdefault(system.removeprefix("which says 0 before the first), "), []).append(call)
        for name, calls in theirs.items():
            found += [Recipe(w, name, call) for w, call in zip(ours, calls, strict=True)]
    return found


RECIPES = recipes(README.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- the data, and systems that are installed


def sample(gaps: bool, leading: int) -> dict[str, Any]:
    """Return what the names in the table stand for."""
    rng = np.random.default_rng(3)
    X = pd.DataFrame(series(rng, (ROWS, 2)) + 0.5 * rng.normal(size=(ROWS, 2)).cumsum(axis=0), columns=["x", "y"])
    if gaps:
        X.iloc[8:] = X.iloc[8:].mask(rng.random((ROWS - 8, 2)) < 0.3)
    X.iloc[:leading] = np.nan
    t = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.cumsum(rng.integers(1, 9_000, ROWS)), "s")
    return {
        "np": np, "X": X, "x": X["x"], "y": X["y"], "v": pd.Series(rng.uniform(0.5, 2.0, ROWS)), "t": t,
        "g": pd.Series(rng.choice(list("abc"), ROWS)), "k": np.arange(1.0, ROWS + 1.0), "n": N, "w": 0.6,
        "beta": BETA, "h": HALFLIFE,
    }  # fmt: skip


def pandas() -> dict[str, Any]:
    return sample(gaps=True, leading=2)


def polars() -> dict[str, Any]:
    pl = pytest.importorskip("polars")
    names = pandas()
    return names | {"x": pl.Series("x", names["x"].tolist()).fill_nan(None), "t": pl.Series(names["t"].tolist())}


def numbagg() -> dict[str, Any]:
    package = pytest.importorskip("numbagg")
    names = {name: value for name, value in vars(package).items() if name.startswith("move_exp")}
    return names | {name: z.to_numpy() if name in "xy" else z for name, z in pandas().items()}


def scipy() -> dict[str, Any]:
    return sample(gaps=False, leading=0) | {"lfilter": pytest.importorskip("scipy.signal").lfilter}


def torch() -> dict[str, Any]:
    swa_utils = pytest.importorskip("torch.optim.swa_utils")
    names = sample(gaps=False, leading=0)

    def averaged_model(avg_fn: Any) -> list[float]:
        """Return the average of the one weight of a model after each of its updates."""
        import torch

        model = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
        average, means = swa_utils.AveragedModel(model, avg_fn=avg_fn), []
        for value in names["x"]:
            model.weight.data.fill_(value)
            average.update_parameters(model)
            means.append(average.module.weight.item())
        return means

    return names | {"AveragedModel": averaged_model, "get_ema_avg_fn": swa_utils.get_ema_avg_fn}


# ---------------------------------------------------------------- systems that are retyped


def smoothed(x: Any, level: float, alpha: Any) -> list[float]:
    """l ← a x + (1-a) l."""
    levels = []
    for value, a in zip(x, np.broadcast_to(alpha, len(x)), strict=True):
        level = a * value + (1.0 - a) * level
        levels.append(level)
    return levels


def from_the_mean(x: Any, n: int, alpha: float) -> list[float]:
    """The plain mean of the first n values is the first result; before it there is none."""
    leading = int(np.isnan(x).sum())
    values = list(x)[leading:]
    seed = sum(values[:n]) / n
    return [_] * (leading + n - 1) + [seed] + smoothed(values[n:], seed, alpha)


def best_alpha(x: Any) -> float:
    """The α of the least sum of squared errors of one step, from the first value, by ever finer scans."""
    low, high = 0.0, 1.0
    for _step in range(6):
        alphas = np.linspace(low, high, 41)
        losses = [np.sum((np.array(x[1:]) - smoothed(x[:-1], x[0], a)) ** 2) for a in alphas]
        i = int(np.argmin(losses))
        low, high = alphas[max(i - 1, 0)], alphas[min(i + 1, 40)]
    return float(alphas[i])


def kingma_and_ba() -> dict[str, Any]:
    names = sample(gaps=False, leading=0)
    return names | {"m": np.array(smoothed(names["x"], 0.0, 1 - BETA))}


def tensorflow() -> dict[str, Any]:
    """tf.train.ExponentialMovingAverage: shadow -= (1 - decay) * (shadow - variable), decay ≤ (1 + n)/(10 + n)."""
    names = sample(gaps=False, leading=0)

    def average(decay: float, num_updates: Any = None, zero_debias: bool = False) -> Any:
        if num_updates is not None:
            decay = np.minimum(decay, (1 + num_updates) / (10 + num_updates))
        shadow = np.array(smoothed(names["x"], 0.0 if zero_debias else names["x"][0], 1 - np.asarray(decay)))
        return shadow / (1 - decay ** names["k"]) if zero_debias else shadow

    return names | {"ExponentialMovingAverage": average}


def tensorboard() -> dict[str, Any]:
    """The slider of the scalars: last ← w last + (1 - w) x, over 1 - wⁿ."""

    def smooth(x: Any, weight: float) -> list[float]:
        last, result = 0.0, []
        for count, value in enumerate(x, 1):
            last = last * weight + (1 - weight) * value
            result.append(last / (1 - weight**count))
        return result

    return sample(gaps=False, leading=0) | {"smooth": smooth}


def river() -> dict[str, Any]:
    """river.stats.EWMean(fading_factor): mean ← f x + (1 - f) mean, from the first value."""
    names = sample(gaps=False, leading=0)
    return names | {"EWMean": lambda factor: smoothed(names["x"], names["x"][0], factor)}


class SimpleExpSmoothing:
    """statsmodels.tsa.api.SimpleExpSmoothing with a known initial level."""

    def __init__(self, x: Any, method: str, initial_level: float) -> None:
        assert method == "known"
        self.x, self.initial = list(x), initial_level

    def fit(self, alpha: float | None = None, *, optimized: bool = True) -> SimpleNamespace:
        alpha = best_alpha(self.x) if alpha is None else alpha
        return SimpleNamespace(level=smoothed(self.x, self.initial, alpha), params={"smoothing_level": alpha})


def statsmodels() -> dict[str, Any]:
    return sample(gaps=False, leading=0) | {"SimpleExpSmoothing": SimpleExpSmoothing}


def r() -> dict[str, Any]:
    """HoltWinters(x, alpha, beta = FALSE, gamma = FALSE): the level starts at x[1]; alpha = NULL: the best one."""

    def holt_winters(x: Any, alpha: float | None, beta: bool, gamma: bool) -> Any:
        assert not beta
        assert not gamma
        return best_alpha(list(x)) if alpha is None else smoothed(x, x[0], alpha)

    return sample(gaps=False, leading=0) | {"HoltWinters": holt_winters, "FALSE": False, "NULL": None}


def ttr() -> dict[str, Any]:
    """TTR::EMA(x, n, wilder): ratio 2/(n+1), or 1/n; starts at the mean of the first n values."""

    def average(x: Any, n: int, wilder: bool = False) -> list[float]:
        return from_the_mean(x, n, 1 / n if wilder else 2 / (n + 1))

    return sample(gaps=False, leading=4) | {"EMA": average, "TRUE": True}


def ta_lib() -> dict[str, Any]:
    """TA-Lib's EMA in its default compatibility: the seed is the mean of the first n values."""
    return sample(gaps=False, leading=4) | {"EMA": lambda x, n: from_the_mean(x, n, 2 / (n + 1))}


def tradingview() -> dict[str, Any]:
    """Pine: ta.ema starts at the first value, ta.rma at ta.sma; alpha is 2/(n+1) and 1/n."""
    names = sample(gaps=False, leading=0)
    rma = lambda x, n: from_the_mean(x, n, 1 / n)  # noqa: E731
    return names | {"ta": SimpleNamespace(ema=lambda x, n: smoothed(x, x[0], 2 / (n + 1)), rma=rma)}


def riskmetrics() -> dict[str, Any]:
    """J.P. Morgan 1996: the variance of the next return, σ² ← λ σ² + (1-λ) r², with a mean of zero."""
    return sample(gaps=False, leading=0) | {
        "sigma": lambda x, decay: np.sqrt(smoothed(x**2, x[0] ** 2, 1 - decay)),
    }


SYSTEMS: dict[str, Callable[[], dict[str, Any]]] = {
    "pandas": pandas, "polars": polars, "numbagg": numbagg, "SciPy": scipy, "torch": torch, "river": river,
    "Kingma & Ba": kingma_and_ba, "TensorFlow": tensorflow, "TensorBoard": tensorboard, "statsmodels": statsmodels,
    "R": r, "R TTR": ttr, "TA-Lib": ta_lib, "TradingView": tradingview, "RiskMetrics": riskmetrics,
}  # fmt: skip


# ---------------------------------------------------------------- the tests


def numbers(result: Any) -> Any:
    return np.asarray(result.to_numpy() if hasattr(result, "to_numpy") else result, dtype=float)


def tolerance(recipe: Recipe) -> float:
    """Peers lose digits in unbiased second moments; what optimizers find is as good as their criterion to stop."""
    return 1e-6 if "fit_decay" in recipe.write else 1e-9 if re.search("var|std|cov|corr", recipe.write) else 1e-12


def test_the_table_is_read_as_it_is_written() -> None:
    text = f"{HEAD}\n| - | - | - |\n| a | `f(x)`, `g(x)` | one `p(x)`, `q(x)`, another `r(x)`, `s(x)` |\n\nmore `b` | c"
    pairs = [("f(x)", "p(x)"), ("g(x)", "q(x)")], [("f(x)", "r(x)"), ("g(x)", "s(x)")]
    expected = [(w, name, c) for name, found in zip(["one", "another"], pairs, strict=True) for w, c in found]
    assert recipes(text) == expected
    rows = README.read_text(encoding="utf-8").split(HEAD)[1].split("\n\n")[0].splitlines()[2:]
    assert len({write for row in rows for write in [cells(row)[1]]}) == len(rows) >= 25
    assert {recipe.system for recipe in RECIPES} == set(SYSTEMS)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.system}: {recipe.call}")
def test_recipe(recipe: Recipe) -> None:
    names = SYSTEMS[recipe.system]()
    if "propagate" in recipe.write:
        names["x"] = sample(gaps=True, leading=0)["x"]
    try:
        theirs = eval(recipe.call, names)
    except NotImplementedError as error:
        pytest.skip(f"pandas {pd.__version__} has none: {error}")
    ours = eval(recipe.write, names | {name: getattr(optimlab, name) for name in optimlab.__all__})
    ours, theirs = numbers(ours), numbers(theirs)
    if "nancount" in recipe.call:  # it says 0 before the first value
        assert (theirs[np.isnan(ours)] == 0.0).all()
        theirs[np.isnan(ours)] = np.nan
    near(ours, theirs, rtol=tolerance(recipe))


def test_the_differences_that_the_table_names() -> None:
    x, days = pd.Series([1.0, np.nan, 3.0]), pd.date_range("2024", periods=3)
    for gaps in ("decay", "skip"):
        near(ema(x, halflife="1D", times=days, gaps=gaps).iloc[-1], 2.6, rtol=1e-12)
    near(x.ewm(halflife="1D", times=days, ignore_na=True).mean().iloc[-1], 7 / 3, rtol=1e-12)
    near(ema([1.0, np.nan, 5.0], alpha=0.5, start="first")[-1], 11 / 3, rtol=1e-12)
    near(ema([1.0, np.inf, 3.0], 0.5), [1.0, np.inf, np.inf])
    near(pd.Series([1.0, np.inf, 3.0]).ewm(alpha=0.5).mean(), [1.0, 1.0, 2.6], rtol=1e-12)


def test_the_seed_of_ta_lib_is_of_values_and_not_of_rows() -> None:
    x = np.array([_, _, *range(1, 11)])
    near(ema(x, span=3, start="sma", warmup=3), [_, _, _, _, *range(2, 10)], rtol=1e-15)
    near(from_the_mean(x, 3, 0.5), [_, _, _, _, *range(2, 10)], rtol=1e-15)


@pytest.mark.parametrize("leading", [0, 4])
def test_ta_lib_is_retyped_rightly(leading: int) -> None:
    talib = pytest.importorskip("talib")
    x = sample(gaps=False, leading=leading)["x"].to_numpy()
    near(from_the_mean(x, N, 2 / (N + 1)), talib.EMA(x, N), rtol=1e-12)


def test_statsmodels_is_retyped_rightly() -> None:
    theirs = pytest.importorskip("statsmodels.tsa.api").SimpleExpSmoothing
    x = sample(gaps=False, leading=0)["x"]
    for start in (x[0], 7.0):
        expected = theirs(x, "known", start).fit(0.3, optimized=False).level
        near(SimpleExpSmoothing(x, "known", start).fit(0.3, optimized=False).level, expected, rtol=1e-12)
    found = theirs(x, "known", x[0]).fit().params["smoothing_level"]
    near(best_alpha(x.to_numpy()), found, rtol=1e-4)  # where their optimizer stops
    near(fit_decay(x, start="first").decay.alpha, best_alpha(x.to_numpy()), rtol=1e-6)


def test_river_is_retyped_rightly() -> None:
    stats = pytest.importorskip("river.stats")
    names, theirs = river(), []
    mean = stats.EWMean(0.3)
    for value in names["x"]:
        mean.update(value)
        theirs.append(mean.get())
    near(names["EWMean"](0.3), theirs, rtol=1e-12)

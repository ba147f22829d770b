"""Pieces give what the whole gives: every option, every cut, streams and merged summaries alike."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import optimlab
from optimlab import ema, ema_corr, ema_cov, ema_std, ema_sum, ema_var
from optimlab.lab.problems import load_co2, load_elnino
from optimlab.series.carried import Piece, Recipe
from optimlab.series.merging import Carried
from tests.series.oracle import ENGINES, engine

FUNCTIONS = {"mean": ema, "sum": ema_sum, "var": ema_var, "std": ema_std, "cov": ema_cov, "corr": ema_corr}
STARTS = [{}, {"start": "zero"}, {"start": "first"}, {"start": 5.0}, {"start": "sma", "warmup": 4}]
GAPS = [{"gaps": "decay"}, {"gaps": "skip", "gap_result": "nan"}]


def pieces(cuts, **arrays):
    """Cut arrays of the rows at the same rows; yield the pieces, and how many rows come before each."""
    rows = len(arrays["x"])
    for at in np.split(np.arange(rows), cuts):
        yield Piece(**{name: z[at] for name, z in arrays.items() if z is not None}), int(at[0]) if len(at) else 0


def tree(recipe, parts, rng):
    """Merge in any order that keeps neighbours together."""
    parts = list(parts) or [recipe.nothing()]
    while len(parts) > 1:
        i = rng.integers(len(parts) - 1)
        parts[i : i + 2] = [recipe.merge(parts[i], parts[i + 1])]
    return parts[0]


def streamed(recipe, parts):
    carry, results = None, []
    for piece, _before in parts:
        result, carry = recipe.results(piece, carry)
        results.append(result)
    return np.concatenate(results)


def merged(recipe, parts, rng):
    summaries = [recipe.summary(piece, before) for piece, before in parts]
    carries = [tree(recipe, summaries[:i], rng) for i in range(len(parts))]
    return np.concatenate([recipe.results(piece, carry)[0] for (piece, _), carry in zip(parts, carries, strict=True)])


def assert_same(got, whole, task, x):
    """To 1e-14 of the scale of the values; a root or a quotient of second moments to what rounding of these leaves."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(whole))
    size = max(1.0, float(np.nanmax(np.abs(x), initial=0.0, where=np.isfinite(x))))
    scale = {"mean": size, "sum": size * len(x), "std": 100 * size, "corr": 100.0}.get(task, size**2)
    np.testing.assert_allclose(got, whole, rtol=0, atol=1e-14 * scale)


def check(recipe, seed, *, cuts=None, **arrays: Any):
    """Cut the rows at random: the stream and the merged summaries are the whole."""
    rng, rows = np.random.default_rng(seed), len(arrays["x"])
    cuts = np.sort(rng.integers(0, rows + 1, rng.integers(1, 8))) if cuts is None else cuts
    x, y, beta = (arrays.get(name) for name in ("x", "y", "beta"))
    options = dict(recipe.options) | {n: arrays[n] for n in ("weights", "times", "by") if arrays.get(n) is not None}
    options |= {"bias": recipe.bias} if recipe.task in ("var", "std", "cov") else {}
    options |= {"of": recipe.of} if recipe.task == "sum" else {}
    series = (x,) if y is None else (x, y)
    whole = FUNCTIONS[recipe.task](*series, recipe.beta if beta is None else beta, **options)
    parts = list(pieces(cuts, **arrays))
    assert_same(streamed(recipe, parts), whole, recipe.task, x)
    assert_same(merged(recipe, parts, rng), whole, recipe.task, x)


def rows(seed, shape=(60,), share=0.3):
    """Return values with gaps, others that go with them, weights with zeros, times with equal ones, and labels."""
    rng = np.random.default_rng(seed)
    x = 10.0 * rng.normal(size=shape)
    y = x + rng.normal(size=shape)
    x[rng.random(shape) < share] = np.nan
    times = np.cumsum(rng.integers(0, 3, shape[0])).astype(np.float64)
    return x, y, rng.integers(0, 3, shape[0]).astype(np.float64), times, rng.integers(0, 4, shape[0])


@pytest.mark.parametrize("task", FUNCTIONS)
@pytest.mark.parametrize("start", STARTS, ids=lambda start: str(start.get("start", "debiased")))
@pytest.mark.parametrize("gaps", GAPS, ids=lambda gaps: gaps["gaps"])
def test_pieces_are_the_whole(task, start, gaps):
    if task == "sum" and start:
        pytest.skip("a sum starts from nothing")
    for seed in range(4):
        x, y, weights, _times, by = rows(seed, ((60,), (50, 2))[seed % 2], (0.1, 0.7)[seed // 2])
        recipe = Recipe(task, (0.3, 0.9, 0.999, 0.6)[seed], start | gaps | {"min_count": seed}, bias=seed % 2 == 1)
        y = y if task in ("cov", "corr") else None
        check(recipe, seed, x=x, y=y)
        check(recipe, seed, x=x, y=y, weights=weights, by=by if seed % 2 else None)


@pytest.mark.parametrize("task", FUNCTIONS)
@pytest.mark.parametrize("start", STARTS[:4], ids=lambda start: str(start.get("start", "debiased")))
def test_times_in_pieces(task, start):
    for seed in range(3):
        x, y, weights, times, by = rows(seed, ((60,), (50, 2))[seed % 2], (0.1, 0.7, 0.4)[seed])
        y, more = (y if task in ("cov", "corr") else None), {"weights": weights if seed else None}
        if not start:
            check(Recipe(task, 0.8), seed, x=x, y=y, times=times, by=by if seed else None, **more)
        if task != "sum":
            recipe = Recipe(task, 0.8, start | {"spacing": "time"})
            check(recipe, seed, x=x, y=y, times=times, by=by if seed != 1 else None, **more)


@pytest.mark.parametrize("task", FUNCTIONS)
def test_a_decay_of_each_row_in_pieces(task):
    for seed, start in enumerate(STARTS[: 1 if task == "sum" else 4]):
        x, y, weights, _times, by = rows(seed)
        beta = np.random.default_rng(seed).choice([0.1, 0.5, 0.99], len(x))
        y = y if task in ("cov", "corr") else None
        check(Recipe(task, None, start | GAPS[seed % 2]), seed, x=x, y=y, beta=beta, weights=weights, by=by)


GAINS = [
    optimlab.PowerGain(3.0),
    optimlab.UniformGain(),
    optimlab.WarmUpGain(0.99),
    optimlab.DebiasedGain(0.9),
    optimlab.ConstantGain(0.9),
]


@pytest.mark.parametrize("gain", GAINS, ids=repr)
def test_gains_in_pieces(gain):
    x, _y, weights, _times, by = rows(1, (60, 2), share=0.0)
    check(Recipe("var", gain), 1, x=x, weights=weights)
    x[[0, 7, 8, 30], 0] = np.nan
    parts = list(pieces([5, 9, 30], x=x, by=by))
    assert_same(streamed(Recipe("mean", gain), parts), ema(x, gain, by=by), "mean", x)


def test_a_summary_under_a_gain_meets_no_gap_and_no_group_and_its_remedy_works():
    recipe, x = Recipe("mean", optimlab.PowerGain(3.0)), np.array([1.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="got NaN in row 1; feed the pieces one after another to results instead"):
        recipe.summary(Piece(x))
    with pytest.raises(ValueError, match="got groups; feed"):
        recipe.summary(Piece([1.0], by=["a"]))
    result, carry = recipe.results(Piece(x[:2]))
    result = np.append(result, recipe.results(Piece(x[2:]), carry)[0])
    np.testing.assert_array_equal(result, ema(x, recipe.beta))


@pytest.mark.parametrize("task", ["mean", "sum", "var"])
@pytest.mark.parametrize("start", STARTS, ids=lambda start: str(start.get("start", "debiased")))
def test_infinities_in_pieces(task, start):
    if task == "sum" and start:
        pytest.skip("a sum starts from nothing")
    x, *_others = rows(3)
    x[[20, 41]] = np.inf
    recipe = Recipe("mean" if task == "var" else task, 0.5, start)
    for i, cuts in enumerate([[20], [21], [10, 30, 50], [19, 20, 21, 22, 40, 42]]):
        check(recipe, i, cuts=cuts, x=x)
        check(recipe, i, cuts=cuts, x=np.where(np.arange(60) == 41, -x, x))


@pytest.mark.parametrize("start", STARTS, ids=lambda start: str(start.get("start", "debiased")))
def test_a_gap_that_propagates_does_so_across_pieces(start):
    x, *_others = rows(5, share=0.0)
    x[33] = np.nan
    check(Recipe("mean", 0.9, start | {"gaps": "propagate"}), 0, cuts=[10, 40, 50], x=x)
    check(Recipe("var", 0.9, start | {"gaps": "propagate"}), 0, cuts=[33, 34], x=x)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: str(start.get("start", "debiased")))
@pytest.mark.parametrize("beta", [0.0, 0.9])
def test_pieces_of_gaps_of_one_row_and_of_none(beta, start):
    x = np.full(30, np.nan)
    x[[7, 8, 20]] = 1.0, 4.0, -2.0
    for recipe in Recipe("mean", beta, start), Recipe("var", beta, start, bias=True), Recipe("var", beta, start):
        check(recipe, 0, cuts=range(4, 12), x=x)
        check(recipe, 0, cuts=[0, 0, 5, 7, 7, 15, 18, 30], x=x)


def test_infinite_memory_and_huge_gaps_in_pieces():
    x, _y, weights, times, _by = rows(2)
    check(Recipe("var", options={"com": np.inf}), 0, x=x, weights=weights)
    times[25:] += 1e6
    check(Recipe("mean", options={"halflife": 3.0}), 0, x=x, times=times)
    check(Recipe("var", options={"halflife": 3.0}), 1, cuts=[10, 25, 26, 40], x=x, times=times)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: str(start.get("start", "debiased")))
def test_equal_values_stay_as_they_are(start):
    if start.get("start") in ("zero", 5.0):
        start = {"start": 0.3}
    recipe = Recipe("mean", 0.97, start)
    parts = list(pieces([9, 10, 40], x=np.full(100, 0.3)))
    result = merged(recipe, parts, np.random.default_rng(0))
    assert (result[start.get("warmup", 1) - 1 :] == 0.3).all()


def test_float32_and_integers_in_pieces():
    x = np.random.default_rng(0).normal(size=200).astype(np.float32)
    recipe = Recipe("mean", 0.99)
    parts = list(pieces([50, 120], x=x))
    result = merged(recipe, parts, np.random.default_rng(0))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, ema(x, 0.99), rtol=2e-7, atol=1e-7)
    whole = np.arange(9)
    check(recipe, 0, x=whole)


def test_datetimes_of_other_units_and_labels_that_are_dates():
    x, *_others = rows(4)
    times = np.datetime64("2024-01-01") + np.arange(60).astype("m8[h]")
    by = (np.datetime64("2024-01-01", "us") + (np.arange(60) % 3).astype("m8[D]")).astype("M8[us]")
    recipe = Recipe("mean", options={"halflife": np.timedelta64(5, "h")})
    check(recipe, 0, x=x, times=times, by=by)
    carry = recipe.results(Piece(x[:30], times=times[:30].astype("M8[us]"), by=by[:30]))[1]
    carry = Carried.of(carry.arrays())
    result = recipe.results(Piece(x[30:], times=times[30:].astype("M8[ns]"), by=by[30:]), carry)[0]
    whole = ema(x, times=times, halflife=np.timedelta64(5, "h"), by=by)
    np.testing.assert_allclose(result, whole[30:], rtol=1e-14)


@pytest.mark.parametrize("by", [None, [1, 2, 1], ["a", "b", "a"]], ids=["none", "numbers", "text"])
@pytest.mark.parametrize("times", [None, [0.0, 1.0, 5.0]], ids=["rows", "times"])
def test_states_travel(by, times, tmp_path):
    options = {} if times is None else {"spacing": "time"}
    recipe = pickle.loads(pickle.dumps(Recipe("var", 0.5, options)))
    piece = Piece(np.array([[1.0, 2.0], [3.0, np.nan], [4.0, 1.0]]), times=times, by=by)
    later = Piece(np.ones((3, 2)), times=None if times is None else [6.0, 7.0, 8.0], by=by)
    for state in recipe.summary(piece), recipe.results(piece)[1]:
        np.savez(tmp_path / "state.npz", **state.arrays())
        with np.load(tmp_path / "state.npz") as file:
            stored = Carried.of(file)
        for other in (stored, pickle.loads(pickle.dumps(state))):
            one, two = (recipe.results(later, carry)[0] for carry in (state, other))
            np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="missing: filled"):
        Carried.of({name: z for name, z in state.arrays().items() if name != "filled"})


def test_weights_and_correlations_of_any_magnitude():
    x, y, weights, *_others = rows(6)
    check(Recipe("mean", 0.9), 0, x=x, weights=1e200 * weights)
    check(Recipe("mean", 0.9, {"start": 2.0}), 0, x=x, weights=1e-200 * weights)
    whole = ema_corr(x, y, 0.9)
    for size in 1e-150, 1e150:
        parts = list(pieces([20, 21, 50], x=size * x, y=y / size))
        assert_same(merged(Recipe("corr", 0.9), parts, np.random.default_rng(0)), whole, "corr", x)
        assert_same(streamed(Recipe("corr", 0.9), parts), whole, "corr", x)


@pytest.mark.parametrize("kind", ENGINES)
def test_both_engines_and_real_data(kind):
    co2 = load_co2()["co2"].to_numpy()
    elnino = load_elnino().to_numpy(dtype=np.float64)
    with engine(kind):
        for task, options in [("mean", {}), ("var", {"start": "first"}), ("std", {"start": "sma", "warmup": 12})]:
            check(Recipe(task, 0.95, options), 0, x=co2)
            check(Recipe(task, 0.8, options), 1, x=elnino)
        x, y, weights, times, by = rows(9, (200,))
        check(Recipe("cov", 0.9, {"start": "zero"}), 0, x=x, y=y, weights=weights, by=by)
        check(Recipe("mean", 0.9, {"spacing": "time"}), 0, x=x, times=times, by=by)

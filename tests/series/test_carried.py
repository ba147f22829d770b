"""Pieces give what the whole gives: every option, every cut, streams and merged summaries alike."""

from __future__ import annotations

import pickle
from functools import reduce
from itertools import product
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


def carries(recipe, summaries, rng):
    """Return what is before each piece: merges of neighbours, in trees of any shape."""
    done = [recipe.nothing()]
    for i in range(1, len(summaries)):
        j = int(rng.integers(i))
        block = reduce(lambda later, one: recipe.merge(one, later), summaries[j:i][::-1])
        done.append(recipe.merge(done[j], block))
    return done


def streamed(recipe, parts):
    carry, results = None, []
    for piece, _before in parts:
        result, carry = recipe.results(piece, carry)
        results.append(result)
    return np.concatenate(results)


def merged(recipe, parts, rng):
    summaries = [recipe.summary(piece, before) for piece, before in parts]
    before = carries(recipe, summaries, rng)
    return np.concatenate([recipe.results(piece, carry)[0] for (piece, _), carry in zip(parts, before, strict=True)])


def assert_same(got, whole, task, x):
    """To 1e-14 of the scale of the values; a root or a quotient of second moments to what rounding of these leaves."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(whole))
    size = max(1.0, float(np.nanmax(np.abs(x), initial=0.0, where=np.isfinite(x))))
    scale = {"mean": size, "sum": size * len(x), "std": 100 * size, "corr": 100.0}.get(task, size**2)
    np.testing.assert_allclose(got, whole, rtol=0, atol=1e-14 * scale)


def check(recipe, seed, *, cuts=None, **arrays: Any):
    """Cut the rows at random: the stream and the merged summaries are the whole."""
    rng, rows = np.random.default_rng(seed), len(arrays["x"])
    cuts = np.sort(rng.integers(0, rows + 1, rng.integers(1, 5))) if cuts is None else cuts
    x, y, beta = (arrays.get(name) for name in ("x", "y", "beta"))
    options = dict(recipe.options) | {n: arrays[n] for n in ("weights", "times", "by") if arrays.get(n) is not None}
    options |= {"bias": recipe.bias} if recipe.task in ("var", "std", "cov") else {}
    options |= {"of": recipe.of} if recipe.task == "sum" else {}
    series = (x,) if y is None else (x, y)
    whole = FUNCTIONS[recipe.task](*series, recipe.beta if beta is None else beta, **options)
    parts = list(pieces(cuts, **arrays))
    assert_same(streamed(recipe, parts), whole, recipe.task, x)
    assert_same(merged(recipe, parts, rng), whole, recipe.task, x)


def rows(seed, shape=(40,), share=0.3):
    """Return values with gaps, others that go with them, weights with zeros, times with equal ones, and labels."""
    rng = np.random.default_rng(seed)
    x = 10.0 * rng.normal(size=shape)
    y = x + rng.normal(size=shape)
    x[rng.random(shape) < share] = np.nan
    times = np.cumsum(rng.integers(0, 3, shape[0])).astype(np.float64)
    return x, y, rng.integers(0, 3, shape[0]).astype(np.float64), times, rng.integers(0, 4, shape[0])


def cases(*axes):
    """Return all combinations that there are, each with a number of its own; a sum starts from nothing."""
    good = [case for case in product(*axes) if not (case[0] == "sum" and case[1])]
    return [pytest.param(*case, seed, id="-".join(map(str, case))) for seed, case in enumerate(good)]


@pytest.mark.parametrize(("task", "start", "gaps", "seed"), cases(FUNCTIONS, STARTS, GAPS))
def test_pieces_are_the_whole(task, start, gaps, seed):
    x, y, weights, _times, by = rows(seed, ((40,), (30, 2))[seed // 2 % 2], (0.1, 0.7)[seed % 3 % 2])
    recipe = Recipe(task, (0.3, 0.9, 0.999)[seed % 3], start | gaps | {"min_count": seed % 4}, bias=seed % 5 < 2)
    y = y if task in ("cov", "corr") else None
    check(recipe, seed, x=x, y=y)
    check(recipe, seed, x=x, y=y, weights=weights, by=by if seed % 7 < 4 else None)


@pytest.mark.parametrize(("task", "start", "seed"), cases(FUNCTIONS, STARTS[:4]))
def test_times_in_pieces(task, start, seed):
    x, y, weights, times, by = rows(seed, ((40,), (30, 2))[seed // 2 % 2], (0.1, 0.7, 0.4)[seed % 3])
    y = y if task in ("cov", "corr") else None
    if not start:
        check(Recipe(task, 0.8), seed, x=x, y=y, times=times, weights=weights, by=by)
    if task != "sum":
        recipe = Recipe(task, 0.8, start | {"spacing": "time"}, bias=seed % 5 < 2)
        check(recipe, seed, x=x, y=y, times=times)
        check(recipe, seed, x=x, y=y, times=times, weights=weights, by=by if seed % 7 < 4 else None)


@pytest.mark.parametrize(("task", "start", "seed"), cases(FUNCTIONS, STARTS[:4]))
def test_a_decay_of_each_row_in_pieces(task, start, seed):
    x, y, weights, _times, by = rows(seed)
    beta = np.random.default_rng(seed).choice([0.1, 0.5, 0.99], len(x))
    y, by = y if task in ("cov", "corr") else None, by if seed % 2 else None
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
    x, _y, weights, _times, by = rows(1, (40, 2), share=0.0)
    check(Recipe("var", gain), 1, x=x, weights=weights)
    x[[0, 7, 8, 30], 0] = np.nan
    parts = list(pieces([8, 30], x=x, by=by))
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


@pytest.mark.parametrize(("task", "start", "seed"), cases(["mean", "sum"], STARTS))
def test_infinities_in_pieces(task, start, seed):
    x, *_others = rows(3)
    x[[15, 31]] = np.inf, (-np.inf, np.inf)[seed % 2]
    for cuts in [15, 31], [14, 16, 30, 32]:
        check(Recipe(task, 0.5, start), seed, cuts=cuts, x=x)


@pytest.mark.parametrize(("task", "start", "seed"), cases(["var", "cov"], STARTS))
def test_second_moments_beside_infinities_are_finite_where_the_whole_is(task, start, seed):
    x, y, *_others = rows(3)
    x[[3, 15]] = np.inf, -np.inf
    recipe, y = Recipe(task, 0.9, start), y if task == "cov" else None
    whole = FUNCTIONS[task](x, *([] if y is None else [y]), beta=0.9, **start)
    good = np.isfinite(whole)
    parts = list(pieces([3, 10, 16, 30], x=x, y=y))
    for got in streamed(recipe, parts), merged(recipe, parts, np.random.default_rng(seed)):
        np.testing.assert_array_equal(np.isfinite(got), good)
        np.testing.assert_allclose(got[good], whole[good], rtol=0, atol=1e-11)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: str(start.get("start", "debiased")))
def test_a_gap_that_propagates_does_so_across_pieces(start):
    x, *_others = rows(5, share=0.0)
    x[23] = np.nan
    check(Recipe("mean", 0.9, start | {"gaps": "propagate"}), 0, cuts=[10, 30], x=x)
    check(Recipe("var", 0.9, start | {"gaps": "propagate"}), 0, cuts=[23, 24], x=x)


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
    parts = list(pieces([9, 10, 40], x=np.full(60, 0.3)))
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
    times = np.datetime64("2024-01-01") + np.arange(40).astype("m8[h]")
    by = (np.datetime64("2024-01-01", "us") + (np.arange(40) % 3).astype("m8[D]")).astype("M8[us]")
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
        parts = list(pieces([20, 21, 30], x=size * x, y=y / size))
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


@pytest.mark.parametrize("kind", ENGINES)
def test_many_pieces_round_no_more_than_the_whole(kind):
    x = np.random.default_rng(0).normal(5.0, 1.0, 100_000)
    with engine(kind):
        for task, beta in ("mean", 0.999), ("var", 0.99):
            got = streamed(Recipe(task, beta), pieces(range(1000, len(x), 1000), x=x))
            assert_same(got, FUNCTIONS[task](x, beta), task, x)


def test_times_that_decrease_are_named_in_their_piece():
    recipe = Recipe("mean", 0.5)
    carry = recipe.results(Piece([1.0, 2.0], times=[0.0, 1.0]))[1]
    with pytest.raises(ValueError, match=r"got 2.0 after 3.0 at index 2; sort the rows by time first"):
        recipe.results(Piece([1.0, 2.0, 3.0], times=[2.0, 3.0, 2.0]), carry)
    with pytest.raises(ValueError, match=r"got 0.5 after 1.0"):
        recipe.results(Piece([1.0], times=[0.5]), carry)
    with pytest.raises(ValueError, match=r"times must not decrease from piece to piece; got 0.5 after 1.0"):
        recipe.merge(carry, recipe.summary(Piece([1.0], times=[0.5])))


@pytest.mark.parametrize("start", STARTS[:3], ids=lambda start: str(start.get("start", "debiased")))
def test_values_at_equal_times_count_in_pieces_of_one_row(start):
    recipe = Recipe("mean", 0.5, start | {"spacing": "time", "min_count": 4})
    x, times = np.arange(8.0), np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0])
    for seed in range(3):
        check(recipe, seed, cuts=range(1, 8), x=x, times=times)

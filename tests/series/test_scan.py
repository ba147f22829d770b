"""The scans under every EMA: against a loop in extended precision, both engines alike, in little memory."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from optimlab import Decay, ema, ema_var
from optimlab.series import sweep
from optimlab.series.scan import constant_scan, corrections, held, powers, shifted, variable_scan
from optimlab.series.sweep import TILE
from tests.series.oracle import EDGES, ENGINES, MANY, SOME, engine, near

pytestmark = pytest.mark.slow


BETAS = [0.0, 1e-3, 0.5, 0.9, 0.999, 1 - 1e-7]
ROUNDING = {"numpy": 5e-15, "compiled": 2e-13}  # sums of blocks round less than one step after the other
Array = NDArray[Any]


def loop(x: Array, beta: float, gain: float, carry: Array | float) -> Array:
    """y ← β y + gain · x, one step after the other, in extended precision."""
    y = np.empty(x.shape, dtype=np.longdouble)
    last = np.zeros(len(x), dtype=np.longdouble) + carry
    for i in range(x.shape[1]):
        last = np.longdouble(beta) * last + np.longdouble(gain) * x[:, i]
        y[:, i] = last
    return y


@lru_cache
def long_series(beta: float) -> tuple[Array, Array]:
    """Return two columns that span some tiles, and their debiased EMA."""
    x = np.random.default_rng(1).random((2, 2 * TILE + 5))
    return x, mean_of(x, beta, "debiased").astype(float)


def mean_of(x: Array, beta: float, start: str) -> Array:
    """Return the EMA of columns (columns, rows) without gaps, in extended precision."""
    alpha = 1 - np.longdouble(beta)
    if start == "first":
        return loop(x, beta, alpha, x[:, 0])
    mass = loop(np.ones((1, x.shape[1])), beta, alpha, 0.0) if start == "debiased" else 1.0
    return loop(x, beta, alpha, 0.0) / mass


# ---------------------------------------------------------------- a constant factor


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("steps", [*EDGES, 2 * 16 * 16 * 16 + 1])
@pytest.mark.parametrize("beta", BETAS)
def test_constant_scan_is_the_loop(beta: float, steps: int, columns: int) -> None:
    rng = np.random.default_rng(steps)
    x, carry, decay = rng.random((columns, steps)), rng.random(columns), Decay(beta)
    before = x.copy(), carry.copy()
    for gain in (decay.alpha, 1.0):
        for carried in (None, carry):
            y = constant_scan(x, decay.log_beta, gain, carried)
            expected = loop(x, beta, gain, 0.0 if carried is None else carried)
            near(y, expected.astype(float), rtol=3e-15)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(carry, before[1])


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.999])
def test_constant_scan_of_anything_in_memory(beta: float) -> None:
    x = np.random.default_rng(0).random((6, 1000))
    decay = Decay(beta)
    expected = constant_scan(x[::2, ::3].copy(), decay.log_beta, 1.0, None)
    for y in (x[::2, ::3], np.asfortranarray(x[::2, ::3]), x[::2, ::3][::-1].copy()[::-1]):
        near(constant_scan(y, decay.log_beta, 1.0, None), expected, rtol=1e-15)
    single = x[::2, ::3].astype(np.float32)
    result = constant_scan(single, decay.log_beta, 1.0, None)
    assert result.dtype == np.float64
    near(result, constant_scan(single.astype(float), decay.log_beta, 1.0, None), rtol=0)


@pytest.mark.parametrize("beta", BETAS)
def test_an_infinity_shows_at_the_end_of_a_scan(beta: float) -> None:
    decay = Decay(beta)
    for steps in (1, 20, 33, 500, 5000):
        for at in {0, steps // 2, steps - 1}:
            for value in (math.inf, -math.inf, math.nan):
                x = np.ones((2, steps))
                x[1, at] = value
                with np.errstate(invalid="ignore"):
                    y = constant_scan(x, decay.log_beta, decay.alpha, None)
                assert np.isfinite(y[0]).all()
                assert not np.isfinite(y[1, -1])


def test_powers_and_corrections_keep_their_digits() -> None:
    for alpha in (0.5, 1e-3, 1e-9, 1e-15):
        decay = Decay(alpha=alpha)
        j = np.array([1, 7, 4096])
        exact = [float(-np.expm1(np.longdouble(i) * np.log1p(-np.longdouble(alpha)))) for i in j]
        near(corrections(decay.log_beta, 4096)[j - 1], exact, rtol=5e-16)
        near(powers(decay.log_beta, 4096)[j - 1], [float((1 - np.longdouble(alpha)) ** int(i)) for i in j], rtol=1e-12)
        assert not corrections(decay.log_beta, 4096).flags.writeable


# ---------------------------------------------------------------- the engines


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("start", ["debiased", "zero", "first"])
@pytest.mark.parametrize("beta", BETAS)
def test_means_are_the_loop(beta: float, start: str, name: str) -> None:
    for columns, steps in [(1, 3), (1, 33), (1, 513), (1, 4097), (3, 33), (17, 700), (1100, 90)]:
        x = np.random.default_rng(steps).random((columns, steps))
        expected = mean_of(x, beta, start).astype(float)
        with engine(name):
            for y in (x, np.asfortranarray(x), x[::-1].copy()[::-1]):
                near(ema(y, beta, start=start, axis=1), expected, rtol=ROUNDING[name])


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("beta", [0.9, 0.999, 1 - 1e-7])
def test_means_are_the_loop_across_tiles(beta: float, name: str) -> None:
    x, expected = long_series(beta)
    with engine(name):
        for steps in (TILE // 2 - 1, TILE // 2, TILE // 2 + 1, 2 * TILE + 5):
            near(ema(x[:, :steps], beta, axis=1), expected[:, :steps], rtol=4 * ROUNDING[name])
        near(ema(x[0], beta), expected[0], rtol=4 * ROUNDING[name])
        near(ema(x.T, beta), expected.T, rtol=4 * ROUNDING[name])
        single = ema(x[0].astype(np.float32), beta)
    assert single.dtype == np.float32
    near(single.astype(float), expected[0], rtol=1e-7)


@st.composite
def wild(draw: st.DrawFn) -> tuple[Array, dict[str, Any]]:
    """Return columns with gaps here and there or for long, equal values at first, infinities, of any size; options."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, columns = draw(st.sampled_from([*EDGES, 20_000, 70_000])), draw(st.sampled_from([1, 2, 5]))
    x = rng.standard_normal((n, columns)) * draw(st.sampled_from([1.0, 1e100, 1e-200, 1e307]))
    x[rng.random((n, columns)) < draw(st.sampled_from([0.0, 0.001, 0.4, 0.95]))] = np.nan
    if draw(st.booleans()):
        begin = rng.integers(n)
        x[begin : begin + rng.integers(1, n + 1), 0] = np.nan
    if draw(st.booleans()):
        x[: rng.integers(n)] = 0.1
    x[rng.integers(0, n, draw(st.sampled_from([0, 0, 2]))), -1] = math.inf
    return x, {
        "beta": draw(st.sampled_from(BETAS)),
        "start": draw(st.sampled_from(["debiased", "zero", "first", 0.7])),
        "gaps": draw(st.sampled_from(["decay", "skip"])),
        "min_count": draw(st.sampled_from([0, 1, 1, 3])),
    }


@MANY
@given(wild())
def test_both_engines_agree(problem: Any) -> None:
    pytest.importorskip("numba")
    x, options = problem
    size = np.abs(x[np.isfinite(x)]).max(initial=1e-300)
    results = []
    for name in ENGINES:
        with engine(name):
            results.append(ema(x, **options))
    near(*results, rtol=1e-10, atol=1e-12 * size)


@SOME
@given(wild())
def test_both_engines_agree_on_the_spread(problem: Any) -> None:
    pytest.importorskip("numba")
    x, options = problem
    x = x[:9000]
    size = np.abs(x[np.isfinite(x)]).max(initial=1e-300)
    if size > 1e100 or np.isinf(x).any():
        return
    results = []
    for name in ENGINES:
        with engine(name):
            results.append(ema_var(x, **options))
    near(*results, rtol=1e-10, atol=1e-12 * size**2)


SLOW = [Decay(alpha=1.1e-3), Decay(alpha=1.3e-5), Decay(1 - 1.3e-5), Decay(1 - 3.3e-6), Decay(alpha=1e-6)]


@pytest.mark.parametrize("start", ["debiased", "first"])
@pytest.mark.parametrize("decay", SLOW, ids=str)
def test_slow_means_do_not_drift(decay: Decay, start: str) -> None:
    """Of 2, 1, 1, 1, ... the mean is 1 and the weight of the first value."""
    t = np.arange(2_000_000)
    x = np.ones(t.size)
    x[0] = 2.0
    first = np.exp(decay.log_beta * t)
    if start == "debiased":
        first *= decay.alpha / -np.expm1(decay.log_beta * (t + 1))
    with engine("numpy"):
        near(ema(x, decay, start=start), 1.0 + first, rtol=1e-14)


@pytest.mark.parametrize("start", ["debiased", "first"])
@pytest.mark.parametrize("decay", SLOW, ids=str)
def test_slow_means_do_not_drift_when_compiled(decay: Decay, start: str) -> None:
    """Of values with noise: where all are equal, every step rounds alike, by up to 1.1e-16/(4α) in all."""
    x = 1.0 + 1e-3 * np.random.default_rng(9).random(2_000_000)
    results = []
    for name in ENGINES:
        with engine(name):
            results.append(
                [ema(x, decay, start=start), ema(np.broadcast_to(x[:, None], (x.size, 2)), decay, start=start)]
            )
    near(results[1][0], results[0][0], rtol=2e-13)
    near(results[1][1][::99], results[0][1][::99], rtol=2e-13)


@pytest.mark.parametrize(("name", "start"), [(n, s) for n in ENGINES for s in ("debiased", "first")])
def test_slow_means_do_not_drift_where_gaps_are(name: str, start: str) -> None:
    """Of 2, 1, 1, 1, ... with gaps between: the weight of the first value has faded over the gaps as well."""
    decay, x = Decay(alpha=1e-6), 1.0 + 1e-3 * np.random.default_rng(3).random(1_000_000)
    x[5::1000] = np.nan
    weights = np.where(np.isnan(x), 0.0, np.exp(decay.log_beta * np.arange(x.size)[::-1]))
    if start == "first":
        weights[1:] *= decay.alpha
    with engine(name):
        mean = ema(x, decay, start=start)[-1]
    if start == "first":  # each value leaves a mass of 1: the shares of the earlier ones are products
        after_gap = np.roll(np.isnan(x), 1)
        share = np.where(after_gap, decay.alpha / (decay.alpha + decay.beta**2), decay.alpha)
        share[0], share[np.isnan(x)] = 1.0, 0.0
        weights = share * np.append(np.exp(np.cumsum(np.log1p(-share[1:])[::-1]))[::-1], 1.0)
    assert abs(mean - np.sum(weights * np.nan_to_num(x)) / np.sum(weights)) < 1e-13


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("start", ["debiased", "first"])
def test_a_memory_of_1e9_keeps_thirteen_digits(start: str, name: str) -> None:
    """Times with values for the time between them, where 1 - β^Δ is 1e-10, and rows with gaps, against long doubles."""
    rng, long = np.random.default_rng(12), np.longdouble
    x, times = 1.0 + rng.random(20_000), np.cumsum(rng.random(20_000))
    passed = np.diff(long(times), prepend=long(times[0])) * np.log(long(2)) / long(1e9)
    shares = -np.expm1(-passed)
    shares[0] = shares[1] if start == "debiased" else 1.0
    mass, mean = long(0), long(0)
    for value, q, s in zip(x, np.exp(-passed), shares, strict=True):
        mass = q * mass + s
        mean += s / mass * (long(value) - mean)
        mass = mass if start == "debiased" else long(1)
    with engine(name):
        near(ema(x, halflife=1e9, times=times, spacing="time", start=start)[-1], float(mean), rtol=1e-13)


@pytest.mark.parametrize("start", ["debiased", "first", "zero"])
@pytest.mark.parametrize("beta", [0.5, 0.99, 0.9999])
def test_columns_side_by_side_are_columns(start: str, beta: float) -> None:
    """A table by rows, without gaps, then with one, an infinity in one column, a column of equal values, a wait."""
    pytest.importorskip("numba")
    x = np.random.default_rng(14).normal(size=(4000, 9)) + 3.0
    for spoilt in ([], [(700, 2, np.nan), (2500, 4, np.inf)], [(slice(None), 7, 0.1)]):
        for row, column, value in spoilt:
            x[row, column] = value
        for least in (1, 1000):
            with engine("compiled"):
                table = ema(x, beta, start=start, min_count=least)
                alone = np.stack([ema(x[:, c].copy(), beta, start=start, min_count=least) for c in range(9)], axis=1)
            near(table, alone, rtol=2e-13)
    if start != "zero":
        assert (table[1000:, 7] == 0.1).all()


@pytest.mark.parametrize("beta", BETAS)
def test_looking_ahead_is_the_loop(beta: float) -> None:
    pytest.importorskip("numba")
    from optimlab.series import compiled

    rng, decay = np.random.default_rng(2), Decay(beta)
    for steps in (1, 3, 4, 5, 8, 101):
        x, carry = rng.random((1, steps)), rng.random(1)
        expected = loop(x, beta, decay.alpha, carry)
        for source in (x[0], np.repeat(x, 2, axis=1)[0, ::2]):
            out = np.empty_like(source)
            last = compiled.look_ahead(source, decay.alpha, decay.beta, carry[0], out)
            near(out, expected[0].astype(float), rtol=5e-15)
            assert last == out[-1]


def test_numba_is_not_loaded_for_short_series(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("asked for the compiled loops")

    monkeypatch.setattr("optimlab.series.sweep.compiled", refuse)
    ema(np.ones(sweep.COMPILED_FROM - 1), 0.9)
    with pytest.raises(AssertionError, match="asked for"):
        ema(np.ones(sweep.COMPILED_FROM), 0.9)


# ---------------------------------------------------------------- values that are not finite


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("shape", [(40,), (600,), (5000,), (70_000,), (600, 5), (30_000, 3)])
def test_what_is_not_finite_changes_nothing_earlier(shape: tuple[int, ...], value: float, name: str) -> None:
    x = np.random.default_rng(3).random(shape)
    with engine(name):
        clean, spread = ema(x, 0.9), ema_var(x, 0.9)
        for at in {0, 1, 15, 16, 17, 31, 33, 512, 4099, 29_999, 65_535, shape[0] - 1}:
            if at >= shape[0]:
                continue
            y = x.copy()
            y[(at, *[-1] * (len(shape) - 1))] = value
            mean = ema(y, 0.9, gaps="propagate")
            near(mean[:at], clean[:at], rtol=1e-14)
            last = mean if len(shape) == 1 else mean[:, -1]
            assert (np.isnan(last[at:]) if math.isnan(value) else last[at:] == value).all()
            if len(shape) == 2:
                near(mean[:, :-1], clean[:, :-1], rtol=1e-14)
            near(ema_var(y, 0.9, gaps="propagate")[:at], spread[:at], rtol=1e-11)
            assert not np.isfinite(ema_var(y, 0.9, gaps="propagate", bias=True)[(at, *[-1] * (len(shape) - 1))])


@pytest.mark.parametrize("name", ENGINES)
def test_opposite_infinities_have_no_mean(name: str) -> None:
    x = np.ones(70_000)
    x[10], x[60_000] = math.inf, -math.inf
    with engine(name):
        mean = ema(x, 0.9)
    assert (mean[:10] == 1.0).all()
    assert (mean[10:60_000] == math.inf).all()
    assert np.isnan(mean[60_000:]).all()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("beta", [0.5, 0.9, 0.999])
def test_the_largest_numbers_do_not_overflow(beta: float, name: str) -> None:
    for n in (3, 100, 5000, 70_000):
        x = 1.7e308 * np.where(np.arange(n) % 7 == 3, -0.5, 1.0)
        with engine(name):
            mean = ema(x, beta)
        assert np.isfinite(mean).all()
        near(mean / 1e300, ema(x / 1e300, beta), rtol=1e-13)


@pytest.mark.parametrize("name", ENGINES)
def test_large_numbers_and_long_memories_do_not_overflow_within(name: str) -> None:
    x = np.random.default_rng(8).standard_normal(20_000)
    with engine(name):
        for start in ("debiased", "first", "zero"):
            mean = ema(x * 2.0**1020, 0.999, start=start)
            near(mean * 2.0**-1020, ema(x, 0.999, start=start), rtol=1e-12, atol=1e-14)
        x[1000:] *= 2.0**-40  # large numbers in the first blocks alone
        near(ema(x * 2.0**1020, 0.999) * 2.0**-1020, ema(x, 0.999), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ENGINES)
def test_an_infinite_mean_outlives_every_gap(name: str) -> None:
    x = np.ones(600_000)
    x[10], x[11:500_000] = math.inf, np.nan
    with engine(name):
        assert (ema(x, 0.5)[10:] == math.inf).all()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("beta", [0.0, 0.9])
def test_the_smallest_numbers_pass(beta: float, name: str) -> None:
    x = np.random.default_rng(4).random(70_000)
    with engine(name):
        near(ema(x * 2.0**-1000, beta), ema(x, beta) * 2.0**-1000, rtol=1e-13)
        faded = np.zeros(70_000)
        faded[0] = 1.0
        tail = ema(faded, beta)
    assert (np.diff(tail) <= 0).all()
    assert tail[-1] < 1e-320


# ---------------------------------------------------------------- a factor of its own for each step


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("steps", [1, 2, 15, 16, 17, 255, 256, 257, 4096, 4097, 8193])
def test_variable_scan_is_the_loop(steps: int, columns: int, name: str) -> None:
    rng = np.random.default_rng(steps)
    a, b, carry = rng.random((columns, steps)), rng.random((columns, steps)), rng.random(columns)
    a[rng.random((columns, steps)) < 0.1] = 0.0
    a[rng.random((columns, steps)) < 0.1] = 1.0
    expected, last = np.empty(a.shape, dtype=np.longdouble), carry.astype(np.longdouble)
    for i in range(steps):
        last = a[:, i] * last + b[:, i]
        expected[:, i] = last
    before = a.copy(), b.copy(), carry.copy()
    with engine(name):
        near(variable_scan(a, b, carry), expected.astype(float), rtol=5e-15)
        near(variable_scan(np.asfortranarray(a), b[::-1].copy()[::-1], carry), expected.astype(float), rtol=5e-15)
        wide = np.broadcast_to(a[:, :1], a.shape)
        near(variable_scan(wide, b, carry), variable_scan(wide.copy(), b, carry), rtol=0)
    for array, copy in zip((a, b, carry), before, strict=True):
        np.testing.assert_array_equal(array, copy)


# ---------------------------------------------------------------- small parts


def test_shifted_and_held() -> None:
    y = np.array([[1.0, 2, 3], [4, 5, 6]])
    carry = np.array([-1.0, -2])
    assert shifted(y, carry).tolist() == [[-1, 1, 2], [-2, 4, 5]]
    where = np.array([[False, True, False], [True, False, False]])
    assert held(y, where, carry).tolist() == [[-1, 2, 2], [4, 4, 4]]


# ---------------------------------------------------------------- memory


def extra_memory(call: Callable[[], Array]) -> int:
    """Return bytes at the peak of a call, its result and the small tables that it keeps for the next one apart."""
    call()
    tracemalloc.start()
    try:
        result = call()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak - result.nbytes


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("beta", [0.9, 0.999, 1 - 1e-6])
@pytest.mark.parametrize("missing", ["none", "few", "many"])
def test_a_mean_needs_little_but_its_result(missing: str, beta: float, name: str) -> None:
    x = np.random.default_rng(5).random(2_000_000)
    if missing != "none":
        x[:: 100_000 if missing == "few" else 3] = np.nan
    single = x.astype(np.float32)
    with engine(name):
        assert extra_memory(lambda: ema(x, beta)) <= 2**20
        assert extra_memory(lambda: ema(single, beta)) <= 2**20
        if beta == 0.999:
            assert extra_memory(lambda: ema(x, beta, start="first", gaps="skip")) <= 2**20
            assert extra_memory(lambda: ema(x, beta, min_count=1000)) <= 2**20
            assert extra_memory(lambda: ema(x, beta, out=x)) <= 1.5 * 2**20 - x.nbytes  # the result was there before


@pytest.mark.parametrize("name", ENGINES)
def test_other_calls_need_little_but_their_result(name: str) -> None:
    rng = np.random.default_rng(7)
    x, weights = rng.random(1_000_000), rng.random(1_000_000)
    with engine(name):
        assert extra_memory(lambda: ema(x, 0.999, weights=weights)) <= 2**20
        assert extra_memory(lambda: ema(x.reshape(-1, 100), 0.999)) <= 2**20
        assert extra_memory(lambda: ema(x.reshape(100, -1), 0.999, axis=1)) <= 2**20
        assert extra_memory(lambda: ema_var(x, 0.999)) <= 2 * 2**20

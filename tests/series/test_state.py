"""Streaming and merging: any chunks, any order of merging, give what one pass gives."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimlab import Decay, EmaState, ema, ema_cov, ema_sum, ema_var

BETAS = st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 0.9999])


def assert_same(one, other, rtol=1e-15):
    """Means, masses and counts to rounding; the spread to what rounding of values of this size leaves of it."""
    np.testing.assert_array_equal(one.count, other.count)
    for name in ("mean", "mass"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=10 * rtol, atol=0, err_msg=name)
    lost = 30 * rtol * np.nan_to_num(one.effective_samples)  # as its docstring says
    assert np.all(np.nan_to_num(np.abs(one.effective_samples / other.effective_samples - 1.0)) <= lost)
    size = np.nan_to_num(one.mean) ** 2
    for bias in (True, False):
        mine, theirs = one.variance(bias=bias), other.variance(bias=bias)
        apart = np.nan_to_num(np.abs(mine - theirs))  # a past that has faded to nothing is no second value
        assert np.all(apart <= 1e4 * rtol * (np.nan_to_num(np.abs(theirs)) + size))
        if one.decay.beta > 0.01:
            np.testing.assert_array_equal(np.isnan(mine), np.isnan(theirs))


@st.composite
def series_and_cuts(draw):
    x = np.array(draw(st.lists(st.floats(0.1, 100), min_size=1, max_size=120)))
    gaps = draw(st.lists(st.integers(0, len(x) - 1), max_size=8))
    x[gaps] = np.nan
    cuts = sorted(draw(st.lists(st.integers(0, len(x)), max_size=5)))
    return x, np.split(x, cuts)


@pytest.mark.parametrize("gaps", ["decay", "skip"])
@given(series=series_and_cuts(), beta=BETAS)
def test_chunks_merges_and_single_values_are_the_whole(gaps, series, beta):
    x, parts = series
    whole = EmaState(beta, gaps=gaps).update(x)
    chunked = EmaState(beta, gaps=gaps)
    single = EmaState(beta, gaps=gaps)
    for part in parts:
        chunked.update(part)
    for value in x:
        single.update(value)
    states = [EmaState(beta, gaps=gaps).update(part) for part in parts]
    left = functools.reduce(EmaState.merge, states)
    right = functools.reduce(lambda later, earlier: earlier.merge(later), reversed(states))
    for other in (chunked, single, left, right):
        assert_same(whole, other)


@pytest.mark.parametrize("gaps", ["decay", "skip"])
@given(series=series_and_cuts(), beta=BETAS)
def test_ends_where_the_series_functions_end(gaps, series, beta):
    x, _ = series
    state = EmaState(beta, gaps=gaps).update(x)
    np.testing.assert_allclose(state.mean, ema(x, beta, gaps=gaps)[-1], rtol=1e-13)
    if beta > 0:
        np.testing.assert_allclose(state.variance(), ema_var(x, beta, gaps=gaps)[-1], rtol=1e-9, atol=1e-12)
        biased = ema_var(x, beta, gaps=gaps, bias=True)[-1]
        np.testing.assert_allclose(state.variance(bias=True), biased, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(state.std(), np.sqrt(state.variance()))
    assert state.count == np.sum(~np.isnan(x))


def test_columns_have_gaps_of_their_own():
    x = np.random.default_rng(0).normal(size=(300, 4))
    x[np.random.default_rng(1).random(x.shape) < 0.2] = np.nan
    x[:, 3] = np.nan
    state = EmaState(0.95, shape=(4,)).update(x[:10]).update(x[10]).update(x[11:])
    np.testing.assert_allclose(state.mean, ema(x, 0.95)[-1], rtol=1e-13)
    np.testing.assert_allclose(state.variance(), ema_var(x, 0.95)[-1], rtol=1e-12)
    np.testing.assert_array_equal(state.count, (~np.isnan(x)).sum(axis=0))
    assert np.isnan(state.mean[3])


def test_full_covariance():
    x = np.random.default_rng(2).normal(size=(500, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.2], [0, 0, 1]])
    x[17, 1] = np.nan
    rows = np.where(np.isnan(x).any(axis=1, keepdims=True), np.nan, x)  # a row with a gap is a gap as a whole
    state = EmaState(0.97, shape=(3,), covariance="full").update(x[:200]).update(x[200:])
    expected = [[ema_cov(rows[:, i], rows[:, j], 0.97)[-1] for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(state.covariance(), expected, rtol=1e-12)
    np.testing.assert_allclose(state.variance(), np.diag(expected), rtol=1e-12)
    halves = [EmaState(0.97, shape=(3,), covariance="full").update(part) for part in (x[:123], x[123:])]
    np.testing.assert_allclose(halves[0].merge(halves[1]).covariance(), expected, rtol=1e-12)
    assert state.count == 499


def test_constants_are_exact_and_a_long_gap_keeps_two_values():
    assert EmaState(0.9).update(np.full(5000, 0.1)).update([0.1, 0.1]).mean == 0.1
    for gap in (0, 1, 30, 100, 500):
        state = EmaState(Decay(alpha=2 / 3)).update([10.0] + [np.nan] * gap + [12.0])
        assert state.variance() == pytest.approx(2.0, rel=1e-15)


@pytest.mark.parametrize("rows", [100, 3000, 20_000])
def test_however_long_a_gap_something_is_left(rows):
    one, chunk = (EmaState(0.5).update([1.0, 5.0]) for _ in range(2))
    for _ in range(rows):
        one.update(np.nan)
    chunk.update(np.full(rows, np.nan))
    for state in (one, chunk):
        assert state.mean == pytest.approx(11.0 / 3.0, rel=1e-15)
        assert state.variance() == pytest.approx(8.0, rel=1e-15)
        assert np.isfinite(state.update(7.0).variance())


@pytest.mark.parametrize("beta", [0.5, 0.999])
def test_long_chunks_are_the_series_and_the_numbers_one_by_one(beta):
    x = 3.0 + np.random.default_rng(17).normal(size=5000)
    x[[7, 3000]] = np.nan
    chunk, single = EmaState(beta).update(x), EmaState(beta)
    for value in x.tolist():
        single.update(value)
    for state in (chunk, single, chunk.merge(EmaState(beta))):
        assert state.mean == pytest.approx(ema(x, beta)[-1], rel=1e-14)
        assert state.variance() == pytest.approx(ema_var(x, beta)[-1], rel=1e-12)
        assert state.mass == pytest.approx(ema_sum(x, beta, of="counts")[-1], rel=1e-13)
        assert state.sum == pytest.approx(ema_sum(x, beta)[-1], rel=1e-13)
    assert chunk.update(2.0).mean == pytest.approx(single.update(2.0).mean, rel=1e-14)


def test_extremes():
    assert EmaState(0.0).update([1.0, 2.0, 3.0]).mean == 3.0
    assert EmaState(Decay(com=np.inf)).update([1.0, 2.0, 6.0]).mean == pytest.approx(3.0, rel=1e-15)
    assert np.isnan(EmaState(0.9).mean)
    assert np.isnan(EmaState(0.9).update(1.0).variance())
    assert EmaState(0.9).update(1.0).variance(bias=True) == 0.0
    assert EmaState(0.9).update([1.0, np.inf, 2.0]).mean == np.inf
    assert EmaState(0.9).update([]).count == 0
    assert EmaState(0.9).update(np.ones(100_000)).effective_samples == pytest.approx(19.0, rel=1e-12)
    assert EmaState(0.9).update(np.arange(3, dtype=np.float32)).mean == ema([0, 1, 2], 0.9)[-1]


def test_survives_a_dict_and_npz_without_pickle(tmp_path):
    state = EmaState(Decay(alpha=1e-17), shape=(2,), gaps="skip").update([[1.0, np.nan], [2.0, 5.0]])
    np.savez(tmp_path / "state.npz", **state.to_dict())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as arrays:
        back = EmaState.from_dict(dict(arrays))
    assert repr(back) == repr(state)
    assert_same(state, back, rtol=0)
    assert_same(state.update([3.0, 1.0]), back.update([3.0, 1.0]), rtol=1e-15)
    for decay in (Decay(0.2), Decay(com=np.inf), Decay(0.9)):
        assert EmaState.from_dict(EmaState(decay).to_dict()).decay == decay


def test_streams_with_keys_and_dates_survive_npz_without_pickle(tmp_path):
    days = np.arange("2024-01-01", "2024-01-07", dtype="M8[D]")
    state = EmaState(halflife="36h").update(np.arange(6.0), time=days, weight=np.arange(1.0, 7.0), key=list("abbaab"))
    np.savez(tmp_path / "state.npz", **state.to_dict())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as arrays:
        back = EmaState.from_dict(arrays)
    assert list(back.groups) == ["a", "b"]
    for one in (state, back):
        one.update(7.0, time=days[-1], weight=2.0, key="a")
    for key in "ab":
        assert_same(state.groups[key], back.groups[key], rtol=0)
    merged = state.merge(EmaState(halflife="36h").update(1.0, time=days[-1] + np.timedelta64(1, "D"), key="b"))
    assert merged.groups["b"].count == 4


def test_inputs_stay_as_they_are():
    x = np.array([1.0, np.nan, 3.0])
    x.flags.writeable = False
    first, second = EmaState(0.9).update(x), EmaState(0.9).update(x)
    before = first.to_dict(), second.to_dict()
    first.merge(second)
    for old, state in zip(before, (first, second), strict=True):
        for name, value in state.to_dict().items():
            np.testing.assert_array_equal(value, old[name])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: EmaState(1.0), ValueError, r"beta must be in \[0, 1\)"),
        (lambda: EmaState(0.9, gaps="propagate"), ValueError, "gaps must be one of"),
        (lambda: EmaState(0.9, covariance="full"), ValueError, "shape="),
        (lambda: EmaState(0.9).covariance(), ValueError, "covariance='full'"),
        (lambda: EmaState(0.9).update([[1.0]]), ValueError, r"x must be a row of shape \(\)"),
        (lambda: EmaState(0.9, shape=(2,)).update([1.0, 2.0, 3.0]), ValueError, r"got shape \(3,\)"),
        (lambda: EmaState(0.9).update("a"), TypeError, "x must hold"),
        (lambda: EmaState(0.9).update(1j), TypeError, "x must hold"),
        (lambda: EmaState(0.9, gaps="raise").update([1.0, np.nan]), ValueError, "row 1"),
        (lambda: EmaState(0.9).merge(EmaState(0.8)), ValueError, "decay Decay"),
        (lambda: EmaState(0.9).merge(EmaState(0.9, gaps="skip")), ValueError, "gaps 'decay' and 'skip'"),
        (lambda: EmaState(0.9).merge(3), TypeError, "got int"),
        (lambda: EmaState(0.9).update(1).merge(EmaState(0.9).update(1, time=3)), ValueError, "both have times"),
        (lambda: EmaState.from_dict({"numbers": 1.0}), ValueError, "missing: covariance"),
        (
            lambda: EmaState.from_dict(EmaState(0.9).to_dict() | {"numbers": np.ones(2)}),
            ValueError,
            "numbers must have",
        ),
        (lambda: EmaState.from_dict(5), TypeError, "mapping"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_refused_update_changes_nothing():
    state = EmaState(0.9, gaps="raise").update([1.0, 2.0])
    before = repr(state)
    with pytest.raises(ValueError, match="NaN"):
        state.update([5.0, np.nan])
    assert repr(state) == before


@pytest.mark.parametrize("x", [[1.0, np.inf, 2.0], [np.inf, 1.0, -np.inf, 2.0], [1.0, np.nan, -np.inf, np.nan, 3.0]])
def test_infinities_do_not_show_how_the_stream_was_cut(x):
    for cut in range(len(x) + 1):
        state = EmaState(0.5).update(x[:cut]).update(x[cut:])
        np.testing.assert_array_equal(state.mean, ema(x, 0.5)[-1])


def test_a_masked_value_is_a_gap():
    x = np.ma.array([1.0, 100.0], mask=[False, True])
    assert EmaState(0.5).update(x).mean == ema(x, 0.5)[-1] == 1.0

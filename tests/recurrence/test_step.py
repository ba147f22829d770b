"""The step against the weighted sample that it stands for, in exact fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab import Decay, ema, ema_var
from optimlab.recurrence.step import START, State, fade, move, step, weigh
from tests.series.oracle import ENGINES, engine

MANY = settings(deadline=None, derandomize=True, max_examples=150)
ROWS = st.lists(st.tuples(st.floats(-100, 100), st.floats(0.01, 10), st.floats(0.01, 1)), min_size=1, max_size=25)


def sample(rows: list[tuple[float, float, float]]) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Σw, Σwx/Σw, Σw(x-m)²/Σw and 1 - Σw²/(Σw)² of the faded sample."""
    weights: list[Fraction] = []
    for _x, w, q in rows:
        weights = [v * Fraction(q) for v in weights] + [Fraction(w)]
    xs, total = [Fraction(x) for x, _w, _q in rows], sum(weights)
    m = sum(w * x for w, x in zip(weights, xs, strict=True)) / total
    second = sum(w * (x - m) ** 2 for w, x in zip(weights, xs, strict=True)) / total
    return total, m, second, 1 - sum(w * w for w in weights) / total**2


@MANY
@given(ROWS)
def test_steps_are_the_weighted_sample(rows: list[tuple[float, float, float]]) -> None:
    state: State = START
    for x, w, q in rows:
        state, _k, _a, _d, _e = step(state, x, x, q, w, 1.0, 0.0, False)
    mass, _load, mean, _rest, _n, _mean2, _rest2, moment, free = state
    total, m, second, freedom = sample(rows)
    size = max(abs(x) for x, _w, _q in rows)
    assert abs(mass - total) <= 1e-14 * total
    assert abs(mean - m) <= 1e-14 * size
    assert abs(moment - second) <= 1e-13 * size**2
    assert abs(free - freedom) <= 1e-13


@MANY
@given(st.lists(st.one_of(st.none(), st.floats(-100, 100)), min_size=2, max_size=40), st.floats(0.01, 0.99))
def test_series_are_the_weighted_sample_in_both_engines(x: list[float | None], beta: float) -> None:
    values = [float("nan") if v is None else v for v in x]
    seen = [i for i, v in enumerate(x) if v is not None]
    if not seen:
        return
    gaps = [0, *[b - a for a, b in itertools.pairwise(seen)]]
    rows = [(values[i], 1.0, 1.0) for i in seen]
    q = Fraction(beta)
    weights: list[Fraction] = []
    for gap in gaps:
        weights = [w * q**gap for w in weights] + [Fraction(1)]
    total, xs = sum(weights), [Fraction(v) for v, _w, _q in rows]
    m = sum(w * v for w, v in zip(weights, xs, strict=True)) / total
    second = sum(w * (v - m) ** 2 for w, v in zip(weights, xs, strict=True)) / total
    size = max(abs(v) for v, _w, _q in rows)
    for name in ENGINES:
        with engine(name):
            assert abs(ema(values, beta)[-1] - m) <= 1e-14 * size
            assert abs(ema_var(values, beta, bias=True)[-1] - second) <= 1e-13 * size**2


def test_where_the_difference_is_not_finite() -> None:
    inf = float("inf")
    assert move(1.0, 0.0, inf, 0.5, 0.5)[0] == inf
    assert move(inf, 0.0, 1.0, 1.0, 0.0)[0] == 1.0  # nothing is left of it
    assert move(inf, 0.0, 1.0, 1.0, fade(0.5, 1e-300) * 1e-9)[0] == inf
    assert [fade(1e-300, 0.5), fade(0.5, 0.5), fade(0.5, 0.0), fade(0.0, 0.5)] == [1e-300, 0.25, 0.0, 0.0]
    assert weigh(0.0, 0.5, 0.0) == (0.0, 0.0, 0.0)
    assert move(1e308, 0.0, -1e308, 0.5, 0.5)[0] == 0.0
    both = move(inf, 0.0, -inf, 0.5, 0.5)[0]
    assert both != both


@MANY
@given(ROWS, st.sampled_from([0.0, 1.0]), st.sampled_from([1e-200, 1e-3, 1.0, 7.0, 1e200]))
def test_weights_have_no_unit(rows: list[tuple[float, float, float]], floor: float, unit: float) -> None:
    """The mean of v x over the mean of v, from any start, by steps that carry the mean of the weights."""
    state, plain, weights = START, START, START
    for x, v, q in rows:
        fade, share = q, 1.0 - q if floor else 1.0
        state = step(state, x, x, fade, share, unit * v, floor, False)[0]
        plain = step(plain, v * x, v * x, fade, share, 1.0, floor, False)[0]
        weights = step(weights, v, v, fade, share, 1.0, floor, False)[0]
    size = max(abs(x) for x, _v, _q in rows)
    assert abs(state[2] - plain[2] / weights[2]) <= 1e-12 * size


def test_a_huge_past_leaves_no_digit_of_its_own() -> None:
    """Where k is near 1 the mean is taken from the value's side, and what rounding took of the past is forgotten."""
    for name in ENGINES:
        with engine(name):
            for beta in (1e-9, 1e-300):
                exact = (Fraction(beta) ** 2 * 10**20 + Fraction(beta) * 3 + 1) / (
                    1 + Fraction(beta) + Fraction(beta) ** 2
                )
                assert abs(ema([1e20, 3.0, 1.0], beta)[-1] - exact) <= 3e-15 * abs(exact)
    assert ema([5.0, 7.0], Decay(0.0))[-1] == 7.0

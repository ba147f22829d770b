import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimlab import (
    Gradient,
    Mass,
    Optimizer,
    Rule,
    Schedule,
    constant,
    cosine_decay,
    cosine_restarts,
    cosine_wave,
    cyclic,
    exponential_decay,
    inverse_time_decay,
    join,
    linear,
    linear_one_cycle,
    one_cycle,
    piecewise,
    polynomial_decay,
    sgd,
    staircase,
    step_decay,
    warm_up,
)
from tests.public import NAMES

# Values of torch 2.13.0, optax 0.2.8 and keras 3.15.1, as they printed them; the index is ours, k = 0, 1, 2, ...
VALUES = {
    "torch StepLR": (step_decay(1, 0.1, steps=3), [1, 1, 1, 0.1, 0.1, 0.1, 0.01]),
    "torch CosineAnnealingLR up again": (
        cosine_wave(1, steps=4, final=0.1),
        [1, 0.868198, 0.55, 0.231802, 0.1, 0.231802, 0.55],
    ),
    "torch CosineAnnealingWarmRestarts": (
        cosine_restarts(1, steps=3, growth=2),
        [1, 0.75, 0.25, 1, 0.933013, 0.75, 0.5, 0.25, 0.066987, 1],
    ),
    "torch PolynomialLR": (polynomial_decay(1, steps=4, power=2), [1, 0.5625, 0.25, 0.0625, 0, 0]),
    "torch LinearLR": (linear(0.25, steps=4, final=1), [0.25, 0.4375, 0.625, 0.8125, 1]),
    "torch OneCycleLR cosine": (
        one_cycle(0.04, 1, steps=9, rise=2 / 9, final=4e-6),
        [0.04, 0.52, 1, 0.950485, 0.811746, 0.611262, 0.388742, 0.188258, 0.049519, 4e-6],
    ),
    "torch OneCycleLR linear": (
        join(linear(0.04, steps=2, final=1), linear(1, steps=7, final=4e-6), at=2),
        [0.04, 0.52, 1, 0.857143, 0.714287, 0.57143, 0.428574, 0.285717, 0.142861, 4e-6],
    ),
    "torch OneCycleLR three phases": (
        linear_one_cycle(0.04, 1, steps=9, phases=(2 / 9, 4 / 9), final=4e-6),
        [0.04, 0.52, 1, 0.52, 0.04, 0.032001, 0.024002, 0.016002, 0.008003, 4e-6],
    ),
    "torch CyclicLR": (cyclic(0.1, 1, up=2), [0.1, 0.55, 1, 0.55, 0.1, 0.55, 1]),
    "torch CyclicLR triangular2": (cyclic(0.1, 1, up=2, factor=0.5), [0.1, 0.55, 1, 0.55, 0.1, 0.325, 0.55]),
    "optax cosine_onecycle": (
        one_cycle(0.04, 1, steps=10, final=4e-6),
        [0.04, 0.28, 0.76, 1, 0.950485, 0.811746, 0.611262, 0.388742, 0.188258, 0.049519, 4e-6],
    ),
    "optax exponential": (exponential_decay(1, 0.5, steps=2), [1, 0.707107, 0.5, 0.353553]),
    "optax exponential staircase": (step_decay(1, 0.5, steps=2), [1, 1, 0.5, 0.5, 0.25, 0.25]),
    "optax warm-up cosine, decay_steps 8": (
        warm_up(cosine_decay(1, steps=6, final=0.1), steps=2),
        [0, 0.5, 1, 0.939711, 0.775, 0.55, 0.325, 0.160289, 0.1, 0.1],
    ),
    "optax sgdr": (
        join(*[warm_up(cosine_decay(peak, steps=3), steps=1) for peak in (1, 0.5)], at=4),
        [0, 1, 0.75, 0.25, 0, 0.5, 0.375, 0.125, 0],
    ),
    "keras InverseTimeDecay": (inverse_time_decay(1, 0.5, steps=2), [1, 0.8, 0.666667, 0.571429, 0.5]),
    "keras PolynomialDecay": (
        polynomial_decay(1, steps=4, power=2, final=0.1),
        [1, 0.60625, 0.325, 0.15625, 0.1],
    ),
    "keras PolynomialDecay cycle": (
        join(linear(1, steps=4, final=0.1), linear(0.4375, steps=3, final=0.1), linear(0.325, steps=3), at=(5, 9)),
        [1, 0.775, 0.55, 0.325, 0.1, 0.4375, 0.325, 0.2125, 0.1, 0.325],
    ),
    "keras CosineDecayRestarts": (
        cosine_restarts(1, steps=3, growth=2, factor=0.5),
        [1, 0.75, 0.25, 0.5, 0.466506, 0.375, 0.25, 0.125, 0.033494, 0.25],
    ),
    "optax linear_onecycle": (
        linear_one_cycle(100, 1000, steps=10, phases=(0.3, 0.7), final=1),
        [100, 400, 700, 1000, 775, 550, 325, 100, 67, 34, 1, 1],
    ),
    "optax cosine_onecycle, 5 steps": (
        one_cycle(100, 1000, steps=5, rise=0.4, final=1),
        [100, 550, 1000, 750.25, 250.75, 1, 1],
    ),
    "optax piecewise_constant": (piecewise([0.1, 0.2, 0.1], at=[3, 6]), [0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.1, 0.1]),
    "optax piecewise_interpolate": (
        join(linear(200, steps=5, final=300), linear(300, steps=5, final=75), at=5),
        [200, 220, 240, 260, 280, 300, 255, 210, 165, 120, 75, 75],
    ),
}

EVERY = [
    constant(0.3),
    linear(1, steps=7, final=-2),
    polynomial_decay(1, steps=7.5, power=2, final=0.1),
    cosine_decay(1, steps=7, exponent=2),
    cosine_restarts(1, steps=3, growth=1.5, factor=0.5, final=0.1),
    exponential_decay(1, 0.9, steps=3),
    inverse_time_decay(1, 0.5, steps=2),
    staircase(linear(1, steps=9), steps=3),
    step_decay(1, 0.1, steps=5),
    inverse_time_decay(1, 0.5, steps=2, power=0.75),
    cosine_wave(1, steps=7, final=0.1),
    cyclic(0.1, 1, up=2, down=5, factor=0.7),
    cyclic(0.1, 1, up=2, down=5, fade=0.9),
    one_cycle(0.1, 1, steps=20),
    linear_one_cycle(0.1, 1, steps=20),
    piecewise([1, 2, 3], at=[4, 9]),
    warm_up(cosine_decay(1, steps=6), steps=2, initial=0.1),
    join(1.0, linear(1, steps=4), at=3),
    cosine_decay([1, 2, 3], steps=[5, 6, 7]),
    2 * cosine_decay(1, steps=7) * linear(1, steps=9),
    cosine_decay(1, steps=7) * constant([1, 2]) * staircase(0.5 * linear(1, steps=9), steps=3),
    2 * (3 * constant(0.5)),
]


@pytest.mark.parametrize("name", VALUES)
def test_values_of_other_systems(name):
    schedule, expected = VALUES[name]
    np.testing.assert_allclose(schedule(np.arange(len(expected))), expected, rtol=0, atol=6e-7 * max(expected))
    np.testing.assert_allclose([schedule(k) for k in range(len(expected))], expected, rtol=0, atol=6e-7 * max(expected))


def test_cosine_with_an_exponent_to_all_digits():
    k = np.array([0, 10, 50, 75, 100])
    expected = [0.1, 0.09516553580760956, 0.025, 0.0021446612663567066, 0]  # optax in float32
    decay = cosine_decay(0.1, steps=100, exponent=2)
    np.testing.assert_allclose(decay(k), expected, rtol=2e-7, atol=0)
    exact = [0.1 * ((1 + math.cos(math.pi * i / 100)) / 2) ** 2 for i in k.tolist()]
    np.testing.assert_allclose(decay(k), exact, rtol=1e-14, atol=0)
    warm = warm_up(cosine_decay(1.21, steps=50, exponent=2, final=-3), steps=50, initial=0.2)
    np.testing.assert_allclose(warm([0, 10, 50, 75, 100]), [0.2, 0.402, 1.21, -1.9475, -3], rtol=1e-14)


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
class TestEverySchedule:
    def test_an_array_of_indices_gives_the_numbers_of_each_index(self, schedule):
        k = np.arange(40)
        replicas = np.ndim(schedule(0)) > 0
        many = schedule(k[:, None] if replicas else k)
        assert np.array_equal(many, [schedule(int(i)) for i in k])
        assert replicas or all(type(schedule(int(i))) is float for i in k)

    def test_the_repr_rebuilds_it(self, schedule):
        rebuilt = eval(repr(schedule), NAMES.copy())
        assert rebuilt == schedule
        assert hash(rebuilt) == hash(schedule)
        assert repr(rebuilt) == repr(schedule)

    def test_copies_and_pickles_are_equal(self, schedule):
        assert pickle.loads(pickle.dumps(schedule)) == schedule
        assert copy.deepcopy(schedule) == schedule

    def test_equality_sees_every_other_schedule(self, schedule):
        assert sum(schedule == other for other in EVERY) == 1

    def test_calls_do_not_share_memory(self, schedule):
        first = np.asarray(schedule(np.zeros((1, 1))))
        kept = first.copy()
        first += 1
        assert np.array_equal(schedule(np.zeros((1, 1))), kept)


numbers = st.floats(-1e3, 1e3)
lengths = st.integers(1, 1000)


@given(numbers, numbers, lengths, st.floats(0.1, 4))
def test_a_decay_begins_and_ends_exactly_and_stays(initial, final, steps, power):
    for schedule in (
        polynomial_decay(initial, steps=steps, power=power, final=final),
        cosine_decay(initial, steps=steps, exponent=power, final=final),
    ):
        assert schedule(0) == initial
        assert schedule(steps) == schedule(10 * steps) == final


@given(numbers, numbers, lengths)
def test_a_decay_is_monotone_and_stays_between_its_ends(initial, final, steps):
    values = cosine_decay(initial, steps=steps, final=final)(np.arange(steps + 2))
    rounding = 1e-12 * (abs(initial) + abs(final)) + 1e-300
    assert (np.diff(values) * np.sign(final - initial) >= -rounding).all()
    assert values.min() >= min(initial, final) - rounding
    assert values.max() <= max(initial, final) + rounding


@given(st.lists(numbers, min_size=2, max_size=5), st.data())
def test_piecewise_has_the_new_value_at_the_boundary(values, data):
    boundaries = st.lists(lengths, min_size=len(values) - 1, max_size=len(values) - 1, unique=True).map(sorted)
    at = data.draw(boundaries)
    schedule = piecewise(values, at=at)
    assert [schedule(b) for b in at] == values[1:]
    assert [schedule(b - 1) for b in at] == values[:-1]


@given(lengths, st.integers(0, 5000))
def test_warm_up_only_delays_what_follows(steps, k):
    decay = exponential_decay(0.7, 0.3, steps=11)
    warm = warm_up(decay, steps=steps)
    assert warm(k + steps) == decay(k)
    assert warm(0) == 0.0


@given(lengths, st.integers(1, 4), st.floats(0.1, 2), st.integers(0, 12))
def test_each_restart_begins_at_its_first_update(steps, growth, factor, run):
    begin = sum(steps * growth**i for i in range(run))
    schedule = cosine_restarts(1, steps=steps, growth=growth, factor=factor)
    assert schedule(begin) == pytest.approx(factor**run, rel=1e-14)
    if begin and growth > 1 and steps > 1:
        assert schedule(begin - 1) < factor ** (run - 1) * schedule(0)


@pytest.mark.parametrize("growth", [1, 2, 3, 5, 6, 7, 10])
def test_a_restart_is_not_missed_by_a_rounding(growth):
    """Where the quotient of logarithms is just below a whole number, as log 243 / log 3 is."""
    for run in range(14):
        begin = sum(growth**i for i in range(run))
        assert cosine_restarts(1, steps=1, growth=growth, factor=0.5)(begin) == 0.5**run


def test_defaults():
    k = np.arange(30)
    for short, long in (
        (linear(1, steps=9), linear(1, steps=9, final=0)),
        (polynomial_decay(1, steps=9), polynomial_decay(1, steps=9, power=1, final=0)),
        (cosine_decay(1, steps=9), cosine_decay(1, steps=9, exponent=1, final=0)),
        (exponential_decay(1, 0.5), exponential_decay(1, 0.5, steps=1)),
        (inverse_time_decay(1, 0.5), inverse_time_decay(1, 0.5, steps=1)),
        (cosine_restarts(1, steps=4), cosine_restarts(1, steps=4, growth=1, factor=1, final=0)),
        (cyclic(0, 1, up=3), cyclic(0, 1, up=3, down=3, factor=1)),
        (one_cycle(0.1, 1, steps=20), one_cycle(0.1, 1, steps=20, final=0, rise=0.3)),
        (linear_one_cycle(0.1, 1, steps=20), linear_one_cycle(0.1, 1, steps=20, final=0, phases=(0.3, 0.85))),
        (warm_up(1.0, steps=4), warm_up(1.0, steps=4, initial=0)),
    ):
        assert np.array_equal(short(k), long(k))


def test_a_phase_may_last_one_update():
    assert one_cycle(0.5, 1, steps=3, rise=1 / 3)(np.arange(5)).tolist() == [0.5, 1.0, 0.5, 0.0, 0.0]
    assert one_cycle(0.5, 1, steps=2, rise=0.5)(np.arange(4)).tolist() == [0.5, 1.0, 0.0, 0.0]
    assert linear_one_cycle(0.5, 1, steps=3, phases=(0.4, 0.6))(np.arange(5)).tolist() == [0.5, 1.0, 0.5, 0.0, 0.0]
    for rise in (0.24, 0.76):
        with pytest.raises(ValueError, match=f"each phase must last at least one update; got rise={rise} of steps=2"):
            one_cycle(0.5, 1, steps=2, rise=rise)


@given(st.floats(1.01, 3), lengths, st.integers(0, 10**6))
def test_the_part_of_a_run_is_in_the_unit_interval(growth, steps, k):
    from optimlab.schedules.cycles import _run

    run, x = _run(k / steps, growth)
    assert -1e-12 <= x <= 1
    assert run == int(run) >= 0


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 6))
def test_cyclic_is_low_at_every_period_and_high_at_every_peak(up, down, cycle):
    schedule = cyclic(0.25, 4, up=up, down=down)
    assert schedule(cycle * (up + down)) == 0.25
    assert schedule(cycle * (up + down) + up) == 4.0


def test_parameters_of_replicas_are_the_schedules_of_each():
    rates, steps = [0.1, 0.2, 0.4], [3, 5, 8]
    batch = warm_up(cosine_decay(rates, steps=steps), steps=2)
    singles = [warm_up(cosine_decay(r, steps=s), steps=2) for r, s in zip(rates, steps, strict=True)]
    for k in range(12):
        assert np.array_equal(batch(k), [single(k) for single in singles])
    own = np.array([0, 3, 9])  # replicas that have skipped updates of their own
    assert np.array_equal(batch(own), [single(int(k)) for single, k in zip(singles, own, strict=True)])


def test_an_exponent_of_2_has_the_bits_of_a_replica_with_it():
    for make in (polynomial_decay, lambda i, steps, power: cosine_decay(i, steps=steps, exponent=power)):
        batch, single = make(0.3, steps=[37, 37], power=[2.0, 2.5]), make(0.3, steps=37, power=2.0)
        assert all(batch(k)[0] == single(k) == single(float(k)) for k in range(40))
    decay = exponential_decay(1, 0.1)
    assert [decay(float(k)) for k in range(9)] == decay(np.arange(9)).tolist()


def test_what_a_schedule_returns_may_be_written_to():
    schedule = cosine_decay([1, 2], steps=5)
    for k in (3, np.arange(2)):
        kept = schedule(k).copy()
        schedule(k)[...] = 7
        assert np.array_equal(schedule(k), kept)


def test_the_limit_of_a_decay_is_its_end():
    for schedule in (cosine_decay(1, steps=5, final=0.25), join(9.0, lambda k: 2.0 if k < 5 else 0.25, at=3)):
        assert schedule(np.inf) == 0.25


def test_join_takes_any_function_of_k():
    schedule = join(lambda k: 2.0 * k, lambda k: -k, at=3)
    assert schedule(np.arange(6)).tolist() == [0, 2, 4, 0, -1, -2]


def test_a_schedule_is_a_value():
    schedule = cosine_decay(1, steps=5)
    assert isinstance(schedule, Schedule)
    with pytest.raises(AttributeError):
        schedule.args = ()
    assert cosine_decay(1, steps=5) != polynomial_decay(1, steps=5)
    assert repr(linear(1, steps=3)) == "polynomial_decay(1.0, steps=3)"
    assert repr(constant([1, 2])) == "constant((1.0, 2.0))"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: cosine_decay(1, steps=0), ValueError, r"steps must be in \(0, 1e300\]; got 0.0"),
        (lambda: cosine_decay(1, steps=float("nan")), ValueError, r"steps must be in \(0, 1e300\]; got nan"),
        (lambda: cyclic(0, 1, up=1.7e308), ValueError, r"up must be in \(0, 1e300\]; got 1.7e\+308"),
        (lambda: cyclic(0, 1, up=3, down=[1, 1e301]), ValueError, r"down must be in \(0, 1e300\]; got 1e\+301"),
        (lambda: cosine_decay(float("inf"), steps=3), ValueError, "initial must be a finite number; got inf"),
        (lambda: constant("fast"), TypeError, "value must be a finite number; got 'fast'"),
        (lambda: constant([]), ValueError, "value must be a number or one number for each replica; got shape"),
        (lambda: exponential_decay(1, -0.5), ValueError, "rate must be at least 0 and finite; got -0.5"),
        (lambda: polynomial_decay(1, steps=3, power=0), ValueError, "power must be greater than 0"),
        (lambda: cosine_restarts(1, steps=3, growth=0.5), ValueError, "growth must be at least 1"),
        (lambda: join(1.0, 2.0, at=[3, 4]), ValueError, "at must have one number fewer than there are schedules, 2"),
        (lambda: join(1.0, 2.0, 3.0, at=[4, 4]), ValueError, r"at must increase; got \[4, 4\]"),
        (lambda: one_cycle(1, 2, steps=3, rise=0.01), ValueError, "each phase must last at least one update"),
        (lambda: one_cycle(1, 2, steps=2.5), TypeError, "steps must be a whole number of at least 2; got 2.5"),
        (lambda: one_cycle(1, 2, steps=9, rise=1), ValueError, r"rise must be in \(0, 1\); got 1"),
        (lambda: linear_one_cycle(1, 2, steps=9, phases=(0.9, 0.1)), ValueError, "each phase must last"),
        (lambda: cosine_decay([1, 2], steps=[1, 2, 3]), ValueError, "broadcast"),
        (lambda: cosine_decay(1), TypeError, "steps"),
        (lambda: constant(1)(-1), ValueError, r"k must be at least 0 \(updates count from k = 0\); got -1"),
        (lambda: constant(1)([0, np.nan]), ValueError, "k must be at least 0"),
        (lambda: constant(1)("a"), TypeError, "k must be at least 0 .*; got 'a'"),
        (lambda: constant(1)(True), TypeError, "k must be at least 0 .*; got True"),
    ],
)
def test_errors_say_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20), st.integers(0, len(EVERY) - 1))
def test_the_value_does_not_depend_on_what_was_asked_before(indices, which):
    schedule = EVERY[which]
    fresh = eval(repr(schedule), NAMES.copy())
    for k in indices:
        assert np.array_equal(schedule(k), eval(repr(fresh), NAMES.copy())(k))
        assert np.array_equal(schedule(k), schedule(np.int64(k)))
        assert np.array_equal(schedule(k), schedule(float(k)))


def test_a_value_may_overflow_where_nobody_looks():
    assert exponential_decay(1, 10)(300) == 1e300
    assert exponential_decay(1, 10)(400) == np.inf


RATES = (0.4, 0.3, 0.2, 0.1)


def table(k):
    """A function of k that takes no arrays, wants whole indices, and ends with the run."""
    return RATES[k] if k >= 0 else None


def falling(k):
    return [0.1 * k, 0.5] if k < 3 else [0.0, 0.25]


PLAIN = {
    "join": (join(lambda k: 0.1 if k < 5 else 0.01, 0.5, at=[9]), [0.1] * 5 + [0.01] * 4 + [0.5] * 2),
    "join of tables": (join(table, 1.0, table, at=[4, 6]), [0.4, 0.3, 0.2, 0.1, 1.0, 1.0, 0.4, 0.3, 0.2, 0.1]),
    "staircase": (staircase(table, steps=3), [0.4, 0.4, 0.4, 0.1, 0.1, 0.1]),
    "warm_up": (warm_up(table, steps=2), [0.0, 0.2, 0.4, 0.3, 0.2, 0.1]),
    "product": (2 * (linear(1.0, steps=2, final=2.0) * table), [0.8, 0.9, 0.8, 0.4]),
    "product of products": (staircase(table * constant(0.5), steps=2) * 4, [0.8, 0.8, 0.4, 0.4]),
}


@pytest.mark.parametrize("name", PLAIN)
def test_functions_of_k_that_take_no_arrays(name):
    schedule, expected = PLAIN[name]
    np.testing.assert_allclose([schedule(k) for k in range(len(expected))], expected, rtol=1e-15)
    np.testing.assert_allclose(schedule(np.arange(len(expected))), expected, rtol=1e-15)
    np.testing.assert_allclose(schedule(np.arange(2)[:, None]), np.reshape(expected[:2], (2, 1)), rtol=1e-15)
    assert all(type(schedule(k)) is float for k in range(2))
    assert "function" in repr(schedule)
    assert pickle.loads(pickle.dumps(join(table, 1.0, at=4))) == join(table, 1.0, at=4)
    assert hash(join(table, 1.0, at=4)) == hash(join(table, 1.0, at=4))


def test_functions_of_k_that_return_one_number_for_each_replica():
    schedule = join(falling, [1.0, 2.0], at=9)
    for k in range(12):
        assert schedule(k).tolist() == (falling(k) if k < 9 else [1.0, 2.0])
    assert schedule(np.arange(12)[:, None]).tolist() == [falling(k) for k in range(9)] + [[1.0, 2.0]] * 3
    assert schedule([1, 4]).tolist() == [0.1, 0.25]  # replicas that have skipped updates of their own
    assert schedule([[1, 4], [2, 2], [9, 0]]).tolist() == [[0.1, 0.25], [0.2, 0.5], [1.0, 0.5]]


def test_functions_of_k_get_whole_numbers_where_they_are():
    asked = []
    schedule = join(lambda k: asked.append(k) or 1.0, 0.0, at=9)
    schedule([2, 2.5])
    assert asked[-2:] == [2, 2.5]
    assert type(asked[-2]) is int
    with pytest.raises(IndexError):
        join(table, 1.0, at=7)(5)
    assert join(lambda k: [0.5][k], lambda k: [0.25, 0.125][k], at=1)([0, 1, 2]).tolist() == [0.5, 0.25, 0.125]


class TestProducts:
    a, b = cosine_decay(1.0, steps=7), linear(1.0, steps=9, final=3.0)

    def test_it_is_the_product_of_the_values(self):
        k = np.arange(12)
        for found, expected in (
            (self.a * self.b, self.a(k) * self.b(k)),
            (self.a * 2, self.a(k) * 2),
            (2 * self.a, 2 * self.a(k)),
            (np.float64(0.5) * self.a, 0.5 * self.a(k)),
            (self.a * self.b * self.a, self.a(k) * self.b(k) * self.a(k)),
            ((lambda k: 1.0 + k) * self.a, (1.0 + k) * self.a(k)),
        ):
            assert isinstance(found, Schedule)
            assert np.array_equal(found(k), expected)
            assert [found(int(i)) for i in k] == expected.tolist()

    def test_replicas_broadcast(self):
        k = np.arange(12)
        for found in (self.a * [1.0, 2.0], (1.0, 2.0) * self.a, np.array([1.0, 2.0]) * self.a):
            assert np.array_equal(found(k[:, None]), self.a(k[:, None]) * [1.0, 2.0])
            assert np.array_equal([found(int(i)) for i in k], self.a(k[:, None]) * [1.0, 2.0])
        with pytest.raises(ValueError, match="broadcast"):
            self.a * [1.0, 2.0] * [1.0, 2.0, 3.0]

    def test_it_is_associative(self):
        assert (self.a * self.b) * 2 == self.a * (self.b * 2)
        assert self.a * self.b != self.b * self.a

    def test_rules_multiply_by_themselves(self):
        for rule in (self.a * Gradient(), Gradient() * self.a, (2 * self.a) * Gradient()):
            assert isinstance(rule, Rule)
        w, v = np.ones(2), np.ones(2)
        product, plain = Optimizer(self.a * Gradient(), 0.1), Optimizer(sgd(), 0.1 * self.a)
        for k in range(5):
            product.step(w, np.full(2, 1.0 + k))
            plain.step(v, np.full(2, 1.0 + k))
        np.testing.assert_allclose(w, v, rtol=1e-14)

    @pytest.mark.parametrize(
        ("other", "error", "message"),
        [
            (None, TypeError, "unsupported operand"),
            (1j, TypeError, "unsupported operand"),
            ("a", TypeError, "value must be a finite number; got 'a'"),
            (True, TypeError, "value must be a finite number; got True"),
            (np.inf, ValueError, "value must be a finite number; got inf"),
        ],
    )
    def test_what_is_no_factor(self, other, error, message):
        for multiply in (lambda: self.a * other, lambda: other * self.a):
            with pytest.raises(error, match=message):
                multiply()


RANGES = {
    "finite": (ValueError, [np.inf, -np.inf, np.nan, [1.0, np.nan]]),
    "positive": (ValueError, [0.0, -1.0, np.inf, np.nan, [1.0, 0.0]]),
    "not negative": (ValueError, [-1e-9, np.inf, np.nan]),
    "growth": (ValueError, [0.99, np.inf, np.nan]),
    "kind": (TypeError, ["a", True, None, 1j, lambda k: 1.0]),
}


@pytest.mark.parametrize(
    ("make", "name", "allowed", "edge"),
    [
        (constant, "value", "finite", -1.0),
        (lambda x: polynomial_decay(x, steps=3), "initial", "finite", -1.0),
        (lambda x: polynomial_decay(1.0, steps=3, final=x), "final", "finite", -1.0),
        (lambda x: polynomial_decay(1.0, steps=x), "steps", "positive", 0.5),
        (lambda x: polynomial_decay(1.0, steps=3, power=x), "power", "positive", 0.5),
        (lambda x: cosine_decay(x, steps=3), "initial", "finite", -1.0),
        (lambda x: cosine_decay(1.0, steps=3, final=x), "final", "finite", -1.0),
        (lambda x: cosine_decay(1.0, steps=x), "steps", "positive", 0.5),
        (lambda x: cosine_decay(1.0, steps=3, exponent=x), "exponent", "positive", 0.5),
        (lambda x: exponential_decay(x, 0.5), "initial", "finite", -1.0),
        (lambda x: exponential_decay(1.0, x), "rate", "not negative", 0.0),
        (lambda x: exponential_decay(1.0, 0.5, steps=x), "steps", "positive", 0.5),
        (lambda x: inverse_time_decay(x, 0.5), "initial", "finite", -1.0),
        (lambda x: inverse_time_decay(1.0, x), "rate", "not negative", 0.0),
        (lambda x: inverse_time_decay(1.0, 0.5, steps=x), "steps", "positive", 0.5),
        (lambda x: staircase(constant(1.0), steps=x), "steps", "positive", 0.5),
        (lambda x: cosine_restarts(x, steps=3), "initial", "finite", -1.0),
        (lambda x: cosine_restarts(1.0, steps=3, final=x), "final", "finite", -1.0),
        (lambda x: cosine_restarts(1.0, steps=x), "steps", "positive", 0.5),
        (lambda x: cosine_restarts(1.0, steps=3, growth=x), "growth", "growth", 1.0),
        (lambda x: cosine_restarts(1.0, steps=3, factor=x), "factor", "not negative", 0.0),
        (lambda x: cyclic(x, 1.0, up=2), "low", "finite", -1.0),
        (lambda x: cyclic(0.0, x, up=2), "high", "finite", -1.0),
        (lambda x: cyclic(0.0, 1.0, up=x), "up", "positive", 0.5),
        (lambda x: cyclic(0.0, 1.0, up=2, down=x), "down", "positive", 0.5),
        (lambda x: cyclic(0.0, 1.0, up=2, factor=x), "factor", "not negative", 0.0),
        (lambda x: join(1.0, 2.0, at=x), "at", "positive", 0.5),
    ],
)
def test_each_parameter_has_its_range(make, name, allowed, edge):
    make(edge)
    for kind in (allowed, "kind"):
        error, wrong = RANGES[kind]
        for number in wrong:
            with pytest.raises(error, match=f"^{name} must be "):
                make(number)


@pytest.mark.parametrize(
    "made",
    [
        cyclic(0.0, 1.0, up=1e300),
        cyclic(0.0, 1.0, up=1e300, down=[1e300, 1e299]),
        cosine_restarts(0.0, steps=1e300, growth=1e300, final=1.0),
        cosine_decay(0.0, steps=1e300, final=1.0),
        exponential_decay(0.0, 0.5, steps=1e300),
        staircase(constant(0.0), steps=1e300),
    ],
)
def test_the_longest_that_is_allowed_has_barely_begun(made):
    for k in (0, 1, 1000, np.arange(3.0)[:, np.newaxis]):
        assert np.abs(made(k)).max() < 1e-290


def test_what_is_pickled_of_a_correction_does_not_depend_on_its_use():
    mass = Mass(0.9)
    before = pickle.dumps(mass)
    assert mass(0) > 0.0
    assert pickle.dumps(mass) == before

"""A traced program does what the function does, to the last bit, or there is none."""

from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import Ema, Rule, adam
from optimlab.engine.program import traced
from optimlab.engine.tiles import TileEngine
from optimlab.optimizer import Optimizer
from tests.engine.laws import RULES


def arrays(count, dtype=np.float64, seed=0):
    return list(np.random.default_rng(seed).standard_normal((count, 7)).astype(dtype))


def done(program, inputs):
    """Run a program on copies and return what has become of them."""
    copies = [np.array(x) for x in inputs]
    for call in program.bind(copies, [np.empty_like(copies[0]) for _ in range(program.buffers)]):
        call()
    return copies


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_a_program_has_the_bits_of_the_formula(name, dtype):
    rule, (g, w) = RULES[name], arrays(2, dtype)
    state = [np.abs(x) for x in arrays(len(rule.slots), dtype, seed=1)]
    c = [np.asarray(number, dtype) for number in rule.coefficients(3)]
    formula, slots = rule.compose(), len(state)

    def step(g, w, *rest):
        y, new = formula(g, w, rest[:slots], rest[slots:])
        return w - y, *new

    program = traced(step, 2 + slots, len(c), dtype)
    with np.errstate(all="ignore"):
        found, expected = done(program, (g, w, *state, *c))[1 : 2 + slots], step(g, w, *state, *c)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(found, expected, strict=True))


def test_calls_whose_result_nobody_wants_are_left_out():
    program = traced(lambda g, w: (np.sqrt(w), w + g)[1:], 2, 0, np.float64)
    assert [call[0] for call in program.calls] == [np.add]
    assert program.buffers == 0


def test_the_old_value_is_read_before_it_is_overwritten():
    g, w, s = arrays(3)
    program = traced(lambda g, w, s: (w - (g + s), s * g), 3, 0, np.float64)
    later = traced(lambda g, w, s: (w * g, (w * g) + w), 3, 0, np.float64)  # w is wanted after its successor is known
    assert np.array_equal(done(program, (g, w, s))[1:], [w - (g + s), s * g])
    assert np.array_equal(done(later, (g, w, s))[1:], [w * g, (w * g) + w])


def test_one_value_may_become_two_states_and_an_input_a_state():
    g, w, s, r = arrays(4)

    def both(g, w, s, r):
        m = s + g
        return w - m, m, m

    copied = traced(lambda g, w, s: (w - s, g), 3, 0, np.float64)
    assert np.array_equal(done(traced(both, 4, 0, np.float64), (g, w, s, r))[1:], [w - (s + g), s + g, s + g])
    assert np.array_equal(done(copied, (g, w, s))[1:], [w - s, g])


def test_a_state_that_stays_costs_nothing():
    program = traced(lambda g, w, s: (w - g, s), 3, 0, np.float64)
    assert len(program.calls) == 1
    assert program.copies == ()


REFUSED = {
    "if": lambda g, w: (w if g > 0 else g,),
    "where": lambda g, w: (np.where(g > 0, w, g),),
    "power": lambda g, w: (w - g**2,),
    "reduction": lambda g, w: (w - np.add.reduce(g),),
    "float": lambda g, w: (w - float(g),),
    "array": lambda g, w: (w - np.array([1.0, 2.0]),),
    "promotion": lambda g, w: (w - np.float64(2.0) * g,),
    "comparison": lambda g, w: (w * (g > 0),),
    "index": lambda g, w: (w[:1],),
    "out": lambda g, w: (np.add(g, w, out=w),),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_call_of_a_ufunc_has_no_program(name):
    assert traced(REFUSED[name], 2, 0, np.float32) is None


def test_states_that_change_places_have_no_program():
    assert traced(lambda g, w, s, r: (w - g, r, s), 4, 0, np.float64) is None


def test_numbers_of_the_formula_itself_keep_the_dtype():
    g, w = arrays(2, np.float32)
    program = traced(lambda g, w: (w - 0.1 * g,), 2, 0, np.float32)
    assert np.array_equal(done(program, (g, w))[1], w - 0.1 * g)


def test_a_segment_is_bound_once_and_still_follows_its_numbers(monkeypatch):
    bound = []
    monkeypatch.setattr(TileEngine, "_fixed", lambda *a, f=TileEngine._fixed: bound.append(1) or f(*a))
    w, rates = [np.ones(3), np.ones(2)], []
    optimizer = Optimizer(adam(), lambda k: 0.1 / (k + 1), engine="numpy", average=Ema(0.5))
    for _ in range(4):
        before = w[0].copy()
        optimizer.step(w, [np.ones(3), np.ones(2)])
        rates.append((before - w[0])[0])
    assert len(bound) == 1
    np.testing.assert_allclose(rates, [0.1, 0.1 / 2, 0.1 / 3, 0.1 / 4], rtol=1e-6)


@dataclass(frozen=True)
class Factor(Rule):
    """A formula that is a method: it reads its own fields."""

    factor: float

    def formula(self, x, w, state, c):
        return self.factor * x, state


@dataclass(frozen=True)
class Powers(Rule):
    """As many slots and numbers as it is told."""

    count: int

    @property
    def slots(self):
        return tuple(f"m{i}" for i in range(self.count))

    def coefficients(self, t):
        return (0.5,) * self.count

    @staticmethod
    def formula(x, w, state, c):
        new = tuple([b * m + x for m, b in zip(state, c, strict=True)])
        return new[-1], new


@pytest.mark.parametrize(("first", "second"), [(Factor(0.5), Factor(0.25)), (Powers(1), Powers(3))], ids=str)
def test_rules_of_one_class_do_not_share_a_program_that_differs(first, second):
    for rule in (first, second):
        w = np.zeros(3)
        optimizer, state = Optimizer(rule, 1.0, engine="numpy"), tuple(np.zeros(3) for _ in rule.slots)
        optimizer.step(w, np.ones(3))
        assert np.array_equal(-w, rule.formula(np.ones(3), w, state, rule.coefficients(1))[0])


def test_a_number_of_the_formula_may_become_a_state():
    g, w, s = arrays(3)
    program = traced(lambda g, w, s: (w - g, 0.5), 3, 0, np.float64)
    assert np.array_equal(done(program, (g, w, s))[1:], [w - g, np.full(7, 0.5)])


def test_whatever_fails_on_symbols_has_no_program():
    def known(g, w):
        return ({np.ndarray: w - g}[type(g)],)  # KeyError

    assert traced(known, 2, 0, np.float64) is None

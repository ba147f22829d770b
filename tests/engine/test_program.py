"""A traced program does what the function does, to the last bit, or says why there is none."""

import numpy as np
import pytest

from optimlab import Ema, adam
from optimlab.engine.program import stepped, traced
from optimlab.engine.tiles import TileEngine
from optimlab.notation.symbols import UntraceableError
from optimlab.optimizer import Optimizer
from tests.engine.grown import grown
from tests.engine.laws import RULES, equal


def arrays(count, dtype=np.float64, seed=0):
    return list(np.random.default_rng(seed).standard_normal((count, 7)).astype(dtype))


def done(program, inputs):
    """Run a program on copies and return what has become of them."""
    copies = [np.array(x) for x in inputs]
    with np.errstate(all="ignore"):
        for call in program.bind(copies, [np.empty_like(copies[0], kind) for kind in program.buffers]):
            call()
    return copies


GROWN = {f"grown {seed}": grown(seed) for seed in range(40)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*RULES, *GROWN])
def test_a_program_has_the_bits_of_the_formula(name, dtype):
    rule, (g, w) = (RULES | GROWN)[name], arrays(2, dtype)
    g[0], w[1] = 0.0, -0.0
    state = [np.abs(x) for x in arrays(len(rule.slots), dtype, seed=1)]
    c = [np.asarray(number, dtype) for number in rule.coefficients(3)]
    half, lr = np.asarray(0.5, dtype), np.asarray(0.1, dtype)
    with np.errstate(all="ignore"):
        step, new = rule.displacement()(lr, half * g, w, tuple(state), tuple(c))
        expected = [w - step, *[np.broadcast_to(s, g.shape) for s in new]]
    found = done(stepped(rule, None, dtype)[0], (g, w, *state, half, lr, *c))
    assert equal(found[0], g)
    assert all(equal(a, b) for a, b in zip(found[1 : 2 + len(state)], expected, strict=True))


def test_calls_whose_result_nobody_wants_are_left_out():
    program = traced(lambda g, w: (np.sqrt(w), w + g)[1:], 2, 0, np.float64)
    assert [call[0] for call in program.calls] == [np.add]
    assert program.buffers == ()


def test_the_old_value_is_read_before_it_is_overwritten():
    g, w, s = arrays(3)
    program = traced(lambda g, w, s: (w - (g + s), s * g), 3, 0, np.float64)
    later = traced(lambda g, w, s: (w * g, (w * g) + w), 3, 0, np.float64)  # w is wanted after its successor is known
    assert np.array_equal(done(program, (g, w, s))[1:], [w - (g + s), s * g])
    assert np.array_equal(done(later, (g, w, s))[1:], [w * g, (w * g) + w])


def test_a_state_is_read_right_after_its_successor_is_known():
    def change(g, w, s):
        m = 0.5 * s + g
        return w - (m - s), m

    g, w, s = arrays(3)
    assert np.array_equal(done(traced(change, 3, 0, np.float64), (g, w, s))[1:], change(g, w, s))


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


def test_no_call_and_no_buffer_is_wasted():
    update, follow = stepped(adam(), Ema(0.9), np.float32)
    assert (len(update.calls), len(update.buffers), update.copies) == (13, 2, ())
    assert (len(follow.calls), len(follow.buffers), follow.copies) == (3, 1, ())
    chain = traced(lambda g, w: (w - abs(np.sqrt(abs(np.sqrt(abs(g))))),), 2, 0, np.float32)
    assert (len(chain.calls), len(chain.buffers)) == (6, 1)


@pytest.mark.parametrize("moved", [lambda r, s, u: (s, r, u), lambda r, s, u: (s, u, r), lambda r, s, u: (u, u, r + s)])
def test_states_may_change_places(moved):
    given = arrays(5)
    program = traced(lambda g, w, *rest: (w - g, *moved(*rest)), 5, 0, np.float64)
    assert np.array_equal(done(program, given)[2:], moved(*given[2:]))


def test_numbers_of_the_formula_itself_keep_the_dtype():
    g, w = arrays(2, np.float32)
    program = traced(lambda g, w: (w - 0.1 * g,), 2, 0, np.float32)
    assert np.array_equal(done(program, (g, w))[1], w - 0.1 * g)


def test_a_number_of_the_formula_may_become_a_state():
    g, w, s = arrays(3)
    program = traced(lambda g, w, s: (w - g, 0.5), 3, 0, np.float64)
    assert np.array_equal(done(program, (g, w, s))[1:], [w - g, np.full(7, 0.5)])


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.0, 3])
def test_a_power_has_the_bits_of_numpys(exponent):
    g, w = arrays(2)
    program = traced(lambda g, w: (abs(g) ** exponent + 2.0**w,), 2, 0, np.float64)
    assert np.array_equal(done(program, (g, w))[1], abs(g) ** exponent + 2.0**w)


TRUE_OR_FALSE = {
    "product": lambda g, w: (w * (g > 0),),
    "difference": lambda g, w: (w - (g > 0),),
    "state": lambda g, w: (g > w,),
    "and": lambda g, w: (np.where((g > 0) & (w > 0), g, w),),
    "or": lambda g, w: (np.where((g > 0) | (w > 0), g, w),),
    "either": lambda g, w: (np.where((g > 0) ^ (w > 0), g, w),),
    "not": lambda g, w: (np.where(~(g > 0), g, w),),
    "sum of marks": lambda g, w: (w * ((g > 0) + (w > 0)),),
    "product of marks": lambda g, w: (w * ((g > 0) * (w > 0)),),
    "and, by name": lambda g, w: (np.where(np.logical_and(g > 0, w > 0), g, w),),
    "either, by name": lambda g, w: (np.where(np.logical_xor(g, w > 0), g, w),),
    "not, by name": lambda g, w: (np.where(np.logical_not(g - g), g, w),),
    "greatest mark": lambda g, w: (w * np.maximum(g > 0, w > 0),),
    "of numbers": lambda g, w: (w * np.logical_and(g, w - w),),
    "choice by a number": lambda g, w: (np.where(g, w, 2.0),),
    "chosen mark": lambda g, w: (w * np.where(g > 0, w > 0, g < w),),
    "finite": lambda g, w: (np.where(np.isfinite(1 / (g - g)), g, w),),
    "sign": lambda g, w: (np.where(np.signbit(-g), g, w),),
    "equal": lambda g, w: (np.where(g == w, g, np.where(g != g, g, -w)),),
    "two literals": lambda g, w: (w * np.where(g > 0, 1.0, -2.0),),
}


@pytest.mark.parametrize("name", TRUE_OR_FALSE)
def test_comparisons_and_choices_are_part_of_a_program(name):
    function, (g, w) = TRUE_OR_FALSE[name], arrays(2)
    with np.errstate(all="ignore"):
        assert np.array_equal(done(traced(function, 2, 0, np.float64), (g, w))[1], function(g, w)[0])


def test_numbers_and_marks_have_buffers_of_their_own():
    def function(g, w):
        turned = g > w
        product = g * w
        return (np.where(turned, product, np.where(product < g, w, product + g)),)

    program = traced(function, 2, 0, np.float32)
    assert {np.dtype(bool), np.dtype(np.float32)} == set(program.buffers)
    g, w = arrays(2, np.float32)
    assert np.array_equal(done(program, (g, w))[1], function(g, w)[0])


REFUSED = {
    "if": (lambda g, w: (w if g > 0 else g,), "branch"),
    "max": (lambda g, w: (max(g, w),), "branch"),
    "chained": (lambda g, w: (np.where(0 < g < 1, g, w),), "branch"),
    "power": (lambda g, w: (w - g**w,), r"\*\* has an exponent that is no plain number"),
    "reduction": (lambda g, w: (w - np.add.reduce(g),), "np.add is not just called .* reduce"),
    "float": (lambda g, w: (w - float(g),), "float"),
    "array": (lambda g, w: (w - np.array([1.0, 2.0]),), "neither an argument nor a plain number"),
    "made an array": (lambda g, w: (np.asarray(g),), "made an array"),
    "promotion": (lambda g, w: (w - np.float64(2.0) * g,), r"np.float64\(2.0\) is neither .* float\(x\)"),
    "mark": (lambda g, w: (w * True,), "True is neither"),
    "integer": (lambda g, w: (np.bitwise_count(g > 0),), "bitwise_count"),
    "index": (lambda g, w: (w[:1],), "not subscriptable"),
    "out": (lambda g, w: (np.add(g, w, out=w),), "np.add is not just called .* out"),
    "in place": (lambda g, w: (w.__imul__(g),), "np.multiply is not just called .* out"),
    "two results": (lambda g, w: (np.frexp(g)[0],), "np.frexp is not just called"),
    "function": (lambda g, w: (np.linalg.norm(g),), "norm"),
    "method": (lambda g, w: (w - g.mean(),), "no attribute 'mean'"),
    "condition alone": (lambda g, w: (np.where(g > 0)[0],), "where is no ufunc"),
    "wider": (lambda g, w: (np.float_power(g, w),), "np.float_power computes in float64"),
    "too many": (lambda g, w: (w, g), "longer"),
    "table": (lambda g, w: ({np.ndarray: w - g}[type(g)],), "KeyError"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_call_of_a_ufunc_has_no_program_and_says_why(name):
    function, reason = REFUSED[name]
    with pytest.raises(UntraceableError, match=reason):
        traced(function, 2, 0, np.float32)


def test_a_number_of_the_parameters_dtype_is_none_of_these():
    g, w = arrays(2, np.float32)
    program = traced(lambda g, w: (w - np.float32(0.1) * g,), 2, 0, np.float32)
    assert np.array_equal(done(program, (g, w))[1], w - np.float32(0.1) * g)


def test_programs_are_equal_if_all_bits_are():
    def program(number, dtype=np.float32, operation=np.add):
        return traced(lambda g, w: (operation(w, number * g),), 2, 0, dtype)

    assert program(0.5) == program(0.5)
    assert hash(program(0.5)) == hash(program(0.5))
    assert program(np.nan) == program(np.nan)
    different = [
        program(0.5),
        program(0.0),
        program(-0.0),
        program(0.5, np.float64),
        program(0.5, operation=np.multiply),
    ]
    assert len(set(different)) == len(different)


def test_a_segment_is_bound_once_and_still_follows_its_numbers(monkeypatch):
    bound = []
    monkeypatch.setattr(TileEngine, "_bound", lambda *a, f=TileEngine._bound: bound.append(1) or f(*a))
    w, rates = [np.ones(3), np.ones(2)], []
    optimizer = Optimizer(adam(), lambda k: 0.1 / (k + 1), engine="numpy", average=Ema(0.5))
    for _ in range(4):
        before = w[0].copy()
        optimizer.step(w, [np.ones(3), np.ones(2)])
        rates.append((before - w[0])[0])
    assert len(bound) == 1
    np.testing.assert_allclose(rates, [0.1, 0.1 / 2, 0.1 / 3, 0.1 / 4], rtol=1e-6)


def test_a_factor_on_the_gradients_has_a_program_of_its_own():
    class Doubled:
        def before(self, step):
            step.scale = 2.0 - step.t % 2

    w = np.zeros(2)
    optimizer = Optimizer(Ema(0.0), 1.0, engine="numpy", hooks=[Doubled()])
    for expected in (-1.0, -3.0, -4.0, -6.0):
        optimizer.step(w, np.ones(2))
        assert w.tolist() == [expected] * 2

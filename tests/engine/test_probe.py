"""A formula that is broken, impure or not elementwise is refused before the first step."""

from dataclasses import dataclass

import numpy as np
import pytest

from optimlab import Ema, Gradient, PowerGain, Rule, momo, sgd
from optimlab.engine.probe import checked_rule
from optimlab.optimizer import Optimizer
from tests.engine.grown import grown
from tests.engine.laws import RULES


def ruled(function, *slots):
    """Return a rule of (x, w, state)."""

    @dataclass(frozen=True)
    class Made(Rule):
        @property
        def slots(self):
            return slots

        @staticmethod
        def formula(x, w, state, c):
            return function(x, w, state)

    return Made()


MIXED = {
    "less the mean": lambda x: x - x.mean(),
    "less the least": lambda x: x - x.min(),
    "less the greatest": lambda x: x - x.max(),
    "less the first": lambda x: x - x[0],
    "less the last": lambda x: x - x[-1],
    "less the median": lambda x: x - np.median(x),
    "least so far": np.minimum.accumulate,
    "greatest so far": np.maximum.accumulate,
    "sums": np.cumsum,
    "sums from behind": lambda x: np.cumsum(x[::-1])[::-1],
    "sorted": np.sort,
    "backwards": lambda x: x[::-1],
    "rolled": lambda x: np.roll(x, 1),
    "its norm": lambda x: x / np.linalg.norm(x),
    "its length": lambda x: x * len(x),
    "a sum": np.sum,
    "zero where least": lambda x: np.where(x == x.min(), 0.0, x),
    "a part": lambda x: x[:1],
    "a table": np.diag,
}


@pytest.mark.parametrize("name", MIXED)
def test_a_formula_in_which_one_number_sees_another_is_refused(name):
    mix = MIXED[name]
    for rule in (
        ruled(lambda x, w, state: (mix(x), state)),
        ruled(lambda x, w, state: (x + mix(w), state)),
        ruled(lambda x, w, state: (x, (mix(x),)), "m"),
        ruled(lambda x, w, state: (x, (mix(state[0]),)), "m"),
        sgd() + ruled(lambda x, w, state: (mix(x), state)),
    ):
        with pytest.raises(TypeError, match="rule: a formula must be elementwise; this one makes"):
            checked_rule(rule)


def test_the_optimizer_asks():
    with pytest.raises(TypeError, match="must be elementwise"):
        Optimizer(ruled(lambda x, w, state: (x - x.min(), state)), 0.1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, w, state: x, "rule: a formula must return a pair .value, tuple of states.; got"),
        (lambda x, w, state: (x, list(state)), "must return a pair"),
        (lambda x, w, state: (x, ()), r"rule: the formula must return 1 states for \('m',\); got 0"),
        (lambda x, w, state: (x, (x, x)), r"must return 1 states for \('m',\); got 2"),
    ],
)
def test_a_formula_returns_its_value_and_its_states(function, message):
    with pytest.raises(TypeError, match=message):
        checked_rule(ruled(function, "m"))
    with pytest.raises(TypeError, match=message):
        checked_rule(ruled(lambda x, w, state: function(np.vectorize(float)(x), w, state), "m"))


def written(x, w, state):
    w *= 2
    return x + w, state


def test_a_formula_does_not_write_to_what_it_is_given():
    for rule in (ruled(written), sgd() + ruled(written), ruled(lambda x, w, s: (np.negative(x, out=x), s))):
        with pytest.raises(TypeError, match="must not write to what it is given; write x = 2"):
            checked_rule(rule)


def test_a_formula_with_a_branch_is_told_of_where():
    for function in (lambda x, w, s: (x if x > 0 else -x, s), lambda x, w, s: (x * (x > 0 and w > 0), s)):
        with pytest.raises(TypeError, match=r"without if, and, or; write np.where\(x > 0, a, b\)"):
            checked_rule(ruled(function))
    checked_rule(ruled(lambda x, w, s: (np.where(x > 0, x, -x), s)))


def test_other_errors_of_a_formula_are_its_own():
    with pytest.raises(ValueError, match="mine"):
        checked_rule(ruled(lambda x, w, state: int("mine")))
    with pytest.raises(NotImplementedError, match="a rule needs a formula"):
        checked_rule(Rule())


def test_what_is_elementwise_passes():
    for rule in (*RULES.values(), *map(grown, range(30))):
        assert checked_rule(rule) is rule
    for function in (
        lambda x, w, state: (np.vectorize(lambda a: a if a > 0 else 0.0)(x), state),
        lambda x, w, state: (1.0, state),
        lambda x, w, state: (np.clip(x, 0.0, 1.0) + np.nan, state),
        lambda x, w, state: (np.asarray(x) / 0.0, state),
    ):
        checked_rule(ruled(function))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (sgd, r"average must be a Rule such as adam\(\); got .*did you mean sgd\(\)\?"),
        (Ema, r"did you mean Ema\(\)\?"),
        ("sgd", "average must be a Rule such as adam"),
        (9, "got 9$"),
        (0.9, r"got 0.9; did you mean Ema\(0.9\)\?$"),
        (PowerGain(6.94), r"did you mean Ema\(PowerGain\(gamma=6.94\)\)\?$"),
        (Optimizer(sgd(), 0.1), r"give the rule of this Optimizer, opt.rule$"),
        (momo(), r"it is a hook: write Optimizer\(sgd\(\), 0.1, hooks=\[...\]\)$"),
    ],
)
def test_what_is_no_rule_is_refused(given, message):
    with pytest.raises(TypeError, match=message):
        checked_rule(given, "average")


def test_one_number_for_each_replica_is_no_mixture():
    assert checked_rule(Ema([0.1, 0.9]) | 2 * Gradient())

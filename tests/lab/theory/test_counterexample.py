"""Adam's counter-example against the algorithms of the paper, written out."""

import numpy as np
import pytest

from optimlab.lab.theory import (
    adam_drift,
    adam_regret,
    amsgrad_distance,
    amsgrad_drift,
    amsgrad_regret,
    counterexample,
    crossing_steps,
)

SETTINGS = [(3.0, 0.1), (2.5, 0.5), (10.0, 0.0), (5.0, 0.9)]


def play(C, beta, steps, *, lr, largest, x=0.0, wall=1.0):
    """Return x, the average regret, the last three v, and the last steps that change x by one period."""
    v = peak = regret = 0.0
    squares, ways = [], []
    for t in range(1, steps + 1):
        g = C if t % 3 == 1 else -1.0
        regret += g * (x + 1.0)
        v = beta * v + (1.0 - beta) * g * g
        peak = max(peak, v)
        x = min(wall, max(-wall, x - lr(t) * g / np.sqrt(peak if largest else v)))
        squares.append(v)
        ways.append(x)
    return x, regret / steps, squares[-3:], ways


@pytest.mark.parametrize(("C", "beta"), SETTINGS)
def test_squares_and_drifts(C, beta):
    for largest, drift in ((False, adam_drift), (True, amsgrad_drift)):
        _, _, squares, ways = play(C, beta, 900, lr=lambda t: 1.0, largest=largest, wall=np.inf)
        assert squares == pytest.approx(counterexample._squares(C, beta), rel=1e-9)
        assert (ways[-1] - ways[-31]) / 10.0 == pytest.approx(drift(C, beta), abs=1e-7)


def test_adam_goes_to_the_wall_in_time_and_pays_for_it():
    C, beta, lr, steps = 3.0, 0.1, 0.02, 60_000
    x, regret, _, ways = play(C, beta, steps, lr=lambda t: lr / np.sqrt(t), largest=False)
    reached = next(t for t, y in enumerate(ways, 1) if y >= 1.0)
    expected = crossing_steps(adam_drift(C, beta), lr)
    assert reached == pytest.approx(expected, rel=0.05)
    assert x == 1.0
    late = 2 * (C - 2) / 3 * reached / steps
    assert regret == pytest.approx(adam_regret(steps, lr, C=C, beta=beta), abs=late)
    at_wall = play(C, beta, steps, lr=lambda t: lr / np.sqrt(t), largest=False, x=1.0)[1]
    assert at_wall == pytest.approx(adam_regret(steps, lr, C=C, beta=beta), abs=1e-6)


def test_amsgrad_goes_to_the_best_point():
    C, beta, lr, steps = 4.0, 0.2, 0.5, 90_000
    x, regret, _, _ = play(C, beta, steps, lr=lambda t: lr / np.sqrt(t), largest=True)
    assert x + 1.0 == pytest.approx(amsgrad_distance(steps, lr, C=C, beta=beta), rel=1e-4)
    late = 2 * (C - 2) / 3 * crossing_steps(amsgrad_drift(C, beta), lr) / steps
    assert regret == pytest.approx(amsgrad_regret(steps, lr, C=C, beta=beta), abs=late)


def test_arrays_broadcast():
    C = np.array([[3.0], [5.0]])
    for drift in (adam_drift, amsgrad_drift):
        assert drift(C, [0.1, 0.2, 0.3]).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adam_drift(2.0, 0.1), "C must be greater than 2 and finite; got 2.0"),
        (lambda: adam_drift(3.0, 1.0), r"beta must be in \[0, 1\); got 1.0"),
        (lambda: crossing_steps(0.0, 0.5), "drift must be a finite number other than 0; got 0.0"),
        (lambda: crossing_steps(1.0, 0.0), "lr must be greater than 0 and finite; got 0.0"),
        (lambda: adam_regret(0, 0.5, C=3.0, beta=0.1), "steps must be whole numbers of at least 1; got 0.0"),
        (lambda: adam_regret(9, 0.5, C=3.0, beta=0.999), "beta must be such that adam_drift is greater than 0"),
        (lambda: amsgrad_distance(3, -1.0, C=3.0, beta=0.1), "lr must be"),
        (lambda: adam_drift(np.inf, 0.1), "C must be"),
        (lambda: amsgrad_drift(1.0, 0.1), "C must be"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_part_of_a_step_is_of_the_wrong_kind():
    with pytest.raises(TypeError, match=r"steps must be whole numbers of at least 1; got 1\.5"):
        amsgrad_regret(1.5, 0.5, C=3.0, beta=0.1)

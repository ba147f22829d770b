"""How a contestant is asked: its rates, its noise, and tuning apart from what is judged."""

from dataclasses import replace

import numpy as np
import pytest

from optimlab import sgd
from optimlab.lab.check import RATES, Candidate, RefusedError
from optimlab.lab.contestants import Ruled

SGD = Ruled(sgd(), "SGD")


class Fixed:
    """SGD whose text fixes the rate."""

    label = key = "fixed"

    def __init__(self, lr):
        self.lr = lr

    begin = staticmethod(SGD.begin)


def test_rates_are_the_grid_or_the_one_that_is_fixed():
    assert Candidate(SGD).rates.tolist() == list(RATES)
    assert Candidate(Fixed(0.3)).rates.tolist() == [0.3]
    assert Candidate(SGD, grid=(0.1, 0.2)).rates.tolist() == [0.1, 0.2]
    assert (Candidate(SGD).rate, Candidate(Fixed(0.3)).rate) == (RATES[len(RATES) // 2], 0.3)


@pytest.mark.parametrize(("lr", "largest"), [(0.3, 0.25), (0.25, 0.25), (1e-9, RATES[0]), (99.0, RATES[-1])])
def test_a_threshold_is_set_at_rates_that_are_not_above_the_contestants_own(lr, largest):
    assert Candidate(Fixed(lr)).reference[-1] == largest
    assert Candidate(Fixed(lr)).reference[0] == RATES[0]


def test_the_rate_is_chosen_on_trials_of_their_own():
    seen = []

    def luck(lr, rng):
        seen.append((lr, rng.standard_normal(len(lr))))
        return -seen[-1][1]

    found = Candidate(SGD, "luck").judged(luck, high=-9.0)
    (tuning, first), _, (judging, second) = seen
    assert len(tuning) == len(RATES) * 4
    assert (judging == found.lr).all()
    assert not np.isin(first, second).any()
    assert abs(found.measured.mean()) < 1.0 < np.median(first.reshape(-1, 4), axis=1).max()  # no credit for luck


def test_a_rate_that_diverges_is_never_chosen():
    who = Candidate(SGD)
    assert who.tuned(lambda lr, rng: np.where(lr == 0.5, 1.0, np.where(lr > 0.5, np.nan, np.inf))) == 0.5


def test_contestants_see_the_same_noise_and_exams_another():
    draws = [
        who.rng().standard_normal(4).tolist()
        for who in (Candidate(SGD, "a"), Candidate(Fixed(0.1), "a"), Candidate(SGD, "b"), Candidate(SGD, "a", seed=1))
    ]
    assert draws[0] == draws[1]
    assert draws[0] not in draws[2:]


def test_a_fixed_rate_is_not_tuned():
    who = Candidate(Fixed(0.3))
    assert who.judged(lambda lr, rng: lr, high=1.0, trials=3).measured.tolist() == [0.3] * 3


def test_a_threshold_that_what_stands_still_attains_is_none():
    def distance(lr, rng):
        return (1.0 - lr) ** 10

    assert Candidate(SGD).judged(distance, high=0.99).lr == 1.0
    assert Candidate(Fixed(0.01)).judged(distance, high=0.95).passed.all()
    with pytest.raises(RefusedError, match="what stands still would pass"):
        Candidate(Fixed(0.01)).judged(distance, high=1.0)


def test_a_grid_without_a_stable_rate_has_nothing_to_compare_with():
    assert Candidate(SGD, grid=(1.0, 1.9, 2.0)).below(2.0).tolist() == [1.0, 1.9]
    with pytest.raises(RefusedError, match="--lr needs one below 2"):
        Candidate(SGD, grid=(2.0, 4.0)).below(2.0)


def test_steps_are_those_of_the_contestant():
    who, w = Candidate(SGD), np.array([[1.0], [1.0]])
    path = [now.copy() for now in who.steps(lambda w: w, w, [0.5, 0.25], 2)]
    np.testing.assert_array_equal(np.array(path)[..., 0], [[0.5, 0.75], [0.25, 0.5625]])
    assert replace(who, seed=3).end(lambda w: w, np.ones((1, 1)), 0.5, 3)[0, 0] == 0.125

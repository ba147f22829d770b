"""How saddles are left: in which direction, not at all from the ridge, and how fast by each form of momentum."""

import numpy as np
import pytest

from optimlab import Every, FirstPassage, Optimizer, adam, descend, heavy_ball, momentum, nesterov, rmsprop, sgd
from optimlab.lab.problems import MonkeySaddle, saddle


def test_monkey_saddle_is_left_in_three_directions():
    radius, angles = 0.2, np.deg2rad(np.arange(1.5, 360.0, 3.0))
    start = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    passage = FirstPassage(lambda w: np.hypot(w[:, 0], w[:, 1]), 1.0)
    optimizer = Optimizer(sgd(), lr=0.01, replicas=len(angles))
    record = Every(1, at=np.copy)
    way = descend(MonkeySaddle(), optimizer, 5000, start=start, record=record, stop=passage, progress=False)["at"]
    ends = way[passage.steps.astype(int), np.arange(len(angles))]
    directions = np.rad2deg(np.arctan2(ends[:, 1], ends[:, 0])) % 360.0
    bound = np.rad2deg(np.arcsin(radius**3)) / 3.0  # the flow keeps r³ sin 3θ
    sectors = np.repeat([60.0, 180.0, 300.0], 40)
    assert np.abs(directions - sectors).max() < 1.1 * bound
    np.testing.assert_allclose(directions.reshape(3, 40).mean(axis=1), [60.0, 180.0, 300.0], atol=0.05)


@pytest.mark.parametrize("rule", [sgd(), heavy_ball(0.9), momentum(0.9), nesterov(0.9), rmsprop(0.9), adam()])
def test_ridge_is_never_left(rule):
    assert descend(saddle(), Optimizer(rule, lr=0.01), 2000, start=[0.5, 0.0], progress=False).w[1] == 0.0


def test_ema_momentum_at_lr_over_one_minus_beta_is_the_heavy_ball():
    steps = []
    for rule, lr in ((heavy_ball(0.9), 0.01), (momentum(0.9), 0.1)):
        passage = FirstPassage(lambda w: np.abs(w[:, 1]), 1.0)
        start = np.array([[0.0, eps] for eps in (1e-2, 1e-4, 1e-6, 1e-8, 1e-12)])
        descend(saddle(), Optimizer(rule, lr=lr, replicas=5), 1000, start=start, stop=passage, progress=False)
        steps.append(passage.steps)
    np.testing.assert_array_equal(*steps)

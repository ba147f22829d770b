"""The mode of a linear rule, against the named modes and against the rule itself."""

import numpy as np
import pytest

from optimlab import Every, Optimizer, descend, heavy_ball, momentum, nesterov, sgd
from optimlab.lab.theory import ema_momentum_mode, heavy_ball_mode, linear_mode, linear_rule, nesterov_mode

LR_H = np.array([-0.5, 0.02, 0.3, 1.7])


@pytest.mark.parametrize(
    ("rule", "mode"),
    [
        (heavy_ball(0.8), heavy_ball_mode(LR_H, 0.8)),
        (momentum(0.8), ema_momentum_mode(LR_H, 0.8)),
        (nesterov(0.8), nesterov_mode(LR_H, 0.8)),
        (sgd(), heavy_ball_mode(LR_H, 0.0)),
    ],
    ids=["heavy ball", "EMA", "Nesterov", "SGD"],
)
def test_is_the_named_mode_and_the_way_of_the_rule(rule, mode):
    found = linear_mode(linear_rule(rule), LR_H)
    for name in ("p", "q", "s"):
        np.testing.assert_allclose(getattr(found, name), np.broadcast_to(getattr(mode, name), 4), rtol=1e-14)
    optimizer = Optimizer(rule, 1.0, replicas=4)
    start, record = np.ones((4, 1)), Every(1, at=np.copy)
    way = descend(lambda w: LR_H[:, None] * w, optimizer, 20, start=start, record=record, progress=False)["at"]
    np.testing.assert_allclose(way[..., 0], found.values(np.arange(21)[:, None]), rtol=1e-9, atol=1e-12)

"""The mode of a linear rule, against the recurrences of the literature and against the rule itself."""

import numpy as np
import pytest

from optimlab import Every, Optimizer, descend, heavy_ball, momentum, nesterov, sgd
from optimlab.lab.theory import linear_rule

LR_H = np.array([-0.5, 0.02, 0.3, 1.7])


@pytest.mark.parametrize(
    ("rule", "p", "q", "s"),
    [
        (heavy_ball(0.8), 1.8 - LR_H, 0.8, 1 - LR_H),
        (momentum(0.8), 1.8 - 0.2 * LR_H, 0.8, 1 - 0.2 * LR_H),
        (nesterov(0.8), 1.8 * (1 - LR_H), 0.8 * (1 - LR_H), 1 - 1.8 * LR_H),
        (sgd(), 1 - LR_H, 0.0, 1 - LR_H),
    ],
    ids=["heavy ball", "EMA", "Nesterov", "SGD"],
)
def test_is_the_recurrence_and_the_way_of_the_rule(rule, p, q, s):
    found = linear_rule(rule).mode(LR_H)
    for name, expected in {"p": p, "q": q, "s": s}.items():
        np.testing.assert_allclose(getattr(found, name), np.broadcast_to(expected, 4), rtol=1e-14)
    optimizer = Optimizer(rule, 1.0, replicas=4)
    start, record = np.ones((4, 1)), Every(1, at=np.copy)
    way = descend(lambda w: LR_H[:, None] * w, optimizer, 20, start=start, record=record, progress=False)["at"]
    np.testing.assert_allclose(way[..., 0], found.values(np.arange(21)[:, None]), rtol=1e-9, atol=1e-12)

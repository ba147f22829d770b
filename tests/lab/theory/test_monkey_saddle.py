"""The monkey saddle against descents that are written out."""

import numpy as np
import pytest

from optimlab.lab.theory import monkey_escape, monkey_flow_time


@pytest.mark.parametrize("lr", [0.01, 0.001])
def test_monkey(lr):
    eps = np.array([0.1, 0.02])
    for e in eps:
        u, steps = e, 0
        while u < 1.0:
            u, steps = u + 3 * lr * u * u, steps + 1
        assert monkey_escape(e, lr) == pytest.approx(steps - 0.5, abs=1.0)
        assert steps * lr == pytest.approx(monkey_flow_time(e), abs=lr * (1.5 + np.log(1 / e)))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"eps must be in \(0, 1\].*; got -0.1"):
        monkey_flow_time(-0.1)
    with pytest.raises(ValueError, match=r"lr must be greater than 0 and finite; got 0\.0"):
        monkey_escape(0.1, 0.0)

"""Adam with one fault each: the exam that is named for it says so, and passes the Adam that has none."""

import numpy as np
import pytest

from optimlab import Ema, Gradient, Root, Square, Weights, adabelief, adam
from optimlab.lab.check import EXAMS, Candidate, marked
from optimlab.lab.contestants import Ruled

FIRST, SECOND = Ema(0.9, debias=True), Square() | Ema(0.999, debias=True)


class SquareRootOfRate:
    """Adam that takes the root of its learning rate."""

    label = key = "root"
    lr = None

    def begin(self, w, lr):
        return Ruled(adam(), "").begin(w, np.sqrt(lr))


class MovesByPlace:
    """Steps that know where a weight stands in its array."""

    label = key = "place"
    lr = None

    def begin(self, w, lr):
        step = Ruled(adam(), "").begin(w, lr)
        return lambda gradients, loss=None: step(gradients * (np.arange(w.shape[1]) > 3), loss)


FAULTS = {
    "longest step first": Ema(0.9) / (Square() | Ema(0.999) | Root(1e-8)),
    "gradients of one in 100000": FIRST / (SECOND + 1e-8 | Root()),
    "downhill": -1.0 * adam(),
    "certain gradient": FIRST / (SECOND - (Ema(0.999, debias=True) | Square()) | Root(1e-8)),
    "steady gradient": adabelief(),
    "rate in units of the loss": (Gradient() + 0.1 * Weights()) | adam(),
    "twice the rate": SquareRootOfRate(),
    "weights in another order": MovesByPlace(),
    "mirrored": adam() | Square(),
    "rare large gradients": FIRST / (Square() | Ema(0.5, debias=True) | Root(1e-8)),
    "thrown by a spike": Ema(0.9, debias=True),
    "moves after zeros": FIRST / (SECOND | Root()),
}


def verdict(name, rule):
    one = rule if hasattr(rule, "begin") else Ruled(rule, "rule")
    return marked(EXAMS[name], Candidate(one, name)).verdict


@pytest.mark.parametrize("name", FAULTS)
def test_an_exam_catches_its_fault(name):
    assert (verdict(name, FAULTS[name]), verdict(name, adam())) == ("failed", "passed")

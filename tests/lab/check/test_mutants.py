"""Broken optimizers, beside their healthy twins, change the marks of exactly the exams that are meant to catch them."""

import pytest

from optimlab import Clip, Ema, Gradient, Root, Sign, Square, Weights, adam, adamw, momentum, sgd
from optimlab.lab.check import EXAMS, Candidate, marked
from optimlab.lab.contestants import Ruled

COUPLED = (Gradient() + 0.01 * Weights()) | adam()
"""The decay goes through Adam's scale, as in its first implementations."""

FORGETFUL = Ema(0.9, debias=True) / (Square() | Root(1e-8))
"""The square of the last gradient, for an average of squares."""


def changed(broken, healthy, asked):
    """The exams, of some themes or names, in which two rules have different marks."""
    names = [name for name, exam in EXAMS.items() if {name, exam.theme} & set(asked)]
    marks = [
        [marked(EXAMS[name], Candidate(Ruled(rule, "rule"), name)).verdict for name in names]
        for rule in (broken, healthy)
    ]
    return {f"{name}: {a}" for name, a, b in zip(names, *marks, strict=True) if a != b}


@pytest.mark.parametrize(("broken", "healthy", "asked", "caught"), [
    (COUPLED, adamw(), ["weight decay"],
     {"decay in proportion: failed", "decay alike for all gradients: failed",
      "equilibrium of decay and noise: failed"}),
    (-1.0 * sgd(), sgd(), ["escape times", "limits of stability"],
     {"saddle: failed", "saddle by noise: failed", "monkey saddle: failed", "good rates: failed",
      "its own path: not asked", "just below its limit: not asked", "just above its limit: not asked"}),
    (FORGETFUL, adam(), ["near the floor", "far from the floor", "mean of iterates", "batches"],
     {"near the floor: failed", "mean of iterates: failed", "a sixteenth of the steps: failed"}),
    (sgd() | Clip(-3.0, 3.0), sgd(), ["limits of stability"],
     {"its own path: failed", "just above its limit: failed", "twice the limit of gradient descent: passed",
      "steepening walls: passed"}),
    (momentum() | Sign(), momentum(), ["rotation"],
     {"the same path rotated: failed", "rotated ravine: failed", "as fast as momentum: failed",
      "rotated saddle: failed"}),
], ids=["coupled decay", "sign", "no memory of squares", "hidden clip", "signs"])  # fmt: skip
def test_a_fault_is_caught_by_the_exams_that_are_meant_to(broken, healthy, asked, caught):
    assert changed(broken, healthy, asked) == caught

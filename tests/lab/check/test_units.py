"""Units, symmetries and single steps: who has them, as the formulas of the rules say."""

import numpy as np
import pytest

from optimlab import Clip, Sign, adam, adamw, heavy_ball, lion, rmsprop, sgd, signsgd
from optimlab.lab.check import EXAMS, Candidate, marked
from optimlab.lab.check.batches import best_square
from optimlab.lab.contestants import Ruled


def asked(name, rule):
    return EXAMS[name].ask(Candidate(Ruled(rule, "rule"), name))


@pytest.mark.parametrize(("name", "passed", "failed"), [
    ("loss without a unit", [lion(), signsgd()], [sgd(), adam()]),
    ("rate in units of the loss", [sgd(), heavy_ball(), adam(), adamw(), lion()], [sgd() | Clip(-1.0, 1.0)]),
    ("units of single weights", [adam(), lion(), rmsprop()], [sgd(), heavy_ball()]),
    ("mirrored", [sgd(), adam(), lion()], [sgd() | Clip(-1.0, 0.5)]),
    ("moved to another origin", [sgd(), adam()], [adamw()]),
    ("rounded gradients", [sgd(), adam(), signsgd()], [lion()]),
])  # fmt: skip
def test_who_passes(name, passed, failed):
    verdicts = [marked(EXAMS[name], Candidate(Ruled(rule, "rule"), name)).verdict for rule in (*passed, *failed)]
    assert verdicts == ["passed"] * len(passed) + ["failed"] * len(failed)


@pytest.mark.parametrize(
    ("name", "size"), [("gradients of one in 100000", 1e-5), ("gradients of a trillionth", 2.0**-40)]
)
@pytest.mark.parametrize("eps", [1e-8, 1e-14])
def test_what_epsilon_takes_away(name, size, eps):
    ratio = size * (1.0 + eps) / (size + eps)
    expected = min(abs(ratio - 1.0), abs(ratio / size - 1.0))
    assert asked(name, adam(eps=eps)).measured == pytest.approx(expected, rel=1e-6)


def test_single_steps():
    assert asked("downhill", sgd()).measured == pytest.approx(1.0)
    assert asked("downhill", adam()).middle == pytest.approx(np.sqrt(2.0 / np.pi), rel=0.05)
    assert asked("longest step first", rmsprop(0.9)).measured == pytest.approx(1.0 / np.sqrt(0.1))
    assert asked("certain gradient", adam()).middle == pytest.approx(np.sqrt(2.0), rel=0.05)
    special = pytest.importorskip("scipy.special")
    assert asked("certain gradient", sgd() | Sign()).middle == pytest.approx(1.0 / special.erf(np.sqrt(0.5)), rel=0.05)


def test_large_batches_bring_sgd_as_low_as_its_closed_form():
    found = asked("a sixteenth of the steps", sgd())
    error = found.measured.std() / np.sqrt(found.measured.size)
    assert found.measured.mean() == pytest.approx(found.high / 1.5, abs=4.0 * error)
    assert best_square(np.array([0.5]), 2, 4.0) == pytest.approx(9.0 / 16.0 + 4.0 * (0.25 + 0.0625))

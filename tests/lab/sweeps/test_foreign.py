"""Optimizers of other systems in a sweep."""

import numpy as np
import pytest

from optimlab import adam
from optimlab.lab.sweeps import Plan, sweep

RATES = [0.03, 0.1, 0.3]
PLACES = "rosenbrock, beale + noise 0.1, xor(hidden=3)"


@pytest.mark.slow
def test_torch_runs_as_the_rule_does():
    """Starts and noise are the same for both, so that their rows are."""
    pytest.importorskip("torch")
    rules = ["torch:torch.optim.Adam", adam()]
    frame = sweep(PLACES, rules, lr=RATES, seeds=3, steps=30)
    frame = frame[frame["lr"].isin(RATES)]  # what the grid has grown by is so large that rounding errors grow, too
    theirs, ours = (frame[frame["rule"] == rule] for rule in frame["rule"].unique())
    for column in ("final", "best"):
        np.testing.assert_allclose(theirs[column], ours[column], rtol=1e-12)
    for column in ("lr", "seed", "hit", "settled", "diverged"):
        assert theirs[column].tolist() == ours[column].tolist()
    plan = Plan.of("bowl", "sgd, torch:torch.optim.SGD(lr=0.25)", lr=[0.1, 0.2], seeds=1, steps=20)
    assert [task.lr for task in plan.tasks()] == [(0.1, 0.2), (0.25,)]
    alone = sweep(PLACES, rules[0], lr=RATES[1:2], seeds=[2], steps=30)
    assert alone["final"].tolist() == theirs.loc[(theirs["lr"] == 0.1) & (theirs["seed"] == 2), "final"].tolist()


@pytest.mark.slow
def test_optax_runs_as_the_rule_does():
    pytest.importorskip("optax")
    frame = sweep("rosenbrock, beale + noise 0.1", ["optax:optax.adam", adam()], lr=RATES, seeds=2, steps=20)
    theirs, ours = (frame[frame["rule"] == rule] for rule in frame["rule"].unique())
    np.testing.assert_allclose(theirs["final"], ours["final"], rtol=1e-10)
    np.testing.assert_array_equal(theirs["diverged"], ours["diverged"])


@pytest.mark.slow
def test_divergence_elsewhere_is_data_too():
    pytest.importorskip("torch")
    frame = sweep("bowl", "torch:torch.optim.SGD", lr=[0.1, 0.25, 3.0], seeds=2, steps=500)
    assert frame["diverged"].tolist() == [False] * 4 + [True] * 2
    assert (frame.loc[frame["lr"] == 3.0, "final"] == np.inf).all()

"""schedulefree's two rules by its own names, in lock-step with it."""

import inspect
import pickle

import numpy as np
import pytest

from optimlab.conventions import schedulefree
from tests.hooks.steps import averages, close, drawn


@pytest.mark.parametrize("name", ["SGDScheduleFree", "AdamWScheduleFree"])
@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_lock_step_with_schedulefree(name, seed, foreach):
    torch, theirs = pytest.importorskip("torch"), pytest.importorskip("schedulefree")
    rng, gradients = drawn(seed)
    beta = rng.uniform(0.5, 0.99)
    options = {"lr": rng.uniform(1e-3, 0.3), "weight_decay": rng.uniform(0, 0.1), "warmup_steps": int(rng.integers(50))}
    options |= {"r": rng.uniform(0, 2), "weight_lr_power": rng.uniform(0, 3)}
    options |= {"momentum": beta} if name[0] == "S" else {"betas": (beta, rng.uniform(0.9, 0.999)), "eps": 1e-6}
    w = rng.standard_normal(3)
    p = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    mine, other = getattr(schedulefree, name)(**options), getattr(theirs, name)([p], foreach=foreach, **options)
    other.train()
    for g in gradients:
        p.grad = torch.tensor(g, dtype=torch.float64)
        other.step()
        mine.step(w, g)
        close(w, p.detach().numpy())
    other.eval()
    close(averages(mine, w), p.detach().numpy())


@pytest.mark.parametrize("name", schedulefree.__all__)
def test_names_order_and_defaults_are_theirs(name):
    pytest.importorskip("torch")
    theirs = inspect.signature(getattr(pytest.importorskip("schedulefree"), name)).parameters
    mine = inspect.signature(getattr(schedulefree, name)).parameters
    assert {key: p.default for key, p in mine.items()} == {
        key: p.default for key, p in theirs.items() if key not in ("params", "foreach")
    }
    assert list(mine) == [key for key in theirs if key in mine]


@pytest.mark.parametrize("name", schedulefree.__all__)
def test_they_travel(name):
    make, gradients, w = getattr(schedulefree, name), drawn(0)[1][:6], np.ones(3)
    whole, v = make(warmup_steps=4, r=0.5), np.ones(3)
    first = make(warmup_steps=4, r=0.5)
    for k, g in enumerate(gradients):
        whole.step(v, g)
        first = pickle.loads(pickle.dumps(first)) if k == 3 else first
        first.step(w, g)
    assert np.array_equal(w, v)

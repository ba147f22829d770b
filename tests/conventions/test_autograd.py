"""autograd's own optimizers beside ours of their names."""

import numpy as np
import pytest

from optimlab.conventions import autograd
from tests.conventions.lockstep import SHAPES, START, three_steps

theirs = pytest.importorskip("autograd.misc.optimizers")
PRINTED = [
    (autograd.sgd(), [[0.995, -1.99], [0.993, -2.001], [0.9812, -2.0119]]),
    (
        autograd.rmsprop(),
        [[0.94801247605, -1.900000001], [0.975310030273, -2.07541160332], [0.867154510961, -2.08465265818]],
    ),
    (
        autograd.adam(0.1),
        [[0.900000002, -1.900000001], [0.873366298708, -1.93661035347], [0.807555139677, -1.96773768948]],
    ),
]
RANDOM = {
    "sgd": lambda rng: {"mass": rng.uniform(0, 0.99)},
    "rmsprop": lambda rng: {"gamma": rng.uniform(0.5, 0.999), "eps": 10 ** rng.uniform(-10, -2)},
    "adam": lambda rng: {
        "b1": rng.uniform(0, 0.99), "b2": rng.uniform(0.5, 0.9999), "eps": 10 ** rng.uniform(-10, -2),
    },
}  # fmt: skip


@pytest.mark.parametrize(("opt", "printed"), PRINTED)
def test_the_printed_numbers(opt, printed):
    np.testing.assert_allclose(three_steps(opt), printed, rtol=1e-11)


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("seed", range(4))
def test_200_steps_beside_theirs(name, seed):
    rng = np.random.default_rng(seed)
    given = {"step_size": 10 ** rng.uniform(-4, 0)} | RANDOM[name](rng)
    start = [rng.standard_normal(shape) for shape in SHAPES]
    gradients = [[rng.standard_normal(shape) for shape in SHAPES] for _ in range(200)]
    ours, seen = [w.copy() for w in start], []
    opt = getattr(autograd, name)(**given)
    for g in gradients:
        seen.append([w.copy() for w in ours])
        opt.step(ours, g)
    path = []
    getattr(theirs, name)(lambda w, i: gradients[i], start, lambda w, i, g: path.append(w), num_iters=200, **given)
    assert len(path) == 200
    for a, b in zip(seen, path, strict=True):
        for x, y in zip(a, b, strict=True):
            assert abs(x - y).max() <= 1e-11 * abs(y).max()


@pytest.mark.parametrize("name", RANDOM)
def test_their_defaults(name):
    w = np.array(START)
    found = getattr(theirs, name)(lambda w, i: w, w, num_iters=3)
    opt = getattr(autograd, name)()
    for _ in range(3):
        opt.step(w, w.copy())
    np.testing.assert_allclose(w, found, rtol=1e-12)

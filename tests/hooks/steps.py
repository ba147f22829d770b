"""Steps and short runs for the tests of hooks."""

import numpy as np

from optimlab import Step


def a_step(*gradients, scale=1.0, t=1, loss=None, skip=False, replicas=None):
    """A first step with these gradients, for weights of 0."""
    leaves = tuple(np.asarray(g, float) for g in gradients)
    names = tuple(str(i) for i in range(len(leaves)))
    params = tuple(np.zeros_like(g) for g in leaves)
    return Step(t, 0.1, scale, skip, params, leaves, names, loss, replicas)


def seen(hook, *gradients, **options):
    """Return the gradients as the rule sees them."""
    step = a_step(*gradients, **options)
    hook.before(step)
    scale = np.asarray(step.scale)
    return [g * scale.reshape(-1, *(1,) * (g.ndim - 1)) if scale.ndim else g * scale for g in step.gradients]


def run(optimizer, w, gradients):
    """Return the weights after each step."""
    path = []
    for g in gradients:
        optimizer.step(w, np.asarray(g, float))
        path.append(w.copy())
    return np.array(path)


def drawn(seed):
    """Return random numbers, and gradients of 200 steps, of different sizes."""
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((200, 3)) * np.exp(rng.standard_normal((200, 1)))


def averages(optimizer, w):
    """Return the averaged weights."""
    with optimizer.averaged(w):
        return w.copy()


def close(found, expected, rtol=1e-11):
    """Whether numbers are the same in units of the largest."""
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(np.array(found) / scale, np.array(expected) / scale, rtol=0, atol=rtol)


class Skipping:
    """A hook that skips the steps, or replicas, that are marked."""

    def __init__(self, marks):
        self.marks = iter(marks)

    def before(self, step):
        step.leave_out(next(self.marks))

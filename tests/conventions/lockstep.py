"""Two optimizers side by side on the same random gradients."""

import numpy as np

SHAPES = [(4, 6), (6, 8), (7, 8, 9)]
START, GRADIENTS = (1.0, -2.0), ((0.5, -1.0), (-0.25, 2.0), (1.0, 0.1))


def three_steps(opt):
    """The weights after each of three steps on one small table of gradients."""
    w = np.array(START)
    return [opt.step(w, np.array(g)).tolist() for g in GRADIENTS]


def lock_step(opt, theirs, *, dtype=np.float64, steps=200, seed=0):
    """The worst difference of the weights, relative to the largest; ``theirs(weights, gradients)`` steps in place."""
    rng = np.random.default_rng(seed)
    ours = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    other, worst = [w.copy() for w in ours], 0.0
    for _ in range(steps):
        gradients = [rng.standard_normal(w.shape).astype(dtype) for w in ours]
        opt.step(ours, gradients)
        theirs(other, gradients)
        worst = max(worst, *[float(abs(a - b).max() / abs(b).max()) for a, b in zip(ours, other, strict=True)])
    return worst


def go_on(opt, zeros, held, t):
    """Let a new optimizer go on from step t with a state: by slot, an array for each leaf; ``zeros`` are the leaves."""
    opt.step(zeros, zeros)
    arrays = opt.state_dict(False)
    for slot, leaves in held.items():
        arrays |= {f"state/{name}/{slot}": leaf for name, leaf in zip(opt.state, leaves, strict=True)}
    opt.load_state_dict(arrays | {"t": np.full_like(arrays["t"], t)}, False)

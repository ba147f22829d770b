"""The rules that look at whole leaves, and what the tests of them share."""

import numpy as np

from optimlab import (
    Centralize,
    Ema,
    Mean,
    Optimizer,
    adafactor,
    adam,
    adam_mini,
    agc,
    cautious_rescaled,
    clip_rms,
    lamb,
    lars,
    lion,
    mars,
    muon,
    novograd,
    stable_adamw,
)
from optimlab.rules.matrix import IN_OUT, LIKE_ADAMW

WHOLE = {
    "lars": lars(weight_decay=0.1),
    "lamb": lamb(weight_decay=0.1),
    "stable_adamw": stable_adamw(),
    "adam_mini": adam_mini(),
    "adam_mini, rows": adam_mini(axis=-1),
    "novograd": novograd(weight_decay=0.1),
    "agc": agc(0.1) | adam(),
    "clip_rms": adam() | clip_rms(0.5),
    "centralized": Centralize() | adam(),
    "cautious": cautious_rescaled(lion()),
    "mars": mars(),
    "mean": Ema(0.9) - Mean(),
    "adafactor": adafactor(),
}
MATRIX = {
    "muon": muon(),
    "muon, in out": muon(scale=IN_OUT, weight_decay=0.0),
    "muon, like adamw": muon(0.9, LIKE_ADAMW),
}
RULES = WHOLE | MATRIX


def stream(shape, steps, seed=0, dtype=np.float64):
    """Return weights and gradients of a shape."""
    generator = np.random.default_rng(seed)
    w, *gradients = generator.standard_normal((steps + 1, *shape)).astype(dtype)
    return np.array(w), [np.array(g) for g in gradients]


def trajectory(rule, lr, w, gradients, **options):
    """Return the weights after each step."""
    opt, w = Optimizer(rule, lr, **options), w.copy()
    return np.array([opt.step(w, g).copy() for g in gradients])


def far(ours, theirs):
    """Return the largest difference, over the largest number."""
    return np.abs(ours - theirs).max() / np.abs(theirs).max()

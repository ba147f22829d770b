"""What the laws of the engines are tested with: many rules, many numbers."""

import numpy as np
import pytest

from optimlab import (
    Abs,
    Bema,
    Clip,
    Ema,
    EpsHat,
    FirstValueGain,
    Gradient,
    HalfLife,
    InversePowerGain,
    PowerGain,
    Rate,
    Root,
    ShareGain,
    Sign,
    Square,
    TailGain,
    Trace,
    UniformGain,
    WarmUpGain,
    WeightedGain,
    Weights,
    adabelief,
    adadelta,
    adagrad,
    adam,
    adam_single_beta,
    adamax,
    adamc,
    adamw,
    adan,
    ademamix,
    adopt,
    aggmo,
    amsgrad,
    cautious,
    cautious_decay,
    grams,
    grokfast,
    heavy_ball,
    laprop,
    lion,
    momentum,
    nadam,
    nesterov,
    optimistic,
    qhadam,
    qhm,
    radam,
    rmsprop,
    rmsprop_centered,
    rprop,
    sgd,
    signsgd,
    signum,
    simplified_ademamix,
    sm3,
    yogi,
)
from optimlab.optimizer import Optimizer


def half_then_whole(k):
    return np.where(np.asarray(k) < 3, 0.5, 1.0)[()]


def half_then_nearly(k):
    return np.where(np.asarray(k) < 3, 0.5, 0.875)[()]


RULES = {
    "sgd": sgd(),
    "momentum": momentum(),
    "heavy_ball": heavy_ball(),
    "nesterov": nesterov(),
    "rmsprop": rmsprop(),
    "adam": adam(),
    "adamw": adamw(weight_decay=0.1),
    "l2": (Gradient() + 0.1 * Weights()) | adam(),
    "centred": Gradient() / ((Square() | Ema(0.9)) - (Ema(0.9) | Square()) + 1e-3 | Root()) | Trace(0.9),
    "adagrad": Gradient() / (Square() | Trace(1.0, first=0.1) | Root(1e-7)),
    "sign": Ema(0.9) | Sign(),
    "clip": Clip(-0.5, 0.25) | Ema(0.5),
    "abs": Gradient() / (Abs() | Ema(0.9, debias=True) | Clip(1e-3, 10.0)),
    "scheduled": half_then_whole * Gradient() | Ema(half_then_nearly, debias=True),
    "two traces": 0.5 * Trace(0.5) + 0.5 * Trace(0.9, first=-1.0) - 0.1,
    "gains": Ema(WarmUpGain(0.9)) / (Square() | Ema(PowerGain(6.94)) | Root(1e-8)),
    "differences": -(Gradient() - Ema(0.9)) * 2,
}


def growing(k):
    """Weights t², as Schedule-Free has them for r = 2."""
    return (k + 1.0) ** 2


AVERAGES = {
    "constant": Ema(0.9),
    "debiased": Ema(0.9, debias=True),
    "scheduled": Ema(half_then_nearly, debias=True),
    "first value": Ema(FirstValueGain(0.9)),
    "warm-up": Ema(WarmUpGain(0.9)),
    "uniform": Ema(UniformGain()),
    "tail": Ema(TailGain(3)),
    "weighted": Ema(WeightedGain(growing)),
    "power": Ema(PowerGain(6.94)),
    "share": Ema(ShareGain(0.05)),
    "inverse power": Ema(InversePowerGain(2 / 3, least=0.1)),
    "bema": Bema(InversePowerGain(0.5, lag=10.0), InversePowerGain(0.2, lag=10.0)),
}

FAMILY = {
    "adabelief": adabelief(),
    "adadelta": adadelta(),
    "adagrad, torch": adagrad(),
    "adam of one beta": adam_single_beta(),
    "adamax": adamax(),
    "adamc": adamc(0.5, weight_decay=0.1),
    "adan": adan(),
    "ademamix": ademamix(beta3=HalfLife(0.9, 0.99, 20)),
    "adopt": adopt(),
    "aggmo": aggmo(),
    "amsgrad": amsgrad(),
    "cautious": cautious(adam()),
    "cautious decay": cautious_decay(lion(), 0.1),
    "grams": grams(),
    "grokfast": grokfast(adam()),
    "laprop": laprop(),
    "lion": lion(),
    "nadam": nadam(),
    "optimistic": optimistic(1.0, 0.5),
    "optimistic adam": adam() | optimistic(),
    "qhadam": qhadam(),
    "qhm": qhm(0.9),
    "radam": radam(),
    "centred, root": rmsprop_centered(eps=1e-3),
    "rprop": rprop(0.1),
    "signsgd": signsgd(),
    "signum": signum(),
    "simplified ademamix": simplified_ademamix(alpha=0.5),
    "sm3": sm3(),
    "yogi": yogi(),
    "eps hat": adam(eps=EpsHat(1e-8, 0.999)),
    "rate inside": (Rate() * Gradient() | Trace(0.9)) / Rate(),
}
"""The wider family, and what a rule may hold: numbers that depend on t, and the learning rate."""
RULES |= FAMILY


def quick(cases, *few):
    """Return cases of which these few run at once, the others where there is time for slow tests."""
    return [case if case in few else pytest.param(case, marks=pytest.mark.slow) for case in cases]


def run(rule, leaves, *, steps=5, seed=0, **options):
    """Return the parameters and the state after some steps from these leaves."""
    generator = np.random.default_rng(seed)
    params = [leaf.copy(order="K") for leaf in leaves]
    optimizer = Optimizer(rule, 0.1, **options)
    for _ in range(steps):
        optimizer.step(params, [generator.standard_normal(p.shape).astype(p.dtype) for p in params])
    return params, optimizer


def leaves_of(dtype, *shapes, seed=1):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype(dtype) for shape in shapes]


def equal(a, b):
    """Whether two arrays agree to the last bit; NaN is NaN."""
    return np.array_equal(a, b, equal_nan=True) and bool((np.signbit(a) == np.signbit(b))[~np.isnan(a)].all())


def same(first, second):
    """Whether two results of ``run`` agree to the last bit."""
    (params, one), (others, two) = first, second
    slots = [(name, slot) for name in one.state for slot in one.state[name]]
    agree = all(equal(a, b) for a, b in zip(params, others, strict=True))
    return agree and all(equal(one.state[name][slot], two.state[name][slot]) for name, slot in slots)


def same_averages(first, second):
    """Whether the averages of two results of ``run`` agree to the last bit."""
    means = []
    for params, optimizer in (first, second):
        with optimizer.averaged(params):
            means.append([x.copy() for x in params])
    return all(equal(a, b) for a, b in zip(*means, strict=True))

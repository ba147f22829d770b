"""Whole numbers: 1.5, a Boolean or a word is of the wrong kind, one that is too small is a wrong value."""

import numpy as np
import pytest

from optimlab.lab.nets import MLP, Batches, PathChain, UnitChain, initializers
from optimlab.lab.problems import (
    AlternatingLosses,
    Rastrigin,
    Rosenbrock,
    SaddleChain,
    Samples,
    ar1_noise,
    bowl,
    bursts,
    goe_hessians,
    holdout,
    noisy_quadratic,
    published_spiral,
    ramp,
    ravine,
    spiral,
    step,
)
from optimlab.lab.theory import (
    LinearRule,
    adam_regret,
    best_decay_variance,
    chain_mean,
    forward_moments,
    goe_density,
    heavy_ball_error,
    minimum_log_probability,
)

NET = MLP((2, 3, 2))
SAMPLES = Samples(np.arange(20.0).reshape(10, 2), np.arange(10) % 2)
WHOLE = {  # name, least value, call
    "Rosenbrock": ("dimension", 2, Rosenbrock),
    "Rastrigin": ("dimension", 1, Rastrigin),
    "SaddleChain": ("length", 1, SaddleChain),
    "bowl": ("dimension", 1, bowl),
    "ravine": ("dimension", 2, lambda n: ravine(9.0, n)),
    "noisy_quadratic": ("dimension", 1, noisy_quadratic),
    "AlternatingLosses": ("t", 1, lambda n: AlternatingLosses().gradient(n)),
    "goe_hessians draws": ("draws", 1, lambda n: goe_hessians(0, n, n=2)),
    "goe_hessians n": ("n", 1, lambda n: goe_hessians(0, 2, n=n)),
    "spiral classes": ("classes", 1, lambda n: spiral(0, n)),
    "spiral points": ("points", 1, lambda n: spiral(0, points=n)),
    "published_spiral seed": ("seed", 0, published_spiral),
    "published_spiral hidden": ("hidden", 1, lambda n: published_spiral(hidden=n)),
    "curve n": ("n", 1, lambda n: ramp(0, n)),
    "curve draws": ("draws", 1, lambda n: ar1_noise(0, 3, phi=0.0, draws=n)),
    "step at": ("at", 0, lambda n: step(0, at=n)),
    "bursts every": ("every", 1, lambda n: bursts(0, every=n, width=1)),
    "bursts width": ("width", 1, lambda n: bursts(0, width=n)),
    "holdout": ("replicas", 1, lambda n: holdout(SAMPLES, NET, 0, replicas=n)),
    "tiled": ("copies", 1, lambda n: holdout(SAMPLES, NET, 0, replicas=2).tiled(n)),
    "MLP": ("each of sizes", 1, lambda n: MLP((2, n, 2))),
    "initial": ("replicas", 1, lambda n: NET.initial(np.ones, replicas=n)),
    "Batches samples": ("samples", 1, lambda n: Batches(n, 1, rng=0)),
    "Batches size": ("size", 1, lambda n: Batches(9, n, rng=0)),
    "Batches replicas": ("replicas", 1, lambda n: Batches(9, 3, rng=0, replicas=n)),
    "shape": ("shape", 0, lambda n: initializers.normal((3, n), 0)),
    "UnitChain": ("order", 0, lambda n: UnitChain((0, n), "relu", 1.0)),
    "PathChain paths": ("paths", 0, lambda n: PathChain([(0, 1, n)], 2, "relu", 1.0)),
    "PathChain blocks": ("blocks", 1, lambda n: PathChain([(0, 1, 2)], n, "relu", 1.0)),
    "forward_moments": ("layers", 1, lambda n: forward_moments("relu", 1.0, n)),
    "goe_density": ("n", 1, lambda n: goe_density(n, 0.0)),
    "minimum_log_probability": ("n", 1, minimum_log_probability),
    "chain_mean": ("saddle", 1, lambda n: chain_mean(n, 0.1, growth=1.0, contraction=1.0)),
    "adam_regret": ("steps", 1, lambda n: adam_regret(n, 0.1, C=3.0, beta=0.1)),
    "heavy_ball_error": ("t", 0, lambda n: heavy_ball_error(9.0, n)),
    "best_decay_variance": ("t", 0, lambda n: best_decay_variance(n, 1.0)),
    "Mode.values": ("t", 0, lambda n: LinearRule(0.9).mode(0.1).values(n)),
}


@pytest.mark.parametrize("case", WHOLE)
def test_what_is_no_whole_number_is_of_the_wrong_kind(case):
    name, least, call = WHOLE[case]
    for bad in (least + 0.5, True, "3", 3j, [[1], [1, 2]]):
        with pytest.raises(TypeError, match=f"^{name} must be .*whole number.*; got"):
            call(bad)


@pytest.mark.parametrize("case", WHOLE)
def test_the_least_is_taken_and_what_is_below_is_a_wrong_value(case):
    name, least, call = WHOLE[case]
    call(least)
    call(np.int64(least))
    with pytest.raises(ValueError, match=f"^{name} must be .*whole number.*; got -?{abs(least - 1)}"):
        call(least - 1)

"""Whatever takes an rng takes a Generator, a seed or None, and says so of anything else."""

import importlib
import inspect
import pkgutil

import numpy as np
import pandas as pd
import pytest

import optimlab
from optimlab import check_gradient, minimize, sgd
from optimlab.lab import statistics
from optimlab.lab.nets import MLP, Batches, initializers
from optimlab.lab.problems import (
    GaussianNoise,
    Noisy,
    Rounded,
    Samples,
    StudentNoise,
    TwelveUniforms,
    ar1_noise,
    bowl,
    bursts,
    goe_hessians,
    holdout,
    noisy_quadratic,
    parabola,
    ramp,
    sinusoid,
    spiral,
    step,
)
from optimlab.lab.statistics.chance import flips
from optimlab.lab.statistics.contest import Contest, Contestant, chances

RUNS = pd.MultiIndex.from_product(
    [list("ab"), list("xy"), range(7), 2.0 ** (np.arange(30.0) ** 1.3 / 3)], names=["problem", "rule", "seed", "lr"]
).to_frame(index=False)
RUNS["final"] = 1.0 + np.sin(np.arange(len(RUNS)))
TUNED = RUNS[RUNS["lr"] == 1.0]
CONTEST = Contest(
    *(
        Contestant(name, pd.DataFrame({"": np.sin(np.arange(40.0) * k)}), 1)
        for name, k in zip("ab", (1, 2), strict=True)
    )
)
SAMPLES = Samples(np.arange(20.0).reshape(10, 2), np.arange(10) % 2)
W = np.ones((5, 2))
INITIALIZERS = {name: getattr(initializers, name) for name in initializers.__all__ if name not in ("fans", "gain")}
CURVES = (parabola, step, ramp, sinusoid, bursts)
COMPILED = (  # need numba, torch, optax
    "optimlab.series.compiled", "optimlab.engine.fused",
    "optimlab.export.to_torch", "optimlab.export.torch_calls", "optimlab.export.torch_sweep",
    "optimlab.export.to_optax",
    "optimlab.lab.contestants.with_torch", "optimlab.lab.contestants.with_optax",
)  # fmt: skip
CALLS = {
    "check_gradient": lambda rng: check_gradient(lambda w: (w**4).sum(), lambda w: 4 * w**3 + 1e-9 * w, W, rng=rng),
    "minimize": lambda rng: (
        minimize(lambda w, rng: w + rng.normal(size=2), np.ones(2), sgd(), lr=0.1, steps=3, rng=rng).x
    ),
    **{name: lambda rng, draw=draw: draw((4, 3), rng) for name, draw in INITIALIZERS.items()},
    **{curve.__name__: lambda rng, curve=curve: curve(rng, 9).values for curve in CURVES},
    "Curve.with_noise": lambda rng: parabola(0, 9).with_noise(rng, 0.1).values,
    "ar1_noise": lambda rng: ar1_noise(rng, 9, phi=0.5),
    "goe_hessians": lambda rng: goe_hessians(rng, 2, n=3),
    "spiral": lambda rng: spiral(rng).X,
    "holdout": lambda rng: holdout(SAMPLES, MLP((2, 3, 2)), rng).start,
    "Holdout.batches": lambda rng: holdout(SAMPLES, MLP((2, 3, 2)), 0).batches(2, rng).gradient(np.ones(17)),
    "Batches": lambda rng: Batches(90, 30, rng=rng).next(),
    "Noisy": lambda rng: Noisy(bowl(), GaussianNoise(1.0), rng).gradient(W),
    "Rounded": lambda rng: Rounded(bowl(), rng, unit=0.1).gradient(W),
    "NoisyQuadratic.seen": lambda rng: noisy_quadratic(2).seen(rng).gradient(W),
    "Noise.draw": lambda rng: GaussianNoise((1.0, 2.0)).draw(rng, (3, 2)),
    "GaussianNoise.draw": lambda rng: GaussianNoise(1.0).draw(rng, (3,)),
    "TwelveUniforms.draw": lambda rng: TwelveUniforms(1.0).draw(rng, (3,)),
    "bootstrap_interval": lambda rng: statistics.bootstrap_interval(TUNED["final"], rng=rng),
    "summary": lambda rng: statistics.summary(TUNED, "final", rng=rng),
    "paired_difference": lambda rng: statistics.paired_difference(np.arange(20.0) ** 2, np.ones(20), rng=rng),
    "paired_differences": lambda rng: statistics.paired_differences(TUNED, "final", rng=rng),
    "ranking": lambda rng: statistics.ranking(TUNED, "final", rng=rng),
    "good_range": lambda rng: statistics.good_range(RUNS, rng=rng),
    "chances": lambda rng: chances([CONTEST], rng=rng),
    "flips": lambda rng: flips(15, rng),
    "Contest.looks": lambda rng: CONTEST.looks([40], rng),
    "Contest.settled": lambda rng: CONTEST.settled(rng),
    "StudentNoise.draw": lambda rng: StudentNoise(1.0, 3.0).draw(rng, (3,)),
}


def takers():
    """Names of all functions, classes and methods with an argument ``rng``, but for the check of it."""
    names = [info.name for info in pkgutil.walk_packages(optimlab.__path__, "optimlab.")]
    for name in [name for name in names if not name.startswith("optimlab.studies") and name not in COMPILED]:
        module = importlib.import_module(name)
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            methods = vars(thing) if inspect.isclass(thing) else {}
            for part, call in {name: thing, **{f"{name}.{method}": call for method, call in methods.items()}}.items():
                code = call.__init__ if inspect.isclass(call) else call
                if part != "generator" and inspect.isfunction(code) and "rng" in inspect.signature(code).parameters:
                    yield part.removesuffix(".__init__")


def test_the_table_is_complete():
    assert set(takers()) == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_seed_is_the_generator_that_it_makes(name):
    np.testing.assert_array_equal(CALLS[name](7), CALLS[name](np.random.default_rng(7)))


@pytest.mark.parametrize("name", CALLS)
def test_a_generator_moves_on_and_none_is_another_each_time(name):
    rng = np.random.default_rng(7)
    assert not np.array_equal(CALLS[name](rng), CALLS[name](rng))
    first = CALLS[name](None)
    assert any(not np.array_equal(first, CALLS[name](None)) for _ in range(100))  # a shuffle of few may come twice


@pytest.mark.parametrize("name", CALLS)
def test_what_makes_no_generator_is_refused(name):
    for bad in ("seed", 0.5, True, [0.5], object()):
        with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, a seed or None; got"):
            CALLS[name](bad)
    with pytest.raises(ValueError, match=r"rng must be a numpy\.random\.Generator, a seed or None; got -1"):
        CALLS[name](-1)


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"normal"}))
def test_the_legacy_generator_is_for_published_weights_only(name):
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, a seed or None; got RandomState"):
        CALLS[name](np.random.RandomState(0))

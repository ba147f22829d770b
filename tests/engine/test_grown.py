"""Laws of the engines over random rules: NumPy's, the compiled one and the plain formula agree to the last bit."""

import numpy as np
import pytest

from optimlab import Ema
from optimlab.averaging.weights import compensated
from optimlab.engine import tiles
from optimlab.optimizer import Optimizer
from tests.engine.grown import grown
from tests.engine.laws import equal, leaves_of, quick

AVERAGE, LR, STEPS = Ema(0.9, debias=True), 0.1, 4
MEAN = compensated(AVERAGE)
SHAPES = (7,), (4, 5), (9001,)  # packed, packed, and where it lies, in five blocks
DTYPES = [np.float32, np.float64]
SKIPPED = 2


class Skip:
    """Leave replica 1 alone in one step."""

    def before(self, step):
        if np.max(step.t) == SKIPPED + 1:
            step.skip = np.arange(step.replicas) == 1


def gradients(leaves):
    """Random numbers for each step and leaf, some of them 0."""
    generator = np.random.default_rng(3)
    return [
        [(generator.standard_normal(x.shape) * (generator.random(x.shape) > 0.2)).astype(x.dtype) for x in leaves]
        for _ in range(STEPS)
    ]


def by_engine(engine, rule, leaves, **options):
    """Return the parameters, all slots and the averages after some steps."""
    params = [leaf.copy() for leaf in leaves]
    optimizer = Optimizer(rule, LR, engine=engine, average=AVERAGE, check_finite=False, **options)
    for g in gradients(params):
        optimizer.step(params, g)
    found = [x.copy() for x in params]
    found += [optimizer.state[str(i)][slot] for i in range(len(params)) for slot in rule.slots]
    with optimizer.averaged(params):
        return found + [x.copy() for x in params]


def by_formula(rule, leaves, steps):
    """Return the same as the formula says it: in new arrays, operation by operation; a step may be None."""
    found = []
    for i, leaf in enumerate(leaves):
        w, dtype, t = leaf.copy(), leaf.dtype.type, 0
        state, mean = ([np.full_like(w, x) for x in each.start] for each in (rule, MEAN))
        for g in steps:
            if g is not None:
                t += 1
                c, a = (tuple([dtype(number) for number in each.coefficients(t)]) for each in (rule, MEAN))
                y, new = rule.compose()(dtype(1.0) * g[i], w, tuple(state), c)
                state = [np.array(np.broadcast_to(s, w.shape), dtype) for s in new]
                w = w - dtype(LR) * y
                mean = MEAN.compose()(w, w, tuple(mean), a)[1]
        found.append((w, state, MEAN.read(tuple(mean), a)))
    return [w for w, _, _ in found] + [s for _, state, _ in found for s in state] + [mean for _, _, mean in found]


def agree(first, second):
    return len(first) == len(second) and all(equal(a, b) for a, b in zip(first, second, strict=True))


def check(seed, dtype, engine):
    rule, leaves = grown(seed), leaves_of(dtype, *SHAPES)
    with np.errstate(all="ignore"):
        expected = by_formula(rule, leaves, gradients(leaves))
    assert agree(by_engine(engine, rule, leaves), expected), rule


def check_replicas(seed, dtype, engine):
    rule, batch = grown(seed, 3), leaves_of(dtype, *[(3, *shape) for shape in SHAPES])
    together = by_engine(engine, rule, batch, replicas=3, hooks=[Skip()])
    for i in range(3):
        steps = [[x[i] for x in g] for g in gradients(batch)]
        if i == 1:
            steps[SKIPPED] = None
        with np.errstate(all="ignore"):
            alone = by_formula(grown(seed, 3, i), [x[i] for x in batch], steps)
        assert agree([x[i] for x in together], alone), (i, rule)


def test_the_rules_are_various():
    rules = [grown(seed) for seed in range(60)]
    assert len({repr(rule) for rule in rules}) == 60
    text = " ".join(map(repr, rules))
    atoms = "Ema( Trace( Change( Swap( Twice( Chosen( Literal( Clip( Root( Sign( Abs( Square( Weights() Gradient("
    for word in [*atoms.split(), "debias", "first", "only=()", "line", *(f" {sign} " for sign in "+-*/|")]:
        assert word in text


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(60))
def test_numpy_has_the_bits_of_the_formula(seed, dtype, monkeypatch):
    check(seed, dtype, "numpy")
    monkeypatch.setattr(tiles, "TILE", 1000)
    check(seed, dtype, "numpy")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(60))
def test_numpy_has_the_bits_of_each_replica_alone(seed, dtype):
    check_replicas(seed, dtype, "numpy")


class TestFused:
    @pytest.fixture(autouse=True)
    def threads(self, monkeypatch):
        fused = pytest.importorskip("optimlab.engine.fused", reason="needs numba")
        monkeypatch.setattr(fused, "SHARE", 1000)
        monkeypatch.setattr(fused, "get_num_threads", lambda: 2)

    @pytest.mark.parametrize("seed", quick(range(40), 4, 14, 15, 21))
    def test_it_has_the_bits_of_the_formula(self, seed):
        check(seed, DTYPES[seed % 2], "fused")

    @pytest.mark.parametrize("seed", quick(range(40, 60), 41))
    def test_it_has_the_bits_of_each_replica_alone(self, seed):
        check_replicas(seed, DTYPES[seed % 2], "fused")

import copy
import subprocess
import sys

import numpy as np
import pytest

from optimlab import (
    Accumulate,
    Ball,
    Box,
    ClipEach,
    ClipNorm,
    ClipValue,
    IndependentDecay,
    LearningRateDecay,
    Lookahead,
    NonNegative,
    Plateau,
    Project,
    Record,
    Simplex,
    SkipLarge,
    SkipNonFinite,
    WeightDecay,
    adam,
    constant,
    linear,
    sgd,
)
from optimlab.optimizer import Optimizer
from tests.public import NAMES

EVERY = [
    ClipNorm(1.0),
    ClipEach(1.0),
    ClipValue(0.5),
    LearningRateDecay(linear(1.0, steps=20)),
    Plateau(0.5, 2),
    WeightDecay(0.1),
    IndependentDecay(0.1),
    SkipNonFinite(2),
    SkipLarge(2.0),
    Accumulate(2),
    Project(Ball(1.0)),
    Project(Box(-0.5, 0.5)),
    Project(NonNegative()),
    Project(Simplex()),
    Lookahead(2),
    Record(),
]


def test_each_number_by_hand():
    clip = ClipNorm(10.0)
    record = Record(clip=clip)
    params = {"W": np.array([3.0, 4.0]), "b": np.array([0.0])}
    optimizer = Optimizer(sgd(), linear(0.5, steps=2), hooks=[clip, record])
    optimizer.step(params, {"W": np.array([0.0, 2.0]), "b": np.array([1.0])})
    optimizer.step(params, {"W": np.array([30.0, 0.0]), "b": np.array([40.0])})
    frame = record.frame()
    assert frame.columns.tolist() == [
        "t", "leaf", "lr", "gradient_norm", "weight_norm", "update_norm", "update_ratio", "effective_step", "clipped",
    ]  # fmt: skip
    assert frame.leaf.tolist() == ["W", "b", "W", "b"]
    expected = [
        [1, 0.5, 2, 5, 1, 0.2, 0.5, 0],
        [1, 0.5, 1, 0, 0.5, np.inf, 0.5, 0],
        [2, 0.25, 6, np.sqrt(18), 1.5, 1.5 / np.sqrt(18), 0.25, 1],
        [2, 0.25, 8, 0.5, 2, 4, 0.25, 1],
    ]
    np.testing.assert_allclose(frame.drop(columns="leaf").to_numpy(float), expected, rtol=1e-14)


def test_the_update_holds_the_hooks_before_it():
    record = Record()
    w = np.array([2.0])
    Optimizer(sgd(), 1.0, hooks=[Project(Box(-1.0, 1.0)), record]).step(w, np.array([-5.0]))
    assert record.frame().update_norm.tolist() == [1.0]


def test_every_and_skipped_steps():
    record = Record(every=3)
    optimizer, w = Optimizer(sgd(), 1.0, hooks=[SkipNonFinite(), record]), np.zeros(1)
    for g in (1.0, np.nan, 1.0, 1.0, np.nan, 2.0, 1.0):
        optimizer.step(w, np.array([g]))
    assert record.frame()[["t", "gradient_norm"]].to_numpy().tolist() == [[1, 1], [4, 2]]


def test_replicas_have_rows_of_their_own():
    clip = ClipEach([1.0, 9.0])
    record = Record(clip=clip)
    optimizer = Optimizer(sgd(), [0.5, 0.25], hooks=[SkipLarge(10.0), clip, record], replicas=2)
    w = np.zeros((2, 1))
    for gradient in ([4.0, 4.0], [4.0, 99.0], [4.0, 4.0]):
        optimizer.step(w, np.array(gradient)[:, None])
    frame = record.frame()
    columns = ["t", "replica", "lr", "gradient_norm", "update_norm", "clipped"]
    assert frame[columns].to_numpy().tolist() == [
        [1, 0, 0.5, 1, 0.5, 1],
        [1, 1, 0.25, 4, 1, 0],
        [2, 0, 0.5, 1, 0.5, 1],
        [3, 0, 0.5, 1, 0.5, 1],
        [2, 1, 0.25, 4, 1, 0],
    ]


def test_an_empty_record_has_its_columns():
    frame = Record().frame()
    assert len(frame) == 0
    assert "update_ratio" in frame.columns


def test_recording_changes_no_bit():
    one, two = np.ones(5), np.ones(5)
    recorded, plain = Optimizer(adam(), 0.1, hooks=[Record()]), Optimizer(adam(), 0.1)
    for k in range(5):
        recorded.step(one, np.sin(k + one))
        plain.step(two, np.sin(k + two))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("hook", EVERY, ids=repr)
class TestEveryHook:
    def run(self, hook, w, gradients, **options):
        optimizer = Optimizer(adam(), 0.3, hooks=[copy.deepcopy(hook)], **options)
        for g in gradients:
            optimizer.step(w, g.copy(), loss=np.abs(g).reshape(len(g), -1).sum(axis=1) if options else np.abs(g).sum())
        return w

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_replica_is_the_run_alone(self, hook, dtype):
        gradients = np.random.default_rng(0).standard_normal((7, 3, 4)).astype(dtype)
        start = np.random.default_rng(1).standard_normal((3, 4)).astype(dtype)
        together = self.run(hook, start.copy(), gradients, replicas=3)
        alone = [self.run(hook, start[i].copy(), gradients[:, i]) for i in range(3)]
        assert together.dtype == dtype
        assert np.array_equal(together, alone)

    def test_it_works_on_views_as_on_arrays(self, hook):
        gradients = np.random.default_rng(0).standard_normal((7, 6))
        start = np.random.default_rng(1).standard_normal(6)
        w = np.repeat(start, 2)[::2]
        assert np.array_equal(self.run(hook, w, gradients), self.run(hook, start.copy(), gradients))

    def test_gradients_are_never_written_to(self, hook):
        gradients = np.random.default_rng(0).standard_normal((7, 6))
        optimizer, w = Optimizer(adam(), 0.3, hooks=[copy.deepcopy(hook)]), np.ones(6)
        kept = gradients.copy()
        for g in gradients:
            optimizer.step(w, g, loss=1.0)
        assert np.array_equal(gradients, kept)

    def test_going_on_from_a_checkpoint_is_not_stopping(self, hook, tmp_path):
        gradients = np.random.default_rng(0).standard_normal((9, 6))
        whole, w = self.run(hook, np.ones(6), gradients), np.ones(6)
        first, second = (Optimizer(adam(), 0.3, hooks=[copy.deepcopy(hook)]) for _ in range(2))
        for optimizer, part in ((first, gradients[:5]), (second, gradients[5:])):
            if optimizer is second:
                first.save(tmp_path / "run.npz")
                second.load(tmp_path / "run.npz")
            for g in part:
                optimizer.step(w, g.copy(), loss=np.abs(g).sum())
        assert np.array_equal(w, whole)

    def test_the_repr_rebuilds_it(self, hook):
        rebuilt = eval(repr(hook), NAMES.copy())
        assert repr(rebuilt) == repr(hook)
        assert type(rebuilt) is type(hook)


def test_schedules_are_hyperparameters_of_hooks():
    one, two = np.ones(3), np.ones(3)
    for w, limit in ((one, 0.5), (two, constant(0.5))):
        Optimizer(sgd(), 1.0, hooks=[ClipNorm(limit)]).step(w, np.ones(3))
    assert np.array_equal(one, two)


def test_importing_hooks_and_schedules_loads_only_numpy():
    code = (
        "import sys, optimlab.hooks, optimlab.schedules; "
        "print([m for m in ('pandas', 'scipy', 'matplotlib', 'numba', 'tqdm') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Record(0), ValueError, "every must be a whole number of at least 1; got 0"),
        (lambda: Record(True), ValueError, "every must be a whole number of at least 1; got True"),
        (lambda: Record(clip=SkipLarge(1.0)), TypeError, "clip must be the ClipNorm, ClipEach or ClipValue"),
    ],
)
def test_errors_say_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()

import numpy as np

from optimlab import (
    Box,
    ClipEach,
    ClipNorm,
    Optimizer,
    Project,
    Record,
    SkipLarge,
    SkipNonFinite,
    adam,
    linear,
    sgd,
)
from tests.hooks.steps import Skipping


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


def test_every_counts_the_updates_of_the_replica_that_is_furthest():
    record = Record(every=2)
    marks = [[False, True], [False, True], [False, False], [False, False], [False, False]]
    optimizer, w = Optimizer(sgd(), 1.0, hooks=[Skipping(map(np.array, marks)), record], replicas=2), np.zeros((2, 1))
    for k in range(5):
        optimizer.step(w, np.full((2, 1), 1.0 + k))
    assert record.frame()[["t", "replica", "gradient_norm"]].to_numpy().tolist() == [
        [1, 0, 1], [3, 0, 3], [1, 1, 3], [5, 0, 5], [3, 1, 5],
    ]  # fmt: skip


def test_what_was_recorded_does_not_change_any_more():
    class Halving:
        lr = np.array([1.0, 2.0])

        def before(self, step):
            self.lr *= 0.5  # in place
            step.lr = self.lr

    record = Record()
    optimizer, w = Optimizer(sgd(), 1.0, hooks=[Halving(), record], replicas=2), np.ones((2, 1))
    for _ in range(2):
        optimizer.step(w, np.ones((2, 1)))
    assert record.frame().lr.tolist() == [0.5, 1.0, 0.25, 0.5]


def test_columns_are_plain_numbers():
    record = Record(clip=(clip := ClipNorm(1.0)))
    Optimizer(sgd(), 1.0, hooks=[clip, record]).step([np.ones(2), np.zeros(1)], [np.ones(2), np.zeros(1)])
    frame = record.frame()
    assert frame.leaf.tolist() == ["0", "1"]
    assert frame.t.dtype.kind == "i"
    assert all(frame[name].dtype == float for name in frame.columns[2:])
    assert frame.index.tolist() == [0, 1]
    assert frame.clipped.tolist() == [1.0, 1.0]


def test_a_single_replica_is_recorded_like_none():
    record = Record()
    Optimizer(sgd(), 1.0, hooks=[record], replicas=1).step(np.ones((1, 2)), np.ones((1, 2)))
    assert record.frame().columns.tolist() == Record().frame().columns.tolist()

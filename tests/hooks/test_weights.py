import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optimlab import (
    Ball,
    Box,
    IndependentDecay,
    Lookahead,
    NonNegative,
    Project,
    Simplex,
    Weights,
    adam,
    linear,
    momentum,
    sgd,
)
from optimlab.optimizer import Optimizer

SETS = [Box(-1.0, 0.5), NonNegative(), Ball(1.5), Simplex(), Simplex(3.0)]

floats = st.floats(-5, 5, allow_subnormal=False)
points = st.tuples(st.integers(1, 3), st.integers(1, 6)).flatmap(
    lambda shape: hnp.arrays(float, shape, elements=floats)
)


class SkipFirst:
    """Skip the first replica."""

    def before(self, step):
        step.skip = np.array([True, False])


@pytest.mark.parametrize("onto", SETS, ids=repr)
class TestSets:
    @given(x=points, seed=st.integers(0, 2**32 - 1))
    def test_no_point_of_the_set_is_nearer(self, onto, x, seed):
        nearest = onto.nearest(x)
        other = onto.nearest(np.random.default_rng(seed).normal(scale=3, size=x.shape))
        # of a convex set: <x - p, q - p> <= 0 for every q of it, which is also sufficient
        assert (((x - nearest) * (other - nearest)).sum(axis=1) <= 1e-12).all()

    @given(x=points)
    def test_a_point_of_the_set_stays(self, onto, x):
        nearest = onto.nearest(x)
        np.testing.assert_allclose(onto.nearest(nearest), nearest, rtol=0, atol=1e-15)

    @given(x=points)
    def test_rows_are_independent(self, onto, x):
        assert np.array_equal(onto.nearest(x), np.concatenate([onto.nearest(row[None]) for row in x]))

    def test_dtype_and_input_are_kept(self, onto):
        x = np.array([[3.0, -4.0, 0.25]], np.float32)
        x.flags.writeable = False
        assert onto.nearest(x).dtype == np.float32


@given(points)
def test_what_the_sets_are(x):
    assert (np.abs(Box(-1, 0.5).nearest(x) + 0.25) <= 0.75).all()
    assert (NonNegative().nearest(x) >= 0).all()
    assert (np.sqrt((Ball(1.5).nearest(x) ** 2).sum(axis=1)) <= 1.5 * (1 + 1e-15)).all()
    probabilities = Simplex().nearest(x)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)


def test_a_point_inside_keeps_its_bits():
    x = np.array([[0.1, 0.2, 0.7]])
    for onto in (Box(0, 1), NonNegative(), Ball(1), Simplex()):
        assert np.array_equal(onto.nearest(x), x)


def test_the_simplex_by_hand():
    np.testing.assert_allclose(
        Simplex().nearest(np.array([[0.2, -0.4, 2.0], [1.0, 1.0, 1.0]])), [[0, 0, 1], [1 / 3] * 3]
    )
    np.testing.assert_allclose(Simplex(2).nearest(np.array([[3.0, 2.0, -1.0]])), [[1.5, 0.5, 0]])


def test_projected_descent_finds_the_best_probabilities():
    cost = np.array([3.0, 1.0, 2.0])
    w = np.full(3, 1 / 3)
    optimizer = Optimizer(sgd(), 0.1, hooks=[Project(Simplex())])
    for _ in range(50):
        optimizer.step(w, cost)
    assert w.tolist() == [0, 1, 0]


def test_only_the_leaves_that_are_meant_are_projected():
    params = {"a.weight": np.array([-1.0]), "a.bias": np.array([-1.0])}
    Optimizer(sgd(), 1.0, hooks=[Project(NonNegative(), only="*weight")]).step(params, {k: np.zeros(1) for k in params})
    assert params == {"a.weight": 0.0, "a.bias": -1.0}


def test_projection_of_views_and_of_each_replica():
    base = np.zeros((2, 6))
    w = base[:, ::2]
    w[...] = [[3, 4, 0], [0, 30, 40]]
    Optimizer(sgd(), 1.0, hooks=[Project(Ball([5.0, 1.0]))], replicas=2).step(w, np.zeros((2, 3)))
    np.testing.assert_allclose(w, [[3, 4, 0], [0, 0.6, 0.8]])
    assert (base[:, 1::2] == 0).all()


def test_a_skipped_replica_is_not_touched():
    for hook in (Project(NonNegative()), IndependentDecay(0.5), Lookahead(1, share=0.5)):
        w = np.array([[-2.0], [-2.0]])
        Optimizer(sgd(), 1.0, hooks=[SkipFirst(), hook], replicas=2).step(w, np.full((2, 1), 4.0))
        assert w[0] == -2
        assert w[1] not in (-2, -6)


def test_a_replica_that_skips_does_not_synchronise():
    class SkipFirstLater:
        def before(self, step):
            step.skip = np.array([step.loss == 1, False])

    w = np.zeros((2, 1))
    optimizer = Optimizer(sgd(), 1.0, hooks=[SkipFirstLater(), Lookahead(2, share=0.5)], replicas=2)
    for k in range(2):
        optimizer.step(w, np.ones((2, 1)), loss=k)
    assert w.ravel().tolist() == [-1, -1]
    optimizer.step(w, np.ones((2, 1)), loss=2)
    assert w.ravel().tolist() == [-1, -2]


def test_independent_decay_is_that_of_the_algebra_but_for_its_order():
    w, v = np.array([1.0, -2.0]), np.array([1.0, -2.0])
    optimizer = Optimizer(adam(), linear(0.1, steps=9), hooks=[IndependentDecay(0.01)])
    for g in ([0.5, -1.0], [-0.25, 2.0], [1.0, 0.1]):
        optimizer.step(w, np.array(g))
    plain = Optimizer(adam(), linear(0.1, steps=9))
    for g in ([0.5, -1.0], [-0.25, 2.0], [1.0, 0.1]):
        plain.step(v, np.array(g))
        v *= 0.99
    np.testing.assert_allclose(w, v, rtol=1e-15)
    tied, kept = np.array([2.0]), np.array([2.0])
    Optimizer(sgd() + 0.5 * Weights(), 1e-3).step(tied, np.zeros(1))
    Optimizer(sgd(), 1e-3, hooks=[IndependentDecay(0.5)]).step(kept, np.zeros(1))
    assert tied == 2 - 1e-3
    assert kept == 1


def test_independent_decay_follows_a_schedule():
    w = np.array([1.0])
    optimizer = Optimizer(sgd(), 1.0, hooks=[IndependentDecay(linear(0.5, steps=2))])
    for expected in (0.5, 0.375, 0.375):
        optimizer.step(w, np.zeros(1))
        assert w == expected


class TestLookahead:
    # portable case 16
    def test_optax_cases(self):
        w = np.array([3.0])
        optimizer = Optimizer(sgd(), 0.5, hooks=[Lookahead(3, share=1 / 3)])
        path = [w.item()]
        for _ in range(6):
            optimizer.step(w, np.array([2.0]))
            path.append(w.item())
        assert path == [3, 2, 1, 2, 1, 0, 1]

    @pytest.mark.parametrize(("share", "end"), [(0.0, 3.0), (0.5, 1.0), (1.0, -1.0)])
    def test_optax_shares(self, share, end):
        w = np.array([3.0])
        optimizer = Optimizer(sgd(), 1.0, hooks=[Lookahead(1, share=share)])
        for _ in range(2):
            optimizer.step(w, np.array([2.0]))
        assert w == end

    def test_a_whole_share_changes_nothing(self):
        one, two = np.ones(2), np.ones(2)
        ahead, plain = Optimizer(momentum(), 0.25, hooks=[Lookahead(2, share=1.0)]), Optimizer(momentum(), 0.25)
        for k in range(7):
            ahead.step(one, np.sin(k + one))
            plain.step(two, np.sin(k + two))
        np.testing.assert_allclose(one, two, rtol=1e-14)

    def test_replicas_are_the_runs_alone(self):
        gradients = np.random.default_rng(0).standard_normal((9, 3, 2))
        shares, steps = [0.2, 0.5, 0.9], [2, 3, 4]
        w = np.ones((3, 2))
        together = Optimizer(adam(), 0.1, hooks=[Lookahead(steps, share=shares)], replicas=3)
        for g in gradients:
            together.step(w, g)
        for i in range(3):
            v = np.ones(2)
            alone = Optimizer(adam(), 0.1, hooks=[Lookahead(steps[i], share=shares[i])])
            for g in gradients:
                alone.step(v, g[i].copy())
            assert np.array_equal(w[i], v)

    def test_it_goes_on_from_a_checkpoint(self, tmp_path):
        first, second, whole = (Optimizer(adam(), 0.1, hooks=[Lookahead(4)]) for _ in range(3))
        w, v = np.ones(3), np.ones(3)
        for k in range(10):
            whole.step(v, np.sin(k + v))
        for k in range(6):
            first.step(w, np.sin(k + w))
        first.save(tmp_path / "run.npz")
        second.load(tmp_path / "run.npz")
        for k in range(6, 10):
            second.step(w, np.sin(k + w))
        assert np.array_equal(w, v)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Box(1.0, -1.0), ValueError, "low must be at most high; got low=1.0, high=-1.0"),
        (lambda: Box(float("nan"), 1.0), ValueError, "low must be a number"),
        (lambda: Ball(-1.0), ValueError, "radius must be at least 0 and finite; got -1.0"),
        (lambda: Simplex(0.0), ValueError, "total must be greater than 0 and finite; got 0.0"),
        (lambda: Project(Ball), TypeError, "onto must be a set with nearest"),
        (lambda: Project(1.0), TypeError, "onto must be a set with nearest"),
        (lambda: IndependentDecay(1.5), ValueError, r"rate must be in \[0, 1\]; got 1.5"),
        (lambda: Lookahead(0), ValueError, "k must be a whole number of at least 1; got 0.0"),
        (lambda: Lookahead(3, share=1.1), ValueError, r"share must be in \[0, 1\]; got 1.1"),
    ],
)
def test_errors_say_what_is_allowed(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("onto", "name"),
    [(Ball([1.0, 2.0, 3.0]), "Ball.radius"), (Box(-1.0, [1.0] * 3), "Box.high"), (Simplex([1.0] * 3), "Simplex.total")],
    ids=str,
)
def test_a_set_has_one_number_or_one_for_each_replica(onto, name):
    with pytest.raises(
        ValueError, match=rf"{name} has a hyperparameter of shape \(3,\); it must be a number or \(2,\)"
    ):
        Optimizer(sgd(), 1.0, hooks=[Project(onto)], replicas=2)
    Optimizer(sgd(), 1.0, hooks=[Project(onto)], replicas=3).step(np.ones((3, 2)), np.ones((3, 2)))


@pytest.mark.parametrize("make", [Ball, Simplex, lambda number: Box(number, 1.0), lambda number: Box(0.0, number)])
def test_a_set_is_no_function_of_the_step(make):
    with pytest.raises(TypeError, match="a function"):
        make(lambda k: 1.0)

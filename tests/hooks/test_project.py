import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optimlab import Ball, Box, IndependentDecay, Lookahead, Optimizer, Project, Simplex, sgd

SETS = [Box(-1.0, 0.5), Box(low=0), Ball(1.5), Simplex(), Simplex(3.0)]
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
    assert (Box(low=0).nearest(x) >= 0).all()
    assert (np.sqrt((Ball(1.5).nearest(x) ** 2).sum(axis=1)) <= 1.5 * (1 + 1e-15)).all()
    probabilities = Simplex().nearest(x)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)


def test_a_point_inside_keeps_its_bits():
    x = np.array([[0.1, 0.2, 0.7]])
    for onto in (Box(0, 1), Box(low=0), Ball(1), Simplex()):
        assert np.array_equal(onto.nearest(x), x)


def test_a_point_on_the_boundary_of_the_simplex_keeps_its_bits():
    for seed in range(50):
        x = np.append(np.random.default_rng(seed).uniform(size=(1, 9)), [[0.0]], axis=1)
        x /= x.sum()
        assert np.array_equal(Simplex().nearest(x), x)


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
    Optimizer(sgd(), 1.0, hooks=[Project(Box(low=0), only="*weight")]).step(params, {k: np.zeros(1) for k in params})
    assert params == {"a.weight": 0.0, "a.bias": -1.0}


def test_projection_of_views_and_of_each_replica():
    base = np.zeros((2, 6))
    w = base[:, ::2]
    w[...] = [[3, 4, 0], [0, 30, 40]]
    Optimizer(sgd(), 1.0, hooks=[Project(Ball([5.0, 1.0]))], replicas=2).step(w, np.zeros((2, 3)))
    np.testing.assert_allclose(w, [[3, 4, 0], [0, 0.6, 0.8]])
    assert (base[:, 1::2] == 0).all()


def test_a_skipped_replica_is_not_touched():
    for hook in (Project(Box(low=0)), IndependentDecay(0.5), Lookahead(1, share=0.5)):
        w = np.array([[-2.0], [-2.0]])
        Optimizer(sgd(), 1.0, hooks=[SkipFirst(), hook], replicas=2).step(w, np.full((2, 1), 4.0))
        assert w[0] == -2
        assert w[1] not in (-2, -6)


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
    with pytest.raises(TypeError, match=r"(radius|total|low|high) must be .*; got <function"):
        make(lambda k: 1.0)


def test_a_sum_within_rounding_is_of_the_simplex():
    """√n units in the last place of the total; a point further away is projected."""
    n = 10_000
    x = np.random.default_rng(0).uniform(0.5, 1.5, (1, n))
    x /= x.sum()
    eps, near = np.finfo(float).eps, x.copy()
    near[0, 0] += 60 * eps
    assert 30 * eps < abs(near.sum() - 1.0) < 90 * eps
    assert np.array_equal(Simplex().nearest(near), near)
    far = x.copy()
    far[0, 0] += 1000 * eps
    assert abs(far.sum() - 1.0) > 200 * eps
    assert not np.array_equal(Simplex().nearest(far), far)
    assert np.array_equal(Simplex(3.0).nearest(3.0 * near), 3.0 * near)
    assert not np.array_equal(Simplex(0.01).nearest(0.01 * far), 0.01 * far)


def test_sets_of_each_replica():
    x = np.array([[3.0, 4.0], [3.0, 4.0], [-3.0, 0.0]])
    np.testing.assert_allclose(Ball([1.0, 9.0, 3.0]).nearest(x), [[0.6, 0.8], [3.0, 4.0], [-3.0, 0.0]])
    assert Box([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]).nearest(x).tolist() == [[1, 1], [2, 2], [2, 2]]
    np.testing.assert_allclose(Simplex([1.0, 7.0, 2.0]).nearest(x), [[0.0, 1.0], [3.0, 4.0], [0.0, 2.0]])
    assert Ball(0.0).nearest(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0, 0], [0, 0]]


def test_reprs_of_boxes_leave_out_what_is_no_limit():
    boxes = [Box(), Box(low=0.0), Box(high=1.0), Box(-1.0, 1.0), Box(low=[0.0, 1.0])]
    assert [repr(box) for box in boxes] == [
        "Box()", "Box(low=0.0)", "Box(high=1.0)", "Box(low=-1.0, high=1.0)", "Box(low=(0.0, 1.0))",
    ]  # fmt: skip

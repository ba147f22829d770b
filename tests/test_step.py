"""What hooks ask of a step."""

import numpy as np
import pytest

from optimlab import Step
from tests.hooks.steps import a_step


@pytest.mark.parametrize(
    ("skip", "replicas", "idle", "live"),
    [
        (False, None, False, True),
        (True, None, True, False),
        (np.False_, None, False, True),
        (np.True_, None, True, False),
        (False, 2, False, [True, True]),
        (True, 2, True, [False, False]),
        (np.array([False, True]), 2, False, [True, False]),
        (np.array([True, True]), 2, True, [False, False]),
        (False, 1, False, [True]),
        ([1, 0], 2, False, [False, True]),
    ],
)
def test_what_is_skipped(skip, replicas, idle, live):
    step = a_step([1.0], skip=skip, replicas=replicas)
    assert step.idle is idle
    assert np.array_equal(step.live, live)
    assert np.shape(step.live) == (() if replicas is None else (replicas,))


@pytest.mark.parametrize(
    ("skip", "which", "replicas", "found"),
    [
        (False, False, None, False),
        (False, np.True_, None, True),
        (True, False, None, True),
        (False, np.array([True, False]), 2, [True, False]),
        (np.array([False, True]), np.array([True, False]), 2, [True, True]),
        (np.array([False, True]), False, 2, [False, True]),
        ([0, 1], np.array([True, False]), 2, [True, True]),
        ((False, False), np.array([True, False]), 2, [True, False]),
    ],
)
def test_leaving_out(skip, which, replicas, found):
    step = a_step([1.0], skip=skip, replicas=replicas)
    step.leave_out(which)
    assert np.array_equal(step.skip, found)
    assert np.asarray(step.skip).dtype == bool
    assert replicas or type(step.skip) is bool


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spread_numbers_meet_a_leaf(dtype):
    step, leaf = a_step([1.0]), np.ones((2, 3, 4), dtype)
    for numbers, shape in ((0.5, ()), ([0.5, 0.25], (2, 1, 1)), (np.arange(2), (2, 1, 1))):
        spread = step.spread(numbers, leaf)
        assert spread.shape == shape
        assert spread.dtype == dtype
        assert spread.ravel().tolist() == np.ravel(numbers).tolist()
    assert step.spread([0.5, 0.25], leaf[:, 0, 0]).shape == (2,)
    marks = step.spread([True, False], leaf)
    assert (marks.dtype, marks.shape) == (bool, (2, 1, 1))


@pytest.mark.parametrize("scale", [1.0, np.ones(2), 2.0, np.array([1.0, 0.5])])
def test_the_factor_goes_into_the_gradients(scale):
    step = a_step([[3.0, 4.0], [6.0, 8.0]], [[0.0], [0.0]], scale=scale, replicas=2)
    given = step.gradients
    norms = step.norm(step.gradients)
    folded = step.fold_scale()
    assert folded is step.gradients
    assert (folded is given) == bool(np.all(np.equal(scale, 1.0)))
    assert step.scale == 1.0
    expected = given[0] * np.broadcast_to(scale, 2)[:, None]
    assert np.array_equal(folded[0], expected)
    assert np.array_equal(norms, np.hypot(*expected.T))
    assert given[0].tolist() == [[3, 4], [6, 8]]


def test_the_norm_of_a_step_does_not_know_the_sign_of_its_factor():
    step = a_step([3.0, 4.0], [12.0], scale=-2.0)
    assert (step.norm(step.gradients), step.norm(step.gradients[:1])) == (26.0, 10.0)
    assert type(step.norm(step.gradients)) is float
    assert a_step([[3.0, 4.0]], scale=np.array([-2.0]), replicas=1).norm([np.array([[3.0, 4.0]])]).tolist() == [10.0]


def test_a_step_has_defaults():
    step = Step(1, 0.1, 1.0, False, (), (), ())
    assert (step.loss, step.replicas, step.checked) == (None, None, None)


def test_a_step_has_no_other_attributes():
    with pytest.raises(AttributeError):
        a_step([1.0]).learning_rate = 0.1

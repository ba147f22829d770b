import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from optimlab import ClipEach, ClipNorm, ClipValue, Optimizer, linear, sgd
from tests.hooks.steps import a_step, seen

floats = st.floats(-1e6, 1e6, allow_subnormal=False)
limits = st.just(0.0) | st.floats(1e-6, 10)
vectors = hnp.arrays(np.float64, st.integers(1, 50), elements=floats)


def test_the_norm_is_that_of_all_leaves():
    first, second = seen(ClipNorm(1.0), [3.0, 4.0], [12.0])
    np.testing.assert_allclose(first, [3 / 13, 4 / 13], rtol=1e-15)
    np.testing.assert_allclose(second, [12 / 13], rtol=1e-15)


def test_each_leaf_by_its_own_norm():
    first, second = seen(ClipEach(5.0), [3.0, 4.0], [12.0])
    assert first.tolist() == [3, 4]
    assert second.tolist() == [5]


@pytest.mark.parametrize("limit", [5.0, np.nextafter(5.0, 6.0), np.inf])
@pytest.mark.parametrize("hook", [ClipNorm, ClipEach])
def test_a_norm_at_the_limit_changes_nothing(hook, limit):
    step = a_step([3.0, 4.0])
    hook(limit).before(step)
    assert step.scale == 1.0
    assert step.gradients[0].tolist() == [3, 4]


@pytest.mark.parametrize("hook", [ClipNorm, ClipEach])
def test_a_norm_just_above_the_limit_is_clipped(hook):
    (g,) = seen(hook(np.nextafter(5.0, 4.0)), [3.0, 4.0])
    assert g.tolist() != [3, 4]


def test_optax_clip_cases():
    gradients = ([500.0, 5.0], [300.0, 3.0])
    assert all(g.tolist() == [1, 1] for g in seen(ClipValue(1.0), *gradients))
    for i in range(1, 8):
        clipped = seen(ClipNorm(1 / i), *gradients)
        assert np.sqrt(sum((g**2).sum() for g in clipped)) == pytest.approx(1 / i, rel=1e-14)
    for hook in (ClipNorm(1e6), ClipValue(1e6), ClipEach(1e6)):
        assert all(g.tolist() == h for g, h in zip(seen(hook, *gradients), gradients, strict=True))


# per-example clipping is clipping over replicas
@pytest.mark.parametrize(("limit", "total", "clipped"), [(np.inf, 7, 0), (0.0, 0, 3), (1.25, 1.75, 3)])
def test_optax_per_example_cases(limit, total, clipped):
    examples = [(0.0, 0, 0), (0, 3, 4), (4, 0, 3), (3, 4, 0)]
    hook = ClipNorm(limit)
    (g,) = seen(hook, examples, replicas=4)
    assert g.sum(axis=0).tolist() == [total] * 3
    assert hook.shares()[0].sum() == clipped
    assert hook.norm.tolist() == [0, 5, 5, 5]


@given(st.lists(vectors, min_size=1, max_size=3), limits)
def test_clipping_twice_is_clipping_once(gradients, limit):
    for hook in (ClipNorm(limit), ClipEach(limit), ClipValue(limit)):
        once = seen(hook, *gradients)
        for g, h in zip(once, seen(hook, *once), strict=True):
            np.testing.assert_allclose(h, g, rtol=1e-14)


@given(st.lists(vectors, min_size=1, max_size=3), limits, st.floats(1e-3, 1e3))
def test_a_factor_before_clipping_is_a_factor_of_the_gradient(gradients, limit, scale):
    for hook in (ClipNorm(limit), ClipEach(limit), ClipValue(limit)):
        together = seen(hook, *gradients, scale=scale)
        for g, h in zip(together, seen(hook, *[scale * g for g in gradients]), strict=True):
            np.testing.assert_allclose(g, h, rtol=1e-12, atol=1e-300)


@given(vectors, limits)
def test_a_clipped_gradient_keeps_its_direction_and_meets_the_limit(gradient, limit):
    (g,) = seen(ClipNorm(limit), gradient)
    size = np.sqrt((gradient**2).sum())
    assert np.sqrt((g**2).sum()) == pytest.approx(min(size, limit), rel=1e-12)
    np.testing.assert_allclose(g * size, gradient * min(size, limit), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("hook", [ClipNorm(1.0), ClipEach(1.0), ClipValue(1.0)], ids=repr)
def test_what_is_not_finite_reaches_the_check(hook, bad):
    w = [np.ones(2), np.ones(1)]
    optimizer = Optimizer(sgd(), 0.1, hooks=[hook])
    with pytest.raises(FloatingPointError, match=r"gradient '0' is (nan|-?inf) at index \(1,\) in step 1"):
        optimizer.step(w, [np.array([3.0, bad]), np.array([4.0])])
    assert w[0].tolist() == [1, 1]
    assert w[1].tolist() == [1]


def test_a_bad_replica_does_not_disturb_the_others():
    (g,) = seen(ClipNorm(1.0), [[3.0, 4.0], [np.inf, 1.0], [np.nan, 1.0], [0.3, 0.4]], replicas=4)
    np.testing.assert_allclose(g[[0, 3]], [[0.6, 0.8], [0.3, 0.4]])
    assert np.isinf(g[1, 0])
    assert np.isnan(g[2, 0])


def test_limits_may_be_schedules_and_replicas():
    assert seen(ClipNorm(linear(4.0, steps=4)), [8.0], t=1)[0] == 4
    assert seen(ClipNorm(linear(4.0, steps=4)), [8.0], t=3)[0] == 2
    for hook in (ClipNorm([1.0, 2.0]), ClipEach([1.0, 2.0]), ClipValue([1.0, 2.0])):
        assert seen(hook, [[[8.0]], [[8.0]]], replicas=2)[0].ravel().tolist() == [1, 2]


def test_shares_tell_what_was_clipped():
    gradients = ([1.0, -3.0, 2.0, 0.5], [0.1])
    hooks = [ClipNorm(1.0), ClipEach(1.0), ClipValue(1.0)]
    for hook in hooks:
        seen(hook, *gradients)
    assert [hook.shares() for hook in hooks] == [(1, 1), (1, 0), (0.5, 0)]


def test_the_gradients_are_never_written_to():
    for hook in (ClipNorm(1.0), ClipEach(1.0), ClipValue(1.0)):
        g = np.array([5.0, -7.0])
        g.flags.writeable = False
        for _ in range(3):
            seen(hook, g)
        assert g.tolist() == [5, -7]


@pytest.mark.parametrize("replicas", [None, 2])
def test_a_limit_of_0_meets_a_factor_of_0(replicas):
    """0/0 is no limit: the gradient is 0 whatever it is clipped to."""
    gradient = [3.0, -4.0] if replicas is None else [[3.0, -4.0], [1.0, 0.0]]
    step = a_step(gradient, replicas=replicas)
    for hook in (ClipNorm(0.0), ClipValue(0.0)):
        hook.before(step)
    assert np.all(step.scale == 0.0)
    assert np.isfinite(step.gradients[0]).all()
    (g,) = seen(ClipValue(np.inf), gradient, replicas=replicas)
    assert g.tolist() == gradient


@pytest.mark.parametrize("hook", [ClipNorm(2.0), ClipEach(2.0), ClipValue(2.0)], ids=repr)
def test_the_sign_of_a_factor_is_no_reason_to_clip(hook):
    for scale in (-1.0, np.array([-1.0, 1.0])):
        replicas = None if isinstance(scale, float) else 2
        gradient = [1.0, -1.0] if replicas is None else [[1.0, -1.0], [1.0, -1.0]]
        (g,) = seen(hook, gradient, scale=scale, replicas=replicas)
        assert np.array_equal(np.abs(g), np.abs(gradient))
        (g,) = seen(hook, np.multiply(gradient, 100.0), scale=scale, replicas=replicas)
        assert np.abs(g).max() <= 2.0


def test_a_finite_norm_is_a_proof():
    clip = ClipNorm(1.0)
    for gradient, proven in (([3.0, 4.0], True), ([0.0, 0.0], True), ([np.inf, 1.0], False), ([np.nan, 1.0], False)):
        step = a_step(gradient)
        clip.before(step)
        assert (step.checked is step.gradients) is proven
    for last, proven in ((1.0, True), (np.nan, False)):
        step = a_step([[3.0, 4.0], [1.0, last]], replicas=2)
        clip.before(step)
        assert (step.checked is step.gradients) is proven


def test_shares_of_replicas():
    gradient = [[1.0, -3.0, 2.0, 0.5], [0.0, 0.0, 0.0, 9.0], [0.0, 0.0, 0.0, 0.0]]
    hooks = [ClipNorm(1.0), ClipEach(1.0), ClipValue(1.0)]
    for hook in hooks:
        assert hook.shares() == ()
        seen(hook, gradient, gradient, replicas=3)
    assert [np.array(hook.shares()).tolist() for hook in hooks] == [
        [[1, 1, 0]] * 2, [[1, 1, 0]] * 2, [[0.5, 0.25, 0.0]] * 2,
    ]  # fmt: skip


def test_the_norm_is_kept_from_before_the_clipping():
    clip = ClipNorm(1.0)
    assert np.isnan(clip.norm)
    seen(clip, [3.0, 4.0], scale=-2.0)
    assert clip.norm == 10.0

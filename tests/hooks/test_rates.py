import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimlab import Accumulate, LearningRateDecay, Optimizer, Plateau, adam, cosine_decay, sgd, step_decay
from tests.hooks.steps import a_step


def rates(hooks, losses, lr=1.0):
    optimizer, w = Optimizer(sgd(), lr, hooks=hooks), np.zeros(1)
    found = []
    for loss in losses:
        optimizer.step(w, np.ones(1), loss=loss)
        found.append(optimizer.lr)
    return found


def falls(values):
    """Return the steps, from 1, at which a rate is below the one before."""
    return [i + 2 for i in range(len(values) - 1) if values[i + 1] < values[i]]


def test_a_schedule_is_a_factor_on_the_rate():
    assert rates([LearningRateDecay(step_decay(1, 0.5, steps=2))], [None] * 5, lr=3.0) == [3, 3, 1.5, 1.5, 0.75]
    found = rates([LearningRateDecay(step_decay(1, 0.5, steps=2))], [None] * 3, lr=step_decay(1, 0.1, steps=1))
    assert found == pytest.approx([1.0, 0.1, 0.005], rel=1e-15)  # 0.1² has a last digit of the machine's


def test_on_a_constant_rate_it_is_the_schedule():
    schedule = cosine_decay(0.3, steps=9)
    one, two = np.ones(3), np.ones(3)
    hooked, plain = Optimizer(adam(), 1.0, hooks=[LearningRateDecay(schedule)]), Optimizer(adam(), schedule)
    for k in range(12):
        hooked.step(one, np.sin(k + one))
        plain.step(two, np.sin(k + two))
    assert np.array_equal(one, two)


def test_decay_moves_only_on_real_steps():
    found = rates([Accumulate(3), LearningRateDecay(step_decay(1, 0.5, steps=1))], [None] * 9)
    assert found[2::3] == [1, 0.5, 0.25]


def test_each_replica_has_the_decay_of_its_own_updates():
    class Skipping:
        def before(self, step):
            step.skip = np.array([False, step.loss == 1])

    optimizer = Optimizer(sgd(), 1.0, hooks=[Skipping(), LearningRateDecay(step_decay(1, 0.5, steps=1))], replicas=2)
    w = np.zeros((2, 1))
    for k in range(3):
        optimizer.step(w, np.ones((2, 1)), loss=k)
    assert w.ravel().tolist() == [-1.75, -1.5]


def test_plateau_falls_where_optax_falls():
    assert falls(rates([Plateau(0.1, patience=5)], [1.0] * 12)) == [6, 11]
    found = rates([Plateau(0.1, patience=5, cooldown=5)], [1.0] * 30)
    assert falls(found) == [6, 16, 26]
    np.testing.assert_allclose(sorted(set(found)), [1e-3, 1e-2, 0.1, 1])


def test_plateau_counts_down_its_cooldown():
    hook = Plateau(0.1, patience=5, cooldown=5)
    for _ in range(6):
        hook.before(a_step([0.0], loss=1.0))
    assert hook.scale == 0.1
    assert hook.state()["rest"] == 5
    hook.before(a_step([0.0], loss=1.0))
    assert hook.state()["rest"] == 4
    assert hook.state()["bad"] == 0


@given(
    st.lists(st.floats(0.1, 10) | st.sampled_from([1.0, np.nan]), min_size=1, max_size=40),
    st.integers(1, 4),
    st.integers(0, 3),
    st.floats(0, 0.5),
)
def test_plateau_is_the_machine_of_optax(losses, patience, cooldown, rtol):
    best, bad, rest, scale, expected = np.inf, 0, 0, 1.0, []
    for loss in losses:
        improved = loss < (best if best == np.inf else best - rtol * abs(best))
        best, bad = (loss, 0) if improved else (best, bad + 1)
        if rest > 0:
            bad, rest = 0, rest - 1
        elif bad == patience:
            bad, rest, scale = 0, cooldown, max(scale * 0.5, 0.1)
        expected.append(scale)
    hook = Plateau(0.5, patience, rtol=rtol, cooldown=cooldown, lowest=0.1)
    assert rates([hook], losses) == expected


def test_losses_below_0_that_stay_are_a_plateau():
    assert falls(rates([Plateau(0.5, patience=2)], [-1.0] * 4)) == [3]
    assert falls(rates([Plateau(0.5, patience=2)], [-1.0, -2.0, -4.0, -8.0])) == []


def test_plateau_of_each_replica():
    optimizer = Optimizer(sgd(), 1.0, hooks=[Plateau([0.5, 0.1, 0.1], patience=[2, 1, 1])], replicas=3)
    w = np.zeros((3, 1))
    for loss in ([1.0, 1.0, 3.0], [1.0, 1.0, 2.0], [1.0, 0.5, 1.0]):
        optimizer.step(w, np.ones((3, 1)), loss=np.array(loss))
    assert optimizer.lr.tolist() == [0.5, 0.1, 1.0]


def test_plateau_ignores_skipped_steps():
    hook = Plateau(0.5, patience=1)
    hook.before(a_step([0.0], loss=1.0))
    skipped = a_step([0.0], loss=1.0)
    skipped.skip = True
    hook.before(skipped)
    assert hook.scale == 1.0
    hook.before(a_step([0.0], loss=1.0))
    assert hook.scale == 0.5


def test_plateau_ignores_the_replicas_that_skip():
    hook = Plateau(0.5, patience=1)
    for skip in ([False, False], [False, True]):
        step = a_step([[0.0], [0.0]], loss=np.array([1.0, 1.0]), replicas=2)
        step.skip = np.array(skip)
        hook.before(step)
    assert hook.scale.tolist() == [0.5, 1.0]


def test_plateau_goes_on_from_a_checkpoint(tmp_path):
    losses = [3.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    whole = rates([Plateau(0.5, patience=2, cooldown=1)], losses)
    first, second = (Optimizer(sgd(), 1.0, hooks=[Plateau(0.5, patience=2, cooldown=1)]) for _ in range(2))
    w, found = np.zeros(1), []
    for loss in losses[:5]:
        first.step(w, np.ones(1), loss=loss)
        found.append(first.lr)
    first.save(tmp_path / "run.npz")
    second.load(tmp_path / "run.npz")
    for loss in losses[5:]:
        second.step(w, np.ones(1), loss=loss)
        found.append(second.lr)
    assert found == whole
    assert len(set(found)) > 1


def test_plateau_needs_more_than_rtol_of_progress():
    def count(best, loss):
        hook = Plateau(0.5, patience=2, rtol=0.25)
        for value in (best, loss):
            hook.before(a_step([0.0], loss=value))
        return int(hook.state()["bad"]), float(hook.state()["best"])

    assert count(8.0, 6.0) == (1, 8.0)
    assert count(8.0, np.nextafter(6.0, 0.0)) == (0, np.nextafter(6.0, 0.0))
    assert count(-8.0, -10.0) == (1, -8.0)
    assert count(-8.0, -10.5) == (0, -10.5)
    assert count(0.0, -1e-300) == (0, -1e-300)


def test_plateau_stops_at_the_lowest_scale():
    hook = Plateau(0.5, patience=1, lowest=0.2)
    scales = []
    for _ in range(6):
        hook.before(a_step([0.0], loss=1.0))
        scales.append(hook.scale)
    assert scales == [1.0, 0.5, 0.25, 0.2, 0.2, 0.2]
    assert all(type(scale) is float for scale in scales)


def test_the_scale_of_replicas_may_be_written_to():
    hook = Plateau(0.5, patience=1)
    for _ in range(2):
        hook.before(a_step([[0.0], [0.0]], loss=np.ones(2), replicas=2))
    hook.scale[...] = 7.0
    assert hook.scale.tolist() == [0.5, 0.5]


def test_what_is_skipped_keeps_the_scale():
    step = a_step([0.0], loss=None, skip=True)
    step.lr = 3.0
    hook = Plateau(0.5)
    hook.load_state(hook.state() | {"scale": np.array(0.25)})
    hook.before(step)
    assert step.lr == 0.75

"""An average that was never run, from snapshots of others: against the one that is run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optimlab import (
    Bema,
    ConstantGain,
    DebiasedGain,
    Ema,
    Gain,
    InversePowerGain,
    Optimizer,
    PowerGain,
    ShareGain,
    TailGain,
    UniformGain,
    descend,
    ema,
    sgd,
    synthesize,
)

STEPS = 600
PATH = np.cumsum(np.random.default_rng(0).standard_normal((STEPS, 30)), axis=0) + 20.0
TRACKS: tuple[Gain, Gain] = (PowerGain(16.97), PowerGain(6.94))
AT = range(25, STEPS + 1, 25)


def value(gain: Gain, t: int = STEPS) -> Any:
    return ema(PATH[:t], gain, axis=0)[-1]


SNAPSHOTS = [(t, gain, value(gain, t)) for t in AT for gain in TRACKS]


@pytest.mark.parametrize("gamma", [4.0, 6.94, 10.0, 16.97, 25.0])
def test_any_power_profile_comes_from_two(gamma: float) -> None:
    found = synthesize(SNAPSHOTS, PowerGain(gamma))
    expected = value(PowerGain(gamma))
    assert np.linalg.norm(found.params - expected) < 1e-3 * np.linalg.norm(expected)
    assert found.error < 0.02


def test_what_was_run_comes_back_as_it_is() -> None:
    for gain in TRACKS:
        found = synthesize(SNAPSHOTS, gain)
        assert found.error < 1e-13
        np.testing.assert_allclose(found.params, value(gain), rtol=1e-12)
    earlier = synthesize(SNAPSHOTS[:10], TRACKS[0], t=125)
    np.testing.assert_allclose(earlier.params, value(TRACKS[0], 125), rtol=1e-12)


def test_the_error_is_that_of_the_profile_which_is_the_least() -> None:
    target = ShareGain(0.2)
    found, wanted = synthesize(SNAPSHOTS, target), target.weights(STEPS)
    rows = [np.pad(gain.weights(t), (0, STEPS - t)) for t, gain, _ in SNAPSHOTS]
    left = found.coefficients @ np.array(rows) - wanted
    assert found.error == pytest.approx(np.linalg.norm(left) / np.linalg.norm(wanted), rel=1e-9)
    assert abs(np.array(rows) @ left).max() < 1e-12 * np.linalg.norm(wanted)  # normal to each profile
    noise = np.random.default_rng(1).standard_normal((STEPS, 3000))
    made, run = (found.coefficients @ np.array(rows)) @ noise, wanted @ noise
    assert np.linalg.norm(made - run) / np.linalg.norm(run) == pytest.approx(found.error, rel=0.05)


def test_all_that_has_weights_can_be_taken_and_wanted() -> None:
    """The plain mean of the last 100 is the difference of two plain means; BEMA is its EMA and two iterates."""
    snapshots = [(500, Ema(UniformGain()), value(UniformGain(), 500)), (600, UniformGain(), value(UniformGain()))]
    tail = synthesize(snapshots, TailGain(500))
    assert tail.error < 1e-12
    np.testing.assert_allclose(tail.coefficients, [-5.0, 6.0])
    np.testing.assert_allclose(tail.params, PATH[500:].mean(axis=0))
    gain, last = InversePowerGain(0.5), ConstantGain(0.0)
    three: list[Any] = [(1, last, PATH[0]), (STEPS, last, PATH[-1]), (STEPS, gain, value(gain))]
    bema = Bema(gain, InversePowerGain(0.2))
    assert synthesize(three, bema).error < 1e-12
    np.testing.assert_allclose(synthesize(three, bema).params, bema.weights(STEPS) @ PATH)


def test_containers_and_dtypes_stay() -> None:
    def params(x: Any) -> Any:
        return {"W": x.reshape(5, 6).astype(np.float32), "rest": [x[0], (x[:2],)]}

    found = synthesize([(t, gain, params(x)) for t, gain, x in SNAPSHOTS], PowerGain(10.0)).params
    plain = synthesize(SNAPSHOTS, PowerGain(10.0)).params
    assert found["W"].dtype == np.float32
    np.testing.assert_allclose(found["W"].ravel(), plain, rtol=1e-5)
    np.testing.assert_array_equal(found["rest"][1][0], plain[:2])


@pytest.mark.parametrize(
    ("snapshots", "target", "options", "error", "message"),
    [
        ([], UniformGain(), {}, ValueError, r"snapshots must hold at least one"),
        ([(5, UniformGain())], UniformGain(), {}, TypeError, r"each of snapshots must be \(t, average, params\)"),
        (SNAPSHOTS, UniformGain(), {"t": 10}, ValueError, r"t must be a whole number of at least 600; got 10"),
        ([(0, UniformGain(), PATH[0])], UniformGain(), {}, ValueError, r"t of a snapshot must be a whole number"),
        (SNAPSHOTS, 0.9, {}, TypeError, r"target must be a Gain, an Ema or a Bema, such as PowerGain\(6\.94\)"),
        ([(5, 0.9, PATH[0])], UniformGain(), {}, TypeError, r"the average of a snapshot must be a Gain"),
        (SNAPSHOTS, DebiasedGain((0.9, 0.5)), {}, ValueError, r"target must be of one number, not of one for each"),
        (
            [(5, UniformGain(), PATH[0]), (6, UniformGain(), PATH[0, :2])], UniformGain(), {}, ValueError,
            r"leaf '' must have one shape in all snapshots; got \(2,\), \(30,\)",
        ),
        ([(5, UniformGain(), {"w": "x"})], UniformGain(), {}, TypeError, r"leaf 'w' of a snapshot must be a NumPy"),
        ([(5, UniformGain(), np.ones(2, int))], UniformGain(), {}, TypeError, r"must be float32 or float64; got int64"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_together_is_refused(
    snapshots: Any, target: Any, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        synthesize(snapshots, target, **options)


@pytest.mark.slow
def test_on_digits_50_snapshots_make_any_average_to_a_thousandth() -> None:
    """Two tracks are run beside a net, 25 snapshots of each; the averages that are made are run as well."""
    pytest.importorskip("pandas")
    from optimlab.lab.nets import MLP
    from optimlab.lab.problems import digits, holdout

    steps, wanted = 1000, (PowerGain(4.0), PowerGain(10.0), PowerGain(25.0), ShareGain(0.05), ShareGain(0.09))
    problem = holdout(digits(), MLP((64, 32, 10)), np.random.default_rng(0))
    at = range(40, steps + 1, 40)

    def run(gain: Gain) -> list[Any]:
        """The average after every 40 updates; the batches are the same in each run."""
        batches, optimizer = problem.batches(32, np.random.default_rng(1)), Optimizer(sgd(), 0.5, average=Ema(gain))
        w, found = problem.start.copy(), []
        for _ in at:
            w = descend(batches, optimizer, 40, start=w, progress=False).w
            with optimizer.averaged(w):
                found.append(w.copy())
        return found

    snapshots = [(t, gain, w) for gain in TRACKS for t, w in zip(at, run(gain), strict=True)]
    assert len(snapshots) == 50
    for gain in wanted:
        found, expected = synthesize(snapshots, gain), run(gain)[-1]
        assert np.linalg.norm(found.params - expected) <= 1e-3 * np.linalg.norm(expected)

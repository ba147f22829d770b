"""The best learning rates against others, and the critical batch against a search."""

import numpy as np
import pytest

from optimlab.lab.theory import LinearRule, best_decay, best_decay_variance, critical_batch_size, transient


def test_best_decay_is_reached_by_its_schedule_and_by_no_other():
    h, noise, start, steps = 0.5, 3.0, 1.7, 50
    best = best_decay(h, noise=noise, start=start**2)
    rates = best.initial / (1.0 + best.rate * np.arange(steps))
    law = best_decay_variance(np.arange(steps + 1), h, noise=noise, start=start**2)
    np.testing.assert_allclose(transient(LinearRule(), rates, h, noise=noise, start=start).square, law, rtol=1e-12)
    factors = np.exp(0.3 * np.random.default_rng(0).normal(size=(steps, 200)))
    others = transient(LinearRule(), rates[:, None] * factors, h, noise=noise, start=start).square
    assert (others[1:] > law[1:, None]).all()


def test_best_decay_without_noise_arrives_in_one_step():
    np.testing.assert_array_equal(best_decay_variance([0, 1, 2], 0.5, noise=0.0, start=4.0), [4.0, 0.0, 0.0])
    assert best_decay(0.5, noise=0.0) == (2.0, 1.0)


def test_critical_batch_brings_half_of_the_progress():
    h, c, x = np.array([1.0, 0.3, 0.1]), np.array([0.5, 2.0, 1.0]), np.array([1.0, 4.0, 0.2])
    critical = critical_batch_size(h, x, noise=c)
    lrs = np.linspace(0.0, 2.0, 200_001)[:, None]

    def progress(batch):
        after = (1.0 - lrs * h) ** 2 * x + lrs**2 * c / batch
        return (0.5 * h * (x - after)).sum(axis=1).max()

    for ratio in (0.1, 1.0, 7.0):
        assert progress(critical * ratio) == pytest.approx(progress(np.inf) / (1.0 + 1.0 / ratio), rel=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: best_decay(1.0, start=0.0), "start must be greater than 0 and finite; got 0.0"),
        (lambda: best_decay_variance(-1, 1.0), "t must be whole numbers of at least 0 and finite; got -1.0"),
        (
            lambda: critical_batch_size([1.0], [0.0], noise=[1.0]),
            "squares must be greater than 0",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

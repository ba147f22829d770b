"""The wider family: where a formula is at its edge, and arguments that make no sense."""

import numpy as np
import pytest

from optimlab import (
    Optimizer,
    adadelta,
    adafactor,
    adamax,
    adamc,
    adopt,
    aggmo,
    mars,
    nadam,
    qhadam,
    qhm,
    radam,
    rmsprop_centered,
    sm3,
    stable_adamw,
)  # fmt: skip


def test_a_variance_that_rounds_below_zero_is_zero():
    rng = np.random.default_rng(0)
    level, w = rng.normal(size=300), np.ones(300)
    opt = Optimizer(rmsprop_centered(), lr=1e-9)
    for _ in range(400):
        opt.step(w, level * (1.0 + 1e-9 * rng.normal(size=300)))
    assert np.isfinite(w).all()


@pytest.mark.parametrize("beta2", [0.0, 1 / 3, 0.5, 0.6])
def test_radam_with_a_short_memory_is_its_mean(beta2):
    for t in (1, 9, 100):
        _, rectified, *_, unrectified = radam(beta2=beta2).coefficients(t)
        assert (rectified, unrectified) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: qhm(nu="x"), "nu"),
        (lambda: qhadam(nu1=None), "nu1"),
        (lambda: qhadam(nu2=-1.0), "nu2"),
        (lambda: aggmo("x"), "betas"),
        (lambda: aggmo([0.5, 2.0]), "betas"),
        (lambda: aggmo([]), "the number of betas"),
        (lambda: adadelta(eps="x"), "eps"),
        (lambda: adamax(eps=-1.0), "eps"),
        (lambda: adopt(eps=-1.0), "eps"),
        (lambda: sm3(eps=-1.0), "eps"),
        (lambda: stable_adamw(eps="x"), "eps"),
        (lambda: radam(threshold=3.0), "threshold"),
        (lambda: radam(beta2=[0.9, 0.99]), "beta2"),
        (lambda: nadam(beta1=[0.9, 0.99]), "beta1"),
        (lambda: nadam(psi="x"), "psi"),
        (lambda: adamc(-1.0), "lr_max"),
        (lambda: adamc(1.0, weight_decay="x"), "weight_decay"),
        (lambda: mars(beta1=1.0), "beta1"),
        (lambda: mars(gamma="x"), "gamma"),
        (lambda: adafactor(least=-1.0), "least"),
    ],
)
def test_an_error_names_the_argument(make, name):
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be "):
        make()

"""Where SGD stops: the noise floor of a constant learning rate, and to which lower rate an average amounts.

On the noisy quadratic (curvature h, gradients h w + e, e of variance c/B; Zhang et al. 2019) the place where an
optimizer ends is known in closed form, or as the solution of a Lyapunov equation: for SGD, the heavy ball, Nesterov's
momentum, and the average of their iterates. Each stands beside its simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Ema, Optimizer, Rule, heavy_ball, nesterov, sgd
from optimlab.lab.frame import PALETTE, Run, mean_interval, study
from optimlab.lab.problems import NoisyQuadratic
from optimlab.lab.theory import (
    LinearRule,
    averaged_sgd_variance,
    heavy_ball_variance,
    lr_equal_to_average,
    nesterov_variance,
    sgd_variance,
    stationary_covariance,
)
from optimlab.typing import Floats

Interval = tuple[float, float, float]


class Case(NamedTuple):
    """One setting in one dimension, h = c = 1, with the reference's floors of iterates and average."""

    lr: float
    beta: float
    gamma: float
    floor: str
    averaged: str

    def __str__(self) -> str:
        name = f"heavy ball β {self.beta:g}" if self.beta else "SGD"
        return f"{name} lr {self.lr:g}"


CASES = (
    Case(0.1, 0.0, 0.9, ".05263", ".02639"),
    Case(0.5, 0.0, 0.9, ".33333", ".04625"),
    Case(0.1, 0.9, 0.9, ".51351", ".08834"),
    Case(0.5, 0.9, 0.99, "2.879", ".00557"),
    Case(1.0, 0.5, 0.9, "1.5000", ".06159"),
)


def floors(run: Run, rule: Rule, lr: Floats, gamma: Floats) -> list[tuple[Interval, Interval]]:
    """Measure E w² and E w̄² for each learning rate: time averages of independent replicas after the descent."""
    runs, steps = (150, 1000) if run.quick else (500, 3000)
    problem = NoisyQuadratic((1.0,), (1.0,)).seen(run.rng)
    rates = np.repeat(lr, runs)
    average = Ema(tuple(np.repeat(gamma, runs).tolist()), debias=True)
    opt = Optimizer(rule, rates, average=average, replicas=len(rates))
    w = np.zeros((len(rates), 1))
    sums = np.zeros((2, len(rates)))
    for k in run.progress(range(800 + steps), "steps of the floors"):
        opt.step(w, problem.gradient(w))
        if k >= 800:
            sums[0] += w[:, 0] ** 2
            with opt.averaged(w):
                sums[1] += w[:, 0] ** 2
    samples = (sums / steps).reshape(2, len(lr), runs)
    return [(mean_interval(samples[0, i]), mean_interval(samples[1, i])) for i in range(len(lr))]


def replicated(values: list[float], run: Run) -> tuple[float, ...]:
    """One β for each replica of ``floors``."""
    return tuple(np.repeat(values, 150 if run.quick else 500).tolist())


def reference_claims(run: Run) -> pd.DataFrame:
    """Claim each printed floor twice: the formula gives its digits, and the simulation agrees with the formula."""
    columns = np.array([case[:3] for case in CASES]).T
    measured = floors(run, heavy_ball(replicated(columns[1].tolist(), run)), columns[0], columns[2])
    rows = []
    for case, pair in zip(CASES, measured, strict=True):
        rule = LinearRule(case.beta, average=case.gamma)
        lyapunov = stationary_covariance(rule, case.lr, 1.0)[2, 2]
        closed = heavy_ball_variance(case.lr, 1.0, beta=case.beta)
        for what, formula, printed, found in (
            ("iterates", closed, case.floor, pair[0]),
            (f"EMA γ {case.gamma:g}", lyapunov, case.averaged, pair[1]),
        ):
            half_a_digit = 0.5 * 10.0 ** -len(printed.split(".")[1])
            name = f"{case}, {what}"
            run.claim(
                f"formula {name}",
                f"{name}: stationary E w² by formula has the reference's digits",
                expected=float(printed),
                measured=formula,
                tolerance=half_a_digit,
            )
            run.claim(
                f"simulated {name}",
                f"{name}: stationary E w², simulated against the formula",
                expected=formula,
                measured=found,
            )
            rows.append({"case": str(case), "what": what, "formula": formula, "simulated": found[0]})
    return pd.DataFrame(rows)


class Sweep(NamedTuple):
    """Floors of a rule over learning rates."""

    name: str
    lr: Floats
    formula: Callable[[Floats], Floats]
    colour: str


def sweeps(run: Run) -> tuple[list[Sweep], pd.DataFrame]:
    """Measure the floors over the learning rate; claim those of Nesterov, and the rate that equals an average."""
    lr, long, gamma = np.geomspace(0.03, 1.9, 8), np.geomspace(0.03, 3.6, 8), 0.9
    short = np.geomspace(0.03, 1.2, 8)
    found = [
        Sweep("heavy ball β .9", long, lambda x: heavy_ball_variance(x, 1.0, beta=0.9), PALETTE["vermillion"]),
        Sweep("Nesterov β .9", short, lambda x: nesterov_variance(x, 1.0, beta=0.9), PALETTE["green"]),
        Sweep("SGD", lr, lambda x: sgd_variance(x, 1.0), PALETTE["black"]),
        Sweep("EMA γ .9 of SGD", lr, lambda x: averaged_sgd_variance(x, 1.0, gamma=gamma), PALETTE["blue"]),
    ]
    rows = []
    for sweep, rule in zip(found[:3], (heavy_ball(0.9), nesterov(0.9), sgd()), strict=True):
        pairs = floors(run, rule, sweep.lr, np.full(8, gamma))
        rows += [{"rule": sweep.name, "lr": x, "floor": pair[0]} for x, pair in zip(sweep.lr, pairs, strict=True)]
        if sweep.name == "SGD":
            rows += [{"rule": "EMA γ .9 of SGD", "lr": x, "floor": p[1]} for x, p in zip(lr, pairs, strict=True)]
    for row in [row for row in rows if row["rule"] == "Nesterov β .9"][1::3]:
        run.claim(
            f"Nesterov lr {row['lr']:.2g}",
            f"Nesterov β .9, lr {row['lr']:.3g}: stationary E w², simulated against the ARMA(2, 1) formula",
            expected=nesterov_variance(row["lr"], 1.0, beta=0.9),
            measured=row["floor"],
        )
    return found, pd.DataFrame(rows)


def equal_rate_claims(run: Run) -> None:
    """Claim that the lower rate of the formula ends where the average ends, and what that rate is."""
    lr, gamma = np.array([0.5, 0.5, 1.5]), np.array([0.9, 0.97, 0.9])
    lower = lr_equal_to_average(lr, 1.0, gamma=gamma)
    for i, (pair, average) in enumerate(
        zip(floors(run, sgd(), lower, gamma), averaged_sgd_variance(lr, 1.0, gamma=gamma), strict=True)
    ):
        run.claim(
            f"decay = average lr {lr[i]:g} γ {gamma[i]:g}",
            f"SGD decayed from lr {lr[i]:g} to {lower[i]:.4f}: floor, against that of EMA γ {gamma[i]:g}",
            expected=average,
            measured=pair[0],
        )
    long = 1.0 - 1e-5
    run.claim(
        "decay = average, long",
        "the lower rate that equals a long average is (1-γ)/h, whatever the rate was: lr' h / (1-γ) at γ = 1 - 1e-5",
        expected=1.0,
        measured=float(lr_equal_to_average(0.5, 1.0, gamma=long)) / (1.0 - long),
        tolerance=1e-4,
    )


def draw_floors(ax: Axes, found: list[Sweep], table: pd.DataFrame) -> None:
    """Floors over the learning rate."""
    for sweep in found:
        x = np.geomspace(sweep.lr[0], sweep.lr[-1], 200)
        ax.plot(x, sweep.formula(x), color=sweep.colour, label=sweep.name)
        dots = table[table["rule"] == sweep.name]
        ax.plot(dots["lr"], [floor[0] for floor in dots["floor"]], "o", color=sweep.colour, markersize=5)
    ax.set(xscale="log", yscale="log", xlabel="learning rate · h (line: formula, dots: simulated)")
    ax.set(title="A constant learning rate leaves a floor", ylabel="stationary E w² · h² / c")
    ax.legend()


def draw_equality(ax: Axes) -> None:
    """The learning rate that an average amounts to."""
    gamma = 1.0 - np.geomspace(1e-4, 0.9, 200)
    for lr, colour in ((1.5, "vermillion"), (0.5, "blue"), (0.05, "green")):
        ax.plot(1.0 - gamma, lr_equal_to_average(lr, 1.0, gamma=gamma), color=PALETTE[colour], label=f"lr h = {lr:g}")
    ax.plot(1.0 - gamma, 1.0 - gamma, ":", color=PALETTE["black"], label="lr' h = 1-γ")
    ax.set(xscale="log", yscale="log", xlabel="1-γ of the average", ylabel="lr' · h of the same floor")
    ax.set(title="A long average amounts to decaying lr to (1-γ)/h")
    ax.legend()


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    reference = reference_claims(run)
    found, table = sweeps(run)
    equal_rate_claims(run)
    figure, axes = plt.subplots(1, 2, figsize=(13, 5.5))
    draw_floors(axes[0], found, table)
    draw_equality(axes[1])
    run.table(reference, "reference")
    run.table(table.assign(floor=[floor[0] for floor in table["floor"]]), "floors")
    run.figure(figure, "noise_floor")


if __name__ == "__main__":
    raise SystemExit(study(main))

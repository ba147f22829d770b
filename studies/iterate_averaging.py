"""What an average of the iterates buys: the floor of a lower learning rate, and whether it costs time.

SGD on the noisy quadratic, with an EMA of its iterates, beside SGD at the lower rate that has the same floor. First a
switch: SGD has reached its floor, and then is averaged, decayed to the lower rate, or decayed as 1/k. Then a whole
descent over many curvatures, h = c = 1/i as in Zhang et al. 2019. All curves are exact, and simulated.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.optimize import brentq

from optimlab import Ema, Optimizer, Rule, heavy_ball, inverse_time_decay, sgd
from optimlab.lab.frame import PALETTE, Run, mean_interval, study
from optimlab.lab.problems import NoisyQuadratic, noisy_quadratic
from optimlab.lab.theory import (
    LinearRule,
    averaged_sgd_variance,
    best_decay,
    lr_equal_to_average,
    sgd_variance,
    transient,
)
from optimlab.typing import Floats

Curve = tuple[Floats, NDArray[np.int64], Floats]  # exact after each update; times, and losses simulated there

GAMMA = 0.98  # of the average in many dimensions
FAST, BATCH = 0.5, 16.0  # learning rate and batch there


def switches(run: Run) -> dict[str, Curve]:
    """E w² after a stationary SGD, lr .5, is averaged, decayed to the rate of the same floor, or decayed as 1/k."""
    runs, steps, gamma = (1000 if run.quick else 10_000), 300, 0.97
    floor, lower = float(sgd_variance(0.5, 1.0)), float(lr_equal_to_average(0.5, 1.0, gamma=gamma))
    best = best_decay(1.0, start=floor)
    k = np.arange(steps)
    kinds = {
        f"EMA γ {gamma:g} from here": (np.full(steps, 0.5), gamma),
        f"lr {lower:.3f} from here": (np.full(steps, lower), 0.0),
        "lr ∝ 1/k from here": (inverse_time_decay(best.initial, best.rate)(k), 0.0),
        "as before": (np.full(steps, 0.5), 0.0),
    }
    times, curves = np.array([3, 10, 30, 100, 300]), {}
    for name, (rates, average) in kinds.items():
        moments = transient(LinearRule(average=average), rates, 1.0, start=np.sqrt(floor))
        w = np.sqrt(floor) * run.rng.normal(size=(runs, 1))
        problem = NoisyQuadratic((1.0,), (1.0,)).seen(run.rng)
        opt = Optimizer(sgd(), rates.__getitem__, average=Ema(average, debias=True), replicas=runs)
        squares = np.array([average_square(opt, w, problem.gradient(w)) for _ in range(steps)])
        curves[name] = moments.average_square, times, squares[times - 1]
        for i in (1, 3):
            run.claim(
                f"{name} {times[i]}",
                f"stationary SGD at lr .5, {name}: E w² after {times[i]} updates",
                expected=moments.average_square[times[i]],
                measured=mean_interval(squares[times[i] - 1]),
            )
    return curves


def average_square(opt: Optimizer, w: Floats, gradient: Floats) -> Floats:
    """Do a step; return the square of the averaged weights."""
    opt.step(w, gradient)
    with opt.averaged(w):
        square: Floats = w[:, 0] ** 2
    return square


def equal_floor(model: NoisyQuadratic) -> tuple[float, float]:
    """Return the rate at which SGD has the floor of the average, over all dimensions, and that loss."""
    h, c = np.array(model.curvatures), np.array(model.variances) / model.batch
    goal = float((0.5 * h * averaged_sgd_variance(FAST, h, gamma=GAMMA, noise=c)).sum())

    def excess(lr: float) -> float:
        return float((0.5 * h * sgd_variance(lr, h, noise=c)).sum()) - goal

    return float(brentq(excess, 1e-6, FAST, xtol=1e-14)), goal


def simulated(run: Run, model: NoisyQuadratic, rule: Rule, lr: float, times: NDArray[np.int64]) -> Floats:
    """Loss of iterates and average after some updates from (1, ..., 1), shape (times, 2, replicas)."""
    runs = 300 if run.quick else 1000
    problem = model.seen(run.rng)
    opt = Optimizer(rule, lr, average=Ema(GAMMA, debias=True), replicas=runs)
    w = np.ones((runs, len(model.curvatures)))
    found = []
    for k in run.progress(range(1, times[-1] + 1), "steps in many dimensions"):
        opt.step(w, problem.gradient(w))
        if k in times:
            value = problem.value(w)
            with opt.averaged(w):
                found.append((value, problem.value(w)))
    return np.array(found)


def many_dimensions(run: Run) -> dict[str, Curve]:
    """Claim the loss on the way in many dimensions: the exact curve, times and simulated losses of each kind."""
    model = noisy_quadratic(100, batch=BATCH)
    h, c = np.array(model.curvatures), np.array(model.variances) / BATCH
    times = np.unique(np.geomspace(3, 300 if run.quick else 2000, 10).astype(np.int64))
    slow, floor = equal_floor(model)
    curves: dict[str, Curve] = {}
    for name, rule, linear, lr in (
        (f"SGD lr {FAST:g}", sgd(), LinearRule(average=GAMMA), FAST),
        (f"SGD lr {slow:.3f}", sgd(), LinearRule(average=GAMMA), slow),
        ("heavy ball β .9", heavy_ball(0.9), LinearRule(0.9, average=GAMMA), 0.1 * FAST),
    ):
        moments = transient(linear, np.full((3000, 1), lr), h, noise=c)
        measured = simulated(run, model, rule, lr, times)
        for j, (kind, square) in enumerate((("", moments.square), (f", EMA γ {GAMMA:g}", moments.average_square))):
            exact = (0.5 * h * square).sum(axis=-1)
            curves[name + kind] = exact, times, measured[:, j]
            for i in (1, len(times) - 1):
                run.claim(
                    f"{name}{kind} step {times[i]}",
                    f"100 dimensions, {name}{kind}: loss after {times[i]} updates",
                    expected=exact[times[i]],
                    measured=mean_interval(measured[i, j]),
                )
    delay_claims(run, *(curves[name][0] for name in list(curves)[:3]), floor=floor)
    return curves


def delay_claims(run: Run, fast: Floats, average: Floats, slow: Floats, *, floor: float) -> None:
    """Claim that in many dimensions the average is as low as the slow rate, sooner; and in one dimension hardly."""
    steps = [int(np.argmax(curve <= 2.0 * floor)) for curve in (average, slow)]
    run.say(f"to twice the common floor: the average {steps[0]} updates, the low rate {steps[1]}")
    run.claim(
        "average is sooner",
        "an average needs fewer updates to twice the floor than the lower rate of the same floor (1: yes)",
        expected=1.0,
        measured=float(0 < steps[0] < steps[1] and fast.min() > 2.0 * floor),
    )
    lower = float(lr_equal_to_average(FAST, 1.0, gamma=GAMMA))
    means = transient(LinearRule(average=GAMMA), np.full(1600, FAST), 1.0, noise=0.0).average_mean
    run.claim(
        "one dimension",
        "in one dimension the average is hardly sooner: speed of forgetting the start, average over the lower rate",
        expected=np.log(GAMMA) / np.log(1.0 - lower),
        measured=np.log(means[1600] / means[1200]) / 400.0 / np.log(1.0 - lower),
        tolerance=1e-6,  # 1 - γᵗ, by which the average is debiased, is still 3e-11 off 1
    )


def draw_curves(ax: Axes, curves: dict[str, Curve], colours: tuple[str, ...]) -> None:
    """Exact curves, and the simulated dots on them."""
    for (name, (exact, times, measured)), colour in zip(curves.items(), colours, strict=False):
        ax.plot(np.arange(1, len(exact)), exact[1:], color=PALETTE[colour], label=name)
        ax.plot(times, measured.mean(axis=1), "o", color=PALETTE[colour], markersize=4)
    ax.set(xscale="log", yscale="log", xlabel="update (line: exact, dots: simulated)")
    ax.legend(loc="lower left")


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    switched = switches(run)
    curves = many_dimensions(run)
    figure, axes = plt.subplots(1, 2, figsize=(13, 5.5))
    draw_curves(axes[0], switched, ("blue", "vermillion", "green", "black"))
    axes[0].set(title="Averaging and decaying are two ways down", ylabel="E w² after the switch (h = c = 1)")
    draw_curves(axes[1], curves, ("black", "blue", "vermillion"))
    axes[1].set(title="Over many curvatures the average is sooner", ylabel="expected loss, h = c = 1/i, i ≤ 100")
    run.table(tidy({"one dimension": switched, "100 dimensions": curves}), "curves")
    run.figure(figure, "iterate_averaging")


def tidy(groups: dict[str, dict[str, Curve]]) -> pd.DataFrame:
    """Return a row for each curve and simulated update."""
    rows = [
        {"problem": problem, "curve": name, "update": t, "exact": exact[t], "simulated": losses.mean()}
        for problem, curves in groups.items()
        for name, (exact, times, measured) in curves.items()
        for t, losses in zip(times, measured, strict=True)
    ]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    raise SystemExit(study(main))

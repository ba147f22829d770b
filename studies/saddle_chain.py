"""A chain of saddles: exponential time for gradient descent, linear with noise, and what other optimizers need.

Each saddle that gradient descent leaves pulls it closer to the next: steps grow by the factor 1 + ρ of Du et al. 2017.
Its steps are computed exactly in logarithms; momentum, RMSprop, Adam and noise are simulated step by step.
"""

from __future__ import annotations

from math import e
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Every, FirstPassage, Optimizer, Rule, adam, descend, heavy_ball, momentum, nesterov, rmsprop, sgd
from optimlab.lab.frame import PALETTE, Run, mean_interval, study
from optimlab.lab.problems import GaussianNoise, Noisy, SaddleChain
from optimlab.lab.theory import chain_bound, chain_factor, chain_mean, heavy_ball_growth, nesterov_growth
from optimlab.typing import Floats

LR = 1.0 / 8.0  # 1/(8L) with L = 1
BETA = 0.9
SADDLES = 8
REFERENCE = 400  # starts behind the medians below
MEDIANS: dict[int, dict[int, int]] = {  # L/g: saddle: steps
    1: dict(enumerate((8, 29, 77, 184, 431, 996, 2292, 5255), 1)),
    2: {6: 10_909, 7: 37_574, 8: 129_365},
    4: dict(enumerate((29, 202, 1200, 6925, 39_817, 228_788, 1_314_485, 7_552_153), 1)),
}
FACTORS = {1: (2.29, 0.005), 2: (3.44, 0.005), 4: (5.745, 0.0005)}  # printed, half a unit of the last digit
FLOOR = 1e-2
FLOORED = {1: 29, 2: 122, 3: 215, 4: 308, 8: 680}
COLOURS = {1: PALETTE["sky"], 2: PALETTE["green"], 4: PALETTE["black"]}
NOISES = (1e-2, 1e-4)
LINES = {
    "gradient descent": ("black", "o-"),
    "floor 0.01": ("yellow", "o-"),
    "descent, noise 0.01": ("purple", "o-"),
    "descent, noise 0.0001": ("purple", "s--"),
    "heavy ball": ("blue", "o-"),
    "EMA momentum": ("vermillion", "o-"),
    "Nesterov": ("sky", "o-"),
    "RMSprop": ("orange", "o-"),
    "Adam": ("green", "o-"),
}


def chain(ratio: float, length: int = SADDLES) -> SaddleChain:
    """Return the chain with L = 1 and this L/g."""
    return SaddleChain(length, growth=1.0 / ratio)


def starts(run: Run, count: int, length: int = SADDLES) -> Floats:
    """Return starts that are uniform in [-1, 1]."""
    return run.rng.uniform(-1.0, 1.0, (count, length))


def small_median(steps: Floats) -> tuple[float, float, float]:
    """Return the median, and the interval in which 99.99 % of medians of 400 starts lie."""
    half = 3.89 * 0.5 / np.sqrt(REFERENCE)
    low, median, high = np.quantile(steps, [0.5 - half, 0.5, 0.5 + half])
    return float(median), float(low), float(high)


def descent_claims(run: Run) -> pd.DataFrame:
    """Compute gradient descent's steps for every L/g and compare them with the closed forms."""
    count = 4000 if run.quick else 40_000
    rows = []
    for ratio, medians in MEDIANS.items():
        steps = chain(ratio).escapes(starts(run, count), LR)
        for k in range(1, SADDLES + 1):
            mean = float(chain_mean(k, LR, growth=1.0 / ratio, contraction=1.0))
            rows.append({"ratio": ratio, "saddle": k, "median": np.median(steps[:, k - 1]), "mean_theory": mean})
            said = f"L/g = {ratio}: mean step at which gradient descent leaves saddle {k}"
            run.claim(f"mean {ratio} {k}", said, expected=mean, measured=mean_interval(steps[:, k - 1]))
        for k, reference in medians.items():
            said = f"L/g = {ratio}: median step of 400 starts at saddle {k}, with the interval of such medians"
            run.claim(f"median {ratio} {k}", said, expected=reference, measured=small_median(steps[:, k - 1]))
        printed, half = FACTORS[ratio]
        said = f"L/g = {ratio}: step of the last saddle over that of the one before, as printed"
        measured = float(np.median(steps[:, -1] / steps[:, -2]))
        run.claim(f"ratio {ratio}", said, expected=printed, measured=measured, tolerance=half)
        theory = float(chain_factor(LR, growth=1.0 / ratio, contraction=1.0))
        said = f"L/g = {ratio}: closed form 1 + ρ of the factor"
        run.claim(f"factor {ratio}", said, expected=printed, measured=theory, tolerance=half)
    return pd.DataFrame(rows)


def one_more(steps: Floats) -> tuple[float, float]:
    """Return Tₖ/Tₖ₋₁ of the last saddle, and what it may differ from 1 + ρ, since Tₖ = (1+ρ) Tₖ₋₁ + O(T₁)."""
    return float(np.median(steps[:, -1] / steps[:, -2])), 2.0 * float(np.median(steps[:, 0] / steps[:, -2]))


def factor_claims(run: Run) -> pd.DataFrame:
    """Sweep L/g and the learning rate: the factor per saddle against its closed form and its bound."""
    rows = []
    for ratio in (0.5, 1.0, 2.0, 3.0, 4.0, 6.0):
        for lr in (0.02, LR, 0.3):
            measured, tolerance = one_more(chain(ratio, 12).escapes(starts(run, 1000, 12), lr))
            expected = float(chain_factor(lr, growth=1.0 / ratio, contraction=1.0))
            rows.append({"ratio": ratio, "lr": lr, "measured": measured, "theory": expected})
            said = f"L/g = {ratio:g}, lr {lr:g}: factor from saddle 11 to 12"
            run.claim(f"sweep {ratio:g} {lr:g}", said, expected=expected, measured=measured, tolerance=tolerance)
        bound = float(chain_bound(1.0 / ratio, 1.0))
        small = float(chain_factor(1e-7, growth=1.0 / ratio, contraction=1.0))
        said = f"L/g = {ratio:g}: 1 + ρ for lr → 0 is the bound (L+g)/g"
        run.claim(f"bound {ratio:g}", said, expected=bound, measured=small, tolerance=1e-5 * bound)
    return pd.DataFrame(rows)


def floor_claims(run: Run) -> Floats:
    """Let no coordinate begin its saddle closer than 0.01: the steps become linear."""
    steps = chain(4).escapes(starts(run, 4000 if run.quick else 40_000), LR, floor=FLOOR)
    for k, reference in FLOORED.items():
        said = f"floor {FLOOR:g}, L/g = 4: median step of 400 starts at saddle {k}"
        run.claim(f"floor {k}", said, expected=reference, measured=small_median(steps[:, k - 1]))
    increments = np.diff(np.median(steps, axis=0))
    said = f"floor {FLOOR:g}: steps for one more saddle, ⌈ln(e/floor)/ln(1 + 2 lr g)⌉ for each"
    expected = float(np.ceil(np.log(e / FLOOR) / np.log1p(2.0 * LR * 0.25)))
    measured = (float(increments.mean()), float(increments.min()), float(increments.max()))
    run.claim("floor increment", said, expected=expected, measured=measured)
    run.claim("floor spread", "the same for all saddles", expected=0.0, measured=float(np.ptp(increments)))
    return steps


def simulate(problem: Any, rule: Rule, lr: float, start: Floats) -> Floats:
    """Return when each coordinate first reaches e, by the optimizer itself."""
    passage = FirstPassage(np.abs, e)
    optimizer = Optimizer(rule, lr=lr, replicas=len(start))
    descend(problem, optimizer, 40_000, start=start, record=Every(40_000), stop=passage, progress=False)
    steps: Floats = passage.steps
    return steps


def direct_claims(run: Run) -> None:
    """Check the logarithms against the optimizer in float64, as far as that goes."""
    start = starts(run, 100, 3)
    exact, direct = chain(4, 3).escapes(start, LR), simulate(chain(4, 3), sgd(), LR, start)
    said = "three saddles, L/g = 4: largest difference between logarithms and the descent in float64, steps"
    run.claim("direct", said, expected=0.0, measured=float(np.abs(exact - direct).max()))
    optimizer = Optimizer(sgd(), lr=LR, replicas=100)
    record = Every(6000)
    trace = descend(chain(4, 5), optimizer, 6000, start=starts(run, 100, 5), record=record, progress=False)
    said = "float64 shows how long saddle 5 lasts: its coordinate after 6000 steps is stuck at the last subnormals"
    size = float(np.abs(trace.w[:, 4]).max())
    run.claim("underflow", said, expected=0.0, measured=size, tolerance=1e-322, verdict="artefact")


def noise_increment(noise: float) -> float:
    """Return the mean steps for one more saddle: from a normal start of sd q, the noise before and during it."""
    up, down = 1.0 + 2.0 * LR * 0.25, 1.0 - 2.0 * LR
    q = LR * noise * np.sqrt(1.0 / (up**2 - 1.0) + 1.0 / (1.0 - down**2))
    return float((1.0 - np.log(q) + (np.euler_gamma + np.log(2.0)) / 2.0) / np.log(up) + 0.5)


def noise_claims(run: Run) -> dict[str, Floats]:
    """Perturb gradient descent with noise, step by step."""
    found = {}
    for noise in run.progress(NOISES, "noise levels"):
        start = starts(run, 100 if run.quick else 400)
        steps = simulate(Noisy(chain(4), GaussianNoise(noise), run.rng), sgd(), LR, start)
        found[f"descent, noise {noise:g}"] = steps
        for k in (4, 6, 8):
            said = f"gradient noise of sd {noise:g}: mean steps for saddle {k} alone"
            measured = mean_interval(steps[:, k - 1] - steps[:, k - 2])
            run.claim(f"noise {noise:g} {k}", said, expected=noise_increment(noise), measured=measured)
    return found


def momentum_factors() -> dict[str, tuple[Rule, int, float]]:
    """Return rule, number of saddles and 1 + ρ: ln of the slow root of the growth, and of the modulus of the decay."""
    curvature = 2.0 / 4.0
    heavy = heavy_ball_growth(LR, curvature=curvature, beta=BETA).root
    ema = heavy_ball_growth(LR * (1.0 - BETA), curvature=curvature, beta=BETA).root
    ahead = nesterov_growth(LR, curvature=curvature, beta=BETA).root
    slow, fast = np.log(BETA) / 2.0, np.log(BETA * (1.0 - 2.0 * LR)) / 2.0  # roots √β and √(β(1 - 2 lr L)), complex
    return {  # as many saddles as float64 allows
        "heavy ball": (heavy_ball(BETA), 20, float(1.0 - slow / np.log(heavy))),
        "EMA momentum": (momentum(BETA), 5, float(1.0 - slow / np.log(ema))),
        "Nesterov": (nesterov(BETA), 7, float(1.0 - fast / np.log(ahead))),
    }


def rule_claims(run: Run) -> dict[str, Floats]:
    """Send the other optimizers through the same chain, step by step."""
    count, found = (50 if run.quick else 400), {}
    for name, (rule, length, factor) in run.progress(momentum_factors().items(), "momentum"):
        found[name] = simulate(chain(4, length), rule, LR, starts(run, count, length))
        measured, tolerance = one_more(found[name])
        said = f"{name}, lr {LR:g}: factor at saddle {length}, still exponential but with a smaller base than 5.745"
        run.claim(name, said, expected=factor, measured=measured, tolerance=tolerance)
    found["RMSprop"] = simulate(chain(4), rmsprop(0.9), 0.01, starts(run, count))
    increments = np.diff(np.median(found["RMSprop"], axis=0))[1:]
    said = "RMSprop, lr 0.01: largest difference between the steps that saddles 3 to 8 take"
    run.claim("RMSprop", said, expected=0.0, measured=float(np.ptp(increments)), tolerance=2.0)
    steps = simulate(chain(4, 16), adam(), 0.01, starts(run, count, 16))
    found["Adam"] = steps
    said = "Adam, lr 0.01: how much more than twice the steps 16 saddles take than 8; linear would be 0"
    excess = float(np.maximum(np.median(steps[:, 15]) / np.median(steps[:, 7]) - 2.0, 0.0))
    run.claim("Adam", said, expected=0.0, measured=excess)
    return found


def draw_medians(ax: Axes, table: pd.DataFrame) -> None:
    """Steps over saddles for every L/g."""
    for ratio, rows in table.groupby("ratio"):
        colour = COLOURS[int(str(ratio))]
        factor = float(chain_factor(LR, growth=1.0 / float(str(ratio)), contraction=1.0))
        ax.plot(rows["saddle"], rows["median"], "o", color=colour, label=f"L/g = {ratio}: × {factor:.2f} a saddle")
        curve = rows["median"].iloc[-1] * factor ** (rows["saddle"] - SADDLES)
        ax.plot(rows["saddle"], curve, color=colour)
    ax.set(yscale="log", title="Gradient descent: exponential in the saddles", xlabel="saddle")
    ax.set_ylabel("median step at which it is left")
    ax.legend(loc="upper left", title="line: theory's factor")


def draw_factors(ax: Axes, table: pd.DataFrame) -> None:
    """Factor per saddle against L/g."""
    fine = np.linspace(0.4, 6.2, 60)
    for (lr, rows), colour in zip(table.groupby("lr"), ("blue", "orange", "vermillion"), strict=True):
        ax.plot(rows["ratio"], rows["measured"], "o", color=PALETTE[colour], label=f"lr L = {lr:g}")
        curve = chain_factor(float(str(lr)), growth=1.0 / fine, contraction=1.0)
        ax.plot(fine, curve, color=PALETTE[colour])
    ax.plot(fine, chain_bound(1.0 / fine, 1.0), "--", color=PALETTE["black"], label="bound, lr → 0")
    ax.set(title="A larger step only makes it worse", xlabel="L/g", ylabel="factor of the step from saddle to saddle")
    ax.legend(loc="upper left", title="dots: measured, lines: 1 + ρ")


def draw_rules(ax: Axes, found: dict[str, Floats]) -> None:
    """Steps over saddles of everything else, L/g = 4."""
    for name, steps in found.items():
        median = np.median(steps, axis=0)[:SADDLES]
        saddles = np.arange(1, len(median) + 1)
        ax.plot(saddles, median, LINES[name][1], color=PALETTE[LINES[name][0]], label=name, markersize=4)
    ax.set(yscale="log", ylim=(5, 2e7), xlabel="saddle", title="L/g = 4: noise or scaling break the exponential")
    ax.set_ylabel("median step at which it is left")
    ax.legend(ncols=2, loc="upper left", fontsize=9)


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    medians, factors = descent_claims(run), factor_claims(run)
    floored = floor_claims(run)
    direct_claims(run)
    found = {"gradient descent": chain(4).escapes(starts(run, REFERENCE), LR), f"floor {FLOOR:g}": floored}
    found |= noise_claims(run) | rule_claims(run)
    figure, axes = plt.subplots(1, 3, figsize=(17, 5.6))
    draw_medians(axes[0], medians)
    draw_factors(axes[1], factors)
    draw_rules(axes[2], found)
    run.say(
        "Gradient descent takes more than (L+g)/g times as long for each further saddle; momentum makes the factor\n"
        "smaller. A little noise makes it linear; RMSprop is linear without, as it comes no closer than about lr."
    )
    rows = [{"optimizer": name, "saddle": k + 1, "median": float(median)}
            for name, steps in found.items() for k, median in enumerate(np.median(steps, axis=0))]  # fmt: skip
    run.table(medians, "medians")
    run.table(factors, "factors")
    run.table(pd.DataFrame(rows), "optimizers")
    run.figure(figure, "saddle_chain")


if __name__ == "__main__":
    raise SystemExit(study(main))

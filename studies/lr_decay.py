"""What decaying the learning rate buys: every schedule, its shape, and the loss at which it ends.

On the noisy quadratic, h = c = 1/i, the expected loss under any schedule follows from an exact recursion, and is
simulated. Why SGD at a constant rate never settles (article 003), what decay in a plug-in does to momentum, which
schedule ends lowest for an equal budget, what warm-up and restarts cost, and the law of 1/k that nothing beats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

import optimlab
from optimlab import (
    LearningRateDecay,
    Optimizer,
    Rule,
    Schedule,
    constant,
    cosine_decay,
    heavy_ball,
    inverse_time_decay,
    momentum,
    nesterov,
    sgd,
)
from optimlab.lab.frame import PALETTE, Run, mean_interval, study
from optimlab.lab.problems import NoisyQuadratic, noisy_quadratic
from optimlab.lab.theory import LinearRule, best_decay, best_decay_variance, sgd_variance, transient
from optimlab.typing import Floats

PEAK = 0.5
DIMENSIONS = 30
H = 1.0 / np.arange(1, DIMENSIONS + 1)
SHOWN = {"constant": "black", "exponential_decay": "orange", "inverse_time_decay": "green", "cosine_decay": "blue",
         "linear": "vermillion", "step_decay": "purple"}  # fmt: skip


def shapes(K: int) -> dict[str, Schedule]:
    """Return one example of every schedule of the package, of peak 1, for K updates."""
    flat, rise = K // 2, K // 10
    return {
        "constant": constant(1.0),
        "step_decay": optimlab.step_decay(1.0, 0.1, steps=K / 3),
        "piecewise": optimlab.piecewise([1.0, 0.3, 0.03], at=[0.5 * K, 0.8 * K]),
        "staircase": optimlab.staircase(optimlab.linear(1.0, steps=K), steps=K / 5),
        "exponential_decay": optimlab.exponential_decay(1.0, 0.01, steps=K),
        "inverse_time_decay": inverse_time_decay(1.0, 30.0, steps=K),
        "linear": optimlab.linear(1.0, steps=K),
        "polynomial_decay": optimlab.polynomial_decay(1.0, steps=K, power=2.0),
        "cosine_decay": cosine_decay(1.0, steps=K),
        "join": optimlab.join(1.0, cosine_decay(1.0, steps=K - flat), at=[flat]),
        "warm_up": optimlab.warm_up(cosine_decay(1.0, steps=K - rise), steps=rise),
        "cosine_restarts": optimlab.cosine_restarts(1.0, steps=K / 4),
        "cyclic": optimlab.cyclic(0.05, 1.0, up=K / 8),
        "one_cycle": optimlab.one_cycle(0.04, 1.0, steps=K),
        "linear_one_cycle": optimlab.linear_one_cycle(0.04, 1.0, steps=K),
    }


def table_of_rates(K: int) -> Floats:
    """Values of all schedules, shape (K, schedules)."""
    return np.stack([schedule(np.arange(K)) for schedule in shapes(K).values()], axis=1)


def expected(rates: Floats) -> Floats:
    """Exact loss of SGD after each update, for rates of shape (K, ...): shape (K+1, ...)."""
    square = transient(LinearRule(), rates[..., np.newaxis], H, noise=H).square
    loss: Floats = (0.5 * H * square).sum(axis=-1)
    return loss


def simulated(run: Run, rates: Floats, times: NDArray[np.int64], runs: int) -> Floats:
    """Loss under each column of rates after some updates, shape (times, columns, runs): one array program."""
    problem, columns = noisy_quadratic(DIMENSIONS).seen(run.rng), rates.shape[1]
    opt = Optimizer(sgd(), lambda k: np.repeat(rates[k], runs), replicas=columns * runs)
    w = np.ones((columns * runs, DIMENSIONS))
    found = []
    for k in run.progress(range(1, len(rates) + 1), "steps of all schedules"):
        opt.step(w, problem.gradient(w))
        if k in times:
            found.append(problem.value(w).reshape(columns, runs))
    return np.array(found)


def schedule_claims(run: Run) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Claim the final loss of every schedule at the same peak, and that none is left out."""
    K, runs = (200, 300) if run.quick else (1000, 1000)
    homes = {name: getattr(getattr(optimlab, name), "__module__", "") for name in dir(optimlab)}
    there = {name for name, home in homes.items() if home.startswith("optimlab.schedules.")}
    left_out = there - {"Schedule"} - set(shapes(K))
    run.claim("all schedules", "schedules of the package without a claim here", expected=0, measured=len(left_out))
    times = np.unique(np.linspace(2, K, 12).astype(np.int64))
    exact = expected(PEAK * table_of_rates(K))
    measured = simulated(run, PEAK * table_of_rates(K), times, runs)
    for i, name in enumerate(shapes(K)):
        run.claim(
            f"end {name}",
            f"{name}, peak {PEAK:g}: loss after {K} updates, simulated against the exact recursion",
            expected=exact[-1, i],
            measured=mean_interval(measured[-1, i]),
        )
    return exact, times, measured


def crossing_claims(run: Run) -> None:
    """003-m: claim that a constant rate keeps SGD crossing the minimum, and that the noise is why."""
    lr, runs, steps = np.array([0.1, 0.5, 1.2]), (200 if run.quick else 1000), 500
    problem = NoisyQuadratic((1.0,), (1.0,)).seen(run.rng)
    opt = Optimizer(sgd(), np.repeat(lr, runs), replicas=3 * runs)
    w = run.rng.normal(size=(3 * runs, 1)) * np.sqrt(np.repeat(sgd_variance(lr, 1.0), runs))[:, None]
    crossings, squares = np.zeros(3 * runs), np.zeros(3 * runs)
    for _ in range(steps):
        before = w[:, 0].copy()
        opt.step(w, problem.gradient(w))
        crossings += before * w[:, 0] < 0.0
        squares += w[:, 0] ** 2
    for i, rate in enumerate(lr):
        part = slice(i * runs, (i + 1) * runs)
        run.claim(
            f"003-m floor {rate:g}",
            f"SGD oscillates because lr is constant: stationary E w² at lr {rate:g}, against lr c / (h (2 - lr h))",
            expected=sgd_variance(rate, 1.0),
            measured=mean_interval(squares[part] / steps),
        )
        run.claim(
            f"003-m crossings {rate:g}",
            f"... and its crossings of the minimum per update at lr {rate:g}, against arccos(1 - lr h)/π",
            expected=np.arccos(1.0 - rate) / np.pi,
            measured=mean_interval(crossings[part] / steps),
        )
    run.claim(
        "003-m no noise",
        "without noise the same constant rate settles: E w² after 500 updates at lr .1",
        expected=0.9**1000,
        measured=float(transient(LinearRule(), np.full(500, 0.1), 1.0, noise=0.0).square[-1]),
        tolerance=1e-12 * 0.9**1000,
    )


def accepts(rule: Callable[..., Rule], **words: Any) -> bool:
    """Whether a rule's function takes these arguments."""
    try:
        rule(**words)
    except TypeError:
        return False
    return True


def final(runs: int, lr: Any, hooks: list[LearningRateDecay], seed: int) -> Floats:
    """Run the heavy ball in one dimension from 1, noise of variance 1; return the weights after 300 updates."""
    problem = NoisyQuadratic((1.0,), (1.0,)).seen(np.random.default_rng(seed))
    opt = Optimizer(heavy_ball(0.9), lr, hooks=hooks, replicas=runs)
    w = np.ones((runs, 1))
    for _ in range(300):
        opt.step(w, problem.gradient(w))
    return w[:, 0]


def plug_in_claims(run: Run) -> None:
    """003-f: claim what the article's argument is worth, and what decay does to momentum in its plug-in form."""
    taken = sum(accepts(rule, beta=0.9, decay=0.01) for rule in (momentum, heavy_ball, nesterov))
    run.claim(
        "003-f snippet",
        "the learning rate is decayed by passing decay= to a momentum optimizer: momentum rules that take it",
        expected=0,
        measured=taken,
        verdict="refuted",
    )
    decay = inverse_time_decay(1.0, 0.1)
    seed = int(run.rng.integers(2**32))
    for name, hooks, rates in (
        ("constant", [], np.full(300, 0.05)),
        ("by the hook 1/(1 + .1 k)", [LearningRateDecay(decay)], 0.05 * decay(np.arange(300))),
    ):
        run.claim(
            f"003-f {name}",
            f"heavy ball β .9, lr .05 {name}: E w² after 300 updates, against the recursion",
            expected=transient(LinearRule(0.9), rates, 1.0).square[-1],
            measured=mean_interval(final(4000, 0.05, hooks, seed) ** 2),
        )
    different = 0
    for schedule in shapes(300).values():
        ways = final(100, schedule, [], seed), final(100, 1.0, [LearningRateDecay(schedule)], seed)
        different += int((ways[0] != ways[1]).sum())
    run.claim(
        "003-f bits",
        "lr=schedule and LearningRateDecay(schedule) on lr=1, all schedules: weights that differ in a bit",
        expected=0,
        measured=different,
    )


def law_claims(run: Run) -> Floats:
    """Claim the law of 1/k: its best form, the price of a wrong gain, and a decay too fast to arrive."""
    best, times = best_decay(1.0), np.array([10, 100, 1000])
    runs = 4000
    problem = NoisyQuadratic((1.0,), (1.0,)).seen(run.rng)
    opt = Optimizer(sgd(), inverse_time_decay(best.initial, best.rate), replicas=runs)
    w = np.ones((runs, 1))
    for k in run.progress(range(1, 1001), "steps of the best decay"):
        opt.step(w, problem.gradient(w))
        if k in times:
            run.claim(
                f"law {k}",
                f"lr(k) = 1/(h (k + 1 + c/(h² x₀))): E w² after {k} updates, against 1/(1/x₀ + k h²/c)",
                expected=best_decay_variance(k, 1.0),
                measured=mean_interval(w[:, 0] ** 2),
            )
    gains, K = np.array([0.25, 0.75, 1.0, 2.0]), 5000 if run.quick else 20_000
    square = transient(LinearRule(), gains / (np.arange(K)[:, None] + 2.0), 1.0).square
    run.claim(
        "gain 0.25",
        f"lr = a/(h k) with a = ¼, too small a gain: E w² falls as k^(-2a), exponent up to {K} updates",
        expected=-0.5,
        measured=float(np.log2(square[K, 0] / square[K // 2, 0])),
        tolerance=0.1 / np.sqrt(K),  # the next term falls as k^(2a-1)
    )
    for i in (1, 2, 3):
        run.claim(
            f"gain {gains[i]:g}",
            f"lr = a/(h k) with a = {gains[i]:g}: k h² E w² / c after {K} updates, against a²/(2a-1)",
            expected=gains[i] ** 2 / (2.0 * gains[i] - 1.0),
            measured=float(K * square[K, i]),
            tolerance=2.0 / K * gains[i] ** 2 / (2.0 * gains[i] - 1.0),  # of order 1/K
        )
    fast = optimlab.exponential_decay(0.5, 0.5, steps=2)
    run.claim(
        "too fast",
        "lr halved every 2 updates: Σ lr is finite, and the start is never forgotten: mean w after 300 and 30 updates",
        expected=float(np.exp(np.log1p(-fast(np.arange(300))).sum())),
        measured=float(transient(LinearRule(), fast(np.arange(30)), 1.0).mean[-1]),
        tolerance=1e-4,
    )
    return square


def budgets(run: Run) -> pd.DataFrame:
    """Exact final loss of every schedule at its best peak, for several budgets."""
    peaks = np.geomspace(0.03, 1.9, 9 if run.quick else 17)
    rows = []
    for K in run.progress((30, 100, 300) if run.quick else (30, 100, 300, 1000), "budgets"):
        ends = expected(table_of_rates(K)[:, :, np.newaxis] * peaks)[-1]
        for name, losses in zip(shapes(K), ends, strict=True):
            rows.append({"schedule": name, "budget": K, "peak": peaks[losses.argmin()], "loss": losses.min()})
    return pd.DataFrame(rows)


def budget_claims(run: Run, table: pd.DataFrame) -> None:
    """Claim who gains by decay, each schedule at its own best peak; and that in one dimension none beats 1/k."""
    last = table[table["budget"] == table["budget"].max()].set_index("schedule")["loss"]
    order = last.sort_values()
    run.say("lowest first: " + ", ".join(f"{name} {loss:.4f}" for name, loss in order.items()))
    back_up = ["cosine_restarts", "cyclic"]
    run.claim(
        "decay pays",
        "schedules that do not rise again, each at its best peak, and end above the constant rate at its best",
        expected=0,
        measured=int((last.drop(back_up) > last["constant"]).sum()),
    )
    run.claim(
        "restarts do not pay",
        "cosine restarts and cycles that end above every schedule that falls once, each at its best peak",
        expected=2,
        measured=int((last[back_up] > last.drop([*back_up, "constant"]).max()).sum()),
    )
    K, peaks = 300, np.geomspace(0.03, 1.9, 30)
    ends = transient(LinearRule(), table_of_rates(K)[:, :, np.newaxis] * peaks, 1.0).square[-1]
    run.claim(
        "none beats 1/k",
        "one dimension, 300 updates: schedules that at any of 30 peaks end below the law of 1/k",
        expected=0,
        measured=int((ends.min(axis=1) < best_decay_variance(K, 1.0)).sum()),
    )


def warm_up_claims(run: Run) -> None:
    """Claim what a warm-up and a restart cost on a quadratic."""
    lr, n = 0.01, 100
    ramp = optimlab.warm_up(lr, steps=n)(np.arange(400))
    means = transient(LinearRule(), np.stack([ramp, np.full(400, lr)], axis=1), 1.0, noise=0.0).mean[-1]
    run.claim(
        "warm-up",
        "a warm-up of n = 100 updates is behind by (n+1)/2 updates, and by lr h n/12 more for a rate that is not small",
        expected=(n + 1) / 2 + lr * n / 12,
        measured=float(np.log(means[0] / means[1]) / -np.log1p(-lr)),
        tolerance=lr**2 * n,  # the next term of the series
    )
    restarts = expected(PEAK * optimlab.cosine_restarts(1.0, steps=250)(np.arange(1000)))
    single = expected(cosine_decay(PEAK, steps=1000)(np.arange(1000)))
    run.say(
        f"restarts: loss {restarts[500]:.4f} at the end of a run, {restarts[500:750].max():.4f} in the next, "
        f"{restarts[1000]:.4f} in the end; a single cosine {single[1000]:.4f}"
    )
    run.claim(
        "restart forgets",
        "a restart climbs back to the noise, and ends where the one before did: loss of run 4 over run 3, within 1 %",
        expected=1.0,
        measured=float(restarts[1000] / restarts[750]),
        tolerance=0.01,
    )


def draw_shapes(axes: NDArray[np.object_], exact: Floats, times: NDArray[np.int64], measured: Floats) -> None:
    """Shape of every schedule, and its loss on the way."""
    K = len(exact) - 1
    rates = PEAK * table_of_rates(K)
    for i, (ax, name) in enumerate(zip(axes, shapes(K), strict=True)):
        behind = ax.twinx()
        behind.fill_between(np.arange(K), rates[:, i], color=PALETTE["sky"], alpha=0.35, linewidth=0)
        behind.set(ylim=(0.0, 1.1 * PEAK), yticks=[])
        ax.set_zorder(behind.get_zorder() + 1)
        ax.patch.set_visible(False)
        ax.plot(np.arange(K + 1), exact[:, i], color=PALETTE["black"])
        ax.plot(times, measured[:, i].mean(axis=1), "o", color=PALETTE["vermillion"], markersize=3)
        ax.set(yscale="log", ylim=(0.01, 3.0), xticks=[0, K])
        ax.set_title(f"{name}: ends at {exact[-1, i]:.3f}", fontsize=10)


def draw_budgets(ax: Axes, table: pd.DataFrame) -> None:
    """Final loss over the budget, each at its best peak."""
    for name, colour in SHOWN.items():
        rows = table[table["schedule"] == name]
        ax.plot(rows["budget"], rows["loss"], "o-", color=PALETTE[colour], markersize=4, label=name)
    ax.set(xscale="log", yscale="log", xlabel="budget / updates", ylabel="loss at the end, best peak")
    budgets, losses = sorted(set(table["budget"])), (0.02, 0.05, 0.1, 0.2, 0.5)
    ax.set_xticks(budgets, [f"{budget}" for budget in budgets])
    ax.set_yticks(losses, [f"{loss:g}" for loss in losses])
    ax.minorticks_off()
    ax.set(title="The longer the run, the more decay gains")
    ax.legend()


def draw_ranking(ax: Axes, table: pd.DataFrame) -> None:
    """Final loss of all schedules for the longest budget."""
    last = table[table["budget"] == table["budget"].max()].sort_values("loss", ascending=False)
    colours = [PALETTE[SHOWN.get(name, "sky")] for name in last["schedule"]]
    ax.barh(last["schedule"], last["loss"], color=colours)
    ax.grid(False, axis="y")
    ax.set(xlabel=f"loss after {last['budget'].iloc[0]} updates, best peak", title="An equal budget, each at its best")


def draw_law(ax: Axes, square: Floats) -> None:
    """The law of 1/k for several gains."""
    k = np.arange(1, len(square))
    for i, (gain, colour) in enumerate((("¼", "orange"), ("¾", "sky"), ("1", "blue"), ("2", "vermillion"))):
        ax.plot(k, k * square[1:, i], color=PALETTE[colour], label=f"lr = {gain}/(h k)")
    ax.axhline(1.0, color="#666666", linestyle=":")
    ax.set(xscale="log", ylim=(0.0, 4.0), xlabel="update k", ylabel="k · E w² · h² / c")
    ax.set(title="1/k: the gain 1 is best, below ½ it is lost")
    ax.legend(loc="center right")


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    exact, times, measured = schedule_claims(run)
    crossing_claims(run)
    plug_in_claims(run)
    square = law_claims(run)
    table = budgets(run)
    budget_claims(run, table)
    warm_up_claims(run)
    figure = plt.figure(figsize=(15, 13))
    rows = figure.add_gridspec(2, 1, height_ratios=[1.25, 1.0])
    top, bottom = figure.add_subfigure(rows[0]), figure.add_subfigure(rows[1])
    top.suptitle(
        "Every schedule (blue, peak lr .5), its exact loss (line), and the simulated one (dots) over the updates"
    )
    draw_shapes(top.subplots(3, 5).ravel(), exact, times, measured)
    axes = bottom.subplots(1, 3)
    draw_ranking(axes[0], table)
    draw_budgets(axes[1], table)
    draw_law(axes[2], square)
    run.table(table, "budgets")
    ends = {"schedule": list(shapes(len(exact) - 1)), "exact": exact[-1], "simulated": measured[-1].mean(axis=-1)}
    run.table(pd.DataFrame(ends), "ends")
    run.figure(figure, "lr_decay")


if __name__ == "__main__":
    raise SystemExit(study(main))

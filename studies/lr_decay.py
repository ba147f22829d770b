"""What does a decay of the learning rate buy, and which schedule ends lowest?

Everything below the floor of a constant rate: over 30 curvatures and 1000 updates, each schedule at its best peak, all
fourteen others end lower than the constant rate with its loss of 0.0506; exponential decay lowest, at 0.0213. Cosine
restarts and cycles end above all that fall once. In one dimension nothing beats the law of 1/k.

On the noisy quadratic, h = c = 1/i, the expected loss under any schedule follows from an exact recursion, and is
simulated. A schedule is a text in K, the number of updates, such as "cosine_decay(0.5, steps=K)". Takes 25 s
(--quick: 10 s).
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

import optimlab
from optimlab import Every, LearningRateDecay, Optimizer, descend, heavy_ball, inverse_time_decay, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import PALETTE, Knob, Run, StudyError, mean_interval, study
from optimlab.lab.frame.expressions import schedules
from optimlab.lab.problems import NoisyQuadratic, noisy_quadratic
from optimlab.lab.theory import LinearRule, best_decay, best_decay_variance, sgd_variance, transient
from optimlab.typing import Floats

ALL = """constant(0.5), exponential_decay(0.5, 0.01, steps=K), inverse_time_decay(0.5, 30, steps=K),
    cosine_decay(0.5, steps=K), linear(0.5, steps=K), step_decay(0.5, 0.1, steps=K/3),
    piecewise([0.5, 0.15, 0.015], at=[0.5*K, 0.8*K]), staircase(linear(0.5, steps=K), steps=K/5),
    polynomial_decay(0.5, steps=K, power=2), join(0.5, cosine_decay(0.5, steps=K/2), at=[K/2]),
    warm_up(cosine_decay(0.5, steps=0.9*K), steps=0.1*K), cosine_restarts(0.5, steps=K/4),
    cyclic(0.025, 0.5, up=K/8), one_cycle(0.02, 0.5, steps=K), linear_one_cycle(0.02, 0.5, steps=K)"""
KNOBS = (
    Knob("schedules", " ".join(ALL.split()), "schedules for K updates, with commas between", read=schedules),
    Knob("steps", 1000, "updates K of the runs", Range("at least 30 and finite"), quick=200),
    Knob("budgets", (30, 100, 300, 1000), "numbers of updates that are compared", Range("at least 30 and finite")),
    Knob("dimension", 30, "number of curvatures 1/i"),
    Knob("lr", (0.1, 0.5, 1.2), "constant rates at which SGD crosses the minimum", Range("in (0, 2)")),
    Knob("beta", 0.9, "β of the heavy ball whose rate decays", Range("in [0, 1)")),
    Knob("gain", (0.25, 0.75, 1.0, 2.0), "gains a of lr = a/(h k)", POSITIVE),
    Knob("runs", 1000, "independent runs", quick=300),
)
COLOURS = [PALETTE[name] for name in ("black", "orange", "green", "blue", "vermillion", "purple")]


def rates(run: Run, K: int) -> Floats:
    """Learning rates of all schedules, shape (K, schedules)."""
    lr = np.stack([make(K)(np.arange(K)) for make in run.options.schedules.values()], axis=1)
    if lr.min() < 0.0 or not lr.any(axis=0).all() or lr.max() >= 2.0:
        raise StudyError("--schedules: each must be in [0, 2), where SGD is stable on these curvatures, and not all 0")
    return lr


def expected(run: Run, lr: Floats) -> Floats:
    """Exact loss of SGD after each update, for rates of shape (K, ...): shape (K+1, ...)."""
    h = 1.0 / np.arange(1, run.options.dimension + 1)
    square = transient(LinearRule(), lr[..., np.newaxis], h, noise=h).square
    loss: Floats = (0.5 * h * square).sum(axis=-1)
    return loss


def ends(run: Run) -> tuple[Floats, pd.DataFrame]:
    """Exact losses of every schedule, and simulated ones at some times: one array program."""
    o, lr, rows = run.options, rates(run, run.options.steps), []
    K, columns = lr.shape
    opt = Optimizer(sgd(), lambda k: np.repeat(lr[k], o.runs), replicas=columns * o.runs)
    problem, start = noisy_quadratic(o.dimension).seen(run.rng), np.ones((columns * o.runs, o.dimension))
    way = descend(problem, opt, K, start=start, record=Every(max(K // 10, 1)), progress="steps of all schedules")
    exact, losses = expected(run, lr), way["value"].reshape(-1, columns, o.runs)
    for i, name in enumerate(o.schedules):
        rows += [(name, t, exact[t, i], *mean_interval(losses[j, i])) for j, t in enumerate(way["step"])]
    table = pd.DataFrame(rows, columns=["schedule", "update", "exact", "simulated", "low", "high"])
    said, measured = "{schedule}: loss after {update} updates", ("simulated", "low", "high")
    run.claim_rows(table[table["update"] == K], "end {schedule}", said, expected="exact", measured=measured)
    return exact, table


def one_dimension(run: Run, opt: Optimizer, start: Floats, steps: int) -> Floats:
    """Return w after each update under noise of variance 1, h = 1, shape (steps + 1, replicas)."""
    problem = NoisyQuadratic((1.0,), (1.0,)).seen(run.rng)
    record = Every(1, at=lambda w: w[:, 0].copy())
    return descend(problem, opt, steps, start=start[:, np.newaxis], record=record)["at"]


def crossing_claims(run: Run) -> None:
    """A constant rate keeps SGD crossing the minimum, and the noise is why."""
    lr, n = np.array(run.options.lr), run.options.runs
    start = run.rng.normal(size=len(lr) * n) * np.sqrt(np.repeat(sgd_variance(lr, 1.0), n))
    w = one_dimension(run, Optimizer(sgd(), np.repeat(lr, n), replicas=len(start)), start, 500)
    squares, crossed = (x.mean(axis=0).reshape(-1, n) for x in (w[1:] ** 2, w[1:] * w[:-1] < 0.0))
    for rate, square, cross in zip(lr, squares, crossed, strict=True):
        said, floor, often = f"SGD at constant lr {rate:g}", sgd_variance(rate, 1.0), np.arccos(1.0 - rate) / np.pi
        crossings = f"{said}: crossings of the minimum per update, against arccos(1 - lr h)/π"
        run.claim_all(
            (f"floor {rate:g}", f"{said}: E w²", floor, mean_interval(square), 0, "003-m"),
            (f"crossings {rate:g}", crossings, often, mean_interval(cross), 0, "003-m"),
        )
    still, theory = float(transient(LinearRule(), np.full(500, 0.1), 1.0, noise=0.0).square[-1]), 0.9**1000
    said = "without noise the same constant rate settles: E w² after 500 updates at lr 0.1"
    run.claim_all(("no noise", said, theory, still, 1e-12 * theory, "003-m"))


def plug_in_claims(run: Run) -> None:
    """Decay is no option of a momentum rule, but a hook or a schedule of any: what it does."""
    beta, decay = run.options.beta, inverse_time_decay(1.0, 0.1)
    taken = sum("decay" in signature(rule).parameters for rule in (optimlab.momentum, heavy_ball, optimlab.nesterov))
    run.claim_all(("decay=", "momentum rules that take the option decay=", 0, taken, 0, "003-f"))
    kinds: dict[str, tuple[list[Any], Any]] = {
        "constant": ([], 1.0 + np.zeros(300)),
        "by the hook 1/(1 + 0.1 k)": ([LearningRateDecay(decay)], decay(np.arange(300))),
    }
    for name, (hooks, factors) in kinds.items():
        opt = Optimizer(heavy_ball(beta), 0.05, hooks=hooks, replicas=4000)
        square = mean_interval(one_dimension(run, opt, np.ones(4000), 300)[-1] ** 2)
        theory = float(transient(LinearRule(beta), 0.05 * factors, 1.0).square[-1])
        said = f"heavy ball β {beta:g}, lr 0.05 {name}: E w² after 300 updates"
        run.claim_all((f"rate {name}", said, theory, square, 0, "003-f", "reproduced"))


def law_claims(run: Run) -> Floats:
    """The law of 1/k: its best form, the price of a wrong gain, and a decay too fast to arrive."""
    best, gain, K = best_decay(1.0), np.array(run.options.gain), 5000 if run.quick else 20_000
    w = one_dimension(run, Optimizer(sgd(), inverse_time_decay(*best), replicas=4000), np.ones(4000), 1000)
    for k in (10, 100, 1000):
        said = f"lr(k) = 1/(h (k + 1 + c/(h² x₀))): E w² after {k} updates, against 1/(1/x₀ + k h²/c)"
        run.claim_all((f"law {k}", said, best_decay_variance(k, 1.0), mean_interval(w[k] ** 2)))
    square = transient(LinearRule(), gain / (np.arange(K)[:, None] + 2.0), 1.0).square
    for a, s in zip(gain.tolist(), square.T, strict=True):  # between ¼ and ¾ the limits are too far away
        if a <= 0.25:  # the next term falls as k^(2a-1)
            said, slope = f"lr = a/(h k), a = {a:g}: exponent of E w² at {K} updates", np.log2(s[K] / s[K // 2])
            run.claim_all((f"gain {a:g}", said, -2.0 * a, slope, 0.1 * K ** (2.0 * a - 1.0)))
        elif a >= 0.75:
            said, limit = f"lr = a/(h k), a = {a:g}: k h² E w²/c after {K} updates", a**2 / (2.0 * a - 1.0)
            run.claim_all((f"gain {a:g}", said, limit, K * s[K], 2.0 / K * limit))
    fast = optimlab.exponential_decay(0.5, 0.5, steps=2)(np.arange(300))
    short, said = transient(LinearRule(), fast[:30], 1.0).mean[-1], "lr halved every 2 updates: mean w, never 0"
    run.claim_all(("too fast", said, np.prod(1.0 - fast), short, 1e-4))
    return square


def best_ends(run: Run, K: int, of: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Return the least loss of every schedule after K updates, and the peak that it needs."""
    lr, peaks = rates(run, K), np.geomspace(0.03, 1.9, 30)
    losses = of((lr / lr.max(axis=0))[:, :, np.newaxis] * peaks)[-1]
    return losses.min(axis=1), peaks[losses.argmin(axis=1)]


def budget_claims(run: Run, last: pd.Series[float]) -> None:
    """Who gains by decay, each at its best peak; that none beats 1/k; what a warm-up and a restart cost."""
    back = last.index.isin(["cosine_restarts", "cyclic"])
    said, above = "schedules that end above the best constant rate", int((last > last.get("constant", np.nan)).sum())
    run.claim("decay pays", said, expected=0, measured=above, default=True)
    above = int((last[back] > last[~back & (last.index != "constant")].max()).sum())
    said = "of cosine restarts and cycles: those that end above every schedule that falls once, each at its best peak"
    run.claim("restarts do not pay", said, expected=2, measured=above, default=True)
    squares = best_ends(run, 300, lambda lr: transient(LinearRule(), lr, 1.0).square)[0]
    said, below = "one dimension: schedules that at any peak end below 1/k", squares < best_decay_variance(300, 1.0)
    run.claim_all(("none beats 1/k", said, 0, below.sum()))
    lr, n = 0.01, 100
    both = np.stack([optimlab.warm_up(lr, steps=n)(np.arange(400)), np.full(400, lr)], axis=1)
    means = transient(LinearRule(), both, 1.0, noise=0.0).mean[-1]
    behind, theory = np.log(means[0] / means[1]) / -np.log1p(-lr), (n + 1) / 2 + lr * n / 12
    losses = expected(run, optimlab.cosine_restarts(0.5, steps=250)(np.arange(1000)))
    late = f"a warm-up of n = {n} updates at lr h = {lr:g} is behind by (n+1)/2 + lr h n/12 updates"
    again = "cosine restarts, 4 in 1000 updates: loss at the end of run 4 over that of run 3"
    run.claim_all(
        ("warm-up", late, theory, behind, lr**2 * n),  # the next term of the series
        ("restart forgets", again, 1, losses[1000] / losses[750], 0.01),
    )


def draw_shapes(figure: Any, run: Run, exact: Floats, table: pd.DataFrame) -> None:
    """Shape of every schedule, and its loss on the way."""
    K, names = run.options.steps, list(run.options.schedules)
    lr, columns = rates(run, K), min(5, len(names))
    axes = figure.subplots(-(-len(names) // columns), columns, sharex=True, sharey=True, squeeze=False).ravel()
    for i, (ax, name) in enumerate(zip(axes, names, strict=False)):
        ax.fill_between(np.arange(K), lr[:, i], color=PALETTE["sky"], alpha=0.4, linewidth=0)
        right, dots = ax.twinx(), table[table["schedule"] == name]
        right.plot(np.arange(K + 1), exact[:, i], color="black")
        right.plot(dots["update"], dots["simulated"], "o", color=PALETTE["vermillion"], markersize=3)
        right.set(yscale="log", ylim=(0.5 * exact.min(), 1.5 * exact.max()))
        last = i % columns == columns - 1 or i == len(names) - 1
        right.tick_params(right=last, labelright=last, which="both")
        ax.set_title(f"{name[:40]}: ends at {exact[-1, i]:.3g}", fontsize=10)
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    figure.supxlabel("update")
    figure.supylabel("learning rate (blue area, left scale)")
    figure.suptitle("Each schedule, and its loss (right scale, log): exact (line) and simulated (dots), from w = 1")


def draw_ways(ax: Axes, run: Run, exact: Floats, table: pd.DataFrame) -> None:
    """Loss over the updates under the first schedules."""
    for i, (name, colour) in enumerate(zip(run.options.schedules, COLOURS, strict=False)):
        dots = table[table["schedule"] == name]
        ax.plot(exact[:, i], color=colour, label=name[:30])
        ax.plot(dots["update"], dots["simulated"], "o", color=colour, markersize=4)
    ax.set(yscale="log", xlabel="update (line: exact, dots: simulated)", ylabel="expected loss")
    ax.set_title(f"A falling rate goes below the floor ({run.options.dimension} curvatures, from w = 1)")
    ax.set_ylim(top=6.0 * exact.max())
    ax.legend(loc="upper right", ncols=2)


def draw_budgets(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Final loss over the budget, each at its best peak."""
    for name, colour in zip(run.options.schedules, COLOURS, strict=False):
        rows = table[table["schedule"] == name].sort_values("budget")
        ax.plot(rows["budget"], rows["loss"], "o-", color=colour, markersize=4, label=name[:30])
    ax.set(xscale="log", yscale="log", xlabel="budget / updates", ylabel="loss at the end, best peak")
    ax.set_title("The longer the run, the more decay gains")
    ticks = [n * 10.0**e for e in range(-6, 2) for n in (1, 2, 5)]
    ticks = [tick for tick in ticks if table["loss"].min() / 2.0 < tick < table["loss"].max() * 2.0]
    ax.set_xticks(run.options.budgets, map(str, run.options.budgets))
    ax.set_yticks(ticks, map("{:g}".format, ticks))
    ax.minorticks_off()
    ax.legend(loc="lower left")


def draw_law(ax: Axes, run: Run, square: Floats) -> None:
    """The law of 1/k for several gains."""
    k = np.arange(1, len(square))
    for a, s, style in zip(run.options.gain, square.T, ("-.", "--", "-", ":") * 9, strict=False):
        ax.plot(k, k * s[1:], style, color="black", label=f"lr = {a:g}/(h k)")
    ax.axhline(1.0, color="#777777", linewidth=1)
    ax.set(xscale="log", ylim=(0.0, 4.0), xlabel="update k", ylabel="k · E w² · h² / c")
    ax.set(title="1/k: the gain 1 is best, below ½ it is lost")
    ax.legend(loc="center right")


def main(run: Run) -> None:
    """Run the study."""
    exact, table = ends(run)
    crossing_claims(run)
    plug_in_claims(run)
    square, longest, rows = law_claims(run), max(run.options.budgets), list[Any]()
    for K in run.progress(run.options.budgets, "budgets"):
        rows += zip(run.options.schedules, [K] * 99, *best_ends(run, K, lambda lr: expected(run, lr)), strict=False)
    budget = pd.DataFrame(rows, columns=["schedule", "budget", "loss", "peak"])
    order = budget[budget["budget"] == longest].sort_values("loss")[["schedule", "peak", "loss"]]
    last = order.set_index("schedule")["loss"]
    budget_claims(run, last)
    text = f"""After {longest} updates, each at its best peak, {last.index[0]} ends lowest, at {last.iloc[0]:.3g},
        {last.index[-1]} highest, at {last.iloc[-1]:.3g}."""
    if "constant" in last:
        text += f" {int((last < last['constant']).sum())} end below the best constant rate, {last['constant']:.3g}."
    run.answer(text, pd.concat([order.head(6), order.iloc[6:].tail(6)]))
    run.table(budget, "budgets")
    run.table(table, "ends")
    run.draw(
        lambda ax: draw_ways(ax, run, exact, table),
        lambda ax: draw_budgets(ax, run, budget),
        lambda ax: draw_law(ax, run, square),
        columns=3,
    )
    run.draw((lambda figure: draw_shapes(figure, run, exact, table), "figure"), size=(15, 8.5), name="schedules")


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

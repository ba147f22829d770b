"""What does clipping do to noisy gradients: less variance at which price?

It trades variance for bias. Clipped at one scale of normal noise, a gradient of 0.5 keeps 45 % of the variance and a
mean of 0.33. Noise without a variance, t(1.5), leaves plain SGD no floor: its mean w² grows with the number of runs;
clipped at 1 it is 0.028. Under skewed noise of mean 0 a clipped descent settles at w = 0.16, beside the minimum.

Gradients in normal, heavy-tailed and skewed noise are clipped by value and set beside their closed forms; then descents
of w²/2 end under the last two. Limits are in scales of the noise. Takes 20 s (--quick: 6 s).
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.optimize import brentq
from scipy.special import gamma, kv

from optimlab import ClipValue, Every, Optimizer, descend, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import PALETTE, Knob, Run, mean_interval, proportion_interval, study
from optimlab.lab.problems import GaussianNoise, Noisy, Quadratic, StudentNoise
from optimlab.lab.theory import ClippedMoments, clipped_exponential, clipped_normal, clipped_student
from optimlab.typing import Floats

KNOBS = (
    Knob("limit", (0.5, 1.0, 3.0), "limits of clipping", POSITIVE),
    Knob("signal", 0.5, "true gradient"),
    Knob("df", 1.5, "degrees of freedom ν of the heavy tails; no variance up to 2", Range("in (1, 100]")),
    Knob("lr", 0.05, "learning rate", Range("in (0, 1)")),
    Knob("far", (3.0, 10.0, 30.0), "distances beyond which plain runs are counted", POSITIVE),
    Knob("draws", 1_000_000, "gradients that are clipped", quick=100_000),
    Knob("runs", 200_000, "independent descents", quick=50_000),
)
MEASURED = ["measured", "low", "high"]
SKEWED = SimpleNamespace(draw=lambda rng, shape: rng.exponential(size=shape) - 1.0)  # mean 0, variance 1
COLOURS = [PALETTE[name] for name in ("blue", "vermillion", "green", "purple", "orange")]


class Law(NamedTuple):
    """Noise of scale 1, and the moments of a mean with it, clipped at a limit."""

    noise: Any
    moments: Callable[[Any, Any], ClippedMoments]

    def settled(self, limit: float, lr: float) -> tuple[float, float, float]:
        """Mean of w near where m(w) = E[clip(w + e)] is 0, slope k of m, variance lr V/(k (2 - lr k)), to order lr."""
        w, step = brentq(lambda w: float(self.moments(w, limit).mean), -1.0, 1.0, xtol=1e-12), 1e-3
        m, variance = self.moments(w + np.array([-step, 0.0, step]), limit)
        k = (m[2] - m[0]) / (2.0 * step)
        floor = lr * variance[1] / (k * (2.0 - lr * k))
        return round(w - floor * (m[2] - 2.0 * m[1] + m[0]) / (2.0 * step**2 * k), 9), k, floor


def laws(df: float) -> dict[str, Law]:
    """Return the laws of noise by name."""
    return {
        "normal": Law(GaussianNoise(1.0), lambda mean, c: clipped_normal(mean, 1.0, c)),
        "skewed": Law(SKEWED, lambda mean, c: clipped_exponential(mean, 1.0, c)),
        f"t({df:g})": Law(StudentNoise(1.0, df), lambda mean, c: clipped_student(mean, 1.0, df, c)),
    }


def clipped(run: Run) -> pd.DataFrame:
    """Clip many noisy gradients by value: mean and variance of what the optimizer uses."""
    o, rows = run.options, []
    for name, law in laws(o.df).items():
        gradients = o.signal + law.noise.draw(run.rng, (o.draws,))
        for limit in o.limit:
            w, theory = np.zeros(o.draws), law.moments(o.signal, limit)
            Optimizer(sgd(), lr=1.0, hooks=[ClipValue(limit)]).step(w, gradients)
            rows.append((name, limit, "mean", theory.mean, *mean_interval(-w)))
            rows.append((name, limit, "variance", theory.variance, *mean_interval((w + theory.mean) ** 2)))
    table = pd.DataFrame(rows, columns=["noise", "limit", "what", "theory", *MEASURED])
    said = f"{{noise}} noise around {o.signal:g}, clipped at {{limit:g}}: {{what}}"
    run.claim_rows(table, "{what} {noise} {limit:g}", said, expected="theory", measured=tuple(MEASURED))
    return table


def ends(run: Run, noise: Any, steps: float, *hooks: Any) -> Floats:
    """Return where runs on w²/2 are that began at the minimum."""
    start, count = np.zeros((run.options.runs, 1)), int(np.ceil(steps))
    optimizer = Optimizer(sgd(), lr=run.options.lr, hooks=hooks, replicas=len(start))
    problem = Noisy(Quadratic((1.0,)), noise, run.rng)
    w: Floats = descend(problem, optimizer, count, start=start, record=Every(count)).w
    return w[:, 0]


def descents(run: Run) -> tuple[dict[tuple[str, float], Floats], pd.DataFrame]:
    """Descend under skewed and heavy-tailed noise, plain and clipped: mean and variance at the end."""
    o, rows, found = run.options, [], {}
    for name, law in list(laws(o.df).items())[1:]:
        found[name, np.inf] = ends(run, law.noise, 8.0 / o.lr)
        for limit in run.progress(o.limit, f"limits under {name} noise"):
            point, slope, floor = law.settled(limit, o.lr)
            w = found[name, limit] = ends(run, law.noise, 8.0 / (o.lr * slope), ClipValue(limit))
            if o.lr > 0.1:
                point = floor = np.nan
            rows.append((name, limit, "mean", point, o.lr**2 / 2, *mean_interval(w)))
            rows.append((name, limit, "variance", floor, o.lr * floor, *mean_interval((w - w.mean()) ** 2)))
    table = pd.DataFrame(rows, columns=["noise", "limit", "what", "theory", "order", *MEASURED])
    said = f"{{noise}} noise, SGD at lr {o.lr:g} clipped at {{limit:g}}: {{what}} of w around the minimum 0"
    numbers = {"expected": "theory", "measured": tuple(MEASURED), "tolerance": "order"}
    run.claim_rows(table, "w {what} {noise} {limit:g}", said, **numbers)
    plain = mean_interval(found["skewed", np.inf])
    run.claim("w mean skewed plain", f"skewed noise, plain SGD at lr {o.lr:g}: mean of w", expected=0.0, measured=plain)
    return found, table


def tail(x: float, lr: float, df: float) -> float:
    """P(|w| > x), w = Σ lr (1-lr)ᵏ eₖ plain: 1 - (2/π) ∫ sin(ux)/u φ(u) du, φ the product of those of t(ν)."""
    u = np.linspace(0.0, 12.0 / np.sqrt(lr / (2.0 - lr)), 8001)[1:]
    logs = np.zeros(len(u))
    for share in lr * (1.0 - lr) ** np.arange(np.ceil(8 / lr)):
        z = np.sqrt(df) * share * u
        logs += np.log(np.maximum(kv(df / 2, z) * z ** (df / 2) / (gamma(df / 2) * 2 ** (df / 2 - 1)), 1e-300))
    values = np.concatenate([[x], np.sin(u * x) / u * np.exp(logs)])
    return 1.0 - 2.0 / np.pi * float(np.trapezoid(values, dx=u[0]))


def far_claims(run: Run, w: Floats) -> None:
    """Count the plain runs far away: the tail of the noise is theirs."""
    o = run.options
    for x in o.far:
        share = tail(x, o.lr, o.df)
        if share * len(w) >= 100:  # rarer ones cannot be counted
            said = f"t({o.df:g}) noise, plain SGD, lr {o.lr:g}: share of runs beyond {x:g}"
            run.claim(f"beyond {x:g}", said, expected=share, measured=proportion_interval(np.abs(w) > x))


def quartiles(w: Floats) -> tuple[list[int], Floats]:
    """Return numbers of runs, and the quartiles of the mean of w² over so many."""
    sizes = [m for m in (10, 30, 100, 300, 1000, 3000, 10_000) if m == 10 or 5 * m <= len(w)]
    means = [(w[: len(w) // m * m] ** 2).reshape(-1, m).mean(axis=1) for m in sizes]
    return sizes, np.transpose([np.percentile(each, (25, 50, 75)) for each in means])


def draw_moments(ax: Axes, run: Run, moments: pd.DataFrame, what: str) -> None:
    """Mean or variance of clipped gradients over the limit."""
    o = run.options
    limits = np.geomspace(min(0.1, *o.limit), max(30.0, *o.limit), 200)
    for (name, law), colour in zip(laws(o.df).items(), COLOURS, strict=False):
        dots = moments[(moments["noise"] == name) & (moments["what"] == what)]
        ax.plot(limits, getattr(law.moments(o.signal, limits), what), color=colour, label=f"{name} noise")
        ax.plot(dots["limit"], dots["measured"], "o", color=colour, markersize=5)
    ax.set(xscale="log", xlabel="limit / scale of the noise (line: theory, dots: measured)")
    if what == "mean":
        ax.axhline(o.signal, color="black", linestyle=":", label="true gradient")
        ax.set_title(f"Clipping moves the mean of a gradient of {o.signal:g} …")
    else:
        ax.set(yscale="log", title="… and takes variance" + (", even an infinite one" if o.df <= 2.0 else ""))
    ax.set_ylabel(f"{what} of the clipped gradient")
    ax.legend(loc="upper right" if what == "mean" and o.signal < 0.0 else "lower right")


def draw_floor(ax: Axes, run: Run, found: dict[tuple[str, float], Floats]) -> None:
    """Mean square over the number of runs in it."""
    o, heavy = run.options, list(laws(run.options.df))[2]
    for limit, colour in zip((np.inf, *sorted(o.limit)[::-1]), ("black", *COLOURS * 9), strict=False):
        sizes, (low, median, high) = quartiles(found[heavy, limit])
        ax.plot(sizes, median, "o-", color=colour, label=f"clipped at {limit:g}" if np.isfinite(limit) else "plain SGD")
        ax.fill_between(sizes, low, high, color=colour, alpha=0.2)
    ax.set(xscale="log", yscale="log", ylabel="mean of w²: median and quartiles")
    ax.set_title("Noise without variance: only clipping has a floor" if o.df <= 2 else "Clipping lowers the floor")
    ax.set_xlabel(f"number of runs averaged (lr {o.lr:g}, {heavy} noise, from w = 0)")
    ax.legend(loc="center right")


def draw_skew(ax: Axes, run: Run, ended: pd.DataFrame) -> None:
    """Where descents under skewed noise settle."""
    o, law = run.options, laws(run.options.df)["skewed"]
    limits = np.linspace(min(0.3, *o.limit), max(6.0, *o.limit), 80)
    dots = ended[(ended["noise"] == "skewed") & (ended["what"] == "mean")]
    ax.plot(limits, [law.settled(limit, 0.0)[0] for limit in limits], color=COLOURS[1], label="theory, lr → 0")
    ax.plot(dots["limit"], dots["measured"], "o", color=COLOURS[1], label=f"measured, lr {o.lr:g}")
    ax.axhline(0.0, color="black", linestyle=":", label="minimum: where plain SGD settles")
    ax.set(xlabel="limit / scale of the noise", ylabel="mean of w at the end (from w = 0)")
    ax.set_title("Skewed noise of mean 0: clipping moves the end")
    ax.legend(loc="upper right")


def answer(run: Run, moments: pd.DataFrame, found: dict[tuple[str, float], Floats]) -> None:
    """Say what a limit costs and buys."""
    o, limit = run.options, sorted(run.options.limit)[len(run.options.limit) > 1]
    heavy, (sizes, plain) = list(laws(o.df))[2], quartiles(found[list(laws(o.df))[2], np.inf])
    wide = moments.pivot_table("measured", "limit", ["what", "noise"], sort=False)
    at = wide.loc[limit]
    table = pd.DataFrame(wide["mean"]).rename(columns="mean, {}".format).reset_index()
    table["w², t"] = [(found[heavy, c] ** 2).mean() for c in table["limit"]]
    table["w, skewed"] = [found["skewed", c].mean() for c in table["limit"]]
    clear = table.set_index("limit").loc[limit]
    text = f"""Clipped at {limit:g}, a gradient of {o.signal:g} in normal noise has mean {at["mean", "normal"]:.2g} and
        variance {at["variance", "normal"]:.2g} instead of 1. Under {heavy} noise w² of plain SGD averages
        {plain[1][0]:.2g} over {sizes[0]} runs, {plain[1][-1]:.2g} over {sizes[-1]}; clipped {clear["w², t"]:.2g} over
        any number. Under skewed noise of mean 0 it settles at w = {clear["w, skewed"]:.2g}, beside the minimum 0."""
    run.answer(text, table)


def main(run: Run) -> None:
    """Run the study."""
    moments, (found, ended) = clipped(run), descents(run)
    far_claims(run, found[list(laws(run.options.df))[2], np.inf])
    answer(run, moments, found)
    run.table(moments, "moments")
    run.table(ended, "ends")
    run.draw(
        lambda ax: draw_moments(ax, run, moments, "mean"),
        lambda ax: draw_moments(ax, run, moments, "variance"),
        lambda ax: draw_floor(ax, run, found),
        lambda ax: draw_skew(ax, run, ended),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

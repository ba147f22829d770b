"""How fast does one mode of a quadratic fall, at every learning rate and β?

Where the roots are complex, by √β a step, whatever the learning rate: by 0.949 for a heavy ball of β = 0.9, from lr·h =
0.0026 to 3.80; not by 2√β, which would grow for β > 1/4. At a learning rate the best β is (1 - √(lr h))², 0.64 at lr·h
= 0.04: below it momentum is a larger learning rate, above it the mode circles.

One eigendirection, ½ h w², under rules that are linear. The roots are read off the positions: wₜ₊₁ = p wₜ - q wₜ₋₁ has
wₜ² - wₜ₊₁ wₜ₋₁ = c qᵗ; and √q is the modulus of complex ones. Takes 1 s (--quick: 1 s).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Every, Optimizer, Rule, descend, heavy_ball, momentum
from optimlab.checks import Range
from optimlab.lab.frame import Knob, Run, StudyError, legend_above, look, looks, rules_knob, study
from optimlab.lab.theory import LinearRule, heavy_ball_plateau, linear_rule
from optimlab.typing import Floats

KNOBS = (
    rules_knob("heavy_ball(.9), sgd, nesterov(.9), momentum(.9)", "linear rules; the paths are those of the first"),
    Knob("lr", (0.002, 0.04, 0.25), "lr times curvature: paths, and the best β", Range("in (0, 4)")),
    Knob("beta", (0.25, 0.5, 0.9, 0.99), "decays whose plateau is measured", Range("in [0.01, 0.99]")),
    Knob("steps", 120, "steps of the paths", Range("at least 10")),
)
COLOURS = ["#882255", "#999933", "#332288", "#7F7F7F", "#8C510A", "#000000"]  # of numbers, not of rules
TINY, FAR = 1e-16, 10.0  # what is drawn of |w|, from 1


def path(rule: Rule, lr_h: Any, steps: int = 5) -> Floats:
    """Positions (steps + 1, S) from 1 on ½w², one column for each lr."""
    rates = np.atleast_1d(np.asarray(lr_h, dtype=np.float64))
    start, record = np.ones((len(rates), 1)), Every(1, at=lambda w: w[:, 0].copy())
    history = descend(np.copy, Optimizer(rule, rates, replicas=len(rates)), steps, start=start, record=record)
    return np.asarray(history["at"], dtype=np.float64)


def recurrence(w: Floats) -> tuple[Floats, Floats]:
    """Return p and q from the positions 2 to 5; of a single root, q = 0."""
    before, after = w[3] ** 2 - w[4] * w[2], w[4] ** 2 - w[5] * w[3]
    single = np.abs(before) <= 1e-13 * w[2] ** 2
    q = np.divide(after, before, out=np.zeros_like(after), where=~single)
    k = np.where(np.abs(w[3]) > np.abs(w[2]), 3, 2), np.arange(w.shape[1])
    p: Floats = np.divide(w[1:][k] + q * w[:-1][k[0] - 1, k[1]], w[k], out=np.zeros_like(q), where=w[k] != 0.0)
    return p, np.asarray(q, dtype=np.float64)


def measured(rule: Rule, lr_h: Floats) -> Floats:
    """Larger modulus of the roots of z² - p z + q."""
    p, q = recurrence(path(rule, lr_h))
    root = np.sqrt((p**2 - 4.0 * q).astype(complex))
    return np.asarray(np.maximum(np.abs(p + root), np.abs(p - root)) / 2.0, dtype=np.float64)


def linear(rule: Rule) -> LinearRule:
    """Return its closed form, or say that it has none."""
    found = linear_rule(rule)
    if found is None:
        raise StudyError(f"--rules must be linear, such as sgd, heavy_ball, momentum and nesterov; got {rule}")
    return found


def radius(rule: Rule, lr_h: Any) -> Floats:
    """Spectral radius of (w, v): the closed form."""
    found: Floats = linear(rule).mode(lr_h).radius
    return found


def scan(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Claim the rate of every rule over lr, to beyond the edge of stability, and that edge; return both."""
    tables, edges = [], []
    for label, rule in run.options.rules.items():
        end = float(linear(rule).limit)
        lr_h, near = np.geomspace(1e-3, 1.2, 200) * end, end * np.linspace(0.9999, 1.0001, 200)
        table = pd.DataFrame({"rule": label, "lr_h": lr_h, "rate": measured(rule, lr_h), "theory": radius(rule, lr_h)})
        worst = float(np.abs(table["rate"] - table["theory"]).max())
        said = f"{label}: rate at 200 lr, to beyond its edge: largest distance from the spectral radius"
        run.claim(f"rate {label}", said, expected=0.0, measured=worst, tolerance=1e-6)
        found = crossing(near, measured(rule, near) > 1.0)
        run.claim(f"edge {label}", f"{label}: stable to lr·h", expected=end, measured=found)
        tables.append(table)
        edges.append((label, found[0], end))
    return pd.concat(tables), pd.DataFrame(edges, columns=["rule", "stable to lr·h", "theory"])


def crossing(lr_h: Floats, marks: Any) -> tuple[float, float, float]:
    """Where marks change first: the middle, and the two lr around it."""
    low, high = lr_h[int(np.flatnonzero(np.diff(marks))[0]) :][:2]
    return (low + high) / 2.0, low, high


def plateaus(run: Run) -> list[str]:
    """Claim the modulus √β of complex roots at any lr, where they turn complex, and what small lr makes of momentum."""
    words = []
    for beta in sorted(set(run.options.beta)):
        ends, found = heavy_ball_plateau(beta), []
        for rule, wider in ((heavy_ball(beta), 1.0), (momentum(beta), 1.0 - beta)):
            w, name = path(rule, np.linspace(*ends, 42)[1:-1] / wider, 60), look(rule).name
            determinant = w[1:-1] ** 2 - w[2:] * w[:-2]
            moduli = (determinant[40] / determinant[0]) ** (1 / 80)
            said = f"{name}, β {beta:g}: modulus at 40 lr of the plateau, √β (2√β is {2 * np.sqrt(beta):.3f})"
            interval = float(np.median(moduli)), float(moduli.min()), float(moduli.max())
            run.claim(f"modulus {name} {beta:g}", said, expected=np.sqrt(beta), measured=interval, tolerance=1e-9)
        for end in ends:
            lr_h = end * np.linspace(0.99, 1.01, 200)
            p, q = recurrence(path(heavy_ball(beta), lr_h))
            found.append(crossing(lr_h, p**2 < 4.0 * q))
            said = f"heavy ball, β {beta:g}: end of the plateau, (1 ± √β)²"
            run.claim(f"end {beta:g} {end:.4g}", said, expected=end, measured=found[-1])
        small = 0.01 * (1.0 - beta) ** 2
        w, allowed = path(heavy_ball(beta), small, 1000)[-2:, 0], 0.02 * beta / (1.0 - beta)  # twice the next term
        said = f"heavy ball, β {beta:g}, lr·h = {small:.2g}: (1 - rate) / lr·h, as of SGD with lr/(1-β)"
        rate = (1 - w[1] / w[0]) / small
        run.claim(f"small {beta:g}", said, expected=1 / (1 - beta), measured=rate, tolerance=allowed)
        words.append(f"{interval[0]:.3g} for β = {beta:g} (lr·h {found[0][0]:.3g} to {found[1][0]:.3g})")
    return words


def damping(run: Run) -> pd.DataFrame:
    """Claim the best β of a learning rate: critical damping."""
    beta, tables = np.linspace(0.002, 0.998, 499), []
    for lr_h in sorted(set(run.options.lr)):
        rate = measured(heavy_ball(tuple(beta)), np.full(len(beta), lr_h))
        best = (1 - np.sqrt(lr_h)) ** 2
        if 0.004 < best < 1.0:
            said = f"heavy ball, lr·h = {lr_h:g}: the best β of 499, (1 - √(lr h))²"
            run.claim(f"damping {lr_h:g}", said, expected=best, measured=beta[rate.argmin()], tolerance=0.002)
        theory = LinearRule(beta).mode(lr_h).radius
        tables.append(pd.DataFrame({"lr_h": lr_h, "beta": beta, "rate": rate, "theory": theory}))
    return pd.concat(tables, ignore_index=True)


def draw_rates(ax: Axes, run: Run, rates: pd.DataFrame) -> None:
    """Rate of one mode against lr h."""
    for label, seen in looks(run.options.rules).items():
        rule = run.options.rules[label]
        end = linear(rule).limit
        lr_h = np.geomspace(5e-4, 1.3 * end, 2000)
        ax.plot(lr_h, radius(rule, lr_h), seen.dash, color=seen.colour, label=f"{label}, to {end:.3g}")
        dots = rates[rates["rule"] == label].iloc[::8]
        ax.plot(dots["lr_h"], dots["rate"], "o", color=seen.colour, markersize=4)
    ax.axhline(1.0, color="#666666", linewidth=1.0)
    ax.set(title="On its plateau lr does not matter (dots: measured)", xlabel="lr · curvature", xscale="log")
    ax.set(ylabel="factor per step", ylim=(0.4, 1.15))
    ax.legend(loc="lower left", title="stable")


def draw_damping(ax: Axes, table: pd.DataFrame) -> None:
    """Rate against β."""
    for (lr_h, rows), colour in zip(table.groupby("lr_h"), COLOURS * 9, strict=False):
        ax.plot(rows["beta"], rows["theory"], color=colour, label=f"lr · curvature = {lr_h:g}")
        ax.plot(rows["beta"].iloc[5::20], rows["rate"].iloc[5::20], "o", color=colour, markersize=4)
    beta = np.linspace(0, 1, 200)
    ax.plot(beta, np.sqrt(beta), ":", color="#666666", label="√β")
    ax.set(title="Heavy ball: the best β is (1 - √(lr h))²", xlabel="β", ylabel="factor per step", ylim=(0, 1.02))
    ax.legend(loc="lower right")


def draw_paths(ax: Axes, run: Run) -> None:
    """Paths of the first rule: steps against positions."""
    label, rule = next(iter(run.options.rules.items()))
    for lr_h, colour in zip(sorted(set(run.options.lr)), COLOURS * 9, strict=False):
        w = path(rule, lr_h, run.options.steps)[:, 0]
        w[np.abs(w) > FAR] = np.nan
        look: dict[str, Any] = {"color": colour, "markersize": 3, "linewidth": 1.0}
        ax.plot(w, np.diff(w, prepend=w[:1]), "o-", label=f"lr · curvature = {lr_h:g}", **look)
    ax.plot(0, 0, "k+", markersize=12, zorder=3, label="minimum")
    ax.set(title=f"{label} from w = 1: it creeps, or it circles", xlabel="w", ylabel="step just made")
    legend_above(ax)


def draw_envelopes(ax: Axes, run: Run) -> None:
    """Distances of the first rule over steps, under their envelopes."""
    label, rule = next(iter(run.options.rules.items()))
    for lr_h, colour in zip(sorted(set(run.options.lr)), COLOURS * 9, strict=False):
        w, t = np.abs(path(rule, lr_h, run.options.steps)[:, 0]), np.arange(run.options.steps + 1)
        ax.plot(np.where(w > 0.0, w, np.nan), color=colour, linewidth=1.2, label=f"lr · curvature = {lr_h:g}")
        ax.plot(t, radius(rule, lr_h) ** t, "--", color=colour)
    ax.set(title=f"{label}: one envelope on the plateau (dashed: rateᵗ)", xlabel="step", ylabel="|w|", yscale="log")
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, TINY), min(high, FAR))
    legend_above(ax)


def main(run: Run) -> None:
    """Run the study."""
    (rates, edges), words, dampings = scan(run), plateaus(run), damping(run)
    best = dampings.loc[dampings.groupby("lr_h")["rate"].idxmin(), ["beta", "lr_h"]].to_numpy()
    text = f"Where its roots are complex a heavy ball falls by √β a step, whatever lr: {', '.join(words)}. "
    text += f"The best β is {', '.join(f'{beta:.2g} at lr·h {lr_h:g}' for beta, lr_h in best)}."
    run.answer(text, edges)
    for frame, name in ((rates, "rates"), (edges, "edges"), (dampings, "damping")):
        run.table(frame, name)
    run.draw(
        lambda ax: draw_rates(ax, run, rates),
        lambda ax: draw_damping(ax, dampings),
        lambda ax: draw_paths(ax, run),
        lambda ax: draw_envelopes(ax, run),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

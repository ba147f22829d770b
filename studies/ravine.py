"""How much does momentum help in a ravine, and what does the rate alone not say?

It turns κ steps into √κ: to come a million times nearer SGD needs 69 078 steps at κ = 10 000 and the heavy ball 1056,
each at its best lr and β; at κ = 2 it is 13 to 10. On its way the heavy ball first moves away, 26 times as far as it
began (√κ/4), and on a convex function that is no quadratic its best tuning cycles for ever.

SGD, the heavy ball and Nesterov's method at their best lr and β on ½(x² + κy²) from (1, 1), beside closed forms; other
rules (--rules) at the best of a grid of learning rates; and a map of steps over lr and β. Takes 13 s (--quick: 10 s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from optimlab import Every, Optimizer, Rule, descend, heavy_ball, nesterov, sgd
from optimlab.checks import Range
from optimlab.lab import theory
from optimlab.lab.frame import Knob, Run, legend_above, looks, rules_knob, study
from optimlab.lab.problems import ravine
from optimlab.typing import Floats

KNOBS = (
    rules_knob("heavy_ball(.9)", "rules beside the tuned ones, each at the best of 33 learning rates"),
    Knob("kappa", (2.0, 4.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4), "condition numbers", Range("in [1.5, 30000]")),
    Knob("target", 1e-6, "distance to reach, over that of the start", Range("in [1e-12, 0.1]")),
    Knob("start", (1.0, 1.0), "x, y where the drawn paths start", count=2),
    Knob("steps", 5000, "longest run of the rules beside", quick=2000),
    Knob("grid", 50, "values of β on the map, and of lr", quick=30),
)


class Method(NamedTuple):
    """A rule of β, its best lr and β for curvatures from μ to L, and its closed form for β."""

    rule: Callable[[Any], Rule]
    tuning: Callable[[Any, Any], theory.Tuning]
    linear: Callable[[Any], theory.LinearRule]


def ahead(beta: Any) -> theory.LinearRule:
    """Return Nesterov's momentum as a linear rule."""
    return theory.LinearRule(beta, trace=beta, gradient=1.0)


METHODS = {
    "SGD": Method(lambda beta: sgd(), theory.gradient_descent_optimum, theory.LinearRule),
    "Nesterov, best lr": Method(nesterov, theory.nesterov_optimum, ahead),
    "Nesterov, lr = 1/L": Method(nesterov, theory.nesterov_textbook, ahead),
    "heavy ball": Method(heavy_ball, theory.heavy_ball_optimum, theory.LinearRule),
}
STYLES = {label: method.rule(0.5) for label, method in METHODS.items()}
Curves = dict[str, tuple[Floats, Floats]]  # by method: errors (steps + 1, κ), measured and by theory
CYCLE = np.array([-2208.0, 792.0, 2592.0]) / 1225.0  # Lessard, Recht & Packard 2016, section 4.6


def descents(rule: Rule, lr: Any, curvatures: Floats, steps: int, start: Any = 1.0) -> Floats:
    """Positions (steps + 1, S, n) of S descents, one for each row of curvatures; inf for those that diverge."""
    optimizer = Optimizer(rule, lr, replicas=len(curvatures))
    first, record = np.full_like(curvatures, start), Every(1, at=np.copy)
    path = descend(lambda w: curvatures * w, optimizer, steps, start=first, record=record, progress=False)["at"]
    path[:, optimizer.diverged] = np.inf  # they keep their last finite weights
    return np.pad(path, ((0, steps + 1 - len(path)), (0, 0), (0, 0)), constant_values=np.inf)


def error(path: Floats) -> Floats:
    """‖w‖/‖w₀‖."""
    with np.errstate(over="ignore"):
        norms: Floats = np.sqrt((path**2).mean(axis=-1))
    return norms


def arrival(errors: Floats, target: float) -> Floats:
    """First step at or below the target; inf for never."""
    hit = errors <= target
    return np.where(hit.any(axis=0), hit.argmax(axis=0), np.inf)


def race(method: Method, kappas: Floats, target: float) -> tuple[Floats, Floats]:
    """Errors (steps + 1, κ) over that of the start, measured and by the closed form."""
    tuning = method.tuning(1.0, kappas)
    # Momentum first moves away, by less than κ times.
    ways = ((2.0, target), (1.0, target / kappas)) if np.any(tuning.beta) else ((1.0, target),)
    steps = int(max((more * theory.bare_steps(tuning.rate, end)).max() for more, end in ways)) + 20
    h = np.stack([np.ones_like(kappas), kappas], axis=1)
    path = descents(method.rule(tuning.beta), tuning.lr, h, steps)
    lr_h = np.asarray(tuning.lr)[:, None] * h
    exact = method.linear(np.asarray(tuning.beta)[:, None]).mode(lr_h).values(np.arange(steps + 1)[:, None, None])
    if method.rule is nesterov:  # w is the point ahead; the iterate of the theorem is a gradient step from it
        path[1:], exact[1:] = (1.0 - lr_h) * path[:-1], (1.0 - lr_h) * exact[:-1]
    return error(path), error(exact)


def races(run: Run) -> tuple[pd.DataFrame, Curves]:
    """Steps of every method at every κ, and its errors, measured and by theory."""
    kappas, target, rows, curves = np.array(run.options.kappa), run.options.target, [], {}
    for label, method in run.progress(METHODS.items(), "methods"):
        curves[label] = measured, exact = race(method, kappas, target)
        on = exact > target
        off = np.abs(measured[on] / exact[on] - 1.0).max()
        said = f"{label}: largest relative distance from the closed form on the way to {target:g}, any κ"
        run.claim(f"curve {label}", said, expected=0.0, measured=off, tolerance=1e-9)
        columns = {"steps": arrival(measured, target), "theory": arrival(exact, target)}
        columns["by_rate"] = theory.bare_steps(method.tuning(1.0, kappas).rate, target)
        rows.append(pd.DataFrame({"method": label, "kappa": kappas} | columns))
    for label, rule in run.progress(run.options.rules.items(), "rules"):
        steps = [best_steps(rule, kappa, target, run.options.steps) for kappa in kappas]
        rows.append(pd.DataFrame({"method": f"{label}, tried lr", "kappa": kappas, "steps": steps}))
    table = pd.concat(rows, ignore_index=True)
    said = "{method}, κ = {kappa:g}: steps to the target"
    run.claim_rows(table, "steps {method} {kappa:g}", said, expected="theory", measured="steps")
    return table, curves


def best_steps(rule: Rule, kappa: float, target: float, steps: int) -> float:
    """Fewest steps to the target over a grid of learning rates, on curvatures 1/κ and 1; inf if none arrives."""
    curvatures = np.tile([1.0 / kappa, 1.0], (33, 1))
    return float(arrival(error(descents(rule, np.geomspace(1e-4, 4.0, 33), curvatures, steps)), target).min())


def transients(run: Run, curves: Curves) -> pd.DataFrame:
    """How far the heavy ball first moves away, and until when SGD is nearer."""
    kappas, heavy, plain = np.array(run.options.kappa), curves["heavy ball"][0], curves["SGD"][0]
    n = min(len(heavy), len(plain))
    behind = heavy[:n] > plain[:n]
    until = np.where(behind.any(axis=0), n - 1 - behind[::-1].argmax(axis=0), 0)
    table = pd.DataFrame({"kappa": kappas, "peak": heavy.max(axis=0), "behind_until": until})
    table["theory"] = theory.heavy_ball_transient(kappas)[0]
    said = "heavy ball, κ = {kappa:g}: largest error over that of the start"
    run.claim_rows(table, "far {kappa:g}", said, expected="theory", measured="peak", tolerance=1e-9)
    return table


def nearest(run: Run, kappa: float) -> float:
    """Return the knob's κ that is nearest to one."""
    return float(min(run.options.kappa, key=lambda k: abs(np.log(k / kappa))))


def tuning_map(run: Run) -> tuple[float, Floats, Floats, Floats]:
    """Steps of the heavy ball to the target for one κ at many (lr, β), inf for never."""
    kappa, n, target = nearest(run, 100.0), run.options.grid, run.options.target
    steps = int(10.0 * theory.bare_steps(theory.heavy_ball_optimum(1.0, kappa).rate, target)) + 20
    lr_l, beta = np.linspace(0.5, 4.0, n + 21), np.linspace(0.0, 0.98, n)
    lr, betas = (axis.ravel() for axis in np.meshgrid(lr_l, beta))
    h = np.array([1.0 / kappa, 1.0])
    exact = theory.LinearRule(betas[:, None]).mode(lr[:, None] * h).values(np.arange(steps + 1)[:, None, None])
    measured = descents(METHODS["heavy ball"].rule(betas), lr, np.tile(h, (len(lr), 1)), steps)
    fewest, expected = arrival(error(measured), target), arrival(error(exact), target)
    said = f"κ = {kappa:g}: fewest steps of the heavy ball over {len(lr)} pairs (lr, β)"
    run.claim("tuning", said, expected=expected.min(), measured=fewest.min())
    return kappa, lr_l, beta, fewest.reshape(len(beta), len(lr_l))


def cycle(run: Run) -> dict[str, Floats]:
    """Tune for curvatures from 1 to 25, and descend a convex function with just these."""
    slope: Callable[[Any], Any] = lambda x: 25.0 * x - 24.0 * np.clip(x - 1.0, 0.0, 1.0)  # noqa: E731
    paths = {}
    for label in ("SGD", "heavy ball"):
        lr, beta, _ = METHODS[label].tuning(1.0, 25.0)
        optimizer, record = Optimizer(METHODS[label].rule(float(beta)), float(lr)), Every(1, at=np.copy)
        paths[label] = descend(slope, optimizer, 600, start=np.array([3.3]), record=record, progress=False)["at"][:, 0]
    ends = dict(zip(("lowest", "middle", "highest"), np.sort(paths["heavy ball"][-3:]), strict=True))
    table = pd.DataFrame({"point": [*ends, "only"], "x": [*ends.values(), paths["SGD"][-1]], "theory": [*CYCLE, 0.0]})
    said = "no quadratic: {point} point where the heavy ball (SGD: the only) stays"
    run.claim_rows(table, "cycle {point}", said, expected="theory", measured="x", tolerance=1e-9)
    return paths


def draw_paths(figure: SubFigure, run: Run) -> None:
    """The first steps of each method, one beside the other."""
    kappa, steps, start = nearest(run, 30.0), 14, np.array(run.options.start)
    tuned = {label: method.tuning(1.0, kappa)[:2] for label, method in METHODS.items()}
    ways = {
        label: descents(METHODS[label].rule(float(beta)), float(lr), np.array([[1.0, kappa]]), steps, start)[:, 0]
        for label, (lr, beta) in tuned.items()
    }
    reach = np.maximum(2.4 * np.maximum(np.abs(start), 0.1), 1.1 * np.abs([*ways.values()]).max(axis=(0, 1)))
    x, y = np.meshgrid(*(np.linspace(-side, side, 150) for side in reach))
    values = ravine(kappa).value(np.stack([x, y], axis=-1))
    for ax, (label, path) in zip(figure.subplots(2, 2, sharex=True, sharey=True).flat, ways.items(), strict=True):
        ax.contour(x, y, values, np.geomspace(1e-3, 1.0, 10) * values.max(), colors="#BBBBBB", linewidths=0.8)
        ax.plot(*path.T, "o-", color=looks(STYLES)[label].colour, markersize=3.5, linewidth=1.2)
        ax.plot(*start, "k*", markersize=10)
        ax.set_title("{}: lr {:.2g}, β {:.2g}".format(label, *tuned[label]), fontsize=9)
        ax.set(xlim=(-0.55 * reach[0], 0.55 * reach[0]), ylim=(-reach[1], reach[1]))
    title = f"κ = {kappa:g}: {steps} steps from ★ = ({start[0]:g}, {start[1]:g}); x flat, y steep"
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)


def draw_errors(ax: Axes, run: Run, curves: Curves) -> None:
    """Errors over the steps, with dots of theory."""
    kappa, target = nearest(run, 1000.0), run.options.target
    end = int(3.0 * theory.bare_steps(theory.heavy_ball_optimum(1.0, kappa).rate, target)) + 2
    for label, look in looks(STYLES).items():
        measured, exact = (errors[:end, run.options.kappa.index(kappa)] for errors in curves[label])
        ax.plot(measured, look.dash, color=look.colour, label=label)
        ax.plot(exact, "o", markevery=end // 20 + 1, color=look.colour, markersize=3.5)
    ax.set(xlabel="step", ylabel="distance / start's", yscale="log", ylim=(target / 10, 40))
    ax.set_title(f"Errors at κ = {kappa:g} (lines measured, dots theory)")
    ax.legend(loc="lower left")


def draw_steps(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Steps to the target over κ."""
    own = {f"{label}, tried lr": rule for label, rule in run.options.rules.items()}
    for label, look in looks(STYLES | own).items():
        rows = table[table["method"] == label]
        ax.plot(rows["kappa"], rows["steps"], "s:" if label in own else "o", color=look.colour)
        ax.plot(rows["kappa"], rows["by_rate"], look.dash, color=look.colour, linewidth=1.0)
        ax.plot([], [], "s:" if label in own else f"o{look.dash}", color=look.colour, label=label)
    ax.set(xlabel="condition number κ", xscale="log", yscale="log")
    ax.set_ylabel(f"steps to {run.options.target:g} of the distance")
    ax.set_title("κ or √κ steps (dots measured, lines the rate alone)")
    legend_above(ax)


def draw_transients(ax: Axes, table: pd.DataFrame) -> None:
    """What the rate does not say: the first moves of the heavy ball."""
    kappa = np.geomspace(table["kappa"].min(), table["kappa"].max(), 200)
    blue = looks(STYLES)["heavy ball"].colour
    ax.plot(kappa, theory.heavy_ball_transient(kappa)[0], color=blue, label="closed form")
    ax.plot(table["kappa"], table["peak"], "o", color=blue, label="largest distance / start's, measured")
    ax.plot(kappa, np.sqrt(kappa) / 4, ":", color="#666666", label="√κ/4")
    ax.plot(table["kappa"], table["behind_until"], "ks", label="last step at which SGD is nearer")
    ax.set(xlabel="condition number κ", ylabel="distance / start's, or step", xscale="log", yscale="log")
    ax.set_ylim(0.4, 3 * max(2, table["behind_until"].max()))
    ax.set_title("The price: at first the heavy ball moves away")
    legend_above(ax, 1)


def draw_cycle(ax: Axes, paths: dict[str, Floats]) -> None:
    """Where the heavy ball cycles."""
    for label, path in paths.items():
        ax.plot(path[:61], "o-", color=looks(STYLES)[label].colour, markersize=3, linewidth=1.0, label=label)
    ax.axhline(0.0, color="#666666", linewidth=1.0)
    ax.set(xlabel="step", ylabel="x, from 3.3", title="Curvature 25, but 1 on [1, 2]: a heavy ball never arrives at 0")
    ax.legend(loc="upper right")


def draw_tunings(ax: Axes, table: pd.DataFrame, tunings: tuple[float, Floats, Floats, Floats]) -> None:
    """Steps over (lr, β)."""
    kappa, lr_l, beta, steps = tunings
    tuned = table["steps"][(table["method"] == "heavy ball") & (table["kappa"] == kappa)].iloc[0]
    lr, best, _ = theory.heavy_ball_optimum(1.0 / kappa, 1.0)
    row, column = np.unravel_index(int(steps.argmin()), steps.shape)
    shown = np.where(steps < np.inf, steps, np.nan)
    mesh = ax.pcolormesh(lr_l, beta, shown, cmap="viridis_r", vmin=steps.min(), vmax=10 * steps.min())
    ax.figure.colorbar(mesh, ax=ax, label="steps to the target (white: many more, or never)")
    ax.plot(lr, best, "*", color="white", markeredgecolor="black", markersize=15, label=f"best rate: {tuned:.0f} steps")
    fewest = f"fewest steps: {steps.min():.0f}"
    ax.plot(lr_l[column], beta[row], "wD", markeredgecolor="black", markersize=4, label=fewest)
    ax.set(title=f"Heavy ball, κ = {kappa:g}: the best rate need not be the fastest", xlabel="lr · L", ylabel="β")
    ax.legend(loc="lower right")


def answer(run: Run, table: pd.DataFrame, peaks: pd.DataFrame) -> None:
    """Say what momentum saves, and what it costs."""
    wide = table.pivot_table("steps", "kappa", "method", sort=False).reset_index()
    ends = zip(*(wide[name].iloc[[0, -1]] for name in ("kappa", "SGD", "heavy ball")), strict=True)
    words = ", ".join(dict.fromkeys(f"{plain:.0f} to {heavy:.0f} at κ = {kappa:g}" for kappa, plain, heavy in ends))
    top, at = peaks["peak"].max(), peaks["kappa"].max()
    run.answer(
        f"Steps to {run.options.target:g} of the distance, each at its best lr and β, SGD to heavy ball: {words}. On "
        f"its way the heavy ball moves {top:.3g} times as far away as it began (κ = {at:g}).",
        wide.rename(columns={"kappa": "κ, steps of"}),
    )


def main(run: Run) -> None:
    """Run the study."""
    table, curves = races(run)
    peaks, tunings, paths = transients(run, curves), tuning_map(run), cycle(run)
    answer(run, table, peaks)
    run.table(table, "steps")
    run.table(peaks, "transients")
    run.draw(
        (lambda figure: draw_paths(figure, run), "figure"),
        lambda ax: draw_errors(ax, run, curves),
        lambda ax: draw_steps(ax, run, table),
        lambda ax: draw_transients(ax, peaks),
        lambda ax: draw_cycle(ax, paths),
        lambda ax: draw_tunings(ax, table, tunings),
        columns=3,
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

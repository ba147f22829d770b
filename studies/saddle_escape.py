"""How long does a saddle hold each optimizer, and does momentum leave it faster?

From 1e-08 beside the ridge of x² - y² at lr 0.01 SGD needs 931 steps, heavy ball 185, Nesterov 174, EMA momentum 1079,
RMSprop 73, Adam 77. Momentum by itself is no faster: the heavy ball steps 1/(1-β) times as far. RMSprop and Adam do
not care how close they begin. On the saddle itself noise of sd 1e-06 decides within 882 steps, give or take 58.

Steps from distances eps along the direction that leads down most, beside the growth of linear rules where the saddle is
strict; from the saddle itself with noise; and a monkey saddle, whose Hessian is 0: 1/eps in place of ln(1/eps). The
paths are drawn in 3-D and move in saddle_escape.html. Takes 30 s (--quick: 7 s).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Every, FirstPassage, Optimizer, Rule, descend, sgd
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import Knob, Run, StudyError, literal, looks, mean_interval, rules_knob, study
from optimlab.lab.play import Paths, paths
from optimlab.lab.play.surfaces import scene
from optimlab.lab.problems import GaussianNoise, MonkeySaddle, Noisy, Surface
from optimlab.lab.theory import linear_rule, monkey_escape, noise_escape_mean, noise_escape_sd
from optimlab.typing import Floats

KNOBS = (
    rules_knob("sgd, heavy_ball(.9), nesterov(.9), momentum(.9), rmsprop(.9), adam"),
    Knob("surface", ("saddle", "monkey"), "names, formulas in x and y, or file.py:name, critical at the origin"),
    Knob("lr", 0.01, "learning rate", POSITIVE),
    Knob("eps", (0.1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-12), "distances of the starts", Range("in (0, 1)")),
    Knob("radius", 1.0, "distance at which a saddle counts as left", POSITIVE),
    Knob("noise", (0.1, 1e-3, 1e-6), "sd of the gradient's noise, for SGD on the first surface", POSITIVE),
    Knob("start", (0.9, 0.01), "x, y where the drawn paths start", count=2),
    Knob("runs", 2000, "runs with noise", quick=500),
    Knob("steps", 40_000, "steps after which a descent ends", quick=5000),
)
MONKEY_LR = 0.1
DRAWN, FRAMES = 300, 40  # steps of the paths that are drawn, and frames of the animation


class Saddle(NamedTuple):
    """A surface, the direction that leads down most at the origin, and its curvature h > 0; 0 if it is degenerate."""

    name: str
    surface: Surface
    down: Floats
    curvature: float

    def quadratic(self, radius: float) -> bool:
        """Whether it falls by ½ h r² all the way, so that the closed forms are exact."""
        fall = self.surface.value(np.zeros(2)) - [self.surface.value(r * self.down) for r in (radius / 2, radius)]
        return self.curvature > 0 and bool(np.allclose(fall, self.curvature * radius**2 / np.array([8, 2]), rtol=1e-9))


def saddle(text: str) -> Saddle:
    """Look at the origin of a surface: by its Hessian, or on a small circle where that does not lead down."""
    (name, found, *_), h = scene(text), 1e-4
    if np.abs(found.gradient(np.zeros(2))).max() > 1e-8:
        raise StudyError(f"--surface: the gradient of {text} must be 0 at the origin; try x**2 - y**2 + x*y")
    hessian = np.array([(found.gradient(step) - found.gradient(-step)) / (2 * h) for step in h * np.eye(2)])
    curvatures, directions = np.linalg.eigh((hessian + hessian.T) / 2)
    if curvatures[0] < -1e-3:
        down = directions[:, 0] * np.sign(directions[np.abs(directions[:, 0]).argmax(), 0])
        return Saddle(name, found, down, -float(curvatures[0]))
    angles = np.deg2rad(np.arange(360.0))
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).round(15)
    fall = found.value(np.zeros(2)) - found.value(0.1 * circle)
    if fall.max() < 1e-9:
        raise StudyError(f"--surface: a direction must lead down from the origin of {text}; none does, try x**2 - y**2")
    steepest = circle[fall > (1 - 1e-9) * fall.max()]
    return Saddle(name, found, steepest[np.abs(steepest).max(axis=1).argmax()], 0.0)  # the nearest to an axis


def escape(problem: Any, run: Run, rule: Rule, start: Floats, down: Floats) -> Floats:
    """Return the first step at the radius along the way down, for each replica; inf if there is none."""
    passage, limit = FirstPassage(lambda w: np.abs(w @ down), run.options.radius), run.options.steps
    optimizer = Optimizer(rule, lr=run.options.lr, replicas=len(start))
    descend(problem, optimizer, limit, start=start, record=Every(limit), stop=passage, progress=False)
    steps: Floats = passage.steps
    return steps


def theory(run: Run, at: Saddle, rule: Rule, eps: Any) -> Any:
    """Steps of the mode that grows, from rest; NaN where there is no theory."""
    form, share = linear_rule(rule), np.asarray(eps) / run.options.radius
    slow = run.options.lr <= MONKEY_LR  # a formula for steps that are short beside the way
    if isinstance(at.surface, MonkeySaddle) and rule == sgd() and run.options.radius == 1.0 and slow:
        return monkey_escape(share, run.options.lr)
    if form is None or not at.curvature:
        return np.full(np.shape(eps), np.nan)
    return form.mode(-run.options.lr * at.curvature).escape(share)


def measure(run: Run, saddles: list[Saddle]) -> pd.DataFrame:
    """Steps from each distance, for every surface and rule."""
    eps, tables = np.array(run.options.eps), []
    for at in saddles:
        for label, rule in run.progress(run.options.rules.items(), at.name):
            columns = {"steps": escape(at.surface, run, rule, eps[:, None] * at.down, at.down)}
            columns["theory"] = theory(run, at, rule, eps)
            tables.append(pd.DataFrame({"surface": at.name, "rule": label, "eps": eps} | columns))
    table = pd.concat(tables, ignore_index=True)
    if not np.isfinite(table["steps"]).any():
        raise StudyError(f"nothing leaves within --steps {run.options.steps}; take more of them, or a larger --lr")
    exact = [at.name for at in saddles if at.quadratic(run.options.radius) or isinstance(at.surface, MonkeySaddle)]
    left = table[np.isfinite(table["steps"]) & table["surface"].isin(exact)]
    said = "{rule} on {surface}, from {eps:g}: steps, the last of which is never a whole one"
    whole = left.assign(low=left["steps"] - 1.0)
    run.claim_rows(whole, "{surface} {rule} {eps:g}", said, expected="theory", measured=("steps", "low", "steps"))
    return table


def measure_noise(run: Run, at: Saddle) -> tuple[pd.DataFrame, dict[float, Floats]]:
    """Steps of SGD from the saddle itself, for each level of noise: mean and sd, and all of them."""
    lr, radius, rows, all_steps = run.options.lr, run.options.radius, [], {}
    runs = run.options.runs if getattr(at.surface, "elementwise", True) else 50  # else each by itself, on the tape
    for noise in run.progress(run.options.noise, "noise levels"):
        problem = Noisy(at.surface, GaussianNoise(noise), run.rng)
        steps = escape(problem, run, sgd(), np.zeros((runs, 2)), at.down)
        left = all_steps[noise] = steps[np.isfinite(steps)]
        if len(left) < 2:
            continue
        known = at.quadratic(radius) and len(left) == len(steps)
        mean = noise_escape_mean(noise / radius, lr, curvature=at.curvature) if known else np.nan
        sd = noise_escape_sd(lr, curvature=at.curvature) if known else np.nan
        sd = sd if sd > 3.0 else np.nan  # of time; that of whole steps is more where a step is not short beside it
        spread = np.sqrt(np.maximum(mean_interval((left - left.mean()) ** 2), 0.0))
        rows.append((noise, *mean_interval(left), mean, *spread, sd))
    columns = ["noise", "mean", "low", "high", "theory", "sd", "sd_low", "sd_high", "sd_theory"]
    table = pd.DataFrame(rows, columns=columns, dtype=float)
    said = "noise sd {noise:g}: steps of SGD from the saddle itself, "
    run.claim_rows(table, "noise {noise:g}", said + "mean, which counts whole steps", expected="theory",
                   measured=("mean", "low", "high"), tolerance=1.0)  # fmt: skip
    run.claim_rows(table, "noise {noise:g} sd", said + "sd", expected="sd_theory", measured=("sd", "sd_low", "sd_high"))
    return table, all_steps


def draw_distances(ax: Axes, run: Run, at: Saddle, table: pd.DataFrame) -> None:
    """Steps over the distance of the start."""
    fine = np.geomspace(min(run.options.eps), max(run.options.eps), 50)
    table = table[(table["surface"] == at.name) & np.isfinite(table["steps"])]
    for label, look in looks(run.options.rules).items():
        rows, line = table[table["rule"] == label], theory(run, at, run.options.rules[label], fine)
        dots = "o" if np.isfinite(line).any() else "s:"
        ax.plot(rows["eps"], rows["steps"], dots, color=look.colour, label=label, markersize=5)
        ax.plot(fine, np.where(line < run.options.steps, line, np.nan), look.dash, color=look.colour)
    ax.set(xscale="log", yscale="log", ylabel="steps until left")
    ax.set_xlabel("distance eps of the start from the ridge (full lines: theory)")
    grow = "log" if at.curvature else "a power of"
    ax.set_title(f"{literal(at.name, 20)}, lr {run.options.lr:g}: without scaling, steps grow as {grow} 1/eps")
    if len(table):
        ax.set_ylim(0.5 * table["steps"].min(), 20 * table["steps"].max())
    ax.legend(ncols=2, loc="upper right", fontsize=9)


def draw_noise(ax: Axes, at: Saddle, table: pd.DataFrame, all_steps: dict[float, Floats]) -> None:
    """Distribution of the steps of SGD with noise."""
    tops = [0.0]
    for k, row in enumerate(table.to_dict("records")):
        shade = ("#000000", "#777777", "#BBBBBB", "#444444")[k % 4]
        heights, *_ = ax.hist(
            all_steps[row["noise"]], 40, density=True, color=shade, alpha=0.6, label=f"sd {row['noise']:g}"
        )
        tops.append(float(np.max(heights)))
        ax.errorbar(
            row["theory"], 1.1 * tops[-1], xerr=row["sd_theory"], fmt="D", color="#D55E00", capsize=4, markersize=5
        )
    ax.set(xlabel="steps of SGD until left (diamonds: theory, mean ± sd)", ylabel="density")
    ax.set_ylim(0.0, 1.5 * max(tops) or 1.0)
    ax.set_title(f"From the saddle itself ({literal(at.name, 25)}), noise sets the time")
    if len(table):
        ax.legend(ncols=2, loc="upper center")


def animate(run: Run, found: Paths) -> None:
    """Write the animation."""
    figure, draw, frames = found.animation(FRAMES // 4 if run.quick else FRAMES)
    table = found.table()
    ends = "; ".join(f"{row.rule}: {row.status} at step {row.steps}" for row in table.itertuples())
    text = f"The ways of {len(table)} rules over {found.scene.name} from {found.scene.start} ({found.said}). {ends}."
    run.animation(figure, draw, frames=frames, name=run.name, text=text)


def answer(run: Run, at: Saddle, table: pd.DataFrame, noise: pd.DataFrame) -> None:
    """Say how long the first surface holds each rule."""
    eps = min(run.options.eps, key=lambda e: abs(np.log(e / 1e-8)))
    own = table[table["surface"] == at.name]
    words = ", ".join(f"{row.rule} {row.steps:.0f}" for row in own[own["eps"] == eps].itertuples())
    text = f"From {eps:g} beside the ridge of {at.name} at lr {run.options.lr:g} these steps are needed: {words}."
    for row in noise.nsmallest(1, "noise").itertuples():
        text += f" From the saddle itself noise of sd {row.noise:g} needs {row.mean:.0f} ± {row.sd:.0f}."
    wide = own.pivot_table("steps", "rule", "eps", sort=False)
    run.answer(text.replace("inf", f"over {run.options.steps}"), wide.rename(columns="{:g}".format).reset_index())


def main(run: Run) -> None:
    """Run the study."""
    if max(run.options.eps) >= run.options.radius:
        raise StudyError(f"--eps must be below --radius {run.options.radius:g}; got {max(run.options.eps):g}")
    saddles = [saddle(text) for text in run.options.surface]
    table, (noise, all_steps) = measure(run, saddles), measure_noise(run, saddles[0])
    found = paths(run.options.surface[0], run.options.rules, start=run.options.start, lr=run.options.lr, steps=DRAWN)
    answer(run, saddles[0], table, noise)
    run.table(table, "distances")
    run.table(noise, "noise")
    run.draw(
        lambda ax: draw_distances(ax, run, saddles[0], table),
        found.panels("surface")[0],
        found.panels("contour")[0],
        lambda ax: draw_noise(ax, saddles[0], noise, all_steps),
        *(lambda ax, at=at: draw_distances(ax, run, at, table) for at in saddles[1:]),
        found.panels()[1],
        columns=3,
        size=(6.4, 5.6),
    )
    animate(run, found)


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

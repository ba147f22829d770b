"""Can Adam go the wrong way?

Yes: where a gradient of 3 comes once in three steps and -1 otherwise, Adam with β₂ = 0.1 ends at the worst point, x =
1, from every start, at an average regret of 0.67; AMSGrad, whose divisor never falls, ends at the best, x = -1. So does
Adam with its usual β₂ = 0.999: above β₂ = 0.472 it remembers the large gradient for long enough.

The losses of Reddi, Kale & Kumar 2018 on [-1, 1], at the learning rate lr/√t. One rule covers Adam and AMSGrad, without
bias correction as published: a maximum of v that forgets all, or nothing. Takes 17 s (--quick: 8 s).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.optimize import brentq

from optimlab import Box, Ema, Every, Gradient, Optimizer, Project, Root, Rule, Square, adam, descend
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import Knob, Run, legend_above, look, looks, rules_knob, study
from optimlab.lab.problems import AlternatingLosses
from optimlab.lab.theory import adam_drift, adam_regret, amsgrad_distance, amsgrad_drift, amsgrad_regret, crossing_steps
from optimlab.typing import Floats

KNOBS = (
    Knob("C", (3.0, 2.5, 5.0, 10.0), "large gradients; the game has the first", Range("in [2.2, 30]")),
    Knob(
        "beta2", (0.1, 0.0, 0.3, 0.6, 0.9, 0.99), "memories of squares; the game has the first", Range("in [0, 0.999]")
    ),
    Knob("lr", 0.5, "learning rate of the first step; it falls as 1/√t", POSITIVE),
    Knob("start", (0.0, 1.0, -1.0, 0.5), "where the game begins", Range("in [-1, 1]")),
    Knob("forget", (0.5, 0.9, 0.99), "decays of the maximum between 0, Adam, and 1, AMSGrad", Range("in (0, 1)")),
    rules_knob("adam(0, 0.1), adam, rmsprop", "other rules that play from the first start"),
    Knob("steps", 30_000, "steps of the game", Range("at least 300 and finite"), quick=12_000),
)


@dataclass(frozen=True, repr=False)
class Peak(Rule):
    """p ← max(γ p, x): the running maximum of a signal that is at least 0; γ = 0 is the signal itself."""

    gamma: float | tuple[float, ...] = 1.0

    @property
    def slots(self) -> tuple[str, ...]:
        """Return the name of p."""
        return ("peak",)

    def coefficients(self, t: Any) -> tuple[Any, ...]:
        """Return γ."""
        return (np.asarray(self.gamma)[()],)

    @staticmethod
    def formula(x: Any, w: Any, state: tuple[Any, ...], c: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """Return p twice: as the value and as the state."""
        p = np.maximum(c[0] * state[0], x)
        return p, (p,)


def rule(beta2: Any, gamma: Any) -> Rule:
    """Return Adam with β₁ = 0 and no bias correction (γ = 0), or AMSGrad (γ = 1)."""
    return Gradient() / (Square() | Ema(beta2) | Peak(gamma) | Root())


COLOURS = {"Adam": look(adam()).colour, "AMSGrad": look(rule(0.1, 1.0)).colour}


class Game:
    """The losses one at a time; the value is the average regret so far."""

    def __init__(self, C: Any, start: Any) -> None:
        self.losses, self.t = AlternatingLosses(C), 0
        self.start = np.array(start, float)[:, np.newaxis]
        self.total = np.zeros(len(self.start))

    def value(self, w: Floats) -> Floats:
        """Return the average regret."""
        return self.total / max(self.t, 1)

    def gradient(self, w: Floats) -> Floats:
        """Return the gradient of the next loss, and pay for it."""
        self.t += 1
        self.total += self.losses.regret(self.t, w[:, 0])
        return np.broadcast_to(np.reshape(self.losses.gradient(self.t), (-1, 1)), w.shape).copy()


def play(run: Run, played: Rule, start: Any) -> tuple[Floats, Floats, Floats]:
    """Play on [-1, 1]; return t, and of shape (periods, replicas) x and the average regret."""
    o = run.options
    hooks = [Project(Box(-1.0, 1.0))]
    optimizer = Optimizer(played, lr=lambda k: o.lr / np.sqrt(k + 1.0), hooks=hooks, replicas=len(start))
    record = Every(3, x=lambda w: w[:, 0].copy())
    history = descend(Game(o.C[0], start), optimizer, o.steps // 3 * 3, record=record, progress="steps of the game")
    return history["step"][1:], history["x"][1:], history["value"][1:]


def games(run: Run) -> pd.DataFrame:
    """Play Adam, AMSGrad, what is between them, and the other rules."""
    o, n = run.options, len(run.options.start)
    starts = [*o.start, *o.start, *(o.start[0] for _ in o.forget)]
    gamma = (*[0.0] * n, *[1.0] * n, *o.forget)
    names = ["Adam"] * n + ["AMSGrad"] * n + [f"maximum that forgets by {g:g}" for g in o.forget]
    t, x, regret = play(run, rule(o.beta2[0], gamma), starts)
    for label, other in o.rules.items():
        _, more, cost = play(run, other, o.start[:1])
        x, regret = np.hstack([x, more]), np.hstack([regret, cost])
        names.append(f"{label} of --rules" if label == "Adam" else label)
        starts.append(o.start[0])
    columns = {"rule": np.tile(names, len(t)), "start": np.tile(starts, len(t)), "t": np.repeat(t, len(names))}
    return pd.DataFrame(columns | {"x": x.ravel(), "regret": regret.ravel()})


def costs(run: Run, t: Any) -> dict[str, Any]:
    """Average regret after t steps, but for the way there; NaN for what is not at its wall by half of the steps."""
    o = run.options
    words = {"C": o.C[0], "beta": o.beta2[0]}
    drift = {"Adam": float(adam_drift(**words)), "AMSGrad": -float(amsgrad_drift(**words))}
    small = o.lr < np.sqrt((1.0 - o.beta2[0]) * o.steps / 2)  # no step of the second half crosses half of the box
    there = {rule: d > 0.0 and small and 4.0 * crossing_steps(d, o.lr) < o.steps / 2 for rule, d in drift.items()}
    forms = {"Adam": adam_regret, "AMSGrad": amsgrad_regret}
    return {r: form(t, o.lr, **words) if there[r] else np.full(np.shape(t), np.nan) for r, form in forms.items()}


def ends(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Return where each game ends and what it costs, also in the second half alone, and after 300 000 steps."""
    o = run.options
    T, half = o.steps // 3 * 3, o.steps // 6 * 3
    last, middle = (pd.DataFrame(table[table["t"] == t]).reset_index(drop=True) for t in (T, half))
    cost, before, far = costs(run, T), costs(run, half), costs(run, 300_000)
    last["second_half"] = (T * last["regret"] - half * middle["regret"]) / (T - half)
    last["theory"] = [(T * cost[r] - half * before[r]) / (T - half) if r in cost else np.nan for r in last["rule"]]
    for name, steps, costs_then in (("end", T, cost), ("x_300000", 300_000, far)):
        at_best = float(amsgrad_distance(steps, o.lr, C=o.C[0], beta=o.beta2[0])) - 1.0
        wall = {"Adam": 1.0, "AMSGrad": at_best}
        last[name] = [wall[r] + 0.0 * costs_then[r] if r in wall else np.nan for r in last["rule"]]
    way = T * (last["regret"] - last["rule"].map(cost))  # what the way to the wall has cost, once
    last["regret_300000"] = last["rule"].map(far) + way / 300_000
    return last


def drifts(run: Run) -> pd.DataFrame:
    """How far a period takes x, in units of a constant learning rate, once v repeats itself; and where it turns."""
    o, lr, periods = run.options, 1e-5, 100
    rows = [(c, b, g, "grid") for c in o.C for b in o.beta2 for g in (0.0, 1.0)]
    for c in o.C:
        root = float(brentq(lambda beta, c=c: float(adam_drift(c, beta)), 0.0, 1.0 - 1e-9))
        rows += [(c, root - 0.001, 0.0, "below"), (c, root + 0.001, 0.0, "above")]
    table = pd.DataFrame(rows, columns=["C", "beta2", "gamma", "kind"])
    optimizer = Optimizer(rule(tuple(table["beta2"]), tuple(table["gamma"])), lr=lr, replicas=len(table))
    steps = 3 * (int(15.0 / (1.0 - table["beta2"].max())) + periods)  # β^steps is below 1e-19 before the last periods
    game = Game(tuple(table["C"]), np.zeros(len(table)))
    x = descend(game, optimizer, steps, record=Every(3, x=lambda w: w[:, 0].copy()))["x"]
    table["drift"] = (x[-1] - x[-1 - periods]) / (periods * lr)
    forgets, where = table["gamma"] == 0.0, (table["C"], table["beta2"])
    theory = np.where(forgets, adam_drift(*where), amsgrad_drift(*where))
    return table.assign(theory=theory, rule=np.where(forgets, "Adam", "AMSGrad"))


def turns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the β₂ above which Adam drifts downhill, for each C: the root, and between what was measured."""
    wide = table[table["kind"] != "grid"].pivot_table(["beta2", "drift"], "C", "kind", sort=False)
    low, below, above = wide["beta2"]["below"], wide["drift"]["below"], wide["drift"]["above"]
    return pd.DataFrame({"root": low + 0.001, "measured": low + 0.002 * below / (below - above)}).reset_index()


def claim(run: Run, end: pd.DataFrame, drift: pd.DataFrame, turn: pd.DataFrame) -> None:
    """Set games, drifts and turns beside the closed forms."""
    T = f"{run.options.steps // 3 * 3} steps"
    said = f"{{rule}} from x = {{start:g}}: x after {T}"
    run.claim_rows(end, "{rule} end {start:g}", said, expected="end", measured="x", tolerance=1e-6)
    end = end.assign(slack=0.002 * end["theory"])  # the sum over the steps is taken as an integral
    said = f"{{rule}} from x = {{start:g}}: average regret in the second half of {T}"
    run.claim_rows(end, "{rule} regret {start:g}", said, expected="theory", measured="second_half", tolerance="slack")
    said = "{rule}, C = {C:g}, β₂ = {beta2:g}: drift in a period over lr"
    grid = drift[drift["kind"] == "grid"]
    run.claim_rows(grid, "{rule} {C:g} {beta2:g}", said, expected="theory", measured="drift", tolerance=1e-9)
    said = "C = {C:g}: β₂ above which Adam drifts downhill, between measured drifts"
    run.claim_rows(turn, "turn {C:g}", said, expected="root", measured="measured", tolerance=2e-5)
    swing = 6.0 * run.options.lr / np.sqrt(run.options.steps)  # within a period, at the last learning rate
    for (name, x), wall in zip(end[["rule", "x"]].tail(len(run.options.rules)).to_numpy(), (1.0, -1.0), strict=False):
        run.claim(f"other {name}", f"{name}: x after {T}", expected=wall, measured=x, tolerance=swing, default=True)


def draw_x(ax: Axes, table: pd.DataFrame, lines: dict[str, tuple[str, str]], title: str) -> None:
    """x of some rules over the steps, from all their starts."""
    for name, (colour, dash) in lines.items():
        for i, (_, rows) in enumerate(table[table["rule"] == name].groupby("start")):
            ax.plot(rows["t"], rows["x"], color=colour, linestyle=dash, label=None if i else name)
    ax.set(xscale="log", xlabel="step t", ylabel="x (best -1, worst +1)", ylim=(-1.1, 1.1), title=title)
    legend_above(ax, 3)


def draw_regret(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Average regret of both over the steps, and the closed forms."""
    t = np.geomspace(100, run.options.steps, 50).astype(int)
    for (name, cost), colour in zip(costs(run, t).items(), COLOURS.values(), strict=True):
        rows = table[(table["rule"] == name) & (table["start"] == run.options.start[0])]
        ax.plot(rows["t"], rows["regret"], color=colour, linewidth=4, alpha=0.5, label=f"{name}, measured")
        ax.plot(t, cost, "--", color=colour, label=f"{name}, theory")
    ax.set(xscale="log", yscale="log", xlabel="step t", ylabel="average regret per step")
    ax.set_title(f"Regret from x = {run.options.start[0]:g}: AMSGrad's goes as 1/√t")
    ax.legend(loc="lower left")


def draw_drift(ax: Axes, run: Run, drift: pd.DataFrame, turn: pd.DataFrame) -> None:
    """Drift of Adam over β₂."""
    fine, roots = np.linspace(0.0, 0.999, 300), turn.set_index("C")["root"]
    for c, style in zip(run.options.C, ("-", "--", "-.", ":") * 9, strict=False):
        dots = drift[(drift["C"] == c) & (drift["rule"] == "Adam") & (drift["kind"] == "grid")]
        label = f"C = {c:g}, turns at {roots[c]:.2f}"
        ax.plot(fine, adam_drift(c, fine), color=COLOURS["Adam"], linestyle=style, label=label)
        ax.plot(dots["beta2"], dots["drift"], "o", color=COLOURS["Adam"])
    ax.axhline(0.0, color="black", linewidth=1.0)
    ax.vlines(run.options.beta2[0], *ax.get_ylim(), "#777777", ":", label="β₂ of the game", linewidth=1.0)
    ax.set(title="Adam drifts uphill when it forgets in a period", xlabel="β₂ (dots: measured, lines: theory)")
    ax.set_ylabel("drift in a period of 3 steps, in units of lr")
    legend_above(ax)


def main(run: Run) -> None:
    """Run the study."""
    o = run.options
    table, drift = games(run), drifts(run)
    end, turn = ends(run, table), turns(drift)
    claim(run, end, drift, turn)
    shown = end.drop_duplicates("rule").set_index("rule")
    x, regret = shown["x"], shown["regret"]
    text = f"""With gradients {o.C[0]:g}, -1, -1 and β₂ = {o.beta2[0]:g} Adam ends at x = {x["Adam"]:.3g}, AMSGrad at
        {x["AMSGrad"]:.3g}; the best is -1. Their regret is {regret["Adam"]:.3g} and {regret["AMSGrad"]:.3g} a step."""
    run.answer(
        f"{text} Adam goes the right way with β₂ above {turn['measured'][0]:.3g}.",
        shown.reset_index()[["rule", "start", "x", "regret"]],
    )
    thin = table[table["t"].isin(np.unique(np.geomspace(1, o.steps / 3, 400).astype(int)) * 3)]
    for frame, name in ((thin, "game"), (end, "ends"), (drift, "drift"), (turn, "turns")):
        run.table(frame, name)
    both = {name: (colour, "-") for name, colour in COLOURS.items()}
    others = {n: found[1:] for n, found in zip(shown.index[-len(o.rules) :], looks(o.rules).values(), strict=True)}
    ends_at = f"A line for each start; from {o.start[0]:g} Adam ends at {x['Adam']:.2g}, AMSGrad at {x['AMSGrad']:.2g}"
    run.draw(
        lambda ax: draw_x(ax, thin, both, ends_at),
        lambda ax: draw_regret(ax, run, thin),
        lambda ax: draw_drift(ax, run, drift, turn),
        lambda ax: draw_x(ax, thin, others, f"Other rules from x = {o.start[0]:g}"),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

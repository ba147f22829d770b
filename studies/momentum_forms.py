"""Which momentum do you mean: what changes with the form, with the place of the learning rate, and without a root?

The form that accumulates, v ← βv + g, steps 1/(1-β) times as far as the gradient's EMA at the same lr, 10 times at β =
0.9; at lr (1-β) the two are the same. With lr inside the buffer, v ← βv - lr g, each change of lr comes β/(1-β) = 9
steps late, and where lr shrinks faster than β the steps do not follow. RMSprop's first step is 3.16 lr without bias
correction at ρ = 0.9; without its root it grows as gradients shrink.

Each is one descent beside its closed form: down a slope, over a quadratic, after a fall of lr. Up to which lr a form is
stable stands in momentum_rates. Takes 1 s (--quick: 1 s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Decay, Ema, Every, Gradient, Optimizer, Root, Square, Trace, descend, heavy_ball, momentum, rmsprop
from optimlab.checks import POSITIVE, Range
from optimlab.lab.frame import PALETTE, Knob, Run, look, study
from optimlab.lab.theory import LinearRule, Mode, start_lag
from optimlab.schedules.decay import exponential_decay, linear
from optimlab.schedules.joined import piecewise
from optimlab.typing import Floats

KNOBS = (
    Knob("beta", 0.9, "decay of the momentum", Range("in [0.1, 0.98]")),
    Knob("lr", 0.25, "learning rate of the forms", POSITIVE),
    Knob("curvature", 10.0, "curvature under the forms", POSITIVE),
    Knob("drop", 0.1, "what lr falls to, of what it was", Range("in (0, 1)")),
    Knob("factor", (0.85, 0.92, 0.95, 0.98, 0.99, 0.999, 1.01, 1.05), "on lr at each step", Range("in [0.5, 1.2]")),
    Knob("rho", (0.9, 0.99, 0.999), "decays of RMSprop", Range("in [0, 1)")),
)
PLACES = ("outside", "inside")


def path(optimizer: Optimizer, gradient: Callable[[Floats], Any], steps: int, start: float = 1.0) -> Floats:
    """w after 0, 1, ... steps."""
    history = descend(gradient, optimizer, steps, start=np.array([start]), record=Every(1, at=np.copy))
    return np.asarray(history["at"][:, 0], dtype=np.float64)


def forms(run: Run) -> pd.DataFrame:
    """Claim that both forms are one after lr (1-β), and what swapping them at the same lr does."""
    o, lr, shown = run.options, run.options.lr, pd.DataFrame()
    for beta in dict.fromkeys((0.5, 0.75, o.beta)):
        cases = {"EMA form, lr": (momentum(beta), lr), "accumulating, lr (1-β)": (heavy_ball(beta), lr * (1.0 - beta))}
        cases["accumulating, lr"] = heavy_ball(beta), lr
        ways, on = (
            pd.DataFrame({name: path(Optimizer(*case), gradient, steps) for name, case in cases.items()})
            for gradient, steps in ((np.ones_like, 200), (lambda w: o.curvature * w, 50))
        )
        average, worst = (1.0 - ways.iloc[-1]).to_numpy(), float((on.iloc[:, 0] - on.iloc[:, 1]).abs().max())
        theory = lr * (200 - start_lag(Decay(beta), 200, "zero")) / (1 - beta)
        same = f"β {beta:g}: EMA form less the accumulating at lr (1-β), most in 50 steps"
        longer = f"β {beta:g}: way down a slope, accumulating over EMA form at the same lr"
        run.claim_all(
            (f"one {beta:g}", same, 0, worst, 8 * 2.0**-52, "003-g"),
            (f"ratio {beta:g}", longer, 1 / (1 - beta), average[2] / average[0], 1e-9),
            (f"way {beta:g}", f"β {beta:g}: that way, lr (t - lag)/(1-β)", theory, average[2], 1e-9 * theory),
        )
        shown = on.rename_axis("step") if beta == o.beta else shown
    return shown


def placed(place: str, beta: float, schedule: Callable[[Any], Any]) -> Optimizer:
    """Heavy ball with lr outside or inside the buffer."""
    if place == "outside":
        return Optimizer(heavy_ball(beta), schedule)
    return Optimizer(schedule * Gradient() | Trace(beta), 1.0)


def strides(run: Run, schedule: Callable[[Any], Any], steps: int) -> pd.DataFrame:
    """Length of each step under a gradient of 1, with lr at both places."""
    beta = run.options.beta
    return pd.DataFrame({p: -np.diff(path(placed(p, beta, schedule), np.ones_like, steps)) for p in PLACES})


def fall(run: Run) -> pd.DataFrame:
    """Claim what follows a fall of lr under a constant gradient, and the lag behind a straight lr."""
    beta, drop, lag = run.options.beta, run.options.drop, Decay(run.options.beta).lag
    at = max(100, int(np.ceil(np.log(1e-10) / np.log(beta))))  # of the start 1e-10 is left
    steps = strides(run, piecewise([0.1, 0.1 * drop], at=[at]), 2 * at)
    expected = {"outside": drop, "inside": drop + (1 - drop) * beta ** np.arange(1, at + 1)}
    for place in PLACES:
        worst = float(np.abs(steps[place][at:] - 0.1 * expected[place] / (1 - beta)).max())
        said = f"lr {place} falls to {drop:g} of it: steps after, largest distance from the closed form"
        run.claim(f"fall {place}", said, expected=0.0, measured=worst, tolerance=1e-9)
    extra = float((steps["inside"] - steps["outside"])[at:].sum() / (0.1 / (1 - beta)))
    said = "lr inside: the extra way after the fall in old steps, (1 - fall) β/(1-β)"
    run.claim("late", said, expected=(1 - drop) * lag, measured=extra, tolerance=1e-6)
    for slope, schedule in ((-0.1 / at, linear(0.1, steps=at)), (0.1 / at, linear(0.0, steps=at, final=0.1))):
        found = float(schedule(at - 1) - strides(run, schedule, at)["inside"].iloc[-1] * (1 - beta)) / slope
        way = "up" if slope > 0 else "down"
        said = f"lr inside, on a straight line {way}: steps late by, β/(1-β)"
        run.claim(f"lag {way}", said, expected=lag, measured=found, tolerance=1e-6)
    return steps.iloc[at - 20 : at + 61].set_index(np.arange(-20, 61)).rename_axis("step")


def shrinking(run: Run) -> pd.DataFrame:
    """Claim the steps under lr γᵏ: inside over outside after 100, with x = β/γ."""
    beta, rows = run.options.beta, []
    for factor in sorted(set(run.options.factor)):
        before, last = strides(run, exponential_decay(0.1, factor, steps=1), 100).to_numpy()[-2:]
        theory = float(np.sum((beta / factor) ** np.arange(100)) * (1 - beta) / (1 - beta**100))
        rows.append((factor, last[1] / last[0], theory, 1e-6 * theory, last[1] / before[1]))
    table = pd.DataFrame(rows, columns=["factor", "ratio", "theory", "tolerance", "shrink"])
    said, more = "lr times {factor:g} a step: 100th step, inside over outside", {"tolerance": "tolerance"}
    run.claim_rows(table, "factor {factor}", said, expected="theory", measured="ratio", **more)
    faster, said = table[table["factor"] < 0.95 * beta], "lr times {factor:g} a step: inside, steps shrink by β only"
    run.claim_rows(faster, "shrink {factor}", said, expected=beta, measured="shrink", tolerance=1e-3)
    return table


def coast(run: Run) -> pd.DataFrame:
    """Claim where w goes on ½w² after lr has fallen to a hundredth at full speed."""
    beta, (high, low), at = run.options.beta, (0.02, 0.0002), 9
    paths: dict[str, Floats] = {}
    for place in PLACES:
        w = path(placed(place, beta, piecewise([high, low], at=[at])), np.copy, 120)
        speed, mode = (w[at] - w[at - 1]) * (1.0 if place == "inside" else low / high), LinearRule(beta).mode(low)
        theory = w[at] * Mode(mode.p, mode.q, 1.0 - low + beta * speed / w[at]).values(np.arange(121 - at))
        said, worst = f"lr {place}, ½w²: way after the fall less the closed form", float(np.abs(w[at:] - theory).max())
        run.claim(f"coast {place}", said, expected=0.0, measured=worst, tolerance=1e-12)
        said, measured = f"lr {place}: w 60 steps after the fall, over w at it", w[at + 60] / w[at]
        run.claim(f"after {place}", said, expected=theory[60] / w[at], measured=measured, tolerance=1e-9)
        paths |= {place: w, f"{place}_theory": np.append(np.full(at, np.nan), theory)}
    return pd.DataFrame(paths).rename_axis("step")


def first_steps(run: Run) -> pd.DataFrame:
    """Claim RMSprop's first step: 1/√(1-ρ) times lr, with correction lr, without the root 1/gradient."""
    rows = []
    for rho in sorted(set(run.options.rho)):
        second = Square() | Ema(rho, debias=True) | Root(1e-8)
        rules = {
            "with root": rmsprop(rho),
            "corrected": Gradient() / second,
            "no root": Gradient() / (Square() | Ema(rho)),
        }
        for g in 10.0 ** np.arange(-3, 4):
            theories = 1 / np.sqrt(1 - rho), 1.0, 1 / ((1 - rho) * g)
            for (name, rule), theory in zip(rules.items(), theories, strict=True):
                step = abs(path(Optimizer(rule, 1.0), lambda w, g=g: np.full_like(w, g), 1, 0.0)[1])  # type: ignore[misc]
                rows.append((name, rho, g, step, theory, 1e-3 * theory))  # ε is 1e-5 of the smallest gradient
    table = pd.DataFrame(rows, columns=["rule", "rho", "gradient", "step", "theory", "tolerance"])
    said, more = "RMSprop {rule}, ρ {rho:g}: first step over lr at gradient {gradient:g}", {"tolerance": "tolerance"}
    more |= {"row": "003-h", "expected": "theory", "measured": "step"}
    run.claim_rows(table[table["gradient"].isin([0.01, 1])], "{rule} {rho:g} {gradient:g}", said, **more)
    return table


def draw_lines(ax: Axes, table: pd.DataFrame, colours: Any, *words: str, looks: Any) -> Axes:
    """Lines by column; dots are theory, where a column of it stands beside. Words: title and labels."""
    names = [name for name in table if not str(name).endswith("_theory")]
    for name, colour, look_ in zip(names, colours, looks, strict=False):
        label = f"lr {name} the buffer" if name in PLACES else name
        ax.plot(table[name], look_, color=colour, label=label)
        if f"{name}_theory" in table:
            ax.plot(table[f"{name}_theory"].iloc[::6], "o", color=colour, markersize=4)
    ax.set(**dict(zip(("title", "xlabel", "ylabel"), words, strict=True)))
    ax.legend(loc="upper right")
    return ax


def answer(run: Run, first: pd.DataFrame) -> None:
    """Say what each choice changes."""
    beta, root = run.options.beta, first[(first["rule"] == "with root") & (first["gradient"] == 1.0)]
    steps = ", ".join(f"{step:.3g} lr (ρ = {rho:g})" for step, rho in root[["step", "rho"]].to_numpy())
    ids = (f"ratio {beta:g}", "late", "lag down", "after outside", "after inside")
    rows = [(claim.statement, claim.expected, claim.measured) for claim in run.claims if claim.id in ids]
    text = f"At β = {beta:g} and the same lr the accumulating form steps {rows[0][2]:.4g} times as far as the EMA. "
    text += f"With lr inside the buffer its changes come {rows[2][2]:.3g} steps late. RMSprop's first step is {steps}."
    run.answer(text, pd.DataFrame(rows, columns=["what", "theory", "measured"]))


def main(run: Run) -> None:
    """Run the study."""
    o, tables = run.options, {"forms": forms(run), "fall": fall(run), "factors": shrinking(run), "coast": coast(run)}
    tables["first"] = first_steps(run)
    for name, table in tables.items():
        run.table(table, name)
    answer(run, tables["first"])
    form, places = tables["forms"], (PALETTE["blue"], "#882255")
    colours = [look(rule).colour for rule in (momentum(), heavy_ball(), heavy_ball())]
    top = 2.5 * form.iloc[:, 0].abs().max()
    first = tables["first"][tables["first"]["rho"] == min(o.rho)].pivot_table("step", "gradient", "rule")
    at = f"w from 1 (curvature {o.curvature:g}, lr {o.lr:g})"
    one = f"One and the same after lr (1-β), β = {o.beta:g}", "step", at
    fallen = f"lr falls to {o.drop:g} of it: inside the buffer late", "step after the fall", "length of the step"
    coasting = "lr falls to 1/100 at step 9: inside, speed outlives it", "step", "w on ½w² (dots: theory)"
    rms = f"RMSprop, ρ = {min(o.rho):g}: the root sets the first step", "gradient", "first step / lr"
    orange = [look(rmsprop()).colour] * 3
    run.draw(
        lambda ax: draw_lines(ax, form, colours, *one, looks=("-", "o", ":")).set(ylim=(-top, top)),
        lambda ax: draw_lines(ax, tables["fall"], places, *fallen, looks=(".-", ".-")),
        lambda ax: draw_lines(ax, tables["coast"], places, *coasting, looks=("-", "-")),
        lambda ax: draw_lines(ax, first, orange, *rms, looks=("o--", "o:", "o-")).set(xscale="log", yscale="log"),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

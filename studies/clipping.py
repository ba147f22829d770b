"""What does clipping the gradient do to a step, and to where a descent ends?

It bounds the step and leaves the end. At a cliff plain SGD is thrown back to x = -25; clipped at norm 1 its steps are
at most lr long, and it stays at the foot. A fit clipped all the way ends within 1e-8 of the plain one: clipping is no
regularisation. Only the norm of all keeps the direction: by value a long gradient turns by up to 37°.

Steps and turns stand beside what follows from the definitions; the fit is of 20 weights to 40 noisy points, beside
weight decay, which ends at the ridge solution. Takes 3 s (--quick: 2 s).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import ClipEach, ClipNorm, ClipValue, Every, Optimizer, WeightDecay, descend, sgd
from optimlab.checks import NOT_NEGATIVE, POSITIVE
from optimlab.lab.frame import PALETTE, Knob, Run, mean_interval, study
from optimlab.lab.problems import Cliff
from optimlab.lab.theory import clipped_normal_cosine
from optimlab.typing import Floats

KNOBS = (
    Knob("lr", 0.1, "learning rate before the cliff", POSITIVE),
    Knob("limit", 1.0, "limit of the gradient's norm before the cliff", POSITIVE),
    Knob("height", 10.0, "height of the cliff", POSITIVE),
    Knob("steepness", 100.0, "steepness of the cliff", POSITIVE),
    Knob("steps", 300, "steps before the cliff"),
    Knob("values", (0.1, 0.5, 1.0, 2.0), "limits by value of a long Gaussian gradient, in its sd", POSITIVE),
    Knob("long", 10_000, "numbers in the long gradient"),
    Knob("decay", 0.3, "weight decay of the fit", NOT_NEGATIVE),
    Knob("draws", 200, "long gradients", quick=20),
)
GRADIENT = (np.array([24.0, 7.0]), np.array([2.0]))
FIRST = 10.0  # limit for this gradient
HOOKS = {"ClipValue": (ClipValue, "vermillion"), "ClipEach": (ClipEach, "purple"), "ClipNorm": (ClipNorm, "blue")}


def clipped(gradient: Sequence[Floats], *hooks: Any) -> list[Floats]:
    """Return a gradient, a sequence of arrays, as an optimizer with these hooks uses it."""
    w = [np.zeros_like(array) for array in gradient]
    Optimizer(sgd(), lr=1.0, hooks=hooks).step(w, list(gradient))
    return [-array for array in w]


def cosine(first: Sequence[Floats], second: Sequence[Floats]) -> float:
    """Return the cosine of the angle between two gradients."""
    a, b = np.concatenate(first), np.concatenate(second)
    return float(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1.0, 1.0))


def degrees(cosine: Any) -> Any:
    """Return an angle from its cosine."""
    return np.degrees(np.arccos(cosine))


def directions(run: Run) -> pd.DataFrame:
    """Clip the gradient ((24, 7), (2)) by 10: what is left follows from the definition of each way."""
    by_hand = {"ClipValue": (10, 7, 2), "ClipEach": (9.6, 2.8, 2.0), "ClipNorm": np.array([24, 7, 2]) * 10 / 629**0.5}
    measures: dict[str, Callable[[Sequence[Floats]], float]] = {
        "cosine of its turn": lambda g: cosine(GRADIENT, g),
        "norm": lambda g: float(np.linalg.norm(np.concatenate(g))),
        "second array over the first": lambda g: float(np.linalg.norm(g[1]) / np.linalg.norm(g[0])),
    }
    rows = []
    for name, (hook, _) in HOOKS.items():
        found, wanted = clipped(GRADIENT, hook(FIRST)), np.array(by_hand[name], float)
        rows += [(name, what, of([wanted[:2], wanted[2:]]), of(found)) for what, of in measures.items()]
    table = pd.DataFrame(rows, columns=["way", "what", "theory", "measured"])
    said = f"gradient ((24, 7), (2)) through {{way}}({FIRST:g}): {{what}}"
    run.claim_rows(table, "{way} {what}", said, expected="theory", measured="measured", tolerance=1e-12)
    return table


def long_gradients(run: Run) -> pd.DataFrame:
    """Clip long Gaussian gradients by value."""
    o, rows = run.options, []
    for limit in o.values:
        gradients = run.rng.standard_normal((o.draws, o.long))
        measured = mean_interval([cosine([g], clipped([g], ClipValue(limit))) for g in gradients])
        rows.append((limit, float(clipped_normal_cosine(limit)), *measured))
    table = pd.DataFrame(rows, columns=["limit", "theory", "cosine", "low", "high"])
    said = f"{o.long} Gaussian numbers through ClipValue({{limit:g}} sd): cosine of the turn"
    measured = ("cosine", "low", "high")
    run.claim_rows(table, "long {limit:g}", said, expected="theory", measured=measured, tolerance=1 / o.long)
    return table


def wall_claims(run: Run, cliff: Cliff) -> None:
    """Stand on the wall of the cliff and do one step."""
    o, gradient = run.options, cliff.gradient([0.0, 1.0])
    norm = float(np.hypot(cliff.wall, 1.0))
    small, each = min(1.0, o.limit / norm), np.clip([cliff.wall, 1.0], -o.limit, o.limit)
    for name, hooks, wanted in (
        ("plain", [], gradient),
        ("ClipNorm", [ClipNorm(o.limit)], small * gradient),
        ("ClipValue", [ClipValue(o.limit)], each),
    ):
        (found,) = clipped([gradient], *hooks)
        said = f"one step on the wall, lr {o.lr:g}, limit {o.limit:g}, {name}"
        length, measured = float(np.linalg.norm(wanted)), float(np.linalg.norm(found))
        run.claim(
            f"wall {name}", f"{said}: its length over lr", expected=length, measured=measured, tolerance=1e-12 * length
        )
        turn = cosine([wanted], [gradient])
        run.claim(
            f"wall turn {name}",
            f"{said}: cosine of its turn",
            expected=turn,
            measured=cosine([found], [gradient]),
            tolerance=1e-12,
        )


def cliff_ways(run: Run, cliff: Cliff, lr: float, steps: int) -> dict[str, Floats]:
    """Run into the cliff from 400 starts, plain and clipped; points, by step and start."""
    start = np.stack([np.linspace(-2.0, -1.0, 400), np.ones(400)], axis=1)
    ways = {}
    for name, hooks in (("plain", []), ("clipped", [ClipNorm(run.options.limit)])):
        optimizer = Optimizer(sgd(), lr=lr, hooks=hooks, replicas=400)
        ways[name] = descend(cliff, optimizer, steps, start=start, record=Every(1, w=np.copy))["w"]
    return ways


def at_cliff(run: Run, cliff: Cliff) -> tuple[dict[str, Floats], pd.DataFrame]:
    """Descend with a learning rate too large for the foot of the wall; and with one that suits it."""
    o, rows = run.options, []
    ways = cliff_ways(run, cliff, o.lr, o.steps)
    late = {name: cliff.value(way[-o.steps // 3 :]).mean(axis=0) for name, way in ways.items()}
    for name, way in ways.items():
        x, longest = way[..., 0], np.linalg.norm(np.diff(way, axis=0), axis=2).max() / o.lr
        rows.append((name, x.min(), float((x.min(axis=0) < x[0] - 1.0).mean()), longest, late[name].mean()))
    table = pd.DataFrame(rows, columns=["run", "farthest back", "share thrown back", "longest step / lr", "mean loss"])
    where = f"400 starts before the cliff, lr {o.lr:g}"
    for name, share, expected in zip(ways, table["share thrown back"], (1.0, 0.0), strict=True):
        said = f"{where}, {name}: share thrown back behind the start by 1 or more"
        run.claim(f"thrown {name}", said, expected=expected, measured=share, default=True)
    better = float((late["clipped"] < late["plain"]).mean())
    said = f"{where}: share whose losses in the last third are lower clipped"
    run.claim("better", said, expected=1.0, measured=better, default=True)
    longest = table["longest step / lr"][1]
    said = f"{where}: longest clipped step over lr"
    run.claim("longest", said, expected=o.limit, measured=longest, tolerance=1e-9, default=True)
    foot = cliff.minima[0]
    for name, way in cliff_ways(run, cliff, 1.5 / foot.curvatures[-1], 1500).items():
        highest = float(cliff.value(way[-1]).max())
        said = f"lr 1.5 over the curvature at the foot, {name}: highest last loss, beside the foot's"
        run.claim(f"foot {name}", said, expected=foot.value, measured=highest, tolerance=1e-6, default=True)
    return ways, table


def fit(run: Run) -> pd.DataFrame:
    """Fit 20 weights to 40 noisy points: clipping that regularised would move the end."""
    o, norm = run.options, np.linalg.norm
    x, truth = run.rng.standard_normal((2040, 20)), run.rng.standard_normal(20)
    y = x @ truth + 3.0 * run.rng.standard_normal(len(x))
    hessian, slope = x[:40].T @ x[:40] / 40, x[:40].T @ y[:40] / 40
    solution, ridge = (np.linalg.solve(hessian + decay * np.eye(20), slope) for decay in (0.0, o.decay))
    lr, bound = 1.0 / float(np.linalg.eigvalsh(hessian)[-1]), float(norm(slope)) / 20
    kinds: dict[str, list[Any]] = {
        "plain": [],
        "clipped": [ClipNorm(bound)],
        "idle": [ClipNorm(1e6)],
        "decay": [WeightDecay(o.decay)],
    }
    ways = {}
    for name, hooks in kinds.items():
        optimizer, record = Optimizer(sgd(), lr=lr, hooks=hooks), Every(1, w=np.copy)
        ways[name] = descend(lambda w: hessian @ w - slope, optimizer, 3000, start=np.zeros(20), record=record)["w"]
    plain, end, decayed = (ways[name][-1] for name in ("plain", "clipped", "decay"))
    test = [float(np.mean((x[40:] @ w - y[40:]) ** 2)) for w in (end, plain)]
    longest = norm(np.diff(ways["clipped"], axis=0), axis=1).max() / (lr * bound)
    for name, said, expected, measured, verdict in (
        ("end", "a clipped fit: distance of its end from the plain one / ‖w‖", 0.0, norm(end - plain), "refuted"),
        ("test", "a clipped fit: its test error over the plain one", 1.0, test[0] / test[1], "refuted"),
        ("step", "clipping by norm bounds the step: longest over lr · limit", 1.0, longest, "reproduced"),
        ("idle", "a limit above every norm: change of w", 0.0, abs(ways["idle"] - ways["plain"]).max(), "reproduced"),
        ("decay end", "weight decay: distance from the ridge fit", 0.0, norm(decayed - ridge), ""),
        ("decay size", "weight decay: ‖w‖ over plain", norm(ridge) / norm(solution), norm(decayed) / norm(plain), ""),
    ):
        run.claim(
            name,
            said,
            expected=float(expected),
            measured=float(measured),
            tolerance=1e-8,
            row=verdict and "003-l",
            verdict=verdict,
        )
    return pd.DataFrame({name: norm(way - solution, axis=1) / norm(solution) for name, way in ways.items()})


def draw_cliff(ax: Axes, run: Run, ways: dict[str, Floats]) -> None:
    """Way of one start in x."""
    o, shown = run.options, slice(0, min(121, run.options.steps + 1))
    ax.plot(ways["plain"][shown, 0, 0], color="black", label="plain SGD")
    ax.plot(ways["clipped"][shown, 0, 0], color=PALETTE["blue"], label=f"clipped at norm {o.limit:g}")
    ax.axhline(0.0, color="#777777", linestyle=":", label="wall")
    ax.set(xlabel=f"step (lr {o.lr:g})", ylabel="x, from (-2, 1)")
    ax.set_title(f"Before the cliff plain SGD is thrown back to x = {ways['plain'][shown, 0, 0].min():.3g}")
    ax.legend(loc="lower right")


def draw_directions(ax: Axes, run: Run) -> None:
    """Turn of one gradient over the limit."""
    limits = np.geomspace(0.3, 40.0, 80)
    for name, (hook, colour) in HOOKS.items():
        turns = [degrees(cosine(GRADIENT, clipped(GRADIENT, hook(limit)))) for limit in limits]
        ax.plot(limits, turns, color=PALETTE[colour], label=name)
    ax.set(title="Only the norm of all keeps the direction", xscale="log", ylabel="turn of the gradient / degrees")
    ax.set_xlabel("limit, for the gradient ((24, 7), (2))")
    ax.legend(loc="upper right")


def draw_long(ax: Axes, run: Run, long: pd.DataFrame) -> None:
    """Turn of a long gradient over the limit."""
    limits = np.geomspace(min(0.03, *run.options.values), max(5.0, *run.options.values), 100)
    ax.plot(limits, degrees(clipped_normal_cosine(limits)), color=PALETTE["vermillion"], label="theory")
    ax.plot(long["limit"], degrees(long["cosine"]), "o", color=PALETTE["vermillion"], label="measured")
    ax.axhline(degrees(np.sqrt(2 / np.pi)), color="black", linestyle=":", label="signs only: 37°")
    ax.set(title="By value a long gradient turns by up to 37°", xscale="log", ylabel="turn of the gradient / degrees")
    ax.set(xlabel=f"limit / sd of the {run.options.long} elements", ylim=(-1.0, 41.0))
    ax.legend(loc="lower left")


def draw_fit(ax: Axes, run: Run, ways: pd.DataFrame) -> None:
    """Distance from the least-squares solution over the steps."""
    looks = {"plain": ("plain SGD", "black"), "clipped": ("clipped by norm", PALETTE["blue"])}
    looks["decay"] = (f"weight decay {run.options.decay:g}", PALETTE["purple"])
    for name, (label, colour) in looks.items():
        ax.plot(np.maximum(ways[name], 1e-16), color=colour, label=label)
    ax.set(title="Clipping is no regularisation: it ends where plain ends", xlabel="step", yscale="log", xlim=(0, 1000))
    ax.set(ylabel="distance from the least-squares fit / ‖fit‖", ylim=(1e-13, 1e2))
    ax.legend(loc="upper right", ncols=3)


def answer(run: Run, turn: pd.DataFrame, long: pd.DataFrame, table: pd.DataFrame, ways: pd.DataFrame) -> None:
    """Say what clipping bounds, turns and leaves."""
    angle = turn[turn["what"] == "cosine of its turn"].set_index("way")["measured"].map(degrees)
    back, far, o = table["farthest back"], ways.iloc[-1], run.options
    text = f"""At the cliff plain SGD, lr {o.lr:g}, is thrown back to x = {back[0]:.3g}, clipped at norm {o.limit:g} to
        {back[1]:.3g} at most. A clipped fit ends at {far["clipped"]:.0e} of its size from the plain solution, one with
        weight decay at {far["decay"]:.2g}: clipping is no regularisation. By value a long gradient turns by up to
        {degrees(long["cosine"].min()):.0f}°; one of two arrays by {angle["ClipValue"]:.0f}°, by each norm
        {angle["ClipEach"]:.0f}°, by the norm of all {angle["ClipNorm"]:.0f}°."""
    run.answer(text, table)


def main(run: Run) -> None:
    """Run the study."""
    cliff = Cliff(run.options.height, run.options.steepness)
    turn, long = directions(run), long_gradients(run)
    wall_claims(run, cliff)
    (ways, table), fits = at_cliff(run, cliff), fit(run)
    answer(run, turn, long, table, fits)
    for frame, name in ((turn, "directions"), (long, "long_gradients"), (table, "cliff"), (fits, "fit")):
        run.table(frame, name)
    run.draw(
        lambda ax: draw_cliff(ax, run, ways),
        lambda ax: draw_directions(ax, run),
        lambda ax: draw_long(ax, run, long),
        lambda ax: draw_fit(ax, run, fits),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

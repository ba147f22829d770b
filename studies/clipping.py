"""What does clipping the gradient do to a step, and to where a descent ends?

It bounds the step and leaves the end. At a cliff plain SGD is thrown back to x = -25; clipped at norm 1 its steps are
at most lr long, and it stays at the foot. A fit clipped all the way ends within 1e-8 of the plain one: clipping is no
regularisation. Only the norm of all keeps the direction: by value a long gradient turns by up to 37°.

Steps and turns stand beside what follows from the definitions; the fit is of 20 weights to 40 noisy points, beside
weight decay, which ends at the ridge solution. Takes 3 s (--quick: 2 s).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import ClipEach, ClipNorm, ClipValue, Every, Optimizer, WeightDecay, descend, sgd
from optimlab.checks import NOT_NEGATIVE, POSITIVE
from optimlab.lab.frame import PALETTE, Knob, Run, StudyError, mean_interval, study
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
RED, BLUE, PURPLE = (PALETTE[name] for name in ("vermillion", "blue", "purple"))
HOOKS = {"ClipValue": (ClipValue, RED), "ClipEach": (ClipEach, PURPLE), "ClipNorm": (ClipNorm, BLUE)}


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


def turns(run: Run, cliff: Cliff) -> pd.DataFrame:
    """One clipped step, for the gradient ((24, 7), (2)) and on the wall: all follows from the definitions."""
    limit, wall = run.options.limit, cliff.gradient([0.0, 1.0])
    shorter = wall * min(1.0, limit / float(np.linalg.norm(wall)))
    hand = {"ClipValue": [10, 7, 2], "ClipEach": [9.6, 2.8, 2.0], "ClipNorm": np.array([24, 7, 2]) * 10 / 629**0.5}
    cases: list[tuple[str, str, Any, list[Any], Any]] = [
        ("on the wall", "plain", [wall], [], wall),
        ("on the wall", "ClipNorm", [wall], [ClipNorm(limit)], shorter),
        ("on the wall", "ClipValue", [wall], [ClipValue(limit)], np.clip(wall, -limit, limit)),
    ]
    cases += [("((24, 7), (2))", name, GRADIENT, [hook(10.0)], hand[name]) for name, (hook, _) in HOOKS.items()]
    rows = []
    for where, name, gradient, hooks, wanted in cases:
        found, theory = clipped(gradient, *hooks), np.array(wanted, float)
        rows.append((where, name, "cosine of its turn", cosine(gradient, [theory]), cosine(gradient, found)))
        for i in range(len(theory)):
            rows.append((where, name, f"element {i + 1}", theory[i], np.concatenate(found)[i]))
    table = pd.DataFrame(rows, columns=["gradient", "way", "what", "theory", "measured"])
    table["order"] = 1e-12 * table["theory"].abs()
    said, measured = "gradient {gradient}, step by {way}: {what}", "measured"
    run.claim_rows(table, "{gradient} {way} {what}", said, expected="theory", measured=measured, tolerance="order")
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
    better = float((late["clipped"] < late["plain"]).mean())
    for name, said, expected, measured in (
        ("thrown plain", "plain: share thrown back behind the start by 1 or more", 1.0, table["share thrown back"][0]),
        ("thrown clipped", "clipped: share thrown back so", 0.0, table["share thrown back"][1]),
        ("better", "share whose losses in the last third are lower clipped", 1.0, better),
        ("longest", "longest clipped step over lr", o.limit, table["longest step / lr"][1]),
    ):
        said = f"400 starts before the cliff, lr {o.lr:g}, {said}"
        run.claim(name, said, expected=expected, measured=measured, tolerance=1e-9, default=True)
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
    if o.decay * lr >= 1.0:
        raise StudyError(f"--decay must be below {1.0 / lr:.3g}, where the fit is stable; got {o.decay:g}")
    kinds: dict[str, list[Any]] = {"plain": [], "clipped": [ClipNorm(bound)], "idle": [ClipNorm(1e6)]}
    ways = {}
    for name, hooks in (kinds | {"decay": [WeightDecay(o.decay)]}).items():
        optimizer, record = Optimizer(sgd(), lr=lr, hooks=hooks), Every(1, w=np.copy)
        ways[name] = descend(lambda w: hessian @ w - slope, optimizer, 3000, start=np.zeros(20), record=record)["w"]
    plain, end, decayed = (ways[name][-1] for name in ("plain", "clipped", "decay"))
    test = [float(np.mean((x[40:] @ w - y[40:]) ** 2)) for w in (end, plain)]
    longest = float(norm(np.diff(ways["clipped"], axis=0), axis=1).max()) / (lr * bound)
    moved, decays = abs(ways["idle"] - ways["plain"]).max(), norm(decayed - ridge)
    size, theory = norm(decayed) / norm(plain), norm(ridge) / norm(solution)
    said = "a clipped fit: distance of its end from the plain one / ‖w‖"
    run.claim_all(
        ("end", said, 0, norm(end - plain) / norm(plain), 1e-8, "003-l"),
        ("test", "a clipped fit: its test error over the plain one", 1, test[0] / test[1], 1e-8, "003-l"),
        ("step", "clipping by norm: longest step over lr · limit", 1, longest, 1e-8, "003-l", "reproduced"),
        ("idle", "a limit above every norm: change of w", 0, moved, 1e-8, "003-l", "reproduced"),
        ("decay end", "weight decay: distance from the ridge fit", 0, decays, 1e-8),
        ("decay size", "weight decay: ‖w‖ over the plain one", theory, size, 1e-8),
    )
    return pd.DataFrame({name: norm(way - solution, axis=1) / norm(solution) for name, way in ways.items()})


def draw_cliff(ax: Axes, run: Run, ways: dict[str, Floats]) -> None:
    """Way of one start in x."""
    o, shown = run.options, slice(0, min(121, run.options.steps + 1))
    ax.plot(ways["plain"][shown, 0, 0], color="black", label="plain SGD")
    ax.plot(ways["clipped"][shown, 0, 0], color=BLUE, label=f"clipped at norm {o.limit:g}")
    ax.axhline(0.0, color="#777777", linestyle=":", label="wall")
    ax.set(xlabel=f"step (lr {o.lr:g})", ylabel="x, from (-2, 1)")
    ax.set_title(f"One start: plain SGD is thrown back to x = {ways['plain'][shown, 0, 0].min():.3g}")
    ax.legend(loc="lower right")


def draw_directions(ax: Axes) -> None:
    """Turn of one gradient over the limit."""
    limits = np.geomspace(0.3, 40.0, 80)
    for name, (hook, colour) in HOOKS.items():
        angles = [degrees(cosine(GRADIENT, clipped(GRADIENT, hook(limit)))) for limit in limits]
        ax.plot(limits, angles, color=colour, label=name)
    ax.set(title="Only the norm of all keeps the direction", xscale="log", ylabel="turn of the gradient / degrees")
    ax.set_xlabel("limit, for the gradient ((24, 7), (2))")
    ax.legend(loc="upper right")


def draw_long(ax: Axes, run: Run, long: pd.DataFrame) -> None:
    """Turn of a long gradient over the limit."""
    limits = np.geomspace(min(0.03, *run.options.values), max(5.0, *run.options.values), 100)
    ax.plot(limits, degrees(clipped_normal_cosine(limits)), color=RED, label="theory")
    ax.plot(long["limit"], degrees(long["cosine"]), "o", color=RED, label="measured")
    ax.axhline(degrees(np.sqrt(2 / np.pi)), color="black", linestyle=":", label="signs only: 37°")
    ax.set(title="By value a long gradient turns by up to 37°", xscale="log", ylabel="turn of the gradient / degrees")
    ax.set(xlabel=f"limit / sd of the {run.options.long} elements", ylim=(-1.0, 41.0))
    ax.legend(loc="lower left")


def draw_fit(ax: Axes, run: Run, ways: pd.DataFrame) -> None:
    """Distance from the least-squares solution over the steps."""
    for name, label, colour in (
        ("plain", "plain SGD", "black"),
        ("clipped", "clipped by norm", BLUE),
        ("decay", f"weight decay {run.options.decay:g}", PURPLE),
    ):
        ax.plot(np.maximum(ways[name], 1e-16), color=colour, label=label)
    ax.set(title="Clipping is no regularisation: it ends where plain ends", xlabel="step", yscale="log", xlim=(0, 1000))
    ax.set(ylabel="distance from the least-squares fit / ‖fit‖", ylim=(1e-13, 1e2))
    ax.legend(loc="upper right", ncols=3)


def answer(run: Run, turn: pd.DataFrame, long: pd.DataFrame, table: pd.DataFrame, ways: pd.DataFrame) -> None:
    """Say what clipping bounds, turns and leaves."""
    angle = (
        turn[turn["what"].str.startswith("cosine") & (turn["gradient"] != "on the wall")]
        .set_index("way")["measured"]
        .map(degrees)
    )
    back, far, o = table["farthest back"], ways.iloc[-1], run.options
    text = f"""At the cliff plain SGD, lr {o.lr:g}, is thrown back as far as x = {back[0]:.3g}, clipped at norm
        {o.limit:g} to {back[1]:.3g}, from any of 400 starts. A clipped fit ends at {far["clipped"]:.0e} of its size
        from the plain solution, one with weight decay at {far["decay"]:.2g}: clipping is no regularisation. By value a
        long gradient turns by {degrees(long["cosine"].min()):.0f}°; one of two arrays by {angle["ClipValue"]:.0f}°, by
        each norm {angle["ClipEach"]:.0f}°, by the norm of all {angle["ClipNorm"]:.0f}°."""
    run.answer(text, table)


def main(run: Run) -> None:
    """Run the study."""
    cliff = Cliff(run.options.height, run.options.steepness)
    turn, long = turns(run, cliff), long_gradients(run)
    (ways, table), fits = at_cliff(run, cliff), fit(run)
    answer(run, turn, long, table, fits)
    for frame, name in ((turn, "turns"), (long, "long_gradients"), (table, "cliff"), (fits, "fit")):
        run.table(frame, name)
    run.draw(
        lambda ax: draw_cliff(ax, run, ways),
        draw_directions,
        lambda ax: draw_long(ax, run, long),
        lambda ax: draw_fit(ax, run, fits),
    )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

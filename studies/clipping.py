"""What clipping does to a step: its length, its direction, the way past a cliff, and where a descent ends.

Clipping by value, by the norm of each array, by the norm of all: how far one step at a wall throws the iterate, by
which angle each turns the gradient, and whether clipping is regularisation or only a bound on the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import ClipEach, ClipNorm, ClipValue, Every, Optimizer, WeightDecay, descend, sgd
from optimlab.lab.frame import PALETTE, Run, mean_interval, study
from optimlab.lab.problems import Cliff
from optimlab.lab.theory import clipped_normal_cosine
from optimlab.typing import Floats

BLUE, RED, GREEN, BLACK = (PALETTE[name] for name in ("blue", "vermillion", "green", "black"))
GRADIENT = (np.array([24.0, 7.0]), np.array([2.0]))
HOOKS = (("ClipValue", ClipValue, RED), ("ClipEach", ClipEach, GREEN), ("ClipNorm", ClipNorm, BLUE))
LR, LIMIT, DECAY = 0.1, 1.0, 0.3
LENGTH = 10_000
MEANING = {
    "cosine": "cosine of the angle by which it turns",
    "ratio": "norm of the second array over that of the first, before .08",
    "norm": "norm of all",
}


def clipped(gradient: Sequence[Floats], *hooks: Any) -> list[Floats]:
    """Return a gradient, a sequence of arrays, as an optimizer with these hooks uses it."""
    w = [np.zeros_like(array) for array in gradient]
    Optimizer(sgd(), lr=1.0, hooks=hooks).step(w, list(gradient))
    return [-array for array in w]


def cosine(first: Sequence[Floats], second: Sequence[Floats]) -> float:
    """Return the cosine of the angle between two gradients."""
    a, b = np.concatenate(first), np.concatenate(second)
    return float(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1.0, 1.0))


def degrees(cosine: float) -> float:
    """Return an angle from its cosine."""
    return float(np.degrees(np.arccos(cosine)))


def direction_claims(run: Run) -> None:
    """Clip the gradient ((24, 7), (2)) by 10: in each way turn and ratio of the arrays follow from the definition."""
    factor = 10 / np.sqrt(629)
    by_hand = {"ClipNorm": (24 * factor, 7 * factor, 2 * factor), "ClipEach": (9.6, 2.8, 2.0), "ClipValue": (10, 7, 2)}
    for name, hook, _ in HOOKS:
        found, expected = clipped(GRADIENT, hook(10.0)), np.array(by_hand[name])
        inner = expected @ np.concatenate(GRADIENT) / np.linalg.norm(expected) / np.sqrt(629)
        ratio = float(np.linalg.norm(found[1]) / np.linalg.norm(found[0]))
        length = float(np.linalg.norm(np.concatenate(found)))
        for what, value, measured in (
            ("cosine", inner, cosine(GRADIENT, found)),
            ("ratio", expected[2] / np.hypot(*expected[:2]), ratio),
            ("norm", np.linalg.norm(expected), length),
        ):
            statement = f"gradient ((24, 7), (2)) through {name}(10): {MEANING[what]}"
            run.claim(f"{what} {name}", statement, expected=float(value), measured=measured, tolerance=1e-12)


def long_claims(run: Run) -> pd.DataFrame:
    """Clip long Gaussian gradients by value."""
    rows = []
    for limit in (0.1, 0.5, 1.0, 2.0):
        gradients = run.rng.standard_normal((20 if run.quick else 200, LENGTH))
        measured = mean_interval([cosine([g], clipped([g], ClipValue(limit))) for g in gradients])
        statement = f"{LENGTH} Gaussian numbers through ClipValue({limit:g} sd): cosine of the angle"
        theory = float(clipped_normal_cosine(limit))
        run.claim(f"long {limit:g}", statement, expected=theory, measured=measured, tolerance=1 / LENGTH)
        rows.append({"limit": limit, "cosine": measured[0], "low": measured[1], "high": measured[2]})
    return pd.DataFrame(rows)


def wall_claims(run: Run) -> None:
    """Stand on the wall of the cliff and do one step."""
    gradient, wall = Cliff().gradient([0.0, 1.0]), Cliff().wall
    norm = float(np.hypot(wall, 1.0))
    cases: tuple[tuple[str, list[Any], float, float], ...] = (
        ("plain", [], LR * norm, 1.0),
        ("ClipNorm", [ClipNorm(LIMIT)], LR * LIMIT, 1.0),
        ("ClipValue", [ClipValue(LIMIT)], LR * LIMIT * 2**0.5, (wall + 1) / norm / 2**0.5),
    )
    for name, hooks, length, turn in cases:
        (found,) = clipped([gradient], *hooks)
        where, step = f"one step on the wall, lr {LR:g}, limit {LIMIT:g}, {name}", LR * float(np.linalg.norm(found))
        run.claim(f"wall {name}", f"{where}: its length", expected=length, measured=step, tolerance=1e-12 * length)
        measured = cosine([found], [gradient])
        run.claim(
            f"wall turn {name}", f"{where}: cosine of its turn", expected=turn, measured=measured, tolerance=1e-12
        )


def cliff_ways(lr: float, steps: int) -> dict[str, Floats]:
    """Run into the cliff from 400 starts, plain and clipped; points, by step and start."""
    start = np.stack([np.linspace(-2.0, -1.0, 400), np.ones(400)], axis=1)
    ways = {}
    for name, hooks in (("plain", []), ("clipped", [ClipNorm(LIMIT)])):
        optimizer = Optimizer(sgd(), lr=lr, hooks=hooks, replicas=400)
        ways[name] = descend(Cliff(), optimizer, steps, start=start, record=Every(1, w=np.copy))["w"]
    return ways


def cliff_claims(run: Run) -> tuple[dict[str, Floats], pd.DataFrame]:
    """Descend with a learning rate too large for the foot of the wall, where steps land on the wall."""
    ways, where = cliff_ways(LR, 300), f"400 starts before the cliff, lr {LR:g}"
    losses = {name: Cliff().value(way[-100:]).mean(axis=0) for name, way in ways.items()}
    rows = []
    for name, expected in (("plain", 1.0), ("clipped", 0.0)):
        x = ways[name][..., 0]
        thrown = float((x.min(axis=0) < x[0] - 1.0).mean())
        statement = f"{where}, {name}: share thrown back behind the start by 1 or more"
        run.claim(f"thrown {name}", statement, expected=expected, measured=thrown)
        rows.append({"run": name, "lowest_x": x.min(), "thrown": thrown, "mean_loss": losses[name].mean()})
    better = float((losses["clipped"] < losses["plain"]).mean())
    run.claim("better", f"{where}: share whose last 100 losses are lower clipped", expected=1.0, measured=better)
    longest = float(np.linalg.norm(np.diff(ways["clipped"], axis=0), axis=2).max()) / (LR * LIMIT)
    run.claim("longest", f"{where}: longest clipped step / lr c", expected=1.0, measured=longest, tolerance=1e-12)
    return ways, pd.DataFrame(rows)


def foot_claims(run: Run) -> None:
    """Descend with a learning rate that suits the foot of the wall: then nothing needs to be clipped."""
    foot = Cliff().minima[0]
    for name, way in cliff_ways(1.5 / foot.curvatures[-1], 1500).items():
        loss = float(Cliff().value(way[-1]).max())
        statement = f"lr 1.5 over the curvature at the foot, {name}: highest last loss; the foot's is expected"
        run.claim(f"foot {name}", statement, expected=foot.value, measured=loss, tolerance=1e-6)


@dataclass(frozen=True)
class LeastSquares:
    """f(w) = ‖X w - y‖²/(2 n)."""

    x: Floats
    y: Floats

    @property
    def start(self) -> Floats:
        """The origin."""
        return np.zeros(self.x.shape[1])

    def value(self, w: Floats) -> float:
        """Return f."""
        return float(np.mean((self.x @ w - self.y) ** 2) / 2)

    def gradient(self, w: Floats) -> Floats:
        """Return the gradient."""
        gradient: Floats = self.x.T @ (self.x @ w - self.y) / len(self.y)
        return gradient

    def solution(self, decay: float = 0.0) -> Floats:
        """Return the minimum of f + decay ‖w‖²/2."""
        n, d = self.x.shape
        return np.linalg.solve(self.x.T @ self.x / n + decay * np.eye(d), self.x.T @ self.y / n)


def fit_ways(train: LeastSquares) -> tuple[dict[str, Floats], float]:
    """Fit in four ways; return them, and the longest step that the clipped one may do."""
    first = float(np.linalg.norm(train.gradient(train.start)))
    lr = 1.0 / float(np.linalg.eigvalsh(train.x.T @ train.x / len(train.y))[-1])
    ways, hooks = {}, {"plain": [], "idle": [ClipNorm(first)], "clipped": [ClipNorm(first / 20)]}
    for name, each in (hooks | {"decay": [WeightDecay(DECAY)]}).items():
        ways[name] = descend(train, Optimizer(sgd(), lr=lr, hooks=each), 3000, record=Every(1, w=np.copy))["w"]
    return ways, lr * first / 20


def fit_claims(run: Run) -> pd.DataFrame:
    """Fit 20 weights to 40 noisy points; the article calls clipping regularisation, which would move the end."""
    x, truth = run.rng.standard_normal((2040, 20)), run.rng.standard_normal(20)
    y = x @ truth + 3.0 * run.rng.standard_normal(len(x))
    train, test = LeastSquares(x[:40], y[:40]), LeastSquares(x[40:], y[40:])
    ways, bound = fit_ways(train)
    solution, ridge = train.solution(), train.solution(DECAY)
    plain, clipped_end, decayed = (ways[name][-1] for name in ("plain", "clipped", "decay"))
    longest = np.linalg.norm(np.diff(ways["clipped"], axis=0), axis=1).max() / bound
    norm, wrong = np.linalg.norm, "clipping is regularisation"
    for name, statement, expected, measured in (
        ("003-l end", f"{wrong}: distance of its end from the plain one / ‖w‖", 0.0, norm(clipped_end - plain)),
        ("003-l test", f"{wrong}: its test error over the plain one", 1.0, test.value(clipped_end) / test.value(plain)),
        ("003-l step", "clipping by norm bounds the step: longest over lr · limit", 1.0, longest),
        ("003-l idle", "a limit above every norm: largest change of w", 0.0, abs(ways["idle"] - ways["plain"]).max()),
        ("decay end", "weight decay, which is regularisation: distance from the ridge fit", 0.0, norm(decayed - ridge)),
        (
            "decay size",
            "weight decay: ‖w‖ over the plain one",
            norm(ridge) / norm(solution),
            norm(decayed) / norm(plain),
        ),
    ):
        run.claim(
            name,
            statement,
            expected=float(expected),
            measured=float(measured),
            tolerance=1e-8,
            verdict="refuted" if wrong in statement else "reproduced",
        )
    return pd.DataFrame({name: norm(way - solution, axis=1) / norm(solution) for name, way in ways.items()})


def draw_cliff(ax: Axes, ways: dict[str, Floats]) -> None:
    """Way of one start in x."""
    for name, colour in (("plain", RED), ("clipped", BLUE)):
        ax.plot(ways[name][:121, 0, 0], color=colour, label=name if name == "plain" else "clipped by norm")
    ax.axhline(0.0, color=BLACK, linewidth=0.6, zorder=0)
    ax.annotate("wall", (118, 0.0), (0, 4), textcoords="offset points", ha="right")
    ax.set(title="A plain step on the wall is thrown far back", xlabel=f"step (lr {LR:g}, limit {LIMIT:g})", ylabel="x")
    ax.set_ylim(-26.0, 2.5)
    ax.legend(loc="lower right")


def draw_directions(ax: Axes) -> None:
    """Turn of one gradient over the limit."""
    limits = np.geomspace(0.3, 40.0, 80)
    for name, hook, colour in HOOKS:
        turns = [degrees(cosine(GRADIENT, clipped(GRADIENT, hook(limit)))) for limit in limits]
        ax.plot(limits, turns, color=colour, label=name)
    ax.set(title="Only the norm of all keeps the direction", xscale="log", ylabel="turn of the gradient / degrees")
    ax.set_xlabel("limit, for the gradient ((24, 7), (2))")
    ax.legend(loc="upper right")


def draw_long(ax: Axes, long: pd.DataFrame) -> None:
    """Turn of a long gradient over the limit."""
    limits = np.geomspace(0.03, 5.0, 100)
    ax.plot(limits, np.degrees(np.arccos(clipped_normal_cosine(limits))), color=RED, label="theory")
    ax.plot(long["limit"], np.degrees(np.arccos(long["cosine"])), "o", color=RED, label="measured")
    ax.axhline(degrees(np.sqrt(2 / np.pi)), color=BLACK, linestyle=":", label="signs only: 37°")
    ax.set(title="ClipValue turns a long gradient by up to 37°", xscale="log", ylabel="turn of the gradient / degrees")
    ax.set(xlabel="limit / sd of the elements", ylim=(-1.0, 41.0))
    ax.legend(loc="lower left")


def draw_fit(ax: Axes, fit: pd.DataFrame) -> None:
    """Distance from the least-squares solution over the steps."""
    for name, label, colour in (
        ("plain", "plain", RED),
        ("clipped", "clipped by norm", BLUE),
        ("decay", "weight decay", GREEN),
    ):
        ax.plot(np.maximum(fit[name], 1e-16), color=colour, label=label)
    ax.set(title="Clipping is no regularisation: it ends where plain ends", xlabel="step", yscale="log", xlim=(0, 1000))
    ax.set(ylabel="distance from the least-squares fit / ‖fit‖", ylim=(1e-13, 1e2))
    ax.legend(loc="upper right", ncols=3)


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    direction_claims(run)
    long = long_claims(run)
    wall_claims(run)
    ways, cliff = cliff_claims(run)
    foot_claims(run)
    fit = fit_claims(run)
    figure, axes = plt.subplots(2, 2, figsize=(12, 9))
    draw_cliff(axes[0, 0], ways)
    draw_directions(axes[0, 1])
    draw_long(axes[1, 0], long)
    draw_fit(axes[1, 1], fit)
    run.say(
        "Clipping by the norm of all bounds the step by lr · limit and keeps its direction; without noise the descent\n"
        "ends where it would have ended: no regularisation. By value, or by each array's norm, it turns the gradient."
    )
    for frame, name in ((long, "long_gradients"), (cliff, "cliff"), (fit, "fit")):
        run.table(frame, name)
    run.figure(figure, "clipping")


if __name__ == "__main__":
    raise SystemExit(study(main))

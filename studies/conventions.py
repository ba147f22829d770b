"""How far apart do the systems' rules of one name drift, and which switch of theirs causes it?

By 5 % of the way to more than all of it, on handwritten digits: ε inside the root of RMSprop moves a net by half of the
way, where a noisy quadratic, whose gradients are never tiny, moves by a millionth. The accuracy is hardly another.

Each system's Adam, RMSprop, NAdam, AMSGrad, ADOPT and Schedule-Free get the same hyperparameters and the same stream of
noise. Each switch that two systems differ in is also turned alone; all together must make one rule the other.

Drift: the distance of the end from the reference's, as a share of the way that the reference has gone. The rate falls
like a cosine, but for Schedule-Free, whose rate is warmed up. Takes 10 s (--quick: 4 s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import (
    Ema,
    EpsHat,
    Every,
    Gradient,
    Optimizer,
    Rate,
    Root,
    Square,
    Trace,
    adam,
    cosine_decay,
    descend,
)  # fmt: skip
from optimlab.checks import POSITIVE, Range
from optimlab.conventions import keras, optax, pytorch_optimizer, schedulefree, tf1, torch
from optimlab.lab.frame import PALETTE, Knob, Run, study
from optimlab.lab.nets import MLP
from optimlab.lab.problems import NoisyQuadratic, Samples, digits, holdout
from optimlab.typing import Floats

KNOBS = (
    Knob("lr", 0.02, "learning rate at the start", POSITIVE),
    Knob("eps", 1e-8, "ε of all of them", POSITIVE),
    Knob("momentum", 0.9, "momentum of RMSprop", Range("in (0, 1)")),
    Knob("warmup", 50, "steps in which Schedule-Free's rate rises"),
    Knob("steps", 600, "steps", Range("at least 20"), quick=200),
    Knob("noise", 1.0, "variance of the quadratic's gradients", POSITIVE),
    Knob("batch", 32, "digits of a mini-batch"),
)
CURVATURES = tuple(np.geomspace(0.01, 1.0, 30).tolist())


class Variant(NamedTuple):
    """What makes an optimizer, the switch in which it differs from the first of its family, and whose it is."""

    family: str
    switch: str
    make: Callable[[], Optimizer]
    system: str = ""


def variants(run: Run) -> list[Variant]:
    """Each family's reference, then its switches, alone and as systems have them."""
    o = run.options
    lr, eps, mu = cosine_decay(o.lr, steps=o.steps), o.eps, o.momentum
    square = Square() | Ema(0.9)
    inside, from_one = square + eps | Root(), Square() | Ema(0.9, first=1.0) | Root(eps)
    trace = Trace(mu)
    free = {"eps": eps, "warmup_steps": o.warmup}
    return [
        Variant("Adam", "", lambda: torch.Adam(lr, eps=eps), "torch, optax, autograd"),
        Variant("Adam", "ε before the correction", lambda: keras.Adam(lr, epsilon=eps), "Keras, scikit-learn, TF 1"),
        Variant("RMSprop", "", lambda: torch.RMSprop(lr, 0.9, eps, momentum=mu), "torch"),
        Variant("RMSprop", "ε inside the root", lambda: Optimizer(Gradient() / inside | trace, lr)),
        Variant("RMSprop", "rate inside the buffer",
                lambda: Optimizer((Rate() * (Gradient() / (square | Root(eps))) | trace) / Rate(), lr)),
        Variant("RMSprop", "v begins at 1", lambda: Optimizer(Gradient() / from_one | trace, lr)),
        Variant("RMSprop", "ε and rate inside", lambda: optax.rmsprop(lr, 0.9, eps, momentum=mu), "optax, Keras"),
        Variant("RMSprop", "all three", lambda: tf1.RMSPropOptimizer(lr, 0.9, mu, eps), "TF 1"),
        Variant("NAdam", "", lambda: torch.NAdam(lr, eps=eps), "torch"),
        Variant("NAdam", "momentum warmed up 250 × faster", lambda: keras.Nadam(lr, epsilon=eps), "Keras"),
        Variant("NAdam", "momentum not warmed up", lambda: optax.nadam(lr, eps=eps), "optax"),
        Variant("AMSGrad", "", lambda: torch.Adam(lr, eps=eps, amsgrad=True), "torch"),
        Variant("AMSGrad", "maximum of the corrected", lambda: optax.amsgrad(lr, eps=eps), "optax"),
        Variant("AMSGrad", "ε before the correction", lambda: keras.Adam(lr, epsilon=eps, amsgrad=True), "Keras"),
        Variant("ADOPT", "", lambda: optax.adopt(lr), "optax"),
        Variant("ADOPT", "clipped one step later", lambda: pytorch_optimizer.ADOPT(lr), "pytorch_optimizer"),
        Variant("ADOPT", "not clipped", lambda: optax.adopt(lr, use_clipping=False), "optax, by a flag"),
        Variant("Schedule-Free", "", lambda: schedulefree.AdamWScheduleFree(o.lr, **free), "facebook"),
        Variant("Schedule-Free", "first rate is 0", lambda: optax.schedule_free_adamw(o.lr, **free), "optax"),
        Variant("Schedule-Free", "all steps weigh the same",
                lambda: keras.ScheduleFreeAdamW(o.lr, epsilon=eps, warmup_steps=o.warmup), "Keras"),
    ]  # fmt: skip


def quadratic(run: Run, optimizer: Optimizer) -> tuple[Floats, float]:
    """Return the way on the noisy quadratic, and its loss at the end; the noise is the same for all."""
    n = len(CURVATURES)
    problem = NoisyQuadratic(CURVATURES, (run.options.noise,) * n)
    record = Every(1, at=np.copy)
    way = descend(problem.seen(np.random.default_rng(1)), optimizer, run.options.steps, start=np.ones(n), record=record)
    return way["at"], float(0.5 * np.sum(np.array(CURVATURES) * way.w**2))


def handwriting(run: Run, optimizer: Optimizer) -> tuple[Floats, float]:
    """Return the way of a net 64-32-10 that learns digits, and how many of the others it reads; the same batches."""
    X, y = digits()
    problem = holdout(Samples(X, y), MLP((64, 32, 10)), np.random.default_rng(2))
    batches = problem.batches(run.options.batch, np.random.default_rng(3))
    record = Every(20, at=np.copy)
    way = descend(batches, optimizer, run.options.steps, start=problem.start, record=record, progress=False)
    return way["at"], float(problem.test_loss.accuracy(way.w))


TASKS: dict[str, Callable[[Run, Optimizer], tuple[Floats, float]]] = {"quadratic": quadratic, "digits": handwriting}


def drift(way: Floats, reference: Floats) -> Floats:
    """Distance from the reference at each record but the first, as a share of the way that the reference has gone."""
    gone = np.linalg.norm(reference - reference[0], axis=1)[1:]
    apart = np.linalg.norm(way - reference, axis=1)[1:]
    return np.divide(apart, gone, out=np.zeros_like(apart), where=gone > 0.0)


def measure(run: Run) -> tuple[pd.DataFrame, dict[tuple[str, str], Floats]]:
    """How far every variant has drifted at the end of each task; the drift over the steps of the quadratic."""
    rows, curves = [], {}
    references: dict[tuple[str, str], Floats] = {}
    for family, switch, make, system in run.progress(variants(run), "variants"):
        found: list[float] = []
        for task, descent in TASKS.items():
            way, reached = descent(run, make())
            reference = references.setdefault((family, task), way)
            curve = drift(way, reference)
            found += [curve[-1], reached]
            if task == "quadratic":
                curves[family, switch] = curve
        rows.append((family, switch or "reference", system or "-", *found))
    names = ["rule", "switch", "system", "drift, quadratic", "loss", "drift, digits", "accuracy"]
    return pd.DataFrame(rows, columns=names), curves


def claim(run: Run) -> None:
    """All switches together make one system's rule another's; the first step of each is known in closed form."""
    o = run.options
    lr, g = 0.1, np.array([0.5, -1.0])

    def first(optimizer: Optimizer) -> Any:
        return optimizer.step(np.zeros(2), g)

    square, eps, mu = Square() | Ema(0.9), o.eps, o.momentum
    inside = (Rate() * (Gradient() / (square + eps | Root())) | Trace(mu)) / Rate()
    even = schedulefree.AdamWScheduleFree(lr, warmup_steps=o.warmup, weight_lr_power=0.0)
    same = [
        ("optax's RMSprop", Optimizer(inside, lr), optax.rmsprop(lr, 0.9, eps, momentum=mu)),
        ("Keras's RMSprop", Optimizer(inside, lr), keras.RMSprop(lr, momentum=mu, epsilon=eps)),
        ("Keras's Adam", Optimizer(adam(eps=EpsHat(0.1, 0.999)), lr), keras.Adam(lr, epsilon=0.1)),
        ("Keras's Schedule-Free", even, keras.ScheduleFreeAdamW(lr, warmup_steps=o.warmup)),
    ]
    for name, composed, theirs in same:
        found = drift(quadratic(run, theirs)[0], quadratic(run, composed)[0]).max()
        said = f"{name} is the reference with its switches turned: drift"
        run.claim(f"same {name}", said, expected=0.0, measured=found, tolerance=1e-12)
    size, beta2 = np.abs(g[0]), 0.999
    expected = lr * size / (size + 0.1 / np.sqrt(1.0 - beta2))
    said = "first step of Adam with ε = 0.1 before the correction, g = 0.5, lr 0.1: ε counts 31.6 times"
    run.claim("first ε̂", said, expected=expected, measured=-first(keras.Adam(lr, epsilon=0.1))[0])
    said = "first step of TF 1's RMSprop, g = 0.5, lr 0.1: v begins at 1, not at 0"
    expected = lr * size / np.sqrt(0.9 + 0.1 * size**2 + eps)
    run.claim("first from 1", said, expected=expected, measured=-first(tf1.RMSPropOptimizer(lr, epsilon=eps))[0])


def draw_ends(ax: Axes, table: pd.DataFrame) -> None:
    """Drift at the end, by switch."""
    rows = table[table["switch"] != "reference"]
    places = -np.arange(len(rows))
    for task, colour, mark in zip(TASKS, PALETTE.values(), "oD", strict=False):
        ax.plot(rows[f"drift, {task}"], places, mark, color=colour, label=f"noisy {task}" if mark == "o" else task)
    ax.set_yticks(places, [f"{row.rule}: {row.switch}" for row in rows.itertuples()])
    ax.set(xscale="log", xlabel="drift from the reference, share of the way")
    ax.grid(axis="y", alpha=0.3)
    ax.set_title("Which switch moves the end")
    ax.legend()


def draw_curves(ax: Axes, table: pd.DataFrame, curves: dict[tuple[str, str], Floats]) -> None:
    """Drift over the steps of the quadratic: the switch that drifts most, of each family."""
    ends = table[table["switch"] != "reference"].sort_values("drift, quadratic").groupby("rule", sort=False).last()
    for (family, row), colour in zip(ends.iterrows(), PALETTE.values(), strict=False):
        curve = curves[family, row["switch"]]
        steps = np.flatnonzero(curve) + 1
        ax.plot(steps, curve[steps - 1], color=colour, label=f"{family}: {row['switch']}")
    ax.set(yscale="log", xlabel="step", ylabel="drift from the reference, share of the way")
    ax.set_title("Noisy quadratic: the largest of each rule")
    ax.legend(fontsize=8)


def answer(run: Run, table: pd.DataFrame) -> None:
    """Say what drifts most and least."""
    turned = table[table["switch"] != "reference"].sort_values("drift, digits")
    least, most = turned.iloc[0], turned.iloc[-1]
    spread = table.groupby("rule", sort=False)["accuracy"].agg(np.ptp)
    run.answer(
        f"On digits the same hyperparameters end {least['drift, digits']:.1g} ({least['rule']}, {least['switch']}) to "
        f"{most['drift, digits']:.2g} ({most['rule']}, {most['switch']}) of the way apart. Accuracies of one name "
        f"differ by up to {spread.max():.1%} ({spread.idxmax()}).",
        table.drop(columns="loss"),
    )


def main(run: Run) -> None:
    """Run the study."""
    table, curves = measure(run)
    claim(run)
    answer(run, table)
    run.table(table, "drift")
    run.draw(
        lambda ax: draw_ends(ax, table),
        lambda ax: draw_curves(ax, table, curves),
        size=(8.0, 5.6),
    )


if __name__ == "__main__":
    study(main, KNOBS)

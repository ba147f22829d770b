"""How far apart do the systems' rules of one name drift, and which switch of theirs causes it?

On handwritten digits by 1 % of the way (ε before Adam's correction) to 94 % (RMSprop whose v begins at 1), and ADOPT
without its clip by 2e5 ways. ε inside RMSprop's root moves the net by 76 %, but a noisy quadratic, whose gradients are
never tiny, by 1e-7. Accuracies of one name stay within 3.3 %, but for ADOPT without its clip.

Each system's Adam, RMSprop, NAdam, AMSGrad, ADOPT and Schedule-Free get the same hyperparameters and the same stream of
noise. Each switch that two systems differ in is also turned alone; all together must make one rule the other.

Drift: the distance of the end from the reference's, as a share of the way that the reference has gone. The rate falls
like a cosine, but for Schedule-Free, whose rate is warmed up. Takes 14 s (--quick: 7 s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Ema, EpsHat, Every, Gradient, Optimizer, Rate, Root, Square, Trace, adam, cosine_decay, descend
from optimlab.checks import POSITIVE, Range
from optimlab.conventions import keras, optax, pytorch_optimizer, schedulefree, tf1, torch
from optimlab.lab.frame import PALETTE, Knob, Run, StudyError, study
from optimlab.lab.nets import MLP
from optimlab.lab.problems import NoisyQuadratic, Samples, digits, holdout
from optimlab.typing import Floats

KNOBS = (
    Knob("lr", 0.02, "learning rate at the start", POSITIVE),
    Knob("eps", 1e-8, "ε of all but ADOPT, where it is 1e-6", POSITIVE),
    Knob("momentum", 0.9, "momentum of RMSprop", Range("in (0, 1)")),
    Knob("warmup", 50, "steps in which Schedule-Free's rate rises"),
    Knob("steps", 400, "steps", Range("at least 20"), quick=150),
    Knob("noise", 1.0, "variance of the quadratic's gradients", Range("in (0, 1e300]")),
    Knob("batch", 32, "digits of a mini-batch"),
)
CURVATURES = tuple(np.geomspace(0.01, 1.0, 30).tolist())
Schedule = Callable[[Any], Any]
Task = Callable[[Optimizer], tuple[Floats, float]]


class Variant(NamedTuple):
    """What makes an optimizer, the switch in which it differs from the first of its family, and whose it is."""

    family: str
    switch: str
    make: Callable[[], Optimizer]
    system: str = ""


def of_adam(lr: Schedule, eps: float) -> list[Variant]:
    """Adam, NAdam, AMSGrad, ADOPT."""
    return [
        Variant("Adam", "", lambda: torch.Adam(lr, eps=eps), "torch, optax, autograd"),
        Variant("Adam", "ε before the correction", lambda: keras.Adam(lr, epsilon=eps), "Keras, scikit-learn, TF 1"),
        Variant("NAdam", "", lambda: torch.NAdam(lr, eps=eps), "torch"),
        Variant("NAdam", "momentum warmed up 250 × faster", lambda: keras.Nadam(lr, epsilon=eps), "Keras"),
        Variant("NAdam", "momentum not warmed up", lambda: optax.nadam(lr, eps=eps), "optax"),
        Variant("AMSGrad", "", lambda: torch.Adam(lr, eps=eps, amsgrad=True), "torch"),
        Variant("AMSGrad", "maximum of the corrected", lambda: optax.amsgrad(lr, eps=eps), "optax"),
        Variant("AMSGrad", "ε before the correction", lambda: keras.Adam(lr, epsilon=eps, amsgrad=True), "Keras"),
        Variant("ADOPT", "", lambda: optax.contrib.adopt(lr), "optax"),
        Variant("ADOPT", "clipped one step later", lambda: pytorch_optimizer.ADOPT(lr), "pytorch_optimizer"),
        Variant("ADOPT", "not clipped", lambda: optax.contrib.adopt(lr, use_clipping=False), "optax, by a flag"),
    ]


def of_rmsprop(lr: Schedule, eps: float, mu: float) -> list[Variant]:
    """RMSprop with momentum: each of three switches alone, and as systems have them together."""
    g, square = Gradient(), Square() | Ema(0.9)
    root, inside = square | Root(eps), square + eps | Root()
    from_one = Square() | Ema(0.9, first=1.0) | Root(eps)
    return [
        Variant("RMSprop", "", lambda: torch.RMSprop(lr, 0.9, eps, momentum=mu), "torch"),
        Variant("RMSprop", "ε inside the root", lambda: Optimizer(g / inside | Trace(mu), lr)),
        Variant("RMSprop", "rate inside the buffer", lambda: Optimizer((Rate() * (g / root) | Trace(mu)) / Rate(), lr)),
        Variant("RMSprop", "v begins at 1", lambda: Optimizer(g / from_one | Trace(mu), lr)),
        Variant("RMSprop", "ε and rate inside", lambda: optax.rmsprop(lr, 0.9, eps, momentum=mu), "optax, Keras"),
        Variant("RMSprop", "all three", lambda: tf1.RMSPropOptimizer(lr, 0.9, mu, eps), "TF 1"),
    ]


def schedule_free(lr: float, eps: float, rising: int) -> list[Variant]:
    """Schedule-Free AdamW: the rate rises, then stays."""
    free: Any = {"eps": eps, "warmup_steps": rising}
    even: Any = {"epsilon": eps, "warmup_steps": rising}
    return [
        Variant("Schedule-Free", "", lambda: schedulefree.AdamWScheduleFree(lr, **free), "facebook"),
        Variant("Schedule-Free", "first rate is 0", lambda: optax.contrib.schedule_free_adamw(lr, **free), "optax"),
        Variant("Schedule-Free", "all steps weigh the same", lambda: keras.ScheduleFreeAdamW(lr, **even), "Keras"),
    ]


def quadratic(run: Run) -> Task:
    """Return what gives an optimizer's way on the noisy quadratic, and its loss at the end."""
    h = np.array(CURVATURES)
    problem, record = NoisyQuadratic(CURVATURES, (run.options.noise,) * len(h)), Every(1, at=np.copy)

    def way(optimizer: Optimizer) -> tuple[Floats, float]:
        seen = problem.seen(np.random.default_rng(1))  # the same noise for all
        found = descend(seen, optimizer, run.options.steps, start=np.ones(len(h)), record=record, progress=False)
        return found["at"], float(0.5 * np.sum(h * found.w**2))

    return way


def handwriting(run: Run) -> Task:
    """Return what gives the way of a net 64-32-10 that learns digits, and the share of others that it reads."""
    problem = holdout(Samples(*digits()), MLP((64, 32, 10)), np.random.default_rng(2))
    record = Every(20, at=np.copy)

    def way(optimizer: Optimizer) -> tuple[Floats, float]:
        batches = problem.batches(run.options.batch, np.random.default_rng(3))  # the same for all
        found = descend(batches, optimizer, run.options.steps, start=problem.start, record=record, progress=False)
        return found["at"], float(problem.test_loss.accuracy(found.w))

    return way


def drift(way: Floats, reference: Floats) -> Floats:
    """Distance from the reference at each record but the first, as a share of the way that the reference has gone."""
    if len(way) != len(reference):
        raise StudyError("a rule has left the numbers; take a smaller --lr")
    gone = np.linalg.norm(reference - reference[0], axis=1)[1:]
    apart = np.linalg.norm(way - reference, axis=1)[1:]
    share: Floats = np.divide(apart, gone, out=np.zeros_like(apart), where=gone > 0.0)
    return share


def measure(run: Run) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """How far every variant has drifted at the end of each task; the drift over the steps of the quadratic."""
    o = run.options
    lr = cosine_decay(o.lr, steps=o.steps)
    variants = [*of_adam(lr, o.eps), *of_rmsprop(lr, o.eps, o.momentum), *schedule_free(o.lr, o.eps, o.warmup)]
    tasks = {"quadratic": quadratic(run), "digits": handwriting(run)}
    rows, curves = [], {}
    references: dict[tuple[str, str], Floats] = {}
    for family, switch, make, system in run.progress(variants, "variants"):
        found: list[float] = []
        for task, descent in tasks.items():
            way, reached = descent(make())
            curve = drift(way, references.setdefault((family, task), way))
            found += [curve[-1], reached]
            if task == "quadratic":
                curves[f"{family}: {switch}"] = curve
        rows.append((family, switch or "reference", system or "-", *found))
    names = ["rule", "switch", "system", "drift, quadratic", "loss", "drift, digits", "accuracy"]
    return pd.DataFrame(rows, columns=names), curves


def claim_same(run: Run) -> None:
    """All switches together make one system's rule another's, on the noisy quadratic."""
    o, lr, way = run.options, 0.1, quadratic(run)
    inside = (Rate() * (Gradient() / ((Square() | Ema(0.9)) + o.eps | Root())) | Trace(o.momentum)) / Rate()
    even = schedulefree.AdamWScheduleFree(lr, warmup_steps=o.warmup, weight_lr_power=0.0)
    for name, composed, theirs in [
        ("optax's RMSprop", Optimizer(inside, lr), optax.rmsprop(lr, 0.9, o.eps, momentum=o.momentum)),
        ("Keras's RMSprop", Optimizer(inside, lr), keras.RMSprop(lr, momentum=o.momentum, epsilon=o.eps)),
        ("Keras's Adam", Optimizer(adam(eps=EpsHat(0.1, 0.999)), lr), keras.Adam(lr, epsilon=0.1)),
        ("Keras's Schedule-Free", even, keras.ScheduleFreeAdamW(lr, warmup_steps=o.warmup)),
    ]:
        one, other = way(theirs)[0], way(composed)[0]
        found = np.abs(one - other).max() / np.abs(other).max()
        said = f"{name} is the reference with its switches turned: largest difference, of the largest weight"
        run.claim(f"same {name}", said, expected=0.0, measured=found, tolerance=1e-12)


def claim_first(run: Run) -> None:
    """The first steps are known in closed form."""
    lr, size, beta2, eps = 0.1, 0.5, 0.999, run.options.eps

    def first(optimizer: Optimizer) -> float:
        return -float(optimizer.step(np.zeros(1), np.array([size]))[0])

    said = "first step of Adam with ε = 0.1 before the correction, g = 0.5, lr 0.1: ε counts 31.6 times"
    expected = lr * size / (size + 0.1 / np.sqrt(1.0 - beta2))
    run.claim("first ε̂", said, expected=expected, measured=first(keras.Adam(lr, epsilon=0.1)))
    said = "first step of TF 1's RMSprop, g = 0.5, lr 0.1: v begins at 1, not at 0"
    expected = lr * size / np.sqrt(0.9 + 0.1 * size**2 + eps)
    run.claim("first from 1", said, expected=expected, measured=first(tf1.RMSPropOptimizer(lr, epsilon=eps)))


def draw_ends(ax: Axes, table: pd.DataFrame) -> None:
    """Drift at the end, by switch."""
    rows = table[table["switch"] != "reference"]
    places = -np.arange(len(rows))
    for task, colour, mark in (("quadratic", PALETTE["blue"], "o"), ("digits", PALETTE["vermillion"], "D")):
        ax.plot(rows[f"drift, {task}"], places, mark, color=colour, label=task)
    ax.set_yticks(places, [f"{row.rule}: {row.switch}" for row in rows.itertuples()])
    ax.set(xscale="log", xlabel="drift from the reference, share of its way")
    ax.grid(axis="y", alpha=0.3)
    ax.set_title("Which switch moves the end")
    ax.legend()


def draw_curves(ax: Axes, table: pd.DataFrame, curves: dict[str, Floats]) -> None:
    """Drift over the steps of the quadratic: the switch that drifts most, of each family."""
    ends = table[table["switch"] != "reference"].sort_values("drift, quadratic").drop_duplicates("rule", keep="last")
    for row, colour in zip(ends.itertuples(), PALETTE.values(), strict=False):
        curve = curves[f"{row.rule}: {row.switch}"]
        steps = np.flatnonzero(curve)
        ax.plot(steps + 1, curve[steps], color=colour, label=f"{row.rule}: {row.switch}")
    ax.set(yscale="log", xlabel="step", ylabel="drift from the reference, share of its way")
    ax.set_title("Noisy quadratic: of each rule the switch that drifts most")
    ax.legend(fontsize=9)


def answer(run: Run, table: pd.DataFrame) -> None:
    """Say what drifts least and most; ADOPT without its clip is another rule, and apart."""
    turned = table[table["switch"] != "reference"].sort_values("drift, digits")
    clipped = turned[turned["switch"] != "not clipped"]
    least, most, wild = clipped.iloc[0], clipped.iloc[-1], turned[turned["switch"] == "not clipped"].iloc[0]
    spread = table[table["switch"] != "not clipped"].groupby("rule", sort=False)["accuracy"].agg(np.ptp)
    run.answer(
        f"On digits the same hyperparameters end {least['drift, digits']:.1g} ({least['rule']}, {least['switch']}) to "
        f"{most['drift, digits']:.2g} ({most['rule']}, {most['switch']}) of the way apart, and ADOPT without its clip "
        f"{wild['drift, digits']:.1g} of it. Accuracies of one name differ by up to {spread.max():.1%} "
        f"({spread.idxmax()}).",
        turned[turned["system"] != "-"].drop(columns="loss").sort_index(),
    )


def main(run: Run) -> None:
    """Run the study."""
    table, curves = measure(run)
    claim_same(run)
    claim_first(run)
    answer(run, table)
    run.table(table, "drift")
    run.draw(lambda ax: draw_ends(ax, table), lambda ax: draw_curves(ax, table, curves), size=(8.0, 5.6))


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

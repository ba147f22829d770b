"""Automatic differentiation as article 001 builds it: a unit, twins, the exclusive or, and the price of all paths.

The article's small programs are run to the last printed digit; its net meets 1000 starts instead of one; its recursion
over the graph is counted beside one sweep over a tape; and what it says of activations is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Every, History, Optimizer, descend, sgd
from optimlab.lab.autodiff import grad, relu, sigmoid, trace, value_and_grad
from optimlab.lab.frame import PALETTE, Run, mean_interval, study, wilson_interval
from optimlab.lab.problems import Scalar, TwoTwoOne, blocks_cost, chain_cost, legacy_normals, xor, xor_cost
from optimlab.typing import Array, Floats

LR = 0.1
SOLVED = 0.02  # C of a solved net; between .014 and .24 no net of the 1000 ends
SHARES = {5_000: 0.575, 10_000: 0.720, 20_000: 0.734, 30_000: 0.737}
FATES = {0.50: (242, "vermillion"), 0.67: (20, "purple"), 0.24: (1, "orange")}
UNIT_COSTS = {0: 0.250000, 1: 0.237659, 99: 0.019644, 999: 0.001456}
UNIT_END = {"y": 0.961844, "w": 1.613870, "b": 1.613870}
TWIN_COSTS = {0: 0.250000, 1: 0.240714, 99: 0.026009, 999: 0.001587}
TWIN_END = {(0, 2, 3, 5): 0.232819, (1, 4): 0.0, (6, 7): 1.030868, (8,): 1.916128}
WEIGHTS = ("w1", "w2", "b1", "w3", "w4", "b2", "w5", "w6", "b3")
SEED_0 = {"(0, 0)": 0.017148, "(0, 1)": 0.985169, "(1, 0)": 0.985211, "(1, 1)": 0.015378}
BLOCKS = {2: 184, 3: 580, 4: 1768, 5: 5332, 6: 16_024, 7: 48_100, 11: 3_897_220}


def claim_digits(run: Run, name: str, text: str, expected: float, measured: Any) -> None:
    """Claim a number that is printed with six decimals."""
    run.claim(name, text, expected=expected, measured=float(measured), tolerance=5e-7)


# 001-a: one sigmoid unit


def unit(run: Run) -> None:
    """Train y = σ(wx + b) on the target 1 from x = 1, from 0."""
    slopes = grad(lambda w: sigmoid(w["w"] + w["b"]))({"w": 0.0, "b": 0.0})
    for name, slope in slopes.items():
        claim_digits(run, f"001-a dy/d{name}", f"slope of the unit at 0 in {name}", 0.25, slope)
    cost = value_and_grad(lambda w: (sigmoid(w["w"] * 1.0 + w["b"]) - 1.0) ** 2)
    w = {"w": 0.0, "b": 0.0}
    costs = []
    for _ in range(1000):
        y = sigmoid(w["w"] + w["b"])  # the article prints y of the pass before the last update
        value, gradient = cost(w)
        costs.append(value)
        w = {name: w[name] - LR * gradient[name] for name in w}
    for step, expected in UNIT_COSTS.items():
        claim_digits(run, f"001-a cost {step}", f"cost of the unit at step {step}", expected, costs[step])
    for name, end in (w | {"y": y}).items():
        claim_digits(run, f"001-a {name}", f"{name} of the unit as printed after 1000 steps", UNIT_END[name], end)


# 001-b: zero weights make twins


def twins(run: Run) -> History:
    """Train the 2-2-1 net on the sample (1, 0) → 1, all weights 0."""
    net = TwoTwoOne(((1.0, 0.0),), (1.0,))
    way: History = descend(net, Optimizer(sgd(), lr=LR), 1000, record=Every(1, w=np.copy), progress=False)
    for step, expected in TWIN_COSTS.items():
        claim_digits(run, f"001-b cost {step}", f"cost of the net at step {step}", expected, way["value"][step])
    for places, expected in TWIN_END.items():
        names = ", ".join(WEIGHTS[place] for place in places)
        worst = max((way.w[place] for place in places), key=lambda weight: abs(weight - expected))
        claim_digits(run, f"001-b {names}", f"{names} after 1000 steps (the farthest)", expected, worst)
    claim_digits(run, "001-b y", "output of the last pass, step 999", 0.960157, net.outputs(way["w"][999])[0])
    apart = np.abs(way["w"][:, :3] - way["w"][:, 3:6]).max()
    run.claim("001-b twins", "largest difference of the two hidden units, ever", expected=0, measured=float(apart))
    return way


# 001-c: the exclusive or from 1000 starts


def train(run: Run, starts: Floats, title: str) -> History:
    """Descend from all starts at once."""
    epochs = 10_000 if run.quick else 30_000
    optimizer = Optimizer(sgd(), lr=LR, replicas=len(starts))
    way: History = descend(xor(), optimizer, epochs, start=starts, record=Every(100), progress=title)
    return way


def exclusive_or(run: Run) -> tuple[History, pd.DataFrame]:
    """Train legacy seeds 0 to 999 and claim how many solve the task, and what becomes of the others."""
    way = train(run, legacy_normals(range(1000)), "1000 nets")
    share, low, high = wilson_interval(way["value"] < SOLVED, confidence=0.95, axis=1)
    solved = pd.DataFrame({"epoch": way["step"], "share": share, "low": low, "high": high})
    for epoch, expected in SHARES.items():
        if epoch <= way["step"][-1]:
            text = f"share of 1000 seeds that solve XOR by epoch {epoch}, C < {SOLVED}"
            run.claim(f"001-c by {epoch}", text, expected=expected, measured=share[way["step"] == epoch].item())
    fresh_starts(run, way)
    if not run.quick:
        fates(run, way)
    return way, solved


def fates(run: Run, way: History) -> None:
    """Claim how the 1000 nets end."""
    ends, outputs = way["value"][-1], xor().outputs(way.w)
    for (inputs, expected), y in zip(SEED_0.items(), outputs[0], strict=True):
        claim_digits(run, f"001-c y{inputs}", f"seed 0: output for {inputs}", expected, y)
    run.claim("001-c C", "seed 0: final cost", expected=9.7e-4, measured=float(ends[0]), tolerance=5e-6)
    run.claim("001-c seed 8", "seed 8 stays at cost", expected=0.50, measured=float(ends[8]), tolerance=0.005)
    for cost, (count, _) in FATES.items():
        found = int((np.round(ends, 2) == cost).sum())
        run.claim(f"001-c stuck {cost}", f"seeds of 1000 that end at C = {cost:.2f}", expected=count, measured=found)
    run.claim(
        "001-c learns",
        "«the net learns XOR» (one unseeded run): share of seeds that do, Wilson interval",
        expected=0.737,
        measured=wilson_interval(ends < SOLVED, confidence=0.95),
        verdict="refuted",
    )


def fresh_starts(run: Run, way: History) -> None:
    """Claim that other starts fare alike: 99.99 % interval of the difference of two shares."""
    nets = 500 if run.quick else 2000
    fresh = train(run, xor().draw(run.rng, nets), f"{nets} fresh nets")
    shares = [float((one["value"][-1] < SOLVED).mean()) for one in (fresh, way)]
    half = 3.89 * sqrt(sum(p * (1 - p) / n for p, n in zip(shares, (nets, 1000), strict=True)))
    difference = shares[0] - shares[1]
    run.claim(
        "001-c fresh",
        f"share solved of {nets} fresh starts, less that of the 1000 seeds",
        expected=0.0,
        measured=(difference, difference - half, difference + half),
    )


# 001-j: all paths, or each edge once


def both_ways(program: Callable[[Any], Any], numbers: list[float]) -> dict[str, float]:
    """Differentiate by recursion over paths and by one sweep: visits, edges, and the largest relative difference."""
    scalars = [Scalar(number) for number in numbers]
    visits = program(scalars).back()
    graph = trace(program, numbers)
    swept = np.array(graph.gradient())
    walked = np.array([scalar.gradient for scalar in scalars])
    error = float(np.abs(walked - swept).max() / np.abs(swept).max())
    return {"visits": visits, "edges": graph.edges, "swept": graph.visits, "error": error}


def paths(run: Run) -> pd.DataFrame:
    """Count what both ways cost for the article's graphs."""
    normals = run.rng.normal(size=9).tolist()
    rows = {
        "chain": (both_ways(chain_cost, [1.0, 1.0, 3.0] + [1.0] * 10), 206, 107),
        "XOR": (both_ways(xor_cost, [0.0, 1.0, *normals]), 398, 398),
    }
    for n, visits in BLOCKS.items():
        numbers = [1.0, 3.0, *run.rng.uniform(0.2, 0.8, 9 * n).tolist()]
        rows[f"{n} blocks"] = (both_ways(blocks_cost, numbers), visits, 22 * n + 8)
    for name, (found, visits, edges) in rows.items():
        text = f"{name}: edges visited by"
        run.claim(f"001-j {name} paths", f"{text} the recursion", expected=visits, measured=found["visits"])
        run.claim(f"001-j {name} sweep", f"{text} one sweep", expected=edges, measured=found["swept"])
        text = f"{name}: relative difference of the two gradients"
        run.claim(f"001-j {name} same", text, expected=0, measured=found["error"], tolerance=1e-12)
    run.claim(
        "001-j needed",
        "«walk the graph recursively»: visits of 11 blocks for each edge of the graph",
        expected=3_897_220 / 250,
        measured=rows["11 blocks"][0]["visits"] / rows["11 blocks"][0]["edges"],
        verdict="refuted",
    )
    return pd.DataFrame([{"graph": name, **found} for name, (found, _, _) in rows.items()])


def linear(run: Run) -> None:
    """Claim that a sweep crosses each edge once, however deep the graph."""
    sizes = (1_000, 100_000) if run.quick else (1_000, 100_000, 1_000_000)
    for edges in run.progress(sizes, "deep chains"):
        graph = trace(lambda w, n=edges: _repeated(w, n), 1.0)
        graph.gradient()
        text = f"chain of {edges} edges, as deep: edges that the sweep crosses"
        run.claim(f"sweep {edges}", text, expected=edges, measured=graph.visits)


def _repeated(w: Any, times: int) -> Any:
    for _ in range(times):
        w = w * 0.999
    return w


# 001-k and 001-l: what is said of activations


def tanh_claims(run: Run) -> None:
    """Settle what tanh is, and what its slope allows."""
    x = np.linspace(-20.0, 20.0, 400_001)
    wrong = np.abs(2.0 * sigmoid(x) - 1.0 - np.tanh(x)).max()
    u = sqrt(sqrt(5.0) - 2.0)  # tanh(x/2) where the difference is largest: u⁴ + 4u² = 1
    run.claim(
        "001-k stretched",
        "«tanh is σ stretched twofold vertically»: largest |2σ(x) - 1 - tanh x|",
        expected=2 * u / (1 + u * u) - u,
        measured=float(wrong),
        tolerance=1e-9,
        verdict="refuted",
    )
    right = float(np.abs(2.0 * sigmoid(2.0 * x) - 1.0 - np.tanh(x)).max())
    run.claim("001-k identity", "largest |2σ(2x) - 1 - tanh x|", expected=0, measured=right, tolerance=4e-16)
    for name, function, largest in (("tanh", np.tanh, 1.0), ("sigmoid", sigmoid, 0.25)):
        slopes = grad(lambda x, f=function: f(x).sum())(x)
        text = f"{name}′ is above 0; its largest value"
        run.claim(f"001-k {name}", text, expected=largest, measured=float(slopes.max()) if slopes.min() > 0 else np.nan)
    depth, weight = 20, 2.0
    run.claim(
        "001-k explosion",
        "«tanh′ < 1, so nothing explodes»: slope of 20 units tanh(2x) in a row, at 0",
        expected=weight**depth,
        measured=float(grad(lambda x: _nested(x, weight, depth))(0.0)),
        verdict="refuted",
    )


def _nested(x: Any, weight: float, depth: int) -> Any:
    for _ in range(depth):
        x = np.tanh(weight * x)
    return x


def relu_claims(run: Run) -> None:
    """Settle whether ReLU keeps gradients whole, for a random layer and a random δ behind it."""
    draws, n = (2000 if run.quick else 10_000), 32
    W, x, delta = (run.rng.normal(size=(draws, *shape)) for shape in ((n, n), (n, 1), (n, 1)))
    for gain, verdict in ((1.0, "refuted"), (sqrt(2.0), "reproduced"), (2.0, "refuted")):
        back = grad(lambda x, g=gain: (relu(g / sqrt(n) * (W @ x)) * delta).sum())(x)
        ratio = (back**2).sum(axis=(1, 2)) / (delta**2).sum(axis=(1, 2))
        run.claim(
            f"001-l gain {gain:.3g}",
            f"«ReLU keeps the gradient»: factor on ‖δ‖² of a layer of gain {gain:.3g}, share active × gain²",
            expected=gain**2 / 2,
            measured=mean_interval(ratio),
            verdict=verdict,  # type: ignore[arg-type]
        )


def limits(run: Run) -> None:
    """Claim where «any function» holds, and where it ends: at unbounded inputs and at jumps."""
    knots: Floats = np.linspace(0.0, 2.0 * np.pi, 65)
    inside = np.linspace(0.0, 2.0 * np.pi, 64 * 100 + 1)
    error = float(np.abs(interpolant(inside, knots, np.sin(knots)) - np.sin(inside)).max())
    h = knots[1]
    steepest = np.arcsin((1.0 - np.cos(h)) / h)  # cos lies farthest above its chord from 0 to h here
    run.claim(
        "001-l compact",
        "64 ReLUs for sin on [0, 2π]: largest error, about h²/8",
        expected=np.cos(steepest) - 1.0 + steepest * np.sin(steepest),
        measured=error,
        tolerance=h**2 / 8 * 0.01**2,  # the nearest of 100 points in a piece
    )
    far = 2.0 * np.pi * np.arange(1, 101)
    bend = np.abs(np.diff(interpolant(far, knots, np.sin(knots)), 2)).max()
    run.claim(
        "001-l Turing",
        "«a net is a Turing machine»: bend of the net beyond its last kink, for ever (a periodic function needs some)",
        expected=0.0,
        measured=float(bend),
        tolerance=1e-9,
        verdict="refuted",
    )
    points = np.array([np.nextafter(np.pi, 0.0), np.nextafter(np.pi, 4.0)])
    jump = interpolant(points, knots, np.sign(knots - np.pi)) - np.array([-1.0, 1.0])
    run.claim(
        "001-l any function",
        "«three layers express any function»: largest error of 64 ReLUs at a jump from -1 to 1",
        expected=1.0,
        measured=float(np.abs(jump).max()),
        tolerance=1e-9,
        verdict="refuted",
    )


def interpolant(x: Array, knots: Array, values: Array) -> Floats:
    """Evaluate the net v + Σ cₖ relu(x - kₖ) that joins the points by straight lines."""
    slopes = np.diff(values) / np.diff(knots)
    bends = np.diff(slopes, prepend=0.0)
    y: Floats = values[0] + relu(x[:, None] - knots[:-1]) @ bends
    return y


# The figure


def draw_fates(ax: Axes, way: History) -> None:
    """Draw the cost of the first 300 nets, by what becomes of them."""
    ends = way["value"][-1]
    for net in range(300):
        stuck = [PALETTE[colour] for cost, (_, colour) in FATES.items() if round(ends[net], 2) == cost]
        colour = PALETTE["blue"] if ends[net] < SOLVED else (stuck or ["#999999"])[0]
        ax.plot(way["step"], way["value"][:, net], color=colour, linewidth=0.5, alpha=0.5)
    ax.text(way["step"][-1], 0.67 * 1.1, "stuck at .67", ha="right", va="bottom", fontsize=9)
    ax.text(way["step"][-1], 0.50 / 1.1, "stuck at .50", ha="right", va="top", fontsize=9)
    ax.set(title="Every fourth net never learns XOR", xlabel="epoch", ylabel="summed squared error C", yscale="log")


def draw_solved(ax: Axes, solved: pd.DataFrame) -> None:
    """Draw the share of solved nets."""
    epoch, share, blue = solved["epoch"], solved["share"], PALETTE["blue"]
    ax.fill_between(epoch, solved["low"], solved["high"], color=blue, alpha=0.25, label="95 % (Wilson)")
    ax.plot(epoch, share, color=blue, label=f"C < {SOLVED}")
    ax.axhline(1.0, color="#888888", linestyle="dashed", linewidth=1)
    ax.text(epoch.iloc[-1], 0.985, "what the article's one run suggests", ha="right", va="top", fontsize=9)
    ax.set(title=f"{share.iloc[-1]:.1%} of 1000 starts solve it", xlabel="epoch", ylabel="share of nets solved")
    ax.set_ylim(0, 1.05)
    ax.legend(loc="lower right")


def draw_paths(ax: Axes, counts: pd.DataFrame) -> None:
    """Draw visits over blocks."""
    rows = counts[counts["graph"].str.endswith("blocks")]
    n = rows["graph"].str.split().str[0].astype(int)
    ax.plot(n, rows["visits"], "o-", color=PALETTE["vermillion"], label="recursion: all paths, 22 · 3ⁿ - 14")
    ax.plot(n, rows["swept"], "s-", color=PALETTE["blue"], label="one sweep: edges, 22 n + 8")
    ax.set(title="Walking all paths is exponential", xlabel="blocks n", ylabel="edges visited", yscale="log")
    ax.legend(loc="upper left")


def draw_twins(ax: Axes, way: History) -> None:
    """Draw the weights that start at 0."""
    lines = {"b3": ("black", 8), "w5 = w6": ("green", 6), "w1 = b1": ("blue", 0), "w3 = b2": ("orange", 3)}
    for name, (colour, place) in lines.items():
        dash = (0, (4, 4)) if place == 3 else "solid"
        ax.plot(way["step"], way["w"][:, place], color=PALETTE[colour], linestyle=dash, linewidth=2, label=name)
    ax.plot(way["step"], way["w"][:, 1], color="#999999", label="w2 = w4 (their input is 0)")
    ax.set(title="From zero, hidden units stay twins", xlabel="step", ylabel="weight", ylim=(-0.1, 2.9))
    ax.legend(loc="upper left", ncols=2)


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    unit(run)
    symmetric = twins(run)
    way, solved = exclusive_or(run)
    counts = paths(run)
    linear(run)
    tanh_claims(run)
    relu_claims(run)
    limits(run)
    figure, axes = plt.subplots(2, 2, figsize=(12, 8.5))
    draw_fates(axes[0, 0], way)
    draw_solved(axes[0, 1], solved)
    draw_paths(axes[1, 0], counts)
    draw_twins(axes[1, 1], symmetric)
    run.say(
        "The article's programs do what they print, but its XOR net needs luck: a quarter of all starts get stuck.\n"
        "Its recursion walks all paths; one sweep in reverse order gives the same gradient and crosses each edge once."
    )
    run.table(pd.DataFrame({"seed": range(1000), "cost": way["value"][-1]}), "fates")
    run.table(solved, "solved")
    run.table(counts, "visits")
    run.figure(figure, "autodiff_xor")


if __name__ == "__main__":
    raise SystemExit(study(main))

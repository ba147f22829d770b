"""Where do the gradients of a deep chain vanish, where do they explode, and what only looks like it?

They vanish with depth: a sigmoid of w = b = 0.5 leaves 0.105 of the gradient, a hundred of them 3e-98, and in float32
it is exactly 0 from 47 on. Weights of 100 make nothing explode, they saturate: all gradients are exactly 0. Only units
that are held at their centre magnify, by w/4 each.

Chains of single units, with equal weights, trained, and with thousands of random weights; a printed table that shows an
output at its goal rather than depth, and a leaky ReLU whose slope was lost. Takes 8 s (--quick: 4 s).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab import Every, Optimizer, descend, sgd
from optimlab.checks import POSITIVE
from optimlab.lab.frame import PALETTE, Knob, Run, legend_above, median_interval, proportion_interval, study
from optimlab.lab.nets import Activation, PathChain, UnitChain, activation
from optimlab.lab.problems import bowl
from optimlab.typing import Floats


def unit(name: str) -> Activation:
    """Return an activation; the sigmoid as 1/(1 + e⁻ᶻ) in float32 too, whose roundings are in the printed digits."""
    written_out = replace(activation("sigmoid"), function=lambda z, _: np.copyto(z, 1.0 / (1.0 + np.exp(-z))))
    return written_out if name == "sigmoid" else activation(name)


KNOBS = (
    Knob("activation", "sigmoid", "linear, relu, leaky_relu, sigmoid, softplus or tanh", read=unit),
    Knob("weight", 0.5, "weight w of every unit"),
    Knob("bias", 0.5, "bias b of every unit"),
    Knob("input", 2.0, "what the first unit gets"),
    Knob("depth", 100, "units of the longest chain"),
    Knob("units", 3, "units of the chain that is trained"),
    Knob("lr", 0.1, "learning rate", POSITIVE),
    Knob("steps", 1000, "steps of training"),
    Knob("large", (4.0, 8.0, 100.0), "weights of units that are held at their centre"),
    Knob("scale", 1.0, "standard deviation of random weights", POSITIVE),
    Knob("draws", 200_000, "chains of random weights", quick=100_000),
)
ORDER = (1, *range(10))  # a program's "10 layers": w₁ once before the loop over w₀ ... w₉, and once in it
# Three paths of three weights a block, w₀ and w₅ unused: of all orders of the weights this one gives the two numbers
# that are known of the leaky net of seed 0, and the shares and the median of the program.
PATHS, BLOCKS, SEEDS = ((1, 4, 7), (8, 2, 6), (3, 6, 9)), 11, 1000
PRINTED = 0.0061  # as "db2", which the listing calls db3

Numbers = dict[str, float]


def chain(run: Run, units: int) -> UnitChain:
    """Return the chain whose last output is minimised."""
    return UnitChain(range(units), run.options.activation, x=run.options.input)


def equal(units: int, w: Any, b: Any, dtype: Any = np.float64) -> dict[str, Any]:
    """Weights w, one chain for each of several, and biases b."""
    weights = np.repeat(np.asarray(w, dtype)[..., None], units, axis=-1)
    return {"w": weights, "b": np.zeros_like(weights) + dtype(b)}


def held(run: Run, units: int, w: Any) -> dict[str, Any]:
    """Weights w, and the biases that hold every pre-activation at 0."""
    p, centre = equal(units, w, 0.0), run.options.activation(np.zeros(units - 1))
    return {"w": p["w"], "b": -p["w"] * np.append(run.options.input, centre)}


def descent(run: Run, dtype: Any, w: float) -> pd.DataFrame:
    """Train the chain: output, parameters and gradients after each number of steps."""
    o, problem = run.options, chain(run, run.options.units)
    record = Every(1, p=lambda p: np.stack([p["w"], p["b"]]), g=lambda p: np.stack([*problem.gradient(p).values()]))
    start, optimizer = equal(o.units, w, o.bias, dtype), Optimizer(sgd(), o.lr)
    way = descend(lambda p: (problem.value(p), problem.gradient(p)), optimizer, o.steps, start=start, record=record)
    names = [f"{name}{i}" for name in ("w", "b", "dw", "db") for i in range(o.units)]
    numbers = np.concatenate([way["p"], way["g"]], axis=1).reshape(len(way["step"]), -1)
    return pd.DataFrame(numbers.astype(float), columns=names).assign(z=way["value"].astype(float), step=way["step"])


def training(run: Run, numbers: Numbers) -> pd.DataFrame:
    """Train in two precisions, and settle what the table of the end shows: an output at its goal, more than depth."""
    o, last = run.options, run.options.units - 1
    double, single = (descent(run, dtype, o.weight) for dtype in (np.float64, np.float32))
    run.table(pd.concat([double.assign(dtype="float64"), single.assign(dtype="float32")]), "training")
    end, moved = double.iloc[-1], double.iloc[-1] - double.iloc[0]
    ratio = (double["dw0"] / double[f"dw{last}"]).abs()
    crossing = int(np.argmax(double[f"w{last}"] < 0)) or o.steps
    sides = double.filter(regex="dw").iloc[[max(crossing - 3, 0), min(crossing + 1, o.steps)]]
    numbers |= {"dw0/dw2 at the start": ratio.iloc[0], "dw0/dw2 at the end": ratio.iloc[-1], "least": ratio.min()}
    numbers |= {"w2 crosses 0 at step": crossing, "signs changed there": (sides.prod() < 0).sum()}
    numbers |= {"w0 moved": moved["w0"], "w2 moved": moved[f"w{last}"]}
    apart = (single - double).iloc[-2:].abs().max(axis=None)
    slope, both = o.activation.slope([end["z"]])[0], single["z"].iloc[-1] / end["z"]
    third = np.argmin((single.filter(regex="db").iloc[-2] - PRINTED).abs())
    run.claim_all(
        ("decimals", "last two steps, float32 less float64, the largest", 0, apart, 5e-5, "002-c"),
        ("digits", "output at the end, float32 over float64", 1, both, 1e-5, "002-c2"),
        ("goal", "last db: slope of an output at its goal", slope, end[f"db{last}"], 1e-12, "002-d"),
        ("moved", "way of w0: -lr Σ dw0", -o.lr * double["dw0"][:-1].sum(), moved["w0"], 1e-9, "002-e"),
        ("third", f"which db is {PRINTED}: the third, of index 2", 2, third, 0, "002-i"),
    )
    return double


def ten_steps(run: Run) -> None:
    """Settle what two programs print of ten steps down x² + y²."""
    lr, problem = run.options.lr, bowl()
    record = Every(1, x=lambda w: w[0], gradient=lambda w: problem.gradient(w)[0])
    way = descend(problem, Optimizer(sgd(), lr), 10, start=np.ones(2), record=record)
    run.table(pd.DataFrame({name: way[name] for name in ("step", "value", "x", "gradient")}), "bowl")
    first, second = way["gradient"][:2]
    run.claim_all(
        ("bowl", "the end, 2 (1 - 2 lr)²⁰", 2 * (1 - 2 * lr) ** 20, way["value"][-1], 1e-12, "002-a"),
        ("before", "gradient that one program prints first, before the step", 2, first, 0, "002-b"),
        ("after", "gradient that the other prints, after it", 2 - 4 * lr, second, 1e-12, "002-b"),
    )


def over_depth(run: Run) -> tuple[pd.DataFrame, float, int]:
    """dz/dw₀ for each depth in both precisions, the factor of a layer that settles, and where float32 has 0."""
    o, rows = run.options, []
    for depth in range(1, o.depth + 1):
        each = (equal(depth, o.weight, o.bias, dtype) for dtype in (np.float64, np.float32))
        rows.append((depth, *(abs(float(chain(run, depth).gradient(p)["w"][0])) for p in each)))
    table = pd.DataFrame(rows, columns=["depth", "float64", "float32"])
    run.table(table, "depth")
    far = chain(run, 1000).activations(equal(1000, o.weight, o.bias))[-2:]
    settles = np.isfinite(far).all() and np.isclose(far[0], far[1], rtol=1e-9)
    factor = abs(o.weight) * float(o.activation.slope(far[1:])[0]) if settles else np.nan
    half, exact = o.depth // 2, table["float64"].to_numpy()
    if settles and half > 20 and 0 < exact[-1] < np.inf:
        measured = (exact[-1] / exact[half - 1]) ** (1 / (o.depth - half))
        run.claim_all(("factor", "factor a layer, w φ' where equal units settle", factor, measured, 1e-3 * factor))
    zero, least = (int(np.argmax(where)) + bool(where.any()) for where in (table["float32"] == 0, exact < 2.0**-150))
    said = "depth from which float32 has 0: below half its least number"
    run.claim_all(("float32", said, least, zero, 1, "002-f"))
    return table, factor, zero


def large_weights(run: Run, numbers: Numbers) -> pd.DataFrame:
    """Settle that large weights alone saturate, and explode gradients where the units are held at their centre."""
    o = run.options
    for dtype, w in ((np.float32, 100.0), (np.float64, 100.0), (np.float32, 20.0)):
        way, name = descent(run, dtype, w), f"w = {w:g} in {np.dtype(dtype).name}"
        largest, moved = (
            table.abs().max(axis=None) for table in (way.filter(regex="d"), way.drop(columns="step").diff())
        )
        run.claim_all(
            (name, f"{name}: largest gradient in all steps", 0, largest, 0, "002-g"),
            (f"{name}, moved", f"{name}: largest step of all", 0, moved, 0, "002-g"),
        )
    fine = np.linspace(0.0, 4.0, 40_001)
    steep = chain(run, o.units).gradient(equal(o.units, fine, o.bias))["w"][:, 0]
    numbers |= {"largest dz/dw0": steep.max(), "largest dz/dw0 at w": fine[steep.argmax()]}
    rows, slope = [], float(o.activation.slope(o.activation([0.0]))[0])
    for units, w in [*((o.units, w) for w in o.large), (10, 1.0), (10, 8.0)]:
        problem, p = chain(run, units), held(run, units, w)
        theory = slope * (w * slope) ** (units - 1)
        rows.append((units, w, theory, problem.deltas(p)[0], abs(problem.gradient(p)["w"][0])))
    table = pd.DataFrame(rows, columns=["units", "w", "theory", "delta", "gradient"]).drop_duplicates()
    run.table(table, "held")
    table["row"] = np.where(table["units"] == 10, "003-k", "")
    said = "{units} units of w = {w:g} held at 0: the first δ, φ'(0) (w φ'(0))ⁿ⁻¹"
    columns = {"expected": "theory", "measured": "delta", "row": "row"}
    run.claim_rows(table, "held {units} {w:g}", said, **columns, tolerance=1e-12 * float(table["theory"].abs().min()))
    return table


def window(run: Run, numbers: Numbers) -> None:
    """Settle that a sigmoid magnifies in a narrow window: |w σ'(w a)| ≥ 1, since σ'(z) = 1/(4 cosh²(z/2))."""
    z, w, f = np.linspace(-3.0, 3.0, 60_001), np.linspace(4.0, 30.0, 26_001), activation("sigmoid")
    slope, width = f.slope(f(z)), 4 * np.arccosh(np.sqrt(w) / 2) / w
    best, widest = w[width.argmax()], width.max()
    inside = (best * slope >= 1.0).mean() * 6.0 / best
    numbers |= {"window": widest, "window at w": best, "least w": 1 / slope.max()}
    run.claim_all(
        ("slope", "the largest slope of a sigmoid", 0.25, slope.max(), 0, "002-h"),
        ("window", "widest window that magnifies, on a grid", widest, inside, 5e-5, "002-h"),
    )


def random_chains(run: Run, numbers: Numbers) -> pd.DataFrame:
    """Median |dC/dw| of eleven units with the target 3, and what their signs and sizes are."""
    o, f = run.options, run.options.activation
    p = {"w": o.scale * run.rng.normal(size=(o.draws, 10)), "b": np.zeros((o.draws, 10))}
    net = UnitChain(ORDER, f, x=1.0, target=3.0)
    y, g, delta = net.activations(p), np.abs(net.gradient(p)["w"]), np.abs(net.deltas(p))
    table = pd.DataFrame([median_interval(g[:, i]) for i in range(10)], columns=["median", "low", "high"])
    run.table(table.rename_axis("weight"), "random")
    slopes, end = f.slope(y[:, 2:]), y[:, -1]
    alive = (UnitChain(ORDER, "relu", x=1.0, target=3.0).gradient(p)["w"] != 0).any(axis=1)
    product, ones = (slopes * p["w"]).prod(axis=1), net.gradient(equal(10, 1.0, 0.0))["w"]
    numbers |= {"w0 prints as 0": (g[:, 0] < 5e-7).mean(), "ones w0": ones[0], "ones w9": ones[9]}
    numbers |= {"inside": ((end >= 0.066) & (end <= 0.937)).mean(), "product below 1": (np.abs(product) < 1).mean()}
    numbers |= {"random factor": (table["median"][0] / table["median"][9]) ** (1 / 9), "alive": 20_000 * 2.0**-10}
    run.claim_all(
        ("layers", "units of the program's ten layers", 11, y.shape[1] - 1, 0, "001-d"),
        ("error", "draws with |2 (y - 3)| below 4", 0, (np.abs(end - 3) < 2).mean(), 0, "001-e"),
        ("sign", "draws with a product above 0", 0.5, proportion_interval(product > 0), 0, "001-f"),
        ("alive", "ReLU: all weights above 0", 2.0**-10, proportion_interval(alive), 0, "001-g"),
    )
    if (slopes > 0).all():
        left, half = np.log(delta[:, 1] / delta[:, -1]) / 9, 3.9 / np.sqrt(o.draws)
        low, mean, high = np.exp(left.mean() + half * left.std() * np.arange(-1, 2)).tolist()
        # E ln|w| = ln sd - (γ + ln 2)/2 of normal weights
        theory = np.exp(np.log(o.scale) - (np.euler_gamma + np.log(2)) / 2 + np.log(slopes[:, :-1]).mean())
        run.claim_all(("random", "factor a layer, exp(E ln|w| + E ln φ')", theory, (mean, low, high)))
    return table


def leaky(run: Run, numbers: Numbers) -> dict[str, Floats]:
    """Largest |dC/dw| of a leaky net with its slope, and of a program that records none, for each legacy seed."""
    slope = activation("leaky_relu")
    lost = replace(slope, name="slope lost", derivative=lambda h, out: out.fill(1.0))
    w = np.stack([np.random.RandomState(seed).randn(10) for seed in range(SEEDS)])
    right, program = (PathChain(PATHS, BLOCKS, f, x=1.0, target=3.0) for f in (slope, lost))
    found = {"with the slope 0.01": np.abs(right.gradient(w)), "as printed: slope lost": np.abs(program.gradient(w))}
    largest = {name: g.max(axis=1) for name, g in found.items()}
    for name, most in largest.items():
        kind = name.split()[-1]
        numbers |= {f"seed 0, {kind}": found[name][0, 1], f"seed 4, {kind}": most[4]}
        numbers |= {f"median, {kind}": np.median(most), f"below 1e-6, {kind}": (most < 1e-6).mean()}
    h, (one, printed) = 1e-6 * np.eye(10)[1], found.values()
    difference = abs(right.value(w[0] + h) - right.value(w[0] - h)) / 2e-6
    unused, zeros = 10 - len({*np.ravel(PATHS)}), (printed.max(axis=0) == 0).sum()
    said = "leaky net, seed 0: |dC/dw₁| with the slope, beside differences of C"
    run.claim_all(
        ("leaky", said, difference, one[0, 1], 1e-6, "001-h"),
        ("unused", "leaky net: weights without gradient, used nowhere", unused, zeros, 0, "001-i"),
    )
    return largest


def draw_depth(ax: Axes, run: Run, table: pd.DataFrame, factor: float, zero: int) -> None:
    """Show dz/dw₀ over the number of layers."""
    o, depth, exponent = run.options, table["depth"], np.log10(table[["float64", "float32"]])
    ax.plot(depth, exponent["float64"], color=PALETTE["blue"], label="float64")
    ax.plot(depth, exponent["float32"], "--", color=PALETTE["orange"], label="float32")
    line = exponent["float64"][0] + (depth - 1) * np.log10(factor)
    ax.plot(depth, line, ":", color="#666666", label=f"{factor:.3g} a layer")
    if zero:
        label, low = f"float32 has 0 from {zero} on", max(exponent["float64"][zero - 1], -320)
        ax.vlines(zero, low, 0, PALETTE["vermillion"], ":", label=label)
    ax.set(xlabel="units in a row", ylabel=f"log₁₀ |dz/dw₀| at w = {o.weight:g}, b = {o.bias:g}")
    ax.set_title(f"Depth: {o.activation.name}, equal units")
    legend_above(ax)


def draw_random(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Show the median gradient of every weight of random chains."""
    ax.plot(np.log10(table["median"]), "o", color=PALETTE["blue"], label=f"median of {run.options.draws} draws")
    ax.axhline(np.log10(5e-7), color=PALETTE["vermillion"], linestyle=":", label="below: six decimals print 0.000000")
    ax.set(xlabel="weight wᵢ (0: next to the input)", ylabel="log₁₀ |dC/dwᵢ|", xticks=range(10))
    ax.set_title(f"Eleven units of random weights, sd {run.options.scale:g}")
    ax.legend()


def draw_training(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Show the gradients of the chain's weights while it is trained."""
    for name in [*(f"dw{i}" for i in range(run.options.units)), "z"]:
        ax.plot(table["step"] + 1, np.log10(table[name].abs()), "--" if name == "z" else "-", label=f"|{name}|")
    ax.set(xlim=(1, run.options.steps + 1), xscale="log", xlabel="steps + 1", ylabel="log₁₀ of gradients and output z")
    ax.set_title(f"Trained from w = {run.options.weight:g}, until z = {table['z'].iloc[-1]:.2g}")
    ax.legend()


def draw_map(ax: Axes, run: Run, table: pd.DataFrame) -> None:
    """Show |dz/dw₀| over w: with fixed biases, and with units held at their centre."""
    o, w = run.options, np.geomspace(0.1, 200.0, 400)
    curves = {f"b = {o.bias:g}": equal(o.units, w, o.bias), "units held at their centre": held(run, o.units, w)}
    for (label, p), colour in zip(curves.items(), ("blue", "vermillion"), strict=True):
        steep = chain(run, o.units).gradient(p)["w"][:, 0]
        ax.plot(w, np.log10(np.abs(steep)), color=PALETTE[colour], label=label)
    dots = table[table["units"] == o.units]
    ax.plot(dots["w"], np.log10(dots["gradient"]), "o", color=PALETTE["vermillion"])
    ax.axhline(0.0, color="#666666", linestyle=":")
    ax.set(xlim=(0.1, 200), xscale="log", ylabel="log₁₀ |dz/dw₀|", ylim=(-16, 8))
    ax.set_xlabel(f"w of all {o.units} units (dots: --large)")
    ax.set_title(f"Large weights: {o.activation.name}, alone and held at 0")
    ax.legend(loc="upper left")


def draw_window(ax: Axes, run: Run) -> None:
    """Show the factor of one layer, |w φ'(w a)|, over w and the input's distance a from the centre."""
    f, w, a = run.options.activation, np.geomspace(0.5, 100.0, 300), np.linspace(-0.6, 0.6, 241)
    shown = np.clip(np.log10(w * f.slope(f(w * a[:, None]))), -2.0, 2.0)
    mesh = ax.pcolormesh(w, a, shown, cmap="RdBu_r", vmin=-2.0, vmax=2.0, shading="nearest", rasterized=True)
    ax.contour(w, a, shown, levels=[0.0], colors="black", linewidths=1.2)
    ax.set(xscale="log", xlabel="|w|", ylabel="distance of the input from the centre")
    ax.set_title(f"Where a {f.name} magnifies (inside the line)")
    ax.grid(visible=False)
    ax.figure.colorbar(mesh, ax=ax, ticks=range(-2, 3), label="log₁₀ of the factor of a layer |w φ'|")


def draw_leaky(ax: Axes, found: dict[str, Floats]) -> None:
    """Show the largest gradient of the leaky net over the seeds, as printed and as it is."""
    for (name, values), colour in zip(found.items(), ("blue", "orange"), strict=True):
        shown, label = np.log10(np.maximum(values, 1e-50)), f"{name}: median {np.median(values):.0e}"
        ax.hist(shown, range(-50, 16), histtype="step", linewidth=1.8, color=PALETTE[colour])
        ax.vlines(np.median(shown), 0, 85, PALETTE[colour], ":", label=label)
    ax.set(xlabel="log₁₀ of the largest |dC/dw|, at least -50", ylabel=f"seeds of {SEEDS}", ylim=(0, 110))
    ax.set_title("A leaky ReLU's cure: a lost derivative")
    ax.legend(loc="upper left")


def answer(run: Run, depth: pd.DataFrame, factor: float, zero: int, table: pd.DataFrame) -> None:
    """Say what depth and weights do."""
    o, w, one = run.options, max(run.options.large), chain(run, run.options.units)
    alone, centred = (abs(one.gradient(p)["w"][0]) for p in (equal(o.units, w, o.bias), held(run, o.units, w)))
    text = f"{o.depth} {o.activation.name} units of w = {o.weight:g}, b = {o.bias:g} leave a gradient of "
    text += f"{depth['float64'].iloc[-1]:.3g}" + f" ({factor:.3g} a layer)" * (factor >= 0)
    text += f"; float32 has 0 from {zero} on" * (zero > 0)
    text += f". {o.units} units of w = {w:g} have the gradient {alone:.3g}; held at their centre, {centred:.4g}."
    run.answer(text, depth[depth["depth"].isin([1, 3, 10, *np.geomspace(1, o.depth, 5).astype(int)])])


def main(run: Run) -> None:
    """Run the study."""
    numbers: Numbers = {}
    with np.errstate(all="ignore"):  # to vanish and to overflow is what is studied
        double = training(run, numbers)
        ten_steps(run)
        depth, factor, zero = over_depth(run)
        table = large_weights(run, numbers)
        window(run, numbers)
        medians = random_chains(run, numbers)
        found = leaky(run, numbers)
        run.table(pd.DataFrame({"number": list(numbers), "value": list(numbers.values())}), "numbers")
        answer(run, depth, factor, zero, table)
        run.draw(
            lambda ax: draw_depth(ax, run, depth, factor, zero),
            lambda ax: draw_random(ax, run, medians),
            lambda ax: draw_training(ax, run, double),
            lambda ax: draw_map(ax, run, table),
            lambda ax: draw_window(ax, run),
            lambda ax: draw_leaky(ax, found),
            columns=3,
        )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

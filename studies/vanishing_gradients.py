"""Where gradients vanish, where they explode, and what only looks like it: articles 001 and 002.

1. Article 002: two programs on a bowl; the table of three sigmoids; 3 to 100 layers; why w = 100 explodes nothing.
2. Article 001: chains of eleven sigmoids and ReLUs over thousands of draws, and the leaky ReLU whose slope got lost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from optimlab.lab.frame import PALETTE, Run, median_interval, proportion_interval, study
from optimlab.lab.nets import PathChain, UnitChain, activation
from optimlab.lab.problems import bowl
from optimlab.typing import Floats

Parameters = dict[str, Any]
Interval = tuple[float, float, float]

BOWL = (1.28, 0.8192, 0.5243, 0.3355, 0.2147, 0.1374, 0.0880, 0.0563, 0.0360, 0.0231)
# Article 002's table, at 998 and at 999.
TABLE = {
    "w": ((0.5947, 0.9078, -2.2514), (0.5948, 0.9080, -2.2519)),
    "b": ((0.5474, 0.9895, -3.1738), (0.5474, 0.9897, -3.1744)),
    "dw": ((-0.0004, -0.0014, 0.0052), (-0.0004, -0.0014, 0.0052)),
    "db": ((-0.0002, -0.0017, 0.0061), (-0.0002, -0.0017, 0.0060)),
}
DIGITS = {"dw": ("-3.93649e-4", "-1.448067e-3", "5.159309e-3"), "db": ("-1.96824e-4", "-1.703007e-3", "6.045433e-3")}
DEPTHS = {3: "3.19e-3", 6: "3.68e-6", 10: "4.46e-10", 20: "7.17e-20", 50: "2.99e-49", 100: "3.23e-98"}
MEDIANS = ("5e-9", "4e-8", "4e-7", "3e-6", "2e-5", "2e-4", "1.4e-3", "1.2e-2", "9e-2", ".58")
ORDER = (1, *range(10))  # w[1] once before the loop over w[0] ... w[9], and once in it
# The printed leaky net is known by what it shows: 22 edges a block, three uses of its input, w0 and w5 unused, hence
# three paths of three weights. Of all orders of the weights this one gives the two numbers known for seed 0, and the
# shares and the median of the program; the published median with the slope, 4e-26, and seed 4's 3.5e-31 it does not.
PATHS = ((1, 4, 7), (8, 2, 6), (3, 6, 9))
BLOCKS = 11


def half_unit(printed: str) -> float:
    """Half a unit of the last printed digit."""
    mantissa, _, exponent = printed.partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def start(depth: int, w: float = 0.5, dtype: Any = np.float64) -> Parameters:
    """All weights equal, all biases .5, as in article 002."""
    return {"w": np.full(depth, w, dtype), "b": np.full(depth, 0.5, dtype)}


def sigmoids(depth: int) -> UnitChain:
    """Article 002's chain: minimise the last of `depth` sigmoids, input 2."""
    return UnitChain(tuple(range(depth)), WRITTEN_OUT, x=2.0)


def written_out(z: Floats, _: Floats) -> None:
    """z ← 1/(1 + e⁻ᶻ), in float32 too: the published digits hold the roundings of this form."""
    z[...] = 1.0 / (1.0 + np.exp(-z))


WRITTEN_OUT = replace(activation("sigmoid"), name="1/(1 + exp(-z))", function=written_out)


def bowl_claims(run: Run) -> None:
    """002-a and 002-b: x² + y² from (1, 1), lr .1, 10 steps."""
    w, before, after = np.ones(2), [], []
    for k, z in enumerate(BOWL, start=1):
        before.append(bowl().gradient(w)[0])
        w = w - 0.1 * bowl().gradient(w)
        after.append(bowl().gradient(w)[0])
        text = f"x² + y² after {k} steps at lr .1"
        run.claim(f"002-a z {k}", text, expected=z, measured=bowl().value(w), tolerance=5e-5)
    run.claim("002-a x 10", "x after 10 steps, .8¹⁰", expected=0.1074, measured=w[0], tolerance=5e-5)
    same = "both programs print the same: no, one prints the gradient before the step and one after it"
    refuted: dict[str, Any] = {"verdict": "refuted", "tolerance": 5e-5}
    run.claim("002-b before", f"{same}; before, step 1", expected=2.0, measured=before[0], **refuted)
    run.claim("002-b after", f"{same}; after, step 1", expected=1.6, measured=after[0], **refuted)
    run.claim("002-b last", f"{same}; after, step 10", expected=0.2147, measured=after[-1], **refuted)
    shift = float(np.abs(np.subtract(before[1:], after[:-1])).max())
    run.claim("002-b shift", "shifted by one step, the gradients agree", expected=0.0, measured=shift)


def trained(dtype: Any) -> pd.DataFrame:
    """1000 steps of gradient descent on three sigmoids: everything after every update, and at update 0 the start."""
    chain, p, rows = sigmoids(3), start(3, dtype=dtype), []
    for step in range(-1, 1000):
        g = chain.gradient(p)
        named = {"w": p["w"], "b": p["b"], "dw": g["w"], "db": g["b"]}
        row = {f"{name}{i}": float(values[i]) for name, values in named.items() for i in range(3)}
        rows.append({"step": step, "z": float(chain.value(p))} | row)
        p = {name: p[name] - dtype(0.1) * g[name] for name in p}
    return pd.DataFrame(rows).set_index("step")


def table_claims(run: Run, single: pd.DataFrame, double: pd.DataFrame) -> None:
    """002-c, 002-c2, 002-e and 002-i: the published table, in both precisions, and more digits of it."""
    worst = 0.0
    for name, columns in TABLE.items():
        for at, values in zip((998, 999), columns, strict=True):
            for i, printed in enumerate(values):
                text = f"three sigmoids, {name}{i} after step {at}"
                measured = single[f"{name}{i}"][at]
                run.claim(f"002-c {name}{i} {at}", text, expected=printed, measured=measured, tolerance=5e-5)
                worst = max(worst, abs(double[f"{name}{i}"][at] - printed))
    run.claim("002-c float64", "the table in float64: largest deviation", expected=0, measured=worst, tolerance=5e-5)
    run.claim("002-c z", "the output at the end", expected=0.0061, measured=single["z"][999], tolerance=5e-5)
    published = [(f"{name}{i}", digits) for name, row in DIGITS.items() for i, digits in enumerate(row)]
    for name, digits in [*published, ("z", "6.082429e-3")]:
        value, exact = single[name][999], float(digits)
        # What the roundings of 1000 float32 steps do to this number is what the other precision shows.
        tolerance = half_unit(digits) + abs(value - double[name][999])
        run.claim(
            f"002-c2 {name}", f"{name} after step 999, float32", expected=exact, measured=value, tolerance=tolerance
        )
    run.claim("002-c2 z64", "z in float64", expected=6.0824342e-3, measured=double["z"][999], tolerance=5e-11)
    moved = {name: double[name][999] - double[name][-1] for name in double}
    for name, change in (("w0", 0.0948), ("w2", -2.7519)):
        run.claim(f"002-e {name}", f"{name} moved by", expected=change, measured=moved[name], tolerance=5e-5)
    nearest = int(np.argmin([abs(single[f"db{i}"][998] - 0.0061) for i in range(3)]))
    run.claim("002-i", 'the row called "db2" is printed by code for "db3": it is the third bias, index 2',
              expected=2, measured=nearest, verdict="artefact")  # fmt: skip


def saturation_claims(run: Run, table: pd.DataFrame) -> None:
    """002-d: the table mixes depth with saturation."""
    ratio = (table["dw0"] / table["dw2"]).abs()
    crossing = int(table.index[(table["w2"] < 0).to_numpy()][0]) + 1
    mixed = "the table proves vanishing: at step 999 everything is small since the output is"
    for name, text, expected, measured, tolerance in (
        ("dw0", "gradient of w0 at the start", 3.1946e-3, table["dw0"][-1], 5e-8),
        ("dw2", "gradient of w2 at the start", 0.149133, table["dw2"][-1], 5e-7),
        ("ratio 0", f"{mixed}; |dw0/dw2| at the start", 0.0214, ratio[-1], 5e-5),
        ("ratio 999", f"{mixed}; |dw0/dw2| at step 999", 0.0763, ratio[999], 5e-5),
        ("crossing", "update at which w2 crosses 0", 30, crossing, 0.0),
        ("least ratio", "least |dw0/dw2|, at that crossing", 4.4e-5, ratio.min(), 5e-7),
        ("sign", "gradients that changed sign there: dw0 and dw1", 2, sign_changes(table, crossing), 0.0),
    ):
        verdict: Any = "artefact" if "ratio 9" in name or name == "ratio 0" else "reproduced"
        run.claim(f"002-d {name}", text, expected=expected, measured=measured, tolerance=tolerance, verdict=verdict)


def sign_changes(table: pd.DataFrame, crossing: int) -> int:
    """How many of the weights' gradients have another sign after the crossing."""
    before, after = table.loc[crossing - 3], table.loc[crossing + 1]
    return sum(bool(before.loc[name] * after.loc[name] < 0) for name in ("dw0", "dw1", "dw2"))


def depth_claims(run: Run) -> pd.DataFrame:
    """002-f: dz/dw0 over the depth in both precisions."""
    rows = []
    for depth in range(1, 101):
        double, single = (
            float(sigmoids(depth).gradient(start(depth, dtype=t))["w"][0]) for t in (np.float64, np.float32)
        )
        rows.append({"depth": depth, "float64": double, "float32": single})
    table = pd.DataFrame(rows).set_index("depth")
    for depth, printed in DEPTHS.items():
        value = table["float64"][depth]
        text = f"{depth} sigmoids: dz/dw0"
        run.claim(f"002-f {depth}", text, expected=float(printed), measured=value, tolerance=half_unit(printed))
    factor = float(table["float64"][100] / table["float64"][50]) ** (1 / 50)
    run.claim("002-f factor", "factor a layer", expected=0.105, measured=factor, tolerance=5e-4)
    gone = int(table.index[table["float32"] == 0.0][0])
    run.claim("002-f float32", "depth from which float32 has exactly 0", expected=47, measured=gone)
    return table


def explosion_claims(run: Run) -> None:
    """002-g: large weights saturate, unless the pre-activations are held near 0."""
    wrong: dict[str, Any] = {"verdict": "refuted"}
    for dtype in (np.float32, np.float64):
        p, name = start(3, w=100.0, dtype=dtype), np.dtype(dtype).name
        for _ in range(1000):
            g = sigmoids(3).gradient(p)
            p = {key: p[key] - dtype(0.1) * g[key] for key in p}
        largest = max(np.abs(g[key]).max() for key in g)
        text = f"w = 100 makes gradients explode: they are exactly 0; largest of six, {name}"
        run.claim(f"002-g largest {name}", text, expected=0.0, measured=largest, **wrong)
        moved = float(np.abs(p["w"] - 100.0).max() + np.abs(p["b"] - 0.5).max())
        run.claim(f"002-g moved {name}", f"how far 1000 steps go, {name}", expected=0.0, measured=moved, **wrong)
    g20 = sigmoids(3).gradient(start(3, w=20.0, dtype=np.float32))
    most = max(np.abs(g20[key]).max() for key in g20)
    run.claim("002-g w 20", "w = 20 in float32: the largest gradient", expected=0.0, measured=most, **wrong)
    w = np.linspace(0.0, 4.0, 40_001)
    steep = vary(w, np.full((3, len(w)), 0.5))
    text = "the largest dz/dw0 of all w, b = .5"
    run.claim("002-g most", text, expected=0.00409, measured=steep.max(), tolerance=5e-6, **wrong)
    run.claim("002-g most at", f"{text}: at w", expected=0.78, measured=w[steep.argmax()], tolerance=5e-3, **wrong)
    for w0, exact in ((4.0, 0.5), (8.0, 2.0), (100.0, 312.5)):
        text = f"pre-activations held at 0, w = {w0:g}: dz/dw0 = w²/32"
        measured = float(vary(np.array([w0]), centred(w0))[0])
        run.claim(f"002-g centred {w0:g}", text, expected=exact, measured=measured, tolerance=1e-12 * exact)
    p = {"w": np.full(3, 100.0), "b": centred(100.0)[:, 0]}
    delta = sigmoids(3).deltas(p)
    run.claim("002-g factor", "then the factor a layer is w/4", expected=25.0, measured=delta[0] / delta[1])


def product_claims(run: Run) -> None:
    """003-k: products of slopes of at most 1/4 vanish, and large weights make them explode."""
    for name, w in (("vanishes", 1.0), ("explodes", 8.0)):
        p = {"w": np.full(10, w), "b": np.append(-2.0 * w, np.full(9, -0.5 * w))}  # every pre-activation is 0
        delta = sigmoids(10).deltas(p)
        text = f"slopes of 1/4 and weights of {w:g}: what is left of δ after nine layers, (w/4)⁹"
        exact = (w / 4) ** 9
        measured = float(delta[0] / delta[-1])
        run.claim(f"003-k {name}", text, expected=exact, measured=measured, tolerance=1e-12 * exact)


def vary(w: Floats, b: Floats) -> Floats:
    """Return dz/dw0 of three sigmoids of equal weights w, shape (k,), with biases b, shape (3, k)."""
    gradient: Floats = sigmoids(3).gradient({"w": np.stack([w] * 3, axis=-1), "b": b.T.copy()})["w"][:, 0]
    return gradient


def centred(w: float) -> Floats:
    """Biases that hold every pre-activation at 0."""
    return np.array([[-2.0 * w], [-w / 2.0], [-w / 2.0]])


def window(w: float) -> float:
    """4 arcosh(√|w|/2) / |w|: width of the inputs a with |w σ'(w a + b)| ≥ 1, since σ'(z) = 1/(4 cosh²(z/2))."""
    return float(4.0 * np.arccosh(np.sqrt(w) / 2.0) / w)


def window_claims(run: Run) -> None:
    """002-h: a layer magnifies only for |w| ≥ 4, and only in a narrow window."""
    from scipy.optimize import minimize_scalar

    z = np.linspace(-3.0, 3.0, 60_001)
    sigmoid = activation("sigmoid")
    slope = sigmoid.slope(sigmoid(z))
    loose: dict[str, Any] = {"verdict": "refuted"}
    run.claim("002-h slope", "σ' lies in (0, 1): its largest value is", expected=0.25, measured=slope.max(), **loose)
    run.claim("002-h least w", "least |w| with |w σ'| ≥ 1", expected=4.0, measured=1.0 / slope.max())
    best = minimize_scalar(lambda w: -window(w), bounds=(4.0, 30.0), method="bounded", options={"xatol": 1e-9})
    run.claim("002-h window", "widest window of inputs", expected=0.4477, measured=-best.fun, tolerance=5e-5)
    run.claim("002-h window w", "the |w| of the widest window", expected=6.894, measured=best.x, tolerance=5e-4)
    inside = (np.abs(best.x * slope) >= 1.0).mean() * 6.0 / best.x
    run.claim("002-h counted", "the same width, counted on a grid", expected=0.4477, measured=inside, tolerance=5e-5)


def draws(run: Run, n: int) -> Parameters:
    """Ten normal weights a draw, no biases."""
    return {"w": run.rng.normal(size=(n, 10)), "b": np.zeros((n, 10))}


def chain_claims(run: Run, p: Parameters) -> Floats:
    """001-d, 001-e and 001-f: eleven sigmoids, ten weights, target 3; the medians of |dC/dw| are returned."""
    chain = UnitChain(ORDER, "sigmoid", x=1.0, target=3.0)
    y, g = chain.activations(p), np.abs(chain.gradient(p)["w"])
    medians = [median_interval(g[:, i]) for i in range(10)]
    run.claim(
        "001-d layers", '"10 layers": w[1] is used twice', expected=11, measured=y.shape[1] - 1, verdict="refuted"
    )
    for i, printed in enumerate(MEDIANS):
        text = f"sigmoid chain: median |dC/dw{i}|"
        run.claim(f"001-d w{i}", text, expected=float(printed), measured=medians[i], tolerance=half_unit(printed))
    factor = [(medians[0][i] / medians[9][j]) ** (1 / 9) for i, j in ((0, 0), (1, 2), (2, 1))]
    text = "sigmoid chain: factor a layer"
    run.claim("001-d factor", text, expected=0.127, measured=(factor[0], factor[1], factor[2]), tolerance=5e-4)
    zeros = proportion_interval(g[:, 0] < 5e-7)
    run.claim("001-d zeros", "w0 prints as 0.000000 in", expected=0.96, measured=zeros, tolerance=5e-3)
    ones = chain.gradient({"w": np.ones(10), "b": np.zeros(10)})["w"]
    run.claim("001-d ones w0", "all w = 1: dC/dw0", expected=-1.089e-6, measured=ones[0], tolerance=5e-10)
    run.claim("001-d ones w9", "all w = 1: dC/dw9", expected=-0.6933, measured=ones[9], tolerance=5e-5)
    near = 'y approaches the target 3, "so that factor goes to 0"'
    cost = (y[:, -1] - 3.0) ** 2
    below, within = float((cost < 4).mean()), proportion_interval((y[:, -1] >= 0.066) & (y[:, -1] <= 0.937))
    run.claim("001-e", f"{near}: draws with C < 4", expected=0.0, measured=below, verdict="refuted")
    # A range of 20 000 draws misses less than 5e-4 of what is drawn, but for a chance of 5e-4.
    run.claim("001-e range", f"{near}: draws with y in .066 … .937", expected=1.0, measured=within,
              tolerance=5e-4, verdict="refuted")  # fmt: skip
    product = (y[:, 2:] * (1.0 - y[:, 2:]) * p["w"]).prod(axis=1)
    positive = proportion_interval(product > 0)
    text = '"the product is below 0": share of draws in which it is above'
    run.claim("001-f sign", text, expected=0.5, measured=positive, verdict="refuted")
    run.claim(
        "001-f size",
        "share in which its magnitude is below 1",
        expected=1,
        measured=float((np.abs(product) < 1).mean()),
    )
    return np.array([median[0] for median in medians])


def relu_claims(run: Run, parameters: Parameters) -> None:
    """001-g: a chain of single ReLUs lives only if every weight is positive."""
    from scipy.stats import binom

    g = UnitChain(ORDER, "relu", x=1.0, target=3.0).gradient(parameters)["w"]
    alive = proportion_interval((g != 0).any(axis=1))
    run.claim("001-g", "ReLU chain: draws with any gradient, 2⁻¹⁰", expected=2.0**-10, measured=alive)
    low, high = (float(binom.ppf(p, 20_000, 2.0**-10)) for p in (5e-5, 1 - 5e-5))
    counted = (20_000 * 2.0**-10, low, high)
    run.claim("001-g published", "27 of 20 000 draws, within chance", expected=27, measured=counted)


def leaky_gradients() -> tuple[Floats, Floats, float]:
    """Return |dC/dw| of 1000 seeds with the slope and with the slope lost, and dC/dw1 of seed 0 by differences."""
    leaky = activation("leaky_relu")
    lost = replace(leaky, name="slope lost", derivative=lambda h, out: out.fill(1.0))
    w = np.stack([np.random.RandomState(seed).randn(10) for seed in range(1000)])
    net, program = (PathChain(PATHS, BLOCKS, each, x=1.0, target=3.0) for each in (leaky, lost))
    h = 1e-6 * np.eye(10)[1]
    difference = abs(net.value(w[0] + h) - net.value(w[0] - h)) / 2e-6
    return np.abs(net.gradient(w)), np.abs(program.gradient(w)), float(difference)


def leaky_claims(run: Run) -> tuple[Floats, Floats]:
    """001-h and 001-i: a leaky ReLU that overwrites its input and records no slope; largest gradients of 1000 seeds.

    The order of the weights was searched for seed 0's two numbers, which therefore show that it exists, and no more.
    """
    right, program, difference = leaky_gradients()
    solved: dict[str, Any] = {"verdict": "artefact"}
    text = "the leaky net solves vanishing: its slope .01 was lost;"
    for name, what, expected, measured, tolerance in (
        (
            "seed 0 program",
            "seed 0, |dC/dw1| of the program (order of weights searched for it)",
            0.667,
            program[0, 1],
            5e-4,
        ),
        ("seed 0", "seed 0, |dC/dw1| with the slope (order of weights searched for it)", 1.196, right[0, 1], 5e-4),
        ("differences", "seed 0, the same by differences of C", right[0, 1], difference, 1e-8 * BLOCKS),
        ("median program", "median of the largest gradient, program", 0.15, median_interval(program.max(axis=1)), 5e-3),
        (
            "median",
            "median of the largest gradient, with the slope (published: 4e-26)",
            0.0,
            float(np.median(right.max(axis=1))),
            1e-20,
        ),
        (
            "tiny program",
            "share of seeds below 1e-6, program",
            0.22,
            proportion_interval(program.max(axis=1) < 1e-6),
            5e-3,
        ),
        (
            "tiny",
            "share of seeds below 1e-6, with the slope",
            0.83,
            proportion_interval(right.max(axis=1) < 1e-6),
            5e-3,
        ),
        ("seed 4", "seed 4, largest gradient with the slope (program: > .009)", 0.0, right[4].max(), 1e-20),
        ("seed 4 program", "seed 4, largest gradients above .009, program", 1.0, float(program[4].max() > 9e-3), 0.0),
    ):
        run.claim(
            f"001-h {name}", f"{text} {what}", expected=expected, measured=measured, tolerance=tolerance, **solved
        )
    unused = (
        '"some zeros remain because the net is too simple": w0 and w5 are used nowhere; weights whose gradient is 0'
    )
    zeros = int((program.max(axis=0) == 0).sum())
    run.claim("001-i", unused, expected=2, measured=zeros, verdict="refuted")
    return right.max(axis=1), program.max(axis=1)


def draw_depth(ax: Axes, table: pd.DataFrame) -> None:
    """Show dz/dw0 over the number of layers."""
    ax.plot(table.index, table["float64"], color=PALETTE["blue"], label="float64")
    single = table["float32"][table["float32"] > 0]
    ax.plot(single.index, single, "--", color=PALETTE["orange"], label="float32, then exactly 0")
    ax.axvline(47, color=PALETTE["vermillion"], linestyle=":")
    ax.text(49, 1e-20, "float32: 0 from\ndepth 47 on", color=PALETTE["vermillion"], va="top")
    ax.plot(table.index, table["float64"][3] * 0.105 ** (table.index - 3.0), ":", color="#666666", label=".105 a layer")
    ax.set(yscale="log", xlabel="layers of one sigmoid", ylabel="dz/dw₀ at w = b = .5")
    ax.set_title("A chain of sigmoids vanishes geometrically …")
    ax.legend(loc="upper right")


def draw_layers(ax: Axes, medians: Floats) -> None:
    """Show the median gradient of every weight of article 001's chain."""
    i = np.arange(10)
    ax.plot(i, medians, "o", color=PALETTE["blue"], label="median over random normal weights")
    ax.plot(i, medians[-1] * 0.127 ** (9.0 - i), color=PALETTE["black"], label=".127 a layer")
    ax.axhline(5e-7, color=PALETTE["vermillion"], linestyle=":")
    ax.text(9, 4e-7, "below this, six decimals print 0.000000", color=PALETTE["vermillion"], va="top", ha="right")
    ax.set(yscale="log", xlabel="weight wᵢ (0: next to the input)", ylabel="|dC/dwᵢ|", xticks=i)
    ax.set_title("… whatever its weights: eleven sigmoids")
    ax.legend(loc="upper left")


def draw_map(ax: Axes) -> None:
    """Show |dz/dw0| over w: with fixed biases, and with biases that hold the units at their centre."""
    w = np.geomspace(0.1, 200.0, 400)
    fixed, held = vary(w, np.full((3, len(w)), 0.5)), vary(w, np.stack([-2.0 * w, -w / 2.0, -w / 2.0]))
    ax.plot(w, np.maximum(fixed, 1e-18), color=PALETTE["blue"], label="b = .5: saturates")
    ax.plot(w, held, color=PALETTE["vermillion"], label="units held at their centre: w²/32")
    ax.axhline(1.0, color="#666666", linestyle=":")
    ax.axvline(4.0, color="#666666", linestyle=":")
    ax.text(14.0, 1e-8, "from |w| = 4 on\na layer can magnify", color="#444444")
    ax.set(xscale="log", yscale="log", xlabel="w of all three sigmoids", ylabel="|dz/dw₀|", ylim=(1e-18, 1e4))
    ax.set_title("Large weights alone explode nothing")
    ax.legend(loc="lower left")


def draw_windows(ax: Axes) -> None:
    """Show the factor of one layer, |w σ'(z)|, over w and the input's distance from the centre."""
    w, a = np.geomspace(0.5, 100.0, 300), np.linspace(-0.6, 0.6, 241)
    sigmoid = activation("sigmoid")
    factor = w * sigmoid.slope(sigmoid(w * a[:, None]))
    shown = np.clip(np.log10(np.maximum(factor, 1e-300)), -2.0, 2.0)
    mesh = ax.pcolormesh(w, a, shown, cmap="RdBu_r", vmin=-2.0, vmax=2.0, shading="nearest", rasterized=True)
    ax.contour(w, a, factor, levels=[1.0], colors="black", linewidths=1.2)
    ax.text(40, 0.4, "vanishes", color="white")
    ax.annotate(
        "magnifies: at most .4477\nwide, at |w| = 6.894", (7.5, 0.1), (0.55, 0.4), arrowprops={"arrowstyle": "-"}
    )
    ax.set(xscale="log", xlabel="|w|", ylabel="distance of the input from the centre")
    ax.set_title("A sigmoid magnifies in a narrow window")
    ax.grid(visible=False)
    bar = ax.figure.colorbar(mesh, ax=ax, ticks=[-2, -1, 0, 1, 2], label="factor of a layer |w σ'|")
    bar.ax.set_yticklabels(["≤ .01", ".1", "1", "10", "100"])


def draw_saturation(ax: Axes, table: pd.DataFrame) -> None:
    """Show the gradients of article 002's three weights over its 1000 steps."""
    for i, colour in enumerate(("blue", "green", "vermillion")):
        ax.plot(table.index + 2, table[f"dw{i}"].abs(), color=PALETTE[colour], label=f"|dw{i}|")
    ax.plot(table.index + 2, table["z"], "--", color=PALETTE["black"], label="output z")
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="gradient, output")
    ax.set_title("At the end all is small: the goal is reached")
    ax.legend(loc="lower left")


def draw_leaky(ax: Axes, right: Floats, program: Floats) -> None:
    """Show the largest gradient of the leaky net over 1000 seeds, as printed and as it is."""
    bins = np.linspace(-50.0, 15.0, 66).tolist()
    for values, name, colour in ((program, "as printed: slope lost", "orange"), (right, "with the slope .01", "blue")):
        shown = np.log10(np.maximum(values, 1e-50))
        ax.hist(shown, bins, histtype="step", linewidth=1.8, color=PALETTE[colour], label=name)
        ax.axvline(float(np.median(shown)), color=PALETTE[colour], linestyle=":")
    ax.set(xlabel="log₁₀ of the largest |dC/dw| (dotted: median)", ylabel="seeds of 1000")
    ax.set_title("The leaky ReLU's cure was a lost derivative")
    ax.legend(loc="upper left", frameon=True)
    ax.set_ylim(0, 95)


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    bowl_claims(run)
    single, double = trained(np.float32), trained(np.float64)
    table_claims(run, single, double)
    saturation_claims(run, double)
    depth = depth_claims(run)
    explosion_claims(run)
    product_claims(run)
    window_claims(run)
    p = draws(run, 20_000 if run.quick else 200_000)
    medians = chain_claims(run, p)
    relu_claims(run, p)
    right, program = leaky_claims(run)
    figure, axes = plt.subplots(2, 3, figsize=(17, 9.5))
    draw_depth(axes[0, 0], depth)
    draw_layers(axes[0, 1], medians)
    draw_saturation(axes[0, 2], double)
    draw_map(axes[1, 0])
    draw_windows(axes[1, 1])
    draw_leaky(axes[1, 2], right, program)
    run.say(
        "Each sigmoid multiplies the gradient by w σ' ≤ w/4: depth makes it vanish, and large weights saturate\n"
        "instead of exploding unless the units are held at their centre. The leaky ReLU's cure is a lost derivative."
    )
    run.table(double, "three_sigmoids")
    run.table(depth, "depth")
    run.figure(figure, "vanishing_gradients")


if __name__ == "__main__":
    raise SystemExit(study(main))

"""Which random weights can a deep net start from, and what does the rule 1/√n ensure?

Variances that belong to the activation: with 1/n a ReLU's mean square halves in each layer, and a sigmoid's gradient
keeps 0.235 of its norm; 2/n keeps both for ReLU, 1/n for linear units. And 1/√n ensures no |a| < 1: 8.3 % of units with
10 000 inputs from U(-1, 1) lie outside, 32 % for inputs of unit variance.

One unit under four laws of weights, beside the normal limit; then nets of 30 layers of 512 units, for initializers by
name or by g = n Var(w) and each activation: signals going forward and gradients going back, beside variance propagation
in the limit of infinite width. Takes 35 s (--quick: 16 s).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from optimlab.checks import POSITIVE, Range, choice, number
from optimlab.lab.frame import PALETTE, Knob, Run, mean_interval, proportion_interval, study
from optimlab.lab.nets import LayerChain, UnitChain, initializers
from optimlab.lab.theory import (
    backward_factors,
    forward_moments,
    outside_probability,
    preactivation_sd,
    truncated_variance,
)
from optimlab.typing import Floats

NAMES = [name for name in initializers.__all__ if name not in ("fans", "gain")]


def initializer(text: str) -> str:
    """Check the name of an initializer, or a number g."""
    try:
        return f"{number('g', float(text), POSITIVE):g}"
    except ValueError:
        return str(choice("initializers", text, NAMES, kind="a number g above 0, or one of"))


DEFAULTS = ("normal", "uniform", "truncated_normal", "lecun_normal", "he_normal", "glorot_uniform", "16", "103")
KNOBS = (
    Knob("initializers", DEFAULTS, "by name, or g = n Var(w) of normal weights", read=initializer),
    Knob("activation", ("linear", "relu", "leaky_relu", "tanh", "sigmoid"), "activations of the nets"),
    Knob("width", 512, "units of a layer"),
    Knob("depth", 30, "layers", Range("at least 2")),
    Knob("inputs", 10_000, "inputs n of the one unit"),
    Knob("replicas", 8, "nets of each kind", Range("at least 2"), quick=6),
    Knob("draws", 4000, "draws of the one unit", Range("at least 100"), quick=1600),
)
# What tests a sentence: initializer, activation, and the way of the signals.
ROWS = {
    ("lecun_normal", "relu", "forward"): "004-e",
    ("lecun_normal", "sigmoid", "back"): "004-e",
    ("16", "sigmoid", "back"): "004-e",
    ("103", "sigmoid", "back"): "004-e",
    ("lecun_normal", "relu", "back"): "003-l",
    ("normal", "linear", "back"): "003-l",
}
DRAWN = ("lecun_normal relu", "he_normal relu", "lecun_normal tanh", "lecun_normal sigmoid", "16 sigmoid")
LINEAR = ("linear", "relu", "leaky_relu")  # on either side of 0


def laws(n: int) -> dict[str, tuple[Any, Any, float]]:
    """Four laws of weights: a function that draws, the distribution, and the one pre-activation that is printed."""
    from scipy.stats import norm, truncnorm, uniform

    return {
        "U(-1, 1)": (initializers.uniform, uniform(-1, 2), 16.111),
        "N(0, 1)": (initializers.normal, norm(), -46.027),
        "truncated": (initializers.truncated_normal, truncnorm(-2, 2), -18.192),
        "N(0, 1/n)": (partial(initializers.normal, sd=n**-0.5), norm(0, n**-0.5), -0.490),
    }


def unit(run: Run, draw: Any, sd: float) -> pd.DataFrame:
    """Pre-activations of one unit, and what its weights look like, draw by draw."""
    n, parts = run.options.inputs, []
    for _ in run.progress(range(-(-run.options.draws // 100)), "draws of a unit"):
        w, x = draw((100, n), run.rng), initializers.uniform((100, n), run.rng)
        size = np.abs(w)
        columns = {"a": (w * x).sum(axis=1), "square": (w * w).mean(axis=1), "largest": size.max(axis=1)}
        columns |= {"near": (size < 0.05 * sd).mean(axis=1) / (0.1 * sd), "inside": (size < 0.025).mean(axis=1)}
        columns |= {"bar": np.array([np.histogram(row, 100, density=True)[0].max() for row in w])}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def units(run: Run) -> dict[str, pd.DataFrame]:
    """Set spread, share beyond ±1 and peak of the density beside theory, and what is printed of the four laws."""
    n, found, rows = run.options.inputs, {}, []
    for name, (draw, law, printed) in laws(n).items():
        table = found[name] = unit(run, draw, law.std())
        sd, peak = float(preactivation_sd(n, law.var())), float(law.pdf(0.0))
        outside, beyond = float(outside_probability(sd)), proportion_interval((table["a"].abs() > 1).to_numpy())
        rows.append((name, sd, root(table["a"] ** 2)[0], outside, beyond[0], peak, printed / sd))
        # Within ±0.05 sd of the peak the mean density is lower than the peak by at most 0.05²/6.
        run.claim_all(
            (f"{name} sd", f"{name}: sd of a unit, √(n Var(w)/3)", sd, root(table["a"] ** 2)),
            (f"{name} outside", f"{name}: P(|a| > 1)", outside if n >= 100 else np.nan, beyond, 1e-4),
            (f"{name} peak", f"{name}: density at 0", peak, mean_interval(table["near"]), 5e-4 * peak),
            (f"{name} printed", f"{name}: {printed} in sd", 0, printed / sd, 3.9, "004-a"),
        )
    run.table(pd.DataFrame(rows, columns=["law", "sd", "sd found", "outside", "outside found", "peak", "z"]), "units")
    shapes(run, found["truncated"], found["N(0, 1/n)"])
    return found


def root(squares: Any) -> tuple[float, float, float]:
    """Root of a mean square and of its interval."""
    mean, low, high = np.sqrt(np.maximum(mean_interval(squares), 0.0)).tolist()
    return mean, low, high


def shapes(run: Run, cut: pd.DataFrame, narrow: pd.DataFrame) -> None:
    """Settle what truncation does, what the narrow normal looks like, and what it ensures."""
    n, law = run.options.inputs, laws(run.options.inputs)["N(0, 1/n)"][1]
    z, whole = run.rng.standard_normal((100, n)), initializers.corrected_truncated_normal((100, n), run.rng)
    beyond, left = float(outside_probability(1.0, bound=2.0)), float(np.sqrt(truncated_variance()))
    redrawn, inside = mean_interval((np.abs(z) > 2.0).mean(axis=1)), 1 - 2 * law.cdf(-0.025)
    typical = law.ppf((1.0 + 0.5 ** (1.0 / n)) / 2.0)
    half, bars = (proportion_interval(hits.to_numpy()) for hits in (narrow["largest"] < typical, narrow["bar"] > 40))
    run.claim_all(
        ("redrawn", "beyond 2 sd, and drawn again", beyond, redrawn, 0, "004-b"),
        ("left", "sd of the truncated normal", left, root(cut["square"]), 0, "004-b"),
        ("cut", "draws with a weight beyond 2", 0, (cut["largest"] > 2).sum()),
        ("corrected", f"its sd, divided by {left:.5f}", 1, root((whole**2).mean(axis=1))),
        ("inside", "N(0, 1/n): share in ±0.025", inside, mean_interval(narrow["inside"]), 0, "004-c"),
        ("largest", f"N(0, 1/n): draws with all |w| < {typical:.4f}", 0.5, half),
        ("bars", "N(0, 1/n), peak 39.9: histograms that reach 40", 1, bars, 0.05, "004-c", "artefact"),
    )
    numbers = {"cut": 2.0, "left": left, "redrawn": beyond, "inside": inside, "largest": typical}
    numbers["largest in sd"] = typical / law.std()
    for inputs, scale in (("U(-1, 1)", 1.0), ("of unit variance", np.sqrt(3.0))):
        share, said = proportion_interval((scale * narrow["a"].abs() > 1.0).to_numpy()), f"|a| > 1, inputs {inputs}"
        numbers[said] = float(outside_probability(scale / np.sqrt(3.0)))
        run.claim_all((said, f"N(0, 1/n): share of {said}", numbers[said], share, 0, "004-d"))
    for w in (1.5, 0.5):
        y = UnitChain((0,) * 50, "linear", x=1.0).value({"w": np.array([w]), "b": np.zeros(1)})
        numbers[f"{w}^50"] = float(y)
        run.claim_all((f"chain {w}", f"50 linear units of w = {w}", w**50, y, 1e-9 * w**50, "004-f"))
    run.table(pd.DataFrame([numbers]), "shapes")


def variance(name: str, width: int) -> float:
    """g = n Var(w) of an initializer."""
    wide = {"normal": 1, "corrected_truncated_normal": 1, "uniform": 1 / 3, "truncated_normal": truncated_variance()}
    if name in wide:
        return float(width * wide[name])
    return float(name) if name not in NAMES else 2.0 if name.startswith("he_") else 1.0


def signals(run: Run, name: str, activations: Any, replicas: int) -> dict[str, tuple[Floats, Floats]]:
    """Mean squares going forward and norms of δ going back, (replicas, layers), by initializer and activation."""
    o, sd = run.options, np.sqrt(variance(name, run.options.width) / run.options.width)
    draw = getattr(initializers, name) if name in NAMES else partial(initializers.normal, sd=sd)
    found: dict[str, list[Any]] = {f"{name} {activation}": [] for activation in activations}
    for _ in run.progress(range(replicas), f"nets, {name}"):
        weights = [draw((o.width, o.width), run.rng) for _ in range(o.depth)]
        x, top = run.rng.standard_normal((2, 8, o.width))
        for activation, results in zip(activations, found.values(), strict=True):
            chain = LayerChain(activation, x)
            moments = [(a * a).mean() for a in chain.activations(weights)]
            results.append((moments, [np.linalg.norm(delta) for delta in chain.deltas(weights, top)]))
    return {pair: (np.array([m for m, _ in each]), np.array([d for _, d in each])) for pair, each in found.items()}


def factors(run: Run, pair: str, found: tuple[Floats, Floats]) -> list[dict[str, Any]]:
    """Geometric mean of the factor a layer, forward of the mean square and back of |δ|, beside infinite width."""
    (name, activation), (moments, norms), depth = pair.split(), found, run.options.depth
    g = variance(name, run.options.width)
    wide = forward_moments(activation, g, depth)[-1], backward_factors(activation, g, depth)[:-1]
    rows = []
    for way, logs, theory, digits in (
        ("forward", np.log(moments[:, 1:] / moments[:, :1]), wide[0] ** (1 / depth), 4.0),
        ("back", np.log(norms[:, -2::-1] / norms[:, -1:]), np.exp(np.log(wide[1]).mean()), 2.0),
    ):
        mean, low, high = np.exp(mean_interval(logs[:, -1] / logs.shape[1]))
        row = {"initializer": name, "activation": activation, "way": way, "factor": mean, "low": low, "high": high}
        row |= {"theory": float(theory), "log10 total": logs[:, -1].mean() / np.log(10)}
        row |= {"log10 after 10": logs[:, min(9, depth - 2)].mean() / np.log(10)}
        # Theory is of infinite width; the mean logarithm at width n is lower by some units of 1/n.
        rows.append(row | {"tolerance": digits * float(theory) / run.options.width})
    return rows


def nets(run: Run) -> tuple[dict[str, tuple[Floats, Floats]], pd.DataFrame]:
    """All pairs of initializer and activation: their signals, and claims of the factors a layer."""
    o = run.options
    found: dict[str, tuple[Floats, Floats]] = {}
    for name in o.initializers:
        found |= signals(run, name, o.activation, o.replicas)
    table = pd.DataFrame([row for pair, each in found.items() for row in factors(run, pair, each)])
    keys = list(zip(table["initializer"], table["activation"], table["way"], strict=True))
    run.table(table.drop(columns="tolerance"), "nets")
    table["row"] = [ROWS.get(key, "") for key in keys]
    # Infinite width is no theory for few units, nor for the many that saturate.
    wide = [o.width >= 64 and (each in LINEAR or variance(name, o.width) <= 128) for name, each, _ in keys]
    wide = np.isfinite(table["low"]) & np.array(wide)
    said = "{initializer}, {activation}: factor a layer {way}"
    about = {"expected": "theory", "measured": ("factor", "low", "high"), "tolerance": "tolerance", "row": "row"}
    run.claim_rows(table[wide], "{initializer} {activation} {way}", said, **about)
    return found, table


def called(name: str) -> str:
    """How figures call an initializer or an activation."""
    return f"g = {name}" if name[0].isdigit() else name.replace("_", " ")


def draw_weights(figure: SubFigure, run: Run) -> None:
    """Show a histogram of each law's weights, as it is drawn, with its density."""
    n = run.options.inputs
    for ax, (name, (draw, law, _)) in zip(figure.subplots(2, 2).flat, laws(n).items(), strict=True):
        w = draw((n,), run.rng)
        fine = np.linspace(1.1 * w.min(), 1.1 * w.max(), 801)
        ax.hist(w, 100, density=True, color=PALETTE["sky"])
        ax.plot(fine, law.pdf(fine), color=PALETTE["vermillion"], linewidth=1.2)
        ax.set_title(f"{name}: sd {law.std():.3g}", fontsize=10)
        ax.tick_params(labelsize=8)
    figure.suptitle(f"Histograms of {n} weights (line: density)", x=0.02, ha="left", fontsize=12)


def draw_units(ax: Axes, run: Run, tables: dict[str, pd.DataFrame]) -> None:
    """Show the distribution of |a| for the four, beside the normal limit."""
    b = np.geomspace(0.02, 300.0, 300)
    for (name, (_, law, _)), colour in zip(laws(run.options.inputs).items(), PALETTE.values(), strict=False):
        a, sd = np.sort(np.abs(tables[name]["a"])), preactivation_sd(run.options.inputs, law.var())
        ax.plot(b, outside_probability(sd, bound=b), color=colour, label=f"{name}: sd {sd:.3g}")
        dots = np.linspace(0.04 * len(a), len(a) - 1, 20).astype(int)
        ax.plot(a[dots], 1.0 - (dots + 0.5) / len(a), "o", color=colour, markersize=4)
    ax.axvline(1.0, color="#666666", linestyle=":")
    ax.set(xscale="log", xlabel="b (line: normal limit, dots: measured)", ylabel="P(|a| > b)")
    ax.set_title(f"1/√n makes |a| < 1 likely, not sure ({run.options.inputs} inputs)")
    ax.legend(loc="lower left")


def draw_pairs(ax: Axes, run: Run, grid: pd.DataFrame) -> None:
    """Show the factor a layer for every initializer and activation."""
    values = grid.to_numpy()
    ax.imshow(np.log10(values), cmap="RdBu_r", vmin=-1.3, vmax=1.3, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        colour = "white" if abs(np.log10(value)) > 0.8 else "black"
        ax.text(j, i, f"{value:.3g}", ha="center", va="center", color=colour, fontsize=10)
    ax.set_xticks(range(grid.shape[1]), map(called, grid.columns))
    ax.set_yticks(range(grid.shape[0]), map(called, grid.index))
    ax.grid(visible=False)
    ax.set_title(f"Factor of |δ| a layer: 1 is right ({run.options.width} units)")


def draw_layers(ax: Axes, run: Run, found: dict[str, tuple[Floats, Floats]], back: bool) -> None:
    """Show mean squares forward, or norms of δ backward, over the layers."""
    depth, layers = run.options.depth, np.arange(run.options.depth + 1)
    shown = [pair for pair in DRAWN if pair in found] or list(found)[:5]
    for pair, colour in zip(shown, PALETTE.values(), strict=False):
        name, activation = pair.split()
        g = variance(name, run.options.width)
        if back:
            line = np.cumprod(np.append(1.0, backward_factors(activation, g, depth)[-2::-1]))[::-1]
            dots = np.median(found[pair][1] / found[pair][1][:, -1:], axis=0)
        else:
            line, dots = forward_moments(activation, g, depth), np.median(found[pair][0], axis=0)
        x, every = layers[back:], max(1, depth // 10)
        ax.plot(x, line, color=colour, label=f"{called(name)}, {called(activation)}")
        ax.plot(x[::every], dots[::every], "o", color=colour, markersize=4)
    ax.set(yscale="log", xlabel="layer (line: theory, dots: measured)")
    ax.set_ylabel(f"|δ| over that of layer {depth}" if back else "mean square of the activations")
    ax.set_title("Gradients going back" if back else "Signals going forward")
    ax.legend()


def draw_spread(ax: Axes, run: Run, found: dict[str, tuple[Floats, Floats]]) -> None:
    """Show that one run of a deep net scatters, although its mean is kept."""
    pair = "he_normal relu" if "he_normal relu" in found else next(iter(found))
    moments = found[pair][0]
    ax.plot(moments.T, color=PALETTE["sky"], linewidth=0.9)
    ax.plot(moments.mean(axis=0), color=PALETTE["blue"], linewidth=2.4, label=f"mean of {len(moments)} nets")
    theory = forward_moments(pair.split()[1], variance(pair.split()[0], run.options.width), run.options.depth)
    ax.plot(theory, ":", color="black", label="theory")
    ax.set(xlabel="layer", ylabel="mean square of the activations")
    ax.set_title(f"{', '.join(map(called, pair.split()))}: single nets scatter")
    ax.legend(loc="upper left")


def answer(run: Run, grid: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> None:
    """Say which initializer keeps the gradient of which activation."""
    best = {name: int(np.nanargmin(np.abs(np.log(column.to_numpy())))) for name, column in grid.items()}
    words = ", ".join(f"{name} {grid.index[i]} ({grid[name].iloc[i]:.3g})" for name, i in best.items())
    outside = (tables["N(0, 1/n)"]["a"].abs() > 1).mean()
    text = f"Closest to keeping |δ| from layer to layer: {words}. Var w = 1/n does not ensure |a| < 1: {outside:.1%}"
    text += f" of units with {run.options.inputs} inputs lie outside."
    run.answer(text, grid.rename_axis("factor back").reset_index())


def main(run: Run) -> None:
    """Run the study."""
    with np.errstate(all="ignore"):  # deep nets under- and overflow
        tables = units(run)
        found, table = nets(run)
        grid = table[table["way"] == "back"].pivot_table("factor", "initializer", "activation", sort=False)
        answer(run, grid, tables)
        run.draw(
            (lambda figure: draw_weights(figure, run), "figure"),
            lambda ax: draw_units(ax, run, tables),
            lambda ax: draw_pairs(ax, run, grid),
            lambda ax: draw_layers(ax, run, found, back=False),
            lambda ax: draw_layers(ax, run, found, back=True),
            lambda ax: draw_spread(ax, run, found),
            columns=3,
        )


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

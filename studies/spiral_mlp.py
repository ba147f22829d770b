"""Why does a ReLU net learn a spiral so much faster than a sigmoid net, and do its gradients say so?

With SGD at lr 0.1 the sigmoid net has 95 % of 300 points right after 29624 steps, the ReLU net after 1175. At the start
each sigmoid layer passes on a sixth of the signal δ, each ReLU layer a half. With Adam the sigmoid net needs 228 steps.

Two nets 2-50-50-3 classify three arms of a spiral, as in a tutorial, bit for bit (legacy stream, full batches, weight
decay). Its measure of gradients, sum |dW| / (rows + columns), is set beside the mean of |dW| and the norms of
δ = dL/dz, other seeds beside the published one, other rules beside SGD. Takes 115 s (--quick: 16 s).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from optimlab import Every, FirstPassage, History, Optimizer, Rule, descend, sgd
from optimlab.checks import NOT_NEGATIVE, POSITIVE, choice
from optimlab.lab.frame import Knob, Run, each_rule, rules_knob, side_by_side, study, tick
from optimlab.lab.nets import MLP, Layers, TrainingLoss, activation
from optimlab.lab.nets.activations import ACTIVATIONS
from optimlab.lab.problems import published_spiral
from optimlab.typing import Array

RATES = {"SGD": 1.0, "EMA momentum": 1.0, "RMSprop": 0.01, "Adam": 0.01}
KNOBS = (
    Knob("activations", ("sigmoid", "relu"), "activations of the hidden layers",
         read=lambda text: choice("activation", text, sorted(ACTIVATIONS))),
    Knob("hidden", 50, "units of each of the two hidden layers"),
    Knob("noise", 0.2, "standard deviation of the data's angle, radians", NOT_NEGATIVE),
    Knob("l2", 1e-3, "weight decay λ", NOT_NEGATIVE),
    Knob("lr", 0.1, "learning rate of the long descents by SGD", POSITIVE),
    Knob("steps", 50_000, "their steps", quick=2500),
    Knob("seeds", 10, "data sets and starts", quick=3),
    rules_knob("sgd, momentum, rmsprop, adam", "update rules of the short descents, with commas between"),
    Knob("rates", tuple(RATES.values()), "learning rate of each rule, or one for all", POSITIVE),
    Knob("multiples", (0.3, 1.0, 3.0), "multiples of it that are tried", POSITIVE),
    Knob("short", 3000, "steps of the short descents, over at most three seeds", quick=700),
)  # fmt: skip
PUBLISHED = 50_000  # steps
PANELS = {  # by place in the record
    2: ("sum of |dW| / (rows + columns)", "As the tutorial measures it, layer 2 is lifted"),
    1: ("mean of |dW|", "The mean over the weights"),
    0: ("norm of δ / norm of the next layer's δ", "Where this is below 1 the signal fades backwards"),
}
CEILING = 298 / 300  # all three arms begin at the origin
EVERY = 10
COLOURS = ("#882255", "#332288", "#999933", "#8C510A", "#7F7F7F", "#000000")
CLASSES = ListedColormap(["#E69F00", "#56B4E9", "#009E73"])


@dataclass(frozen=True)
class Job:
    """One training: a replica for each learning rate and seed; it stops once each has had the accuracy `until`."""

    activation: str
    rule: Rule
    lr: tuple[float, ...]
    seeds: int
    steps: int
    dtype: str = "float32"
    until: float = CEILING
    hidden: int = 50
    noise: float = 0.2
    l2: float = 1e-3

    @property
    def net(self) -> MLP:
        """The net."""
        return MLP((2, self.hidden, self.hidden, 3), self.activation)


class Trained(NamedTuple):
    """What a training leaves; `first` has the steps to 90 % and 95 %, shape (2, rates, seeds)."""

    way: History
    first: Array
    accuracy: Array
    end: Layers


def problem_of(job: Job) -> tuple[TrainingLoss, Array]:
    """Return the loss, and the weights to start from: the sigmoid net has its own."""
    net, kind = job.net, "sigmoid" if job.activation == "sigmoid" else "relu"
    made = [published_spiral(seed, hidden=job.hidden, noise=job.noise) for seed in range(job.seeds)] * len(job.lr)
    X, y = (np.stack([one.samples[i] for one in made]) for i in (0, 1))
    w = np.stack([net.flat(getattr(one, kind)) for one in made])
    return TrainingLoss(net, (X.astype(job.dtype), y), l2=job.l2), w.astype(job.dtype)


def train(job: Job) -> Trained:
    """Descend; look at accuracies at each step, at the layers at each tenth."""
    problem, w = problem_of(job)
    labels = problem.samples[1].argmax(axis=-1)

    def right(_: Array) -> Array:
        return np.asarray((problem.outputs.argmax(axis=-1) == labels).mean(axis=-1))

    def layers(w: Array) -> Array:
        report, dW = problem.layers(w), job.net.views(problem.data_gradient)
        sums = [np.abs(dW[name]).sum(axis=(1, 2)) / sum(dW[name].shape[1:]) for name in job.net.names[::2]]
        fades = report.delta[:, :-1] / report.delta[:, 1:]
        return np.stack([fades, report.gradient_per_entry[:, :2], np.stack(sums[:2], axis=1)])

    passages = [FirstPassage(right, level) for level in (0.9, 0.95, job.until)]

    def arrived(now: Any) -> bool:
        if now.step % EVERY == 0:
            tick()
        return [passage(now) for passage in passages][-1]

    optimizer = Optimizer(job.rule, np.repeat(job.lr, job.seeds), replicas=len(w))
    record = Every(EVERY, right=right, layers=layers)
    way = descend(problem, optimizer, job.steps, start=w, record=record, stop=arrived, progress=False)
    first = np.reshape([np.broadcast_to(each.steps, len(w)) for each in passages[:2]], (2, len(job.lr), job.seeds))
    return Trained(way, first, problem.accuracy(way.w), problem.layers(way.w))


def jobs_of(run: Run) -> dict[tuple[str, str], Job]:
    """Return the trainings by net and kind, "seeds", "long", or the label of a rule: the longest first."""
    o, jobs = run.options, dict[tuple[str, str], Job]()
    rates = each_rule(o.rules, o.rates, RATES, name="rates")
    make = partial(Job, hidden=o.hidden, noise=o.noise, l2=o.l2)
    nets = {title(name): name for name in o.activations}
    jobs |= {(name, "seeds"): make(net, sgd(), (o.lr,), o.seeds, o.steps) for name, net in nets.items()}
    jobs |= {(name, "long"): make(net, sgd(), (o.lr,), 1, o.steps, "float64", 2.0) for name, net in nets.items()}
    for label, rule in o.rules.items():
        lr = tuple(rates[label] * multiple for multiple in o.multiples)
        jobs |= {(name, label): make(net, rule, lr, min(o.seeds, 3), o.short) for name, net in nets.items()}
    return jobs


def title(name: str) -> str:
    """Return how an activation is called."""
    return {"relu": "ReLU", "leaky_relu": "leaky ReLU"}.get(name, name)


def layer_table(jobs: Mapping[Any, Job], found: Mapping[Any, Trained]) -> pd.DataFrame:
    """What the long descents came to, a line for each net and its layers 1 and 2."""
    rows: list[dict[str, Any]] = []
    for (name, kind), job in jobs.items():
        here, f = found[name, kind], activation(job.activation)
        fades, mean, sums = here.way["layers"][:, :, 0].swapaxes(0, 1)
        mean_W = [np.abs(W).mean() for W in job.net.views(here.way.w).values()][::2]
        for k in (0, 1) if kind == "long" else ():
            n, m = job.net.sizes[k : k + 2]
            row = {"net": name, "layer": k + 1, "loss": here.way["value"][-1, 0], "accuracy": here.accuracy[0]}
            row |= {"to 90 %": here.first[0, 0, 0], "to 95 %": here.first[1, 0, 0]}
            row |= {"lift": n * m / (n + m), "mean start": mean[0, k], "mean end": mean[-1, k], "mean W": mean_W[k]}
            row |= {"sum start": sums[0, k], "sum 100": sums[: 100 // EVERY + 1, k][-1], "sum end": sums[-1, k]}
            row |= {"sum peak": sums[:, k].max(), "peak": EVERY * int(sums[:, k].argmax())}
            row |= {f"δ {end}": fades[i, k] for end, i in (("start", 0), ("end", -1))}
            row |= {"δ theory": 0.1 * np.sqrt(m * (f.slope(f([-1e-3, 1e-3])) ** 2).mean())}
            rows.append(row | {"dW / W": (here.end.gradient / here.end.weight)[0, k], "slope": here.end.slope[0, k]})
    return pd.DataFrame(rows)


def second_over_first(table: pd.DataFrame) -> pd.DataFrame:
    """The numbers of layer 2 over those of layer 1, a line a net."""
    one, two = (table[table["layer"] == k].set_index("net") for k in (1, 2))
    return (two / one).reset_index()


def rule_table(run: Run, jobs: Mapping[Any, Job], found: Mapping[Any, Trained]) -> pd.DataFrame:
    """Steps to 95 % of each rule and learning rate, over the seeds."""
    rows = []
    for (name, label), job in jobs.items():
        here = found[name, label]
        accuracy = np.reshape(here.accuracy, here.first[1].shape)
        for lr, steps, ends in zip(job.lr, here.first[1], accuracy, strict=True):
            rows.append((name, label, lr, np.median(steps), steps.min(), steps.max(), np.median(ends)))
    table = pd.DataFrame(rows, columns=["net", "rule", "lr", "steps", "low", "high", "accuracy"])
    return table[table["rule"].isin(list(run.options.rules))]


def best_rates(table: pd.DataFrame) -> pd.DataFrame:
    """The line of each net's and rule's best learning rate."""
    return table.loc[table.groupby(["net", "rule"], sort=False)["steps"].idxmin()]


def claim_start(run: Run, table: pd.DataFrame) -> None:
    """What holds of the data, of the measures, and of the first steps."""
    distinct = len(np.unique(published_spiral().samples.X, axis=0))
    steep = activation("sigmoid").slope(activation("sigmoid")(np.linspace(-20, 20, 4001))).max()
    said = "the score is the ceiling of any classifier, as points of all three classes coincide"
    run.claim_all(("ceiling", said, CEILING, distinct / 300, 0, "000-d"))
    run.claim_all(("σ'", "largest slope of the sigmoid", 0.25, steep, 0, "000-k"))
    said = "{net}: sum |dW| / (rows + columns) lifts layer 2 over layer 1, beside the mean of |dW|, by a factor of"
    quoted: dict[str, Any] = {} if run.turned else {"row": "000-g", "verdict": "artefact"}
    pairs = second_over_first(table)
    pairs["lifted"] = pairs["sum start"] / pairs["mean start"]
    run.claim_rows(pairs, "lift {net}", said, expected="lift", measured="lifted", tolerance=1e-6, **quoted)
    said = "{net}, layer {layer}: norm of δ over the next layer's at the start, √(n Var W E f'²)"
    about: dict[str, Any] = {"measured": "δ start", "tolerance": 0.045, "row": "000-i"}
    run.claim_rows(table, "δ {net} {layer}", said, expected="δ theory", **about)
    wide = table.pivot_table(["sum start", "sum 100"], "layer", "net", sort=False)
    for layer, step, verdict in ((1, "start", "reproduced"), (2, "start", "refuted"), (2, "100", "reproduced")):
        sigmoid, relu = wide[f"sum {step}"].loc[layer].to_numpy()[[0, -1]]
        said = f"layer {layer}, step {step}: ReLU's gradient, by the sums, is larger than the sigmoid's (1: yes)"
        run.claim_all((f"larger {layer} {step}", said, verdict != "refuted", relu > sigmoid, 0, "000-j", verdict))


def claim_end(run: Run, table: pd.DataFrame, rules: pd.DataFrame, found: Mapping[Any, Trained]) -> None:
    """What holds of the published set-up once the nets are at rest, where dL/dW = -λ W."""
    first, sigmoid = table[table["layer"] == 1], table[table["net"] == "sigmoid"]
    ends = first.assign(row=["000-a", "000-b"], said=[0.97, 0.9933333333333333])
    run.claim_rows(ends, "{net}", "{net}: accuracy", expected="said", measured="accuracy", row="row")
    said = "{net}, layer {layer}: ‖dW‖ / ‖W‖ at the end is λ, the pull of weight decay"
    about: dict[str, Any] = {"measured": "dW / W", "tolerance": 1.5e-4, "row": "000-h"}
    run.claim_rows(table, "rest {net} {layer}", said, expected=run.options.l2, **about)
    said = "{net}, layer {layer}: at the end, too, the norm of δ is below the next layer's (1: yes)"
    about = {"measured": "fades", "row": "000-i", "verdict": "refuted"}
    run.claim_rows(table.assign(fades=(table["δ end"] < 1.0) * 1.0), "δ end {net} {layer}", said, expected=0.0, **about)
    said = "sigmoid, layer {layer}: mean slope at the end, of at most 0.25"
    run.claim_rows(sigmoid, "slope {layer}", said, expected=0.25, measured="slope", tolerance=0.05, row="000-l")
    last = second_over_first(sigmoid).iloc[0]
    said = "sigmoid, layer 2 over layer 1 at the end, where dW is -λ W: "
    means, sums = f"{said}mean of |dW|, beside mean |W|", f"{said}sum |dW| / (rows + columns)"
    run.claim_all(
        ("by mean", means, last["mean W"], last["mean end"], 0.02, "000-g"),
        ("by sums", sums, last["mean W"] * last["lift"], last["sum end"], 0.2, "000-f"),
    )
    best = {"sigmoid": found["sigmoid", "seeds"].accuracy, "ReLU": found["ReLU", "seeds"].way["right"].max(axis=0)}
    for (name, reached), seeds in zip((("sigmoid", 0.97), ("ReLU", CEILING)), best.values(), strict=True):
        interval = seeds.mean(), seeds.min(), seeds.max()
        run.claim_all((f"seeds {name}", f"{name}: accuracy over the seeds, with range", reached, interval, 0, "000-c"))
    tuned = best_rates(rules[rules["rule"] == "SGD"]).set_index("net")["steps"]
    for name, steps in (("at one lr", first.set_index("net")["to 95 %"]), ("each at its best lr", tuned)):
        said = f"SGD, {name}: ReLU is ten times as fast to 95 % (1: yes)"
        run.claim_all((f"speed {name}", said, 1, steps["sigmoid"] > 10 * steps["ReLU"], 0, "000-e"))


def draw_plane(ax: Axes, run: Run, says: str, mesh: tuple[Array, Array, Array] | None = None) -> None:
    """The data of the first seed, over what a net decides."""
    X, y = published_spiral(noise=run.options.noise).samples
    if mesh is not None:
        ax.pcolormesh(*mesh, cmap=CLASSES, alpha=0.4, vmin=0, vmax=2, rasterized=True)
    for k, name in enumerate(("first arm", "second arm", "third arm")):
        ax.plot(*X[y == k].T, "o", color=CLASSES(k), markeredgecolor="black", markeredgewidth=0.4, ms=4.5, label=name)
    ax.set(xlabel="x₁", ylabel="x₂", aspect="equal", title=says)
    ax.locator_params(nbins=5)
    ax.grid(visible=False)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def draw_activations(ax: Axes, run: Run) -> None:
    """The functions and their slopes."""
    z = np.linspace(-3, 3, 601)
    for name, colour in zip(run.options.activations, COLOURS, strict=False):
        f = activation(name)
        ax.plot(z, f(z), color=colour, label=title(name))
        ax.plot(z, f.slope(f(z)), "--", color=colour, label=f"its slope, at most {f.slope(f(z)).max():.3g}")
    ax.set(xlabel="z", ylabel="f(z), f'(z)", title="Each layer multiplies the signal by the slope")
    ax.legend(loc="upper left")


def draw_accuracy(ax: Axes, run: Run, found: Mapping[Any, Trained]) -> None:
    """Accuracy over the steps, with the range over the seeds."""
    for name, colour in zip(map(title, run.options.activations), COLOURS, strict=False):
        seeds, way = found[name, "seeds"].way, found[name, "long"].way
        low, high = seeds["right"].min(axis=1), seeds["right"].max(axis=1)
        ax.fill_between(np.maximum(seeds["step"], 1), low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(np.maximum(way["step"], 1), way["right"][:, 0], color=colour, label=name)
    ax.axhline(CEILING, color="#777777", linestyle=":", label="all that can be right, 298 of 300")
    ax.set(xscale="log", xlabel="step", ylabel=f"accuracy (band: range of {run.options.seeds} seeds)", ylim=(0.2, 1.02))
    ax.set_title(f"SGD at lr {run.options.lr:g}")
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, 0.94))


def draw_layers(ax: Axes, ways: Mapping[str, Array], says: tuple[str, str]) -> None:
    """A quantity of layers 1 and 2 over the steps."""
    for (name, curve), colour in zip(ways.items(), COLOURS, strict=False):
        steps = np.maximum(EVERY * np.arange(len(curve)), 1)
        for k, dash in ((0, "-"), (1, "--")):
            ax.plot(steps, curve[:, k], dash, color=colour, label=f"{name}, layer {k + 1}")
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel=says[0], title=says[1])
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.25)
    ax.legend(loc="upper right", ncols=2)


def decisions(job: Job, found: Trained) -> tuple[Array, Array, Array]:
    """Return a mesh over the data's range, and the class that the net decides for there."""
    problem, _ = problem_of(job)
    X = problem.samples[0][0]
    x, y = np.meshgrid(*np.linspace(X.min(axis=0) - 0.05, X.max(axis=0) + 0.05, 300).T)
    outputs = problem.predict(found.way.w, np.stack([x.ravel(), y.ravel()], axis=-1))
    return x, y, outputs[0].argmax(axis=-1).reshape(x.shape)


def draw_rules(ax: Axes, run: Run, best: pd.DataFrame) -> None:
    """Steps to 95 % of each rule at its best learning rate."""
    names, last = list(run.options.rules), run.options.short
    for shift, (name, colour) in enumerate(zip(run.options.activations, COLOURS, strict=False)):
        rows = best[best["net"] == title(name)]
        place, ends = np.arange(len(rows)) + 0.2 * shift, rows[["low", "steps", "high"]].clip(upper=last).to_numpy().T
        ax.errorbar(ends[1], place, xerr=np.diff(ends, axis=0), fmt="o", color=colour, capsize=3, label=title(name))
        for x, y, lr, steps in zip(ends[1], place, rows["lr"], rows["steps"], strict=True):
            text = f"lr {lr:g}" if np.isfinite(steps) else f"not in {last} steps"
            ax.annotate(text, (x, y), (0, 5), textcoords="offset points", ha="center", fontsize=9)
    ax.set_yticks(range(len(names)), names)
    ax.set(xscale="log", xlabel="steps to 95 % right (median and range of seeds)", ylim=(len(names) - 0.3, -0.7))
    ax.set_xlim(right=2.5 * last)
    ax.set_title("The rules, each at its best lr")
    ax.legend(loc="upper left")


def answer(run: Run, table: pd.DataFrame, best: pd.DataFrame) -> None:
    """Say how fast the nets are, and what the two measures of the gradient say."""
    first, pairs = table[table["layer"] == 1], second_over_first(table).iloc[0]
    fastest = best.loc[best.groupby("net", sort=False)["steps"].idxmin()]
    steps = ", ".join(f"{row['net']} {row['to 95 %']:.0f}" for _, row in first.iterrows())
    rules = "; ".join(f"{row.net} {row.rule} at lr {row.lr:g}, {row.steps:.0f}" for row in fastest.itertuples())
    run.answer(
        f"Steps of SGD at lr {run.options.lr:g} to 95 % right: {steps} (inf: not in {run.options.steps}). The fastest "
        f"rules: {rules}. At the end layer 2 of {pairs['net']} has {pairs['sum end']:.3g} times the gradient of "
        f"layer 1 by sum |dW| / (rows + columns), and {pairs['mean end']:.3g} times by the mean of |dW|.",
        first[["net", "to 90 %", "to 95 %", "accuracy", "δ start", "δ end"]].set_axis(
            ["SGD", "steps to 90 %", "to 95 %", "accuracy", "δ₁/δ₂ at the start", "at the end"], axis=1
        ),
    )


def main(run: Run) -> None:
    """Run the study."""
    jobs = jobs_of(run)
    ticks = sum(-(-job.steps // EVERY) for job in jobs.values())
    done = side_by_side(run, train, list(jobs.values()), ticks=ticks, description=f"{EVERY} steps")
    found = dict(zip(jobs, done, strict=True))
    table, rules = layer_table(jobs, found), rule_table(run, jobs, found)
    best = best_rates(rules)
    names = [title(name) for name in run.options.activations]
    meshes = {name: decisions(jobs[name, "long"], found[name, "long"]) for name in names}
    answer(run, table, best)
    run.table(table, "nets")
    run.table(rules, "optimizers")
    claim_start(run, table)
    for name, mesh in meshes.items():
        said = f"{name}: classes on the map of decisions"
        run.claim_all((f"map {name}", said, 3, len(np.unique(mesh[2])), 0, "000-m"))
    if run.options.steps == PUBLISHED and not run.turned:
        claim_end(run, table, rules, found)
    run.draw(
        partial(draw_plane, run=run, says="Three arms of 100 points, all from (0, 0)"),
        partial(draw_activations, run=run),
        partial(draw_accuracy, run=run, found=found),
        *(partial(draw_layers, ways={name: found[name, "long"].way["layers"][:, k, 0] for name in names}, says=says)
          for k, says in PANELS.items()),
        *(partial(draw_plane, run=run, says=f"{name}: {found[name, 'long'].accuracy[0]:.4f} right", mesh=mesh)
          for name, mesh in meshes.items()),
        partial(draw_rules, run=run, best=best),
        columns=3,
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(study(main, KNOBS))

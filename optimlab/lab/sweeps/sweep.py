"""Which rule is fastest, at which learning rate, on which problem? python -m optimlab sweep spec.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optimlab.lab.sweeps.plan import DEFAULT, Plan
from optimlab.lab.sweeps.running import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sweep"]


def sweep(
    problems: Any,
    rules: Any,
    *,
    lr: Any = DEFAULT,
    seeds: Any = 5,
    steps: int = 1000,
    store: Any = None,
    executor: Any = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Run rules over problems at several learning rates and seeds; return a row for each run.

    The starts and the noise of a seed are the same for every rule and every learning rate. A run that diverges is a
    row, with ``final`` inf. Where the best learning rate of a rule, by ``settled``, is the least or the largest, the
    grid of all rules on that problem is extended by one, as often as it allows.

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
    >>> frame = sweep("bowl", "sgd, heavy_ball", lr=[0.02, 0.1, 0.5], seeds=2, steps=300)
    >>> frame.loc[frame["seed"] == 0, ["rule", "lr", "settled"]]
              rule    lr  settled
    0          SGD  0.02    174.0
    
    """
    plan = Plan.of(problems, rules, lr=lr, seeds=seeds, steps=steps)
    return frame_of(plan, store=store, executor=executor, progress=progress)

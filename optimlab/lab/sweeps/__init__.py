"""Sweeps: every rule over every problem at every learning rate and seed, fair in a sense that is said.

Examples
--------
>>> frame = sweep("rosenbrock", "sgd, heavy_ball", lr=[1e-4, 1e-3, 1e-2], seeds=4, steps=500)
>>> best(frame, by="final")["lr"].tolist()
[0.001, 0.001]
"""

from optimlab.lab.sweeps.fairness import best, same, tuned
from optimlab.lab.sweeps.grid import Grid, gains, matched
from optimlab.lab.sweeps.nets import OnNet
from optimlab.lab.sweeps.plan import BorderWarning, Plan
from optimlab.lab.sweeps.problems import OnSurface, SweepProblem
from optimlab.lab.sweeps.reading import problem, problems
from optimlab.lab.sweeps.store import Store
from optimlab.lab.sweeps.sweep import sweep
from optimlab.lab.sweeps.task import Task

__all__ = [
    "BorderWarning", "Grid", "OnNet", "OnSurface", "Plan", "Store", "SweepProblem", "Task", "best", "gains", "matched",
    "problem", "problems", "same", "sweep", "tuned",
]  # fmt: skip

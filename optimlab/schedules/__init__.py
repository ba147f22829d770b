"""Schedules: pure functions of the update's index k = 0, 1, 2, ..., for the learning rate or any hyperparameter."""

from typing import TYPE_CHECKING

from optimlab.lazy import lazily

if TYPE_CHECKING:
    from optimlab.schedules.cycles import cosine_restarts, cyclic, linear_one_cycle, one_cycle
    from optimlab.schedules.decay import (
        cosine_decay,
        exponential_decay,
        inverse_time_decay,
        linear,
        polynomial_decay,
        staircase,
        step_decay,
    )
    from optimlab.schedules.joined import join, piecewise, warm_up
    from optimlab.schedules.schedule import Schedule, constant

__all__ = [
    "Schedule",
    "constant",
    "cosine_decay",
    "cosine_restarts",
    "cyclic",
    "exponential_decay",
    "inverse_time_decay",
    "join",
    "linear",
    "linear_one_cycle",
    "one_cycle",
    "piecewise",
    "polynomial_decay",
    "staircase",
    "step_decay",
    "warm_up",
]

__getattr__ = lazily(__name__, __all__, ("schedule", "decay", "joined", "cycles"))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

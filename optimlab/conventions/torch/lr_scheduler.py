"""torch.optim.lr_scheduler by its names: functions of k for ``lr``, in which the base rate stands for the optimizer.

k counts calls of ``scheduler.step()``, from 0. ``ReduceLROnPlateau`` is a hook. Cycles leave the momentum alone, which
torch's move by default. Not here: ``MultiplicativeLR``, and ``ChainedScheduler``, a product of schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optimlab.checks import Range, choice, number, numbers, whole
from optimlab.conventions.spelling import spelled
from optimlab.hooks.rates import Plateau
from optimlab.schedules.cycles import cosine_restarts, cosine_wave, cyclic
from optimlab.schedules.decay import cosine_decay, exponential_decay, linear, polynomial_decay, step_decay
from optimlab.schedules.joined import join, piecewise
from optimlab.schedules.schedule import Schedule, constant, product

__all__ = [
    "SWALR",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]  # fmt: skip


@spelled("torch")
def StepLR(lr: float, step_size: int, gamma: float = 0.1) -> Schedule:
    """s(k) = lr γ^floor(k/step_size).

    Examples
    --------
    >>> [round(StepLR(1.0, 3)(k), 3) for k in (2, 3, 6)]
    [1.0, 0.1, 0.01]
    """
    return step_decay(lr, gamma, steps=step_size)


@spelled("torch")
def MultiStepLR(lr: float, milestones: Sequence[int], gamma: float = 0.1) -> Schedule:
    """s(k) = lr γⁿ, n the number of milestones up to k; a milestone may stand twice.

    Examples
    --------
    >>> [MultiStepLR(1.0, [2, 3], 0.5)(k) for k in (1, 2, 3)]
    [1.0, 0.5, 0.25]
    """
    at = sorted(set(numbers("milestones", milestones, Range("whole numbers of at least 1")).ravel().tolist()))
    return (
        piecewise([lr, *[lr * gamma ** sum(m <= each for m in milestones) for each in at]], at=at)
        if at
        else constant(lr)
    )


@spelled("torch")
def ConstantLR(lr: float, factor: float = 1.0 / 3, total_iters: int = 5) -> Schedule:
    """s(k) = factor lr for k < total_iters, then lr.

    Examples
    --------
    >>> [ConstantLR(1.0, 0.5, 2)(k) for k in (1, 2)]
    [0.5, 1.0]
    """
    return piecewise([lr * factor, lr], at=[total_iters])


@spelled("torch")
def LinearLR(lr: float, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5) -> Schedule:
    """From start_factor lr to end_factor lr in a straight line."""
    return linear(lr * start_factor, steps=total_iters, final=lr * end_factor)


@spelled("torch")
def ExponentialLR(lr: float, gamma: float) -> Schedule:
    """s(k) = lr γᵏ."""
    return exponential_decay(lr, gamma)


@spelled("torch")
def PolynomialLR(lr: float, total_iters: int = 5, power: float = 1.0) -> Schedule:
    """s(k) = lr (1 - min(k/total_iters, 1))^power."""
    return polynomial_decay(lr, steps=total_iters, power=power)


@spelled("torch")
def CosineAnnealingLR(lr: float, T_max: int, eta_min: float = 0.0) -> Schedule:
    """s(k) = eta_min + (lr - eta_min)(1 + cos(π k/T_max))/2: it goes up again after T_max.

    Examples
    --------
    >>> round(CosineAnnealingLR(1.0, 4, 0.1)(6), 6)
    0.55
    """
    return cosine_wave(lr, steps=T_max, final=eta_min)


@spelled("torch")
def CosineAnnealingWarmRestarts(lr: float, T_0: int, T_mult: int = 1, eta_min: float = 0.0) -> Schedule:
    """Half cosines from lr to eta_min of T_0, T_0 T_mult, ... updates."""
    return cosine_restarts(lr, steps=T_0, growth=T_mult, final=eta_min)


@spelled("torch")
def LambdaLR(lr: float, lr_lambda: Callable[[int], float]) -> Schedule:
    """s(k) = lr · lr_lambda(k).

    Examples
    --------
    >>> LambdaLR(0.5, lambda k: 1 / (1 + k))(1)
    0.25
    """
    return product(lr, lr_lambda)


@spelled("torch")
def CyclicLR(
    base_lr: float,
    max_lr: float,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: str = "triangular",
    gamma: float = 1.0,
) -> Schedule:
    """Triangles from base_lr to max_lr: of one height, each half of the last ("triangular2"), or · γᵏ ("exp_range").

    Examples
    --------
    >>> [CyclicLR(0.0, 1.0, 1, mode=mode, gamma=0.5)(3) for mode in ("triangular", "triangular2", "exp_range")]
    [1.0, 0.5, 0.125]
    """
    height = {"triangular": {}, "triangular2": {"factor": 0.5}, "exp_range": {"fade": gamma}}
    kind = height[choice("mode", mode, list(height))]
    return cyclic(base_lr, max_lr, up=step_size_up, down=step_size_down or step_size_up, **kind)


@spelled("torch")
def OneCycleLR(
    max_lr: float,
    total_steps: int | None = None,
    epochs: int | None = None,
    steps_per_epoch: int | None = None,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    *,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> Schedule:
    """From max_lr/div_factor up to max_lr at k = pct_start n - 1, and down to 1/final_div_factor of the start at n - 1.

    With three_phase it is back at the start as long after the peak as the peak after the start. torch also moves the
    momentum, from .95 to .85 and back: ``momentum=OneCycleLR(0.85, n, div_factor=0.85 / 0.95, final_div_factor=1.0)``.

    Examples
    --------
    >>> OneCycleLR(1.0, 10, anneal_strategy="linear")(range(4)).round(6).tolist()
    [0.04, 0.52, 1.0, 0.857143]
    """
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise ValueError("total_steps must be given, or both epochs and steps_per_epoch; such as total_steps=1000")
    n = whole("total_steps", epochs * steps_per_epoch if total_steps is None else total_steps, 2)  # type: ignore[operator]
    way = _way(anneal_strategy)
    top = number("pct_start", pct_start, Range("in (0, 1)")) * n - 1.0
    ends = [top, 2.0 * top, n - 1.0] if three_phase else [top, n - 1.0]
    first = max_lr / div_factor
    values = [first, max_lr, *([first] if three_phase else []), first / final_div_factor]
    if not 0.0 < top <= ends[-2] < n - 1.0:
        raise ValueError(
            f"pct_start must leave each phase a way to go; got {pct_start!r} of total_steps={n}; give more"
        )
    ways = zip(values, values[1:], [0.0, *ends[:-1]], ends, strict=False)
    return join(*[way(a, steps=end - begin, final=b) for a, b, begin, end in ways], at=ends[:-1])


@spelled("torch")
def SequentialLR(schedulers: Sequence[Schedule], milestones: Sequence[int]) -> Schedule:
    """One after the other, each from its own 0, the next from a milestone on: optimlab's ``join``.

    Examples
    --------
    >>> SequentialLR([ConstantLR(1.0, 0.5, 9), ExponentialLR(1.0, 0.5)], [2])(range(5)).tolist()
    [0.5, 0.5, 1.0, 0.5, 0.25]
    """
    return join(*schedulers, at=milestones)


@spelled("torch")
def SWALR(lr: float, swa_lr: float, anneal_epochs: int = 10, anneal_strategy: str = "cos") -> Schedule:
    """Half a cosine, or a line, from lr to swa_lr, and then swa_lr: ``torch.optim.swa_utils.SWALR``.

    Examples
    --------
    >>> SWALR(1.0, 0.5, 4)(range(6)).round(3).tolist()
    [1.0, 0.927, 0.75, 0.573, 0.5, 0.5]
    """
    return _way(anneal_strategy)(lr, steps=anneal_epochs, final=swa_lr)


@spelled("torch")
def ReduceLROnPlateau(
    mode: str = "min", factor: float = 0.1, patience: int = 10, threshold: float = 1e-4, *, cooldown: int = 0
) -> Plateau:
    """The hook ``Plateau`` of patience + 1: torch waits for more bad losses than ``patience``, optax for as many.

    The loss is that of ``step(..., loss=...)``. A bound of the rate is ``Plateau``'s ``lowest``, a factor.

    Examples
    --------
    >>> ReduceLROnPlateau(patience=5)
    Plateau(factor=0.1, patience=6.0, rtol=0.0001, cooldown=0.0, lowest=0.0, mode='min')
    """
    return Plateau(factor, whole("patience", patience, 0) + 1, rtol=threshold, cooldown=cooldown, mode=mode)


def _way(strategy: str) -> Callable[..., Schedule]:
    """Return what goes from one rate to another."""
    return cosine_decay if choice("anneal_strategy", strategy, ["cos", "linear"]) == "cos" else linear

"""How each coefficient of a rule follows from t: a number, an expression whose bits are Python's, or a table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from optimlab.export.portable import debiased_in, entry_in
from optimlab.notation.symbols import Symbol, called
from optimlab.recurrence import gains, growing
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.recurrence.gains import ConstantGain, DebiasedGain
from optimlab.rules.algebra import Expression, Rule
from optimlab.rules.averages import MeanRule
from optimlab.rules.elementwise import Weights
from optimlab.schedules import corrections

__all__ = ["LR", "Debiased", "T", "Table", "coefficients", "coefficients_at"]

_FLOAT = np.dtype(np.float64)

T = Symbol(_FLOAT, "t")
"""The step, 1, 2, ..."""

LR = Symbol(_FLOAT, "lr")
"""The learning rate of the step."""


@dataclass(frozen=True)
class Debiased:
    """The function (1-β)/(1-βᵗ) of t; 1-β is the sum of two numbers."""

    high: float
    low: float

    def __call__(self, xp: Any, t: Any) -> Any:
        """Return its value in NumPy or ``jax.numpy``."""
        return debiased_in(xp, self.high, self.low, t)


@dataclass(frozen=True)
class Table:
    """The function of t whose values are these numbers."""

    numbers: tuple[float, ...]

    def __call__(self, xp: Any, t: Any) -> Any:
        """Return its value in NumPy or ``jax.numpy``."""
        return entry_in(xp, self.numbers, t)


def coefficients(rule: Rule, steps: int) -> list[Symbol]:
    """Return the coefficients of a rule as expressions in ``T`` and ``LR``, which call ufuncs, Debiased and Table.

    Parameters
    ----------
    rule : Rule
        Elementwise, with plain numbers or schedules.
    steps : int, at least 1
        Length of the tables.

    Returns
    -------
    list of Symbol
        In float64, with the bits of ``rule.coefficients(t)``: gains of a β, UniformGain, TailGain and the corrections
        that follow from them are expressions; what else depends on t is a table. What a rule of one's own computes is a
        number if it is the same in all these steps.

    Raises
    ------
    TypeError
        If the rule looks at whole leaves, goes by names, or has one number for each replica.

    Examples
    --------
    >>> from optimlab import adam
    >>> m, v, eps = coefficients(adam(), steps=1000)
    >>> m.function, eps.value
    (Debiased(high=0.09999999999999998, low=0.0), 1e-08)
    """
    atoms = rule.graph.rules if isinstance(rule, Expression) else [rule]
    for atom in atoms:
        _check(atom, rule)
    return [symbol for atom in atoms for symbol in _of_atom(atom, steps)]


def _check(atom: Rule, rule: Rule) -> None:
    if atom.whole:
        remedy = "an Optimizer runs it in NumPy; its elementwise part can be exported"
        raise TypeError(f"{atom!r} in {rule!r} looks at a whole leaf, and a text is of one number at a time; {remedy}")
    if isinstance(atom, Weights) and atom.only:
        remedy = 'rule.on(("bias", "weight")) is the rule of each leaf, which can'
        raise TypeError(f"{atom!r} goes by the names of leaves, and a text has none; {remedy}")
    if any(np.ndim(number) for number in atom.coefficients(1)):
        raise TypeError(f"{atom!r} has one number for each replica, and a text is of one run; give it plain numbers")


def _of_atom(atom: Rule, steps: int) -> list[Symbol]:
    """Return the coefficients of a rule without parts."""
    forms = [LR if i in atom.rates else form for i, form in enumerate(_forms(atom))]
    last = steps if any(form is None for form in forms) else 1
    columns = zip(*[map(float, atom.coefficients(t)) for t in range(1, last + 1)], strict=True)
    varies = any(callable(getattr(atom, field.name)) for field in fields(atom))
    return [_column(column, varies) if form is None else form for form, column in zip(forms, columns, strict=False)]


def _column(column: tuple[float, ...], varies: bool) -> Symbol:
    """Return numbers of step 1, 2, ... as one, if they are, and no function says what becomes of it, or as a table."""
    same = not varies and np.array(column).tobytes() == np.full(len(column), column[0]).tobytes()
    return Symbol(_FLOAT, column[0]) if same else Symbol(_FLOAT, function=Table(column), operands=(T,))


def _forms(atom: Rule) -> list[Symbol | None]:
    """Return the coefficients that have an expression, None of the others."""
    if type(atom).coefficients is MeanRule.coefficients:
        return [_lifted(_gain(atom.gain))]  # type: ignore[attr-defined]
    if type(atom).coefficients is Rule.coefficients:
        return [_lifted(_followed(getattr(atom, name), T)) for name in atom.ranges]
    return [None] * atom.numbers


def _lifted(form: Any) -> Symbol | None:
    return None if form is None else T.symbol(form)


def _gain(gain: Gain) -> Any:
    """Return k as an expression in t, in the order of operations of its class."""
    if callable(getattr(gain, "beta", None)):
        return None
    match gain:
        case growing.UniformGain():
            return 1.0 / T
        case growing.TailGain(start):
            return 1.0 / np.maximum(T - start, 1.0)
        case gains.DebiasedGain(beta):
            return _debiased(beta, T)
        case gains.FirstValueGain():
            return np.where(T == 1.0, 1.0, gain.alpha(1)[0])
        case gains.WarmUpGain():
            return np.where(T == 1.0, 1.0, np.maximum(gain.alpha(1)[0], 9.0 / (9.0 + T)))
        case gains.ConstantGain():
            return gain.alpha(1)[0]
    return None


def _debiased(beta: Any, t: Symbol) -> Symbol:
    if isinstance(beta, Decay) and beta.alpha == 0.0:
        return 1.0 / t  # type: ignore[no-any-return]
    return Symbol(_FLOAT, function=Debiased(*DebiasedGain(beta).alpha(1)), operands=(t,))


def _mass(beta: Any, t: Symbol) -> Symbol:
    return ConstantGain(beta).alpha(1)[0] / _debiased(beta, t)  # type: ignore[no-any-return]


def _followed(held: Any, t: Symbol) -> Any:
    """Return a hyperparameter at step t, in the order of operations of its correction; None of another function."""
    if not callable(held):
        return held
    beta: Any = getattr(held, "beta", None)
    if callable(beta) or (isinstance(beta, Decay) and beta.alpha == 0.0):
        return None
    match held:
        case corrections.Next(of):
            return _followed(of, t + 1.0)
        case corrections.After(steps, number):
            return np.where(t - 1.0 < steps, 0.0, number)
        case corrections.FourthRoot(factor):
            return factor * np.sqrt(np.sqrt(t - 1.0))
        case corrections.SquareRoot():
            return np.sqrt(t)
        case corrections.Mass():
            return _mass(beta, t)
        case corrections.EpsHat(eps):
            return eps / np.sqrt(_mass(beta, t))
        case corrections.GradientShare():
            return _debiased(beta, t)
        case corrections.MeanShare():
            return (1.0 - ConstantGain(beta).alpha(1)[0]) / _mass(beta, t + 1.0)
        case corrections.WithinMean():
            rest = 1.0 - _debiased(beta, t)
            return np.where(rest > 0.0, 1.0 / np.where(rest > 0.0, rest, 1.0), 0.0)
        case corrections.Rectified(_, threshold):
            return _rectified(beta, threshold, t)
        case corrections.Unrectified(_, threshold):
            return np.where(_length(beta, t)[0] > threshold, 0.0, 1.0)
    return None


def _length(beta: float, t: Symbol) -> tuple[Symbol, float]:
    """Return ρₜ and ρ∞ of RAdam."""
    most, mass = 2.0 / (1.0 - beta) - 1.0, _mass(beta, t)
    return most - 2.0 * t * (1.0 - mass) / mass, most


def _rectified(beta: float, threshold: float, t: Symbol) -> Any:
    length, most = _length(beta, t)
    there = length > threshold
    rho, end = np.where(there, length, 5.0), np.where(there, most, 5.0)
    root = np.sqrt((end - 4.0) * (end - 2.0) * rho / ((rho - 4.0) * (rho - 2.0) * end))
    return np.where(there, root, 0.0)


def coefficients_at(found: list[Symbol], t: Any, lr: Any, xp: Any) -> list[Any]:
    """Return the numbers that ``coefficients`` stand for at a step.

    Parameters
    ----------
    found : list of Symbol
        From ``coefficients``.
    t : int, at least 1, or 0-d array of JAX, which may be traced
        The step.
    lr : float or 0-d array
        The learning rate.
    xp : module
        ``numpy``: the bits of ``rule.coefficients(t)``; or ``jax.numpy``: within some units of the last place of its
        widest float, after the end of a table NaN.

    Returns
    -------
    list of float or 0-d array
        One for each coefficient.

    Raises
    ------
    ValueError
        If t is outside a table, and ``xp`` is ``numpy``.

    Examples
    --------
    >>> from optimlab import adam
    >>> [round(float(c), 6) for c in coefficients_at(coefficients(adam(), 1000), 2, 0.1, np)]
    [0.526316, 0.50025, 0.0]
    """
    known = {id(T): t if xp is np else xp.asarray(t, float), id(LR): lr}

    def value(x: Symbol) -> Any:
        return known.get(id(x), x.value)

    for call in called(found):
        operands, function = [value(x) for x in call.operands], call.function
        if isinstance(function, (Debiased, Table)):
            known[id(call)] = function(xp, *operands)
        else:
            known[id(call)] = getattr(xp, function.__name__)(*operands)  # type: ignore[union-attr]
    return [value(x) for x in found]

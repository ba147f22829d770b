"""Fading: what becomes of a rule's state in steps with gradients of zeros, in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from optimlab.rules.algebra import Expression, Rule
from optimlab.rules.averages import Ema, Trace
from optimlab.typing import Floats

__all__ = ["Fade", "fading"]

Fade = Callable[[Any, Any], Floats]
"""By how much a slot is multiplied from its step s to step t: elementwise in s."""


def fading(rule: Rule) -> list[Fade]:
    """Return how each slot fades.

    That is known of each ``Ema`` and ``Trace`` of a number that is 0 where the gradient is, such as g, g² or c·g, with
    a constant β or a gain in closed form. So it is for momentum, RMSprop, Adam and what is composed of them.

    Raises
    ------
    TypeError
        If a slot is of another kind; with the part of the rule.
    """
    if not isinstance(rule, Expression):
        return [_fade(rule, zero=True)] if rule.slots else []
    fades: list[Fade] = []
    zeros = [True]  # whether each value is 0 where the gradient is
    for part, sign, sources, _ in rule.graph.nodes:
        given = [zeros[place] for place in sources]
        if part is None:
            zeros.append(_SUMS[sign](given))
        elif part.slots:
            fades.append(_fade(part, zero=given[0]))
            zeros.append(False)
        else:
            zeros.append(given[0] and _vanishes(part))
    return fades


_SUMS: Final[dict[str, Callable[[list[bool]], bool]]] = {
    "+": all,
    "-": all,
    "*": any,
    "/": lambda given: given[0] and not given[1],
}
"""Whether a sum, difference, product or quotient is 0, by whether its sides are."""


def _vanishes(rule: Rule) -> bool:
    """Whether a rule without memory is 0 at 0, whatever the weights, now and later."""
    formula: Any = rule.compose()
    with np.errstate(all="ignore"):
        values = [formula(0.0, w, (), rule.coefficients(t))[0] for w, t in ((1.0, 1), (-2.0, 2), (3.0, 1000))]
    return all(np.all(np.equal(y, 0.0)) for y in values)


def _fade(rule: Rule, *, zero: bool) -> Fade:
    fade = rule.gain.fade if isinstance(rule, Ema) else None
    if zero and fade is not None:
        return fade
    if zero and isinstance(rule, Trace) and isinstance(rule.beta, float):
        beta = rule.beta
        return lambda s, t: np.float_power(beta, t - s)
    why = "it has no closed form" if zero else "what it averages is not 0 where the gradient is"
    raise TypeError(f'others="decay" cannot be done with {rule!r}: {why}; use others="wait", or step with zeros')

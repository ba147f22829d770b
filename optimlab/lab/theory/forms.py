"""Which closed form an update rule has: the linear rule that an expression of the algebra is."""

from __future__ import annotations

from optimlab.lab.theory.linear_rules import LinearRule
from optimlab.rules.algebra import Rule
from optimlab.rules.basic import heavy_ball, momentum, nesterov, sgd
from optimlab.rules.hyperparameters import described

__all__ = ["linear_rule"]


def linear_rule(rule: Rule) -> LinearRule | None:
    """Return SGD, the heavy ball, the EMA form or Nesterov's momentum as a `LinearRule`; None for any other rule.

    Parameters
    ----------
    rule : Rule
        The rule; a scheduled β has no closed form.

    Examples
    --------
    >>> from optimlab import adam, nesterov
    >>> found = linear_rule(nesterov(0.5))
    >>> float(found.beta), float(found.trace), float(found.gradient), linear_rule(adam())
    (0.5, 0.5, 1.0, None)
    """
    given = described(rule)
    try:
        betas = [float(given.numbers[name]) for name in ("beta", "number") if name in given.numbers]
    except ValueError:
        return None
    beta = betas[0] if betas else 0.0
    forms = {
        described(sgd()).form: LinearRule(),
        described(heavy_ball()).form: LinearRule(beta),
        described(momentum()).form: LinearRule(beta, trace=1.0 - beta),
        described(nesterov()).form: LinearRule(beta, trace=beta, gradient=1.0),
    }
    first = given.numbers.get("first", "0.0")
    return forms.get(given.form) if len(set(betas)) < 2 and first == "0.0" else None

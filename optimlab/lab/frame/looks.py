"""One colour and one name per rule in the whole house."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

from optimlab.checkpoint.hyperparameters import described
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.figures import PALETTE
from optimlab.rules.algebra import Rule
from optimlab.rules.basic import adam, adamw, heavy_ball, momentum, nesterov, rmsprop, sgd

__all__ = ["Look", "labels", "look", "looks"]

_KINDS = (
    (sgd, "SGD", "black"),
    (heavy_ball, "heavy ball", "blue"),
    (momentum, "EMA momentum", "vermillion"),
    (nesterov, "Nesterov", "sky"),
    (rmsprop, "RMSprop", "orange"),
    (adam, "Adam", "green"),
    (adamw, "AdamW", "purple"),
)
#: For rules that have no name. What the palette has left, yellow, is too faint for a line on white.
_OTHERS = ("#8C510A", "#882255", "#332288", "#7F7F7F", "#999933")
_DASHES = ("-", "--", "-.", ":")
_SIGNS = {"beta": "β", "beta_2": "β₂", "eps": "ε", "weight_decay": "λ"}


class Look(NamedTuple):
    """How a rule is called and drawn.

    Attributes
    ----------
    name, colour, dash : str
        "heavy ball", or the expression of a rule without a name; "#0072B2"; matplotlib's "-", "--", "-." or ":".

    Examples
    --------
    >>> Look("heavy ball", "#0072B2", "-").colour
    '#0072B2'
    """

    name: str
    colour: str
    dash: str


def look(rule: Rule) -> Look:
    """Return the name and the colour of a rule; those of its expression, whatever its numbers are.

    One that has no name in the house gets a colour by its expression.

    Examples
    --------
    >>> from optimlab import Trace, adam
    >>> look(adam(0.95)).name, look(Trace(0.5)).name, look(0.5 * adam()).name[:17]
    ('Adam', 'heavy ball', '0.5 * (Ema(0.9, d')
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"rule must be a Rule such as adam(); got {rule!r}")
    found = described(rule)
    name, colour = _table().get(found.form, ("", ""))
    beta = found.numbers.get("beta")
    if not name or found.numbers.get("number", beta) != beta:  # Gradient() + 5 * Trace(0.9) is not Nesterov's
        name, colour = found.text, _OTHERS[zlib.crc32(found.form.encode()) % len(_OTHERS)]
    return Look(name, colour, _DASHES[0])


def looks(rules: Iterable[Rule] | Mapping[str, Rule]) -> dict[str, Look]:
    """Return the looks of several rules, by label, so that no two are drawn alike.

    The second of one kind has the colour of the first, and another dash.

    Rules that come without labels get those of `labels`; more than can be told apart raise a StudyError.

    Examples
    --------
    >>> from optimlab import adam, heavy_ball
    >>> for label, found in looks([adam(), heavy_ball(0.9), heavy_ball(0.95)]).items():
    ...     print(label, found.colour, found.dash)
    Adam #009E73 -
    heavy ball β 0.9 #0072B2 -
    heavy ball β 0.95 #0072B2 --
    """
    if not isinstance(rules, Mapping):
        rules = list(rules)
        rules = dict(zip(labels(rules), rules, strict=True))
    homes: dict[str, str] = {}  # form -> colour, of rules without a name
    found: dict[str, Look] = {}
    for label, rule in rules.items():
        own, used = look(rule).colour, homes.values()
        if own in _OTHERS:
            own = homes.setdefault(described(rule).form, next((c for c in (own, *_OTHERS) if c not in used), own))
        taken = {(other.colour, other.dash) for other in found.values()}
        pair = next((pair for pair in product((own, *_OTHERS), _DASHES) if pair not in taken), None)
        if pair is None:
            raise StudyError(f"{len(rules)} rules cannot be told apart in one figure; leave some out")
        found[label] = Look(label, *pair)
    return found


def labels(rules: Sequence[Rule], texts: Sequence[str] | None = None) -> list[str]:
    """Return a label for each rule: its name, with the numbers in which it differs from the default or from others.

    Rules without a name are called by `texts`, or by their expressions. One that stands twice raises a StudyError.

    Examples
    --------
    >>> from optimlab import adam, nesterov
    >>> labels([adam(), nesterov(0.8), nesterov(), adam(0.9, 0.99), 2 * adam()], list("abcde"))
    ['Adam β₂ 0.999', 'Nesterov β 0.8', 'Nesterov β 0.9', 'Adam β₂ 0.99', 'e']
    """
    names = [look(rule).name for rule in rules]
    found: list[str] = []
    for i, (rule, name) in enumerate(zip(rules, names, strict=True)):
        group = [other for other, called in zip(rules, names, strict=True) if called == name]
        own = [make() for make, kind, _ in _KINDS if kind == name]
        found.append(name + _difference(rule, own + group) if own else texts[i] if texts else name)
        if rule in rules[:i] or found[-1] in found[:-1]:
            raise StudyError(f"the rule {found[-1]} stands twice; leave one out, or change a number in it")
    return found


@cache
def _table() -> dict[str, tuple[str, str]]:
    """Return name and colour by form: classes and signs, with _ for each number."""
    return {described(make()).form: (name, PALETTE[colour]) for make, name, colour in _KINDS}


def _difference(rule: Rule, group: Sequence[Rule]) -> str:
    """Return the numbers of a rule in which a group differs, each value once."""
    rows = [described(other).numbers for other in group]
    own = described(rule).numbers
    seen: list[list[str]] = []
    words = ""
    for key in sorted(own, key="number".__eq__):
        column = [row[key] for row in rows]
        if len(set(column)) > 1 and column not in seen:
            seen.append(column)
            sign = "β₁" if key == "beta" and "beta_2" in own else _SIGNS.get(key, key)
            words += f"{',' if words else ''} {sign} {own[key].removesuffix('.0')}"
    return words

"""Knobs: the numbers of a study that a reader can turn, each an option of its command line."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimlab.checks import FINITE, Range, number, whole
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.expressions import rules
from optimlab.lab.frame.looks import look
from optimlab.rules.algebra import Rule

__all__ = ["Knob", "add_knobs", "each_rule", "given", "rules_knob", "turned", "values"]


@dataclass(frozen=True)
class Knob:
    """One option ``--name``, which has the kind of its default: a whole number, a number, a text, or several of one.

    Parameters
    ----------
    name : str
        Name of the option, and of the attribute of ``run.options``.
    default : int, float, str, or tuple of them
        The value of a full run; a tuple means that the option takes one value or more.
    help : str
        What it is, with its unit.
    allowed : Range
        What a number may be.
    quick : same as default, optional
        The value of a quick run. What has one is a size of the sample: turning it changes no expectation.
    read : callable, optional
        Makes a value out of the text; what it raises reaches the user.
    count : int, optional
        How many values there must be, where that is fixed.

    Examples
    --------
    >>> Knob("beta", (0.5, 0.9), "decays", Range("in [0, 1)")).value(["0.98"])
    (0.98,)
    """

    name: str
    default: Any
    help: str
    allowed: Range = FINITE
    quick: Any = None
    read: Callable[[str], Any] | None = None
    count: int | None = None

    @property
    def several(self) -> bool:
        """Whether the option takes several values."""
        return isinstance(self.default, tuple)

    def value(self, given: Any, quick: bool = False) -> Any:
        """Return what was given on the command line, or the default, as the study gets it."""
        if given is None:
            given = self.quick if quick and self.quick is not None else self.default
        if not self.several:
            return self._read(given)
        if self.count not in (None, len(given)):
            raise StudyError(f"--{self.name} takes {self.count} values; got {len(given)}: {' '.join(map(str, given))}")
        return tuple(self._read(text) for text in given)

    def _read(self, given: Any) -> Any:
        kind = self.default[0] if self.several else self.default
        try:
            if self.read is not None:
                return self.read(given)
            if isinstance(kind, str):
                return str(given)
            if isinstance(kind, int):
                return self._whole(_number(given))
            return number(f"--{self.name}", _number(given), self.allowed)
        except StudyError as error:
            raise StudyError(f"--{self.name}: {error}") from None
        except (TypeError, ValueError) as error:
            text = str(error)
            raise StudyError(text if text.startswith("--") else f"--{self.name}: {text}") from None

    def _whole(self, given: float) -> int:
        count = given if isinstance(given, int) or not given.is_integer() else int(given)
        if self.allowed is not FINITE:
            number(f"--{self.name}", count, self.allowed)
        return whole(f"--{self.name}", count, 1 if self.allowed is FINITE else 0)

    def _shown(self) -> str:
        default = " ".join(map(_text, self.default)) if self.several else _text(self.default)
        quick = "" if self.quick is None else f"; quick: {self.quick}"
        return f"{self.help} (default: {default}{quick})".replace("%", "%%")


def rules_knob(default: str, help: str = "update rules, by name or as expressions, with commas between") -> Knob:  # noqa: A002
    """Return the option ``--rules``, which arrives as a dict of rules by label.

    Examples
    --------
    >>> list(rules_knob("sgd, heavy_ball(.9)").value("adam"))
    ['Adam']
    """
    return Knob("rules", default, help, read=rules)


def each_rule(
    rules: Mapping[str, Rule], given: tuple[float, ...], usual: Mapping[str, float], *, name: str = "lr"
) -> dict[str, float]:
    """Return the number of each rule, by label: one for all, or as many as there are rules.

    Parameters
    ----------
    rules : dict of Rule by label
        The rules.
    given : tuple of float
        The values of the knob.
    usual : dict of float
        What the knob's default says of each kind of rule, by the names of `look`. Where `given` is the default, other
        rules have the least of these numbers.
    name : str
        Name of the knob, for the error.

    Raises
    ------
    StudyError
        If there are neither one nor as many.

    Examples
    --------
    >>> from optimlab import adam, momentum, sgd
    >>> usual = {"SGD": 0.5, "Adam": 0.001}
    >>> each_rule({"Adam": adam(), "EMA momentum": momentum()}, (0.5, 0.001), usual)
    {'Adam': 0.001, 'EMA momentum': 0.001}
    >>> each_rule({"Adam": adam(), "SGD": sgd()}, (0.1, 0.2), usual)
    {'Adam': 0.1, 'SGD': 0.2}
    """
    if given == tuple(usual.values()):
        return {label: usual.get(look(rule).name, min(given)) for label, rule in rules.items()}
    if len(given) not in (1, len(rules)):
        values = " ".join(map(_text, given))
        raise StudyError(f"--{name} takes one value, or one for each rule ({', '.join(rules)}); got {values}")
    return dict(zip(rules, given * len(rules) if len(given) == 1 else given, strict=True))


def add_knobs(parser: argparse.ArgumentParser, knobs: Sequence[Knob]) -> None:
    """Add the options to a parser, which leaves their texts to `values`."""
    if not knobs:
        return
    parser._negative_number_matcher = re.compile(r"-\.?\d")  # also -1e-3, which argparse takes for an option
    group = parser.add_argument_group("knobs: what can be turned")
    for knob in knobs:
        name = knob.name.upper() if knob.read or isinstance(knob.default, str) else "X"
        if knob.several:
            group.add_argument(f"--{knob.name}", nargs="+", metavar=name, help=knob._shown())
        else:
            group.add_argument(f"--{knob.name}", metavar=name, help=knob._shown())


def values(knobs: Sequence[Knob], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the value of each knob; a text that means none raises `StudyError`."""
    return {knob.name: knob.value(getattr(arguments, knob.name), arguments.quick) for knob in knobs}


def turned(knobs: Sequence[Knob], arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the names of the knobs that were turned away from their defaults, sizes of samples not counted."""
    touched = ((knob, getattr(arguments, knob.name)) for knob in knobs if knob.quick is None)
    return tuple(knob.name for knob, text in touched if text is not None and _differs(knob, text))


def given(knobs: Sequence[Knob], arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the names of all knobs that the command line sets."""
    return tuple(knob.name for knob in knobs if getattr(arguments, knob.name) is not None)


def _differs(knob: Knob, text: Any) -> bool:
    return repr(knob.value(text)) != repr(knob.value(None))


def _number(given: Any) -> Any:
    """Return a number out of a text such as ``1e-3``; a whole one to its last digit."""
    for kind in (int, float) if isinstance(given, str) else ():
        try:
            return kind(given)
        except ValueError:
            continue
    if isinstance(given, str):
        raise StudyError(f"must be a number; got {given!r}")
    return given


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

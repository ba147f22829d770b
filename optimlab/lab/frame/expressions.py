"""Texts of rules and of functions: parsed against a list of names and signs, never run as Python."""

import ast
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, final

import numpy as np

import optimlab
from optimlab.lab.frame.looks import labels
from optimlab.lab.frame.reading import Reader
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.rules.algebra import ArrayRule, Rule
from optimlab.schedules import corrections
from optimlab.schedules.schedule import Schedule

__all__ = ["function", "rule", "rules", "schedules"]


def rule(text: str) -> Rule:
    """Return the rule that a text such as "0.5 * momentum | Sign()" describes.

    Names are those of the library: rules, their atoms, gains, and schedules in the place of numbers. A name alone means
    the call without arguments.

    Parameters
    ----------
    text : str
        One expression, of at most 1000 characters.

    Raises
    ------
    StudyError
        If the text describes no rule: what is wrong, the place, and what is allowed.

    Examples
    --------
    >>> rule("Ema(.9) | Sign()"), rule("adam") == optimlab.adam()
    (Ema(0.9) | Sign(), True)
    >>> rule("heavy_bal(0.9)")
    Traceback (most recent call last):
        ...
    optimlab.lab.frame.errors.StudyError: 'heavy_bal' is not known; did you mean heavy_ball?
      heavy_bal(0.9)
      ^
    """
    read = _Rules(text, _makers())
    return read.rule(read.tree)


def rules(text: str) -> dict[str, Rule]:
    """Return the rules of a text such as "adam, heavy_ball(0.95)", by the labels that figures and tables show.

    Parameters
    ----------
    text : str
        Expressions as `rule` takes them, with commas between.

    Returns
    -------
    dict of Rule
        In the order of the text; labels are those of `looks`, of rules without a name their text.

    Raises
    ------
    StudyError
        As `rule` does, and if a rule stands twice.

    Examples
    --------
    >>> list(rules("adam, heavy_ball(0.9), heavy_ball(.95), 0.5*momentum"))
    ['Adam', 'heavy ball β 0.9', 'heavy ball β 0.95', '0.5*momentum']
    """
    read = _Rules(text, _makers())
    found = [read.rule(node) for _, node in read.parts]
    return dict(zip(labels(found, [text for text, _ in read.parts]), found, strict=True))


def schedules(text: str) -> dict[str, Callable[[int], Schedule]]:
    """Return the schedules of a text such as "constant(0.1), cosine_decay(0.1, steps=K)", each a function of K.

    Parameters
    ----------
    text : str
        Calls of the library's makers of schedules, and products of them, with commas between. K is the number of
        updates for which a schedule is asked.

    Returns
    -------
    dict of callable
        In the order of the text; the labels are the names of the makers, or the texts where two have one name.

    Raises
    ------
    StudyError
        If the text describes no schedules: what is wrong, the place, and what is allowed.

    Examples
    --------
    >>> found = schedules("constant(0.1), 0.5 * cosine_decay(0.1, steps=K/2)")
    >>> list(found), found["constant"](100)
    (['constant', '0.5 * cosine_decay(0.1, steps=K/2)'], constant(0.1))
    >>> schedules("sgd")
    Traceback (most recent call last):
        ...
    optimlab.lab.frame.errors.StudyError: a schedule such as constant(0.1) must stand here; this is Gradient()
      sgd
      ^
    """
    read = _Rules(text, _makers() | {"K": 1000})
    for _, node in read.parts:
        if not isinstance(found := read.visit(node), Schedule):
            raise read.wrong(f"a schedule such as constant(0.1) must stand here; this is {found!r}", node)
    names = [getattr(getattr(node, "func", None), "id", text) for text, node in read.parts]
    found = {
        name if names.count(name) == 1 else text: lambda K, node=node: read.value(node, K=K)
        for name, (text, node) in zip(names, read.parts, strict=True)
    }
    if len(found) < len(names):
        raise read.wrong("a schedule stands twice; leave one out, or change a number in it")
    return found


def function(text: str, variables: Sequence[str] = ("x", "y")) -> Callable[..., Any]:
    """Return the function that a formula such as "x**2 - y**2" or "sin(x) * exp(-y**2)" describes.

    Parameters
    ----------
    text : str
        The formula: numbers, the variables, pi, e, + - * / **, and calls of NumPy's elementwise functions.
    variables : sequence of str
        Names of the arguments, in their order.

    Returns
    -------
    callable
        Elementwise on numbers, arrays and the values of ``optimlab.lab.autodiff``.

    Raises
    ------
    StudyError
        If the text is no such formula: what is wrong, the place, and what is allowed.

    Examples
    --------
    >>> function("x**2 - y**2")(np.array([1.0, 2.0]), 1.0)
    array([0., 3.])
    """

    def value(*values: Any) -> Any:
        numbers = (np.float64(v) if isinstance(v, (int, float)) else v for v in values)  # which may divide by 0
        return read.value(read.tree, **dict(zip(variables, numbers, strict=True)))

    read = _Formula(text, _FUNCTIONS)
    with np.errstate(all="ignore"):
        read.value(read.tree, **dict.fromkeys(variables, np.ones(1)))
    if not any(isinstance(node, ast.Name) and node.id in variables for node in ast.walk(read.tree)):
        raise read.wrong(f"a formula must contain {' or '.join(variables)}")
    return value


@final
class _Formula(Reader):
    signs = "+ - * / **"
    literals = (int, float)


@final
class _Rules(Reader):
    signs = "| + - * /"
    literals = (int, float, str, bool)

    def visit_Constant(self, node: ast.Constant) -> Any:
        found = super().visit_Constant(node)
        return node.value if type(node.value) is int else found  # one_cycle takes whole steps

    def visit_List(self, node: ast.List) -> Any:
        return [*map(self.visit, node.elts)]

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        return tuple(map(self.visit, node.elts))

    def rule(self, node: ast.expr) -> Rule:
        found = self.visit(node)
        if not isinstance(found, Rule):
            raise self.wrong(f"a rule such as adam must stand here; this is {found!r}", node)
        return found


def _elementwise(ufunc: np.ufunc) -> Callable[..., Any]:
    return (lambda x: ufunc(x)) if ufunc.nin == 1 else lambda x, y: ufunc(x, y)


#: What a formula may name: π, e, and NumPy's elementwise functions that have a gradient on the tape.
_FUNCTIONS: dict[str, Any] = {"pi": math.pi, "e": math.e} | {
    name: _elementwise(getattr(np, name))
    for name in "abs arctan2 cos exp expm1 log log1p logaddexp maximum minimum sin sqrt square tanh".split()  # noqa: SIM905
}


@cache
def _makers() -> dict[str, Any]:
    """Return what a rule's text may name: the library's public makers of rules, gains and schedules."""
    return {name: thing for name in dir(optimlab) if _makes(thing := getattr(optimlab, name))} | {"inf": math.inf}


def _makes(thing: Any) -> bool:
    if isinstance(thing, type):
        made = issubclass(thing, (Rule, Gain, Decay)) and thing not in (Rule, ArrayRule, Gain)
        return made or thing.__module__ == corrections.__name__
    return getattr(thing, "__annotations__", {}).get("return") in ("Rule", "Schedule")

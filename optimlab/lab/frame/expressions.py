"""Texts of rules and of functions: parsed against a list of names and signs, never run as Python."""

import ast
import cmath
import difflib
import inspect
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cache, partial
from typing import Any, ClassVar, final

import numpy as np

import optimlab
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.looks import labels
from optimlab.lab.frame.terminal import printable
from optimlab.recurrence.decay import Decay
from optimlab.recurrence.gain import Gain
from optimlab.rules.algebra import Rule
from optimlab.schedules.schedule import Schedule

__all__ = ["function", "nearest", "rule", "rules", "schedules"]

_LONGEST, _DEEPEST = 1000, 60
_SIGNS: Mapping[type[ast.AST], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.BitOr: ("|", operator.or_),
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Pow: ("**", operator.pow),
}


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
    nodes = read.tree.elts if isinstance(read.tree, ast.Tuple) else [read.tree]
    found = [read.rule(node) for node in nodes]
    texts = [ast.get_source_segment(read.line, node) or "" for node in nodes]
    return dict(zip(labels(found, texts), found, strict=True))


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
    nodes = read.tree.elts if isinstance(read.tree, ast.Tuple) else [read.tree]
    for node in nodes:
        if not isinstance(found := read.visit(node), Schedule):
            raise read.wrong(f"a schedule such as constant(0.1) must stand here; this is {found!r}", node)
    texts = [ast.get_source_segment(read.line, node) or "" for node in nodes]
    names = [getattr(getattr(node, "func", None), "id", text) for node, text in zip(nodes, texts, strict=True)]
    labels = [name if names.count(name) == 1 else text for name, text in zip(names, texts, strict=True)]
    if len(set(labels)) < len(labels):
        raise read.wrong("a schedule stands twice; leave one out, or change a number in it")
    return {label: partial(read.at, node) for label, node in zip(labels, nodes, strict=True)}


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
        return read.value(_FUNCTIONS | dict(zip(variables, numbers, strict=True)))

    read = _Formula(text, {})
    with np.errstate(all="ignore"):
        read.value(_FUNCTIONS | dict.fromkeys(variables, np.ones(1)))
    if not any(isinstance(node, ast.Name) and node.id in variables for node in ast.walk(read.tree)):
        raise read.wrong(f"a formula must contain {' or '.join(variables)}")
    return value


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return what an error says of a name that is not there: the one that was meant, or all.

    Examples
    --------
    >>> nearest("Sadle", ["saddle", "ravine"]), nearest("q", ["saddle", "ravine"])
    ('did you mean saddle?', 'there are ravine, saddle')
    """
    lower = {word.lower(): word for word in sorted(allowed, reverse=True)}
    close = difflib.get_close_matches(name.lower(), lower, 1)
    return f"did you mean {lower[close[0]]}?" if close else f"there are {', '.join(sorted(allowed))}"


class _Reader(ast.NodeVisitor):
    """The tree of a text, and its value; a node that no method names is refused."""

    signs: ClassVar[str]
    literals: ClassVar[tuple[type, ...]]

    def __init__(self, text: str, known: Mapping[str, Any]) -> None:
        self.line = " ".join(text.split())
        self.known = known
        self.tree = self.parsed()

    def value(self, known: Mapping[str, Any]) -> Any:
        """Return the value with other names."""
        other = copy(self)
        other.known = known
        return other.visit(other.tree)

    def parsed(self) -> ast.expr:
        if not self.line or len(self.line) > _LONGEST:
            raise StudyError(f"an expression must have 1 to {_LONGEST} characters; got {len(self.line)}")
        if "#" in self.line:
            raise self.wrong("an expression has no comments", self.line.index("#"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of literals: what they are worth is said here
                tree = ast.parse(self.line, mode="eval").body
        except SyntaxError as error:
            raise self.wrong(error.msg, (error.offset or len(self.line) + 1) - 1) from None
        except (ValueError, RecursionError, MemoryError):
            raise self.wrong("the text cannot be read") from None
        level: list[ast.AST] = [tree]
        for _ in range(_DEEPEST):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise self.wrong(f"an expression must not nest deeper than {_DEEPEST} levels")
        return tree

    def wrong(self, message: str, place: Any = 0) -> StudyError:
        """Return the error with the text, and a mark below the place."""
        if isinstance(place, ast.AST):
            place = len(self.line.encode()[: getattr(place, "col_offset", 0)].decode())
        space = " " * len(printable(self.line[:place]))
        return StudyError(f"{printable(message)}\n  {printable(self.line)}\n  {space}^")

    def tried(self, node: ast.AST, make: Callable[..., Any], *values: Any) -> Any:
        """Return what a call gives, a number only if it is finite; or its own error with the place."""
        try:
            found = make(*values)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise self.wrong(str(error), node) from error
        finite = isinstance(node, ast.UnaryOp) or type(found) not in (float, complex) or cmath.isfinite(found)
        if type(found) is complex or not finite:  # -inf is a limit of Clip
            raise self.wrong(f"this is no finite number: {found}", node)
        return found

    def generic_visit(self, node: ast.AST) -> Any:
        kind = type(node).__name__.lower()
        raise self.wrong(f"this ({kind}) is not allowed; names, numbers, calls and {self.signs} are", node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        if type(node.value) not in self.literals:
            raise self.wrong(f"{node.value!r} is no number", node)
        return self.tried(node, float if type(node.value) is int else lambda value: value, node.value)

    def visit_Name(self, node: ast.Name) -> Any:
        return self.made(node, [], {})

    def visit_Call(self, node: ast.Call) -> Any:
        name, words = node.func, {word.arg: word.value for word in node.keywords}
        if not isinstance(name, ast.Name) or not callable(self.known.get(name.id, len)):
            raise self.wrong("only a name of a function can be called", node)
        if None in words or len(words) < len(node.keywords):
            raise self.wrong("arguments must stand one by one, each once", node)
        named = {str(word): self.visit(value) for word, value in words.items()}
        return self.made(name, [*map(self.visit, node.args)], named)

    def made(self, node: ast.Name, values: list[Any], named: dict[str, Any]) -> Any:
        """Return what a name means; of a function what it makes of arguments."""
        if node.id not in self.known:
            raise self.wrong(f"{node.id!r} is not known; {nearest(node.id, self.known)}", node)
        found = self.known[node.id]
        if not callable(found):
            return found
        signature = _plain(found)
        try:
            signature.bind(*values, **named)
        except TypeError as error:
            raise self.wrong(f"{error}; it is {node.id}{signature}", node) from None
        return self.tried(node, lambda: found(*values, **named))

    def operand(self, node: ast.expr) -> Any:
        found = self.visit(node)
        if isinstance(found, (str, bool, tuple, list)):
            raise self.wrong(f"this is nothing that has {self.signs}: {found!r}", node)
        return found

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if not isinstance(node.op, ast.USub):
            return self.generic_visit(node)
        return self.tried(node, operator.neg, self.operand(node.operand))

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        sign, work = _SIGNS.get(type(node.op), ("this sign", operator.add))
        if sign not in self.signs.split():
            raise self.wrong(f"{sign} is not allowed before this; {self.signs} are", node.right)
        return self.tried(node, work, self.operand(node.left), self.operand(node.right))


@final
class _Formula(_Reader):
    signs = "+ - * / **"
    literals = (int, float)


@final
class _Rules(_Reader):
    signs = "| + - * /"
    literals = (int, float, str, bool)

    def visit_Constant(self, node: ast.Constant) -> Any:
        found = super().visit_Constant(node)
        return node.value if type(node.value) is int else found  # one_cycle takes whole steps

    def visit_List(self, node: ast.List) -> Any:
        return [*map(self.visit, node.elts)]

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        return tuple(map(self.visit, node.elts))

    def at(self, node: ast.expr, K: int) -> Any:
        """Return what a part of the text is worth for a number of updates."""
        other = copy(self)
        other.known = {**self.known, "K": K}
        return other.visit(node)

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
        return issubclass(thing, (Rule, Gain, Decay)) and thing not in (Rule, Gain)
    return getattr(thing, "__annotations__", {}).get("return") in ("Rule", "Schedule")


def _plain(make: Callable[..., Any]) -> inspect.Signature:
    """Return how something is called, without types."""
    signature, empty = inspect.signature(make), inspect.Parameter.empty
    parameters = [parameter.replace(annotation=empty) for parameter in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=empty)

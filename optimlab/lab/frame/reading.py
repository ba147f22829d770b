"""The language of texts: names, numbers, calls and signs, parsed as Python is, and never run."""

import ast
import cmath
import difflib
import inspect
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any, ClassVar

from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.terminal import printable

__all__ = ["Reader", "nearest"]

_LONGEST, _DEEPEST = 1000, 60
_SIGNS: Mapping[type[ast.AST], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.BitOr: ("|", operator.or_),
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Pow: ("**", operator.pow),
}


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


class Reader(ast.NodeVisitor):
    """The tree of a text, and its value; a node that no method names is refused."""

    signs: ClassVar[str]
    literals: ClassVar[tuple[type, ...]]

    def __init__(self, text: str, known: Mapping[str, Any]) -> None:
        self.line = " ".join(text.split())
        self.known = known
        self.tree = self.parsed()

    @property
    def code(self) -> str:
        """The line as Python reads it, each sign in its place."""
        return self.line

    @property
    def parts(self) -> list[tuple[str, ast.expr]]:
        """What stands between commas: texts and nodes."""
        nodes = self.tree.elts if isinstance(self.tree, ast.Tuple) else [self.tree]
        return [(ast.get_source_segment(self.line, node) or "", node) for node in nodes]

    def value(self, node: ast.expr, **known: Any) -> Any:
        """Return the value of a part, with names that are known there alone."""
        other = copy(self)
        other.known = {**self.known, **known}
        return other.visit(node)

    def parsed(self) -> ast.expr:
        if not self.line or len(self.line) > _LONGEST:
            raise StudyError(f"an expression must have 1 to {_LONGEST} characters; got {len(self.line)}")
        if "#" in self.line:
            raise self.wrong("an expression has no comments", self.line.index("#"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of literals: what they are worth is said here
                tree = ast.parse(self.code, mode="eval").body
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


def _plain(make: Callable[..., Any]) -> inspect.Signature:
    """Return how something is called, without types."""
    signature, empty = inspect.signature(make), inspect.Parameter.empty
    parameters = [parameter.replace(annotation=empty) for parameter in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=empty)

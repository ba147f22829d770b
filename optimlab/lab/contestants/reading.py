"""Contestants from texts and from objects."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, final

from optimlab.extras import needed
from optimlab.lab.contestants.contestant import Contestant, Ruled
from optimlab.lab.contestants.foreign import RATES, Foreign, exported, found, system_of
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.expressions import rule
from optimlab.lab.frame.looks import labels
from optimlab.lab.frame.reading import Reader
from optimlab.rules.algebra import Rule
from optimlab.trees import kind

__all__ = ["contestants"]

_PREFIX = re.compile(r"'[^']*'|\"[^\"]*\"|\b(torch|optax|export):")


def contestants(given: Any) -> dict[str, Contestant]:
    """Return contestants by label, of a text such as "adam(), 0.5*momentum, torch:torch.optim.AdamW(lr=1e-3)".

    Parameters
    ----------
    given : str, object, sequence of these, or dict of objects by label
        A text: expressions of rules as ``--rules`` takes them, ``torch:`` before the dotted name of any class of torch
        optimizers, ``optax:`` before that of a function of a learning_rate, each with literal arguments by name,
        ``export:torch(rule)``, with commas between. An object: a Rule, a class or function as above or a
        ``functools.partial`` of one, or what has ``begin``.

    Returns
    -------
    dict of Contestant
        In the order given. Rules are called as in the studies, all others by package, name and arguments.

    Raises
    ------
    StudyError
        If the text describes no contestant: what is wrong, the place, and what is allowed; or if one stands twice.
    TypeError
        If an object is none.
    ImportError
        If torch or optax is asked for and not installed.

    Examples
    --------
    >>> found = contestants("adam(), 0.5*momentum, torch:torch.optim.SGD(momentum=.9, lr=1e-2)")
    >>> list(found)
    ['Adam', '0.5*momentum', 'torch SGD(momentum=0.9, lr=0.01)']
    >>> [contestant.lr for contestant in found.values()]
    [None, None, 0.01]
    >>> contestants("torch:torch.optim.Adan")
    Traceback (most recent call last):
        ...
    optimlab.lab.frame.errors.StudyError: torch.optim has no Adan; did you mean Adam?
      torch:torch.optim.Adan
      ^
    """
    if isinstance(given, Mapping):
        return {label: _contestant(thing, label) for label, thing in given.items()}
    things = given if isinstance(given, Iterable) and not isinstance(given, (str, Rule)) else [given]
    pairs = [pair for thing in things for pair in (_read(thing) if isinstance(thing, str) else [("", thing)])]
    rules = [(text or repr(thing), thing) for text, thing in pairs if isinstance(thing, Rule)]
    names = iter(labels([rule for _, rule in rules], [text for text, _ in rules]))
    entered = [_contestant(thing, next(names) if isinstance(thing, Rule) else "") for _, thing in pairs]
    seen: dict[str, Contestant] = {}
    for one in entered:
        if one.label in seen or one.key in [other.key for other in seen.values()]:
            raise StudyError(f"the contestant {one.label} stands twice; leave one out, or change a number in it")
        seen[one.label] = one
    return seen


def _contestant(thing: Any, label: str) -> Contestant:
    """Return an object as a contestant."""
    if isinstance(thing, Rule):
        return Ruled(thing, label or labels([thing])[0])
    if isinstance(thing, type) or not hasattr(thing, "begin"):
        held = thing if isinstance(thing, partial) else partial(thing) if callable(thing) else None
        system = None if held is None else system_of(held.func)
        if held is None or system is None or held.args:
            raise TypeError(
                "a contestant must be a text, a Rule, a class of torch.optim optimizers, a function of a learning_rate "
                f"that gives a transformation of optax, a partial of one with arguments by name; got {thing!r}"
            )
        return Foreign(system, held.func, tuple(held.keywords.items()), label)
    one: Contestant = thing
    return one


def _read(text: str) -> list[tuple[str, Any]]:
    """Return texts and rules, or contestants."""
    read = _Contestants(text, {"inf": math.inf})
    return [(part, read.contestant(node, part)) for part, node in read.parts]


@final
class _Contestants(Reader):
    """Rules are read by `rule`; here what other systems have."""

    signs = "-"
    literals = (int, float, str, bool, type(None))

    @property
    def code(self) -> str:
        return _PREFIX.sub(lambda found: f"{found[1]}." if found[1] else found[0], self.line)

    def contestant(self, node: ast.expr, text: str) -> Rule | Foreign:
        """Return the rule of a part, or what another system has."""
        system, path = _dotted(node.func if isinstance(node, ast.Call) else node)
        if system == "export" and path:
            return self.exported(path, node, text)
        if system not in RATES or not path:
            if any(found[1] for found in _PREFIX.finditer(text)):
                raise self.wrong("what another system has must stand alone between commas", node)
            return rule(text)
        make = self.tried(node, found, path)
        if system_of(make) != system:
            what = "a class of torch.optim optimizers" if system == "torch" else "a function of a learning_rate"
            raise self.wrong(f"{path} must be {what}; it is a {kind(make)}", node)
        words = self.words(node) if isinstance(node, ast.Call) else ()
        made: Foreign = self.tried(node, Foreign, system, make, words)
        return made

    def words(self, node: ast.Call) -> tuple[tuple[str, Any], ...]:
        """Return the arguments of a call."""
        if node.args or None in [word.arg for word in node.keywords]:
            raise self.wrong("arguments must be given by name, as in (lr=0.1)", node.args[0] if node.args else node)
        return tuple([(str(word.arg), self.visit(word.value)) for word in node.keywords])

    def exported(self, path: str, node: ast.expr, text: str) -> Foreign:
        """Return a rule as torch or optax computes it."""
        if path not in RATES or not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
            raise self.wrong("export:torch(adam()) and export:optax(adam()) are what can be exported", node)
        given = rule(ast.get_source_segment(self.line, node.args[0]) or "")
        needed(path, path, text)
        made: Foreign = self.tried(node, exported, path, given)
        return made

    def visit_Constant(self, node: ast.Constant) -> Any:
        found = super().visit_Constant(node)
        return node.value if type(node.value) is int else found

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        return tuple(map(self.visit, node.elts))

    def visit_List(self, node: ast.List) -> Any:
        return tuple(map(self.visit, node.elts))


def _dotted(node: ast.expr) -> tuple[str, str]:
    """Return the first name and what follows its first dot."""
    first, _, rest = ast.unparse(node).partition(".") if isinstance(node, ast.Attribute) else ("", "", "")
    return first, rest

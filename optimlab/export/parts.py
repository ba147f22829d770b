"""What a text is made of, whatever its language: the traced step with names for its places, and its numbers."""

from __future__ import annotations

import re
from keyword import kwlist
from typing import Any, Final, NamedTuple

import numpy as np

from optimlab.engine.program import Program, stepped
from optimlab.export.coefficients import Debiased, Table, coefficients
from optimlab.export.targets import JAX_NUMBERS, Target
from optimlab.notation.symbols import Symbol, called
from optimlab.rules.algebra import Rule, distinct

__all__ = ["Parts", "parts_of"]

_TAKEN: Final = {
    *kwlist, "g", "w", "t", "i", "n", "lr", "eta", "state", "weights", "gradients", "step", "start", "numbers",
    "math", "real", "torch", "jax", "jnp", "np", "auto", "case", "catch", "char", "const", "debugger", "default",
    "delete", "do", "double", "enum", "export", "extern", "extends", "false", "float", "function", "goto",
    "implements", "inline", "instanceof", "int", "interface", "let", "long", "new", "null", "package", "private",
    "protected", "public", "register", "restrict", "short", "signed", "sizeof", "static", "struct", "super", "switch",
    "this", "throw", "true", "typedef", "typeof", "union", "unsigned", "var", "void", "volatile",
    "Math", "sqrt", "sqrtf", "fabs", "fabsf", "all", "Infinity", "NaN", "INFINITY", "NAN", "arguments",
    "eval", "size_t", "isinstance",
}  # fmt: skip
"""What no slot can be called in a text."""


class Parts(NamedTuple):
    """What a text is made of.

    Attributes
    ----------
    dtype : str
        Of the arrays.
    program : Program
        The step.
    names : tuple of str
        What each place of the program is called.
    constants : tuple of float
        The numbers of the formula itself, where they have names.
    slots : tuple of str
        Names of the state's arrays.
    start : tuple of float
        What they hold before the first step.
    coefficients : list of Symbol
        In t and lr.
    """

    dtype: str
    program: Program
    names: tuple[str, ...]
    constants: tuple[float, ...]
    slots: tuple[str, ...]
    start: tuple[float, ...]
    coefficients: list[Symbol]

    @property
    def tables(self) -> list[tuple[float, ...]]:
        """What depends on t in another way than by an expression; equal ones once."""
        functions = [call.function for call in called(self.coefficients)]
        return list(dict.fromkeys(function.numbers for function in functions if isinstance(function, Table)))

    @property
    def debiased(self) -> bool:
        """Whether there is a function (1-β)/(1-βᵗ)."""
        return any(isinstance(call.function, Debiased) for call in called(self.coefficients))

    @property
    def bank(self) -> tuple[str, ...]:
        """Names of the learning rate, the coefficients, and the constants that have names."""
        first = self.program.arrays + 1
        return self.names[first : first + 1 + len(self.coefficients) + len(self.constants)]

    @property
    def read(self) -> set[str]:
        """Names of what the step reads."""
        return {self.names[place] for _, places, _ in self.program.calls for place in places}

    def buffers(self, mark: bool) -> list[str]:
        """Return the names of what else is kept in a step: marks, or numbers."""
        return [f"b{i}" for i, kind in enumerate(self.program.buffers) if (kind == np.bool_) is mark]

    @property
    def end(self) -> int:
        """The last step of the tables, 0 if there are none."""
        return len(self.tables[0]) if self.tables else 0

    def calls(self, target: Target) -> list[tuple[str, str]]:
        """Return the step: where each result is kept, and the call that makes it."""
        at, copies = self.names, [(np.positive, (source,), home) for source, home in self.program.copies]
        calls = [*self.program.calls, *copies]
        return [(at[out], target.call(f, [at[place] for place in places])) for f, places, out in calls]

    def numbers(self, target: Target, form: str) -> tuple[list[str], list[str]]:
        """Return the lines that follow from t, each ``form`` of a name and a call, and the coefficients."""
        known: dict[int, str] = {}
        names: dict[str, str] = {}

        def written(x: Symbol) -> str:
            if x.serial in known:
                return known[x.serial]
            return x.value if isinstance(x.value, str) else target.number(x.value)  # type: ignore[arg-type]

        for call in called(self.coefficients):
            text = self._number(call.function, [written(x) for x in call.operands], target)
            known[call.serial] = names.setdefault(text, f"a{len(names)}")
        return [form.format(name, text) for text, name in names.items()], [written(x) for x in self.coefficients]

    def _number(self, function: Any, operands: list[str], target: Target) -> str:
        traced = target is JAX_NUMBERS
        if isinstance(function, Debiased):
            high, low = target.number(function.high), target.number(function.low)
            return f"{'debiased_in(xp, ' if traced else 'debiased('}{high}, {low}, {operands[0]})"
        if isinstance(function, Table):
            name = f"TABLE{self.tables.index(function.numbers)}"
            return f"entry_in(xp, {name}, t)" if traced else f"{name}[t - 1]"
        return target.call(function, operands)


def parts_of(rule: Rule, dtype: str, steps: int, literal: Target | None) -> Parts:
    """Return what the text of a rule is made of; in some languages constants are literals, in others they have names.

    Raises
    ------
    TypeError
        If the rule is none that a text can hold.
    """
    found = coefficients(rule, steps)
    program = stepped(rule, None, dtype, scaled=False)[0]
    constants = tuple(map(float, program.scalars))
    slots = distinct([_plain(slot) for slot in rule.slots])
    named = [literal.number(x) if literal else f"k{i}" for i, x in enumerate(constants)]
    buffers = [f"b{i}" for i in range(len(program.buffers))]
    names = ("g", "w", *slots, "scale", "eta", *[f"c{i}" for i in range(len(found))], *named, *buffers)
    return Parts(dtype, program, names, () if literal else constants, slots, rule.start, found)


def _plain(slot: str) -> str:
    """Return a name as every language takes it."""
    name = re.sub(r"\W|^(?=\d|$)", "_", slot, flags=re.ASCII)
    return f"{name}_" if name in _TAKEN or re.fullmatch(r"[abcks]\d.*", name) else name

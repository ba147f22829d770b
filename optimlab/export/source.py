"""A rule as text that stands alone: its traced step and its numbers, in the words of a language."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import fill
from typing import Final

from optimlab import __version__
from optimlab.checks import choice, whole
from optimlab.export.parts import Parts, parts_of
from optimlab.export.prelude import DEBIASED, plain
from optimlab.export.portable import entry_in
from optimlab.export.targets import C, JAVASCRIPT, JAX, JAX_NUMBERS, PYTHON, TORCH, Target
from optimlab.rules.algebra import Rule

__all__ = ["source"]


def source(rule: Rule, target: str, *, dtype: str = "float64", steps: int = 1000) -> str:
    """Return a rule as text; see ``Rule.source``."""
    choice("target", target, tuple(_TEXTS))
    choice("dtype", dtype, ("float64", "float32"))
    return _TEXTS[target](rule, dtype, whole("steps", steps, 1))


def _head(rule: Rule, about: str, comment: str) -> str:
    """Return the comment at the head of a text."""
    lines = [repr(rule), "", *rule.latex().splitlines(), "", *about.splitlines(), f"Written by optimlab {__version__}."]
    return "\n".join([f"{comment}{line}".rstrip() for text in lines for line in text.splitlines() or [""]])


def _about(parts: Parts, language: str, remark: str) -> str:
    ends = f"\nIts tables end at t = {len(parts.tables[0])}." if parts.tables else ""
    return f"{language} in {parts.dtype}: {remark}{ends}"


def _tables(parts: Parts, target: Target, form: str) -> list[str]:
    """Return the definitions of tables."""
    rows = [fill(", ".join(map(target.number, table)), 118) for table in parts.tables]
    return [form.format(f"TABLE{i}", row) for i, row in enumerate(rows)]


def _blocks(*blocks: str) -> str:
    return "\n\n\n".join([block for block in blocks if block]) + "\n"


def _latex(rule: Rule, dtype: str, steps: int) -> str:
    head = "\n".join(f"% {line}" for line in [*repr(rule).splitlines(), f"Written by optimlab {__version__}."])
    return f"{head}\n\\begin{{align*}}\n{rule.latex()}\n\\end{{align*}}\n"


def _torch(rule: Rule, dtype: str, steps: int) -> str:
    parts = parts_of(rule, dtype, steps, None)
    about = _about(parts, "PyTorch", "step moves w and the state in place; on any device, in the dtype of w.")
    lines, numbers = parts.numbers(PYTHON, "    {} = {}")
    end = len(parts.tables[0]) if parts.tables else 0
    guard = [
        f"    if not 1 <= t <= {end}:",
        f'        raise ValueError(f"t must be from 1 to {end}, where the tables end; got {{t}}")',
    ]
    return _blocks(
        _head(rule, about, "# "),
        "import math\n\nimport torch" if "math." in "".join(lines) else "import torch",
        "\n\n".join(_tables(parts, PYTHON, "{} = [\n{}\n]")),
        DEBIASED["torch"] if parts.debiased else "",
        "\n".join([
            "def numbers(t, lr):",
            '    """Return the numbers of step t = 1, 2, ...: the learning rate, coefficients, constants."""',
            *(guard if end else []), *lines,
            f"    return [{', '.join(['lr', *numbers, *map(PYTHON.number, parts.constants)])}]",
        ]),
        "\n".join([
            "def start(w):",
            '    """Return the state before the first step."""',
            f"    return [{', '.join(f'torch.full_like(w, {PYTHON.number(x)})' for x in parts.start)}]",
        ]),
        "\n".join([
            "@torch.no_grad()",
            "def step(w, g, state, t, lr):",
            '    """Move w by its gradient g, in place, at step t = 1, 2, ... with a learning rate."""',
            *_unpacked("    ", parts.slots, "state"),
            *_unpacked("    ", parts.bank, "w.new_tensor(numbers(t, lr)).unbind()"),
            *[
                f"    {out}.copy_({text})" if out in ("w", *parts.slots) else f"    {out} = {text}"
                for out, text in parts.calls(TORCH)
            ],
        ]),
    )  # fmt: skip


def _unpacked(space: str, names: tuple[str, ...], given: str) -> list[str]:
    """Return the line that unpacks a sequence in Python, if there are any."""
    return [f"{space}{', '.join(names) if len(names) > 1 else f'({names[0]},)'} = {given}"] if names else []


_TEXTS: Final[dict[str, Callable[[Rule, str, int], str]]] = {"torch": _torch, "latex": _latex}

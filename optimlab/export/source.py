"""A rule as text that stands alone: its traced step and its numbers, in the words of a language."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill
from typing import Final

import numpy as np

from optimlab import __version__
from optimlab.checks import choice, whole
from optimlab.export.parts import Parts, parts_of
from optimlab.export.portable import entry_in
from optimlab.export.prelude import DEBIASED, SQRT, plain
from optimlab.export.targets import JAVASCRIPT, JAX, JAX_NUMBERS, PYTHON, TORCH, C, Target
from optimlab.rules.algebra import Rule

__all__ = ["source"]


def source(rule: Rule, target: str, *, dtype: str = "float64", steps: int = 1000) -> str:
    """Return a rule as text; see ``Rule.source``."""
    choice("target", target, tuple(_TEXTS))
    choice("dtype", dtype, ("float64", "float32"))
    return _TEXTS[target](rule, dtype, whole("steps", steps, 1))


def _head(rule: Rule, parts: Parts, remark: str, comment: str) -> str:
    """Return the comment at the head of a text."""
    ends = [f"Its tables end at t = {parts.end}."] if parts.end else []
    last = [*remark.splitlines(), *ends, f"Written for {parts.dtype} by optimlab {__version__}."]
    lines = [repr(rule), "", *rule.latex().splitlines(), "", *last]
    return "\n".join([f"{comment}{line}".rstrip() for text in lines for line in text.splitlines() or [""]])


def _tables(parts: Parts, target: Target, form: str) -> list[str]:
    """Return the definitions of tables."""
    rows = [fill(", ".join(map(target.number, table)), 118) for table in parts.tables]
    return [form.format(f"TABLE{i}", row) for i, row in enumerate(rows)]


def _blocks(*blocks: str) -> str:
    return "\n\n\n".join([block for block in blocks if block]) + "\n"


def _latex(rule: Rule, dtype: str, steps: int) -> str:
    head = "\n".join(
        f"% {line}" for line in [*repr(rule).splitlines(), f"Written for amsmath by optimlab {__version__}."]
    )
    return f"{head}\n\\begin{{align*}}\n{rule.latex()}\n\\end{{align*}}\n"


def _torch(rule: Rule, dtype: str, steps: int) -> str:
    parts = parts_of(rule, dtype, steps, None)
    lines, numbers = parts.numbers(PYTHON, "    {} = {}")
    rooted = any(function is np.sqrt for function, _, _ in parts.program.calls)
    imports = ["import math", ""] if "math." in "".join(lines) else []
    imports += ["import numpy as np"] if rooted else []
    return _blocks(
        _head(rule, parts, "PyTorch: step moves w and the state in place, in the dtype of w, on any device.", "# "),
        "\n".join([*imports, "import torch"]),
        DEBIASED["torch"] if parts.debiased else "",
        SQRT if rooted else "",
        _python_numbers(parts, [*_guard(parts), *lines], numbers),
        _python_start(parts, "torch"),
        _torch_step(parts),
        *_tables(parts, PYTHON, "{} = [\n{}\n]"),
    )


def _torch_step(parts: Parts) -> str:
    kept = ("w", *parts.slots)
    return "\n".join([
        "@torch.no_grad()",
        "def step(w, g, state, t, lr):",
        '    """Move w by its gradient g, in place, at step t = 1, 2, ... with a learning rate."""',
        *_unpacked(parts.slots, "state"),
        *_unpacked(parts.bank, "w.new_tensor(numbers(t, lr)).unbind()"),
        *[f"    {out}.copy_({text})" if out in kept else f"    {out} = {text}" for out, text in parts.calls(TORCH)],
    ])  # fmt: skip


def _guard(parts: Parts) -> list[str]:
    """Return the lines of Python that refuse a step after the end of the tables."""
    end = parts.end
    message = f'f"t must be from 1 to {end}, where the tables end; got {{t}}"'
    return [f"    if not 1 <= t <= {end}:", f"        raise ValueError({message})"] if end else []


def _jax(rule: Rule, dtype: str, steps: int) -> str:
    parts = parts_of(rule, dtype, steps, None)
    lines, numbers = parts.numbers(JAX_NUMBERS, "    {} = {}")
    traced = "    xp, t = (jnp, jnp.asarray(t, float)) if isinstance(t, jax.core.Tracer) else (np, int(t))"
    imports = ["from functools import lru_cache", ""] if parts.debiased else []
    imports += ["import jax", "import jax.numpy as jnp", "import numpy as np"] if lines else ["import jax.numpy as jnp"]
    remark = (
        "JAX: step returns new w and state, in the dtype of w, also under jit. Where t is traced, its numbers are\n"
        "right to some units of the last place, and NaN after the end of a table. XLA takes subnormal numbers for 0."
    )
    return _blocks(
        _head(rule, parts, remark, "# "),
        "\n".join(imports),
        DEBIASED["jax"] if parts.debiased else "",
        plain(entry_in) if parts.tables else "",
        _python_numbers(parts, [traced, *lines] if lines else [], numbers),
        _python_start(parts, "jnp"),
        "\n".join([
            "def step(w, g, state, t, lr):",
            '    """Return w and the state after step t = 1, 2, ... with a gradient g and a learning rate."""',
            *_unpacked(parts.slots, "state"),
            *_unpacked(parts.bank, "[jnp.full_like(w, x) for x in numbers(t, lr)]"),
            *[f"    {out} = {text}" for out, text in parts.calls(JAX)],
            f"    return w, [{', '.join(parts.slots)}]",
        ]),
        *_tables(parts, PYTHON, "{} = [\n{}\n]"),
    )  # fmt: skip


def _python_numbers(parts: Parts, lines: list[str], numbers: list[str]) -> str:
    held = ", ".join(["lr", *numbers, *map(PYTHON.number, parts.constants)])
    about = '    """Return the numbers of step t = 1, 2, ...: the learning rate, coefficients, constants."""'
    return "\n".join(["def numbers(t, lr):", about, *lines, f"    return [{held}]"])


def _python_start(parts: Parts, module: str) -> str:
    held = ", ".join([f"{module}.full_like(w, {PYTHON.number(x)})" for x in parts.start])
    return f'def start(w):\n    """Return the state before the first step."""\n    return [{held}]'


def _unpacked(names: tuple[str, ...], given: str) -> list[str]:
    """Return the line of Python that unpacks a sequence, if there is anything in it."""
    return [f"    {', '.join(names) if len(names) > 1 else f'({names[0]},)'} = {given}"] if names else []


def _javascript(rule: Rule, dtype: str, steps: int) -> str:
    parts = parts_of(rule, dtype, steps, JAVASCRIPT[dtype])
    array = f"{dtype.title()}Array"
    state = ", ".join([f"new {array}(n).fill({JAVASCRIPT[dtype].number(x)})" for x in parts.start])
    return _blocks(
        _head(rule, parts, f"JavaScript: a module of functions on {array}s; step moves weights and state.", "// "),
        DEBIASED["js"] if parts.debiased else "",
        _javascript_numbers(parts),
        f"// the state of n weights before the first step\nexport function start(n) {{\n  return [{state}];\n}}",
        _javascript_step(parts),
        *_tables(parts, JAVASCRIPT["float64"], "const {} = [\n{}\n];"),
    )


def _javascript_numbers(parts: Parts) -> str:
    lines, numbers = parts.numbers(JAVASCRIPT["float64"], "  const {} = {};")
    message = f"`t must be from 1 to {parts.end}; got ${{t}}`"
    guard = f"  if (!(t >= 1 && t <= {parts.end})) throw new RangeError({message});"
    return "\n".join([
        "// the numbers of step t = 1, 2, ...: the learning rate and the coefficients",
        "function numbers(t, lr) {",
        *([guard] if parts.end else []),
        *lines,
        f"  return [{', '.join(['lr', *numbers])}];",
        "}",
    ])  # fmt: skip


def _javascript_step(parts: Parts) -> str:
    rounded = ".map(Math.fround)" if parts.dtype == "float32" else ""
    held = ["w = weights[i]", *_loads(parts), *parts.buffers(False), *parts.buffers(True)]
    return "\n".join([
        "// move the weights by their gradients at step t = 1, 2, ... with a learning rate",
        "export function step(weights, gradients, state, t, lr) {",
        f"  const [{', '.join(parts.bank)}] = numbers(t, lr){rounded};",
        *([f"  const [{', '.join(f's{i}' for i in range(len(parts.slots)))}] = state;"] if parts.slots else []),
        "  for (let i = 0; i < weights.length; i += 1) {",
        "    const g = gradients[i];",
        f"    let {', '.join(held)};",
        *[f"    {out} = {text};" for out, text in parts.calls(JAVASCRIPT[parts.dtype])],
        *[f"    s{i}[i] = {name};" for i, name in enumerate(parts.slots)],
        "    weights[i] = w;",
        "  }",
        "}",
    ])  # fmt: skip


def _loads(parts: Parts) -> list[str]:
    return [f"{name} = s{i}[i]" for i, name in enumerate(parts.slots)]


def _c(rule: Rule, dtype: str, steps: int) -> str:
    parts = parts_of(rule, dtype, steps, C[dtype])
    remark = "C99, to be compiled with -ffp-contract=off and without -ffast-math."
    real = "double" if dtype == "float64" else "float"
    return _blocks(
        "/*\n" + _head(rule, parts, remark, " * ").replace("*/", "* /") + "\n */",
        f"#include <math.h>\n#include <stddef.h>\n\ntypedef {real} real;",
        DEBIASED["c"] if parts.debiased else "",
        *_tables(parts, C["float64"], "static const double {}[] = {{\n{}\n}};"),
        _c_numbers(parts),
        _c_start(parts),
        _c_step(parts),
    )


def _c_numbers(parts: Parts) -> str:
    lines, numbers = parts.numbers(C["float64"], "    const double {} = {};")
    return "\n".join([
        "/* the numbers of step t = 1, 2, ...: the learning rate and the coefficients */",
        "static int numbers(long long t, double lr, double *all) {",
        *([f"    if (t < 1 || t > {parts.end}) return 1;"] if parts.end else []),
        *_unread(t=bool(lines)),
        *lines,
        *[f"    all[{i}] = {text};" for i, text in enumerate(["lr", *numbers])],
        "    return 0;",
        "}",
    ])  # fmt: skip


def _unread(**read: bool) -> list[str]:
    """Return the lines of C that spare arguments which are not read a warning."""
    return [f"    (void){name};" for name, there in read.items() if not there]


def _c_start(parts: Parts) -> str:
    return "\n".join([
        "/* the state of n weights before the first step: one array for each slot */",
        "void start(size_t n, real *const *state) {",
        *_unread(state=bool(parts.slots)),
        "    for (size_t i = 0; i < n; i++) {",
        *[f"        state[{i}][i] = {C[parts.dtype].number(x)};" for i, x in enumerate(parts.start)],
        "    }",
        "}",
    ])  # fmt: skip


def _c_step(parts: Parts) -> str:
    slots, read = range(len(parts.slots)), parts.read
    marks = [f"        int {', '.join(parts.buffers(True))};"] if parts.buffers(True) else []
    return "\n".join([
        "/* move n weights by their gradients at step t = 1, 2, ...; 1 after the end of the tables, else 0 */",
        "int step(size_t n, real *restrict weights, const real *restrict gradients, real *const *state,",
        "         long long t, double lr) {",
        *_unread(state=bool(parts.slots), gradients="g" in read),
        f"    double all[{len(parts.bank)}];",
        "    if (numbers(t, lr, all)) return 1;",
        *[f"    const real {name} = (real)all[{i}];" for i, name in enumerate(parts.bank) if name in read],
        *[f"    real *restrict s{i} = state[{i}];" for i in slots],
        "    for (size_t i = 0; i < n; i++) {",
        *(["        const real g = gradients[i];"] if "g" in read else []),
        f"        real {', '.join(['w = weights[i]', *_loads(parts), *parts.buffers(False)])};",
        *marks,
        *[f"        {out} = {text};" for out, text in parts.calls(C[parts.dtype])],
        *[f"        s{i}[i] = {parts.slots[i]};" for i in slots],
        "        weights[i] = w;",
        "    }",
        "    return 0;",
        "}",
    ])  # fmt: skip


_TEXTS: Final[dict[str, Callable[[Rule, str, int], str]]] = {
    "js": _javascript, "c": _c, "torch": _torch, "jax": _jax, "latex": _latex,
}  # fmt: skip

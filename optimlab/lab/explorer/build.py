"""The page out of its files: joined by their imports into one script, under a policy that lets nothing else run."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from importlib.resources import files
from typing import Any

from optimlab.lab.explorer.facts import facts

__all__ = ["build", "joined"]

_IMPORT = re.compile(r'^import \{ ([^}\n]+) \} from "\./(\w+)\.js";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:async |function|class|const|let))", re.M)
_NAME = re.compile(r"^(export )?(?:async )?(?:function\*?|class|const|let) ([\w$]+)", re.M)
_TAKEN = re.compile(
    "Array|Boolean|Date|Error|Function|JSON|Map|Math|Number|Object|Promise|Proxy|RegExp|Set|String|Symbol"
    "|document|location|top|window"  # a page's own, which no script may name again
)
_MARGIN = re.compile(r"^ *(?:(?://.*|/\*(?:[^*]|\*(?!/))*\*/)?\n)?", re.M)


def build(*, rules: Sequence[str] | None = None, surface: str | None = None) -> str:
    """Return the page: HTML that holds its style, its script and all that they need.

    Parameters
    ----------
    rules : sequence of str, optional
        Rules that run when the page opens, as texts of the algebra.
    surface : str, optional
        The surface that they run over: a name, or a formula in x and y.

    Returns
    -------
    str
        The text of the file.

    Raises
    ------
    ValueError
        If the page's own files contradict each other.

    Examples
    --------
    >>> build(rules=["adam"], surface="saddle").startswith("<!doctype html>")
    True
    """
    opening = {key: value for key, value in {"rules": rules, "surface": surface}.items() if value is not None}
    page = {path.name: path.read_text(encoding="utf-8") for path in (files(__package__) / "page").iterdir()}
    modules = {name.removesuffix(".js"): text for name, text in page.items() if name.endswith(".js")}
    script = joined(modules | {"facts": _constant("FACTS", facts() | {"opening": opening})})
    style = _MARGIN.sub("", page["page.css"])
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {"policy": policy, "style": style, "script": script}
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], page["page.html"])


def joined(modules: Mapping[str, str]) -> str:
    r"""Return modules as one script: each after those that it imports from, without ``import`` and ``export``.

    Parameters
    ----------
    modules : mapping of str
        Texts by name.

    Returns
    -------
    str
        The script; comments and margins are left out, a fifth of it.

    Raises
    ------
    ValueError
        If a module imports what is not there, or imports in a circle; if two modules, or a module and the language,
        mean different things by one name; if a text has several lines; if the script holds what would end it in HTML.

    Examples
    --------
    >>> print(joined({"a": 'import { one } from "./b.js";\nlog(one);', "b": "export const one = 1;"}))
    "use strict";
    const one = 1;
    log(one);
    """
    imports = {name: [(of, found.split(", ")) for found, of in _IMPORT.findall(text)] for name, text in modules.items()}
    _check_names(modules, imports)
    bare = (_EXPORT.sub("", _MARGIN.sub("", _IMPORT.sub("", modules[name]))) for name in _ordered(imports))
    script = "\n".join(['"use strict";', *bare])
    _check_script(script)
    return script


def _ordered(imports: Mapping[str, Iterable[tuple[str, list[str]]]]) -> list[str]:
    """Return the names of modules, each after those that it imports from."""
    try:
        return [*TopologicalSorter({name: [of for of, _ in imports[name]] for name in sorted(imports)}).static_order()]
    except CycleError as error:
        raise ValueError(f"modules import each other in a circle: {' -> '.join(error.args[1])}") from error


def _check_script(script: str) -> None:
    """Refuse what means something else without margins, or inside HTML."""
    if ragged := re.search(r"^[^`\n]*(?:`[^`\n]*`[^`\n]*)*`[^`\n]*$", script, re.M):
        raise ValueError(f"a text between backticks must be in one line, as margins are dropped; got {ragged[0]!r}")
    if wrong := re.search(r"</script|<!--|^(?:import|export)\b.*", script, re.I | re.M):
        raise ValueError(f"a script must have neither </script nor <!-- nor another form of import; got {wrong[0]!r}")


def _check_names(modules: Mapping[str, str], imports: Mapping[str, Iterable[tuple[str, list[str]]]]) -> None:
    """Refuse names that are there twice, and imports of what is not exported."""
    homes: dict[str, str] = {}
    exported: dict[str, set[str]] = {}
    for module, text in modules.items():
        found = _NAME.findall(text)
        exported[module] = {name for export, name in found if export}
        for _, name in found:
            if name in homes or _TAKEN.fullmatch(name):
                other = homes.get(name, "JavaScript")
                raise ValueError(f"top-level names must be unique; {name} is in {module}.js and {other}")
            homes[name] = f"{module}.js"
    for module, wanted in imports.items():
        for of, names in wanted:
            if missing := sorted(set(names) - exported.get(of, set())):
                raise ValueError(f"{module}.js imports {', '.join(missing)} from {of}.js, which does not export it")


def _constant(name: str, value: Any) -> str:
    """Return a module that exports a value; what would end a script inside HTML, or a line, is escaped."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    escaped = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f"export const {name} = {escaped};\n"


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"

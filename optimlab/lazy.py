"""Public names that are loaded when they are first used, so that an import pays only for what it names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

__all__ = ["lazily"]


def lazily(package: str, names: Sequence[str], modules: Sequence[str]) -> Callable[[str], Any]:
    """Return a package's ``__getattr__`` (PEP 562): it looks for a name in the modules' ``__all__``, one by one.

    Parameters
    ----------
    package : str
        Name of the package.
    names : sequence of str
        What the package offers.
    modules : sequence of str
        Its modules, in the order in which they are searched: what is light and wanted often comes first.

    Examples
    --------
    >>> get = lazily("optimlab.schedules", ["constant"], ["schedule", "decay"])
    >>> get("constant")(0.1)
    constant(0.1)
    """

    def get(name: str) -> Any:
        for module in modules if name in names else ():
            home = import_module(f"{package}.{module}")
            if name in home.__all__:
                value = getattr(home, name)
                setattr(sys.modules[package], name, value)
                return value
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get

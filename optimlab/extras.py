"""What is not installed with the library: said in one place."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["needed"]


def needed(module: str, extra: str, by: str) -> ModuleType:
    """Return a module of another package, or raise an ImportError that names the extra which installs it.

    Examples
    --------
    >>> needed("numpy", "lab", "a table").__name__
    'numpy'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        remedy = f'python -m pip install "optimlab[{extra}]"'
        raise ImportError(
            f"{by} needs {module.partition('.')[0]}, which is not installed; {remedy} installs it"
        ) from error

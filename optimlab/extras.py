"""What is not installed with the library: said in one place."""

from __future__ import annotations

from importlib import import_module

__all__ = ["needed"]


def needed(module: str, extra: str, by: str) -> None:
    """Raise an ImportError that names the extra, if a module is missing that a function needs.

    Examples
    --------
    >>> needed("numpy", "lab", "a table")
    """
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        remedy = f'python -m pip install "optimlab[{extra}]"'
        raise ImportError(f"{by} needs {module}, which is not installed; {remedy} installs it") from error

"""Where and with what a run was made: the facts that ``run.json`` keeps."""

import os
import platform
import re
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

import optimlab

__all__ = ["blas", "circumstances", "cpu_model", "revision", "version"]

_PACKAGES = ("optimlab", "numpy", "scipy", "pandas", "matplotlib", "numba")
_PATIENCE = 10.0  # seconds for git


@cache
def circumstances() -> dict[str, object]:
    """Return versions, revision, BLAS, processor and platform of this process; what there is not is None.

    Examples
    --------
    >>> sorted(circumstances())
    ['blas', 'cpu', 'platform', 'revision', 'versions']
    """
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
        "revision": revision(),
        "blas": blas(),
        "cpu": {"model": cpu_model(), "count": os.cpu_count()},
        "platform": platform.platform(),
    }


def version(package: str) -> str | None:
    """Return the version of a package that is installed, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def cpu_model() -> str:
    """Return what the processor calls itself; Linux is asked first, where Python knows nothing or only the family."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(errors="replace"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def blas() -> str | None:
    """Return name and version of the BLAS that NumPy was built with, as it says itself."""
    config: dict[str, dict[str, dict[str, str]]] = np.show_config(mode="dicts")  # type: ignore[assignment]
    found = config["Build Dependencies"].get("blas", {})
    return " ".join(filter(None, (found.get("name"), found.get("version")))) or None


def revision() -> str | None:
    """Return the commit of the checkout that the package lies in, "-dirty" if files differ from it; else None."""
    root = Path(optimlab.__file__).resolve().parents[1]
    if not (root / ".git").exists():  # installed, perhaps inside the checkout of something else
        return None
    words = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    command = ["git", "--no-optional-locks", "-C", str(root), *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PATIENCE).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None

"""Where and with what a run was made: the facts that ``run.json`` keeps."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

__all__ = ["circumstances", "cpu_model", "version"]

_PACKAGES = ("optimlab", "numpy", "scipy", "pandas", "matplotlib", "numba")


def circumstances() -> dict[str, object]:
    """Return versions, processor and platform of this process; what is not installed is None.

    Examples
    --------
    >>> sorted(circumstances())
    ['cpu', 'platform', 'versions']
    """
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
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

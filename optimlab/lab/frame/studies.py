"""The studies that come with the package: found in a checkout and in an installed wheel, and run by name."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from optimlab.lab.folders import shipped
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.terminal import guarded

__all__ = ["names", "run"]

_GATHERING = "claims"  # which runs all the others
_MAIN = ("__main__", "__mp_main__")


def names() -> list[str]:
    """Return the names of the studies.

    Raises
    ------
    FileNotFoundError
        If the folder of the studies is not there.

    Examples
    --------
    >>> "ema_beta" in names(), "claims" in names()
    (True, False)
    """
    return sorted({path.stem for path in _folder().glob("*.py")} - {_GATHERING})


def run(name: str, arguments: Sequence[str] = ()) -> int:
    """Run a study as ``python studies/<name>.py <arguments>`` does, in this process.

    Parameters
    ----------
    name : str
        One of `names`, or "claims", which runs them all and gathers what they claim.
    arguments : sequence of str
        Its command line, as for ``--help``.

    Returns
    -------
    int
        Its exit status; 2 if there is no such study.

    Examples
    --------
    >>> run("ema_beta", ["--help"])  # doctest: +ELLIPSIS
    usage: ema_beta.py ...
    0
    """
    return guarded(lambda: _run(name, arguments))


def _run(name: str, arguments: Sequence[str]) -> int:
    if name not in (known := [*names(), _GATHERING]):
        raise StudyError(f"the study must be one of {', '.join(known)}; got {name!r}")
    script = _folder() / f"{name}.py"
    try:
        with _as_main(script, arguments) as main:
            exec(compile(script.read_bytes(), script, "exec"), vars(main))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


@contextmanager
def _as_main(script: Path, arguments: Sequence[str]) -> Iterator[ModuleType]:
    """Be the module that a command line runs, also for what workers send back: they call it ``__mp_main__``."""
    argv, before = sys.argv, {name: sys.modules[name] for name in _MAIN if name in sys.modules}
    main = ModuleType("__main__")
    main.__file__ = str(script)
    sys.argv = [str(script), *arguments]
    sys.modules.update(dict.fromkeys(_MAIN, main))
    try:
        yield main
    finally:
        sys.argv = argv
        sys.modules.update(dict.fromkeys(_MAIN, before["__main__"]) | before)


def _folder() -> Path:
    return shipped("studies", f"{_GATHERING}.py")

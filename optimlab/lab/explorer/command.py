"""The explorer: one HTML file in which every slider moves the real optimizer, without network.

Rules are names or expressions with commas between: "adam, heavy_ball(0.95), Ema(.9)|Sign()". A surface is a name or a
formula in x and y.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from optimlab.lab.explorer.build import build
from optimlab.lab.explorer.facts import facts
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.expressions import function, rules
from optimlab.lab.frame.output import whole_file
from optimlab.lab.frame.reading import Reader, nearest
from optimlab.lab.frame.terminal import guarded, tell

__all__ = ["command"]


def command(argv: Sequence[str] | None = None) -> int:
    """Run ``optimlab explorer`` and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the command line.

    Returns
    -------
    int
        0, or 2 if the file cannot be written, or a text means no rule or surface.

    Examples
    --------
    >>> command(["--surface", "sadle"])
    2
    """
    parser = argparse.ArgumentParser(
        "optimlab explorer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--out", type=Path, default=Path("explorer.html"), metavar="FILE", help="the file (default: explorer.html)"
    )
    parser.add_argument("--rules", help="what runs when the page opens")
    parser.add_argument("--surface", metavar="F", help="over which surface: a name, or a formula in x and y")
    given = parser.parse_args(argv)
    return guarded(lambda: _main(given.out, given.rules, given.surface))


def _main(path: Path, rules: str | None, surface: str | None) -> int:
    if path.is_dir():
        raise StudyError(f"--out must be a file; {path} is a folder; give --out {path / 'explorer.html'}")
    page = build(rules=_checked_rules(rules), surface=_checked_surface(surface)).encode()
    with whole_file(path) as file:
        file.write(page)
    tell(f"{path}: {len(page) / 1000:.0f} kB\nopen it in any browser: {path.resolve().as_uri()}")
    return 0


def _checked_rules(text: str | None) -> list[str] | None:
    """Return the texts of the rules, each of which the page can run."""
    if text is None:
        return None
    for label, rule in rules(text).items():
        if rule.whole:
            raise StudyError(f"{label} looks at whole leaves; the page runs what is elementwise, such as adam")
    return [part for part, _ in Reader(text, {}).parts]


def _checked_surface(text: str | None) -> str | None:
    """Return the name of a surface of the page, or a formula."""
    names = [entry["name"] for entry in facts()["surfaces"]]
    if text is None or text in names:
        return text
    if text.strip().isidentifier() and text.strip() not in ("x", "y"):
        remedy = f"{nearest(text.strip(), names)} A formula such as x**2 - y**2 is one, too"
        raise StudyError(f"{text.strip()!r} is no surface; {remedy}")
    function(text)
    return " ".join(text.split())

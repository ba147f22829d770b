"""``optimlab atlas``: lock-step again with whatever is installed, and what has changed against ``docs/atlas.md``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from optimlab.lab.atlas.pairs import PAIRS, Pair
from optimlab.lab.atlas.systems import SYSTEMS
from optimlab.lab.atlas.table import Row, changes, markdown, measured, read, row
from optimlab.lab.folders import shipped
from optimlab.lab.frame.terminal import guarded, tell

__all__ = ["command"]


def command(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 1 if a convention is over its bar.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the command line.

    Returns
    -------
    int
        The status.
    """
    parser = argparse.ArgumentParser("optimlab atlas", description=__doc__, allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="systems or pairs, such as torch or torch.Adam")
    parser.add_argument("--write", action="store_true", help="write docs/atlas.md")
    given = parser.parse_args(argv)
    known = {*SYSTEMS, *[f"{pair.system}.{pair.name}" for pair in PAIRS]}
    if unknown := [name for name in given.names if name not in known]:
        parser.error(f"NAME must be one of {', '.join(sorted(known))}; got {', '.join(unknown)}")
    asked = [p for p in PAIRS if not given.names or {p.system, f"{p.system}.{p.name}"} & set(given.names)]
    return guarded(lambda: _main(asked, write=given.write))


def _main(asked: Sequence[Pair], *, write: bool) -> int:
    page = shipped("docs", "atlas.md") / "atlas.md"
    old = read(page)
    new = {pair: _compared(pair, old) for pair in asked}
    if write:
        _write(page, old, new)
    return int(any(_over(pair, line) for pair, line in new.items()))


def _compared(pair: Pair, old: dict[tuple[str, str], Row]) -> Row:
    """Measure a pair and say what has changed; of a system that is not installed, take what the page says."""
    line = row(pair)
    before = old.get(line.key)
    if pair.other.version is None:
        tell(f"{pair}: {pair.system} is not installed")
        return before._replace(expression=line.expression) if before else line
    line = measured(pair)
    over = ["OVER THE BAR"] if _over(pair, line) else []
    tell(f"{pair}: {', '.join([*over, *changes(before, line)]) or 'as before'}")
    return line


def _over(pair: Pair, line: Row) -> bool:
    figures = {dtype: getattr(line, dtype) for dtype in ("float64", "float32")}
    return any(figure and not float(figure) <= pair.bar_in(dtype) for dtype, figure in figures.items())


def _write(page: Path, old: dict[tuple[str, str], Row], new: dict[Pair, Row]) -> None:
    """Write all pairs: those that were asked for as they are now, the others as they were."""
    rows = [new.get(pair) or old.get(row(pair).key) or row(pair) for pair in PAIRS]
    page.write_text(markdown(rows), encoding="utf-8")
    tell(f"written: {page}")

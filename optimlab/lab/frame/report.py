"""All runs of a folder in one file that can be sent: python -m optimlab report.

Studies, sweeps, checks and plays that ran, each with question, answer, figures, tables, claims, command, and what made
it. Tables are shown by their first rows and can be saved whole; pages open inside the report.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from optimlab.lab.frame.claims import count_text
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.gallery import Files, data_url, question, section
from optimlab.lab.frame.markup import Markup, element, table
from optimlab.lab.frame.outcome import Outcome, outcomes
from optimlab.lab.frame.output import whole_file
from optimlab.lab.frame.page import page
from optimlab.lab.frame.terminal import guarded, tell

__all__ = ["command", "write_report"]

_TYPES = {".csv": "text/csv", ".html": "text/html", ".pdf": "application/pdf"}
_ROWS = 8  # of a table that are shown
_LARGEST = 4_000_000  # bytes of a file that the report still holds


def command(argv: Sequence[str] | None = None) -> int:
    """Run ``optimlab report`` and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the command line.

    Returns
    -------
    int
        0 if all claims stand, 1 if one failed, 2 if nothing ran there or the file cannot be written.

    Examples
    --------
    >>> command(["--results", "nowhere"])
    2
    """
    parser = argparse.ArgumentParser(
        "optimlab report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="where the runs are (default: results)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file (default: DIR/report.html)")
    given = parser.parse_args(argv)
    return guarded(lambda: _main(given.results, given.out or given.results / "report.html"))


def write_report(results: Path, path: Path) -> list[Outcome]:
    """Write one page of everything that ran in a folder, and return what it shows.

    Parameters
    ----------
    results : Path
        The folder of the results, with a folder for each run.
    path : Path
        The file to write.

    Raises
    ------
    StudyError
        If no complete run is there, or the file cannot be written.

    Examples
    --------
    >>> write_report(Path("nowhere"), Path("report.html"))
    Traceback (most recent call last):
        ...
    optimlab.lab.frame.errors.StudyError: nowhere has no complete run; optimlab study ema_beta --out nowhere makes one
    """
    found = outcomes(results)
    if not found:
        raise StudyError(f"{results} has no complete run; optimlab study ema_beta --out {results} makes one")
    claims = [claim for outcome in found for claim in outcome.claims]
    count = element("p", f"{len(found)} runs; {count_text(claims)}", class_="note")
    sections = (
        Markup(section(outcome, results / outcome.study, _held(results / outcome.study)) + _made(outcome))
        for outcome in found
    )
    text = page("What was found", count, _overview(found), *sections)
    with whole_file(path) as file:
        file.write(text.encode(errors="backslashreplace"))
    return found


def _main(results: Path, path: Path) -> int:
    if path.is_dir():
        raise StudyError(f"--out must be a file; {path} is a folder; give --out {path / 'report.html'}")
    found = write_report(results, path)
    claims = count_text([claim for outcome in found for claim in outcome.claims])
    tell(f"{path}: {len(found)} runs, {path.stat().st_size / 1e6:.1f} MB; {claims}")
    tell(f"open it in any browser: {path.resolve().as_uri()}")
    return 0 if all(outcome.stands for outcome in found) else 1


def _overview(found: Sequence[Outcome]) -> Markup:
    """Return the contents: a row for each run."""
    rows = []
    for outcome in found:
        failed = sum(not claim.stands for claim in outcome.claims)
        cells = [element("td", element("a", question(outcome), href=f"#{outcome.study}"))]
        count = f"{failed} of {len(outcome.claims)} FAILED" if failed else len(outcome.claims)
        cells.append(element("td", count, class_="failed" if failed else ""))
        cells += [element("td", f"{outcome.facts['seconds']:.1f} s"), element("td", outcome.facts["started"][:10])]
        rows.append(element("tr", *cells))
    return element("nav", table(("run", "claims", "time", "date"), rows, class_="runs"), class_="scroll")


def _made(outcome: Outcome) -> Markup:
    """Return what made the results: versions, processor, seed."""
    facts = outcome.facts
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items() if version)
    cpu: Any = facts.get("cpu") or {}
    machine = f"; {cpu.get('model')}, {cpu.get('count')} cores" if isinstance(cpu, dict) and cpu else ""
    return element("p", f"Made on {facts['started']} with {versions}{machine}; seed {facts['seed']}.", class_="note")


def _held(folder: Path) -> Files:
    """Return what puts the files of a run into the page."""

    def shown(_text: str, outcome: Outcome, suffixes: set[str]) -> Markup:
        wanted = [name for name in outcome.facts["files"] if Path(name).suffix in suffixes & _TYPES.keys()]
        return Markup("".join(_file(folder / name) for name in wanted if (folder / name).is_file()))

    return shown


def _file(path: Path) -> Markup:
    """Return a file behind a click: a page inside the page, the first rows of a table, and all of it to save."""
    if path.stat().st_size > _LARGEST:
        return element("p", f"{path.name} is too large to be held here: {path}", class_="note")
    data = path.read_bytes()
    text = data.decode(errors="replace")
    kept = element("a", f"save {path.name}", href=data_url(data, _TYPES[path.suffix]), download=path.name)
    inside = _frame(text) if path.suffix == ".html" else Markup(_rows(text, path.suffix) + element("p", kept))
    return element("details", element("summary", path.name), inside)


def _frame(text: str) -> Markup:
    """Return a page as a part of the page; its scripts reach nothing outside."""
    return element("iframe", srcdoc=text, sandbox="allow-scripts", loading="lazy", title="page")


def _rows(text: str, suffix: str) -> Markup:
    """Return the first rows of a table, nothing of another file."""
    if suffix != ".csv":
        return Markup()
    lines = csv.reader(io.StringIO(text))
    head = tuple(next(lines, []))
    rows = [element("tr", *(element("td", cell) for cell in line)) for line in islice(lines, _ROWS)]
    left = sum(1 for _ in lines)
    more = element("p", f"and {left} more rows", class_="note") if left else Markup()
    return Markup(element("div", table(head, rows), class_="scroll") + more)

"""All studies in one command: run them side by side, gather their claims, and lay them out on one page."""

import argparse
import csv
import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import optimlab
from optimlab.lab.frame.articles import article_row, rows
from optimlab.lab.frame.circumstances import version
from optimlab.lab.frame.claims import COLUMNS, claims_text
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.outcome import Outcome, read_outcome
from optimlab.lab.frame.output import reserved, whole_file
from optimlab.lab.frame.page import claims_page
from optimlab.lab.frame.programs import Finished, run_programs
from optimlab.lab.frame.terminal import FAILED, STANDS, guarded, seed

__all__ = ["gather"]

_LAST_LINES = 8
_COMMON = {"--seed", "--quick", "--out", "--format", "--show"}  # an option of its own makes another study of it
_EPILOGUE = """exit status: 0 every study has a result and all claims stand, 1 a claim or a study failed,
2 bad usage or folder, 130 interrupted."""


def gather(scripts: Sequence[Path], *, description: str | None = None, argv: Sequence[str] | None = None) -> int:
    """Run studies side by side, gather their claims, and return the exit status.

    Each study writes to ``<out>/<study>/`` as it does alone; ``<out>/claims.csv`` and ``<out>/claims.html`` hold
    the claims of all.

    Parameters
    ----------
    scripts : sequence of Path
        The studies.
    description : str, optional
        The text of ``--help``.
    argv : sequence of str, optional
        The arguments; by default those of the command line.

    Returns
    -------
    int
        0 if every study has a result and all claims stand, 1 if not; otherwise as `study`.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp())
    >>> script = out / "sums.py"
    >>> _ = script.write_text('''
    ... from optimlab.lab.frame import study
    ... def main(run):
    ...     run.claim("sum", "one and one is two", expected=2, measured=1 + 1)
    ... raise SystemExit(study(main))
    ... ''')
    >>> gather([script], argv=["--quick", "--out", str(out)])  # doctest: +ELLIPSIS
    sums: 1 of 1 claims stand
    ...
    0
    """
    arguments = _parser(scripts, description).parse_args(argv)
    return guarded(lambda: _perform(scripts, arguments))


def _parser(scripts: Sequence[Path], description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description,
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    names = sorted(script.stem for script in scripts)
    parser.add_argument("--only", nargs="+", choices=names, metavar="STUDY", help="run and gather only these studies")
    parser.add_argument("--quick", action="store_true", help="short runs with fewer samples")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of every study (default: 0)")
    parser.add_argument(
        "--reuse",
        action="store_true",
        help="keep complete results of the same version, seed and length that are newer than the program",
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=os.cpu_count() or 1,
        metavar="N",
        help="studies at a time (default: one for each core)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="write to DIR (default: results)"
    )
    return parser


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"jobs must be an integer >= 1; got {text!r}")
    return int(text)


def _perform(scripts: Sequence[Path], arguments: argparse.Namespace) -> int:
    chosen = {script.stem: script for script in sorted(scripts) if script.stem in (arguments.only or script.stem)}
    with reserved(arguments.out):
        outcomes = _outcomes(chosen, arguments)
        ordered = [outcomes[name] for name in chosen]
        _write_table(ordered, arguments.out / "claims.csv")
        _write(claims_page(ordered, _subtitle(arguments)), arguments.out / "claims.html")
    print(_summary(ordered, arguments))
    return STANDS if all(outcome.stands for outcome in ordered) else FAILED


def _outcomes(scripts: Mapping[str, Path], arguments: argparse.Namespace) -> dict[str, Outcome]:
    """Reuse what may be reused and run the rest, each outcome told as it comes."""
    from tqdm import tqdm

    outcomes = {name: found for name, script in scripts.items() if (found := _reusable(script, arguments))}
    commands = {name: _command(script, arguments) for name, script in scripts.items() if name not in outcomes}
    for name in commands:  # a result that is there afterwards is of this run
        (arguments.out / name / "run.json").unlink(missing_ok=True)
    one_core_each = {"OMP_NUM_THREADS": "1", **os.environ}
    with closing(run_programs(commands, arguments.jobs, one_core_each)) as ended:
        for finished in tqdm(ended, desc="studies", total=len(commands), leave=False, disable=None):
            outcomes[finished.name] = _outcome(finished, arguments.out / finished.name)
            tqdm.write(_line(outcomes[finished.name]))
    return outcomes


def _command(script: Path, arguments: argparse.Namespace) -> list[str]:
    quick = ["--quick"] if arguments.quick else []
    return [sys.executable, str(script), "--seed", str(arguments.seed), "--out", str(arguments.out), *quick]


def _reusable(script: Path, arguments: argparse.Namespace) -> Outcome | None:
    """Return the complete result of an earlier run that this one would repeat, if there is one."""
    if not arguments.reuse:
        return None
    try:
        outcome = read_outcome(arguments.out / script.stem)
        fits = _identity(outcome.facts) == (version("optimlab"), arguments.seed, arguments.quick)
        plain = {word.partition("=")[0] for word in outcome.facts["command"] if word.startswith("--")} <= _COMMON
        current = datetime.fromisoformat(outcome.facts["started"]).timestamp() > _changed(script)
    except (StudyError, KeyError, TypeError, ValueError):
        return None
    return outcome if fits and plain and current else None


def _identity(facts: Mapping[str, Any]) -> tuple[object, object, object]:
    return facts["versions"]["optimlab"], facts["seed"], facts["quick"]


def _changed(script: Path) -> float:
    """Return when the study or the package last changed, in seconds since the epoch."""
    package = Path(optimlab.__file__).parent
    return max(path.stat().st_mtime for path in (script, *package.rglob("*.py")))


def _outcome(finished: Finished, folder: Path) -> Outcome:
    try:
        if finished.status not in (STANDS, FAILED):
            raise StudyError("it did not end as a study does")
        return read_outcome(folder)
    except StudyError as error:
        lines = finished.errors.splitlines()[-_LAST_LINES:]
        problem = "\n".join([f"exit status {finished.status}: {error}", *lines])
        return Outcome(study=finished.name, problem=problem)


def _line(outcome: Outcome) -> str:
    if outcome.problem:
        return f"{outcome.study}: NO RESULT, {outcome.problem}"
    return f"{outcome.study}: {claims_text(outcome.claims).splitlines()[-1]}"


def _subtitle(arguments: argparse.Namespace) -> str:
    release, length = version("optimlab") or "(not installed)", "quick runs" if arguments.quick else "full runs"
    return f"optimlab {release}, {length}, seed {arguments.seed}"


def _write_table(outcomes: Sequence[Outcome], path: Path) -> None:
    file = io.StringIO()
    writer = csv.DictWriter(file, ["article", "row", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    for outcome in outcomes:
        for claim in outcome.claims:
            row = article_row(claim.id)
            writer.writerow({"article": row.partition("-")[0] or "theory", "row": row} | claim.row(outcome.study))
    _write(file.getvalue(), path)


def _write(text: str, path: Path) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


def _summary(outcomes: Sequence[Outcome], arguments: argparse.Namespace) -> str:
    claims = [claim for outcome in outcomes for claim in outcome.claims]
    failed = [claim for claim in claims if not claim.stands]
    found = {article_row(claim.id) for claim in claims}
    missing = ", ".join(row for row in rows() if row not in found)
    without = ", ".join(outcome.study for outcome in outcomes if outcome.problem)
    lines = [
        f"{len(claims) - len(failed)} of {len(claims)} claims stand",
        f"studies: {len(outcomes)}, without a result: {without or 'none'}",
        f"files: {arguments.out / 'claims.csv'}, {arguments.out / 'claims.html'}",
    ]
    if not arguments.only:
        lines.insert(2, f"rows of articles without a claim: {missing or 'none'}")
    return "\n".join(["", *([claims_text(failed), ""] if failed else []), *lines])

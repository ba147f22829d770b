"""Many studies in one command: run side by side, or kept where an earlier run is what this one would repeat."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import optimlab
from optimlab.lab.frame.circumstances import version
from optimlab.lab.frame.claims import count_text
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.outcome import Outcome, read_outcome
from optimlab.lab.frame.programs import Finished, run_programs
from optimlab.lab.frame.terminal import FAILED, STANDS, tell

__all__ = ["gather", "gather_options"]

_LAST_LINES = 8


def gather_options(parser: argparse.ArgumentParser, scripts: Iterable[Path]) -> None:
    """Add the options of a study that gathers others.

    Examples
    --------
    >>> gather_options(parser := argparse.ArgumentParser(), [Path("sums.py")])
    >>> parser.parse_args(["--only", "sums"]).only
    ['sums']
    """
    names = sorted(script.stem for script in scripts)
    group = parser.add_argument_group("which studies run")
    group.add_argument("--only", nargs="+", choices=names, metavar="STUDY", help="gather only these studies")
    group.add_argument(
        "--reuse",
        action="store_true",
        help="keep complete results of the same version, seed and length that are newer than the program",
    )
    cores = os.cpu_count() or 1
    group.add_argument("--jobs", type=_jobs, default=cores, metavar="N", help="studies at a time (default: all cores)")


def gather(scripts: Sequence[Path], arguments: argparse.Namespace) -> dict[str, Outcome]:
    """Run studies side by side and return what became of each, told as it comes.

    Each study writes to ``<out>/<study>/`` as it does alone; what was there stays until the new results are whole.
    The arguments are those of `gather_options` and of every study.

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
    >>> options = dict(only=None, reuse=False, jobs=1, quick=True, seed=0, out=out)
    >>> gather([script], argparse.Namespace(**options))["sums"].stands
    sums: 1 claim: it stands
    True
    """
    from tqdm import tqdm

    chosen = {script.stem: script for script in sorted(scripts) if script.stem in (arguments.only or [script.stem])}
    found = {name: outcome for name, script in chosen.items() if (outcome := _reusable(script, arguments))}
    commands = {name: _command(script, arguments) for name, script in chosen.items() if name not in found}
    started = datetime.now(UTC)
    one_core_each = {"OMP_NUM_THREADS": "1", **os.environ}
    with closing(run_programs(commands, arguments.jobs, one_core_each)) as ended:
        for finished in tqdm(ended, desc="studies", total=len(commands), leave=False, disable=None):
            outcome = found[finished.name] = _outcome(finished, arguments.out / finished.name, started)
            said = f"NO RESULT, {outcome.problem}" if outcome.problem else count_text(outcome.claims)
            tell(f"{outcome.study}: {said}")
    return {name: found[name] for name in chosen}


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"jobs must be an integer >= 1; got {text!r}")
    return int(text)


def _command(script: Path, arguments: argparse.Namespace) -> list[str]:
    quick = ["--quick"] if arguments.quick else []
    return [sys.executable, str(script), "--seed", str(arguments.seed), "--out", str(arguments.out), *quick]


def _reusable(script: Path, arguments: argparse.Namespace) -> Outcome | None:
    """Return the complete result of an earlier run that this one would repeat, if there is one."""
    if not arguments.reuse:
        return None
    try:
        outcome = read_outcome(arguments.out / script.stem)
        current = _started(outcome).timestamp() > _changed(script)
    except (StudyError, OSError, ValueError, OverflowError):
        return None
    facts = outcome.facts
    same = (facts["seed"], facts["quick"], outcome.options) == (arguments.seed, arguments.quick, [])
    return outcome if same and current and facts["versions"].get("optimlab") == version("optimlab") else None


def _started(outcome: Outcome) -> datetime:
    return datetime.fromisoformat(outcome.facts["started"]).astimezone(UTC)


def _changed(script: Path) -> float:
    """Return when the study or the package last changed, in seconds since the epoch."""
    package = Path(optimlab.__file__).parent
    return max(path.stat().st_mtime for path in (script, *package.rglob("*.py")))


def _outcome(finished: Finished, folder: Path, started: datetime) -> Outcome:
    try:
        if finished.status not in (STANDS, FAILED):
            raise StudyError("it did not end as a study does")
        outcome = read_outcome(folder)
        if _started(outcome) < started:
            raise StudyError("its results are those of an earlier run")
    except (StudyError, OSError, ValueError, OverflowError) as error:
        lines = finished.errors.splitlines()[-_LAST_LINES:]
        return Outcome(study=finished.name, problem="\n".join([f"exit status {finished.status}: {error}", *lines]))
    return outcome

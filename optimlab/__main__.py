"""The command ``optimlab``, or ``python -m optimlab``: plays, averages of files, studies, sweeps, exams, a report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import optimlab
from optimlab.lab.frame import studies
from optimlab.lab.frame.terminal import columns, tell

__all__ = ["main"]

_OWN = {
    "play": ("lab.play.play", "rules over a surface: optimlab play --surface saddle --rules adam"),
    "ema": ("lab.play.ema", "averages of a series: optimlab ema FILE --column NAME --beta 0.9"),
    "explorer": ("lab.explorer.command", "rules live in a browser, as one file: optimlab explorer --out explorer.html"),
    "atlas": ("lab.atlas.command", "conventions against the systems that are installed: optimlab atlas torch.Adam"),
    "sweep": ("lab.sweeps.sweep", "rules over problems, learning rates and seeds: optimlab sweep studies/sweep.toml"),
    "check": ("lab.check.check", 'optimizers against theory: optimlab check "adam(), lion()"'),
    "referee": ("lab.statistics.referee", "is a difference of losses noise: optimlab referee results.csv"),
    "report": ("lab.frame.report", "all that ran, as one file: optimlab report --out report.html"),
}
"""Commands that have options of their own: where they are, and what they do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the command line.

    Returns
    -------
    int
        0, or what the study, or the play, returned: 1 if a claim failed, 2 on bad usage or input.

    Examples
    --------
    >>> main(["studies"])  # doctest: +ELLIPSIS
    adam_counterexample
    ...
    0
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] and given[0] in _OWN:
        return int(import_module(f"optimlab.{_OWN[given[0]][0]}").command(given[1:]))
    parser = argparse.ArgumentParser("optimlab", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"optimlab {optimlab.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    listed = commands.add_parser("studies", help="list the studies: question, time, answer")
    listed.add_argument("--markdown", action="store_true", help="as the table of the README")
    study = commands.add_parser("study", help="run a study: optimlab study ema_beta --quick")
    study.add_argument(
        "name", choices=list(studies.studies()), metavar="NAME", help=f"one of {', '.join(studies.studies())}"
    )
    for name, (_, does) in _OWN.items():
        commands.add_parser(name, help=does)
    own = given[2:] if given[:1] == ["study"] else []  # the study's own options, which it reads itself
    arguments = parser.parse_args(given[: len(given) - len(own)])
    if arguments.command == "study":
        return studies.run(arguments.name, own)
    if arguments.command is None:
        parser.print_help()
        return 0
    tell(studies.markdown() if arguments.markdown else studies.listing(columns(sys.stdout)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

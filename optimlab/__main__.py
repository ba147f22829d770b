"""The command ``optimlab``, or ``python -m optimlab``: the version, the studies, and running one of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import optimlab
from optimlab.lab.frame import studies
from optimlab.lab.frame.terminal import columns, tell

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the command line.

    Returns
    -------
    int
        0, or what the study returned: 1 if a claim failed, 2 on bad usage.

    Examples
    --------
    >>> main(["studies"])  # doctest: +ELLIPSIS
    adam_counterexample
    ...
    0
    """
    parser = argparse.ArgumentParser("optimlab", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"optimlab {optimlab.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listed = commands.add_parser("studies", help="list the studies: question, time, answer")
    listed.add_argument("--markdown", action="store_true", help="as the table of the README")
    study = commands.add_parser("study", help="run a study: optimlab study ema_beta --quick", add_help=False)
    study.add_argument(
        "name", choices=list(studies.studies()), metavar="NAME", help="one of those that `studies` lists"
    )
    arguments, rest = parser.parse_known_args(argv)
    if arguments.command == "study":
        return studies.run(arguments.name, rest)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    tell(studies.markdown() if arguments.markdown else studies.listing(columns(sys.stdout)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

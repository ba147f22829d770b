"""Averages of a file larger than memory: python -m optimlab ema FILE --column NAME --halflife 20 --out FILE.parquet.

FILE is .npy, .parquet, or text with a header line; what is written ends in .npy (the averages alone), .parquet or .csv.
The file appears when it is whole. A run that is stopped, or killed, goes on where it was when it is started again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.terminal import INTERRUPTED, STANDS, guarded, tell
from optimlab.lab.play.dialect import DIALECT, add_format, spelled
from optimlab.series.bulk import STATISTICS, Averaged, ema_file

__all__ = ["averages", "writes_averages"]

_DECAYS = ("beta", "alpha", "span", "com", "window", "cutoff")


def writes_averages(argv: Sequence[str]) -> bool:
    """Whether ``--out`` names a file, by a suffix of letters, not the folder of a study.

    Examples
    --------
    >>> writes_averages(["a.csv", "--out", "b.parquet"]), writes_averages(["a.csv", "--out", "results"])
    (True, False)
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--out", nargs="?", type=Path)
    out = parser.parse_known_args(argv)[0].out
    return out is not None and out.suffix[1:].isalpha() and not out.is_dir()


def averages(argv: Sequence[str]) -> int:
    """Run ``optimlab ema`` with ``--out`` of a file, and return its exit status.

    Examples
    --------
    >>> averages(["nowhere.csv", "--column", "level", "--beta", "0.9", "--out", "smooth.csv"])
    2
    """
    options = _parser().parse_args(argv)
    return guarded(lambda: _perform(options))


def _perform(options: argparse.Namespace) -> int:
    begun, bar = time.perf_counter(), _Bar()
    try:
        done = ema_file(options.file, options.out, progress=bar.show, **_arguments(options))
    except (ValueError, TypeError, ImportError) as error:
        raise StudyError(spelled(str(error).replace("\n", " "))) from error
    except KeyboardInterrupt:
        tell("interrupted: what is recorded is kept; the same command goes on there", sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if error.filename is not None:
            raise
        kept = "what is recorded is kept, the same command goes on there"
        raise StudyError(f"cannot write {options.out}: {error.strerror or error}; {kept}") from error
    finally:
        bar.close()
    tell(_summary(done, options.out, time.perf_counter() - begun))
    return STANDS


class _Bar:
    """Rows that are done, of how many, in a terminal."""

    bar: Any = None

    def show(self, done: int, rows: int | None) -> None:
        if self.bar is None:
            self.bar = tqdm(total=rows, initial=done, unit=" rows", unit_scale=True, disable=None, file=sys.stderr)
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _summary(done: Averaged, out: Path, seconds: float) -> str:
    before = f" ({done.resumed} of them before)" if done.resumed else ""
    speed = done.size / 1e6 / seconds
    return f"{done.rows} rows{before}, {done.gaps} gaps, {seconds:.1f} s, {speed:.3g} MB/s of values: {out}"


def _arguments(options: argparse.Namespace) -> dict[str, Any]:
    """Return what `ema_file` is called with: what was given, under its names."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    array = options.file.suffix.lower() == ".npy"
    for name in ("column", "weights", "time", "by"):
        if name in given:
            given[name] = _columns(given[name], array)
    given |= {"times": given.pop("time")} if "time" in given else {}
    given["dialect"] = {name: given.pop(name) for name in DIALECT if name in given}
    return {name: value for name, value in given.items() if name not in ("file", "out")}


def _columns(names: Any, array: bool) -> Any:
    """Return one name, or several; those of an array are positions."""
    if isinstance(names, list):
        return _columns(names[0], array) if len(names) == 1 else [_columns(name, array) for name in names]
    try:
        return int(names) if array else names
    except ValueError:
        raise StudyError(f"columns of an .npy file are given by position, from 0; got {names!r}") from None


def _number_or_word(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "optimlab ema", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="file to average: .npy, .parquet, or text")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="file to write: .npy, .parquet or .csv")
    parser.add_argument("--chunk", type=int, metavar="N", help="rows at a time")
    columns = parser.add_argument_group("columns, by name; of an .npy file by position, from 0")
    columns.add_argument("--column", nargs="+", metavar="NAME", help="of values; empty cells are gaps")
    for name, text in {"time": "of times", "weights": "of weights", "by": "of groups, each a series"}.items():
        columns.add_argument(f"--{name}", metavar="NAME", help=text)
    _add_average(parser.add_argument_group("the average: exactly one decay, and the options of optimlab.ema"))
    add_format(parser.add_argument_group("how a text file is written"), "time", "sort")
    return parser


def _add_average(group: Any) -> None:
    for name in _DECAYS:
        group.add_argument(f"--{name}", type=float, metavar="X", help="decay" if name == "beta" else argparse.SUPPRESS)
    group.add_argument("--halflife", type=_number_or_word, metavar="X", help="decay: rows, or a time such as 2h")
    group.add_argument("--statistic", choices=STATISTICS, help="default: mean")
    group.add_argument("--bias", action="store_true", default=None, help="of a variance: not corrected for few values")
    group.add_argument(
        "--start", type=_number_or_word, metavar="S", help="debiased (default), zero, first, sma, number"
    )
    group.add_argument("--warmup", type=int, metavar="N", help="values that --start sma starts from")
    group.add_argument("--gaps", metavar="G", help="decay (default), skip, propagate or raise")
    group.add_argument("--gap-result", metavar="R", help="hold (default) or nan")
    group.add_argument("--spacing", metavar="S", help="with times: event (default) or time")
    group.add_argument("--min-count", type=int, metavar="N", help="values before there is a result")

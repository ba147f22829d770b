"""The EMA of a file larger than memory, against reading the file and against copying it: time, and resident memory.

The file holds 10⁹ float32 (4 GB; 10⁷ with --quick) and is removed at the end. Reading is ``readinto`` of blocks of
4 MiB; copying writes them to another file and brings it to the disk, as `ema_file` does. The contenders take turns.
Processor time, of all threads, stands beside the time: other work on the machine moves it less.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timing

from optimlab import ema_file

CHUNK = 1 << 20  # values that are read at once: the fastest of 2¹⁶ to 2²² here
DECAY = 0.999
PEAK = f"""
import resource, sys
from optimlab import ema_file
ema_file(sys.argv[1], sys.argv[2] if sys.argv[2:] else None, {DECAY})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def make(path: Path, rows: int) -> None:
    """Write random numbers, one block after the other."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (rows,)})
        for start in range(0, rows, CHUNK):
            file.write(rng.standard_normal(min(CHUNK, rows - start), np.float32).data)


def read(path: Path, to: Path | None = None) -> None:
    """Read the file in blocks, and copy it if there is somewhere to."""
    block = memoryview(bytearray(4 * CHUNK))
    with path.open("rb", buffering=0) as file, open(to or os.devnull, "wb", buffering=0) as copy:
        while count := file.readinto(block):
            if to is not None:
                copy.write(block[:count])
        if to is not None:
            os.fsync(copy.fileno())


def fromfile(path: Path) -> None:
    """Read the file with a new array for each block."""
    with path.open("rb") as file:
        while np.fromfile(file, np.float32, CHUNK).size:
            pass


def uncached(path: Path) -> None:
    """Let the system forget what it has of the file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def peak(*given: Path) -> float:
    """Return the MiB that a process of its own has resident at most."""
    done = subprocess.run([sys.executable, "-c", PEAK, *map(str, given)], capture_output=True, text=True, check=True)
    return int(done.stdout) / (1 << 20 if sys.platform == "darwin" else 1024)


def pairs(source: Path, out: Path) -> dict[str, dict[str, Callable[[], object]]]:
    """Return what is compared with what, by where the file is."""
    return {
        "in the page cache, averages dropped": {
            "readinto": lambda: read(source),
            "np.fromfile": lambda: fromfile(source),
            "ema_file": lambda: ema_file(source, None, DECAY),
        },
        "in the page cache, averages written": {
            "copy": lambda: read(source, out),
            "ema_file": lambda: ema_file(source, out, DECAY),
        },
        "from the disk, averages dropped": {
            "readinto": lambda: (uncached(source), read(source)),
            "ema_file": lambda: (uncached(source), ema_file(source, None, DECAY)),
        },
    }


def main() -> None:
    """Run the benchmark."""
    options = timing.options(__doc__ or "").parse_args()
    rows, rounds = (10**7, 3) if options.quick else (10**9, 3)
    report = timing.Report()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        if shutil.disk_usage(folder).free < 3 * 4 * rows:
            sys.exit(f"{12 * rows / 1e9:g} GB must be free for the file and its averages")
        source, out = Path(folder, "x.npy"), Path(folder, "smooth.npy")
        make(source, rows)
        report.add(f"### {rows:.0e} float32 from an .npy file, β = {DECAY}")
        report.add(timing.header(["optimlab", "numpy", "numba"]).replace("1 used", "2 threads"))
        compare(report, source, out, rounds)
        memory = {"dropped": peak(source), "written": peak(source, out)}
        report.add(f"Peak resident memory of a process: {memory['dropped']:.0f} MiB with the averages dropped, "
                   f"{memory['written']:.0f} MiB with them written.")  # fmt: skip
    report.write(options.out)


def compare(report: timing.Report, source: Path, out: Path, rounds: int) -> None:
    """Add a table for each pair."""
    for where, contenders in pairs(source, out).items():
        race, spent = timing.race(contenders, rounds=rounds), timing.race(contenders, rounds=1, clock=time.process_time)
        first = next(iter(contenders))
        size = source.stat().st_size / 1e9
        lines = [
            [name, timing.duration(race.time(name)), f"{size / race.time(name).median:.2f}",
             timing.ratio(race.ratio(first, name)), timing.duration(spent.time(name))]
            for name in contenders
        ]  # fmt: skip
        report.add(timing.table([where, "time", "GB/s", f"speed ÷ {first}", "processor time"], lines))


if __name__ == "__main__":
    main()

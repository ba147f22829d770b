"""A cluster of two worker processes on loopback, one of which is killed in mid-run: a program of its own.

    python tests/series/cluster.py FOLDER

prints, as JSON, which results had the bits of a run in this process, and whether the killed worker had worked.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

from optimlab import ema

CHUNKS, ROWS, PATIENCE = 24, 500, 100.0


def block(folder: str, seconds: float, block_info: Any = None) -> Any:
    """Return the values of a chunk, slowly, and leave a file that says who made it."""
    (at,) = block_info[None]["chunk-location"]
    Path(folder, f"{at}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(seconds)
    return np.random.default_rng(at).normal(size=(ROWS,))


def makers(folder: Path) -> list[int]:
    """Return the process that made each chunk so far."""
    return [int(path.name.split("-")[1]) for path in folder.iterdir()]


def killed(client: Client, lazy: Any, folder: Path) -> dict[str, Any]:
    """Return what became of a computation during which a worker was killed that had made chunks."""
    victim = next(iter(client.run(os.getpid).values()))
    future, until = client.compute(lazy), time.monotonic() + PATIENCE
    while makers(folder).count(victim) < CHUNKS // 6 and time.monotonic() < until:
        time.sleep(0.01)
    found = {"had worked": victim in makers(folder), "was running": not future.done()}
    os.kill(victim, signal.SIGKILL)
    return found | {"bits": future.result(timeout=PATIENCE).tobytes()}


def main(folder: Path) -> None:
    """Print what came out."""
    quick, slow = (
        da.map_blocks(block, str(folder), seconds, chunks=((ROWS,) * CHUNKS,), dtype=float, meta=np.empty(0))
        for seconds in (0.0, 0.05)
    )
    expected = ema(quick, 0.999).compute(scheduler="sync").tobytes()
    frame = pd.DataFrame({"a": np.arange(40.0), "b": 1.0}, index=pd.date_range("2024", periods=40, freq="h"))
    table = ema(dd.from_pandas(frame, npartitions=4), halflife="3h", times="index")
    # what a worker says when another dies is no news
    cluster: Any = LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL, memory_limit=0
    )
    with cluster, Client(cluster, timeout=PATIENCE) as client:
        found: dict[str, Any] = {"two": ema(quick, 0.999).compute().tobytes() == expected}
        found["frame"] = table.compute().equals(table.compute(scheduler="sync"))
        for path in folder.iterdir():
            path.unlink()
        found |= killed(client, ema(slow, 0.999), folder)
        found["bits"] = found["bits"] == expected
        cluster.scale(1)
        found["one"] = ema(quick, 0.999).compute().tobytes() == expected
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Sweeps that are killed, that run at once, that have no room or no rights: each in a child of its own.

    python tests/lab/sweeps/crashes.py FOLDER KILLS

prints as JSON what happened. The children are forks, which are cheap, and allowed: this process has one thread.
"""

import hashlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import RLock

from tqdm import tqdm

from optimlab.lab.frame import StudyError
from optimlab.lab.sweeps import Grid, sweep
from optimlab.lab.sweeps.store import Store
from optimlab.lab.sweeps.task import Task

NOBODY = 65534
PIPE = []


def tell(*words):
    """Write a line into the pipe to the parent; a kill cannot cut it."""
    os.write(PIPE[-1], (json.dumps(words) + "\n").encode())


def told(what, method):
    """A method that tells the key of its task: before it runs, after it is put."""

    def telling(self, *given, **words):
        task = given[0] if given else self
        if not given:
            tell(what, task.key)
        result = method(self, *given, **words)
        if given:
            tell(what, task.key)
        return result

    return telling


def swept(path, workers):
    """Tell what is there, do the rest, and tell the digest of the table."""
    context = nullcontext() if workers == 1 else ProcessPoolExecutor(workers, get_context("fork"))
    with context as executor, Store(path) as store:
        if executor:
            executor.submit(int).result()  # forks while there is one thread
        tell("there", list(store.rows()))
        frame = small(store=store, executor=executor)
        bits = json.dumps(frame.to_dict("list")) + str(frame.dtypes)
        tell("all", hashlib.sha256(bits.encode()).hexdigest())


def small(**where):
    """Sweep: four tasks of some milliseconds."""
    rates = Grid([0.01, 0.3, 9.0], extensions=0)
    return sweep("bowl + noise 0.1", "sgd, adam, momentum, lion", lr=rates, seeds=2, steps=4, progress=False, **where)


def begun(work):
    """Fork a child that does some work, in a process group of its own; return its id and the pipe from it."""
    assert len(os.listdir("/proc/self/task")) == 1
    pipe, mouth = os.pipe()
    child = os.fork()
    if child:
        os.close(mouth)
        with suppress(OSError):
            os.setpgid(child, child)
        return child, pipe
    os.setpgid(0, 0)
    PIPE.append(mouth)
    try:
        work()
    except StudyError as error:
        tell("error", str(error))
    finally:
        sys.stderr.flush()
        os._exit(1 if sys.exc_info()[0] else 0)


def ended(child, pipe):
    """Wait for the end of a child; return what it told, by kind, and its status."""
    heard = {"there": [], "begun": [], "put": [], "all": [], "error": []}
    with open(pipe) as lines:
        for line in lines:
            what, word = json.loads(line)
            heard[what].append(word)
    return heard | {"status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}


def killed(path, workers, seconds):
    """Sweep, and be killed after some seconds, with all workers; return what was told."""
    child, pipe = begun(partial(swept, path, workers))
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return ended(child, pipe)


def kills(folder, workers, count):
    """Kill one sweep after the other until all is done, on new stores until there were so many kills."""
    start = time.perf_counter()
    whole = ended(*begun(partial(swept, folder / f"whole{workers}.db", workers)))
    span, draw, stores = time.perf_counter() - start, random.Random(workers), []
    while sum(run["status"] != 0 for runs in stores for run in runs) < count:
        path, runs = folder / f"killed{workers}-{len(stores)}.db", []
        while not (runs and runs[-1]["all"]):
            longest = span * (1 + len(runs) / 4)  # a machine that has become slow must not kill for ever
            runs.append(killed(path, workers, draw.uniform(0, longest)))
        stores.append(runs)
    return {"whole": whole, "stores": stores}


def at_once(folder):
    """Sweep twice at once on one store, and have a third that is killed."""
    path = folder / "both.db"
    both = [begun(partial(swept, path, 1)) for _ in range(2)]
    killed(path, 1, 0.05)
    found = [ended(*child) for child in both]
    with Store(path) as store:
        return {"children": found, "kept": list(store.rows())}


def no_room(folder):
    """Sweep where files may not grow, then where they may."""
    path = folder / "room.db"
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
        swept(path, 1)

    return [ended(*begun(work)), ended(*begun(partial(swept, path, 1)))]


def no_rights():
    """Open a store in a folder that may be read alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.db")
        Store(path).close()
        path.chmod(0o444)
        Path(folder).chmod(0o555)

        def work():
            if os.geteuid() == 0:
                os.setuid(NOBODY)
            swept(path, 1)

        try:
            return ended(*begun(work))
        finally:
            Path(folder).chmod(0o755)


def main(folder, count):
    tqdm.monitor_interval = 0  # no thread
    tqdm.set_lock(RLock())  # its own is shared with all forks: one that is killed while it holds it would stop the rest
    small()  # what is imported late is imported once, before the forks
    Store.put, Task.run = told("put", Store.put), told("begun", Task.run)
    found = {str(workers): kills(folder, workers, count // 2) for workers in (1, 2)}
    print(json.dumps({"kills": found, "both": at_once(folder), "room": no_room(folder), "rights": no_rights()}))


if __name__ == "__main__":
    sys.modules["pyarrow"] = None  # pandas, loaded later, does without it, and has one thread then
    main(Path(sys.argv[1]), int(sys.argv[2]))

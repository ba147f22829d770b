"""A sweep on a Dask cluster: a scheduler and two worker processes on this machine."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

PROGRAM = """
import json, operator, os, threading
from functools import partial
from distributed import LocalCluster
from optimlab.lab.frame import StudyError
from optimlab.lab.sweeps import executors, sweep
from optimlab.lab.sweeps.executors import completed
from optimlab.lab.sweeps.store import Store

def refused(tasks, address):
    try:
        list(completed(tasks, operator.call, address))
    except StudyError as error:
        return str(error)

def swept(store, executor):
    frame = sweep("bowl, bowl + noise 0.1", "sgd, adam", lr=[0.01, 0.3, 9.0], seeds=2, steps=10, store=store,
                  executor=executor, progress=False)
    return json.dumps(frame.to_dict("list")) + str(frame.dtypes)

said = {"here": swept(None, None), "pid": os.getpid()}
with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster, Store() as store:
    address = cluster.scheduler_address
    said["cluster"] = swept(store, address)
    said["rows"] = len(store.rows())
    asked = [*[partial(os.getenv, "OMP_NUM_THREADS")] * 2, *[os.getpid] * 8, lambda: "a lambda"]
    said["asked"] = [result for _, result in completed(asked, operator.call, address)]
    said["lock"] = refused([threading.Lock()], address)
with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
    said["idle"] = refused([int], cluster.scheduler_address)
executors._SECONDS = 0.3
said["nowhere"] = refused([int], "tcp://127.0.0.1:1")
said["local"] = [result for _, result in completed([os.getpid], operator.call, "local")]
print(json.dumps(said))
"""


def test_a_cluster_of_processes_gives_the_bits_of_none_and_says_what_goes_wrong():
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert said["cluster"] == said["here"]
    assert said["rows"] == 4
    results = said["asked"]
    assert results.count("1") == 2
    assert "a lambda" in results
    assert said["pid"] not in results + said["local"]
    assert "cannot be sent to another process: cannot pickle '_thread.lock' object" in said["lock"]
    assert "has no workers; begin some: dask worker tcp://127.0.0.1:" in said["idle"]
    assert "the cluster tcp://127.0.0.1:1 cannot be reached" in said["nowhere"]
    assert "is a 'dask scheduler' there?" in said["nowhere"]

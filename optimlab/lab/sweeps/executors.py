"""Executors: tasks run here, in processes of this machine, on a Dask cluster, or on any executor."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import Any, NamedTuple, TypeVar

from optimlab.checks import whole
from optimlab.extras import needed
from optimlab.lab.frame.errors import StudyError
from optimlab.lab.frame.workers import cores, one_thread_each

__all__ = ["Workers", "completed", "workers"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_MANY = 1000  # tasks in flight where the number of workers may change
_NAMED = 4  # tasks that an error names
_SECONDS = 5.0  # to reach a cluster
_WHY = "killed, or for want of memory, or as the script begins workers outside of `if __name__ == '__main__':`"
_AGAIN = "what was finished is kept; run the same again to go on, with fewer workers if memory was short"


class Workers(NamedTuple):
    """Where tasks go: how one is submitted, how many at most are on their way, and how they travel, if they do."""

    submit: Callable[..., Future[Any]]
    most: int
    dumps: Callable[[Any], object] = id


def completed(
    tasks: Iterable[Task], function: Callable[[Task], Result], executor: int | str | Executor | Workers | None = None
) -> Generator[tuple[Task, Result], None, None]:
    """Yield ``(task, function(task))`` for each task as it is done.

    The tasks are taken one by one as there is room, so that few of them are on their way. After an error of a task no
    other is begun; those on their way are finished and yielded, then the error is raised, with a note that names its
    task. Closing the iterator, or Ctrl-C, stops the workers at once.

    Parameters
    ----------
    tasks : iterable
        What to do.
    function : callable
        Importable by its name, and so are the classes of tasks, unless they are run here.
    executor : int, str, concurrent.futures.Executor, Workers or None
        None: here, one after the other. A number: so many processes of this machine, with one BLAS thread each;
        ``"processes"``: one for each core. ``"local"``: a Dask cluster of this machine, for as long as this takes; an
        address such as ``"tcp://10.0.0.1:8786"``: the Dask scheduler there (extra: cluster). An executor: it is used
        and left open, such as ``client.get_executor(pure=False)`` of Dask, or with MPI, in a program that is started
        by ``mpiexec -n 33 python -m mpi4py.futures program.py``::

            with mpi4py.futures.MPIPoolExecutor() as executor:
                sweep(..., executor=executor)

        What ``with workers(executor) as crew`` gives serves several calls.

    Raises
    ------
    StudyError
        If a task cannot be sent, a worker dies, or a cluster cannot be reached.
    TypeError, ValueError
        If it is none of these executors; or whatever a task raises.

    Examples
    --------
    >>> import math
    >>> list(completed([4.0, 9.0], math.sqrt))
    [(4.0, 2.0), (9.0, 3.0)]
    """
    with workers(executor) as crew:
        yield from _as_done(iter(tasks), function, crew)


def _as_done(
    tasks: Iterator[Task], function: Callable[[Task], Result], crew: Workers
) -> Generator[tuple[Task, Result], None, None]:
    waiting: dict[Future[Result], Task] = {}
    failed: BaseException | None = None
    try:
        while True:
            for task in islice(tasks, 0 if failed else crew.most - len(waiting)):
                waiting[_sent(task, function, crew)] = task
            if not waiting:
                break
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            ended = [future for future in waiting if future in done]
            for future in sorted(ended, key=lambda each: each.exception() is not None):
                if (error := future.exception()) is None:
                    yield waiting[future], future.result()
                else:
                    failed = failed or _error(error, waiting[future], islice(waiting.values(), crew.most // 2))
                del waiting[future]
            if failed:
                waiting = {future: task for future, task in waiting.items() if not future.cancel()}
        if failed:
            raise failed
    finally:
        for future in waiting:
            future.cancel()


def _sent(task: Any, function: Callable[[Any], Any], crew: Workers) -> Future[Any]:
    """Submit a task; of one that cannot travel say which it is."""
    try:
        crew.dumps((function, task))
    except Exception as error:  # picklers raise many kinds
        remedy = "define what it is made of at the top of a module (no lambda, no class in a function), or run it here"
        refused: Future[Any] = Future()
        refused.set_exception(StudyError(f"the task {task} cannot be sent to another process: {error}; {remedy}"))
        return refused
    return crew.submit(function, task)


def _error(error: BaseException, task: Any, oldest: Iterable[Any]) -> BaseException:
    """Return what is raised for a task that has failed; of a dead worker, with the tasks that it may have had."""
    if not isinstance(error, BrokenExecutor):
        error.add_note(f"in the task {task}")
        return error
    names = "; ".join(map(str, islice(oldest, _NAMED)))
    told = StudyError(f"a worker has died, {_WHY}, at one of these tasks: {names}; {_AGAIN}")
    told.__cause__ = error
    return told


@contextmanager
def workers(executor: int | str | Executor | Workers | None = None) -> Iterator[Workers]:
    """Begin the workers that `completed` means by an executor, and end those that are begun here.

    Parameters
    ----------
    executor : int, str, concurrent.futures.Executor, Workers or None
        As for `completed`.

    Yields
    ------
    Workers
        An executor for `completed`.

    Examples
    --------
    >>> with workers() as crew:
    ...     [*completed([1], abs, crew)], [*completed([-2], abs, crew)]
    ([(1, 1)], [(-2, 2)])
    """
    if isinstance(executor, Workers):
        yield executor
    elif executor is None:
        yield Workers(_here, 1)
    elif isinstance(executor, Executor):
        yield Workers(executor.submit, _MANY)
    elif executor == "processes" or hasattr(executor, "__index__"):
        with _processes(cores() if executor == "processes" else whole("executor", executor, 1)) as crew:
            yield crew
    elif isinstance(executor, str) and (executor == "local" or "://" in executor):
        with _dask(executor) as crew:
            yield crew
    else:
        words = "a number of processes, 'processes', 'local', an address such as 'tcp://10.0.0.1:8786', or an Executor"
        wrong = ValueError if isinstance(executor, str) else TypeError
        raise wrong(f"executor must be None, {words}; got {executor!r}")


def _here(function: Callable[[Any], Any], task: Any) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(function(task))
    except Exception as error:
        future.set_exception(error)
    return future


@contextmanager
def _processes(count: int) -> Iterator[Workers]:
    pool = ProcessPoolExecutor(count, get_context("spawn"), _begin)  # fork would copy the locks of BLAS threads
    try:
        yield Workers(partial(_submitted, pool), 2 * count, pickle.dumps)
    except BaseException:
        for process in list((pool._processes or {}).values()):  # Python 3.14: pool.terminate_workers()
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(pool: Executor, function: Callable[[Any], Any], task: Any) -> Future[Any]:
    with one_thread_each():  # processes start when there is something to do
        return pool.submit(function, task)


def _begin() -> None:
    """Let a worker end silently: at Ctrl-C, and with the process that began it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _dask(address: str) -> Iterator[Workers]:
    distributed = needed("distributed", "cluster", f"executor={address!r}")
    local = {"n_workers": cores(), "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    local |= {"silence_logs": logging.ERROR}  # workers that are stopped are nothing to warn of
    options = local if address == "local" else {"address": address, "timeout": _SECONDS}
    try:
        client = distributed.Client(**options, set_as_default=False)
    except Exception as error:  # whatever what listens there makes Dask raise
        raise StudyError(f"the cluster {address} cannot be reached: {error}; is a 'dask scheduler' there?") from error
    with client:
        if not client.nthreads():
            raise StudyError(f"the cluster {address} has no workers; begin some: dask worker {address}")
        dumps = needed("cloudpickle", "cluster", "Dask").dumps
        yield Workers(client.get_executor(pure=False).submit, _MANY, dumps)

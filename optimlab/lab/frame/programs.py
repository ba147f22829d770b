"""Programs that run side by side, and what each of them leaves behind."""

import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, NamedTuple

__all__ = ["Finished", "run_programs"]

_PAUSE = 0.02  # seconds between two looks


class Finished(NamedTuple):
    """A program that has ended: its name, its exit status, and what it wrote to standard error."""

    name: str
    status: int
    errors: str


def run_programs(
    commands: Mapping[str, Sequence[str]], jobs: int, environment: Mapping[str, str] | None = None
) -> Generator[Finished, None, None]:
    """Run commands by name in their order, up to `jobs` of them at a time, and yield each as it ends.

    Closing the iterator, or an exception where it is used, stops those that still run.

    Examples
    --------
    >>> import sys
    >>> commands = {f"exit {status}": [sys.executable, "-c", f"raise SystemExit({status})"] for status in (0, 3)}
    >>> sorted(run_programs(commands, jobs=2))
    [Finished(name='exit 0', status=0, errors=''), Finished(name='exit 3', status=3, errors='')]
    """
    waiting = list(commands.items())
    with ExitStack() as stopped:
        running: list[_Running] = []
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(stopped.enter_context(_started(*waiting.pop(0), environment)))
            ended = [program for program in running if program.process.poll() is not None]
            running = [program for program in running if program not in ended]
            yield from map(_finished, ended)
            time.sleep(0 if ended else _PAUSE)


class _Running(NamedTuple):
    name: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]


@contextmanager
def _started(name: str, command: Sequence[str], environment: Mapping[str, str] | None) -> Iterator[_Running]:
    """Start a program, and stop it at the end; its errors go to a file, so that no full pipe can hold it up."""
    null = subprocess.DEVNULL
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=null, stdout=null, stderr=errors, env=environment) as process,
    ):
        try:
            yield _Running(name, process, errors)
        finally:
            process.terminate()  # no signal is sent to a process that has ended


def _finished(program: _Running) -> Finished:
    program.errors.seek(0)
    return Finished(program.name, program.process.wait(), program.errors.read().decode(errors="replace"))

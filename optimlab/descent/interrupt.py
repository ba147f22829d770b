"""Ctrl-C during a descent: the first waits for the end of an update, the second does not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

from optimlab.descent.stop import Progress

__all__ = ["Interrupted", "interruption"]


@final
class Interrupted:
    """The condition that Ctrl-C was pressed; the second time it raises."""

    reason = "interrupted"

    def __init__(self) -> None:
        self.pressed = False

    def __call__(self, now: Progress) -> bool:
        """Whether it was pressed."""
        return self.pressed

    def handle(self, *_: Any) -> None:
        """Take the signal."""
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True


@contextmanager
def interruption() -> Iterator[Interrupted]:
    """Stand in for Python's own handler, which would cut through an update; leave another, or none, alone."""
    interrupted = Interrupted()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupted
        return
    signal.signal(signal.SIGINT, interrupted.handle)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

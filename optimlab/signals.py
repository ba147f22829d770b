"""What must not be cut in two is done to its end before a signal's handler is called, and by one thread at a time."""

from __future__ import annotations

import threading
from typing import Any, Final, final

try:  # CPython's own, without enumerations: a change and its undoing take 0.5 µs in place of 6, the import 1 ms less
    import _signal as signal  # type: ignore[import-not-found]
except ImportError:
    import signal

__all__ = ["Deferred"]

_BUSY = (
    "a step of this optimizer is under way, in another thread or around this hook; one optimizer takes one step at a "
    "time: give each thread one of its own, copy.deepcopy(optimizer)"
)
_NAMES = ("SIGINT", "SIGTERM", "SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGPROF", "SIGBREAK")
_SIGNALS: Final = tuple([int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)])
_get, _set = signal.getsignal, signal.signal


@final
class Deferred:
    """``with Deferred(): ...``: handlers written in Python, that of Ctrl-C among them, are called at the end.

    Python calls handlers in the main thread alone; in others there is nothing to defer. A handler that is set inside
    stays.

    Parameters
    ----------
    turn : Lock, optional
        Held inside: one at a time; a second thread, or a hook inside, is an error and does not wait.

    Examples
    --------
    >>> try:
    ...     with Deferred():
    ...         signal.raise_signal(signal.SIGINT)
    ...         print("whole")
    ... except KeyboardInterrupt:
    ...     print("then stopped")
    whole
    then stopped
    """

    __slots__ = ("_came", "_handlers", "_turn")

    def __init__(self, turn: threading.Lock | None = None) -> None:
        self._turn = turn
        self._came: dict[int, Any] = {}
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.get_ident() == threading.main_thread().ident:
            self._defer()
        if self._turn is not None and not self._turn.acquire(False):
            self._turn = None
            self.__exit__()
            raise RuntimeError(_BUSY)

    def _defer(self) -> None:
        handlers = self._handlers
        try:
            for number in _SIGNALS:
                handler = _get(number)
                if callable(handler):
                    handlers[number] = handler
                    _set(number, self._keep)
        except BaseException:
            self._restore()
            raise

    def _keep(self, number: int, frame: Any) -> None:
        self._came[number] = frame, self._handlers[number]

    def _restore(self) -> None:
        """Give all handlers back, even if one that is called meanwhile raises."""
        try:
            for number, handler in [*self._handlers.items()]:
                held = _set(number, handler)
                del self._handlers[number]
                if held != self._keep:
                    _set(number, held)
        finally:
            if self._handlers:
                self._restore()

    def __exit__(self, *_: object) -> None:
        if self._turn is not None:
            self._turn.release()
        try:
            self._restore()
        finally:
            if self._came:
                self._call()

    def _call(self) -> None:
        """Call the handlers of the signals that came, all of them, even if one raises."""
        while self._came:
            number = next(iter(self._came))
            frame, handler = self._came.pop(number)
            try:
                handler(number, frame)
            finally:
                self._call()

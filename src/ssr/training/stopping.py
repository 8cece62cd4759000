"""Has somebody asked the run to stop?

SIGTERM and Ctrl-C only leave a mark, so that the step that is under way ends and the state is saved; a second Ctrl-C
does not wait.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """asked_by: the signal that asked, or None."""

    def __init__(self) -> None:
        self.asked_by: signal.Signals | None = None

    def ask(self, number: int, _frame: FrameType | None) -> None:
        if self.asked_by is signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked_by = signal.Signals(number)


@contextmanager
def listening() -> Iterator[Stop]:
    """Mark SIGTERM and SIGINT while the block runs; in other threads than the first nothing is heard."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

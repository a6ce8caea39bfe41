"""Ctrl-C and SIGTERM as values in a queue, so that a command can end in good order."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts(notify: Callable[[signal.Signals], None], *signals: signal.Signals) -> Iterator[None]:
    """While this is entered, `notify` is called in the event loop for each of the signals, in place of their default.

    Where the loop cannot take signals (Windows, a thread that is not the main one) their default stays.
    """
    loop, taken = asyncio.get_running_loop(), []
    for number in signals:
        try:
            loop.add_signal_handler(number, notify, number)
        except (NotImplementedError, RuntimeError, ValueError):
            continue
        taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
        if signal.SIGINT in taken:
            signal.signal(signal.SIGINT, signal.default_int_handler)

"""What the collector of unreachable objects is told, so that a process starts soon and answers evenly.

Loading the libraries makes half a million objects that live as long as the process. The collector would walk them again
and again while they are made, and in every full collection afterwards, which halts all runs for as long. And what runs
and requests make is mostly freed without it: at Python's own number, one collection for 700 new objects, a tenth of
the processor's time goes into looking for rings among objects that are still in use.
"""

import gc

_WHILE_LOADING = 100_000
"""New objects between two collections while a process is put together."""
_WHILE_RUNNING = 10_000
"""The same afterwards: few enough that one takes a few milliseconds."""
_usual: list[tuple[int, int, int]] = []


def begin_loading() -> None:
    """Collect seldom: what is made from here on is meant to stay."""
    if not _usual:
        _usual.append(gc.get_threshold())
        gc.set_threshold(_WHILE_LOADING, *_usual[0][1:])


def loaded() -> None:
    """Leave alone what is there, and collect among what is made from here on; once, after `begin_loading`."""
    if _usual:
        gc.freeze()
        gc.set_threshold(_WHILE_RUNNING, *_usual.pop()[1:])

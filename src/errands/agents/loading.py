"""Libraries that are loaded when they are first needed, because most processes never do."""

import gc


def keep_loaded() -> None:
    """Tell the collector of unreachable objects to leave alone what there is: call it after such a library was loaded.

    pydantic-ai alone makes a hundred thousand objects that stay. Each full collection would walk them, and halt all
    runs of the process for 80 ms. What a run holds at this moment is freed as ever when it is done with; only rings of
    objects among it are not, once.
    """
    gc.freeze()

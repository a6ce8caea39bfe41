"""How the tests are handed to the processes of pytest-xdist: a file at a time, and the page's tests to one of them.

The browser, its server and what that holds are set up once where the page's files follow one another; between files of
other folders they would be set up for each anew. Folders that take long come first, so that no process is left alone
with them at the end.
"""

from collections.abc import Sequence

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_TOGETHER = "tests/page/"
_FIRST = (_TOGETHER, "tests/faults/", "tests/journeys/")


class Distribution(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out units in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return _TOGETHER if nodeid.startswith(_TOGETHER) else nodeid.partition("::")[0]


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests in the order in which they are handed out."""

    def place(item: pytest.Item) -> int:
        return next((at for at, folder in enumerate(_FIRST) if item.nodeid.startswith(folder)), len(_FIRST))

    return sorted(items, key=place)

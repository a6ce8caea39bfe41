from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from errands.store.database import Database
from tests.engine.workbench import Workbench, workbench


@pytest.fixture
async def bench(database: Database, tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(database, tmp_path) as made:
        yield made

"""What people keep for themselves: it is theirs alone, has a bound, and goes with the project."""

import pytest

from errands.bootstrap import Runtime
from errands.services.errors import Invalid, NotFound
from errands.services.principals import operator

ANA, BO = operator("ana"), operator("bo")


async def test_everybody_finds_what_they_have_kept_themselves(runtime: Runtime) -> None:
    saved = runtime.services.saved
    await saved.put(ANA, "default", "runs", "Mine", {"status": "failed"})
    await saved.put(ANA, "default", "runs", "Mine", {"status": "waiting"})
    await saved.put(ANA, "default", "arguments.report", "Emea", {"region": "emea"})
    assert [(one.name, one.value) for one in await saved.list(ANA, "default", "runs")] == [
        ("Mine", {"status": "waiting"})
    ]
    assert await saved.list(BO, "default", "runs") == []


async def test_what_is_forgotten_is_gone(runtime: Runtime) -> None:
    saved = runtime.services.saved
    await saved.put(ANA, "default", "runs", "Mine", {})
    await saved.remove(ANA, "default", "runs", "Mine")
    assert await saved.list(ANA, "default", "runs") == []
    with pytest.raises(NotFound, match="Mine"):
        await saved.remove(ANA, "default", "runs", "Mine")


async def test_what_is_too_large_or_has_no_name_is_refused(runtime: Runtime) -> None:
    saved = runtime.services.saved
    with pytest.raises(Invalid, match=r"70,0\d\d bytes"):
        await saved.put(ANA, "default", "runs", "Large", {"text": "x" * 70_000})
    with pytest.raises(Invalid, match="name of 2 characters"):
        await saved.put(ANA, "default", "runs", "  ", {})
    with pytest.raises(Invalid, match="no shelf"):
        await saved.list(ANA, "default", "../runs")

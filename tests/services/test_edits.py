"""What two people edit at once: the second is told, and the first loses nothing."""

import pytest

from errands.services import Services
from errands.services.errors import ChangedMeanwhile
from errands.services.principals import operator
from errands.services.views import SourceFile

ANA = operator("ana")
HELLO = "task: hello\ndescription: Says hello.\nsteps: [{id: say, finish: {output: hello}}]\n"


async def test_access_to_a_task_that_was_changed_meanwhile_is_not_overwritten(services: Services) -> None:
    await services.tasks.apply(ANA, "default", [SourceFile("hello.yaml", HELLO)])
    mine = await services.members.task_access(ANA, "default", "hello")
    named = {"runners": ["role:owner"], "answerers": []}
    theirs = await services.members.narrow_task(ANA, "default", "hello", **named, edited=[mine.digest])
    with pytest.raises(ChangedMeanwhile):
        await services.members.narrow_task(
            ANA, "default", "hello", runners=["role:editor"], answerers=[], edited=[mine.digest]
        )
    assert await services.members.task_access(ANA, "default", "hello") == theirs


async def test_rules_of_alarms_that_were_changed_meanwhile_are_not_overwritten(services: Services) -> None:
    mine = await services.alarms.defaults(ANA, "default")
    theirs = await services.alarms.set_defaults(ANA, "default", {"failed": "each"}, edited=[mine.digest])
    with pytest.raises(ChangedMeanwhile):
        await services.alarms.set_defaults(ANA, "default", {"budget": True}, edited=[mine.digest])
    assert (await services.alarms.defaults(ANA, "default")).digest == theirs.digest
    await services.alarms.set_defaults(ANA, "default", {"budget": True})  # Whatever is there.


async def test_a_channel_that_was_changed_meanwhile_is_not_overwritten(services: Services) -> None:
    mine = await services.channels.put(ANA, "default", "ops", addresses=["a@example.com"], edited=[])
    theirs = await services.channels.put(
        ANA, "default", "ops", addresses=["a@example.com", "b@example.com"], edited=[mine.digest]
    )
    for edited in ([mine.digest], []):
        with pytest.raises(ChangedMeanwhile):
            await services.channels.put(ANA, "default", "ops", addresses=["c@example.com"], edited=edited)
    (kept,) = await services.channels.list(ANA, "default")
    assert kept.addresses == theirs.addresses

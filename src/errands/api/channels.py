"""Channels, and the notices on their way there."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from errands.api.bodies import Body, Cursor, Limit, Project
from errands.api.callers import Asked, Caller
from errands.api.edits import IfMatchOptional, edited_if_said, etag
from errands.api.routes import Routes, reply
from errands.core.definition.alarms import EVENTS
from errands.services.notice_views import ChannelTested, ChannelView, NoticeView
from errands.services.views import Page

routes = Routes("channels")
Channel = Annotated[str, Path(min_length=1, max_length=63, description="Name of the channel.", examples=["ops"])]
Notice = Annotated[
    str,
    Path(
        min_length=1,
        max_length=64,
        description="Id of the notice.",
        examples=["ntc_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"],
    ),
]
_CHANNEL = {
    "name": "ops",
    "secret": "OPS_CHANNEL",
    "addresses": [],
    "events": ["failed", "recovered"],
    "updated_at": "2026-03-02T08:00:00Z",
    "sent_at": "2026-03-02T09:12:44Z",
    "failing_since": None,
    "problem": None,
}


class ChannelBody(Body):
    """Where it leads: a secret or addresses, one of the two."""

    secret: Annotated[str, Field(min_length=1, max_length=200, examples=["OPS_CHANNEL"])] | None = None
    """Name of the secret that holds an apprise URL, such as `slack://...` or `jsons://...`."""
    addresses: Annotated[list[Annotated[str, Field(max_length=320)]], Field(max_length=50)] = Field(
        default_factory=list, examples=[[]]
    )
    """Mail addresses, written to by the server's mail account."""
    events: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=50)] = Field(
        default_factory=lambda: list(EVENTS), examples=[["failed", "recovered"]]
    )
    """What goes there; by default everything."""


@routes.get("/projects/{project}/channels", gives=list[ChannelView], example=[_CHANNEL])
async def list_channels(caller: Caller, services: Asked, project: Project) -> object:
    """A project's channels, and whether they take what is sent there."""
    return await services.channels.list(caller, project)


@routes.put("/projects/{project}/channels/{channel}", gives=ChannelView, example=_CHANNEL)
async def put_channel(
    caller: Caller,
    services: Asked,
    project: Project,
    channel: Channel,
    body: ChannelBody,
    if_match: IfMatchOptional = None,
) -> object:
    """Make a channel, or change where it leads and what goes there."""
    view = await services.channels.put(
        *(caller, project, channel),
        secret=body.secret,
        addresses=body.addresses,
        events=body.events,
        edited=edited_if_said(if_match),
    )
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.delete("/projects/{project}/channels/{channel}")
async def remove_channel(caller: Caller, services: Asked, project: Project, channel: Channel) -> None:
    """Remove a channel; what is on its way to it is dropped."""
    await services.channels.remove(caller, project, channel)


@routes.post(
    "/projects/{project}/channels/{channel}/test",
    gives=ChannelTested,
    example={"channel": "ops", "delivered": True, "problem": None},
)
async def test_channel(caller: Caller, services: Asked, project: Project, channel: Channel) -> object:
    """Send a trial message now, and tell whether it got through."""
    return await services.channels.test(caller, project, channel)


@routes.get("/projects/{project}/notices", gives=Page[NoticeView])
async def list_notices(
    caller: Caller,
    services: Asked,
    project: Project,
    failing: Annotated[bool, Query(description="Only those that did not get through (yet).")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> object:
    """What Errands itself sends to channels and people of a project, newest first, without their texts."""
    return await services.channels.notices(caller, project, failing=failing, cursor=cursor, limit=limit)


@routes.post("/notices/{notice}/send-again", gives=NoticeView)
async def send_notice_again(caller: Caller, services: Asked, notice: Notice) -> object:
    """Try a message that did not get through once more, at once."""
    return await services.channels.send_again(caller, notice)

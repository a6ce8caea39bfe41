"""The chat: threads, messages as a stream, cards, attachments."""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, JsonValue, model_validator

from errands.api.artifacts import download_headers
from errands.api.bodies import Body, JsonMap, Project
from errands.api.callers import Asked, Caller
from errands.api.chatting import ChatHere, Chatting
from errands.api.problem_kinds import ProblemKind
from errands.api.problems import Refusal
from errands.api.routes import Routes
from errands.services.chat_views import AttachmentView, CardView, CommandView, MessageView, ThreadView
from errands.services.errors import NotFound
from errands.services.threads import ThreadEdit
from errands.services.turns import Again, Click, Clicked, Said, Turn
from errands.services.views import Page

routes = Routes("chat")
_HEADERS = {"x-vercel-ai-ui-message-stream": "v1", "X-Accel-Buffering": "no"}
_LONGEST_TEXT = 200_000
_ATTACHED = "attachment:"
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "The answer, in the UI message stream protocol (version 1) of the AI SDK. See docs/how-to/chat.md."
        ),
        "content": {"text/event-stream": {}},
    }
}
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


async def _chat_of(request: Request) -> Chatting:
    here: ChatHere = request.app.state.chat
    return here()


Chats = Annotated[Chatting, Depends(_chat_of)]


async def _thread_of(
    caller: Caller,
    services: Asked,
    project: Project,
    thread: Annotated[str, Path(max_length=64, examples=["thr_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"])],
) -> str:
    """The thread of the address, which is in the project of the address and which the caller may read."""
    if (await services.threads.get(caller, thread)).project != project:
        raise NotFound(f"thread of project {project}", thread)
    return thread


Thread = Annotated[str, Depends(_thread_of)]


class ThreadBody(Body):
    title: Annotated[str, Field(max_length=200)] | None = None
    agent: Annotated[str, Field(max_length=200)] | None = None
    """The project's agent that answers. None: the assistant with the server's default model."""


class ThreadEditBody(Body):
    """What changes; the rest stays."""

    title: Annotated[str, Field(max_length=200)] | None = None
    shared: bool | None = None
    """Let everybody in the project read it."""
    agent: Annotated[str, Field(max_length=200)] | None = None
    """Empty: the assistant itself."""


class MessageBody(Body):
    """A message as the AI SDK has it."""

    id: Annotated[str, Field(max_length=200)] = ""
    role: Literal["user", "assistant"] = "user"
    parts: Annotated[list[JsonMap], Field(max_length=1000)]
    metadata: JsonValue = None


class SayBody(Body):
    """One turn. The server holds the history: only the new message is sent."""

    id: Annotated[str, Field(max_length=200)] | None = None
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    message: MessageBody | None = None
    """What the person says; or the answer that asked, with its calls allowed or refused."""
    messages: Annotated[list[MessageBody], Field(max_length=1000)] | None = None
    """Instead of `message`, with nothing but that one in it."""
    message_id: Annotated[str | None, Field(alias="messageId", max_length=200)] = None
    """An earlier message that this one replaces, or the answer to give again. None: the last answer."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.trigger == "submit-message" and (self.message is None) == (self.messages is None):
            raise ValueError("give the new message as `message`")
        return self

    def turn(self) -> Turn:
        """Raises Refusal for a history, or for parts that only a server makes."""
        if self.trigger == "regenerate-message":
            return Again(self.message_id)
        given = [self.message] if self.message is not None else self.messages or []
        if len(given) != 1:
            hint = "Send the new message alone; the server adds what was said before."
            raise _forged("client-history", f"{len(given)} messages were sent.", hint)
        (message,) = given
        assert message is not None
        return _said(message, self.message_id) if message.role == "user" else _clicked(message)


class DecisionBody(Body):
    digest: Annotated[str, Field(max_length=64)]
    """Of the card, as it was shown."""
    action: Annotated[str, Field(max_length=40, examples=["publish"])]
    """`save`, `publish`, `run`, `answer`, `do` or `dismiss`, by the card's kind."""
    values: JsonMap = Field(default_factory=dict)
    """What the person filled in: arguments of a run; `choice`, `form` and `note` of an answer."""


@routes.post("/projects/{project}/threads", gives=ThreadView, status=HTTPStatus.CREATED)
async def create_thread(caller: Caller, services: Asked, project: Project, body: ThreadBody) -> object:
    """A new, private thread."""
    return await services.threads.create(caller, project, title=body.title, agent=body.agent)


@routes.get("/projects/{project}/threads", gives=Page[ThreadView])
async def list_threads(
    caller: Caller,
    services: Asked,
    project: Project,
    *,
    q: Annotated[str | None, Query(max_length=200, description="Words in the title or in messages.")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> object:
    """Your threads and those that are shared, the latest active first."""
    return await services.threads.list(caller, project, q=q, cursor=cursor, limit=limit)


@routes.get("/projects/{project}/threads/{thread}", gives=ThreadView)
async def get_thread(caller: Caller, services: Asked, thread: Thread) -> object:
    """One thread, with what it has used."""
    return await services.threads.get(caller, thread)


@routes.put("/projects/{project}/threads/{thread}", gives=ThreadView)
async def edit_thread(caller: Caller, services: Asked, thread: Thread, body: ThreadEditBody) -> object:
    """Give it a title, share it, let another agent answer."""
    return await services.threads.edit(caller, thread, ThreadEdit(body.title, body.shared, body.agent))


@routes.delete("/projects/{project}/threads/{thread}")
async def delete_thread(caller: Caller, services: Asked, thread: Thread) -> object:
    """Remove it with its messages and files; what was done from it stays."""
    await services.threads.delete(caller, thread)
    return None


@routes.get("/projects/{project}/threads/{thread}/messages", gives=Page[MessageView])
async def list_messages(
    caller: Caller,
    services: Asked,
    thread: Thread,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> object:
    """The newest messages in their order, cards as they are now; the cursor leads to those before them."""
    return await services.threads.messages(caller, thread, cursor=cursor, limit=limit)


@routes.post("/projects/{project}/threads/{thread}/messages", gives=Response, also=_STREAM)
async def say(caller: Caller, chat: Chats, thread: Thread, body: SayBody) -> object:
    """Say something, edit what was said, ask for another answer, or allow and refuse calls; streams the answer.

    The answer is written on when the connection is cut: read it again, or follow it.
    """
    return _streamed(await chat.say(caller, thread, body.turn()))


@routes.get(
    "/projects/{project}/threads/{thread}/stream",
    gives=Response,
    also={**_STREAM, 204: {"description": "No answer is being written."}},
)
async def follow_answer(caller: Caller, chat: Chats, thread: Thread) -> object:
    """The answer that is being written, from its beginning, whichever server writes it."""
    stream = await chat.listen(caller, thread)
    return Response(status_code=HTTPStatus.NO_CONTENT) if stream is None else _streamed(stream)


@routes.post("/projects/{project}/threads/{thread}/cancel", gives=dict[str, bool], example={"cancelled": True})
async def cancel_answer(caller: Caller, chat: Chats, thread: Thread) -> object:
    """End the answer that is being written; what there is of it is kept."""
    return {"cancelled": await chat.cancel(caller, thread)}


@routes.post("/cards/{card}/confirm", gives=CardView)
async def decide_card(
    caller: Caller,
    services: Asked,
    card: Annotated[str, Path(max_length=64, examples=["crd_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"])],
    body: DecisionBody,
) -> object:
    """Do what a card shows, or dismiss it. Only a person's click does: no model can."""
    return await services.cards.decide(caller, card, digest=body.digest, action=body.action, values=body.values)


@routes.get("/slash-commands", gives=list[CommandView])
async def list_commands(caller: Caller, chat: Chats) -> object:
    """What can be done in a thread without any model."""
    return chat.commands()


@routes.post(
    "/projects/{project}/threads/{thread}/attachments",
    gives=AttachmentView,
    status=HTTPStatus.CREATED,
    takes={"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
)
async def attach_file(
    request: Request,
    caller: Caller,
    services: Asked,
    thread: Thread,
    name: Annotated[str, Query(min_length=1, max_length=500, description="Of the file.")],
) -> object:
    """Keep a file of up to 10 MiB, given as the body, and read its text; then name it in a message."""
    return await services.attachments.attach(caller, thread, name, await request.body())


@routes.get("/projects/{project}/threads/{thread}/attachments", gives=list[AttachmentView])
async def list_attachments(caller: Caller, services: Asked, thread: Thread) -> object:
    """The files of a thread."""
    return await services.attachments.list(caller, thread)


@routes.get(
    "/attachments/{attachment}",
    gives=Response,
    also={200: {"description": "The file.", "content": {"application/octet-stream": {}}}},
)
async def download_attachment(
    caller: Caller, services: Asked, attachment: Annotated[str, Path(max_length=64)]
) -> object:
    """A file of a thread, always as a download."""
    opened = await services.attachments.open(caller, attachment)
    headers = download_headers(opened.view.name, opened.view.size, opened.view.sha256)
    return StreamingResponse(opened.content, headers=headers, media_type="application/octet-stream")


@routes.delete("/attachments/{attachment}")
async def remove_attachment(caller: Caller, services: Asked, attachment: Annotated[str, Path(max_length=64)]) -> object:
    """Remove a file from its thread; messages that named it keep its name, and what a model was shown of it."""
    await services.attachments.remove(caller, attachment)
    return None


def _streamed(chunks: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(chunks, headers=_HEADERS, media_type="text/event-stream")


def _said(message: MessageBody, replaces: str | None) -> Said:
    texts: list[str] = []
    files: list[str] = []
    for part in message.parts:
        match part.get("type"):
            case "text":
                texts.append(str(part.get("text", "")))
            case "file":
                files.append(str(part.get("url", "")).removeprefix(_ATTACHED).rpartition("/")[2])
            case other:
                raise _forged("forged-part", f"A person's message holds a part {str(other)[:40]!r}.", "Send text.")
    text = "\n".join(texts).strip()
    if len(text) > _LONGEST_TEXT:
        shown = f"A message of {len(text):,} characters is too long; up to {_LONGEST_TEXT:,} are read."
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", shown, "Attach it as a file.")
    if not text and not files:
        raise _forged("malformed", "The message says nothing.", "Write something, or attach a file.")
    return Said(text, tuple(files), replaces)


def _clicked(message: MessageBody) -> Clicked:
    """The clicks on calls that the server has asked for. Nothing else of an answer is ever taken from a client."""
    clicks: dict[str, Click] = {}
    for part in message.parts:
        approval = part.get("approval")
        if part.get("state") == "approval-responded" and isinstance(approval, Mapping):
            reason = approval.get("reason")
            clicks[str(part.get("toolCallId"))] = Click(
                str(approval.get("id")), approval.get("approved") is True, None if reason is None else str(reason)
            )
    if not clicks:
        hint = "Answers come from the server; a client only allows or refuses the calls in them."
        raise _forged("client-history", "An answer was sent that allows and refuses nothing.", hint)
    return Clicked(message.id, clicks)


def _forged(kind: ProblemKind, detail: str, hint: str) -> Refusal:
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, kind, detail, hint)

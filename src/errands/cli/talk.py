"""A conversation on the terminal: words as they come, cards in words, and clicks as answers to questions."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from errands.cli.client.threads import Chunk
from errands.cli.desk import Room
from errands.cli.exits import ExitCode
from errands.cli.prompts import ask_line, confirm
from errands.cli.screen import Screen
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.services.errors import Invalid, ServiceError

_ACTIONS = {"data-task": "publish", "data-agent": "save", "data-act": "do", "data-form": "run"}
"""What a click on a card means here. Questions of runs are answered by `errands approve`."""


@dataclass(slots=True)
class _Answer:
    """What of an answer is needed once it has ended."""

    message: str = ""
    failed: bool = False
    cards: list[tuple[str, Mapping[str, Json]]] = field(default_factory=list)
    calls: dict[str, Chunk] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    """Ids of approvals, by call."""


async def talk(screen: Screen, room: Room, words: str, *, thread: str | None, agent: str | None) -> ExitCode:
    """One turn, or one after the other until an empty line."""
    named = await _thread(room, thread, agent)
    if words:
        return ExitCode.FAILED if (await _turn(screen, room, named, _said(words))).failed else ExitCode.SUCCEEDED
    screen.remark(f"{named}; /help lists the commands, an empty line ends the chat.")
    while True:
        try:
            line = (await ask_line(screen, "> ")).strip()
        except EOFError:
            return ExitCode.SUCCEEDED
        if not line:
            return ExitCode.SUCCEEDED
        try:
            await _turn(screen, room, named, _said(line))
        except ServiceError as refusal:
            screen.remark(f"{refusal.message} {refusal.hint or ''}".strip(), "failed")


async def _thread(room: Room, named: str | None, agent: str | None) -> str:
    """Id of the thread to talk in."""
    if named == "last":
        found = await room.client.threads.latest(room.project)
        if found is None:
            raise Invalid("There is no thread yet.", "Leave out --thread.")
        return found.id
    return named or (await room.client.threads.create(room.project, agent=agent)).id


def _said(words: str) -> JsonObject:
    return {"message": {"role": "user", "parts": [{"type": "text", "text": words}]}}


async def _turn(screen: Screen, room: Room, thread: str, turn: JsonObject) -> _Answer:
    """Show an answer; then ask about its cards and calls, where somebody is there to be asked."""
    answer = _Answer()
    async with aclosing(room.client.threads.say(room.project, thread, turn)) as chunks:
        async for chunk in chunks:
            screen.record(chunk)
            _show(screen, answer, chunk)
    for kind, data in answer.cards:
        await _ask_card(screen, room, kind, data)
    if not answer.asked or not screen.asks:
        return answer
    clicks = [await _ask_call(screen, answer.calls[call], call, approval) for call, approval in answer.asked.items()]
    message: JsonObject = {"id": answer.message, "role": "assistant", "parts": clicks}
    return await _turn(screen, room, thread, {"message": message})


def _show(screen: Screen, answer: _Answer, chunk: Chunk) -> None:
    kind = str(chunk["type"])
    match kind:
        case "start":
            answer.message = str(chunk["messageId"])
        case "text-delta":
            _write(screen, str(chunk["delta"]))
        case "text-end":
            _write(screen, "\n")
        case "tool-input-available":
            answer.calls[str(chunk["toolCallId"])] = chunk
            screen.remark(f"{chunk['toolName']} {_short(chunk.get('input'))}")
        case "tool-output-error":
            screen.remark(str(chunk["errorText"]), "failed")
        case "tool-approval-request":
            answer.asked[str(chunk["toolCallId"])] = str(chunk["approvalId"])
        case "error":
            answer.failed = True
            screen.remark(str(chunk["errorText"]), "failed")
        case _ if kind.startswith("data-"):
            data = chunk.get("data")
            if isinstance(data, Mapping) and isinstance(data.get("card"), Mapping):
                answer.cards.append((kind, data))
            elif isinstance(data, Mapping) and kind == "data-run":
                screen.remark(f"errands show {data['run']}")


def _write(screen: Screen, text: str) -> None:
    """Words as they come, without what a terminal would obey."""
    from errands.cli.neutral import safe

    if not screen.as_json:
        screen.out.print(safe(text), end="", soft_wrap=True)


async def _ask_card(screen: Screen, room: Room, kind: str, data: Mapping[str, Json]) -> None:
    """Click on a card, if the person wants that."""
    card, action = data["card"], _ACTIONS.get(kind)
    assert isinstance(card, Mapping)
    if action is None:
        screen.remark(f"errands approve {data.get('approval')}")
        return
    about, act = data.get("name") or data.get("task"), data.get("act") or action
    if not screen.asks:
        screen.remark(f"{about} waits for a click: {act}.")
        return
    if not await confirm(screen, str(data["text"]) if kind == "data-act" else f"{str(act).capitalize()} {about}?"):
        return
    values = await _fill(screen, data) if kind == "data-form" else {}
    done = await room.client.threads.confirm(str(card["id"]), digest=str(card["digest"]), action=action, values=values)
    screen.remark(f"{done.action}: {_short(done.result)}")


async def _fill(screen: Screen, data: Mapping[str, Json]) -> JsonObject:
    """Ask for the required arguments that the form does not hold yet."""
    schema, given = data.get("schema"), data.get("arguments")
    assert isinstance(schema, Mapping)
    required, shapes = schema.get("required"), schema.get("properties")
    values: dict[str, Json] = {}
    for name in required if isinstance(required, Sequence) else ():
        if isinstance(given, Mapping) and name in given:
            continue
        line = await ask_line(screen, f"{name}: ")
        shape = shapes.get(str(name)) if isinstance(shapes, Mapping) else None
        values[str(name)] = _value(line, shape)
    return values


def _value(line: str, shape: Json) -> Json:
    if isinstance(shape, Mapping) and shape.get("type") == "string":
        return line
    try:
        return from_text(line)
    except ValueError:
        return line


async def _ask_call(screen: Screen, call: Chunk, call_id: str, approval: str) -> JsonObject:
    """The click on a call, as the API takes it."""
    allowed = await confirm(screen, f"Let it call {call['toolName']} with {to_text(call.get('input'))}?")
    return {
        "type": f"tool-{call['toolName']}",
        "toolCallId": call_id,
        "state": "approval-responded",
        "approval": {"id": approval, "approved": allowed},
    }


def _short(value: Json) -> str:
    text = to_text(value)
    return text if len(text) <= 200 else f"{text[:200]}…"

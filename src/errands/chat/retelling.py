"""An answer that another process writes, told from what that keeps of it: the chunks that would have made it."""

from collections.abc import Mapping, Sequence

from errands.core.values import Json, JsonObject

_WORDS = ("text", "reasoning")


class Retelling:
    """Turns readings of an answer's parts, each later than the one before, into the chunks of a stream."""

    def __init__(self) -> None:
        self._told: list[JsonObject] = []
        self._in_step = False

    def news(self, parts: Sequence[JsonObject]) -> list[JsonObject]:
        """The chunks that lead from the last reading to this one; from nothing, the first time."""
        chunks: list[JsonObject] = []
        for place, part in enumerate(parts):
            before = self._told[place] if place < len(self._told) else None
            if part != before:
                chunks += self._of_part(place, before, part)
        self._told = list(parts)
        return chunks

    def end(self) -> list[JsonObject]:
        """What closes the step that is open, if one is."""
        return self._finished_step()

    def _of_part(self, place: int, before: JsonObject | None, part: JsonObject) -> list[JsonObject]:
        kind = str(part.get("type"))
        if kind == "step-start":
            finished = self._finished_step()
            self._in_step = True
            return [*finished, {"type": "start-step"}]
        if kind in _WORDS:
            return _words(kind, f"{kind}-{place}", before or {}, part, new=before is None)
        if "toolCallId" in part:
            return _call(before or {}, part, new=before is None)
        return [part]

    def _finished_step(self) -> list[JsonObject]:
        finished: list[JsonObject] = [{"type": "finish-step"}] if self._in_step else []
        self._in_step = False
        return finished


def _words(kind: str, name: str, before: JsonObject, part: JsonObject, *, new: bool) -> list[JsonObject]:
    """Words only ever grow."""
    chunks: list[JsonObject] = [{"type": f"{kind}-start", "id": name}] if new else []
    more = str(part.get("text", ""))[len(str(before.get("text", ""))) :]
    if more:
        chunks.append({"type": f"{kind}-delta", "id": name, "delta": more})
    if part.get("state") == "done" and before.get("state") != "done":
        chunks.append({"type": f"{kind}-end", "id": name})
    return chunks


def _call(before: JsonObject, part: JsonObject, *, new: bool) -> list[JsonObject]:
    """A call goes on from state to state; those between two readings are told with the later one."""
    named: JsonObject = {"toolCallId": part["toolCallId"]}
    tool = str(part["type"]).removeprefix("tool-")
    chunks: list[JsonObject] = [{"type": "tool-input-start", **named, "toolName": tool}] if new else []
    if "input" in part and "input" not in before:
        chunks.append({"type": "tool-input-available", **named, "toolName": tool, "input": part["input"]})
    state = part.get("state")
    if state != before.get("state"):
        chunks += [{"type": f"tool-{kind}", **named, **about} for kind, about in _became(str(state), part)]
    return chunks


def _became(state: str, part: JsonObject) -> list[tuple[str, Mapping[str, Json]]]:
    match state:
        case "approval-requested":
            approval = part.get("approval")
            asked = approval.get("id") if isinstance(approval, Mapping) else None
            return [("approval-request", {"approvalId": asked})]
        case "output-available":
            return [("output-available", {"output": part.get("output")})]
        case "output-error":
            return [("output-error", {"errorText": part.get("errorText")})]
        case "output-denied":
            return [("output-denied", {})]
        case _:
            return []

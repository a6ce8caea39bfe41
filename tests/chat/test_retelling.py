"""What is kept of an answer, read now and then, gives the chunks that make the same answer again."""

from itertools import pairwise
from typing import Any

import pytest

from errands.chat.retelling import Retelling
from errands.chat.stream import Message
from errands.core.values import JsonObject

CALL = {"toolCallId": "c1"}
STREAM: list[JsonObject] = [
    {"type": "start-step"},
    {"type": "reasoning-start", "id": "r"},
    {"type": "reasoning-delta", "id": "r", "delta": "Hm."},
    {"type": "reasoning-end", "id": "r"},
    {"type": "text-start", "id": "t"},
    {"type": "text-delta", "id": "t", "delta": "Let me "},
    {"type": "text-delta", "id": "t", "delta": "look."},
    {"type": "text-end", "id": "t"},
    {"type": "tool-input-start", **CALL, "toolName": "log"},
    {"type": "tool-input-delta", **CALL, "inputTextDelta": "{}"},
    {"type": "tool-input-available", **CALL, "toolName": "log", "input": {"message": "x"}},
    {"type": "data-form", "id": "card", "data": {"a": 1}},
    {"type": "data-form", "id": "card", "data": {"a": 2}},
    {"type": "tool-output-available", **CALL, "output": {"said": "x"}},
    {"type": "tool-input-start", "toolCallId": "c2", "toolName": "log"},
    {"type": "tool-input-error", "toolCallId": "c2", "input": {"y": 1}, "errorText": "no"},
    {"type": "tool-input-start", "toolCallId": "c3", "toolName": "log"},
    {"type": "tool-input-available", "toolCallId": "c3", "toolName": "log", "input": {}},
    {"type": "tool-output-error", "toolCallId": "c3", "errorText": "broken"},
    {"type": "finish-step"},
    {"type": "start-step"},
    {"type": "text-start", "id": "t"},
    {"type": "text-delta", "id": "t", "delta": "Done."},
    {"type": "file", "url": "attachment:att_1", "mediaType": "text/plain"},
    {"type": "tool-input-start", "toolCallId": "c4", "toolName": "send"},
    {"type": "tool-input-available", "toolCallId": "c4", "toolName": "send", "input": {}},
    {"type": "tool-approval-request", "toolCallId": "c4", "approvalId": "c4~1"},
]


@pytest.mark.parametrize("every", [1, 2, 3, 5, 8, len(STREAM)])
def test_readings_now_and_then_make_the_same_message(every: int) -> None:
    written, again, retelling = Message(), Message(), Retelling()
    for number, chunk in enumerate(STREAM):
        written.take(chunk)
        if number % every == 0:
            for told in retelling.news(written.parts):
                again.take(told)
    written.close()
    for told in [*retelling.news(written.parts), *retelling.end()]:
        again.take(told)
    assert _plain(again.parts) == _plain(written.parts)


def test_each_word_is_told_once_and_each_step_has_an_end() -> None:
    written, retelling, told = Message(), Retelling(), []
    for chunk in STREAM:
        written.take(chunk)
        told += retelling.news(written.parts)
        assert retelling.news(written.parts) == [], "nothing is new"
    told += retelling.end()
    words = [one["delta"] for one in told if one["type"] in ("text-delta", "reasoning-delta")]
    assert words == ["Hm.", "Let me ", "look.", "Done."]
    steps = [one["type"] for one in told if str(one["type"]).endswith("-step")]
    assert all(first != second for first, second in pairwise(steps)), "they take turns"
    assert steps[-1] == "finish-step"


def test_an_answer_that_goes_on_after_a_click_is_told_whole() -> None:
    before: list[JsonObject] = [
        {"type": "step-start"},
        {"type": "tool-send", **CALL, "state": "approval-responded", "input": {}, "approval": {"id": "1"}},
    ]
    told = Retelling().news(before)
    assert [one["type"] for one in told] == ["start-step", "tool-input-start", "tool-input-available"]


def _plain(parts: list[JsonObject]) -> list[Any]:
    return [dict(part) for part in parts]

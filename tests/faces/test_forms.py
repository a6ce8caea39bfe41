"""A form is drawn from its schema, and asks again until an answer can be used."""

from collections.abc import Awaitable, Callable, Iterable

import pytest

from errands.cli.forms import Field, fields_of, fill_in, pick, question, read
from errands.core.values import JsonObject

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "default": "Good morning", "format": "textarea", "title": "Text of the mail"},
        "copies": {"type": "integer"},
        "share": {"type": "number", "default": 0.5},
        "urgent": {"type": "boolean"},
        "channel": {"enum": ["mail", "chat", 3]},
        "extra": {"type": "object"},
    },
    "required": ["copies"],
}


def typing(lines: Iterable[str]) -> Callable[[str], Awaitable[str]]:
    """Somebody who types these lines."""
    rest = iter(lines)

    async def ask(prompt: str) -> str:
        return next(rest)

    return ask


def field(name: str) -> Field:
    return next(one for one in fields_of(SCHEMA) if one.name == name)


async def test_every_field_is_asked_for_in_order_and_defaults_are_taken() -> None:
    values = await fill_in(fields_of(SCHEMA), typing(["", "3", "", "yes", "chat", '{"a": 1}']), print)
    assert values == {
        "text": "Good morning",
        "copies": 3,
        "share": 0.5,
        "urgent": True,
        "channel": "chat",
        "extra": {"a": 1},
    }


async def test_a_field_that_may_be_left_out_is_left_out() -> None:
    values = await fill_in(fields_of(SCHEMA), typing(["", "3", "", "", "", ""]), print)
    assert set(values) == {"text", "copies", "share"}


async def test_several_lines_end_with_a_dot() -> None:
    assert await fill_in([field("text")], typing(["One", "", "two", "."]), print) == {"text": "One\n\ntwo"}


async def test_an_unusable_answer_is_explained_and_asked_for_again() -> None:
    said: list[str] = []
    values = await fill_in([field("copies")], typing(["", "many", "2.5", "2"]), said.append)
    assert values == {"copies": 2}
    assert said == ["copies is needed.", "'many' is not a whole number.", "'2.5' is not a whole number."]


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("urgent", "perhaps", "'perhaps' is neither yes nor no."),
        ("channel", "fax", "'fax' is none of mail, chat, 3."),
        ("extra", "{", "'{' is not JSON."),
        ("share", "half", "'half' is not a number."),
    ],
)
def test_what_does_not_fit_a_field_is_named(name: str, typed: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        read(field(name), typed)
    assert str(refused.value) == says


def test_a_choice_that_is_a_number_stays_a_number() -> None:
    assert read(field("channel"), "3").value == 3


def test_a_prompt_shows_choices_and_default() -> None:
    assert question(field("channel")) == "channel (mail | chat | 3) [leave out]:"
    assert question(field("share")) == "share [0.5]:"
    assert question(field("copies")) == "copies:"


@pytest.mark.parametrize("typed", ["2", "drop", "d", "DR"])
async def test_a_choice_is_taken_by_number_name_or_beginning(typed: str) -> None:
    assert await pick(["send", "drop"], "Your choice:", typing([typed]), print) == "drop"


@pytest.mark.parametrize("typed", ["0", "3", "", "s", "x"])
async def test_an_unclear_choice_is_asked_for_again(typed: str) -> None:
    assert await pick(["send", "store"], "Your choice:", typing([typed, "1"]), print) == "send"

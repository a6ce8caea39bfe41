"""Runs as the chat tells them."""

from errands.chat.operations.runs import story
from errands.core.outcomes import RunStatus
from errands.core.values import to_text
from tests.faces.made_up import run


def test_an_output_that_is_no_text_is_told_as_json() -> None:
    told = story(run(RunStatus.SUCCEEDED, output={"kept": True, "note": None}))
    assert f"Output: `{to_text({'kept': True, 'note': None})}`" in told

"""Only authors refer to secrets."""

import pytest

from errands.core.outcomes import StepFailed
from errands.core.values import Json
from errands.engine.references import refuse_computed
from tests.engine.workbench import Workbench

HEAD = "task: t\ndescription: a test\n"


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ({"to": "secret:MAIL"}, {"to": "secret:MAIL"}),
        ({"to": "{{ channel }}"}, {"to": "secret:MAIL"}),
        ({"text": "see {{ x }}"}, {"text": "see secret:MAIL"}),
    ],
)
def test_a_reference_stands_where_the_author_or_a_param_put_it(template: Json, rendered: Json) -> None:
    refuse_computed(template, rendered, frozenset({"channel"}))


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ({"to": "{{ payload['to'] }}"}, {"to": "secret:MAIL"}),
        ({"to": "{{ fetched }}"}, {"to": ["a", {"deep": "secret:MAIL"}]}),
        (["{{ fetched }}"], ["secret:MAIL"]),
        ("{{ payload['all'] }}", {"to": "secret:MAIL"}),
        ({"to": "{{ a }}{{ b }}"}, {"to": "secret:MAIL"}),
    ],
)
def test_a_reference_that_was_computed_is_refused(template: Json, rendered: Json) -> None:
    with pytest.raises(StepFailed, match="reads like a reference to a secret"):
        refuse_computed(template, rendered, frozenset({"channel"}))


async def test_data_that_reads_like_a_reference_fails_the_step_that_would_resolve_it(bench: Workbench) -> None:
    async with bench.working():
        ended = await bench.run(
            HEAD
            + """
steps:
  - {id: fetched, python: "'secret:' + 'MAIL'"}
  - {id: sent, tool: echo, with: {to: "{{ fetched }}"}}
"""
        )
    assert ended.error is not None
    assert ended.error["kind"] == "denied"
    assert [call for call in bench.tools.calls if call[0] == "echo"] == []

"""Asking people: who may answer, when a question is closed, and what the run gets."""

from datetime import timedelta

import pytest

from errands.core.outcomes import RunStatus, StepStatus
from errands.core.values import JsonObject
from errands.engine.answering import AnswerRefusedError
from tests.engine.workbench import HEAD, Workbench

FORM = """
steps:
  - {id: text, python: "'dear all'"}
  - id: ok
    approve:
      question: "Send {{ text }}?"
      form:
        type: object
        properties:
          text: {type: string, default: "{{ text }}"}
          copies: {type: integer, maximum: 9, default: 1}
      choices: [send, drop]
  - {python: "[ok['choice'], ok['form'], ok['by'], ok['at']]"}
"""


async def test_an_answer_ends_the_question_with_choice_form_person_and_moment(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + FORM)
        await bench.rest(launched.run_id)
        question = await bench.pool.fetchval("select question from approvals where run_id = $1", launched.run_id)
        await bench.answer(launched.run_id, "send", {"copies": 3})
        ended = await bench.ended(launched.run_id)
    assert question == "Send dear all?"
    assert ended.output == ["send", {"text": "dear all", "copies": 3}, "user:ana", "2026-03-02T08:00:00+00:00"]


@pytest.mark.parametrize(
    ("choice", "form", "said"),
    [
        ("keep", {}, "'keep' is not a choice"),
        ("send", {"copies": 10}, "copies"),
        ("send", {"copies": "many"}, "copies"),
    ],
)
async def test_an_answer_that_does_not_fit_changes_nothing(
    bench: Workbench, choice: str, form: JsonObject, said: str
) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + FORM)
        await bench.rest(launched.run_id)
        with pytest.raises(AnswerRefusedError, match=said):
            await bench.answer(launched.run_id, choice, form)
        assert (await bench.look(launched.run_id)).status is RunStatus.WAITING
        await bench.answer(launched.run_id, "send")
        await bench.ended(launched.run_id)


async def test_a_question_without_a_form_takes_none(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{id: ok, approve: {question: Go on?}}]\n")
        await bench.rest(launched.run_id)
        with pytest.raises(AnswerRefusedError, match="no form"):
            await bench.answer(launched.run_id, "approve", {"x": 1})
        await bench.answer(launched.run_id, "reject")
        ended = await bench.ended(launched.run_id)
    assert isinstance(ended.output, dict)
    assert (ended.output["choice"], ended.output["form"]) == ("reject", {})


async def test_a_quorum_counts_people_and_each_ones_first_answer(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{id: ok, approve: {question: Go on?, quorum: 2}}]\n")
        await bench.rest(launched.run_id)
        await bench.answer(launched.run_id, "approve", person="user:ana")
        with pytest.raises(AnswerRefusedError, match="already answered"):
            await bench.answer(launched.run_id, "reject", person="user:ana")
        await bench.answer(launched.run_id, "reject", person="user:bo")
        assert (await bench.look(launched.run_id)).status is RunStatus.WAITING
        approval = await bench.open_approval(launched.run_id)
        await bench.answer(launched.run_id, "approve", person="user:cy")
        ended = await bench.ended(launched.run_id)
        with pytest.raises(AnswerRefusedError, match="closed: user:ana and user:cy answered 'approve'"):
            await bench.engine.answer(approval, person="user:di", choice="reject", form={}, note=None)
    assert isinstance(ended.output, dict)
    assert (ended.output["choice"], ended.output["by"]) == ("approve", "user:cy")


async def test_the_starter_may_be_excluded(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD + "steps: [{id: ok, approve: {question: Go on?, not: [starter]}}]\n", starter="user:ana"
        )
        await bench.rest(launched.run_id)
        with pytest.raises(AnswerRefusedError, match="user:ana may not answer"):
            await bench.answer(launched.run_id, "approve", person="user:ana")
        await bench.answer(launched.run_id, "approve", person="user:bo")
        ended = await bench.ended(launched.run_id)
    assert ended.status is RunStatus.SUCCEEDED


async def test_when_nobody_answers_in_time_the_task_chooses(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD
            + FORM.replace("choices: [send, drop]", "choices: [send, drop]\n      timeout: {after: 2d, choose: drop}")
        )
        await bench.rest(launched.run_id)
        approval = await bench.open_approval(launched.run_id)
        await bench.forward(timedelta(days=2))
        ended = await bench.ended(launched.run_id)
        with pytest.raises(AnswerRefusedError, match="time was over"):
            await bench.engine.answer(approval, person="user:di", choice="send", form={}, note=None)
    assert ended.output == ["drop", {"text": "dear all", "copies": 1}, None, "2026-03-04T08:00:00+00:00"]


async def test_when_nobody_answers_in_time_the_step_fails_if_nothing_is_chosen(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{id: ok, approve: {question: Go on?, timeout: {after: 2d}}}]\n")
        await bench.rest(launched.run_id)
        await bench.forward(timedelta(days=2))
        ended = await bench.ended(launched.run_id)
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "timeout")
    assert ended.records["ok"].status is StepStatus.TIMED_OUT


async def test_the_question_of_a_cancelled_run_is_withdrawn(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{id: ok, approve: {question: Go on?}}]\n")
        await bench.rest(launched.run_id)
        approval = await bench.open_approval(launched.run_id)
        await bench.engine.cancel(launched.run_id, by="user:ana", reason="not needed")
        ended = await bench.ended(launched.run_id)
        with pytest.raises(AnswerRefusedError, match="its run has ended"):
            await bench.engine.answer(approval, person="user:bo", choice="approve", form={}, note=None)
    assert ended.status is RunStatus.CANCELLED


async def test_two_people_may_answer_at_the_same_moment(bench: Workbench) -> None:
    import asyncio

    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{id: ok, approve: {question: Go on?, quorum: 1}}]\n")
        await bench.rest(launched.run_id)
        approval = await bench.open_approval(launched.run_id)
        answers = await asyncio.gather(
            *(
                bench.engine.answer(approval, person=f"user:{n}", choice="approve", form={}, note=None)
                for n in range(8)
            ),
            return_exceptions=True,
        )
        ended = await bench.ended(launched.run_id)
    refused = [answer for answer in answers if isinstance(answer, AnswerRefusedError)]
    assert len(refused) == 7
    assert ended.status is RunStatus.SUCCEEDED


async def test_questions_may_hold_what_text_columns_cannot(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD + "params: {text: {type: string}}\nsteps: [{id: ok, approve: {question: '{{ text }}'}}]\n",
            {"text": "a\0b"},
        )
        rested = await bench.rest(launched.run_id)
    assert (rested.status, rested.kind) == (RunStatus.FAILED, "storage")

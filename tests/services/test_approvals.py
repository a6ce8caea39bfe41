"""Approvals: whose inbox holds them, drafts, quorum, and who may not answer."""

import pytest

from errands.core.access import ProjectRole, Scope, ServerRole, references_of, refers_to
from errands.services import Services
from errands.services.errors import Conflict, Denied, Invalid, NotFound
from errands.store.database import Database
from tests.services.approvals_bench import ROOT, Crowd, apply, asked, ends

_HEAD = "description: Asks.\nsteps:\n  - id: ok\n    approve:\n      question: Go on?\n"
_TEAM = f"task: team\n{_HEAD}      approvers: [group:leads, 'user:bo']\n      choices: [go, stop]\n"
_ANYBODY = f"task: anybody\n{_HEAD}      choices: [go, stop]\n"
_OWNERS = f"task: owners\n{_HEAD}      approvers: [role:owner]\n"
_OTHERS = f"task: others\n{_HEAD}      not: [starter]\n      choices: [go, stop]\n"
_FORM = (
    f"task: form\n{_HEAD}      choices: [go, stop]\n"
    "      form: {type: object, properties: {text: {type: string, default: Dear all}, n: {type: integer, minimum: 1}},"
    " required: [n]}\n"
)
_TWO = f"task: two\n{_HEAD}      choices: [go, stop]\n      quorum: 2\n"


@pytest.fixture
def crowd(working: Services, database: Database) -> Crowd:
    return Crowd(working, database)


async def inbox(services: Services, caller: object, **how: object) -> list[str]:
    page = await services.approvals.inbox(caller, **how)  # type: ignore[arg-type]
    return [one.id for one in page.items]


async def test_an_inbox_holds_what_somebody_is_asked_by_name_by_group_and_by_role(
    working: Services, crowd: Crowd
) -> None:
    await apply(working, _TEAM, _ANYBODY, _OWNERS)
    team, anybody, owners = [await asked(working, task) for task in ("team", "anybody", "owners")]
    bo = await crowd.person("bo", ProjectRole.VIEWER)
    lea = await crowd.person("lea", ProjectRole.OPERATOR, groups=("leads",))
    olga = await crowd.person("olga", ProjectRole.OWNER)
    vera = await crowd.person("vera", ProjectRole.VIEWER)
    stan = await crowd.person("stan", groups=("leads",))
    assert await inbox(working, bo) == [team]
    assert await inbox(working, lea) == [team, anybody]
    assert await inbox(working, olga) == [anybody, owners]
    assert await inbox(working, vera) == await inbox(working, stan) == []
    assert await inbox(working, await crowd.admin("root2")) == [anybody, owners]
    assert await inbox(working, vera, project="default") == [team, anybody, owners]
    with pytest.raises(Denied):
        await working.approvals.inbox(stan, "default")


async def test_an_inbox_leaves_out_what_was_answered_and_what_the_task_narrows(working: Services, crowd: Crowd) -> None:
    await apply(working, _TWO, _ANYBODY)
    two, anybody = await asked(working, "two"), await asked(working, "anybody")
    ann, bea = [await crowd.person(name, ProjectRole.OPERATOR) for name in ("ann", "bea")]
    await working.approvals.answer(ann, two, choice="go", form={})
    await working.members.narrow_task(ROOT, "default", "anybody", runners=[], answerers=["user:bea"])
    assert await inbox(working, ann) == []
    assert await inbox(working, bea) == [two, anybody]


async def test_an_inbox_is_read_in_pages_without_gap_or_repetition(working: Services, crowd: Crowd) -> None:
    await apply(working, _ANYBODY)
    there = [await asked(working, "anybody") for _ in range(5)]
    ann = await crowd.person("ann", ProjectRole.OPERATOR)
    for project in (None, "default"):
        seen, cursor = [], None
        while True:
            page = await working.approvals.inbox(ann, project, cursor=cursor, limit=2)
            seen += [one.id for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == there
    for wrong in ("x", "run_" + "0" * 32):
        with pytest.raises(Invalid, match="no cursor of this list"):
            await working.approvals.inbox(ann, cursor=wrong)


async def test_a_token_of_one_project_sees_that_project_alone(working: Services, crowd: Crowd) -> None:
    await apply(working, _ANYBODY)
    await asked(working, "anybody")
    await working.projects.create(ROOT, "other")
    ann = await crowd.person("ann", ProjectRole.OPERATOR)
    for projects, expected in ((["default"], 1), (None, 1)):
        made = await working.tokens.make(
            ROOT, "t", [Scope.READ, Scope.ANSWER], expires_in=None, person="ann", projects=projects
        )
        assert len(await inbox(working, await working.tokens.find(made.text))) == expected
    made = await working.tokens.make(ROOT, "t", [Scope.READ], expires_in=None, person="ann")
    assert await inbox(working, await working.tokens.find(made.text)) == []
    assert ann.projects == {"default": ProjectRole.OPERATOR}


async def test_the_references_of_a_person_are_those_that_mean_the_person(working: Services, crowd: Crowd) -> None:
    people = [
        await crowd.person("ann", ProjectRole.EDITOR, groups=("leads",)),
        await crowd.person("ben"),
        await crowd.admin("amy"),
    ]
    asked_for = [f"role:{role}" for role in (*ServerRole, *ProjectRole)]
    asked_for += ["user:ann", "user:ben", "group:leads", "group:none", "role:nobody"]
    for person in people:
        names = references_of(person, "default")
        assert {one for one in asked_for if refers_to(person, "default", one)} == names & set(asked_for)
        assert all(refers_to(person, "default", one) for one in names)


async def test_a_draft_is_kept_for_its_person_until_the_answer_is_given(working: Services, crowd: Crowd) -> None:
    await apply(working, _FORM)
    question = await asked(working, "form")
    ann, bea = [await crowd.person(name, ProjectRole.OPERATOR) for name in ("ann", "bea")]
    with pytest.raises(NotFound, match="no draft of an answer"):
        await working.approvals.draft(ann, question)
    await working.approvals.save_draft(ann, question, form={"text": "Dear"})
    saved = await working.approvals.save_draft(ann, question, choice="go", form={"text": "Dear you"}, note="soon")
    assert await working.approvals.draft(ann, question) == saved
    assert (saved.choice, saved.form, saved.note) == ("go", {"text": "Dear you"}, "soon")
    with pytest.raises(NotFound):
        await working.approvals.draft(bea, question)
    await working.approvals.save_draft(bea, question, choice="stop")
    await working.approvals.drop_draft(bea, question)
    with pytest.raises(Invalid, match="form does not fit"):
        await working.approvals.answer(ann, question, choice="go", form=saved.form)
    await working.approvals.answer(ann, question, choice="go", form={**saved.form, "n": 2})
    assert await crowd.database.pool.fetchval("select count(*) from approval_drafts") == 0
    with pytest.raises(Conflict, match="closed"):
        await working.approvals.save_draft(bea, question, choice="go")


async def test_a_draft_that_can_never_be_an_answer_is_refused(working: Services, crowd: Crowd) -> None:
    await apply(working, _FORM, _TEAM)
    form, team = await asked(working, "form"), await asked(working, "team")
    ann = await crowd.person("ann", ProjectRole.OPERATOR)
    with pytest.raises(Invalid, match="'maybe' is not a choice here"):
        await working.approvals.save_draft(ann, form, choice="maybe")
    with pytest.raises(Invalid, match="form has 70011 characters"):
        await working.approvals.save_draft(ann, form, form={"text": "x" * 70_000})
    with pytest.raises(Denied, match="asks only"):
        await working.approvals.save_draft(ann, team, choice="go")
    with pytest.raises(Invalid, match="has no form"):
        await working.approvals.save_draft(ROOT, team, form={"x": 1})
    assert await crowd.database.pool.fetchval("select count(*) from approval_drafts") == 0


async def test_the_quorum_closes_a_question_and_later_ones_hear_of_it(working: Services, crowd: Crowd) -> None:
    await apply(working, _TWO)
    question = await asked(working, "two")
    ann, bea, cat, dan = [await crowd.person(name, ProjectRole.OPERATOR) for name in ("ann", "bea", "cat", "dan")]
    assert not (await working.approvals.answer(ann, question, choice="go", form={})).closed
    with pytest.raises(Conflict, match="user:ann has already answered 'go' at"):
        await working.approvals.answer(ann, question, choice="stop", form={})
    assert not (await working.approvals.answer(bea, question, choice="stop", form={})).closed
    assert (await working.approvals.answer(cat, question, choice="go", form={})).closed
    with pytest.raises(Conflict, match=r"closed: user:ann and user:cat answered 'go', the last at \d{4}-"):
        await working.approvals.answer(dan, question, choice="stop", form={})
    run = (await working.approvals.get(ann, question)).run
    output = (await ends(working, run)).output
    assert isinstance(output, dict)
    assert output["choice"] == "go"


async def test_nobody_approves_the_own_run_by_way_of_a_token(working: Services, crowd: Crowd) -> None:
    await apply(working, _OTHERS)
    ann, bea = [await crowd.person(name, ProjectRole.OPERATOR) for name in ("ann", "bea")]
    made = await working.tokens.make(ROOT, "ci", [Scope.READ, Scope.RUN, Scope.ANSWER], expires_in=None, person="ann")
    token = await working.tokens.find(made.text)
    for starter in (ann, token):
        question = await asked(working, "others", starter=starter)
        for caller in (ann, token):
            with pytest.raises(Denied, match="excludes user:ann from answering"):
                await working.approvals.answer(caller, question, choice="go", form={})
        assert await inbox(working, ann) == await inbox(working, token) == []
        assert await inbox(working, bea) == [question]
        assert (await working.approvals.answer(bea, question, choice="go", form={})).closed

"""Tokens: shown once, cut by scopes, projects and time, dead at once when revoked."""

from datetime import timedelta

import pytest

from errands.core.access import ProjectResource, ProjectRole, Scope, ServerRole, Verb, permit
from errands.services.errors import Denied, Invalid, NotFound, Unauthenticated
from tests.services.people_bench import Bench


async def test_a_token_acts_for_its_person_with_todays_rights(bench: Bench) -> None:
    ana = await bench.person("ana")
    await bench.projects.create(bench.root, "sales")
    made = await bench.tokens.make(ana, "ci", [Scope.RUN, Scope.READ], expires_in=timedelta(days=1))
    assert made.text.startswith(made.token.prefix)
    assert made.text not in repr(made)
    assert not permit(await bench.tokens.find(made.text), Verb.TASK_RUN, ProjectResource("sales")).allowed
    await bench.members.put(bench.root, "sales", "user:ana", ProjectRole.OPERATOR)
    found = await bench.tokens.find(made.text)
    assert found.reference == "user:ana"
    assert permit(found, Verb.TASK_RUN, ProjectResource("sales")).allowed
    assert not permit(found, Verb.TASK_EDIT, ProjectResource("sales")).allowed
    await bench.members.put(bench.root, "sales", "user:ana", ProjectRole.VIEWER)
    with pytest.raises(Denied):
        await bench.authority.authorise(await bench.tokens.find(made.text), Verb.TASK_RUN, ProjectResource("sales"))


async def test_a_token_of_some_projects_reaches_no_other(bench: Bench) -> None:
    ana = await bench.person("ana", ServerRole.ADMIN)
    for project in ("sales", "ops"):
        await bench.projects.create(ana, project)
    made = await bench.tokens.make(ana, "ci", [Scope.READ], projects=["sales"], expires_in=None)
    assert made.token.projects == ("sales",)
    assert await bench.projects.list(await bench.tokens.find(made.text)) == ["sales"]
    with pytest.raises(NotFound):
        await bench.tokens.make(ana, "ci", [Scope.READ], projects=["none"], expires_in=None)


async def test_a_revoked_token_works_for_no_further_request(bench: Bench) -> None:
    ana, ben = await bench.person("ana"), await bench.person("ben")
    made = await bench.tokens.make(ana, "ci", [Scope.READ], expires_in=None)
    await bench.tokens.find(made.text)
    with pytest.raises(Denied):
        await bench.tokens.revoke(ben, made.token.id)
    await bench.tokens.revoke(ana, made.token.id)
    with pytest.raises(Unauthenticated, match="revoked"):
        await bench.tokens.find(made.text)
    assert await bench.tokens.list(ana) == []


async def test_an_expired_token_is_refused(bench: Bench) -> None:
    ana = await bench.person("ana")
    made = await bench.tokens.make(ana, "ci", [Scope.READ], expires_in=timedelta(hours=1))
    bench.clock.on(hours=1)
    with pytest.raises(Unauthenticated, match="expired"):
        await bench.tokens.find(made.text)


async def test_the_last_use_is_noted_to_the_minute(bench: Bench) -> None:
    ana = await bench.person("ana")
    made = await bench.tokens.make(ana, "ci", [Scope.READ], expires_in=None)
    assert made.token.used_at is None
    for seconds in (0, 10, 60):
        bench.clock.on(seconds=seconds)
        await bench.tokens.find(made.text)
    (view,) = await bench.tokens.list(ana)
    assert view.used_at == bench.clock.now


async def test_a_token_makes_no_token_and_an_administrator_makes_them_for_programs(bench: Bench) -> None:
    admin = await bench.person("ana", ServerRole.ADMIN)
    await bench.people.create(admin, "robot")
    made = await bench.tokens.make(admin, "nightly", [Scope.RUN], expires_in=None, person="robot")
    robot = await bench.tokens.find(made.text)
    assert robot.person.name == "robot"
    every = await bench.tokens.make(admin, "all", list(Scope), expires_in=None)
    with pytest.raises(Denied, match="no token can"):
        await bench.tokens.make(await bench.tokens.find(every.text), "more", [Scope.READ], expires_in=None)


@pytest.mark.parametrize("text", ["", "errands_", "errands_" + "x" * 43, "Bearer x", "errands_\ud800"])
async def test_what_is_no_token_is_refused(bench: Bench, text: str) -> None:
    with pytest.raises(Unauthenticated):
        await bench.tokens.find(text)


async def test_a_token_without_scope_name_or_a_sensible_time_is_refused(bench: Bench) -> None:
    ana = await bench.person("ana")
    with pytest.raises(Invalid, match="without a scope"):
        await bench.tokens.make(ana, "ci", [], expires_in=None)
    with pytest.raises(Invalid, match="name of a token"):
        await bench.tokens.make(ana, " ", [Scope.READ], expires_in=None)
    with pytest.raises(Invalid, match="expire"):
        await bench.tokens.make(ana, "ci", [Scope.READ], expires_in=timedelta(0))
    with pytest.raises(Invalid, match="no person is named"):
        await bench.tokens.make(bench.root, "ci", [Scope.READ], expires_in=None)

"""Roles of people and groups in projects, and what tasks narrow."""

import asyncio

import pytest

from errands.core.access import Person, ProjectRole, ServerRole
from errands.services import Services
from errands.services.errors import ChangedMeanwhile, Conflict, Denied, Invalid, NotFound
from tests.services.approvals_bench import ROOT, apply
from tests.services.people_bench import Bench


@pytest.fixture
async def ana(bench: Bench) -> Person:
    """An owner of `sales`, by herself."""
    await bench.person("ana")
    await bench.projects.create(bench.root, "sales")
    await bench.members.put(bench.root, "sales", "user:ana", ProjectRole.OWNER)
    return await bench.caller("ana")


async def test_whoever_makes_a_project_owns_it(bench: Bench) -> None:
    admin = await bench.person("ana", ServerRole.ADMIN)
    await bench.projects.create(admin, "ops")
    (member,) = await bench.members.list(admin, "ops")
    assert (member.reference, member.role) == ("user:ana", ProjectRole.OWNER)
    with pytest.raises(Conflict):
        await bench.projects.create(admin, "ops")
    with pytest.raises(Denied):
        await bench.projects.create(await bench.person("ben"), "mine")


async def test_a_group_gives_its_people_its_role_and_the_highest_counts(bench: Bench, ana: Person) -> None:
    await bench.person("ben")
    await bench.groups.create(bench.root, "ops", title="Operations")
    await bench.groups.add(bench.root, "ops", "ben")
    await bench.members.put(ana, "sales", "group:ops", ProjectRole.OPERATOR)
    await bench.members.put(ana, "sales", "user:ben", ProjectRole.VIEWER)
    ben = await bench.caller("ben")
    assert ben.projects == {"sales": ProjectRole.OPERATOR}
    assert ben.groups == {"ops"}
    await bench.groups.take_out(bench.root, "ops", "ben")
    assert (await bench.caller("ben")).projects == {"sales": ProjectRole.VIEWER}
    assert [view.people for view in await bench.groups.list(bench.root)] == [()]


async def test_the_last_owner_stays(bench: Bench, ana: Person) -> None:
    with pytest.raises(Conflict, match="without an owner"):
        await bench.members.remove(ana, "sales", "user:ana")
    with pytest.raises(Conflict, match="without an owner"):
        await bench.members.put(ana, "sales", "user:ana", ProjectRole.EDITOR)
    await bench.person("ben")
    await bench.members.put(ana, "sales", "user:ben", ProjectRole.OWNER)
    await bench.members.remove(ana, "sales", "user:ana")
    assert [member.reference for member in await bench.members.list(bench.root, "sales")] == ["user:ben"]


async def test_a_group_that_holds_the_last_owner_stays_and_keeps_the_person(bench: Bench, ana: Person) -> None:
    await bench.groups.create(bench.root, "leads")
    await bench.groups.add(bench.root, "leads", "ana")
    await bench.members.put(ana, "sales", "group:leads", ProjectRole.OWNER)
    await bench.members.remove(ana, "sales", "user:ana")
    with pytest.raises(Conflict, match="sales would be left"):
        await bench.groups.take_out(bench.root, "leads", "ana")
    with pytest.raises(Conflict, match="sales would be left"):
        await bench.groups.remove(bench.root, "leads")
    with pytest.raises(Conflict, match="sales would be left"):
        await bench.members.remove(bench.root, "sales", "group:leads")


async def test_of_two_owners_who_remove_each_other_one_stays(bench: Bench, ana: Person) -> None:
    await bench.person("ben")
    await bench.members.put(ana, "sales", "user:ben", ProjectRole.OWNER)
    ben = await bench.caller("ben")
    came = await asyncio.gather(
        bench.members.remove(ana, "sales", "user:ben"),
        bench.members.remove(ben, "sales", "user:ana"),
        return_exceptions=True,
    )
    assert sorted(isinstance(one, Conflict) for one in came) == [False, True]


async def test_only_an_owner_gives_roles(bench: Bench, ana: Person) -> None:
    await bench.person("ben")
    await bench.members.put(ana, "sales", "user:ben", ProjectRole.EDITOR)
    ben = await bench.caller("ben")
    with pytest.raises(Denied):
        await bench.members.put(ben, "sales", "user:ben", ProjectRole.OWNER)
    with pytest.raises(Denied):
        await bench.groups.create(ana, "mine")


@pytest.mark.parametrize(
    ("member", "error"), [("user:nobody", NotFound), ("group:none", NotFound), ("ana", Invalid), ("user:a\0", NotFound)]
)
async def test_who_is_not_there_gets_no_role(bench: Bench, ana: Person, member: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await bench.members.put(ana, "sales", member, ProjectRole.VIEWER)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("user:nobody", "There is no person"),
        ("group:none", "There is no group"),
        ("role:king", "is no role"),
        ("ana", "names nobody"),
        ("user:a\0", "There is no person"),
        ("", "names nobody"),
    ],
)
async def test_a_slip_in_a_name_never_locks_everybody_out_of_a_task(
    services: Services, reference: str, says: str
) -> None:
    await apply(services, "task: job\ndescription: Waits.\nsteps: [{wait: 1s}]\n")
    with pytest.raises(Invalid, match=says) as refused:
        await services.members.narrow_task(
            ROOT, "default", "job", runners=["role:owner"], answerers=["role:editor", reference]
        )
    assert refused.value.field == "answerers"
    left = await services.members.task_access(ROOT, "default", "job")
    assert (left.runners, left.answerers) == ((), ())


async def test_a_role_that_somebody_else_gave_meanwhile_is_not_overwritten(bench: Bench, ana: Person) -> None:
    await bench.person("ben")
    await bench.members.put(ana, "sales", "user:ben", ProjectRole.VIEWER, edited=[])
    (seen,) = [one for one in await bench.members.list(ana, "sales") if one.reference == "user:ben"]
    await bench.members.put(bench.root, "sales", "user:ben", ProjectRole.EDITOR)
    for began in ([seen.digest], []):
        with pytest.raises(ChangedMeanwhile):
            await bench.members.put(ana, "sales", "user:ben", ProjectRole.OPERATOR, edited=began)
    (now,) = [one for one in await bench.members.list(ana, "sales") if one.reference == "user:ben"]
    assert now.role == ProjectRole.EDITOR
    await bench.members.put(ana, "sales", "user:ben", ProjectRole.OPERATOR, edited=[now.digest])

"""Sign-ins at tool servers, against a real authorization server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from errands.core.access import Person, ProjectRole, ServerRole
from errands.core.outcomes import RunStatus
from errands.services import Services
from errands.services.errors import Denied, Invalid, Unauthenticated, Unavailable
from errands.services.principals import operator
from errands.services.views import RunView, SourceFile
from errands.store.database import Database
from tests.tools.authorization_server import People, signing_in
from tests.tools.tool_server import serve

ANA = operator("ana")
EDITOR = Person("p-1", "ed", projects={"default": ProjectRole.EDITOR})
VIEWER = Person("p-3", "vera", projects={"default": ProjectRole.VIEWER})
ADMIN = Person("p-2", "root", server_role=ServerRole.ADMIN)
_TASK = """
task: sums
description: Adds by way of a tool server.
grants: {tools: ["crm/*"]}
steps:
  - {id: total, tool: crm/add, with: {a: 2, b: 3}}
output: "{{ total['sum'] }}"
"""


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with signing_in(People()) as listening:
        yield listening


async def _added(services: Services, people: People, project: str | None = "default", **oauth: Any) -> None:
    way: dict[str, Any] = {"kind": "http", "url": people.mcp, "oauth": oauth}
    await services.tool_servers.put(ADMIN, project, "crm", way)


async def _connected(services: Services, people: People, project: str | None = "default", **oauth: Any) -> None:
    """Add the server, and sign in at it as a browser would."""
    await _added(services, people, project, **oauth)
    begun = await services.connecting.begin(ANA, project, "crm")
    back = await people.visit(begun.url)
    assert begun.comes_back_to.endswith(back["to"])
    await services.connecting.finish(back["state"], back["code"])


async def _run(services: Services) -> RunView:
    started = await services.runs.start(ANA, "default", "sums", {})
    async for _ in services.runs.follow(ANA, started.id):
        pass
    return await services.runs.get(ANA, started.id)


async def test_a_server_without_a_sign_in_says_how_to_connect_it_and_its_tools_come_with_one(
    working: Services, people: People
) -> None:
    await _added(working, people)
    view = await working.tool_servers.get(ANA, "default", "crm")
    assert (view.health, view.tools) == ("problem", [])
    assert "nobody has signed in at it (an editor connects it: errands servers connect crm)" in (view.problem or "")
    assert view.sign_in is not None
    assert not view.sign_in.connected
    await _connected(working, people)
    view = await working.tool_servers.get(ANA, "default", "crm")
    assert view.health == "ok"
    assert view.sign_in is not None
    assert (view.sign_in.connected, view.sign_in.by, view.sign_in.issuer) == (True, "user:ana", people.url)
    assert view.sign_in.scope == "tools"
    await working.tasks.apply(ANA, "default", [SourceFile("task.yaml", _TASK)])
    run = await _run(working)
    assert (run.status, run.output) == (RunStatus.SUCCEEDED, 5)


async def test_tokens_are_encrypted_at_rest_and_shown_nowhere(
    working: Services, people: People, database: Database
) -> None:
    await _connected(working, people)
    await working.tasks.apply(ANA, "default", [SourceFile("task.yaml", _TASK)])
    await _run(working)
    tokens = [*people.access, *people.refreshes, *(one.client_secret or "" for one in people.clients.values())]
    assert len(tokens) == 3
    tables = await database.pool.fetch(
        "select table_name as name from information_schema.tables where table_schema = 'public'"
    )
    for table in tables:
        for row in await database.pool.fetch(f'select * from "{table["name"]}"'):
            assert not any(token in repr(tuple(row)) for token in tokens), table["name"]
    assert await working.secrets.list(ANA, "default") == []
    told = await database.pool.fetch("select detail->>'act' as act from audit_entries where noun = 'tool_server'")
    assert [row["act"] for row in told] == ["added", "sign-in begun", "signed in"]


async def test_a_token_is_renewed_before_it_ends_once_for_all_calls(working: Services, people: People) -> None:
    people.lifetime = 30
    await _connected(working, people)
    assert people.renewals == 1, "looking at the server has renewed a token that lives for less than a minute"
    people.lifetime = 3600
    await working.tasks.apply(ANA, "default", [SourceFile("task.yaml", _TASK)])
    runs = await asyncio.gather(*(_run(working) for _ in range(5)))
    assert {run.status for run in runs} == {RunStatus.SUCCEEDED}
    assert people.renewals == 2


async def test_a_token_that_ends_before_its_time_is_renewed_and_the_call_made(
    working: Services, people: People
) -> None:
    await _connected(working, people)
    await working.tasks.apply(ANA, "default", [SourceFile("task.yaml", _TASK)])
    assert (await _run(working)).status is RunStatus.SUCCEEDED
    people.end_tokens()
    run = await _run(working)
    assert (run.status, run.output, people.renewals) == (RunStatus.SUCCEEDED, 5, 1)


async def test_a_sign_in_that_is_over_fails_the_step_and_says_how_to_begin_anew(
    working: Services, people: People, database: Database
) -> None:
    await _connected(working, people)
    await working.tasks.apply(ANA, "default", [SourceFile("task.yaml", _TASK)])
    people.end_sign_ins()
    run = await _run(working)
    assert run.error is not None
    assert (run.error.kind.value, run.error.hint) == ("denied", "sign in again: errands servers connect crm")
    assert "invalid_grant" in run.error.message
    assert await database.pool.fetchval("select count(*) from secrets") == 0
    view = await working.tool_servers.get(ANA, "default", "crm")
    assert view.sign_in is not None
    assert not view.sign_in.connected


async def test_a_client_is_registered_once(working: Services, people: People) -> None:
    await _connected(working, people)
    await _connected(working, people)
    assert len(people.clients) == 1


async def test_a_client_that_was_registered_by_hand_is_taken_with_its_secret(working: Services, people: People) -> None:
    await _connected(working, people)
    (client,) = people.clients.values()
    await working.secrets.set(ANA, "default", "CRM_CLIENT", client.client_secret or "")
    await _connected(working, people, client_id=client.client_id, client_secret="secret:CRM_CLIENT")
    assert len(people.clients) == 1
    assert (await working.tool_servers.get(ANA, "default", "crm")).health == "ok"


async def test_a_shared_server_keeps_one_sign_in_for_its_projects(working: Services, people: People) -> None:
    await _connected(working, people, None)
    await working.tasks.apply(ANA, "default", [SourceFile("task.yaml", _TASK)])
    assert (await _run(working)).output == 5


async def test_reaching_another_address_forgets_the_token(
    working: Services, people: People, database: Database
) -> None:
    await _connected(working, people)
    async with serve() as elsewhere:
        await working.tool_servers.put(EDITOR, "default", "crm", {"kind": "http", "url": elsewhere, "oauth": {}})
    view = await working.tool_servers.get(ANA, "default", "crm")
    assert view.sign_in is not None
    assert not view.sign_in.connected
    assert await database.pool.fetchval("select count(*) from secrets") == 0


async def test_disconnecting_and_removing_leave_no_token(working: Services, people: People, database: Database) -> None:
    await _connected(working, people)
    view = await working.connecting.end(EDITOR, "default", "crm")
    assert view.sign_in is not None
    assert not view.sign_in.connected
    assert await database.pool.fetchval("select count(*) from secrets") == 0
    await _connected(working, people)
    await working.tool_servers.remove(ADMIN, "default", "crm")
    assert await database.pool.fetchval("select count(*) from secrets") == 0


async def test_answers_that_do_not_fit_what_was_begun_connect_nothing(working: Services, people: People) -> None:
    await _added(working, people)
    begun = await working.connecting.begin(ANA, "default", "crm")
    back = await people.visit(begun.url)
    server = back["state"].partition(".")[0]
    for state in ("", "nonsense", f"{server}.guessed", back["state"].upper()):
        with pytest.raises(Unauthenticated, match="was not begun here"):
            await working.connecting.finish(state, back["code"])
    with pytest.raises(Unauthenticated, match=r"from 'https://evil\.example'"):
        await working.connecting.finish(back["state"], back["code"], "https://evil.example")
    with pytest.raises(Unauthenticated, match="was not begun here"):
        await working.connecting.finish(back["state"], back["code"])
    again = await people.visit((await working.connecting.begin(ANA, "default", "crm")).url)
    with pytest.raises(Unauthenticated, match="invalid_grant"):
        await working.connecting.finish(again["state"], back["code"])
    assert people.access == {}


async def test_a_person_who_does_not_agree_is_told_so(working: Services, people: People) -> None:
    people.refuses = True
    await _added(working, people)
    back = await people.visit((await working.connecting.begin(ANA, "default", "crm")).url)
    with pytest.raises(Unauthenticated, match="access_denied"):
        await working.connecting.finish(back["state"], "", refusal=back["error"])


async def test_a_later_sign_in_takes_the_place_of_one_that_was_begun(working: Services, people: People) -> None:
    await _added(working, people)
    first = await people.visit((await working.connecting.begin(ANA, "default", "crm")).url)
    second = await people.visit((await working.connecting.begin(ANA, "default", "crm")).url)
    with pytest.raises(Unauthenticated, match="was not begun here"):
        await working.connecting.finish(first["state"], first["code"])
    await working.connecting.finish(second["state"], second["code"])


async def test_only_editors_connect_and_only_servers_that_are_reached_so(working: Services, people: People) -> None:
    await _added(working, people)
    with pytest.raises(Denied):
        await working.connecting.begin(VIEWER, "default", "crm")
    with pytest.raises(Denied):
        await working.connecting.end(VIEWER, "default", "crm")
    async with serve() as url:
        await working.tool_servers.put(EDITOR, "default", "plain", {"kind": "http", "url": url})
        with pytest.raises(Invalid, match="it is not reached with OAuth"):
            await working.connecting.begin(EDITOR, "default", "plain")
        way: dict[str, Any] = {"kind": "http", "url": url, "oauth": {}}
        await working.tool_servers.put(EDITOR, "default", "open", way)
        with pytest.raises(Unauthenticated, match="does not say where one signs in"):
            await working.connecting.begin(EDITOR, "default", "open")


async def test_a_server_that_is_away_is_told_as_such(working: Services) -> None:
    way: dict[str, Any] = {"kind": "http", "url": "http://127.0.0.1:9/mcp", "oauth": {}}
    await working.tool_servers.put(EDITOR, "default", "crm", way)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        await working.connecting.begin(EDITOR, "default", "crm")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"oauth": {}, "bearer": "secret:TOKEN"}, "oauth brings the token"),
        ({"oauth": {}, "headers": {"Authorization": "secret:TOKEN"}}, "oauth brings the token"),
        ({"oauth": {"client_secret": "secret:X"}}, "needs its client_id"),
        ({"oauth": {"client_id": "a", "client_secret": "written-out"}}, "must be a reference to a secret"),
        ({"oauth": {"scope": "a\nb"}}, "scope"),
        ({"oauth": True}, "oauth"),
    ],
)
async def test_a_sign_in_that_cannot_be_is_refused(services: Services, more: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        await services.tool_servers.put(ANA, "default", "crm", {"kind": "http", "url": "https://crm.example", **more})


async def test_the_private_network_is_closed_to_authorization_servers_too(services: Services, people: People) -> None:
    """A tool server that names an address of ours as the place to sign in must not make us ask there."""
    from errands.core.outcomes import ErrorKind, StepFailed
    from errands.core.sign_ins import Client, Grant
    from errands.tools.builtin import builtin_catalog
    from errands.tools.hosts import HostPolicy
    from errands.tools.limits import ToolLimits
    from errands.tools.servers.sign_in import SignInRoad

    catalog = builtin_catalog(HostPolicy(), ToolLimits())
    client = Client(id="c", issuer=people.url, redirect_uri="https://errands.example/api/v1/oauth/callback")
    grant = Grant(
        client=client, token_url=f"{people.url}/token", resource="r", scope=None, access="a", refresh="r", expires_at=0
    )
    with pytest.raises(StepFailed) as failure:
        await SignInRoad(catalog.outbound).renew(grant)
    await catalog.aclose()
    assert failure.value.error.kind is ErrorKind.DENIED
    assert "loopback" in failure.value.error.message

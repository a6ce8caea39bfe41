"""Models that administrators share: found, tried, priced, paced, and kept to whoever may use them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from errands.core.access import Person, ProjectRole, ServerRole
from errands.core.definition.agents import Rate
from errands.core.outcomes import RunStatus
from errands.services import Services
from errands.services.directory import Directory
from errands.services.errors import Denied, FilesInvalid, Invalid, NotFound
from errands.services.pacing import Pacing
from errands.services.principals import operator
from errands.services.views import SourceFile
from errands.store.database import Database
from tests.agents.fake_provider import provider, says

ANA = operator("ana")
ADMIN = Person("p-1", "root", server_role=ServerRole.ADMIN)
EDITOR = Person("p-2", "ed", projects={"default": ProjectRole.EDITOR})
OWNER = Person("p-3", "olga", projects={"default": ProjectRole.OWNER})
_TASK = 'task: ask\ndescription: Asks.\nsteps: [{id: said, model: fast, prompt: "Say hi."}]\noutput: "{{ said }}"\n'


def _model(url: str, more: str = "") -> str:
    return f"model: fast\nprovider: openai-compatible\nname: tiny\nbase_url: {url}\napi_key: secret:KEY\n{more}"


async def _project(database: Database, name: str = "default") -> str:
    return str(await database.pool.fetchval("select id from projects where name = $1", name))


async def test_a_run_asks_a_shared_model_with_the_installation_s_key(working: Services, database: Database) -> None:
    await working.secrets.set(ADMIN, None, "KEY", "sk-of-the-server")
    async with provider(says("Hi there.")) as fake:
        await working.models.put_shared(ADMIN, _model(fake.url))
        await working.tasks.apply(ANA, "default", [SourceFile("t.yaml", _TASK)])
        started = await working.runs.start(ANA, "default", "ask", {})
        async for _ in working.runs.follow(ANA, started.id):
            pass
        run = await working.runs.get(ANA, started.id)
        assert (run.status, run.output) == (RunStatus.SUCCEEDED, "Hi there.")
        assert fake.keys == ["Bearer sk-of-the-server"]
    kept = await database.pool.fetchval("select count(*) from secrets where project_id is null")
    assert kept == 1


async def test_a_model_is_tried_with_a_real_request_and_a_failure_says_who_can_mend_it(services: Services) -> None:
    async with provider(says("ready")) as fake:
        await services.secrets.set(ADMIN, None, "KEY", "sk-1234567")
        await services.models.put_shared(ADMIN, _model(fake.url))
        tried = await services.models.try_out(ADMIN, None, "fast")
        assert (tried.ok, tried.said, tried.problem) == (True, "ready", None)
    await services.models.put_shared(ADMIN, _model("http://127.0.0.1:9/v1"))
    tried = await services.models.try_out(ADMIN, "default", "fast")
    assert not tried.ok
    assert tried.problem is not None
    assert "no connection to model fast" in tried.problem
    assert tried.hint == "check base_url, and that the model's server is up"
    await services.secrets.delete(ADMIN, None, "KEY")
    tried = await services.models.try_out(ADMIN, None, "fast")
    assert (tried.problem, tried.hint) == (
        "the secret KEY does not exist",
        "set it with: errands secrets set KEY --server",
    )


async def test_only_the_projects_that_are_named_see_and_find_a_shared_model(
    services: Services, database: Database
) -> None:
    await services.projects.create(ANA, "sales")
    await services.secrets.set(ADMIN, None, "KEY", "sk-1234567")
    await services.models.put_shared(ADMIN, _model("http://127.0.0.1:9/v1"), projects=["sales"])
    directory = Directory(database)
    assert await directory.model(await _project(database), "fast") is None
    found = await directory.model(await _project(database, "sales"), "fast")
    assert found is not None
    assert found.of_server
    assert await services.models.list(ANA, "default") == []
    with pytest.raises(FilesInvalid):
        await services.tasks.apply(ANA, "default", [SourceFile("t.yaml", _TASK)])
    await services.tasks.apply(ANA, "sales", [SourceFile("t.yaml", _TASK)])


async def test_a_project_s_own_model_goes_before_a_shared_one(services: Services, database: Database) -> None:
    await services.secrets.set(ADMIN, None, "KEY", "sk-1234567")
    await services.secrets.set(ANA, "default", "KEY", "sk-7654321")
    await services.models.put_shared(ADMIN, _model("http://127.0.0.1:9/v1"))
    await services.tasks.apply(ANA, "default", [SourceFile("m.yaml", _model("http://127.0.0.1:8/v1"))])
    found = await Directory(database).model(await _project(database), "fast")
    assert found is not None
    assert (found.of_server, found.base_url) == (False, "http://127.0.0.1:8/v1")


async def test_a_model_for_owners_is_put_into_tasks_by_owners_alone(services: Services) -> None:
    await services.secrets.set(ADMIN, None, "KEY", "sk-1234567")
    await services.models.put_shared(ADMIN, _model("http://127.0.0.1:9/v1"), least_role=ProjectRole.OWNER)
    files = [SourceFile("t.yaml", _TASK)]
    with pytest.raises(Denied, match="the model fast takes the role owner"):
        await services.tasks.apply(EDITOR, "default", files)
    assert (await services.tasks.list(ANA, "default")).items == ()
    await services.tasks.apply(OWNER, "default", files)


async def test_only_administrators_share_models(services: Services) -> None:
    with pytest.raises(Denied):
        await services.models.put_shared(OWNER, _model("http://127.0.0.1:9/v1"))
    with pytest.raises(FilesInvalid):
        await services.models.put_shared(ADMIN, _model("http://127.0.0.1:9/v1"))  # There is no such secret.
    with pytest.raises(Invalid, match="declares no model"):
        await services.models.put_shared(ADMIN, "agent: writer\n")
    with pytest.raises(NotFound):
        await services.models.get(ADMIN, None, "fast")


async def test_prices_are_told_with_where_they_are_from(services: Services) -> None:
    await services.secrets.set(ADMIN, None, "KEY", "sk-1234567")
    await services.models.put_shared(ADMIN, _model("http://127.0.0.1:9/v1", "price: {input: 0.5, output: 1.5}\n"))
    known = "model: known\nprovider: openai\nname: gpt-4o\napi_key: secret:KEY\n"
    await services.models.put_shared(ADMIN, known)
    unknown = _model("http://127.0.0.1:9/v1").replace("model: fast", "model: mystery")
    await services.models.put_shared(ADMIN, unknown)
    views = {view.name: view for view in await services.models.list(ADMIN, None)}
    assert (views["fast"].price_from, views["fast"].usd_per_million_output) == ("declared", Decimal("1.5"))
    assert views["known"].price_from == "published"
    assert views["known"].usd_per_million_input > 0
    assert views["mystery"].price_from == "unknown"
    assert views["mystery"].usd_per_million_input == 0


async def test_a_rate_counts_requests_and_tokens_of_all_workers_by_the_minute(
    services: Services, database: Database
) -> None:
    await services.secrets.set(ADMIN, None, "KEY", "sk-1234567")
    await services.models.put_shared(ADMIN, _model("http://127.0.0.1:9/v1", "rate: {requests: 2, tokens: 1000}\n"))
    found = await Directory(database).model(await _project(database), "fast")
    assert found is not None
    assert found.rate == Rate(requests=2, tokens=1000)
    here, there = Pacing(database), Pacing(database)
    while datetime.now(UTC).second > 55:
        await database.pool.execute("select pg_sleep(1)")
    assert await here.take(found.model_id, found.rate, 400) == 0
    assert 0 < await there.take(found.model_id, found.rate, 700) < 65  # too many tokens for this minute
    await here.settle(found.model_id, -300)
    assert await there.take(found.model_id, found.rate, 700) == 0
    assert await here.take(found.model_id, found.rate, 1) > 0  # a third request

"""Agents and models that are set field by field: their files keep what was not changed."""

import pytest

from errands.core.access import Person, ProjectRole, ServerRole
from errands.core.values import JsonObject
from errands.services import Services
from errands.services.declaring import declare
from errands.services.errors import ChangedMeanwhile, Denied, FilesInvalid, Invalid, NotFound
from errands.services.principals import operator
from errands.services.views import SourceFile

ANA = operator("ana")
ADMIN = Person("p-1", "root", server_role=ServerRole.ADMIN)
EDITOR = Person("p-2", "ed", projects={"default": ProjectRole.EDITOR})
OPERATOR = Person("p-3", "otto", projects={"default": ProjectRole.OPERATOR})
_WRITER = """# Asked for by sales.
agent: writer
model: embedded  # until we have a key
instructions: |
  Be kind.
tools: [log]
budget: {usd: 0.20}
"""
_FIELDS: JsonObject = {"model": "embedded", "instructions": "Be kind.\n", "tools": ["log"], "budget": {"usd": 0.2}}
_AWAY: JsonObject = {"provider": "openai-compatible", "name": "tiny", "base_url": "http://127.0.0.1:9/v1"}


async def _written(services: Services) -> str:
    await services.tasks.apply(ANA, "default", [SourceFile("agents/writer.yaml", _WRITER)])
    return (await services.agents.get(ANA, "default", "writer")).digest


async def test_an_agent_is_made_and_found_in_the_project_s_files(services: Services) -> None:
    made = await services.agents.put(EDITOR, "default", "writer", {"instructions": "Be brief.", "tools": []}, edited=[])
    assert (made.instructions, made.model, made.used_by) == ("Be brief.", None, [])
    (file,) = await services.tasks.export(ANA, "default")
    assert (file.name, file.source) == ("agents/writer.yaml", "agent: writer\ninstructions: Be brief.\n")


async def test_a_field_is_changed_in_the_file_and_its_comments_stay(services: Services) -> None:
    began = await _written(services)
    given: JsonObject = {**_FIELDS, "instructions": "Be brief.\n", "max_turns": 5}
    changed = await services.agents.put(EDITOR, "default", "writer", given, edited=[began])
    assert changed.source == _WRITER.replace("kind", "brief") + "max_turns: 5\n"


async def test_what_means_the_same_changes_nothing(services: Services) -> None:
    began = await _written(services)
    same = await services.agents.put(EDITOR, "default", "writer", _FIELDS)
    assert (same.source, same.digest) == (_WRITER, began)


async def test_a_field_that_is_not_given_goes_out_of_the_file(services: Services) -> None:
    await _written(services)
    changed = await services.agents.put(EDITOR, "default", "writer", {"instructions": "Be kind.\n"})
    assert changed.source == "# Asked for by sales.\nagent: writer\ninstructions: |\n  Be kind.\n"


async def test_every_problem_of_an_agent_is_told_with_its_path_and_nothing_is_kept(services: Services) -> None:
    wrong: JsonObject = {"model": "nowhere", "max_turns": 0, "budget": {"usd": -1}}
    with pytest.raises(FilesInvalid) as refused:
        await services.agents.put(EDITOR, "default", "writer", wrong)
    assert {one.path for one in refused.value.problems["agents/writer.yaml"]} >= {"max_turns", "budget.usd"}
    with pytest.raises(FilesInvalid, match="1 problem"):
        await services.agents.put(EDITOR, "default", "writer", {"model": "nowhere"})
    with pytest.raises(FilesInvalid):
        await services.agents.put(EDITOR, "default", "No name!", {})
    assert await services.agents.list(ANA, "default") == []


async def test_whoever_edits_an_older_agent_is_told_and_overwrites_nothing(services: Services) -> None:
    began = await _written(services)
    await services.agents.put(EDITOR, "default", "writer", {"instructions": "Be quick."}, edited=[began])
    with pytest.raises(ChangedMeanwhile, match="changed the agent writer meanwhile"):
        await services.agents.put(EDITOR, "default", "writer", _FIELDS, edited=[began])
    with pytest.raises(ChangedMeanwhile, match="there already"):
        await services.agents.put(EDITOR, "default", "writer", _FIELDS, edited=[])
    with pytest.raises(ChangedMeanwhile, match="not there any more"):
        await services.agents.put(EDITOR, "default", "gone", _FIELDS, edited=[began])
    assert (await services.agents.get(ANA, "default", "writer")).instructions == "Be quick."


async def test_operators_make_no_agents_and_no_models(services: Services) -> None:
    with pytest.raises(Denied):
        await services.agents.put(OPERATOR, "default", "writer", {})
    with pytest.raises(Denied):
        await services.models.put(OPERATOR, "default", "tiny", _AWAY)
    with pytest.raises(Denied):
        await services.models.put(EDITOR, None, "tiny", _AWAY)
    with pytest.raises(NotFound):
        await services.agents.put(ANA, "nowhere", "writer", {})


async def test_a_model_of_a_project_is_set_field_by_field(services: Services) -> None:
    made = await services.models.put(EDITOR, "default", "tiny", {**_AWAY, "timeout": "90s"}, edited=[])
    assert (made.shared, made.timeout_seconds, made.retries) == (False, 90.0, 2)
    changed = await services.models.put(
        EDITOR, "default", "tiny", {**_AWAY, "timeout": "1m30s", "retries": 0}, edited=[made.digest]
    )
    assert "timeout: 90s" in changed.source
    assert changed.retries == 0
    with pytest.raises(FilesInvalid) as refused:
        await services.models.put(EDITOR, "default", "tiny", {**_AWAY, "api_key": "secret:NONE"})
    assert [one.path for one in refused.value.problems["models/tiny.yaml"]] == ["api_key"]


async def test_a_shared_model_keeps_to_whoever_may_use_it(services: Services) -> None:
    made = await services.models.put(ADMIN, None, "tiny", _AWAY, projects=["default"], edited=[])
    assert (made.shared, made.projects) == (True, ["default"])
    changed = await services.models.put(ADMIN, None, "tiny", _AWAY, least_role=ProjectRole.OWNER)
    assert (changed.projects, changed.least_role, changed.source) == (None, "owner", made.source)
    with pytest.raises(ChangedMeanwhile):
        await services.models.put(ADMIN, None, "tiny", _AWAY, edited=["0" * 32])
    with pytest.raises(Invalid, match="serves nobody"):
        await services.models.put(ADMIN, None, "tiny", _AWAY, projects=[])


def test_a_file_that_cannot_be_read_is_written_anew() -> None:
    assert declare("agent", "writer", {"instructions": "Be brief."}, "agent: [") == (
        "agent: writer\ninstructions: Be brief.\n"
    )

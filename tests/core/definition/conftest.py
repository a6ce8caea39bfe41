"""A small world around the definitions of these tests: tools, agents, secrets, tasks."""

import pytest

from errands.core.catalog import Surroundings, TaskSummary, ToolSpec
from errands.core.definition.agents import AgentDefinition
from errands.core.ports import Effect
from errands.core.values import Json, JsonObject


def _tool(name: str, properties: dict[str, Json], required: list[str], output: JsonObject) -> ToolSpec:
    schema: JsonObject = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return ToolSpec(name, f"{name}.", schema, output, Effect.READS)


def _object(**properties: Json) -> JsonObject:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT: JsonObject = {"type": "string"}
ROWS: JsonObject = {"type": "array", "items": {"type": "object"}}


@pytest.fixture(scope="session")
def around() -> Surroundings:
    """What the example of the format needs, and a few tasks to call."""
    tools = (
        _tool(
            "sql.query",
            {
                "connection": TEXT,
                "sql": TEXT,
                "params": {"type": "object"},
                "max_rows": {"type": "integer", "minimum": 1},
            },
            ["connection", "sql"],
            _object(rows=ROWS, count={"type": "integer"}),
        ),
        _tool(
            "http.request",
            {"url": TEXT, "method": {"enum": ["GET", "POST"]}, "headers": {"type": "object"}, "json": {}},
            ["url"],
            _object(status={"type": "integer"}, json={}, text=TEXT),
        ),
        _tool(
            "mail.send",
            {
                "to": {"type": "array", "items": TEXT, "minItems": 1},
                "subject": TEXT,
                "text": TEXT,
                "server": {"type": "string", "default": "secret:SMTP"},
            },
            ["to", "subject", "text"],
            _object(accepted={"type": "array", "items": TEXT}),
        ),
        _tool("crm/find_account", {"name": TEXT}, ["name"], _object(id=TEXT)),
        _tool("log", {"message": TEXT}, ["message"], {"type": "null"}),
    )
    one_param: JsonObject = _object(day={"type": "string", "format": "date"})
    return Surroundings(
        tools={tool.name: tool for tool in tools},
        agents={
            "analyst": AgentDefinition(agent="analyst", tools=("crm/*",)),
            "writer": AgentDefinition(agent="writer"),
        },
        models=frozenset(("fast", "careful")),
        secrets=frozenset(("SALES_DB", "SMTP", "HOOK", "OPS_CHANNEL")),
        tasks={
            "nightly-load": TaskSummary(one_param, _object(loaded={"type": "integer"})),
            "ping": TaskSummary(_object(), calls=frozenset(("pong",))),
            "pong": TaskSummary(_object(), calls=frozenset(("self",))),
        },
    )

"""One path for every call: grant, arguments, secrets, run."""

from collections.abc import Mapping

import pytest
from pydantic import Field

from errands.core.definition.policies import Grants, ToolGrant
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Effect
from errands.core.values import Json, JsonObject
from errands.tools.builtin import builtin_catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from errands.tools.secret_text import SecretText
from errands.tools.tool import Arguments, Output, ToolContext, tool
from tests.tools.bench import Bench, MakeBench


class EchoArguments(Arguments):
    plain: str = ""
    token: SecretText = ""
    headers: dict[str, SecretText] = Field(default_factory=dict)
    nested: list[dict[str, str]] = Field(default_factory=list)
    count: int = 1


class EchoOutput(Output):
    token: str
    headers: dict[str, str]


@tool("test.echo", effect=Effect.NONE, errors=(ErrorKind.TOOL,))
async def echo(arguments: EchoArguments, context: ToolContext) -> EchoOutput:
    """Give back what came in, or fail with it."""
    if arguments.plain == "fail":
        raise StepFailed(
            ErrorKind.TOOL, f"cannot use {arguments.token}", hint=arguments.token, detail={"tried": [arguments.token]}
        )
    return EchoOutput(token=arguments.token, headers=arguments.headers)


@pytest.fixture
def echoing(bench: Bench) -> Bench:
    bench.catalog.add(echo)
    bench.give_secret("TOKEN", "s3cret-value")
    return bench


async def test_a_tool_that_was_not_granted_is_denied_with_the_grant_to_add(bench: Bench) -> None:
    bench.step.grants = Grants(tools=("sql.*", "log"))
    error = await bench.refused("http.request", url="http://127.0.0.1/")
    assert error.kind is ErrorKind.DENIED
    assert error.hint == "add `http.request` to grants.tools"
    assert await bench.call("log", message="hello") == {"message": "hello"}


async def test_an_unknown_tool_is_not_found_and_the_nearest_is_named(bench: Bench) -> None:
    error = await bench.refused("sql.qery")
    assert error.kind is ErrorKind.NOT_FOUND
    assert error.hint == "did you mean 'sql.query'?"


async def test_every_problem_of_the_arguments_is_told_with_its_path(echoing: Bench) -> None:
    error = await echoing.refused("test.echo", plan="x", count="many", nested=[{"a": 1}])
    assert error.kind is ErrorKind.INPUT
    assert "plan: unknown argument, did you mean 'plain'?" in error.message
    assert "count: input should be a valid integer" in error.message
    assert "not 'many'" in error.message
    assert "nested[0].a: input should be a valid string" in error.message
    assert isinstance(error.detail, list)
    assert len(error.detail) == 3


async def test_a_secret_is_resolved_where_the_tool_accepts_one(echoing: Bench) -> None:
    output = await echoing.call("test.echo", token="secret:TOKEN", headers={"X-Key": "secret:TOKEN", "X-Plain": "p"})
    assert output == {"token": "s3cret-value", "headers": {"X-Key": "s3cret-value", "X-Plain": "p"}}
    assert echoing.step.asked == ["TOKEN"]


@pytest.mark.parametrize(
    ("arguments", "path"), [({"plain": "secret:TOKEN"}, "plain"), ({"nested": [{"a": "secret:TOKEN"}]}, "nested[0].a")]
)
async def test_a_secret_where_none_is_taken_is_refused_before_it_is_read(
    echoing: Bench, arguments: dict[str, Json], path: str
) -> None:
    error = await echoing.refused("test.echo", **arguments)
    assert error.kind is ErrorKind.INPUT
    assert error.message.startswith(f"{path}: `secret:TOKEN` stands in an argument")
    assert echoing.step.asked == []


async def test_a_secret_that_was_not_granted_stays_closed(echoing: Bench) -> None:
    assert (await echoing.refused("test.echo", token="secret:OTHER")).kind is ErrorKind.DENIED


async def test_no_part_of_an_error_holds_a_secret(echoing: Bench) -> None:
    error = await echoing.refused("test.echo", plain="fail", token="secret:TOKEN")
    assert "s3cret-value" not in repr(error)
    assert error.message == "cannot use [secret TOKEN]"
    assert error.detail == {"tried": ["[secret TOKEN]"]}


async def test_a_secret_that_is_a_text_like_a_reference_is_not_resolved_again(echoing: Bench) -> None:
    echoing.give_secret("ODD", "secret:TOKEN")
    output = await echoing.call("test.echo", token="secret:ODD")
    assert output["token"] == "secret:TOKEN"


async def test_argument_grants_bound_given_and_default_values(bench: Bench) -> None:
    allowed = ToolGrant(name="log", arguments={"level": {"enum": ["warning"]}, "message": {"maxLength": 5}})
    bench.step.grants = Grants(tools=(allowed,))
    assert await bench.call("log", message="short", level="warning") == {"message": "short"}
    by_default = await bench.refused("log", message="short")
    assert by_default.kind is ErrorKind.DENIED
    assert "`level`" in by_default.message
    assert "`message`" in (await bench.refused("log", message="too long", level="warning")).message


async def test_a_plain_grant_beside_a_bounded_one_decides(bench: Bench) -> None:
    bench.step.grants = Grants(tools=(ToolGrant(name="log", arguments={"level": {"const": "error"}}), "l*"))
    assert await bench.call("log", message="x") == {"message": "x"}


async def test_a_grants_schema_fetches_nothing(bench: Bench) -> None:
    bench.step.grants = Grants(tools=(ToolGrant(name="log", arguments={"level": {"$ref": "file:///etc/passwd"}}),))
    error = await bench.refused("log", message="x")
    assert error.kind is ErrorKind.DENIED
    assert "not a valid JSON Schema" in error.message


def test_effects_follow_the_arguments(bench: Bench) -> None:
    effect = bench.catalog.effect
    assert effect("http.request", {"method": "GET", "url": "x"}) is Effect.READS
    assert effect("http.request", {"url": "x"}) is Effect.READS
    assert effect("http.request", {"method": "DELETE", "url": "x"}) is Effect.CHANGES
    assert effect("files.write", {"path": "a.txt"}) is Effect.NONE
    assert effect("files.write", {"path": "/data/out/a.txt"}) is Effect.CHANGES
    assert effect("files.copy", {"from": "/data/in/a", "to": "a"}) is Effect.READS
    assert effect("files.move", {"from": "/data/in/a", "to": "a"}) is Effect.CHANGES
    assert effect("sql.query", {}) is Effect.READS
    assert effect("sql.execute", {"connection": "secret:DB"}) is Effect.CHANGES
    assert effect("mail.send", {}) is Effect.CHANGES
    assert effect("log", {}) is Effect.NONE


def test_every_tool_tells_what_it_takes_gives_and_does(bench: Bench) -> None:
    specs = bench.catalog.specs()
    assert len(specs) == 27
    for name, spec in specs.items():
        assert spec.name == name
        assert spec.description.endswith(".")
        assert spec.input_schema["type"] == "object"
        assert spec.output_schema["type"] == "object"
        assert "$ref" not in str(spec.input_schema) + str(spec.output_schema)
        assert ErrorKind.INPUT not in spec.errors


async def test_outside_data_is_marked(bench: Bench) -> None:
    specs = bench.catalog.specs()
    assert {name for name, spec in specs.items() if spec.returns_outside_data} == {"http.request", "documents.read"}
    performed = await bench.catalog.call("log", {"message": "x"}, bench.step)
    assert performed.untrusted is False


def test_a_name_is_taken_once(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.catalog.add(echo)
    with pytest.raises(ValueError, match=r"test\.echo"):
        bench.catalog.add(echo)


def test_every_field_of_every_built_in_tool_says_what_it_means() -> None:
    catalog = builtin_catalog(HostPolicy(), ToolLimits())
    silent = [
        f"{name}: {field}"
        for name, spec in catalog.specs().items()
        for schema in (spec.input_schema, spec.output_schema)
        for field in _silent_fields(schema)
    ]
    assert silent == []


def _silent_fields(schema: JsonObject) -> list[str]:
    parts = {"": schema, **_objects(schema.get("$defs"))}
    return [
        f"{part}.{field}"
        for part, each in parts.items()
        for field, meaning in _objects(each.get("properties")).items()
        if not meaning.get("description")
    ]


def _objects(value: Json) -> dict[str, JsonObject]:
    return {key: each for key, each in value.items() if isinstance(each, Mapping)} if isinstance(value, Mapping) else {}

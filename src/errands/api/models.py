"""Models and agents: who thinks, and at which price."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field

from errands.api.bodies import Body, JsonMap, Project
from errands.api.callers import Asked, Caller
from errands.api.edits import IfMatch, edited, etag
from errands.api.routes import Routes, reply
from errands.core.access import ProjectRole
from errands.core.values import Json, from_text
from errands.services.tool_views import AgentView, ModelTried, ModelView

routes = Routes("models")
Model = Annotated[str, Path(min_length=1, max_length=100, description="Name of the model.", examples=["fast"])]
Agent = Annotated[str, Path(min_length=1, max_length=100, description="Name of the agent.", examples=["analyst"])]
_SOURCE = "model: fast\nprovider: openai\nname: gpt-5-mini\napi_key: secret:OPENAI_KEY\n"


class ModelBody(Body):
    """A model for several projects."""

    source: Annotated[str, Field(max_length=2**20, examples=[_SOURCE])]
    """The YAML of a model file; its secrets are the installation's."""
    projects: Annotated[list[str], Field(max_length=1000)] | None = None
    """Names of the projects that may use it. None: all."""
    least_role: Literal["editor", "owner"] | None = None
    """Of whoever stores a task or an agent that names it. None: any editor."""


Text = Annotated[str, Field(max_length=2000)]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=500)]


class PriceBody(Body):
    """US dollars for a million tokens."""

    input: float = 0
    output: float = 0


class RateBody(Body):
    """How much it may be asked in a minute, by all workers together."""

    requests: int | None = None
    tokens: int | None = None


class ModelFieldsBody(Body):
    """What a model's file says beside its name. What is left out is as the docs say."""

    provider: Annotated[str, Field(max_length=50, examples=["openai"])]
    """`openai`, `openai-compatible`, `anthropic`, `google`, `bedrock`, `ollama` or `embedded`."""
    name: Annotated[str, Field(max_length=200, examples=["gpt-5-mini"])] | None = None
    """What the provider calls it."""
    base_url: Text | None = None
    api_key: Annotated[str, Field(max_length=200, examples=["secret:OPENAI_KEY"])] | None = None
    """`secret:NAME`."""
    price: PriceBody | None = None
    rate: RateBody | None = None
    fallback: Names = Field(default_factory=list, examples=[[]])
    """Models that are asked in this order when it has failed."""
    timeout: Annotated[str, Field(max_length=40, examples=["90s"])] | None = None
    retries: int | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None

    def fields(self) -> dict[str, Json]:
        """As they stand in the file."""
        return _fields(self)


class SharedModelFieldsBody(ModelFieldsBody):
    projects: Annotated[list[str], Field(max_length=1000)] | None = None
    """Names of the projects that may use it. None: all."""
    least_role: Literal["editor", "owner"] | None = None
    """Of whoever stores a task or an agent that names it. None: any editor."""

    def fields(self) -> dict[str, Json]:
        return _fields(self, "projects", "least_role")


class ExampleBody(Body):
    """What an agent was asked once, and how it should have answered."""

    prompt: Annotated[str, Field(max_length=20_000)]
    answer: Annotated[str, Field(max_length=20_000)]


class AgentBody(Body):
    """What an agent's file says beside its name. What is left out is as the docs say."""

    description: Text | None = None
    model: Annotated[str, Field(max_length=200, examples=["fast"])] | None = None
    """None: the server's default model."""
    instructions: Annotated[str, Field(max_length=500_000, examples=["Be brief."])] = ""
    tools: Names = Field(default_factory=list, examples=[[]])
    """Names or globs; always cut by what the task was granted."""
    approve_tools: Names = Field(default_factory=list, examples=[[]])
    """Those that it may call only when a person has approved the call."""
    budget: JsonMap | None = Field(default=None, examples=[{"usd": 0.2, "tool_calls": 30}])
    """Bounds on one piece of work: `usd`, `tokens`, `requests`, `tool_calls`."""
    max_turns: int | None = None
    """Model requests in one piece of work."""
    examples: Annotated[list[ExampleBody], Field(max_length=100)] = Field(default_factory=list, examples=[[]])

    def fields(self) -> dict[str, Json]:
        """As they stand in the file."""
        return _fields(self)


@routes.get("/projects/{project}/models", gives=list[ModelView])
async def list_models(caller: Caller, services: Asked, project: Project) -> object:
    """The models that the project may use: its own, and shared ones. `embedded` is built in and not listed."""
    return await services.models.list(caller, project)


@routes.get("/projects/{project}/models/{model}", gives=ModelView)
async def get_model(caller: Caller, services: Asked, project: Project, model: Model) -> object:
    """One of them, with its price and where that is from."""
    view = await services.models.get(caller, project, model)
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.put("/projects/{project}/models/{model}", gives=ModelView)
async def put_model(
    caller: Caller,
    services: Asked,
    project: Project,
    model: Model,
    body: ModelFieldsBody,
    if_match: IfMatch = None,
) -> object:
    """Make or change a model of the project. Comments of its file stay. Without If-Match: a new one."""
    view = await services.models.put(caller, project, model, body.fields(), edited=edited(if_match))
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.post("/projects/{project}/models/{model}/try", gives=ModelTried)
async def try_model(caller: Caller, services: Asked, project: Project, model: Model) -> object:
    """Send a tiny real request with the project's key, and say what came of it."""
    return await services.models.try_out(caller, project, model)


@routes.delete("/projects/{project}/models/{model}")
async def remove_model(caller: Caller, services: Asked, project: Project, model: Model) -> None:
    """Forget a model of the project; steps that name it fail from now on."""
    await services.models.remove(caller, project, model)


@routes.get("/models", gives=list[ModelView])
async def list_shared_models(caller: Caller, services: Asked) -> object:
    """The models that administrators have set up for several projects."""
    return await services.models.list(caller, None)


@routes.post("/models", gives=ModelView)
async def put_shared_model(caller: Caller, services: Asked, body: ModelBody) -> object:
    """Set a model for several projects, in place of an earlier one of its name."""
    role = None if body.least_role is None else ProjectRole(body.least_role)
    return await services.models.put_shared(caller, body.source, projects=body.projects, least_role=role)


@routes.get("/models/{model}", gives=ModelView)
async def get_shared_model(caller: Caller, services: Asked, model: Model) -> object:
    """One of them."""
    view = await services.models.get(caller, None, model)
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.put("/models/{model}", gives=ModelView)
async def edit_shared_model(
    caller: Caller, services: Asked, model: Model, body: SharedModelFieldsBody, if_match: IfMatch = None
) -> object:
    """Make or change a model for several projects, field by field. Without If-Match: a new one."""
    role = None if body.least_role is None else ProjectRole(body.least_role)
    view = await services.models.put(
        caller, None, model, body.fields(), projects=body.projects, least_role=role, edited=edited(if_match)
    )
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.post("/models/{model}/try", gives=ModelTried)
async def try_shared_model(caller: Caller, services: Asked, model: Model) -> object:
    """Send it a tiny real request."""
    return await services.models.try_out(caller, None, model)


@routes.delete("/models/{model}")
async def remove_shared_model(caller: Caller, services: Asked, model: Model) -> None:
    """Forget it, for all projects."""
    await services.models.remove(caller, None, model)


@routes.get("/projects/{project}/agents", gives=list[AgentView])
async def list_agents(caller: Caller, services: Asked, project: Project) -> object:
    """The project's agents, each with the published versions that keep it."""
    return await services.agents.list(caller, project)


@routes.get("/projects/{project}/agents/{agent}", gives=AgentView)
async def get_agent(caller: Caller, services: Asked, project: Project, agent: Agent) -> object:
    """One agent."""
    view = await services.agents.get(caller, project, agent)
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.put("/projects/{project}/agents/{agent}", gives=AgentView)
async def put_agent(
    caller: Caller, services: Asked, project: Project, agent: Agent, body: AgentBody, if_match: IfMatch = None
) -> object:
    """Make or change an agent; versions that keep it go on with the earlier one. Without If-Match: a new one."""
    view = await services.agents.put(caller, project, agent, body.fields(), edited=edited(if_match))
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.delete("/projects/{project}/agents/{agent}")
async def remove_agent(caller: Caller, services: Asked, project: Project, agent: Agent) -> None:
    """Forget an agent. Versions that keep it go on with it."""
    await services.agents.remove(caller, project, agent)


def _fields(body: Body, *beside: str) -> dict[str, Json]:
    """What is said, under the names that the file has for it."""
    said = from_text(body.model_dump_json(exclude_none=True, exclude=set(beside)))
    assert isinstance(said, dict)
    return said

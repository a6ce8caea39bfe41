"""Models and agents: who thinks, and at which price."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field

from errands.api.bodies import Body, Project
from errands.api.callers import Asked, Caller
from errands.api.routes import Routes
from errands.core.access import ProjectRole
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


@routes.get("/projects/{project}/models", gives=list[ModelView])
async def list_models(caller: Caller, services: Asked, project: Project) -> object:
    """The models that the project may use: its own, and shared ones. `embedded` is built in and not listed."""
    return await services.models.list(caller, project)


@routes.get("/projects/{project}/models/{model}", gives=ModelView)
async def get_model(caller: Caller, services: Asked, project: Project, model: Model) -> object:
    """One of them, with its price and where that is from."""
    return await services.models.get(caller, project, model)


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
    return await services.models.get(caller, None, model)


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
    """The project's agents, each with the published versions that keep it. Files make and change them."""
    return await services.agents.list(caller, project)


@routes.get("/projects/{project}/agents/{agent}", gives=AgentView)
async def get_agent(caller: Caller, services: Asked, project: Project, agent: Agent) -> object:
    """One agent."""
    return await services.agents.get(caller, project, agent)


@routes.delete("/projects/{project}/agents/{agent}")
async def remove_agent(caller: Caller, services: Asked, project: Project, agent: Agent) -> None:
    """Forget an agent. Versions that keep it go on with it."""
    await services.agents.remove(caller, project, agent)

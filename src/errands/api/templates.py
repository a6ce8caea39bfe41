"""Templates: what is shipped, tried with sample data, and adopted into a project."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from errands.api.bodies import Body, JsonMap, Project
from errands.api.callers import Asked, Caller
from errands.api.routes import Routes
from errands.services.template_views import Adopted, TemplateLine, TemplateView, TrialView

routes = Routes("templates")
TemplateName = Annotated[
    str, Path(min_length=1, max_length=60, description="Name of the template.", examples=["report-generation"])
]


class AdoptBody(Body):
    """How a template is adopted."""

    answers: JsonMap = Field(default_factory=dict)
    """By the names in the template's `asks`; what is absent takes its default."""
    task: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Another name for the task, so that a project can hold two of a kind. None: the template's."""
    publish: bool = False
    """Let runs start. false: only drafts, which may come before the secrets that they name."""
    dry_run: bool = False
    """Only tell what would change."""


@routes.get("/templates", gives=list[TemplateLine])
async def list_templates(caller: Caller, services: Asked) -> object:
    """The templates that come with Errands."""
    return await services.templates.list(caller)


@routes.get("/templates/{template}", gives=TemplateView)
async def get_template(caller: Caller, services: Asked, template: TemplateName) -> object:
    """One template: what it asks, what it needs, its files, and a picture of each task's steps."""
    return await services.templates.get(caller, template)


@routes.post("/templates/{template}/try", gives=TrialView)
async def try_template(caller: Caller, services: Asked, template: TemplateName) -> object:
    """Rehearse a template with its sample data: nothing leaves the machine, nothing is kept."""
    return await services.templates.attempt(caller, template)


@routes.post("/projects/{project}/templates/{template}/adopt", gives=Adopted)
async def adopt_template(
    caller: Caller, services: Asked, project: Project, template: TemplateName, body: AdoptBody
) -> object:
    """Bring a template's files into the project with your answers in them (422 with every wrong answer)."""
    return await services.templates.adopt(
        caller, project, template, body.answers, task=body.task, publish=body.publish, dry_run=body.dry_run
    )

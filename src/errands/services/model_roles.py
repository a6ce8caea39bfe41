"""Some shared models may be put into tasks and agents by owners alone: whoever stores the use needs the role."""

from collections.abc import Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import Principal, ProjectResource, ProjectRole, Verb, refers_to
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.definition.parsing import parse_document
from errands.core.definition.steps import AgentStep
from errands.core.definition.task import TaskDefinition
from errands.core.definition.texts import every_step
from errands.services.authority import Authority
from errands.services.errors import Denied
from errands.services.views import SourceFile
from errands.store import library
from errands.store.projects import ProjectRow


async def check_model_roles(
    connection: AsyncConnection,
    authority: Authority,
    caller: Principal,
    project: ProjectRow,
    files: Sequence[SourceFile],
) -> None:
    """Raises Denied, recorded, for a file that names a model which takes a higher role than the caller's."""
    named = {name for file in files for name in _models_of(file)}
    if not named:
        return
    for row in await library.usable_models(connection, project.id):
        if row.name not in named or row.least_role is None or row.project_id is not None:
            continue
        least = ProjectRole(row.least_role)
        if not refers_to(caller, project.name, f"role:{least.value}") and caller.kind != "system":
            resource = ProjectResource(project.name, "model", row.name)
            reason = f"the model {row.name} takes the role {least.value} in project {project.name}"
            await authority.record_denial(caller, Verb.MODEL_EDIT, resource, reason)
            raise Denied(reason, f"Ask an {least.value} of project {project.name} to store it, or name another model.")


def _models_of(file: SourceFile) -> Iterator[str]:
    """The models that a file names."""
    match parse_document(file.source).definition:
        case TaskDefinition() as task:
            yield from (step.model for step, _ in every_step(task) if isinstance(step, AgentStep) and step.model)
        case AgentDefinition(model=str(model)):
            yield model
        case ModelDefinition(fallback=fallback):
            yield from fallback
        case _:
            pass

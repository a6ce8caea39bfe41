"""Models: those of a project, and those that administrators set up for several."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import Principal, ProjectResource, ProjectRole, Resource, ServerResource, Verb
from errands.core.catalog import Surroundings
from errands.core.definition.agents import KnownModel, ModelDefinition, Price
from errands.core.definition.checks import check_file
from errands.core.outcomes import StepFailed, Usage
from errands.core.values import JsonObject
from errands.services.applying import Wish, apply_files, as_json, digest_of
from errands.services.authority import Authority
from errands.services.declaring import declare
from errands.services.edits import check_edited
from errands.services.errors import FilesInvalid, Invalid, NotFound
from errands.services.lookup import find_project
from errands.services.model_roles import check_model_roles
from errands.services.tool_views import ModelTried, ModelView
from errands.services.views import SourceFile
from errands.store import library, secrets
from errands.store import projects as project_rows
from errands.store.database import Database
from errands.store.library import ModelRow

Prices = Callable[[Sequence[ModelDefinition]], Awaitable[Sequence[Price]]]
"""What models cost by the declared price, else the published one, else 0."""


class Probed(Protocol):
    """What a model answered to a tiny request."""

    @property
    def said(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    @property
    def usage(self) -> Usage: ...


Probe = Callable[[KnownModel, str, str], Awaitable[Probed]]
"""Asks a model: definition, project name, project id (both may be empty). Raises StepFailed."""


@dataclass(frozen=True, slots=True)
class ModelParts:
    """What the service is made of."""

    database: Database
    authority: Authority
    prices: Prices
    probe: Probe


class ModelService:
    """What a caller may ask of models. Without a project they are the installation's."""

    def __init__(self, parts: ModelParts) -> None:
        self._parts = parts
        self._database = parts.database
        self._authority = parts.authority

    async def list(self, caller: Principal, project: str | None) -> Sequence[ModelView]:
        """By name: those that the project may use, or all of the installation. Raises NotFound, Denied."""
        await self._authority.authorise(caller, *_reading(project, ""))
        async with self._database.reader.connect() as connection:
            if project is None:
                rows = await library.shared_models(connection)
            else:
                rows = await library.usable_models(connection, (await find_project(connection, project)).id)
        return await self._views(rows)

    async def get(self, caller: Principal, project: str | None, name: str) -> ModelView:
        """One of them. Raises NotFound, Denied."""
        await self._authority.authorise(caller, *_reading(project, name))
        async with self._database.reader.connect() as connection:
            row = await _find(connection, project, name)
        return (await self._views([row]))[0]

    async def put_shared(
        self,
        caller: Principal,
        source: str,
        *,
        projects: Sequence[str] | None = None,
        least_role: ProjectRole | None = None,
    ) -> ModelView:
        """Set a model of the installation from a model file. Projects declare theirs by `TaskService.apply`.

        `projects`: who may use it; None: all. `least_role`: of whoever stores a task or agent that names it. Raises
        Denied, FilesInvalid, Invalid.
        """
        await self._authority.authorise(caller, Verb.SERVER_EDIT, ServerResource("model"))
        async with self._database.engine.begin() as connection:
            definition = await self._share(connection, caller, source, projects, least_role)
        return await self.get(caller, None, definition.model)

    async def put(
        self,
        caller: Principal,
        project: str | None,
        name: str,
        given: JsonObject,
        *,
        projects: Sequence[str] | None = None,
        least_role: ProjectRole | None = None,
        edited: Sequence[str] | None = None,
    ) -> ModelView:
        """Make or change a model field by field. `given`: the fields of its file but its name.

        `projects`, `least_role`: of one of the installation's, as with `put_shared`. `edited`: digests, one of which
        what is there must have; none: it must not be there yet. Raises NotFound, Denied, Invalid, ChangedMeanwhile,
        FilesInvalid with the path of each problem.
        """
        verb, resource = _editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            if project is None:
                before = next((row for row in await library.shared_models(connection) if row.name == name), None)
                check_edited("model", name, None if before is None else digest_of(before.source), edited)
                source = declare("model", name, given, None if before is None else before.source)
                await self._share(connection, caller, source, projects, least_role)
            else:
                await self._put_own(connection, caller, project, name, given, edited)
        return await self.get(caller, project, name)

    async def _put_own(
        self,
        connection: AsyncConnection,
        caller: Principal,
        project: str,
        name: str,
        given: JsonObject,
        edited: Sequence[str] | None,
    ) -> None:
        verb, resource = _editing(project, name)
        owner = await find_project(connection, project)
        await project_rows.lock(connection, owner.id)
        row = None if "\0" in name else await library.find(connection, "model", owner.id, name)
        before = None if row is None else row.source
        check_edited("model", name, None if before is None else digest_of(before), edited)
        file = SourceFile(f"models/{name}.yaml", declare("model", name, given, before))
        await check_model_roles(connection, self._authority, caller, owner, [file])
        wish = Wish([file], caller.reference, None, publish=False)
        (applied,) = await apply_files(connection, project, wish, {}, None)
        if applied.change != "unchanged":
            await self._authority.record(connection, caller, verb, resource, {"change": applied.change})

    async def _share(
        self,
        connection: AsyncConnection,
        caller: Principal,
        source: str,
        projects: Sequence[str] | None,
        least_role: ProjectRole | None,
    ) -> ModelDefinition:
        """Store a model of the installation. Raises FilesInvalid, Invalid."""
        definition = await _checked(connection, source)
        if projects is not None and not projects:
            said = "A model that no project may use serves nobody."
            raise Invalid(said, "Name a project, or leave them out.", field="projects")
        role = None if least_role is None else least_role.value
        await library.put_shared_model(connection, definition.model, source, as_json(definition), projects, role)
        told: JsonObject = {
            "act": "set",
            "provider": definition.provider,
            "projects": None if projects is None else [*projects],
            "least_role": role,
        }
        resource = ServerResource("model", definition.model)
        await self._authority.record(connection, caller, Verb.SERVER_EDIT, resource, told)
        return definition

    async def remove(self, caller: Principal, project: str | None, name: str) -> None:
        """Forget a model; steps that name it fail from now on. Raises NotFound, Denied."""
        verb, resource = _editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            owner = None if project is None else (await find_project(connection, project)).id
            if "\0" in name or not await library.remove(connection, "model", owner, name):
                raise NotFound("model", name, hint="`errands models list` shows those that there are.")
            await self._authority.record(connection, caller, verb, resource, {"act": "removed"})

    async def try_out(self, caller: Principal, project: str | None, name: str) -> ModelTried:
        """Send a tiny real request, which may cost a fraction of a cent, and say what came of it.

        Raises NotFound, Denied.
        """
        verb, resource = _editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.reader.connect() as connection:
            row = await _find(connection, project, name)
            owner = None if project is None else await find_project(connection, project)
        identity = ("", "") if owner is None else (owner.name, str(owner.id))
        try:
            probed = await self._parts.probe(known(row), *identity)
            tried = ModelTried(True, probed.said, probed.seconds, probed.usage.tokens, probed.usage.usd, None, None)
        except StepFailed as failure:
            tried = ModelTried(False, None, 0.0, 0, Usage().usd, failure.error.message, failure.error.hint)
        async with self._database.engine.begin() as connection:
            told: JsonObject = {"act": "tried", "ok": tried.ok}
            await self._authority.record(connection, caller, verb, resource, told)
        return tried

    async def _views(self, rows: Sequence[ModelRow]) -> Sequence[ModelView]:
        definitions = [ModelDefinition.model_validate(row.definition) for row in rows]
        prices = await self._parts.prices(definitions) if definitions else []
        return [_view(*each) for each in zip(rows, definitions, prices, strict=True)]


def known(row: ModelRow) -> KnownModel:
    """A model with where it is kept."""
    return KnownModel.model_validate({**row.definition, "model_id": str(row.id), "of_server": row.project_id is None})


async def _checked(connection: AsyncConnection, source: str) -> ModelDefinition:
    """Raises FilesInvalid, Invalid (the file declares no model)."""
    shared = frozenset(row.name for row in await library.shared_models(connection))
    own = frozenset(row.name for row in await secrets.listed(connection, None))
    checked = await check_file(source, Surroundings({}, models=shared, secrets=own))
    if checked.definition is None:
        raise FilesInvalid({"model.yaml": checked.problems})
    if not isinstance(checked.definition, ModelDefinition):
        raise Invalid("The file declares no model.", "Begin it with `model: NAME`.")
    return checked.definition


async def _find(connection: AsyncConnection, project: str | None, name: str) -> ModelRow:
    """The model of this name as the project sees it, or the installation's. Raises NotFound."""
    if project is None:
        rows = [row for row in await library.shared_models(connection) if row.name == name]
    else:
        owner = await find_project(connection, project)
        rows = [] if "\0" in name else await library.usable_models(connection, owner.id, name)
    if not rows:
        raise NotFound("model", name, hint="`errands models list` shows those that there are; `embedded` is built in.")
    return rows[0]


def _reading(project: str | None, name: str) -> tuple[Verb, Resource]:
    if project is None:
        return Verb.SERVER_READ, ServerResource("model", name)
    return Verb.MODEL_READ, ProjectResource(project, "model", name)


def _editing(project: str | None, name: str) -> tuple[Verb, Resource]:
    if project is None:
        return Verb.SERVER_EDIT, ServerResource("model", name)
    return Verb.MODEL_EDIT, ProjectResource(project, "model", name)


def _view(row: ModelRow, definition: ModelDefinition, price: Price) -> ModelView:
    told: Literal["declared", "published", "unknown"] = "published" if price.input or price.output else "unknown"
    rate = definition.rate
    return ModelView(
        name=row.name,
        shared=row.project_id is None,
        provider=definition.provider,
        provider_name=definition.name,
        base_url=definition.base_url,
        api_key=definition.api_key,
        fallback=definition.fallback,
        timeout_seconds=definition.timeout.total_seconds(),
        retries=definition.retries,
        temperature=definition.temperature,
        max_output_tokens=definition.max_output_tokens,
        requests_per_minute=None if rate is None else rate.requests,
        tokens_per_minute=None if rate is None else rate.tokens,
        usd_per_million_input=price.input,
        usd_per_million_output=price.output,
        price_from="declared" if definition.price is not None else told,
        projects=row.projects,
        least_role=row.least_role,
        source=row.source,
        digest=digest_of(row.source),
        updated_at=row.updated_at,
    )

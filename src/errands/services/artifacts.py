"""Files that runs made, as a caller may download them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from errands.core.access import Principal, ProjectResource, Verb
from errands.services.authority import Authority
from errands.services.errors import NotFound, Unavailable
from errands.services.principals import id_of
from errands.services.telling import artifact_view
from errands.services.views import ArtifactView
from errands.store import record
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database


@dataclass(frozen=True, slots=True)
class OpenArtifact:
    """A file and its content, a MiB at a time."""

    view: ArtifactView
    content: AsyncIterator[bytes]


class ArtifactService:
    """What a caller may ask of files."""

    def __init__(self, database: Database, authority: Authority, artifacts: ArtifactStore) -> None:
        self._database = database
        self._authority = authority
        self._artifacts = artifacts

    async def open(self, caller: Principal, artifact: str) -> OpenArtifact:
        """A file by its id. Raises NotFound, Denied, Unavailable (the artifact store is away)."""
        artifact_id = id_of("artifact", artifact)
        async with self._database.reader.connect() as connection:
            found = await record.file(connection, artifact_id)
        if found is None:
            raise NotFound("artifact", artifact)
        row, project = found
        await self._authority.authorise(caller, Verb.ARTIFACT_READ, ProjectResource(project, "artifact", artifact))
        content = self._artifacts.chunks(row.location)
        try:
            first = await anext(content, b"")
        except OSError as error:
            raise Unavailable(
                f"{row.name} cannot be read from {self._artifacts.place}: {error.strerror or error}.",
                "Bring the artifact store back.",
            ) from error
        return OpenArtifact(artifact_view(row), _with_first(first, content))


async def _with_first(first: bytes, following: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in following:
        yield chunk

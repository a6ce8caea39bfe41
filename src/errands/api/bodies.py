"""What requests carry: the base of all bodies, and the parts that several of them share."""

from typing import Annotated, Self

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from errands.core.payloads import check_storable
from errands.services.views import SourceFile

LARGEST_NUMBER = 2**31 - 1

JsonMap = dict[str, JsonValue]
Name = Annotated[str, Path(min_length=1, max_length=200)]
Project = Annotated[str, Path(min_length=1, max_length=63, description="Name of the project.", examples=["default"])]
Task = Annotated[str, Path(min_length=1, max_length=200, description="Name of the task.", examples=["morning-brief"])]
Run = Annotated[
    str,
    Path(
        min_length=1,
        max_length=64,
        description="Id of the run, or 6 or more of its hex digits that single it out.",
        examples=["run_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"],
    ),
]
VersionNumber = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
Version = Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="Number of a version.")]

Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=500)]


class Body(BaseModel):
    """A request's body: nothing but what is declared, and nothing that a database cannot keep."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: object) -> object:
        check_storable(value)
        return value


class FileBody(Body):
    """A task, agent or model file, as its author wrote it."""

    name: Annotated[str, Field(min_length=1, max_length=500)] = "file.yaml"
    """Path for messages, such as `tasks/report.yaml`; nothing is read from it."""
    source: Annotated[str, Field(max_length=2**20)]
    """The YAML."""

    def as_file(self) -> SourceFile:
        return SourceFile(self.name, self.source)


class TaskChoice(Body):
    """A stored task by name, or a file that is not stored: one of the two."""

    task: Annotated[str, Field(max_length=200)] | None = None
    """Name of a stored task."""
    file: FileBody | None = None
    """A task file."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.task is None) == (self.file is None):
            raise ValueError("give either `task` or `file`")
        return self

    def chosen(self) -> SourceFile | str:
        """What services take."""
        return self.file.as_file() if self.file is not None else self.task or ""

"""Task templates: task files that nearly do somebody's job, the questions that adapt them, and a trial with samples.

A template is a folder: `template.yaml`, `tasks/*.yaml` (and `agents/*.yaml`), `sample/`. An answer is written into the
adopted file at the place that the question names; everything else of the file stays as its author wrote it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, ValidationError, field_validator, model_validator

from errands.core.definition.document import read_document
from errands.core.definition.editing import EditInvalid, SetValue, rewrite
from errands.core.definition.nodes import Path, plain
from errands.core.definition.policies import Frozen
from errands.core.definition.task import Param
from errands.core.params import is_literal
from errands.core.values import Json, JsonObject, JsonValue

_PART: Final = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")
_PLACE: Final = r"^(tasks|agents)/[a-z0-9-]+\.yaml#[^#]+$"
_NAME: Final = r"^[a-z][a-z0-9-]*$"
_OURS: Final = ("default", "sets")
"""Keys of a question that are none of its JSON Schema."""


class TemplateBroken(ValueError):
    """A template's own files are wrong; whoever made the template mends it."""


class Setting(Frozen):
    """One place that an answer is written to."""

    at: Annotated[str, Field(pattern=_PLACE)]
    """File and place in it, such as `tasks/report.yaml#params.recipients.default` or `...#triggers[monday].schedule`.
    In brackets stands an index, or the `id` or `name` of an item."""
    value: str | None = None
    """Bare expression over the answers, of which the value comes. None: the answer itself."""

    @property
    def file(self) -> str:
        return self.at.partition("#")[0]

    @property
    def place(self) -> str:
        return self.at.partition("#")[2]


class Ask(Frozen):
    """One question that adapts the template."""

    param: Param
    sets: Annotated[tuple[Setting, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, said: Json) -> Json:
        """`{type: ..., description: ..., default: ..., sets: PLACE | {at, value} | list of these}`, with its name."""
        if not isinstance(said, Mapping) or "param" in said:
            return said
        schema = {key: value for key, value in said.items() if key not in (*_OURS, "name")}
        param = {"name": said.get("name"), "schema": schema}
        if "default" in said:
            param |= {"has_default": True, "default": said["default"]}
        sets = said.get("sets", [])
        listed = sets if isinstance(sets, list) else [sets]
        return {"param": param, "sets": [{"at": one} if isinstance(one, str) else one for one in listed]}

    @field_validator("param")
    @classmethod
    def _no_expressions(cls, param: Param) -> Param:
        if param.has_default and not is_literal(param.default):
            raise ValueError(f"the default of `{param.name}` must be a plain value")
        if not param.schema_.get("description"):
            raise ValueError(f"`{param.name}` needs a `description`: it is what people are asked")
        return param


class Trial(Frozen):
    """A dry run with sample data: whatever would touch the outside is answered by the stubs of a test."""

    task: str
    test: str
    """Name of a test of the task; its stubs, state, payload and moment are taken."""
    args: dict[str, JsonValue] = Field(default_factory=dict)
    """Arguments, over those of the test."""
    files: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Param that takes a file to the sample that it gets, such as `invoice: sample/invoice.pdf`; a list to several."""
    real: tuple[str, ...] = ()
    """Steps of which the stub is left out, because the sample lets them do their work."""


class TaskTemplate(Frozen):
    """What `template.yaml` says."""

    template: Annotated[str, Field(pattern=_NAME, max_length=60)]
    title: str
    summary: Annotated[str, Field(max_length=200)]
    """One sentence: what it does."""
    use_case: str
    tags: tuple[str, ...] = ()
    schedule: str | None = None
    """When its runs are proposed to start, in words; the triggers themselves are in the task files."""
    asks: tuple[Ask, ...] = ()
    secrets: dict[str, str] = Field(default_factory=dict)
    """Secret to what it is for."""
    try_: Trial = Field(alias="try")

    @field_validator("asks", mode="before")
    @classmethod
    def _named(cls, said: object) -> object:
        if not isinstance(said, Mapping):
            return said
        return [{**body, "name": name} if isinstance(body, Mapping) else body for name, body in said.items()]

    @property
    def params(self) -> tuple[Param, ...]:
        """The questions, as params of a task are: the same form draws both."""
        return tuple(ask.param for ask in self.asks)


@dataclass(frozen=True, slots=True)
class Derived:
    """A value that is computed of the answers, for one place."""

    at: str
    expression: str


def read_template(source: str) -> TaskTemplate:
    """The template of a `template.yaml`. Raises TemplateBroken with everything that is wrong."""
    document = read_document(source)
    if document.root is None or document.problems:
        raise TemplateBroken("; ".join(problem.message for problem in document.problems) or "the file is empty")
    try:
        return TaskTemplate.model_validate(plain(document.root))
    except ValidationError as invalid:
        found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors(include_url=False)]
        raise TemplateBroken("; ".join(found)) from None


def derived(template: TaskTemplate) -> list[Derived]:
    """What must be computed before `adapted` can be called."""
    return [Derived(one.at, one.value) for ask in template.asks for one in ask.sets if one.value is not None]


def adapted(
    template: TaskTemplate, sources: Mapping[str, str], answers: JsonObject, computed: Mapping[str, Json]
) -> dict[str, str]:
    """The template's files with the answers in them. `computed`: values of `derived`, by their places.

    Raises TemplateBroken where a question names a place that is not there.
    """
    adopted = dict(sources)
    for ask in template.asks:
        for setting in ask.sets:
            if setting.file not in adopted:
                raise TemplateBroken(f"`{ask.param.name}` sets {setting.at}, but there is no {setting.file}")
            value = answers[ask.param.name] if setting.value is None else computed[setting.at]
            adopted[setting.file] = _set(adopted[setting.file], setting, value)
    return adopted


def _set(source: str, setting: Setting, value: Json) -> str:
    root = read_document(source).root
    path = find_place({} if root is None else plain(root), setting.place)
    try:
        return rewrite(source, [SetValue(path, value)])
    except EditInvalid as error:
        raise TemplateBroken(f"{setting.at}: {error}") from None


def find_place(data: Json, place: str) -> Path:
    """The path that a place means in this file. The last key may be missing. Raises TemplateBroken."""
    path: list[str | int] = []
    for key, item in _PART.findall(place):
        if key:
            path.append(key)
            data = data.get(key) if isinstance(data, Mapping) else None
            continue
        index = _index_of(data, item)
        if index is None or not isinstance(data, Sequence):
            raise TemplateBroken(f"{place}: there is no item {item}")
        path.append(index)
        data = data[index]
    return tuple(path)


def _index_of(data: Json, item: str) -> int | None:
    """The index of the list's item that has this id or name, or of which this is the number."""
    if not isinstance(data, Sequence) or isinstance(data, str):
        return None
    for index, one in enumerate(data):
        if isinstance(one, Mapping) and item in (one.get("id"), one.get("name")):
            return index
    return int(item) if item.isdecimal() and int(item) < len(data) else None

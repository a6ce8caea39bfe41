"""What the template service gives."""

from dataclasses import dataclass

from errands.core.values import JsonObject
from errands.services.rehearsal_views import DryRunView
from errands.services.views import Applied, SourceFile


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """A template as lists show it."""

    name: str
    title: str
    summary: str
    """One sentence."""
    use_case: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskPicture:
    """One task of a template, for readers."""

    task: str
    title: str
    description: str
    svg: str
    """Picture of its steps."""


@dataclass(frozen=True, slots=True)
class NeededGrants:
    """What the template's tasks may reach, as their files say."""

    tools: tuple[str, ...]
    hosts: tuple[str, ...]
    folders: tuple[str, ...]
    untrusted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeededSecret:
    """A secret that the project must hold before the template's tasks are published."""

    name: str
    about: str
    """What it is for."""


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template as its page shows it."""

    name: str
    title: str
    summary: str
    use_case: str
    tags: tuple[str, ...]
    schedule: str | None
    """When runs are proposed to start, in words."""
    asks: JsonObject
    """JSON Schema of the answers that adapt it; a form draws it as it draws a task's arguments."""
    secrets: tuple[NeededSecret, ...]
    grants: NeededGrants
    tasks: tuple[TaskPicture, ...]
    files: tuple[SourceFile, ...]
    """Its task and agent files before any answer."""


@dataclass(frozen=True, slots=True)
class TrialView:
    """What came of a trial with sample data: nothing left the machine and nothing was kept."""

    task: str
    run: DryRunView


@dataclass(frozen=True, slots=True)
class Adopted:
    """What adopting a template did, or would do."""

    files: tuple[SourceFile, ...]
    """The template's files with the answers in them."""
    applied: tuple[Applied, ...]
    missing: tuple[str, ...]
    """Secrets that the project does not hold yet; without them nothing can be published."""

"""Templates: looked at, tried with sample data, and drafted with the person's answers in them."""

from collections.abc import Mapping

from pydantic import Field, JsonValue

from errands.chat.desk import Card, Desk, Told
from errands.chat.operations.drafting import draft_card, rehearsed
from errands.chat.operations.operation import Arguments, operation
from errands.chat.operations.tasks import NoArguments
from errands.core.values import Json
from errands.services.template_views import TemplateView


class TemplateName(Arguments):
    template: str
    """Name of a template."""


class TemplateUse(Arguments):
    template: str
    """Name of a template."""
    answers: dict[str, JsonValue] = Field(default_factory=dict)
    """By the names in the template's `asks`; what is absent takes its default."""


@operation
async def list_templates(desk: Desk, arguments: NoArguments) -> Told:
    """The templates: task files that nearly do a job. Look here first when somebody describes a common one."""
    found = await desk.services.templates.list(desk.caller)
    facts: Json = [{"template": one.name, "summary": one.summary, "tags": list(one.tags)} for one in found]
    return Told(facts, "\n".join(f"- `{one.name}`: {one.summary}" for one in found))


@operation
async def show_template(desk: Desk, arguments: TemplateName) -> Told:
    """What a template does, what it asks, and what it needs."""
    view = await desk.services.templates.get(desk.caller, arguments.template)
    asks = _asks(view)
    facts: Json = {
        "template": view.name,
        "summary": view.summary,
        "schedule": view.schedule,
        "asks": view.asks,
        "secrets": {one.name: one.about for one in view.secrets},
        "tasks": {one.task: one.description for one in view.tasks},
    }
    lines = [f"**{view.title}**: {view.summary}", *(f"- asks `{name}`: {about}" for name, about in asks.items())]
    lines += [f"- needs the secret `{one.name}`: {one.about}" for one in view.secrets]
    lines += ["", f"`/templates {view.name} try` tries it, `/templates {view.name} use name=value` drafts it."]
    return Told(facts, "\n".join(lines))


@operation
async def try_template(desk: Desk, arguments: TemplateName) -> Told:
    """Rehearse a template with its sample data: nothing leaves the machine and nothing is kept."""
    trial = await desk.services.templates.attempt(desk.caller, arguments.template)
    facts = rehearsed(trial.run)
    steps = "\n".join(f"- `{step.path}` {step.status.value}" for step in trial.run.steps)
    files = "".join(f"\n- makes the file {one.name} ({one.size:,} bytes)" for one in trial.run.files)
    said = f"With its sample data `{trial.task}` has **{trial.run.status.value}**; nothing left the machine."
    return Told(facts, f"{said}\n{steps}{files}", (Card("rehearsal", facts),))


@operation
async def use_template(desk: Desk, arguments: TemplateUse) -> Told:
    """Draft a template's files with the person's answers in them, on cards. Nothing is stored until the person
    clicks. The secrets that it needs must be there first."""
    templates, caller, name = desk.services.templates, desk.caller, arguments.template
    seen = await templates.adopt(caller, desk.project, name, arguments.answers, dry_run=True)
    if seen.missing:
        about = {one.name: one.about for one in (await templates.get(caller, name)).secrets}
        lines = [f"- `{secret}`: {about[secret]}" for secret in seen.missing]
        words = "Store these secrets first (page Secrets, or `errands secrets set NAME`), then say it again:\n"
        return Told({"missing_secrets": list(seen.missing)}, words + "\n".join(lines))
    cards = [await draft_card(desk, file.source, f"From the template {name}.") for file in seen.files]
    drafted = [str(card.data["name"]) for card in cards]
    words = f"Drafted from the template {name}: {', '.join(drafted)}. Save or publish by a click."
    return Told({"drafts": list(drafted)}, words, tuple(cards))


def _asks(view: TemplateView) -> dict[str, str]:
    properties = view.asks.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {name: str(one.get("description", "")) for name, one in properties.items() if isinstance(one, Mapping)}

"""What starts runs."""

from typing import Annotated, Literal

from pydantic import Field

from errands.core.definition.policies import Frozen
from errands.core.values import JsonValue


class TriggerBase(Frozen):
    """What every trigger carries."""

    id: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """Templates of the run's arguments; a webhook's see `payload`."""
    enabled: bool = True
    note: str | None = None


class ScheduleTrigger(TriggerBase):
    kind: Literal["schedule"] = "schedule"
    schedule: dict[str, JsonValue]


class WebhookTrigger(TriggerBase):
    kind: Literal["webhook"] = "webhook"
    webhook: dict[str, JsonValue]


class EmailTrigger(TriggerBase):
    kind: Literal["email"] = "email"
    email: dict[str, JsonValue]


class EventTrigger(TriggerBase):
    kind: Literal["event"] = "event"
    event: dict[str, JsonValue]


Trigger = Annotated[ScheduleTrigger | WebhookTrigger | EmailTrigger | EventTrigger, Field(discriminator="kind")]

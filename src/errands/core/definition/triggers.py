"""What starts runs: a schedule, a webhook, an email or an event. (Starting on demand needs no trigger.)"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from errands.core.definition.policies import Frozen
from errands.core.definition.units import Duration, Size
from errands.core.values import JsonValue

LARGEST_BODY = 16 * 2**20
Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,80}$")]
"""Name of an HTTP header."""


class TriggerBase(Frozen):
    """What every trigger carries."""

    id: str
    """Name, unique in the task: `[a-z][a-z0-9_-]*`."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """Templates of the run's arguments; a webhook's, email's and event's see `payload`."""
    enabled: bool = True
    """A disabled trigger starts nothing; its planned times are recorded as skipped."""
    note: str | None = None
    """For readers, such as why it is disabled."""


class ScheduleTrigger(TriggerBase):
    """Starts a run at planned times."""

    kind: Literal["schedule"] = "schedule"
    schedule: dict[str, JsonValue]
    """As written in the file; `core.schedules` gives it meaning."""


class Signature(Frozen):
    """How a webhook's sender proves itself: HMAC-SHA256 over the body."""

    style: Literal["github", "stripe", "slack", "generic"] = "generic"
    """Whose header and layout. `generic`: hex digest of the body in `header`."""
    secret: str
    """`secret:NAME` of the shared key."""
    header: Header | None = None
    """Header that carries the signature. `None`: the style's own, `X-Signature` for `generic`."""
    prefix: str = ""
    """What stands before the signature in a `generic` header, such as `sha256=`."""
    encoding: Literal["hex", "base64"] = "hex"
    """How a `generic` signature is written."""
    timestamp: Header | None = None
    """Header of a `generic` sender's time stamp, in seconds since 1970; `TIMESTAMP.BODY` is signed then."""
    tolerance: Duration = timedelta(minutes=5)
    """How far a signed time stamp may be from now, where the style has one."""


class Webhook(Frozen):
    """What a webhook accepts. It needs a `signature` or a `token`."""

    signature: Signature | None = None
    """How the sender proves itself."""
    token: str | None = None
    """`secret:NAME` of a bearer token that the sender must show."""
    payload: dict[str, JsonValue] | None = None
    """JSON Schema of the body; another body is refused with 422. `None`: any JSON."""
    delivery: Header | None = None
    """Header that names a delivery. `None`: the style's own, else `Idempotency-Key`."""
    once_per: Literal["delivery", "body"] = "delivery"
    """What starts one run only: a delivery, by its name; or a body, whatever its delivery is called (names of
    deliveries are not signed). A signed body without a name counts as `body`, which is remembered for a day."""
    max_body: Annotated[Size, Field(ge=1, le=LARGEST_BODY)] = 2**20
    """Bytes, up to 16 MiB; a longer body is refused with 413."""
    max_per_minute: Annotated[int, Field(ge=1, le=10_000)] = 120
    """Accepted calls; more are refused with 429."""


class WebhookTrigger(TriggerBase):
    """Starts a run for each accepted HTTP call to its address; `payload` is the body."""

    kind: Literal["webhook"] = "webhook"
    webhook: Webhook
    """What is accepted at its address."""


class Email(Frozen):
    """What mail is accepted at the trigger's secret address."""

    senders: tuple[str, ...] = ()
    """Allowed senders: `ana@example.com`, `*@example.com` or `example.com`. Empty: anybody who knows the address."""
    subject: str | None = None
    """Glob that the subject must match, such as `Invoice *`. `None`: any."""
    authenticated: bool = False
    """Take only mail of which a trusted mail server says that SPF or DKIM holds for the sender's domain. Without it,
    mail is taken unless such a server says that neither holds."""
    max_size: Annotated[Size, Field(ge=1)] = 25 * 2**20
    """Bytes of a whole mail, attachments included."""
    max_attachments: Annotated[int, Field(ge=0, le=1000)] = 50
    """Attachments of one mail."""
    max_per_minute: Annotated[int, Field(ge=1, le=10_000)] = 60
    """Accepted mails; more are refused for now, and their servers try again."""


class EmailTrigger(TriggerBase):
    """Starts a run for each accepted mail; `payload` holds from, to, subject, text and attachments."""

    kind: Literal["email"] = "email"
    email: Email
    """What mail is accepted."""


Outcome = Literal["succeeded", "failed", "timed_out", "cancelled", "any"]


class Event(Frozen):
    """Either the end of another task's run (`task`), or an event of the project (`name`)."""

    task: str | None = None
    """Task of the same project whose run has ended; `payload` holds its run, status, arguments and output."""
    outcome: Outcome | tuple[Outcome, ...] = "succeeded"
    """Which ends count."""
    name: str | None = None
    """Project event, as `errands event send` and the API send it; `payload` is the event's."""
    match: str | None = Field(default=None, alias="key")
    """Only events that carry this key. `None`: any."""


class EventTrigger(TriggerBase):
    """Starts a run after another task's run, or for each event of the project."""

    kind: Literal["event"] = "event"
    event: Event
    """The end of which task's runs, or which event of the project."""


Trigger = Annotated[ScheduleTrigger | WebhookTrigger | EmailTrigger | EventTrigger, Field(discriminator="kind")]

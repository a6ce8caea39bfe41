"""Where a trigger is reached from outside, as it is shown."""

from dataclasses import dataclass

from errands.store.triggers import TriggerRow


@dataclass(frozen=True, slots=True)
class Addresses:
    """What stands around the random part of an address."""

    url: str = ""
    """Of this server, without a slash at the end."""
    mail_domain: str = "localhost"

    def of(self, row: TriggerRow, *, secret: bool) -> str | None:
        """URL or mail address. `secret`: whoever asks may see a mail address, which is all that it takes to use it."""
        if row.address is None or row.closed_at is not None:
            return None
        match row.kind:
            case "webhook":
                return f"{self.url}/hooks/{row.address}"
            case "email" if secret:
                return f"{row.address}@{self.mail_domain}"
            case _:
                return None

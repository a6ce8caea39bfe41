"""Print the API's OpenAPI document, without a server or a database."""

import json
import sys
from typing import cast

from errands.api.app import make_app
from errands.api.chatting import ChatHere
from errands.api.frame import Parts
from errands.services import Services


def document() -> dict[str, object]:
    """The document of an app whose services are never called."""
    parts = Parts(cast(Services, None), lambda error: None, "0", lambda callback: None, cast(ChatHere, None))
    return make_app(parts).openapi()


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1, sort_keys=True)

"""Small whole tasks to begin with."""

import re
from collections.abc import Mapping

from errands.core.values import to_text
from errands.services.errors import Invalid

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")

_PLAIN = """params:
  name: {type: string, default: world, description: Whom to greet}
grants: {tools: [log]}
steps:
  - {id: greeting, python: "f'Hello {name}'"}
  - {id: said, tool: log, with: {message: "{{ greeting }}"}}
output: "{{ greeting }}"
"""
_FETCH = """params:
  url: {type: string, format: uri, default: "https://example.com/", description: Page to fetch}
grants: {tools: [http.request], hosts: [example.com]}
steps:
  - {id: page, tool: http.request, with: {url: "{{ url }}"}}
output: {status: "{{ page['status'] }}"}
"""
_ASK = """params:
  question: {type: string, default: "Go on?", description: What is asked}
steps:
  - id: ok
    approve: {question: "{{ question }}", choices: [approve, reject]}
output: "{{ ok['choice'] }}"
"""
_AGENT = """params:
  text: {type: string, description: Text to sum up}
steps:
  - id: summary
    prompt: |
      Sum up in two sentences:

      {{ text }}
output: "{{ summary }}"
"""

SKELETONS: Mapping[str, tuple[str, str]] = {
    "plain": ("computes and logs", _PLAIN),
    "fetch": ("fetches a page", _FETCH),
    "ask": ("asks people before it goes on", _ASK),
    "agent": ("lets an agent work on a text", _AGENT),
}
"""What each is, and everything after its description."""


def skeleton(kind: str, name: str, description: str) -> str:
    """The source of a task of a kind. Raises Invalid for what cannot be a task's name."""
    check_name(name)
    about, rest = SKELETONS[kind]
    told = " ".join(description.split()) or f"A task that {about}."
    return f"task: {name}\ndescription: {to_text(told)}\n{rest}"


def check_name(name: str) -> None:
    """Raises Invalid for what cannot be a task's name."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} cannot be the name of a task.",
            "Use lower-case letters, digits and `-`, a letter first.",
        )

"""What a project works with, for the browser's tests and pictures: agents, models, a tool server, channels, a group."""

from tests.page.serving import Served

_HERE = "/projects/default"
_ANALYST = """# Asked for by the sales leads.
agent: analyst
description: Reads figures and says what matters.
model: embedded
instructions: |
  You write for the sales lead: short sentences, figures with units, no advice.
tools: [sql.query, http.request, crm/*]
approve_tools: [crm/update_account]
budget: {usd: 0.20, tool_calls: 30}
max_turns: 12
examples:
  - {prompt: "EMEA 120, AMER 80", answer: "EMEA leads with 120, half as much again as AMER."}
"""
_REVIEWER = "agent: reviewer\ndescription: Reads drafts before they are sent.\ninstructions: Be strict.\n"
_SUMMARY = """
task: weekly-summary
title: Weekly summary
description: Sums up the week for the sales leads.
agent: analyst
grants: {tools: [sql.query]}
steps:
  - {id: summary, prompt: "Sum up the week."}
"""
_LOCAL = "model: local\nprovider: ollama\nname: qwen3:8b\n"
_OPENAI = {"provider": "openai", "api_key": "secret:OPENAI_KEY"}


def furnish(served: Served) -> None:
    """Put it all there; secrets of the server only, and the project's own stay to the tests."""
    served.ask("PUT", "/secrets/OPENAI_KEY", {"value": "sk-not-a-real-key"})
    fast = {**_OPENAI, "name": "gpt-4o-mini", "fallback": ["embedded"], "rate": {"requests": 60, "tokens": 100_000}}
    served.ask("PUT", "/models/fast", fast)
    strong = {**_OPENAI, "name": "gpt-4o", "fallback": ["fast", "embedded"], "least_role": "owner"}
    served.ask("PUT", "/models/strong", strong)
    _connect(served)
    sources = {"models/local": _LOCAL, "agents/analyst": _ANALYST, "agents/reviewer": _REVIEWER, "tasks/w": _SUMMARY}
    _apply(served, sources)
    _apply(served, {"agents/analyst": _ANALYST.replace("no advice", "no advice, no adjectives")})
    served.ask("PUT", f"{_HERE}/channels/managers", {"addresses": ["lead@example.com"], "events": ["approval"]})
    served.ask("PUT", f"{_HERE}/channels/operations", {"addresses": ["ops@example.com", "night@example.com"]})
    served.ask("PUT", f"{_HERE}/alarm-defaults", {"failed": "episode", "late": "10m", "pause_after_failures": 5})
    served.ask("PUT", "/groups/sales-leads", {"title": "Sales leads"})
    served.ask("PUT", "/groups/sales-leads/people/ana")
    served.ask("PUT", f"{_HERE}/members/group:sales-leads", {"role": "operator"})


def _connect(served: Served) -> None:
    """A program that is accepted, and has changed since."""
    program = {"kind": "program", "command": "crm-tools", "args": []}
    served.ask("PUT", f"{_HERE}/tool-servers/crm", {"connection": program})
    changed = {**program, "args": ["after"]}
    served.ask("PUT", f"{_HERE}/tool-servers/crm", {"connection": changed})


def _apply(served: Served, sources: dict[str, str]) -> None:
    files = [{"name": f"{name}.yaml", "source": source} for name, source in sources.items()]
    served.ask("POST", f"{_HERE}/files", {"files": files})

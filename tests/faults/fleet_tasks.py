"""The tasks of the fleet: what each does to the outside is counted there."""

from collections.abc import Mapping

ORDER_STEPS = 8
"""Outcomes in the record of a finished order: begun, twice, effect, the loop and its three rows, big."""


def TASKS(port: int) -> Mapping[str, str]:  # noqa: N802
    """Task files by name; `port` is the receiver's."""
    outside = f"http://127.0.0.1:{port}"
    grants = f"grants: {{tools: [log, http.request, 'files.*'], hosts: ['127.0.0.1:{port}']}}"
    return {
        "order": _order(grants, outside),
        "held": _held(grants, outside),
        "ask": ASK,
        "beat": BEAT,
        "hooked": HOOKED,
    }


def _order(grants: str, outside: str) -> str:
    return f"""
task: order
description: Changes the outside once, loops, and keeps a large output where it is asked to.
params: {{n: {{type: integer}}, wide: {{type: boolean, default: false}}}}
{grants}
steps:
  - {{id: begun, tool: log, with: {{message: "order {{{{ n }}}} begun"}}}}
  - {{id: twice, python: n * 2}}
  - {{id: effect, tool: http.request, with: {{method: POST, url: "{outside}/effect", json: {{n: "{{{{ n }}}}"}}}}}}
  - {{id: rows, for_each: range(3), as: row, do: [{{id: row_said, tool: log, with: {{message: "row {{{{ row }}}}"}}}}]}}
  - {{id: big, python: "'x' * 70_000 if wide else 'small'"}}
output: "{{{{ big }}}}"
"""


def _held(grants: str, outside: str) -> str:
    return f"""
task: held
description: Writes a file, stands at the gate until it opens, perhaps on another machine by then, and reads the file.
{grants}
steps:
  - {{id: before, tool: log, with: {{message: before the gate}}}}
  - {{id: put, tool: files.write, with: {{path: kept.txt, text: "{{{{ run['id'] }}}}"}}}}
  - {{id: gate, tool: http.request, with: {{url: "{outside}/gate", timeout: 300}}}}
  - {{id: file, tool: files.read, with: {{path: kept.txt}}}}
  - {{id: after, tool: log, with: {{message: after the gate}}}}
output: "{{{{ file['content'] }}}}"
"""


ASK = """
task: ask
description: Asks somebody, who is told by the team's channel.
grants: {tools: [log]}
steps:
  - {id: ok, approve: {question: "Go on, {{ run['id'] }}?", choices: ["yes", "no"]}}
  - {id: done, tool: log, with: {message: "{{ ok['choice'] }}"}}
"""
BEAT = """
task: beat
description: Is started every second.
grants: {tools: [log]}
steps:
  - {id: said, tool: log, with: {message: beat}}
triggers:
  - {id: each, schedule: {every: 1s, overlap: allow, missed: all}}
"""
HOOKED = """
task: hooked
description: Is started by a webhook.
grants: {tools: [log], secrets: [SENDER]}
params: {n: {type: integer}}
steps:
  - {id: said, tool: log, with: {message: "delivery {{ n }}"}}
triggers:
  - id: call
    webhook: {signature: {secret: "secret:SENDER"}, max_per_minute: 10000}
    arguments: {n: "{{ payload['n'] }}"}
"""

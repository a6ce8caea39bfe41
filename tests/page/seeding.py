"""What the browser finds: tasks of several kinds, and runs of them in every state."""

from tests.page.furnishing import furnish
from tests.page.serving import Served

REPORT = """
task: regional-report
title: Regional sales report
description: Sums up last week's orders of a region and asks before it is sent to the managers.
tags: [sales, weekly]
params:
  region: {type: string, enum: [emea, amer, apac], description: Sales region}
  limit: {type: integer, minimum: 1, maximum: 1000, default: 20, description: Orders to look at}
  note: {type: string, format: textarea, default: "", description: Said at the end of the report}
grants: {tools: [log, files.write, files.keep]}
steps:
  - id: orders
    title: Orders of the week
    python: |
      [{"product": ["lamp", "chair", "desk"][n % 3], "amount": 10 + n * 7 % 50} for n in range(limit)]
  - id: totals
    title: Sum by product
    python: |
      sums = {}
      for row in orders:
          sums[row["product"]] = sums.get(row["product"], 0) + row["amount"]
      sums
  - if: not totals
    then:
      - {id: nothing, finish: {status: succeeded, output: "No orders"}}
    else:
      - {id: headline, python: "'Sales in ' + region + ': ' + str(sum(totals.values()))"}
  - id: notes
    title: A line per product
    for_each: list(totals)
    as: product
    max_parallel: 3
    do:
      - {id: line, tool: log, with: {message: "{{ product }}: {{ totals[product] }}"}}
  - id: written
    tool: files.write
    with:
      path: report.md
      text: |
        # {{ headline }}

        | Product | Amount |
        | --- | --- |
        | lamp | {{ totals['lamp'] }} |
  - {id: kept, tool: files.keep, with: {path: report.md}}
  - id: ok
    title: Ask the sales leads
    approve:
      question: |
        Send this to all **{{ region }}** managers?

        > {{ headline }}
      form:
        type: object
        properties:
          text: {type: string, format: textarea, title: Text of the mail, default: "{{ headline }}"}
          urgent: {type: boolean, title: Mark as urgent, default: false}
      choices: [send, drop]
      timeout: {after: 2d, choose: drop}
output: "{{ ok['choice'] }}"
triggers:
  - id: monday
    schedule: {weekly: {on: [mon], at: "07:00"}, timezone: Europe/Berlin, except: [{dates: [2026-12-28]}]}
    arguments: {region: emea}
"""
HEALTH = """
task: health-check
title: Health check
description: Looks whether the shop answers, and fails where it does not.
tags: [operations]
params:
  broken: {type: boolean, default: false, description: Let it fail}
steps:
  - {id: looked, python: "{'status': 500 if broken else 200, 'seconds': 0.12}"}
  - id: judged
    python: |
      if looked["status"] != 200:
          raise ValueError("the shop answered " + str(looked["status"]))
      "up"
output: "{{ judged }}"
triggers:
  - {id: every-hour, schedule: {hourly: {at: ":15"}, window: {between: ["06:00", "22:00"], on: mon-sun}}}
"""
SYNC = """
task: daily-sync
title: Daily synchronization
description: Carries customers over from one system to the other, one after the other.
tags: [data]
params:
  customers: {type: integer, default: 12, minimum: 0, maximum: 2000}
grants: {tools: [log]}
steps:
  - {id: list, python: "[{'id': n, 'name': 'Customer ' + str(n)} for n in range(customers)]"}
  - id: each
    for_each: list
    as: customer
    max_parallel: 4
    do:
      - {id: moved, tool: log, with: {message: "moved {{ customer['name'] }}"}}
output: "{{ len(each) }}"
triggers:
  - {id: nightly, schedule: {daily: "02:30", timezone: America/New_York}}
"""
SLOW = """
task: maintenance-window
title: Maintenance window
description: Waits for the window to open, then tells everybody.
steps:
  - {id: opened, wait_for: {event: window-open, key: main, timeout: 3d}}
  - {id: told, python: "'told'"}
"""
LONG = """
task: slow-transform
title: Slow transform
description: Takes its time, step by step.
params: {rounds: {type: integer, default: 400, maximum: 100000}}
steps:
  - id: rounds_done
    repeat:
      - {id: turned, python: "sum(range(300000))"}
      - {id: rested, wait: 200ms}
    until: "False"
    max: 5000
"""


def seed(served: Served) -> dict[str, str]:
    """Fill the project; ids of runs by what they show."""
    sources = {"report": REPORT, "health": HEALTH, "sync": SYNC, "window": SLOW, "slow": LONG}
    files = [{"name": f"{name}.yaml", "source": source.lstrip()} for name, source in sources.items()]
    served.ask("POST", "/projects/default/files", {"files": files, "message": "First tasks"})
    again = SYNC.lstrip().replace("one after the other", "four at a time")
    served.ask(
        "POST", "/projects/default/files", {"files": [{"name": "sync.yaml", "source": again}], "message": "Say how"}
    )
    furnish(served)
    for _ in range(6):
        served.start("health-check", wait="20s")
    runs = {
        "synced": served.start("daily-sync", {"customers": 12}, wait="30s"),
        "failed": served.start("health-check", {"broken": True}, wait="20s"),
        "waiting": served.start("maintenance-window"),
        "running": served.start("slow-transform"),
        "asking": served.start("regional-report", {"region": "emea"}),
        "cancelled": served.start("maintenance-window"),
    }
    served.until(runs["asking"], "waiting")
    served.until(runs["waiting"], "waiting")
    served.ask("POST", f"/runs/{runs['cancelled']}/cancel", {"reason": "Not this week"})
    served.ask("POST", "/projects/default/tasks/daily-sync/triggers/nightly/disable", {"note": "Until the migration"})
    return {**runs, "thread": _talk(served, runs["asking"])}


def _talk(served: Served, asking: str) -> str:
    """A conversation by commands alone, with a card of every kind; its id."""
    thread = str(served.ask("POST", "/projects/default/threads", {"title": "Orders by region"})["id"])
    for text in (
        "/tasks",
        f"/approve {asking}",
        "/pause maintenance-window Until the window is agreed",
        "/runs health-check",
        "/run regional-report limit=5",
        "/schedule daily-sync weekly mon,thu 09:00 timezone=Europe/Berlin",
        "/new ask order-check Asks before an order is taken",
        "/try question='Take the order?'",
    ):
        say(served, thread, text)
    return thread


def say(served: Served, thread: str, text: str) -> str:
    """Say something in a thread; the stream of the answer, once it has ended."""
    message = {"role": "user", "parts": [{"type": "text", "text": text}]}
    answer = served.client.post(f"/api/v1/projects/default/threads/{thread}/messages", json={"message": message})
    assert answer.is_success, answer.text
    return answer.text

"""Make a task of what a program knows, run it, and print what becomes of each step.

usage: task_in_python.py SERVER TOKEN NAME=URL ...
"""

import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

from errands.client import Client, JsonObject, RunEnded, RunSnapshot, StepChanged


def site_checks(sites: Mapping[str, str]) -> JsonObject:
    """A task that asks all sites at once, and goes on where one does not answer. The keys are those of a task file."""
    asked: JsonObject = {
        name: [{"id": f"{name}_page", "tool": "http.request", "with": {"url": url}, "on_error": "continue"}]
        for name, url in sites.items()
    }
    return {
        "task": "site-checks",
        "description": "Says which of our sites answer.",
        "grants": {"tools": ["http.request"], "hosts": sorted({urlsplit(url).netloc for url in sites.values()})},
        "steps": [
            {"id": "pages", "parallel": asked},
            {"id": "up", "python": "{name: page is not None for name, page in pages.items()}"},
        ],
        "output": "{{ up }}",
        "triggers": [{"id": "nightly", "schedule": {"daily": "03:00"}}],
    }


def main(server: str, token: str, *sites: str) -> int:
    with Client(server, token) as errands:
        errands.define(site_checks(dict(site.split("=", 1) for site in sites)), message="made by a program")
        started = errands.start("site-checks")
        for event in errands.follow(started.id):
            match event:
                case RunSnapshot(run=run):
                    for step in run.steps:  # What was done before we followed.
                        print(f"{step.path}: {step.status}")
                case StepChanged(step=step):
                    print(f"{step.path}: {step.status}")
                case RunEnded(run=run):
                    print(f"{run.id} {run.status}: {run.output}")
                    return 0 if run.status == "succeeded" else 1
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Requests that nobody thought of, from nobody, a viewer, an editor and an administrator: none breaks the server.

Usage: python -m tests.faults.strange_requests [--short] [--seed N]

Full: 10,000 requests, made up by schemathesis from the OpenAPI document, over every operation. Short: two of each
operation and role. In two of three, names in the address are of things that exist. Promises: no answer is a 5xx or in
another form than the document says; nobody gets past 401; whoever may only look changes nothing; an editor changes
nothing of people, groups, members and rights.
Ends with 0 if every promise was kept, else with 1; the last line is a summary as JSON.
"""

import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import TypeAdapter, ValidationError
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from errands.api.serving import listening, take_address
from errands.bootstrap import Runtime, make_api, open_services
from errands.core.access import ProjectRole, Scope, ServerRole
from errands.core.definition.units import Duration
from errands.services.principals import operator
from errands.services.views import RunChanged, RunSnapshot, SourceFile
from errands.settings import Settings
from errands.store.database import Database
from tests.faults.scene import run_script

OPERATOR = operator("faults")
REQUESTS = 10_000
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_DURATION = TypeAdapter(Duration)
STREAMS = {"followRun", "followProject"}
"""They answer for as long as their subject lives: their names stay made up, which ends them at once."""
SOURCE = """
task: hello
description: Asks, then greets.
params: {name: {type: string, default: world}}
steps:
  - {id: ok, approve: {question: Greet?, choices: ["yes", "no"]}}
  - {id: said, python: "'hello ' + name"}
triggers:
  - {id: daily, schedule: {daily: "09:00"}}
"""
OWN_TRACES = {
    "audit_entries",
    "audit_unsealed",
    "audit_seals",
    "alembic_version",
    "pgqueuer_log",
    "pgqueuer_statistics",
    "counted_runs",
    "project_quarters",
    "task_quarters",
}
"""What a refused request may leave: its refusal in the audit log, what the queue notes of itself, and the figures that
are kept of ended runs in the background."""
OWN = {"sign_in_attempts", "sessions", "tokens", "approval_drafts", "threads", "messages", "saved"}
"""Everybody has drafts, threads, saved views, sessions and tokens of their own."""
OF_PEOPLE = {"users", "identities", "members", "groups", "group_members", "task_access", "one_time_links"}


@dataclass
class Attacker:
    """Somebody who sends requests, and what came back."""

    name: str
    headers: Mapping[str, str]
    answers: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


@dataclass
class Attack:
    """Every operation of a server, tried by one attacker after the other."""

    app: FastAPI
    url: str
    names: Mapping[str, str]
    random: random.Random
    each: int

    def by(self, attacker: Attacker) -> None:
        """Send what is made up for every operation."""
        schema = schemathesis.openapi.from_dict(self.app.openapi())
        schema.config.update(base_url=self.url)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            name = str(operation.definition.raw["operationId"])
            made_up = given(case=operation.as_strategy())(self._sending(attacker, name))
            hypothesis.seed(self.random.randrange(2**32))(_settings(self.each)(made_up))()

    def _sending(self, attacker: Attacker, operation: str) -> Callable[[schemathesis.Case[Any]], None]:
        def attempt(case: schemathesis.Case[Any]) -> None:
            self._send(attacker, operation, case)

        return attempt

    def _send(self, attacker: Attacker, operation: str, case: schemathesis.Case[Any]) -> None:
        if operation not in STREAMS and self.random.random() < 2 / 3:
            for place in case.path_parameters or {}:
                case.path_parameters[place] = self.names.get(place, case.path_parameters[place])
        if case.query and _is_waited_for(case.query.get("wait")):
            case.query["wait"] = "50ms"
        try:
            answer = case.call(headers=dict(attacker.headers), timeout=30)
            attacker.answers[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)
        except (FailureGroup, requests.RequestException) as error:
            attacker.broken.append(f"{operation}: {str(error)[:600]}")


def _is_waited_for(wait: object) -> bool:
    """Whether a run would hold the request up for so long, which may be five minutes."""
    try:
        return _DURATION.validate_python(wait) > timedelta(0)
    except ValidationError:
        return False


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


async def act(seed: int, short: bool) -> Mapping[str, object]:
    """Attack as each, and compare what the database holds before and after."""
    with tempfile.TemporaryDirectory(prefix="errands-faults-") as folder:
        home = Path(folder)
        async with open_services(Settings.load(home=home), worker=True) as runtime:
            attackers = await _attackers(runtime)
            names = await _names(runtime)
            database = await Database.open(None, home, pool_size=2)
            try:
                return await _attacked(runtime, database, attackers, names, random.Random(seed), short)
            finally:
                await database.close()


async def _attacked(
    runtime: Runtime,
    database: Database,
    attackers: Sequence[Attacker],
    names: Mapping[str, str],
    chance: random.Random,
    short: bool,
) -> Mapping[str, object]:
    app = make_api(runtime)
    operations = sum(len(methods) for methods in app.openapi()["paths"].values())
    each = 2 if short else -(-REQUESTS // (operations * len(attackers)))
    changed: dict[str, list[str]] = {}
    async with listening(app, take_address("127.0.0.1", 0), timedelta(seconds=5)) as server:
        attack = Attack(app, server.url, names, chance, each)
        for attacker in attackers:
            before = await _digests(database)
            await asyncio.to_thread(attack.by, attacker)
            after = await _digests(database)
            changed[attacker.name] = sorted(table for table in before if before[table] != after[table])
    promises = {
        "no broken answer": not any(attacker.broken for attacker in attackers),
        "no server error": not any(status >= 500 and status != 503 for one in attackers for status in one.answers),
        "nobody changes anything": set(changed["nobody"]) <= {"sign_in_attempts"},
        "a viewer changes only what is the viewer's own": set(changed["viewer"]) <= OWN,
        "an editor changes no people": not set(changed["editor"]) & OF_PEOPLE,
    }
    for attacker in attackers:
        print(f"{attacker.name}: {dict(sorted(attacker.answers.items()))}; changed {', '.join(changed[attacker.name])}")
        print(*attacker.broken[:5], sep="\n")
    return {
        "operations": operations,
        "requests": sum(sum(attacker.answers.values()) for attacker in attackers),
        "answers": {attacker.name: dict(sorted(attacker.answers.items())) for attacker in attackers},
        "broken": [name for name, kept in promises.items() if not kept],
        "kept": all(promises.values()),
    }


async def _attackers(runtime: Runtime) -> list[Attacker]:
    made = [Attacker("nobody", {})]
    services = runtime.services
    for name, server, project in (
        ("viewer", ServerRole.MEMBER, ProjectRole.VIEWER),
        ("editor", ServerRole.MEMBER, ProjectRole.EDITOR),
        ("admin", ServerRole.ADMIN, None),
    ):
        await services.people.create(OPERATOR, name, server_role=server)
        if project is not None:
            await services.members.put(OPERATOR, "default", f"user:{name}", project)
        token = await services.tokens.make(OPERATOR, "faults", tuple(Scope), expires_in=None, person=name)
        made.append(Attacker(name, {"Authorization": f"Bearer {token.text}"}))
    return made


async def _names(runtime: Runtime) -> dict[str, str]:
    """Things that exist, by how addresses call them."""
    services = runtime.services
    await services.tasks.apply(OPERATOR, "default", [SourceFile("hello.yaml", SOURCE)])
    await services.people.create(OPERATOR, "ana")
    await services.groups.create(OPERATOR, "ops")
    run = (await services.runs.start(OPERATOR, "default", "hello", {})).id
    async with aclosing(services.runs.follow(OPERATOR, run)) as events:
        async for event in events:
            if isinstance(event, RunChanged | RunSnapshot) and _waits(event):
                break
    return {
        "project": "default",
        "task": "hello",
        "trigger": "daily",
        "run": run,
        "approval": run,
        "person": "ana",
        "group": "ops",
        "member": "user:ana",
        "number": "1",
        "older": "1",
        "newer": "1",
    }


def _waits(event: RunChanged | RunSnapshot) -> bool:
    return bool(event.waiting if isinstance(event, RunChanged) else event.run.waiting)


async def _digests(database: Database) -> dict[str, str]:
    """A digest of what each table holds. Moments that a table notes of its own use do not count."""
    tables = await database.pool.fetch("select tablename from pg_tables where schemaname = 'public' order by tablename")
    return {name: await _digest(database, name) for name in _watched(row["tablename"] for row in tables)}


def _watched(tables: Iterator[str]) -> list[str]:
    return [name for name in tables if name not in OWN_TRACES | {"workers", "pgqueuer", "rates"}]


async def _digest(database: Database, table: str) -> str:
    without = "- 'last_used_at' - 'seen_at' - 'last_seen_at' - 'notice_at' - 'asked_at' - 'reminded_at'"
    found: str = await database.pool.fetchval(
        f"select coalesce(md5(string_agg(row, ',' order by row)), '') from "
        f"(select (to_jsonb(t) {without})::text as row from {table} as t) as rows"
    )
    return found


if __name__ == "__main__":
    sys.exit(run_script(__doc__, act))

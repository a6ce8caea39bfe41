"""No service does anything for a caller without asking whether the caller may.

Walks every public method of every service of a process, as somebody who has an account and no right at all: each must
refuse, and the refusal must be in the audit log. A new method is found by itself; one that takes something new needs a
value in `GIVEN`, and one that must ask nobody needs its reason in `DOORS`.
"""

import inspect
from collections.abc import AsyncIterator, Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from errands.bootstrap import Runtime
from errands.core.access import Person, ProjectRole, Scope, ServerRole
from errands.core.outcomes import Usage
from errands.services import Services
from errands.services.chat_views import AnswerSoFar
from errands.services.errors import Denied
from errands.services.principals import operator
from errands.services.threads import ThreadEdit
from errands.services.views import SourceFile
from errands.store.database import Database
from errands.store.identifiers import new_id

ROOT = operator("root")
HELLO = "task: hello\ndescription: Says hello.\nsteps: [{id: say, finish: {output: hello}}]\n"

DOORS = {
    "sessions.find": "the cookie is the right",
    "sessions.sign_out": "the cookie is the right",
    "sessions.open": "called by the other doors, which have seen who it is",
    "tokens.find": "the token is the right",
    "sign_in.with_password": "the password is the right",
    "sign_in.first_start_link": "called when a server starts; gives nothing once there is an account",
    "sign_in.first_administrator": "the link is the right",
    "sign_in.choose_password": "the link is the right",
    "sign_on.begin": "nobody is signed in yet",
    "sign_on.finish": "the provider vouches",
    "connecting.asked": "the state, which nobody can guess, is the right",
    "connecting.finish": "the state is the right; what the person who began may do is asked again",
    "webhooks.receive": "the signature or token of the call is the right; see tests/faces/api/test_hooks.py",
    "approvals.behind_link": "called with what a link says that we have signed",
    "links.address": "called by the courier, for whoever the message goes to",
    "links.open": "the link is the right",
    "links.answer": "the link is the right",
    "links.save_draft": "the link is the right",
    "mail.receive": "the secret address is the right; see tests/faces/api/test_mailbox.py",
    "mail.knows": "asked by whatever takes mail; tells yes or no",
    "figures.ready": "asked by whatever watches the process; tells yes or no",
}
OWN = {
    "people.change_password": "only ever the caller's own; see test_people",
    "templates.list": "comes with Errands; an account is enough",
    "templates.get": "comes with Errands; an account is enough",
    "templates.attempt": "comes with Errands, with its own sample data; an account is enough",
}
FILTERED = {"projects.list", "approvals.inbox", "offering.tasks"}
"""Lists over several projects: what the caller may not see is left out of them."""

NOW = datetime.now(UTC)
GIVEN: dict[str, Any] = {
    "project": "default",
    "template": "report-generation",
    "answers": {},
    "moment": NOW,
    "task": "hello",
    "name": "ana",
    "person": "ana",
    "member": "user:ana",
    "trigger": "nightly",
    "backfill": "bf_1",
    "source": HELLO,
    "source_or_name": "hello",
    "files": [SourceFile("hello.yaml", HELLO)],
    "given": {},
    "form": {},
    "spec": {"cron": "0 8 * * *"},
    "choice": "yes",
    "value": "a value",
    "number": 1,
    "tasks": ["hello"],
    "target": Path("/nonexistent/backup.tar"),
    "older": 1,
    "newer": 1,
    "role": ProjectRole.VIEWER,
    "scopes": [Scope.READ],
    "expires_in": timedelta(days=1),
    "rules": {},
    "runners": [],
    "answerers": [],
    "periods": [],
    "start": NOW - timedelta(days=2),
    "end": NOW - timedelta(days=1),
    "at": NOW,
    "now": NOW,
    "note": None,
    "title": None,
    "email": None,
    "timezone": None,
    "change": ThreadEdit(title="mine"),
    "data": {"name": "x"},
    "parts": [{"type": "text", "text": "hello"}],
    "words": "hello",
    "clicked": {},
    "so_far": AnswerSoFar("done", [], ""),
    "spent": Usage(),
    "kind": "act",
    "digest": "0" * 32,
    "tool": "log",
    "arguments": {},
    "action": "do",
    "connection": {"kind": "http", "url": "https://crm.example/mcp"},
    "effect": "reads",
    "gate": None,
    "by": "task",
    "shelf": "runs",
}


ODD: dict[str, dict[str, Any]] = {
    "people.set_role": {"role": ServerRole.ADMIN},
    "attachments.attach": {"data": b"text"},
}
"""What some methods take under a name that others take something else by."""


def methods(services: Services) -> dict[str, Callable[..., Any]]:
    """Every public method, by `service.method`."""
    found = {}
    for field in fields(services):
        service = getattr(services, field.name)
        for name, _ in inspect.getmembers(type(service), inspect.isfunction):
            if not name.startswith("_"):
                found[f"{field.name}.{name}"] = getattr(service, name)
    return found


@pytest.fixture
async def things(runtime: Runtime, database: Database) -> dict[str, str]:
    """A task, a run with a file, a session and a token of Ana's: what a stranger would like to have."""
    services = runtime.services
    await services.tasks.apply(ROOT, "default", [SourceFile("hello.yaml", HELLO)])
    run = (await services.runs.start(ROOT, "default", "hello", {})).id
    artifact = new_id()
    await database.pool.execute(
        "insert into artifacts (id, run_id, path, name, media_type, size, sha256, location) "
        "values ($1, $2, 'say', 'a.txt', 'text/plain', 1, '', 'x')",
        artifact,
        await database.pool.fetchval("select id from runs"),
    )
    message, alarm = new_id(), new_id()
    await database.pool.execute(
        "insert into outbox (id, project_id, event, key, title, body, created_at) "
        "select $1, id, 'failed', 'k', 't', 'b', now() from projects",
        message,
    )
    await database.pool.execute(
        "insert into alarms (id, project_id, task_id, kind, message, opened_at, last_at) "
        "select $1, project_id, id, 'failed', 'm', now(), now() from tasks",
        alarm,
    )
    for name in ("ana", "eve"):
        await services.people.create(ROOT, name)
    link = await services.people.password_link(ROOT, "ana")
    ana = await services.sign_in.choose_password(link.secret, "correct horse battery staple", address="192.0.2.1")
    token = (await services.tokens.make(ana.person, "ci", [Scope.READ], expires_in=None)).token.id
    eve = (await services.people.get(ROOT, "eve")).id
    thread = (await services.threads.create(ROOT, "default")).id
    begun = await services.answers.begin(ROOT, thread, [], "hello")
    card = await services.answers.propose(ROOT, thread, begun.message, "act", {"act": "pause", "name": "hello"})
    attachment = await services.attachments.attach(ROOT, thread, "a.txt", b"text")
    return {
        "thread": thread,
        "message": begun.message,
        "card": card.id,
        "attachment": attachment.id,
        "run": run,
        "id_or_run": run,
        "artifact": f"art_{artifact.hex}",
        "notice": f"ntc_{message.hex}",
        "alarm": f"alm_{alarm.hex}",
        "session": ana.session,
        "token": token,
        "eve": eve,
    }


async def call(method: Callable[..., Any], given: dict[str, Any]) -> None:
    """Call it with whatever it takes; of what it gives in pieces, take one."""
    taken = {}
    for name, parameter in list(inspect.signature(method).parameters.items()):
        if name in given:
            taken[name] = given[name]
        elif parameter.default is parameter.empty:
            pytest.fail(f"{method.__qualname__} takes {name}: put a value for it into GIVEN")
    came = method(**taken)
    if inspect.isasyncgen(came):
        await anext(cast(AsyncIterator[object], came))
        return
    given_back = await came
    if hasattr(given_back, "__aenter__"):
        async with given_back:
            pass


async def test_every_method_refuses_a_stranger_and_keeps_the_refusal(
    runtime: Runtime, database: Database, things: dict[str, str]
) -> None:
    eve = Person(things["eve"], "eve")
    walked = methods(runtime.services)
    counted = 0
    for name, method in walked.items():
        if name in DOORS:
            continue
        parameters = list(inspect.signature(method).parameters)
        assert parameters[:1] == ["caller"], f"{name} does not take the caller first"
        if name in OWN or name in FILTERED:
            continue
        role = ODD.get(name, {})
        try:
            await call(method, GIVEN | things | role | {"caller": eve})
        except Denied:
            counted += 1
        else:
            pytest.fail(f"{name} lets anybody in")
        kept = "select count(*) from audit_entries where outcome = 'denied' and actor = 'user:eve'"
        assert await database.pool.fetchval(kept) == counted, f"{name} keeps no record of its refusal"
    assert counted > 70
    known = {*DOORS, *OWN, *FILTERED}
    gone = {name for name in known - set(walked) if not name.startswith("sign_on.")}
    assert not gone, "no such method any more"


async def test_lists_over_projects_leave_out_what_a_stranger_may_not_see(
    runtime: Runtime, things: dict[str, str]
) -> None:
    eve = Person(things["eve"], "eve")
    assert await runtime.services.projects.list(eve) == []
    assert await runtime.services.projects.list(ROOT) == ["default"]

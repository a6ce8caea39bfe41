"""Accounts of people, and what lets them in: sessions and tokens."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import Field, SecretStr

from errands.api.bodies import Body
from errands.api.callers import Asked, Caller, address_of, session_of
from errands.api.routes import Routes
from errands.core.access import Scope, ServerRole
from errands.core.definition.units import Duration
from errands.services.people_views import LinkMade, PersonView, SessionView, TokenMade, TokenView
from errands.services.views import Page

routes = Routes("people")
PersonName = Annotated[str, Path(min_length=1, max_length=100, description="Sign-in name.", examples=["ana"])]
Whose = Annotated[str | None, Query(max_length=100, description="Whose; only administrators name somebody else.")]
Text = Annotated[str, Field(max_length=200)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=256)]


class PersonBody(Body):
    """How a person is called and reached."""

    title: Text | None = None
    email: Text | None = None
    timezone: Annotated[str, Field(max_length=100)] | None = None


class NewPersonBody(Body):
    """A new account."""

    title: Text | None = None
    email: Text | None = None
    server_role: ServerRole = ServerRole.MEMBER
    password: Password | None = None
    """None: the person chooses one with a link, or signs on."""


class RoleBody(Body):
    role: ServerRole


class PasswordBody(Body):
    old: Password
    new: Password


class TokenBody(Body):
    """A token for a program."""

    name: Annotated[str, Field(min_length=1, max_length=100, examples=["nightly import"])]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20, examples=[["read", "run"]])]
    projects: Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=500)] | None = None
    """The only projects that it reaches. None: all of the person's."""
    expires_in: Duration | None = Field(default=None, examples=["90d"])
    """None: never."""
    person: Annotated[str, Field(max_length=100)] | None = None
    """Whose token it is; only administrators name somebody else."""


@routes.get("/me", gives=PersonView)
async def get_me(caller: Caller, services: Asked) -> object:
    """Your own account."""
    return await services.people.get(caller)


@routes.put("/me", gives=PersonView)
async def edit_me(caller: Caller, services: Asked, body: PersonBody) -> object:
    """Say how you are called and reached, and in which zone you live."""
    return await services.people.edit(caller, None, title=body.title, email=body.email, timezone=body.timezone)


@routes.put("/me/password")
async def change_my_password(request: Request, caller: Caller, services: Asked, body: PasswordBody) -> None:
    """Choose another password; all your sessions end, this one too."""
    old, new = body.old.get_secret_value(), body.new.get_secret_value()
    await services.people.change_password(caller, old, new, address=address_of(request))


@routes.get("/sessions", gives=list[SessionView])
async def list_sessions(request: Request, caller: Caller, services: Asked, person: Whose = None) -> object:
    """Where you are signed in."""
    return await services.sessions.list(caller, person=person, current=session_of(request))


@routes.delete("/sessions/{session}")
async def revoke_session(
    caller: Caller, services: Asked, session: Annotated[str, Path(max_length=64, examples=["ses_0192f3c4a1b2"])]
) -> None:
    """End a session."""
    await services.sessions.revoke(caller, session)


@routes.get("/tokens", gives=list[TokenView])
async def list_tokens(caller: Caller, services: Asked, person: Whose = None) -> object:
    """Your tokens, without their text."""
    return await services.tokens.list(caller, person=person)


@routes.post("/tokens", gives=TokenMade, status=HTTPStatus.CREATED)
async def make_token(caller: Caller, services: Asked, body: TokenBody) -> object:
    """Make a token. Its text is told this once. A token cannot make another: sign in for it."""
    return await services.tokens.make(
        caller, body.name, body.scopes, expires_in=body.expires_in, projects=body.projects, person=body.person
    )


@routes.delete("/tokens/{token}")
async def revoke_token(
    caller: Caller, services: Asked, token: Annotated[str, Path(max_length=64, examples=["tok_0192f3c4a1b2"])]
) -> None:
    """Let a token work no more."""
    await services.tokens.revoke(caller, token)


@routes.get("/people", gives=Page[PersonView])
async def list_people(
    caller: Caller,
    services: Asked,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> object:
    """Accounts by name."""
    return await services.people.list(caller, cursor=cursor, limit=limit)


@routes.post("/people/{person}", gives=PersonView, status=HTTPStatus.CREATED)
async def create_person(caller: Caller, services: Asked, person: PersonName, body: NewPersonBody) -> object:
    """Make an account."""
    return await services.people.create(
        caller,
        person,
        title=body.title,
        email=body.email,
        server_role=body.server_role,
        password=None if body.password is None else body.password.get_secret_value(),
    )


@routes.get("/people/{person}", gives=PersonView)
async def get_person(caller: Caller, services: Asked, person: PersonName) -> object:
    """An account."""
    return await services.people.get(caller, person)


@routes.put("/people/{person}", gives=PersonView)
async def edit_person(caller: Caller, services: Asked, person: PersonName, body: PersonBody) -> object:
    """Say how a person is called and reached."""
    return await services.people.edit(caller, person, title=body.title, email=body.email, timezone=body.timezone)


@routes.put("/people/{person}/role", gives=PersonView)
async def set_server_role(caller: Caller, services: Asked, person: PersonName, body: RoleBody) -> object:
    """Make somebody an administrator, an auditor or a member of the server."""
    return await services.people.set_role(caller, person, body.role)


@routes.post("/people/{person}/disable", gives=PersonView)
async def disable_person(caller: Caller, services: Asked, person: PersonName) -> object:
    """Let a person in no more: sessions end and tokens stop."""
    return await services.people.disable(caller, person)


@routes.post("/people/{person}/enable", gives=PersonView)
async def enable_person(caller: Caller, services: Asked, person: PersonName) -> object:
    """Let a person in again."""
    return await services.people.enable(caller, person)


@routes.post("/people/{person}/password-link", gives=LinkMade, status=HTTPStatus.CREATED)
async def make_password_link(caller: Caller, services: Asked, person: PersonName) -> object:
    """The secret of a link with which the person chooses a password; told this once."""
    return await services.people.password_link(caller, person)

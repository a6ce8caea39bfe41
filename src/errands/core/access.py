"""Who may do what. `permit` alone decides; every service asks it before anything else. What is not named is refused.

A person holds what the role on the server or in the project holds (see `rights`). A token cuts that by its scopes,
projects and expiry, a trigger starts its own task, and a task or an approval can narrow further.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeVar, assert_never

from errands.core.rights import OWN_RIGHTS, PROJECT_RIGHTS, SCOPES, SERVER_RIGHTS
from errands.core.rights import ProjectRole as ProjectRole
from errands.core.rights import Scope as Scope
from errands.core.rights import ServerRole as ServerRole
from errands.core.rights import Verb as Verb

_Role = TypeVar("_Role", ServerRole, ProjectRole)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, signed in."""

    id: str
    name: str
    """Sign-in name, unique on the server."""
    server_role: ServerRole = ServerRole.MEMBER
    projects: Mapping[str, ProjectRole] = field(default_factory=dict)
    """Role by project name; the highest of the own and those of the groups."""
    groups: frozenset[str] = frozenset()
    through: str | None = None
    """What acts in the person's name, such as `chat`; named in the audit. `None`: the person's own hand."""
    kind: Literal["person"] = "person"

    @property
    def reference(self) -> str:
        """How definitions and records name the person."""
        return f"user:{self.name}"

    def role_in(self, project: str) -> ProjectRole | None:
        """The role that counts in a project; None for a stranger."""
        return ProjectRole.OWNER if self.server_role is ServerRole.ADMIN else self.projects.get(project)


@dataclass(frozen=True, slots=True)
class Token:
    """A person's token: the person's rights, cut by scopes, projects and time."""

    id: str
    name: str
    person: Person
    scopes: frozenset[Scope]
    projects: frozenset[str] | None = None
    """The only projects that it reaches. `None`: all of the person's."""
    expires_at: datetime | None = None
    through: str | None = None
    """As with a person."""
    kind: Literal["token"] = "token"

    @property
    def reference(self) -> str:
        """The person behind it: nobody approves the own run by way of a token."""
        return self.person.reference


@dataclass(frozen=True, slots=True)
class TriggerPrincipal:
    """A trigger that fires. It starts its own task and nothing else."""

    id: str
    name: str
    project: str
    task: str
    owner: str | None = None
    """Reference of the person who set it, such as `user:ana`; named in the audit."""
    kind: Literal["trigger"] = "trigger"

    @property
    def reference(self) -> str:
        return f"trigger:{self.name}"


@dataclass(frozen=True, slots=True)
class SystemPrincipal:
    """Errands itself, or the operator at the machine, who owns the database anyway. May everything but self-approve."""

    id: str
    name: str
    acts_as: str | None = None
    """Reference of the person at the machine, such as `user:ana`. `None`: a part of Errands."""
    through: str | None = None
    """As with a person."""
    kind: Literal["system"] = "system"

    @property
    def reference(self) -> str:
        return self.acts_as or f"system:{self.name}"


Principal = Person | Token | TriggerPrincipal | SystemPrincipal


@dataclass(frozen=True, slots=True)
class ServerResource:
    """The server as a whole."""

    noun: str = "server"
    name: str = ""


@dataclass(frozen=True, slots=True)
class AccountResource:
    """An account with its sessions and tokens."""

    person: str
    """Id of the person whose it is."""
    name: str = ""
    """The person's sign-in name, for the record."""


@dataclass(frozen=True, slots=True)
class ProjectResource:
    """A project, or something in it that is not narrowed: a run, a secret, an agent, a trigger."""

    project: str
    noun: str = "project"
    name: str = ""


@dataclass(frozen=True, slots=True)
class TaskResource:
    """A task. Empty sets narrow nothing; members are references: `user:ana`, `group:ops`, `role:owner`."""

    project: str
    name: str
    runners: frozenset[str] = frozenset()
    """Who alone may run, cancel and rerun it."""
    answerers: frozenset[str] = frozenset()
    """Who alone may answer what its runs ask."""


@dataclass(frozen=True, slots=True)
class ApprovalResource:
    """A question of a run."""

    task: TaskResource
    name: str
    approvers: frozenset[str] = frozenset()
    """Whom the step asks; empty: everybody who may answer in the project. They need no other right than to view it."""
    excluded: frozenset[str] = frozenset()
    """Who may not answer, whatever else holds."""

    @property
    def project(self) -> str:
        return self.task.project


@dataclass(frozen=True, slots=True)
class ThreadResource:
    """A conversation. Nobody but its owner talks in it; others read it where it is shared."""

    project: str
    name: str
    owner: str
    """Reference of the person whose it is."""
    shared: bool = False


Resource = ServerResource | AccountResource | ProjectResource | TaskResource | ApprovalResource | ThreadResource


@dataclass(frozen=True, slots=True)
class Decision:
    """What `permit` says."""

    allowed: bool
    reason: str
    """One sentence with the verb and what is missing."""
    who_can_grant: str | None = None
    """Whom to ask, such as `an owner of project sales`. `None`: nobody can."""


def permit(principal: Principal, verb: Verb, resource: Resource, *, now: datetime | None = None) -> Decision:
    """Whether the principal may. `now` (aware) is compared with a token's expiry; without it none has expired."""
    match principal:
        case SystemPrincipal():
            held = _granted("the operator of the server may")
        case TriggerPrincipal():
            return _of_trigger(principal, verb, resource)
        case Token():
            held = _of_token(principal, verb, resource, now)
        case Person():
            held = _of_person(principal, verb, resource)
        case _:
            assert_never(principal)
    return _narrowed(principal, verb, resource) if held.allowed else held


def refers_to(principal: Principal, project: str, reference: str) -> bool:
    """Whether `user:ana`, `group:ops` or `role:owner` (or any role above it) means this principal in a project."""
    person = principal.person if isinstance(principal, Token) else principal
    if not isinstance(person, Person):
        return reference == person.reference
    sort, _, name = reference.partition(":")
    match sort:
        case "user":
            return name == person.name
        case "group":
            return name in person.groups
        case "role" if name in tuple(ServerRole):
            return _order(person.server_role) >= _order(ServerRole(name))
        case "role" if name in tuple(ProjectRole):
            role = person.role_in(project)
            return role is not None and _order(role) >= _order(ProjectRole(name))
        case _:
            return False


def references_of(person: Person, project: str) -> frozenset[str]:
    """Every reference that means this person in a project: what `refers_to` says yes to."""
    server = tuple(ServerRole)[: _order(person.server_role) + 1]
    role = person.role_in(project)
    held = () if role is None else tuple(ProjectRole)[: _order(role) + 1]
    groups = {f"group:{name}" for name in person.groups}
    return frozenset({f"user:{person.name}", *groups, *(f"role:{one}" for one in (*server, *held))})


def _of_person(person: Person, verb: Verb, resource: Resource) -> Decision:
    match resource:
        case AccountResource():
            if verb in OWN_RIGHTS and (person.id == resource.person or person.server_role is ServerRole.ADMIN):
                return _granted("the account is the person's own, or the person is an administrator")
            return _refused(verb, "the account is somebody else's", "an administrator")
        case ServerResource():
            return _by_role(verb, person.server_role, SERVER_RIGHTS, "the server", "an administrator")
        case ProjectResource() | TaskResource() | ApprovalResource() | ThreadResource():
            owner = f"an owner of project {resource.project}"
            role = person.role_in(resource.project)
            if role is None:
                return _refused(verb, f"{person.name} is no member of project {resource.project}", owner)
            if isinstance(resource, ApprovalResource) and resource.approvers and verb is Verb.APPROVAL_ANSWER:
                return _granted("the step names its approvers")
            return _by_role(verb, role, PROJECT_RIGHTS, f"project {resource.project}", owner)
        case _:
            assert_never(resource)


def _of_token(token: Token, verb: Verb, resource: Resource, now: datetime | None) -> Decision:
    owner = token.person.name
    if token.expires_at is not None and now is not None and token.expires_at <= now:
        return _refused(verb, f"the token {token.name} has expired", f"{owner} for a new one")
    if not any(verb in SCOPES[scope] for scope in token.scopes):
        wanted = next((scope for scope, verbs in SCOPES.items() if verb in verbs), None)
        if wanted is None:
            return _refused(verb, "no token can do it; sign in instead", None)
        return _refused(verb, f"the token {token.name} lacks the scope {wanted}", f"{owner} for a token with it")
    outside = not isinstance(resource, ServerResource | AccountResource) and (
        token.projects is not None and resource.project not in token.projects
    )
    if outside or (isinstance(resource, ServerResource) and token.projects is not None):
        return _refused(verb, f"the token {token.name} reaches only {_listed(token.projects)}", f"{owner} for another")
    return _of_person(token.person, verb, resource)


def _of_trigger(trigger: TriggerPrincipal, verb: Verb, resource: Resource) -> Decision:
    own = isinstance(resource, TaskResource) and (resource.project, resource.name) == (trigger.project, trigger.task)
    if verb is Verb.TASK_RUN and own:
        return _granted("a trigger may start its own task")
    return _refused(verb, f"the trigger {trigger.name} may only start task {trigger.task}", None)


def _narrowed(principal: Principal, verb: Verb, resource: Resource) -> Decision:
    """What a task or an approval takes back from those who hold the right."""
    if isinstance(resource, ThreadResource):
        return _of_thread(principal, verb, resource)
    task = resource.task if isinstance(resource, ApprovalResource) else resource
    if not isinstance(task, TaskResource):
        return _granted("the role holds it")
    owner = f"an owner of project {task.project}"
    if verb in (Verb.TASK_RUN, Verb.RUN_CANCEL, Verb.RUN_RERUN) and not _among(principal, task, task.runners):
        return _refused(verb, f"task {task.name} lets only {_listed(task.runners)} run it", owner)
    if verb is Verb.APPROVAL_ANSWER and not _among(principal, task, task.answerers):
        return _refused(verb, f"task {task.name} lets only {_listed(task.answerers)} answer", owner)
    if verb is Verb.APPROVAL_ANSWER and isinstance(resource, ApprovalResource):
        if any(refers_to(principal, task.project, one) for one in resource.excluded):
            return _refused(verb, f"task {task.name} excludes {principal.reference} from answering", "somebody else")
        if not _among(principal, task, resource.approvers):
            return _refused(verb, f"the step asks only {_listed(resource.approvers)}", owner)
    return _granted("the role holds it")


def _of_thread(principal: Principal, verb: Verb, thread: ThreadResource) -> Decision:
    own = isinstance(principal, SystemPrincipal) or refers_to(principal, thread.project, thread.owner)
    if own or (thread.shared and verb is Verb.CHAT_READ):
        return _granted("the thread is the person's own, or shared")
    why = "the thread is shared for reading only" if thread.shared else "the thread is somebody else's"
    return _refused(verb, why, thread.owner.removeprefix("user:"))


def _among(principal: Principal, task: TaskResource, references: frozenset[str]) -> bool:
    if not references or isinstance(principal, SystemPrincipal):
        return True
    return any(refers_to(principal, task.project, reference) for reference in references)


def _by_role(verb: Verb, role: _Role, rights: Mapping[_Role, frozenset[Verb]], where: str, grantor: str) -> Decision:
    lowest = next((one for one, verbs in rights.items() if verb in verbs), None)
    if lowest is None:
        return _refused(verb, f"it is no act on {where}", None)
    if _order(role) < _order(lowest):
        return _refused(verb, f"the role {role} on {where} is not enough; it takes {lowest}", grantor)
    return _granted(f"{role} on {where}")


def _order(role: ServerRole | ProjectRole) -> int:
    return tuple(type(role)).index(role)


def _granted(reason: str) -> Decision:
    return Decision(True, reason)


def _refused(verb: Verb, reason: str, who_can_grant: str | None) -> Decision:
    return Decision(False, f"{verb} was refused: {reason}.", who_can_grant)


def _listed(references: frozenset[str] | None) -> str:
    return ", ".join(sorted(references or ())) or "nobody"

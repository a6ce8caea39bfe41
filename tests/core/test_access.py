"""Who may do what: the tables, and rules that hold for every verb, role, scope and resource."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.access import (
    AccountResource,
    ApprovalResource,
    Person,
    Principal,
    ProjectResource,
    ProjectRole,
    Resource,
    Scope,
    ServerResource,
    ServerRole,
    SystemPrincipal,
    TaskResource,
    Token,
    TriggerPrincipal,
    Verb,
    permit,
)
from errands.core.rights import OWN_RIGHTS, PROJECT_RIGHTS, SCOPES, SERVER_RIGHTS

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TASK = TaskResource("sales", "report")
SALES = ProjectResource("sales")
SERVER = ServerResource()


def person(role: ProjectRole | None = None, server: ServerRole = ServerRole.MEMBER, *groups: str) -> Person:
    """Ana, with this role in the project `sales`."""
    return Person("usr_1", "ana", server, {} if role is None else {"sales": role}, frozenset(groups))


def may(principal: Principal, verb: Verb, resource: Resource) -> bool:
    return permit(principal, verb, resource, now=NOW).allowed


def test_every_verb_stands_in_exactly_one_place() -> None:
    listed = [*OWN_RIGHTS, *(v for vs in SERVER_RIGHTS.values() for v in vs)]
    listed += [v for vs in PROJECT_RIGHTS.values() for v in vs]
    assert sorted(listed) == sorted(Verb)


def test_every_verb_but_those_of_accounts_is_in_exactly_one_scope() -> None:
    scoped = [verb for verbs in SCOPES.values() for verb in verbs]
    assert len(scoped) == len(set(scoped))
    assert set(Verb) - set(scoped) == {Verb.SIGN_IN, Verb.ACCOUNT_EDIT, Verb.SESSION_MANAGE, Verb.TOKEN_MANAGE}


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        (None, [], [Verb.PROJECT_READ, Verb.RUN_READ, Verb.TASK_RUN]),
        (ProjectRole.VIEWER, [Verb.RUN_READ, Verb.TASK_READ, Verb.RUN_EXPORT], [Verb.TASK_RUN, Verb.SECRET_READ]),
        (ProjectRole.OPERATOR, [Verb.TASK_RUN, Verb.APPROVAL_ANSWER, Verb.RUN_CANCEL], [Verb.TASK_EDIT]),
        (ProjectRole.EDITOR, [Verb.TASK_PUBLISH, Verb.SECRET_READ], [Verb.SECRET_WRITE, Verb.MEMBER_MANAGE]),
        (ProjectRole.OWNER, [Verb.SECRET_WRITE, Verb.MEMBER_MANAGE], [Verb.USER_MANAGE, Verb.AUDIT_READ]),
    ],
)
def test_a_role_in_a_project_holds_these(role: ProjectRole | None, allowed: list[Verb], refused: list[Verb]) -> None:
    assert [verb for verb in allowed if not may(person(role), verb, SALES)] == []
    assert [verb for verb in refused if may(person(role), verb, SALES) or may(person(role), verb, SERVER)] == []


def test_an_auditor_reads_the_audit_log_and_no_project() -> None:
    auditor = person(None, ServerRole.AUDITOR)
    assert may(auditor, Verb.AUDIT_READ, SERVER)
    assert not may(auditor, Verb.RUN_READ, SALES)
    assert not may(auditor, Verb.USER_MANAGE, SERVER)


def test_an_administrator_owns_every_project() -> None:
    assert all(may(person(None, ServerRole.ADMIN), verb, SALES) for verbs in PROJECT_RIGHTS.values() for verb in verbs)


def test_a_refusal_says_what_is_missing_and_who_can_give_it() -> None:
    decision = permit(person(ProjectRole.VIEWER), Verb.TASK_RUN, TASK)
    assert decision.reason == "task.run was refused: the role viewer on project sales is not enough; it takes operator."
    assert decision.who_can_grant == "an owner of project sales"


def test_an_account_is_for_its_person_and_for_administrators() -> None:
    own, other = AccountResource("usr_1"), AccountResource("usr_2")
    assert may(person(), Verb.TOKEN_MANAGE, own)
    assert not may(person(ProjectRole.OWNER), Verb.TOKEN_MANAGE, other)
    assert may(person(None, ServerRole.ADMIN), Verb.TOKEN_MANAGE, other)


def token(*scopes: Scope, of: Person, projects: frozenset[str] | None = None, expires: datetime | None = None) -> Token:
    return Token("tok_1", "ci", of, frozenset(scopes), projects, expires)


def test_a_token_is_cut_by_scope_project_and_time() -> None:
    owner = person(ProjectRole.OWNER)
    assert may(token(Scope.RUN, of=owner), Verb.TASK_RUN, TASK)
    assert not may(token(Scope.READ, of=owner), Verb.TASK_RUN, TASK)
    assert not may(token(Scope.RUN, of=owner, projects=frozenset({"ops"})), Verb.TASK_RUN, TASK)
    assert not may(token(Scope.RUN, of=owner, expires=NOW), Verb.TASK_RUN, TASK)
    assert may(token(Scope.RUN, of=owner, expires=NOW + timedelta(seconds=1)), Verb.TASK_RUN, TASK)


def test_a_token_of_one_project_reaches_nothing_of_the_server() -> None:
    admin = person(None, ServerRole.ADMIN)
    assert may(token(Scope.ADMIN, of=admin), Verb.USER_MANAGE, SERVER)
    assert not may(token(Scope.ADMIN, of=admin, projects=frozenset({"sales"})), Verb.USER_MANAGE, SERVER)


def test_no_token_makes_tokens_or_changes_a_password() -> None:
    every = token(*Scope, of=person(None, ServerRole.ADMIN))
    for verb in (Verb.TOKEN_MANAGE, Verb.ACCOUNT_EDIT, Verb.SESSION_MANAGE):
        assert not may(every, verb, AccountResource("usr_1"))


def test_a_trigger_starts_its_own_task_and_nothing_else() -> None:
    trigger = TriggerPrincipal("trg_1", "monday", "sales", "report", "user:ana")
    assert may(trigger, Verb.TASK_RUN, TASK)
    assert may(trigger, Verb.TASK_RUN, replace(TASK, runners=frozenset({"user:ben"})))
    assert not may(trigger, Verb.TASK_RUN, TaskResource("sales", "other"))
    assert not may(trigger, Verb.TASK_RUN, TaskResource("ops", "report"))
    assert not any(may(trigger, verb, TASK) for verb in Verb if verb is not Verb.TASK_RUN)


def test_a_task_narrows_who_may_run_it_even_for_administrators() -> None:
    narrowed = replace(TASK, runners=frozenset({"group:finance", "user:ben"}))
    assert not may(person(ProjectRole.OWNER), Verb.TASK_RUN, narrowed)
    assert not may(person(None, ServerRole.ADMIN), Verb.TASK_RUN, narrowed)
    assert may(person(ProjectRole.OPERATOR, ServerRole.MEMBER, "finance"), Verb.TASK_RUN, narrowed)
    assert not may(person(ProjectRole.VIEWER, ServerRole.MEMBER, "finance"), Verb.TASK_RUN, narrowed)
    assert may(person(ProjectRole.OWNER), Verb.TASK_READ, narrowed)


def test_an_approval_asks_its_approvers_alone() -> None:
    asked = ApprovalResource(TASK, "apr_1", approvers=frozenset({"role:owner", "group:leads"}))
    assert may(person(ProjectRole.OWNER), Verb.APPROVAL_ANSWER, asked)
    assert not may(person(ProjectRole.OPERATOR), Verb.APPROVAL_ANSWER, asked)
    assert may(person(ProjectRole.VIEWER, ServerRole.MEMBER, "leads"), Verb.APPROVAL_ANSWER, asked)
    assert not may(person(None, ServerRole.MEMBER, "leads"), Verb.APPROVAL_ANSWER, asked)


def test_nobody_approves_the_own_run_by_token_or_as_operator_of_the_machine() -> None:
    own = ApprovalResource(TASK, "apr_1", excluded=frozenset({"user:ana"}))
    owner = person(ProjectRole.OWNER)
    assert not may(owner, Verb.APPROVAL_ANSWER, own)
    assert not may(token(Scope.ANSWER, of=owner), Verb.APPROVAL_ANSWER, own)
    assert not may(SystemPrincipal("operator", "operator", "user:ana"), Verb.APPROVAL_ANSWER, own)
    assert may(SystemPrincipal("operator", "operator", "user:ben"), Verb.APPROVAL_ANSWER, own)


names = st.sampled_from(["sales", "ops"])
references = st.frozensets(st.sampled_from(["user:ana", "user:ben", "group:leads", "role:owner", "role:viewer"]))
tasks = st.builds(TaskResource, names, st.just("report"), references, references)
resources: st.SearchStrategy[Resource] = st.one_of(
    st.just(SERVER),
    st.builds(AccountResource, st.sampled_from(["usr_1", "usr_2"])),
    st.builds(ProjectResource, names),
    tasks,
    st.builds(ApprovalResource, tasks, st.just("apr_1"), references, st.just(frozenset({"user:ben"}))),
)
people = st.builds(
    Person,
    st.just("usr_1"),
    st.sampled_from(["ana", "ben"]),
    st.sampled_from(ServerRole),
    st.dictionaries(names, st.sampled_from(ProjectRole)),
    st.frozensets(st.sampled_from(["leads", "ops"])),
)
scopes = st.frozensets(st.sampled_from(Scope))
verbs = st.sampled_from(Verb)


@given(people, verbs, resources, scopes, st.none() | st.frozensets(names))
def test_a_token_never_may_what_its_person_may_not(
    who: Person, verb: Verb, resource: Resource, held: frozenset[Scope], projects: frozenset[str] | None
) -> None:
    assert may(who, verb, resource) or not may(Token("t", "t", who, held, projects), verb, resource)


@given(people, verbs, resources, scopes, scopes)
def test_more_scopes_take_no_right_away(
    who: Person, verb: Verb, resource: Resource, held: frozenset[Scope], more: frozenset[Scope]
) -> None:
    assert may(Token("t", "t", who, held | more), verb, resource) or not may(Token("t", "t", who, held), verb, resource)


@given(people, verbs, resources, st.sampled_from(ProjectRole), names)
def test_a_higher_role_in_a_project_takes_no_right_away(
    who: Person, verb: Verb, resource: Resource, role: ProjectRole, project: str
) -> None:
    ranks = list(ProjectRole)
    current = who.projects.get(project)
    if current is not None and ranks.index(current) > ranks.index(role):
        role = current
    higher = replace(who, projects={**who.projects, project: role})
    assert may(higher, verb, resource) or not may(who, verb, resource)


@given(people, verbs, resources)
def test_a_higher_role_on_the_server_takes_no_right_away(who: Person, verb: Verb, resource: Resource) -> None:
    ranks = list(ServerRole)
    for role in ranks[ranks.index(who.server_role) :]:
        assert may(replace(who, server_role=role), verb, resource) or not may(who, verb, resource)


@given(people, verbs, tasks, references)
def test_narrowing_never_gives_a_right(who: Person, verb: Verb, task: TaskResource, runners: frozenset[str]) -> None:
    narrowed = replace(task, runners=runners)
    assert may(who, verb, replace(task, runners=frozenset())) or not may(who, verb, narrowed)


@given(verbs, resources, st.frozensets(st.sampled_from(["leads", "ops"])))
def test_a_stranger_may_nothing_but_with_the_own_account(
    verb: Verb, resource: Resource, groups: frozenset[str]
) -> None:
    stranger = Person("usr_1", "ana", groups=groups)
    if may(stranger, verb, resource):
        assert verb in OWN_RIGHTS
        assert resource == AccountResource("usr_1")


@given(st.one_of(people), verbs, resources)
def test_every_refusal_has_a_reason(who: Person, verb: Verb, resource: Resource) -> None:
    decision = permit(who, verb, resource)
    assert decision.allowed or verb.value in decision.reason

"""Who may read and talk in a thread."""

import pytest

from errands.core.access import Person, ProjectRole, Scope, SystemPrincipal, ThreadResource, Token, Verb, permit

PRIVATE = ThreadResource("sales", "thr_1", "user:ana")
SHARED = ThreadResource("sales", "thr_1", "user:ana", shared=True)
ANA = Person("usr_1", "ana", projects={"sales": ProjectRole.VIEWER})
BOB = Person("usr_2", "bob", projects={"sales": ProjectRole.OWNER})
EVE = Person("usr_3", "eve", projects={"other": ProjectRole.OWNER})
OPERATOR = SystemPrincipal("operator", "operator")


@pytest.mark.parametrize(
    ("caller", "verb", "thread", "allowed"),
    [
        (ANA, Verb.CHAT_USE, PRIVATE, True),
        (ANA, Verb.CHAT_READ, PRIVATE, True),
        (BOB, Verb.CHAT_READ, PRIVATE, False),
        (BOB, Verb.CHAT_USE, PRIVATE, False),
        (BOB, Verb.CHAT_READ, SHARED, True),
        (BOB, Verb.CHAT_USE, SHARED, False),
        (EVE, Verb.CHAT_READ, SHARED, False),
        (OPERATOR, Verb.CHAT_USE, PRIVATE, True),
        (Token("tok_1", "t", ANA, frozenset({Scope.READ})), Verb.CHAT_USE, PRIVATE, True),
        (Token("tok_1", "t", ANA, frozenset({Scope.RUN})), Verb.CHAT_USE, PRIVATE, False),
    ],
)
def test_a_thread_is_its_owners_and_others_read_it_where_it_is_shared(
    caller: Person | Token | SystemPrincipal, verb: Verb, thread: ThreadResource, allowed: bool
) -> None:
    assert permit(caller, verb, thread).allowed is allowed


def test_a_refusal_names_whose_the_thread_is() -> None:
    decision = permit(BOB, Verb.CHAT_USE, SHARED)
    assert "shared for reading only" in decision.reason
    assert decision.who_can_grant == "ana"

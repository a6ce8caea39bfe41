"""Accounts, the first start, passwords and their limits, sessions."""

import asyncio

import pytest

from errands.core.access import Scope, ServerRole
from errands.services.attempts import MOST_BY_ADDRESS, MOST_BY_PAIR, place
from errands.services.errors import Conflict, Denied, Invalid, TooMany, Unauthenticated
from errands.services.housekeeping import Housekeeping
from errands.services.sessions import set_cookie
from tests.services.people_bench import GOOD, HOME, Bench


async def test_the_first_link_makes_the_administrator_once(bench: Bench) -> None:
    link = await bench.sign_in.first_start_link()
    assert link is not None
    assert link.secret not in repr(link)
    came = await bench.sign_in.first_administrator(link.secret, "Ana", GOOD, address=HOME)
    assert (came.person.name, came.person.server_role) == ("ana", ServerRole.ADMIN)
    assert (await bench.sessions.find(came.cookie)).person == came.person
    with pytest.raises(Unauthenticated, match="link does not work"):
        await bench.sign_in.first_administrator(link.secret, "eve", GOOD, address=HOME)
    assert await bench.sign_in.first_start_link() is None


async def test_of_two_who_use_the_first_link_at_once_one_becomes_administrator(bench: Bench) -> None:
    link = await bench.sign_in.first_start_link()
    assert link is not None
    came = await asyncio.gather(
        *(bench.sign_in.first_administrator(link.secret, name, GOOD, address=HOME) for name in ("ana", "eve")),
        return_exceptions=True,
    )
    assert sorted(isinstance(one, Exception) for one in came) == [False, True]


async def test_each_server_that_starts_first_has_a_link_that_works_until_one_was_used(bench: Bench) -> None:
    links = [link.secret for _ in range(3) if (link := await bench.sign_in.first_start_link())]
    await bench.sign_in.first_administrator(links[1], "ana", GOOD, address=HOME)
    for spent in links:
        with pytest.raises(Unauthenticated, match="link does not work"):
            await bench.sign_in.first_administrator(spent, "eve", GOOD, address=HOME)


async def test_a_first_link_expires(bench: Bench) -> None:
    link = await bench.sign_in.first_start_link()
    assert link is not None
    bench.clock.on(hours=25)
    with pytest.raises(Unauthenticated):
        await bench.sign_in.first_administrator(link.secret, "ana", GOOD, address=HOME)


async def test_the_database_holds_no_password_link_cookie_or_token(bench: Bench) -> None:
    ana = await bench.person("ana")
    link = await bench.people.password_link(bench.root, "ana")
    came = await bench.sign_in.with_password("ana", GOOD, address=HOME)
    made = await bench.tokens.make(ana, "ci", [Scope.READ], expires_in=None)
    for table in ("users", "one_time_links", "sessions", "tokens", "sign_in_attempts", "audit_entries"):
        for row in await bench.database.pool.fetch(f"select {table}::text as text from {table}"):
            assert not [secret for secret in (GOOD, link.secret, came.cookie, made.text) if secret in row["text"]]


async def test_a_wrong_name_and_a_wrong_password_are_refused_alike(bench: Bench) -> None:
    await bench.person("ana")
    await bench.people.create(bench.root, "ben")
    said = set()
    for name, password in (("ana", "wrong"), ("nobody", GOOD), ("ben", GOOD), ("ana\0", GOOD)):
        with pytest.raises(Unauthenticated) as refused:
            await bench.sign_in.with_password(name, password, address=f"192.0.2.{len(name)}")
        said.add(refused.value.message)
    assert len(said) == 1


async def test_a_name_that_is_nobodys_is_kept_nowhere(bench: Bench) -> None:
    with pytest.raises(Unauthenticated):
        await bench.sign_in.with_password("my-real-password", "x", address=HOME)
    rows = await bench.database.pool.fetch("select audit_entries::text as text from audit_entries")
    rows += await bench.database.pool.fetch("select sign_in_attempts::text as text from sign_in_attempts")
    assert len(rows) == 2
    assert not [row for row in rows if "my-real-password" in row["text"]]


async def test_attempts_are_limited_by_account_and_address_even_at_once(bench: Bench) -> None:
    await bench.person("ana")
    tries = [bench.sign_in.with_password("ana", "wrong", address=HOME) for _ in range(3 * MOST_BY_PAIR)]
    came = await asyncio.gather(*tries, return_exceptions=True)
    looked_at = sum(isinstance(one, Unauthenticated) for one in came)
    assert looked_at <= MOST_BY_PAIR
    for _ in range(MOST_BY_PAIR - looked_at):
        with pytest.raises(Unauthenticated):
            await bench.sign_in.with_password("ana", "wrong", address=HOME)
    with pytest.raises(TooMany) as refused:
        await bench.sign_in.with_password("ana", GOOD, address=HOME)
    assert refused.value.retry_after_seconds == 900
    assert (await bench.sign_in.with_password("ana", GOOD, address="198.51.100.1")).person.name == "ana"
    bench.clock.on(minutes=16)
    assert (await bench.sign_in.with_password("ana", GOOD, address=HOME)).person.name == "ana"


async def test_one_address_does_not_try_many_accounts(bench: Bench) -> None:
    for number in range(MOST_BY_ADDRESS):
        with pytest.raises(Unauthenticated):
            await bench.sign_in.with_password(f"user{number}", "wrong", address="2001:db8::1")
    with pytest.raises(TooMany):
        await bench.sign_in.with_password("another", "wrong", address="2001:db8::2")


def test_one_customer_is_one_place() -> None:
    assert place("2001:db8:1:2:3::4") == place("2001:db8:1:2:ffff::1") != place("2001:db8:1:3::1")
    assert place("::ffff:192.0.2.7") == place("192.0.2.7") == "192.0.2.7"
    assert place("unknown\0") == "unknown"


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "ana-annaana-annaana-anna", "x" * 300])
async def test_a_password_that_is_easily_guessed_is_refused(bench: Bench, password: str) -> None:
    with pytest.raises(Invalid, match="password"):
        await bench.people.create(bench.root, "ana-anna", password=password)


async def test_a_password_works_however_a_keyboard_composes_it(bench: Bench) -> None:
    await bench.people.create(bench.root, "ana", password="gr\N{LATIN SMALL LETTER U WITH DIAERESIS}ner Tannenbaum")
    decomposed = "gru\N{COMBINING DIAERESIS}ner Tannenbaum"
    assert (await bench.sign_in.with_password("ana", decomposed, address=HOME)).person.name == "ana"


async def test_a_disabled_account_is_out_at_once(bench: Bench) -> None:
    ana = await bench.person("ana")
    came = await bench.sign_in.with_password("ana", GOOD, address=HOME)
    made = await bench.tokens.make(ana, "ci", [Scope.READ], expires_in=None)
    await bench.people.disable(bench.root, "ana")
    for door in (
        bench.sessions.find(came.cookie),
        bench.tokens.find(made.text),
        bench.sign_in.with_password("ana", GOOD, address=HOME),
    ):
        with pytest.raises(Unauthenticated):
            await door
    await bench.people.enable(bench.root, "ana")
    with pytest.raises(Unauthenticated, match="revoked"):
        await bench.tokens.find(made.text)
    await bench.sign_in.with_password("ana", GOOD, address=HOME)


async def test_the_last_administrator_stays(bench: Bench) -> None:
    ana = await bench.person("ana", ServerRole.ADMIN)
    with pytest.raises(Conflict, match="only administrator"):
        await bench.people.disable(ana, "ana")
    with pytest.raises(Conflict, match="only administrator"):
        await bench.people.set_role(ana, "ana", ServerRole.MEMBER)
    await bench.person("ben", ServerRole.ADMIN)
    assert (await bench.people.set_role(ana, "ana", ServerRole.MEMBER)).server_role is ServerRole.MEMBER


async def test_of_two_administrators_who_disable_each_other_one_stays(bench: Bench) -> None:
    ana, ben = [await bench.person(name, ServerRole.ADMIN) for name in ("ana", "ben")]
    came = await asyncio.gather(
        bench.people.disable(ana, "ben"), bench.people.disable(ben, "ana"), return_exceptions=True
    )
    assert sorted(isinstance(one, Conflict) for one in came) == [False, True]


async def test_a_changed_password_ends_the_other_sessions(bench: Bench) -> None:
    ana = await bench.person("ana")
    here, there = [await bench.sign_in.with_password("ana", GOOD, address=HOME) for _ in range(2)]
    with pytest.raises(Unauthenticated, match="old password"):
        await bench.people.change_password(ana, "wrong", "another good password", session=here.session)
    await bench.people.change_password(ana, GOOD, "another good password", session=here.session)
    assert (await bench.sessions.find(here.cookie)).session == here.session
    with pytest.raises(Unauthenticated):
        await bench.sessions.find(there.cookie)
    await bench.sign_in.with_password("ana", "another good password", address=HOME)


async def test_a_link_sets_a_password_once(bench: Bench) -> None:
    await bench.people.create(bench.root, "ana")
    link = await bench.people.password_link(bench.root, "ana")
    with pytest.raises(Invalid):
        await bench.sign_in.choose_password(link.secret, "short", address=HOME)
    assert (await bench.sign_in.choose_password(link.secret, GOOD, address=HOME)).person.name == "ana"
    with pytest.raises(Unauthenticated):
        await bench.sign_in.choose_password(link.secret, GOOD, address=HOME)


async def test_people_change_themselves_and_not_each_other(bench: Bench) -> None:
    ana, _ = await bench.person("ana"), await bench.person("ben")
    view = await bench.people.edit(ana, None, title="Ana", email="ana@example.com", timezone="Europe/Berlin")
    assert (view.title, view.timezone) == ("Ana", "Europe/Berlin")
    assert (await bench.people.get(ana)).email == "ana@example.com"
    with pytest.raises(Denied):
        await bench.people.edit(ana, "ben", title="x", email=None, timezone=None)
    with pytest.raises(Denied):
        await bench.people.get(ana, "ben")
    with pytest.raises(Invalid, match="no time zone"):
        await bench.people.edit(ana, None, title=None, email=None, timezone="Mars/Base")


async def test_people_are_listed_by_name_page_by_page(bench: Bench) -> None:
    for name in ("cleo", "ana", "ben"):
        await bench.people.create(bench.root, name)
    page = await bench.people.list(bench.root, limit=2)
    assert [view.name for view in page.items] == ["ana", "ben"]
    assert [view.name for view in (await bench.people.list(bench.root, cursor=page.next_cursor)).items] == ["cleo"]
    with pytest.raises(Conflict):
        await bench.people.create(bench.root, "ana")


async def test_a_cookie_is_replaced_and_the_one_before_works_for_a_moment(bench: Bench) -> None:
    await bench.person("ana")
    came = await bench.sign_in.with_password("ana", GOOD, address=HOME)
    assert (await bench.sessions.find(came.cookie)).new_cookie is None
    bench.clock.on(minutes=16)
    found = await asyncio.gather(*(bench.sessions.find(came.cookie) for _ in range(5)))
    (renewed,) = {one.new_cookie for one in found} - {None}
    assert renewed is not None
    assert (await bench.sessions.find(renewed)).session == came.session
    assert (await bench.sessions.find(came.cookie)).new_cookie is None
    bench.clock.on(seconds=61)
    with pytest.raises(Unauthenticated):
        await bench.sessions.find(came.cookie)
    assert (await bench.sessions.find(renewed)).person.name == "ana"


async def test_a_session_ends_when_it_is_not_used_and_in_any_case(bench: Bench) -> None:
    await bench.person("ana")
    idle = await bench.sign_in.with_password("ana", GOOD, address=HOME)
    bench.clock.on(days=7, seconds=1)
    with pytest.raises(Unauthenticated):
        await bench.sessions.find(idle.cookie)
    busy = await bench.sign_in.with_password("ana", GOOD, address=HOME)
    cookie = busy.cookie
    for _ in range(5):
        bench.clock.on(days=6)
        if bench.clock.now < busy.expires_at:
            cookie = (await bench.sessions.find(cookie)).new_cookie or cookie
    with pytest.raises(Unauthenticated):
        await bench.sessions.find(cookie)


async def test_sessions_are_listed_ended_and_pruned(bench: Bench) -> None:
    ana, ben = await bench.person("ana"), await bench.person("ben")
    came = [await bench.sign_in.with_password("ana", GOOD, address=HOME, agent="Firefox\0") for _ in range(3)]
    assert [view.agent for view in await bench.sessions.list(ana)] == ["Firefox"] * 3
    told = await bench.sessions.list(ana, current=came[1].session)
    assert [view.id for view in told if view.current] == [came[1].session]
    with pytest.raises(Denied):
        await bench.sessions.revoke(ben, came[0].session)
    await bench.sessions.revoke(ana, came[0].session)
    await bench.sessions.sign_out(came[1].cookie)
    await bench.sessions.sign_out("no cookie of ours")
    assert [view.id for view in await bench.sessions.list(ana)] == [came[2].session]
    bench.clock.on(days=31)
    await Housekeeping(bench.database, bench.clock).prune()
    assert await bench.database.pool.fetchval("select count(*) from sessions") == 0
    assert await bench.database.pool.fetchval("select count(*) from sign_in_attempts") == 0


def test_the_cookie_is_for_this_host_and_no_script(bench: Bench) -> None:
    now = bench.clock.now
    assert set_cookie("v", now, now, secure=True).startswith("__Host-errands=v; Path=/; HttpOnly; SameSite=Lax; ")
    assert set_cookie("v", now, now, secure=True).endswith("; Secure")
    assert set_cookie(None, now, now, secure=False) == "errands=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"

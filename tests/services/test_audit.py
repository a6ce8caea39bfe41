"""The audit log: append-only, chained, exported with a signature that anybody can check."""

import asyncio
import base64
import hashlib

import asyncpg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from errands.core.access import ProjectResource, ServerRole, Verb
from errands.core.values import from_text
from errands.services.audit import Filter, seal_all
from errands.services.audit_file import verify_export
from errands.services.errors import Denied, Invalid
from errands.services.housekeeping import Housekeeping
from tests.services.people_bench import Bench


async def write(bench: Bench, count: int) -> None:
    async with bench.database.engine.begin() as connection:
        for number in range(count):
            resource = ProjectResource("sales", "secret", f"S{number}")
            await bench.authority.record(connection, bench.root, Verb.SECRET_WRITE, resource, {"number": number})


async def tamper(bench: Bench, statement: str) -> None:
    """What somebody with the rights of the database's owner can do."""
    async with bench.database.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(statement)


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals"])
@pytest.mark.parametrize("statement", ["update {} set seq = seq", "delete from {}", "truncate {}"])
async def test_the_database_refuses_to_rewrite_the_log(bench: Bench, table: str, statement: str) -> None:
    await write(bench, 1)
    await seal_all(bench.database)
    with pytest.raises(asyncpg.PostgresError, match=r"append-only|GENERATED ALWAYS"):
        await bench.database.pool.execute(statement.format(table))


async def test_an_untouched_log_is_intact(bench: Bench) -> None:
    await write(bench, 1_200)
    verdict = await bench.audit.verify(bench.root)
    assert (verdict.intact, verdict.entries) == (True, 1_200)
    later = await bench.audit.verify(bench.root, expected_head=verdict.head)
    assert (later.intact, later.entries) == (True, 1_201)


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("update audit_entries set detail = replace(detail::text, '3', '4')::json where seq = 4", 4),
        ("update audit_entries set actor = 'user:rooT' where seq = 5", 5),
        ("update audit_entries set at = at + interval '1 microsecond' where seq = 2", 2),
        ("delete from audit_entries where seq = 3", 3),
        ("delete from audit_seals where seq = 3", 4),
        ("update audit_seals set hash = set_byte(hash, 31, 255 - get_byte(hash, 31)) where seq = 6", 6),
        ("delete from audit_seals where position = 9", 9),
    ],
)
async def test_one_changed_byte_is_found_where_it_is(bench: Bench, statement: str, wrong: int) -> None:
    await write(bench, 9)
    assert (await bench.audit.verify(bench.root)).first_wrong is None
    await bench.database.pool.execute("select 1")
    await tamper(bench, "delete from audit_unsealed")
    await tamper(bench, statement)
    verdict = await bench.audit.verify(bench.root)
    assert (verdict.intact, verdict.first_wrong) == (False, wrong)


async def test_a_log_made_anew_or_cut_is_found_by_the_head_kept_elsewhere(bench: Bench) -> None:
    await write(bench, 3)
    head = (await bench.audit.verify(bench.root)).head
    await tamper(bench, "delete from audit_seals")
    await tamper(bench, "update audit_entries set actor = 'user:eve' where seq = 2")
    await tamper(bench, "insert into audit_unsealed select seq from audit_entries on conflict do nothing")
    assert (await bench.audit.verify(bench.root)).intact is True
    verdict = await bench.audit.verify(bench.root, expected_head=head)
    assert (verdict.intact, verdict.reason) == (False, "the log was made anew: place 3 has another hash")
    with pytest.raises(Invalid, match="no head"):
        await bench.audit.verify(bench.root, expected_head="x")


async def test_an_entry_that_commits_late_gets_a_later_place(bench: Bench) -> None:
    async with bench.database.engine.begin() as late:
        await bench.authority.record(late, bench.root, Verb.SECRET_WRITE, ProjectResource("sales", "secret", "late"))
        await write(bench, 3)
        await seal_all(bench.database)
    assert (await bench.audit.verify(bench.root)).intact is True
    seqs = [row["seq"] for row in await bench.database.pool.fetch("select seq from audit_seals order by position")]
    assert seqs == [2, 3, 4, 1]


async def test_sealers_at_the_same_time_make_one_chain(bench: Bench) -> None:
    await write(bench, 700)
    await asyncio.gather(*(seal_all(bench.database) for _ in range(4)))
    assert (await bench.audit.verify(bench.root)).entries == 700


async def test_what_is_rolled_back_leaves_no_entry(bench: Bench) -> None:
    async with bench.database.engine.connect() as connection, connection.begin() as transaction:
        await bench.authority.record(connection, bench.root, Verb.SECRET_WRITE, ProjectResource("sales"))
        await transaction.rollback()
    assert (await bench.audit.list(bench.root)).items == ()


async def test_a_denial_is_kept_whatever_strangers_name(bench: Bench) -> None:
    eve = await bench.person("eve")
    for name in ("sales", "x" * 10_000, "nul\0", "\ud800"):
        with pytest.raises(Denied, match="no member"):
            await bench.authority.authorise(eve, Verb.RUN_READ, ProjectResource(name))
    page = await bench.audit.list(bench.root, Filter(actor="user:eve", outcome="denied"))
    assert [len(entry.name) for entry in page.items] == [1, 4, 300, 5]


async def test_entries_are_filtered_and_paged(bench: Bench) -> None:
    await write(bench, 5)
    await bench.person("ana")
    page = await bench.audit.list(bench.root, Filter(verb="secret.write"), limit=3)
    assert [entry.name for entry in page.items] == ["S4", "S3", "S2"]
    rest = await bench.audit.list(bench.root, Filter(verb="secret.write"), cursor=page.next_cursor)
    assert ([entry.name for entry in rest.items], rest.next_cursor) == (["S1", "S0"], None)
    assert [entry.name for entry in (await bench.audit.list(bench.root, Filter(noun="person"))).items] == ["ana"]
    assert (await bench.audit.list(bench.root, Filter(project="ops"))).items == ()
    for wrong in ({"limit": 0}, {"cursor": "x"}, {"cursor": "9" * 30}):
        with pytest.raises(Invalid):
            await bench.audit.list(bench.root, **wrong)


async def test_an_export_is_signed_as_a_whole(bench: Bench) -> None:
    await write(bench, 1_100)
    lines = [line async for line in bench.audit.export(bench.root, Filter(project="sales"))]
    heading, last = from_text(lines[0]), from_text(lines[-1])
    assert isinstance(heading, dict)
    assert isinstance(last, dict)
    assert len(lines) == 1_102
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(str(heading["key"])))
    signature = base64.b64decode(str(last["signature"]))
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines[:-1]).encode()).digest()
    key.verify(signature, digest)
    forged = hashlib.sha256("".join(f"{line}\n" for line in [*lines[:5], *lines[6:-1]]).encode()).digest()
    with pytest.raises(InvalidSignature):
        key.verify(signature, forged)
    assert (await bench.audit.verify(bench.root, expected_head=str(heading["head"]))).intact is True


async def test_only_auditors_and_administrators_read_it(bench: Bench) -> None:
    await bench.audit.list(await bench.person("ina", ServerRole.AUDITOR))
    with pytest.raises(Denied):
        await bench.audit.list(await bench.person("ana"))


async def test_housekeeping_seals_what_is_left_when_it_stops(bench: Bench) -> None:
    stop = asyncio.Event()
    await write(bench, 3)
    keeping = asyncio.create_task(Housekeeping(bench.database).run(stop))
    stop.set()
    await keeping
    assert await bench.database.pool.fetchval("select count(*) from audit_seals") == 3


async def exported(bench: Bench) -> list[str]:
    return [line async for line in bench.audit.export(bench.root)]


async def test_an_export_is_checked_without_a_server(bench: Bench) -> None:
    await write(bench, 5)
    lines = await exported(bench)
    verdict = verify_export(lines)
    assert (verdict.intact, verdict.entries, verdict.head.partition(":")[0]) == (True, 6, "6")
    assert verify_export([f"{line}\r\n" for line in lines], key=verdict.key).intact
    other = verify_export(lines, key=base64.b64encode(b"k" * 32).decode())
    assert (other.intact, other.reason) == (False, "it was signed with another key")


@pytest.mark.parametrize("place", range(7))
async def test_an_export_with_a_changed_or_missing_line_does_not_pass(bench: Bench, place: int) -> None:
    await write(bench, 5)
    lines = await exported(bench)
    assert not verify_export([*lines[:place], lines[place].replace("0", "1", 1) + " ", *lines[place + 1 :]]).intact
    if place:
        assert not verify_export([*lines[:place], *lines[place + 1 :]]).intact
        assert not verify_export([*lines[:place], lines[place], *lines[place:]]).intact
    assert not verify_export(lines[:-1]).intact


@pytest.mark.parametrize("lines", [[], [""], ["no json"], ['{"a": 1}', '{"signature": "x"}']])
def test_what_is_no_export_is_refused(lines: list[str]) -> None:
    with pytest.raises(Invalid, match="no exported audit log"):
        verify_export(lines)

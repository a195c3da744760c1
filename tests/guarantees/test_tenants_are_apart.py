"""G12: whoever acts for one tenant reads and writes no row of another, in any table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from crm_core import SYSTEM, Crm
from crm_core.audit.log import AuditLog
from crm_core.audit.store import AuditStore
from crm_core.customers import RegisterPerson
from crm_core.kernel.ids import tenant_id_of
from crm_core.ledger.postgres.connections import Connection, open_pool
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner
from projecting import somebody, tell

ROOT_KEY = bytes(range(32))  # that of the fixtures

_TABLES = """
select c.relnamespace::regnamespace::text, c.relname,
       c.relrowsecurity and not pg_has_role('crm_tenant', c.relowner, 'member'),
       array(select a.attname from pg_attribute as a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              order by a.attnum)
  from pg_class as c
 where c.relkind = 'r' and c.relnamespace::regnamespace::text not like 'pg%%'
   and exists (select from pg_attribute as a
                where a.attrelid = c.oid and a.attname = 'tenant_id')
 order by 1, 2
"""


@dataclass(frozen=True)
class Kept:
    """A table that keeps rows of tenants, and its columns."""

    schema: str
    name: str
    is_walled: bool
    columns: Sequence[str]

    @property
    def place(self) -> sql.Composed:
        return sql.SQL("{}.{}").format(sql.Identifier(self.schema), sql.Identifier(self.name))


@pytest.fixture
async def two_tenants(crm: Crm, database_url: str) -> AsyncIterator[Connection]:
    """A connection of the owner, over a database in which two tenants did the same."""
    pool = await open_pool(database_url, "crm_app", size=2)
    audit = AuditLog(crm.store.ledger, AuditStore(pool), None)
    projector = await open_pool(database_url, "crm_projector", size=2)
    runner = ProjectionRunner(crm.store, projector, PROJECTIONS)
    await runner.prepare()
    for tenant in ("main", "other"):
        of = Crm(crm.store.ledger, crm.store.keyring, tenant=tenant)
        for name in ("ada", "bob"):
            await tell(of, *somebody(name))
        await runner.catch_up(of.tenant_id)
        await audit.integrate(of.tenant_id)
    await pool.close()
    await projector.close()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as owner:
        await _fill_what_is_empty(owner)
        yield owner


async def _tables(owner: Connection) -> list[Kept]:
    found = await owner.execute(_TABLES)
    return [Kept(*row) for row in await found.fetchall()]


async def _fill_what_is_empty(owner: Connection) -> None:
    """A row of each tenant where the story left none: of each column some value that fits it."""
    for table in await _tables(owner):
        found = await owner.execute(sql.SQL("select count(*) from {}").format(table.place))
        row = await found.fetchone()
        assert row is not None
        if row[0]:
            continue
        for tenant in ("main", "other"):
            await _add_row(owner, table, str(tenant_id_of(tenant)))


_SOME = {
    "uuid": "'{tenant}'::uuid", "text": "'main'", "bigint": "1", "integer": "1", "smallint": "1",
    "boolean": "true", "bytea": r"'\x{long}'", "jsonb": "'[]'", "numeric": "1", "date": "now()",
    "timestamp with time zone": "now()", "ARRAY": "'{{}}'",
}  # fmt: skip


async def _add_row(owner: Connection, table: Kept, tenant: str) -> None:
    found = await owner.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = %s and table_name = %s order by ordinal_position",
        [table.schema, table.name],
    )
    typed = dict(await found.fetchall())
    values = ", ".join(_SOME[typed[name]].format(tenant=tenant, long="00" * 32) for name in typed)
    await owner.execute(sql.SQL("insert into {} values ({})").format(table.place, sql.SQL(values)))


async def test_every_table_of_tenants_is_walled_off(two_tenants: Connection) -> None:
    tables = await _tables(two_tenants)
    assert len(tables) > 25
    assert [table.name for table in tables if not table.is_walled] == []


async def test_every_operation_on_every_table_meets_no_row_of_another_tenant(
    two_tenants: Connection, database_url: str
) -> None:
    """Privileges aside: the wall alone must hold, for operations of later days as well."""
    main, other = tenant_id_of("main"), tenant_id_of("other")
    schemas = ", ".join(sorted({table.schema for table in await _tables(two_tenants)}))
    await two_tenants.execute(
        f"grant select, insert, update, delete on all tables in schema {schemas} to crm_tenant"
    )
    await two_tenants.execute("set session_replication_role = replica")  # the wall, no triggers
    await two_tenants.execute("select set_config('crm.tenant', %s, false)", [str(main)])
    for table in await _tables(two_tenants):
        await two_tenants.execute("set role crm_tenant")
        for statement in (
            "select 1 from {} where tenant_id = %(other)s",
            "select 1 from {} where tenant_id <> %(main)s",
            "update {} set tenant_id = tenant_id where tenant_id = %(other)s",
            "update {} set tenant_id = tenant_id where tenant_id <> %(main)s",
            "delete from {} where tenant_id = %(other)s",
            "delete from {} where tenant_id <> %(main)s",
        ):
            found = await two_tenants.execute(
                sql.SQL(statement).format(table.place), {"main": main, "other": other}
            )
            assert found.rowcount == 0, (table.name, statement)
        for moved in (
            "insert into {0} select {1} from {0}",
            "update {0} set tenant_id = %(other)s",
        ):
            others = [
                sql.SQL("%(other)s::uuid") if name == "tenant_id" else sql.Identifier(name)
                for name in table.columns
            ]
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                await two_tenants.execute(
                    sql.SQL(moved).format(table.place, sql.SQL(", ").join(others)),
                    {"other": other},
                )
        await two_tenants.execute("reset role")
        left = await two_tenants.execute(
            sql.SQL("select count(*) from {} where tenant_id = %s").format(table.place), [other]
        )
        row = await left.fetchone()
        assert row is not None
        assert row[0] > 0, f"{table.name} had no row of the other tenant: nothing was tried"


async def test_who_does_not_say_for_whom_he_acts_sees_nothing(two_tenants: Connection) -> None:
    await two_tenants.execute("set role crm_tenant")
    for said in ("", None):
        if said is not None:
            await two_tenants.execute("select set_config('crm.tenant', %s, false)", [said])
        found = await two_tenants.execute("select count(*) from ledger.event")
        assert await found.fetchone() == (0,)


async def test_a_table_without_its_wall_is_found_out(two_tenants: Connection) -> None:
    await two_tenants.execute("drop policy own_tenant on ledger.event")
    await two_tenants.execute("set role crm_tenant")
    await two_tenants.execute("select set_config('crm.tenant', %s, false)",
                              [str(tenant_id_of("main"))])  # fmt: skip
    found = await two_tenants.execute(
        "select 1 from ledger.event where tenant_id = %s", [tenant_id_of("other")]
    )
    assert found.rowcount > 0


async def test_a_crm_whose_queries_forgot_the_tenant_is_still_apart(
    two_tenants: Connection, database_url: str
) -> None:
    async with await Crm.open(database_url, root_key=ROOT_KEY) as walled:
        forged = Crm(walled.store.ledger, walled.store.keyring, tenant="other")
        assert await forged.position() == 0
        assert [page async for page in forged.events()] == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await forged.execute(RegisterPerson(name="Eve", email="eve@example.com"), SYSTEM)
        receipt = await walled.execute(RegisterPerson(name="Ada", email="a@example.com"), SYSTEM)
        assert receipt.position == await walled.position()


async def test_a_crm_cannot_make_itself_one_of_another_tenant(database_url: str) -> None:
    """`of_tenant` is for programs that work for every tenant; the wall stands for all others."""
    async with (
        await Crm.open(database_url, root_key=ROOT_KEY, tenant="theirs") as theirs,
        await Crm.open(database_url, root_key=ROOT_KEY, tenant="ours") as ours,
    ):
        await theirs.execute(RegisterPerson(name="Ada"), SYSTEM)
        posing = ours.of_tenant(theirs.tenant_id)
        assert [event async for page in posing.events() for event in page] == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await posing.execute(RegisterPerson(name="Eve"), SYSTEM)
        assert await theirs.position() == 1

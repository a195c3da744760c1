"""The schema is shaped for databases that spread tenants over machines: every key begins with the
tenant, and nothing rests on what one machine alone can say.

What the database has is read from its catalogue, after migrations and with every read model's
tables; what the modules say is read from their texts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import crm_api
import crm_core
import crm_projections
from crm_core import Crm
from crm_core.ledger.postgres.connections import open_pool
from crm_projections.registry import PROJECTIONS
from crm_projections.runner import ProjectionRunner

OURS = ("ledger", "vault", "read_model", "audit", "public")
# Of the database and not of a tenant: which migrations and which generations of tables there are,
# and who works on them.
OF_THE_DATABASE = {"crm_migration", "generation", "rebuild", "worker"}

_KEYS = """
select t.relname, i.relname, a.attname
  from pg_index as x
  join pg_class as t on t.oid = x.indrelid join pg_class as i on i.oid = x.indexrelid
  join pg_namespace as n on n.oid = t.relnamespace
  left join pg_attribute as a on a.attrelid = t.oid and a.attnum = x.indkey[0]
 where n.nspname = any(%s) and x.indisunique
"""
_FOREIGN_KEYS = """
select c.conrelid::regclass::text, c.conname, a.attname
  from pg_constraint as c join pg_namespace as n on n.oid = c.connamespace
  join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
 where n.nspname = any(%s) and c.contype = 'f'
"""
_SEQUENCES = """
select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
 where n.nspname = any(%s) and c.relkind = 'S'
"""
_WORDS = re.compile(
    r"\b(ctid|xmin|xmax|txid_\w+|pg_current_xact\w*|pg_snapshot\w*|pg_current_wal\w*|pg_lsn"
    r"|pg_notify|listen|notify|nextval|currval|smallserial|bigserial|serial|generated"
    r"|pg_(try_)?advisory\w*)\b",
    re.IGNORECASE,
)
_IS_SQL = re.compile(
    r"\b(select\b.+\bfrom|select\s+\w+\.?\w*\(|insert\s+into|update\s+\S+\s+(as\s+\w+\s+)?set"
    r"|delete\s+from|create\s+(table|index|function|view|schema)|alter\s+table|(un)?listen\s+\w"
    r"|notify\s+\w)",
    re.IGNORECASE | re.DOTALL,
)


async def faults_of_schema(url: str) -> list[str]:
    """What stands in the way, one sentence each."""
    faults = []
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for query in (_KEYS, _FOREIGN_KEYS):
            for table, key, column in await (
                await connection.execute(query, [list(OURS)])
            ).fetchall():
                if column != "tenant_id" and table not in OF_THE_DATABASE:
                    faults.append(f"{key} of {table} begins with {column}")
        for (name,) in await (await connection.execute(_SEQUENCES, [list(OURS)])).fetchall():
            faults.append(f"{name} is a sequence")
    return faults


def faults_of_text(source: str) -> list[str]:
    """Words in the SQL of a module that only one machine understands."""
    return [
        f"{word.group()} in: {' '.join(text.split())[:60]}"
        for text in _sql_in(source)
        for word in _WORDS.finditer(re.sub(r"--.*", "", text))
    ]


def _sql_in(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    prose = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and node not in prose and _IS_SQL.search(node.value):
            yield node.value


def _folders() -> list[Path]:
    return [Path(package.__file__ or "").parent for package in (crm_core, crm_projections, crm_api)]


async def test_every_key_begins_with_the_tenant(database_url: str) -> None:
    async with await Crm.open(database_url, root_key=bytes(32)) as crm:
        pool = await open_pool(database_url, "crm_projector")
        await ProjectionRunner(crm.store, pool, PROJECTIONS).prepare()
        await pool.close()
    assert await faults_of_schema(database_url) == []


@pytest.mark.parametrize("path", sorted(p for f in _folders() for p in f.rglob("*.sql")), ids=str)
def test_no_migration_speaks_of_one_machine(path: Path) -> None:
    assert _WORDS.findall(re.sub(r"--.*", "", path.read_text())) == []


def test_no_statement_of_a_module_speaks_of_one_machine() -> None:
    texts = {path: path.read_text() for folder in _folders() for path in folder.rglob("*.py")}
    assert sum(1 for text in texts.values() for _ in _sql_in(text)) > 50, "the search finds SQL"
    assert [f"{p.name}: {f}" for p, text in texts.items() for f in faults_of_text(text)] == []


# --- planted offenders


@pytest.mark.parametrize(
    "statement",
    [
        "create table ledger.bad (id uuid primary key)",
        "create table ledger.bad (tenant_id uuid, id uuid, unique (id, tenant_id))",
        "create unique index on ledger.event ((data is null))",
        "create table ledger.bad (tenant_id uuid, n bigserial)",
        "create table ledger.bad (tenant_id uuid, n bigint generated always as identity)",
        "alter table ledger.event add foreign key (stream_id) references ledger.head (tenant_id)",
    ],
)
async def test_an_offender_in_the_schema_is_found(database_url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as owner:
        await owner.execute(statement)
    assert await faults_of_schema(database_url) != []


@pytest.mark.parametrize(
    "statement",
    [
        "select ctid from ledger.event",
        "select pg_advisory_xact_lock(1)",
        "LISTEN ledger",
        "select pg_notify('ledger', '1')",
        "insert into ledger.event (position) values (nextval('s'))",
        "select pg_current_wal_lsn() from ledger.head",
    ],
)
def test_an_offender_in_a_module_is_found(statement: str) -> None:
    assert faults_of_text(f"QUERY = {statement!r}") != []
    assert faults_of_text(f"def f():\n    {statement!r}") == []

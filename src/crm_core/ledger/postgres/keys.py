"""The vault: wrapped keys in PostgreSQL, in a schema of their own beside the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from crm_core.kernel.together import Together
from crm_core.ledger.postgres.connections import Connection, Pool
from crm_core.privacy.key_store import (
    StaleTenantKey,
    SubjectKey,
    TenantKey,
    WrappedKeys,
    rotation_unfinished,
)

__all__ = ["PostgresKeyStore"]

_TENANT = "wrapped, version, former, blind"

# Whether the tenant's key wraps them still. A rotation that ends meanwhile waits for this, and then
# finds what is stored here. The first writer wins, and a destroyed key keeps its row: nothing is
# overwritten.
_KEEP_SUBJECT_KEYS = """
with known as materialized (
    select from vault.tenant_key where tenant_id = %(tenant)s
       and (version = %(version)s or (version = %(version)s + 1 and former is not null))
       for key share
), kept as (
    insert into vault.subject_key (tenant_id, subject_id, wrapped, version)
    select %(tenant)s, new.*, %(version)s
      from known, unnest(%(subjects)s::uuid[], %(keys)s::bytea[]) as new
        on conflict (tenant_id, subject_id) do nothing
 returning subject_id
)
select exists (select from known), array(select subject_id from kept)
"""


class PostgresKeyStore:
    """What concurrent callers want of subjects' keys is one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reading = Together(self._read)
        self._keeping = Together(self._keep)

    async def keep_tenant_key(self, tenant_id: UUID, wrapped: bytes) -> TenantKey:
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into vault.tenant_key (tenant_id, wrapped) values (%s, %s)"
                " on conflict (tenant_id) do nothing",
                [tenant_id, wrapped],
            )
            found = await _tenant_key(connection, tenant_id)
            assert found is not None, "a tenant key is never deleted"
            return found

    async def keep_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes], version: int
    ) -> dict[UUID, SubjectKey]:
        kept = await self._keeping.ask((tenant_id, version, wrapped))
        if kept is None:
            raise StaleTenantKey
        theirs = wrapped.keys() - kept.keys()  # of others who were faster, or destroyed
        return kept | (await self.subject_keys(tenant_id, theirs) if theirs else {})

    async def _keep(
        self, asked: Sequence[tuple[UUID, int, Mapping[UUID, bytes]]]
    ) -> list[dict[UUID, SubjectKey] | None]:
        """By caller, the keys that were stored now; None where the tenant's has moved on."""
        fresh: defaultdict[tuple[UUID, int], dict[UUID, bytes]] = defaultdict(dict)
        for tenant_id, version, wrapped in asked:  # of two for one subject, the first is stored
            fresh[tenant_id, version] = {**wrapped, **fresh[tenant_id, version]}
        stored: dict[tuple[UUID, int], dict[UUID, SubjectKey] | None] = {}
        async with self._pool.connection() as connection:
            for (tenant_id, version), keys in fresh.items():
                made = await connection.execute(
                    _KEEP_SUBJECT_KEYS,
                    {
                        "tenant": tenant_id,
                        "version": version,
                        "subjects": list(keys.keys()),
                        "keys": list(keys.values()),
                    },
                )
                row = await made.fetchone()
                assert row is not None, "it answers one row"
                is_known, kept = row
                stored[tenant_id, version] = (
                    {subject: SubjectKey(keys[subject], version) for subject in kept}
                    if is_known
                    else None
                )
        return [
            None if found is None else {s: found[s] for s in wrapped if s in found}
            for tenant_id, version, wrapped in asked
            for found in [stored[tenant_id, version]]
        ]

    async def subject_keys(
        self, tenant_id: UUID, subjects: Collection[UUID]
    ) -> dict[UUID, SubjectKey]:
        found = await self._reading.ask((tenant_id, subjects))
        return {subject: found[subject] for subject in subjects if subject in found}

    async def _read(
        self, asked: Sequence[tuple[UUID, Collection[UUID]]]
    ) -> list[dict[UUID, SubjectKey]]:
        """By caller, the keys of all subjects that are asked for in the tenant."""
        wanted: defaultdict[UUID, set[UUID]] = defaultdict(set)
        for tenant_id, subjects in asked:
            wanted[tenant_id].update(subjects)
        found = {}
        async with self._pool.connection() as connection:
            for tenant_id, of_tenant in wanted.items():
                rows = await connection.execute(
                    "select subject_id, wrapped, version from vault.subject_key"
                    " where tenant_id = %s and subject_id = any(%s) and wrapped is not null",
                    [tenant_id, list(of_tenant)],
                    binary=True,
                )
                found[tenant_id] = _subject_keys(await rows.fetchall())
        return [found[tenant_id] for tenant_id, _ in asked]

    async def destroy_subject_key(self, tenant_id: UUID, subject_id: UUID) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(
                "insert into vault.subject_key (tenant_id, subject_id, destroyed_at)"
                " values (%s, %s, now()) on conflict (tenant_id, subject_id)"
                " do update set wrapped = null, destroyed_at = now()"
                " where subject_key.wrapped is not null",
                [tenant_id, subject_id],
            )
            await connection.execute(
                "update vault.tenant_key set epoch = epoch + 1 where tenant_id = %s", [tenant_id]
            )

    async def epoch(self, tenant_id: UUID) -> int:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select epoch from vault.tenant_key where tenant_id = %s", [tenant_id]
            )
            row = await found.fetchone()
            return 0 if row is None else int(row[0])

    async def all_keys(self, tenant_id: UUID) -> WrappedKeys:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("set transaction isolation level repeatable read, read only")
            tenant = await _tenant_key(connection, tenant_id)
            if tenant is not None and tenant.former is not None:
                raise rotation_unfinished()
            subjects = await connection.execute(
                "select subject_id, wrapped from vault.subject_key where tenant_id = %s",
                [tenant_id],
            )
            return WrappedKeys(
                tenant,
                {
                    subject: None if key is None else bytes(key)
                    for subject, key in await subjects.fetchall()
                },
            )

    async def take_keys(self, tenant_id: UUID, keys: WrappedKeys) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            if keys.tenant is not None:
                await connection.execute(
                    f"insert into vault.tenant_key (tenant_id, {_TENANT})"
                    " values (%s, %s, %s, %s, %s) on conflict (tenant_id) do nothing",
                    [tenant_id, *_values(keys.tenant)],
                )
            await connection.execute(
                "insert into vault.subject_key"
                " (tenant_id, subject_id, wrapped, version, destroyed_at)"
                " select %s, subject_id, wrapped, %s, case when wrapped is null then now() end"
                " from unnest(%s::uuid[], %s::bytea[]) as given (subject_id, wrapped)"
                " on conflict (tenant_id, subject_id) do nothing",
                [
                    tenant_id,
                    keys.tenant.version if keys.tenant else 1,
                    list(keys.subjects.keys()),
                    list(keys.subjects.values()),
                ],
            )

    # --- wrapping anew ------------------------------------------------------------------------

    async def tenants(self) -> dict[UUID, TenantKey]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                f"select tenant_id, {_TENANT} from vault.tenant_key", binary=True
            )
            return {tenant_id: _key(row) for tenant_id, *row in await found.fetchall()}

    async def replace_tenant_key(self, tenant_id: UUID, old: TenantKey, new: TenantKey) -> bool:
        async with self._pool.connection() as connection, connection.transaction():
            await _lock(connection, tenant_id)
            replaced = await connection.execute(
                f"update vault.tenant_key set ({_TENANT}) = (%s, %s, %s, %s)"
                f" where tenant_id = %s and ({_TENANT}) is not distinct from (%s, %s, %s, %s)",
                [*_values(new), tenant_id, *_values(old)],
            )
            return replaced.rowcount == 1

    async def subject_keys_below(
        self, tenant_id: UUID, version: int, limit: int
    ) -> dict[UUID, SubjectKey]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select subject_id, wrapped, version from vault.subject_key"
                " where tenant_id = %s and version < %s and wrapped is not null limit %s",
                [tenant_id, version, limit],
                binary=True,
            )
            return _subject_keys(await found.fetchall())

    async def rewrap_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes], version: int
    ) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(
                "update vault.subject_key as k set wrapped = new.wrapped, version = %s"
                "  from unnest(%s::uuid[], %s::bytea[]) as new (subject_id, wrapped)"
                " where k.tenant_id = %s and k.subject_id = new.subject_id"
                "   and k.wrapped is not null and k.version < %s",
                [version, list(wrapped.keys()), list(wrapped.values()), tenant_id, version],
            )

    async def forget_former_key(self, tenant_id: UUID) -> bool:
        async with self._pool.connection() as connection, connection.transaction():
            await _lock(connection, tenant_id)  # a statement of its own: the next sees all before
            forgotten = await connection.execute(
                "update vault.tenant_key as t set former = null where tenant_id = %s"
                " and not exists (select from vault.subject_key as k"
                "  where k.tenant_id = t.tenant_id and k.wrapped is not null"
                "    and k.version < t.version)",
                [tenant_id],
            )
            return forgotten.rowcount == 1


async def _lock(connection: Connection, tenant_id: UUID) -> None:
    """Who stores keys of new subjects waits, and was waited for."""
    await connection.execute(
        "select from vault.tenant_key where tenant_id = %s for update", [tenant_id]
    )


async def _tenant_key(connection: Connection, tenant_id: UUID) -> TenantKey | None:
    found = await connection.execute(
        f"select {_TENANT} from vault.tenant_key where tenant_id = %s", [tenant_id], binary=True
    )
    row = await found.fetchone()
    return None if row is None else _key(row)


def _key(row: Any) -> TenantKey:
    wrapped, version, former, blind = row
    return TenantKey(bytes(wrapped), version, _bytes(former), _bytes(blind))


def _values(key: TenantKey) -> list[Any]:
    return [key.wrapped, key.version, key.former, key.blind]


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _subject_keys(rows: Any) -> dict[UUID, SubjectKey]:
    return {subject: SubjectKey(bytes(key), version) for subject, key, version in rows}

"""The vault: wrapped keys in PostgreSQL, in a schema of their own beside the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy.keys import WrappedKeys

__all__ = ["PostgresKeyStore"]


class PostgresKeyStore:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep_tenant_key(self, tenant_id: UUID, wrapped: bytes) -> bytes:
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into vault.tenant_key (tenant_id, wrapped) values (%s, %s)"
                " on conflict (tenant_id) do nothing",
                [tenant_id, wrapped],
            )
            found = await connection.execute(
                "select wrapped from vault.tenant_key where tenant_id = %s",
                [tenant_id],
                binary=True,
            )
            row = await found.fetchone()
            assert row is not None, "a tenant key is never deleted"
            return bytes(row[0])

    async def keep_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes]
    ) -> dict[UUID, bytes]:
        async with self._pool.connection() as connection:
            # The first writer wins, and a destroyed key keeps its row: nothing is overwritten.
            await connection.execute(
                "insert into vault.subject_key (tenant_id, subject_id, wrapped)"
                " select %s, * from unnest(%s::uuid[], %s::bytea[])"
                " on conflict (tenant_id, subject_id) do nothing",
                [tenant_id, list(wrapped.keys()), list(wrapped.values())],
            )
        return await self.subject_keys(tenant_id, wrapped.keys())

    async def subject_keys(self, tenant_id: UUID, subjects: Collection[UUID]) -> dict[UUID, bytes]:
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select subject_id, wrapped from vault.subject_key"
                " where tenant_id = %s and subject_id = any(%s) and wrapped is not null",
                [tenant_id, list(subjects)],
                binary=True,
            )
            return {subject: bytes(key) for subject, key in await found.fetchall()}

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
        async with self._pool.connection() as connection:
            tenant = await connection.execute(
                "select wrapped from vault.tenant_key where tenant_id = %s", [tenant_id]
            )
            row = await tenant.fetchone()
            subjects = await connection.execute(
                "select subject_id, wrapped from vault.subject_key where tenant_id = %s",
                [tenant_id],
            )
            return WrappedKeys(
                bytes(row[0]) if row else None,
                {
                    subject: None if key is None else bytes(key)
                    for subject, key in await subjects.fetchall()
                },
            )

    async def take_keys(self, tenant_id: UUID, keys: WrappedKeys) -> None:
        if keys.tenant is not None:
            await self.keep_tenant_key(tenant_id, keys.tenant)
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into vault.subject_key (tenant_id, subject_id, wrapped, destroyed_at)"
                " select %s, subject_id, wrapped, case when wrapped is null then now() end"
                " from unnest(%s::uuid[], %s::bytea[]) as given (subject_id, wrapped)"
                " on conflict (tenant_id, subject_id) do nothing",
                [tenant_id, list(keys.subjects.keys()), list(keys.subjects.values())],
            )

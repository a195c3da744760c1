"""The port of the store that keeps wrapped keys, and one that ends with the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol
from uuid import UUID

from crm_core.kernel.errors import SetupError

__all__ = [
    "InMemoryKeyStore",
    "KeyStore",
    "StaleTenantKey",
    "SubjectKey",
    "TenantKey",
    "WrappedKeys",
    "rotation_unfinished",
]


@dataclass(frozen=True, slots=True)
class TenantKey:
    """A tenant's key, wrapped by the root key.

    `former` is the one before, while subjects' keys are wrapped by it still; `blind` the secret of
    blind indexes once it is not that of the key itself: it stays when the key is replaced.
    """

    wrapped: bytes
    version: int = 1
    former: bytes | None = None
    blind: bytes | None = None


class SubjectKey(NamedTuple):
    """A subject's key, wrapped by this version of its tenant's key."""

    wrapped: bytes
    version: int


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """A tenant's key and those of its subjects; None stands for a destroyed one."""

    tenant: TenantKey | None
    subjects: Mapping[UUID, bytes | None]


class StaleTenantKey(Exception):
    """The tenant has a newer key, and the one that was used here is gone."""


class KeyStore(Protocol):
    """Keeps wrapped keys, apart from the events. What a subject's key is never changes."""

    async def keep_tenant_key(self, tenant_id: UUID, wrapped: bytes) -> TenantKey:
        """Stores the key unless the tenant has one; the stored one, first writer wins."""

    async def keep_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes], version: int
    ) -> dict[UUID, SubjectKey]:
        """Stores those that are new and not destroyed; what is stored then, by subject.

        Raises StaleTenantKey where this version of the tenant's key opens nothing any more.
        """

    async def subject_keys(
        self, tenant_id: UUID, subjects: Collection[UUID]
    ) -> dict[UUID, SubjectKey]:
        """The wrapped keys there are; destroyed and unknown subjects are absent."""

    async def destroy_subject_key(self, tenant_id: UUID, subject_id: UUID) -> None:
        """Deletes the key and remembers that this subject may never have one again."""

    async def epoch(self, tenant_id: UUID) -> int:
        """Rises whenever a key of the tenant is destroyed; 0 where none ever was."""

    async def all_keys(self, tenant_id: UUID) -> WrappedKeys:
        """Everything that is kept for a tenant, still wrapped; for a copy under the same root.

        Raises SetupError `keys.rotation_unfinished`.
        """

    async def take_keys(self, tenant_id: UUID, keys: WrappedKeys) -> None:
        """Stores what `all_keys` of another store gave, where there is nothing yet."""

    # --- wrapping anew ------------------------------------------------------------------------

    async def tenants(self) -> dict[UUID, TenantKey]:
        """Every tenant's key."""

    async def replace_tenant_key(self, tenant_id: UUID, old: TenantKey, new: TenantKey) -> bool:
        """Puts one in the place of the other, if that is what is stored."""

    async def subject_keys_below(
        self, tenant_id: UUID, version: int, limit: int
    ) -> dict[UUID, SubjectKey]:
        """Some of those that an older version of the tenant's key wraps."""

    async def rewrap_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes], version: int
    ) -> None:
        """Puts newly wrapped ones in the place of those of older versions; destroyed stay so."""

    async def forget_former_key(self, tenant_id: UUID) -> bool:
        """Ends a rotation, unless a key is wrapped by the former one still."""


def rotation_unfinished() -> SetupError:
    return SetupError("keys.rotation_unfinished", "finish it with `crm keys rotate --tenant`")


class InMemoryKeyStore:
    """Keys that end with the process; the store of `Crm.in_memory()`."""

    def __init__(self) -> None:
        self._tenants: dict[UUID, TenantKey] = {}
        self._subjects: dict[tuple[UUID, UUID], SubjectKey] = {}
        self._destroyed: set[tuple[UUID, UUID]] = set()
        self._epochs: Counter[UUID] = Counter()

    async def keep_tenant_key(self, tenant_id: UUID, wrapped: bytes) -> TenantKey:
        return self._tenants.setdefault(tenant_id, TenantKey(wrapped))

    async def keep_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes], version: int
    ) -> dict[UUID, SubjectKey]:
        held = self._tenants[tenant_id]
        if version != held.version and (held.former is None or version != held.version - 1):
            raise StaleTenantKey
        for subject, key in wrapped.items():
            if (tenant_id, subject) not in self._destroyed:
                self._subjects.setdefault((tenant_id, subject), SubjectKey(key, version))
        return await self.subject_keys(tenant_id, wrapped.keys())

    async def subject_keys(
        self, tenant_id: UUID, subjects: Collection[UUID]
    ) -> dict[UUID, SubjectKey]:
        return {
            subject: self._subjects[tenant_id, subject]
            for subject in subjects
            if (tenant_id, subject) in self._subjects
        }

    async def destroy_subject_key(self, tenant_id: UUID, subject_id: UUID) -> None:
        self._subjects.pop((tenant_id, subject_id), None)
        self._destroyed.add((tenant_id, subject_id))
        self._epochs[tenant_id] += 1

    async def epoch(self, tenant_id: UUID) -> int:
        return self._epochs[tenant_id]

    async def all_keys(self, tenant_id: UUID) -> WrappedKeys:
        held = self._tenants.get(tenant_id)
        if held is not None and held.former is not None:
            raise rotation_unfinished()
        subjects: dict[UUID, bytes | None] = {
            subject: key.wrapped
            for (tenant, subject), key in self._subjects.items()
            if tenant == tenant_id
        }
        subjects |= {subject: None for tenant, subject in self._destroyed if tenant == tenant_id}
        return WrappedKeys(held, subjects)

    async def take_keys(self, tenant_id: UUID, keys: WrappedKeys) -> None:
        version = 1
        if keys.tenant is not None:
            version = self._tenants.setdefault(tenant_id, keys.tenant).version
        for subject, key in keys.subjects.items():
            if key is None:
                await self.destroy_subject_key(tenant_id, subject)
            else:
                await self.keep_subject_keys(tenant_id, {subject: key}, version)

    async def tenants(self) -> dict[UUID, TenantKey]:
        return dict(self._tenants)

    async def replace_tenant_key(self, tenant_id: UUID, old: TenantKey, new: TenantKey) -> bool:
        if self._tenants.get(tenant_id) != old:
            return False
        self._tenants[tenant_id] = new
        return True

    async def subject_keys_below(
        self, tenant_id: UUID, version: int, limit: int
    ) -> dict[UUID, SubjectKey]:
        below = [
            (subject, key)
            for (tenant, subject), key in self._subjects.items()
            if tenant == tenant_id and key.version < version
        ]
        return dict(below[:limit])

    async def rewrap_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes], version: int
    ) -> None:
        for subject, key in wrapped.items():
            if (tenant_id, subject) in self._subjects:
                self._subjects[tenant_id, subject] = SubjectKey(key, version)

    async def forget_former_key(self, tenant_id: UUID) -> bool:
        held = self._tenants[tenant_id]
        if await self.subject_keys_below(tenant_id, held.version, 1):
            return False
        self._tenants[tenant_id] = replace(held, former=None)
        return True

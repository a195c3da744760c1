"""Who holds which key: the keyring, and the port of the store that keeps wrapped keys."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cachetools import TTLCache

from crm_core.privacy.cipher import Cipher, new_key

__all__ = ["InMemoryKeyStore", "KeyStore", "Keyring", "WrappedKeys"]

_CACHED_SUBJECTS_MAX = 100_000
_CACHE_SECONDS = 30
_LOOK_SECONDS = 1.0  # a key destroyed by another process is forgotten here within this time


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """A tenant's key and those of its subjects; None stands for a destroyed one."""

    tenant: bytes | None
    subjects: Mapping[UUID, bytes | None]


class KeyStore(Protocol):
    """Keeps wrapped keys, apart from the events. A key is stored once and never changed."""

    async def keep_tenant_key(self, tenant_id: UUID, wrapped: bytes) -> bytes:
        """Stores the key unless the tenant has one; the stored one, first writer wins."""

    async def keep_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes]
    ) -> dict[UUID, bytes]:
        """Stores those that are new and not destroyed; what is stored then, by subject."""

    async def subject_keys(self, tenant_id: UUID, subjects: Collection[UUID]) -> dict[UUID, bytes]:
        """The wrapped keys there are; destroyed and unknown subjects are absent."""

    async def destroy_subject_key(self, tenant_id: UUID, subject_id: UUID) -> None:
        """Deletes the key and remembers that this subject may never have one again."""

    async def epoch(self, tenant_id: UUID) -> int:
        """Rises whenever a key of the tenant is destroyed; 0 where none ever was."""

    async def all_keys(self, tenant_id: UUID) -> WrappedKeys:
        """Everything that is kept for a tenant, still wrapped; for a copy under the same root."""

    async def take_keys(self, tenant_id: UUID, keys: WrappedKeys) -> None:
        """Stores what `all_keys` of another store gave, where there is nothing yet."""


class Keyring:
    """The keys of every tenant, unwrapped on demand."""

    def __init__(self, root_key: bytes, store: KeyStore) -> None:
        self.store = store
        self._root = Cipher(root_key)
        self._tenants: dict[UUID, tuple[Cipher, bytes]] = {}
        # By tenant, its epoch and the subject: what was held before an epoch is not found in it.
        self._subjects: TTLCache[tuple[UUID, int, UUID], Cipher] = TTLCache(
            _CACHED_SUBJECTS_MAX, _CACHE_SECONDS
        )
        self._epochs: dict[UUID, tuple[int, float]] = {}  # and when it was looked up

    async def for_sealing(self, tenant_id: UUID, subjects: Collection[UUID]) -> dict[UUID, Cipher]:
        """A cipher for each subject, with a new key for those that had none.

        A subject whose key was destroyed is absent: nothing may be sealed for it any more.
        """
        found = await self.for_opening(tenant_id, subjects)
        missing = [subject for subject in subjects if subject not in found]
        if missing:
            epoch, _ = self._epochs[tenant_id]
            tenant, _ = await self._tenant(tenant_id)
            fresh = {s: tenant.seal(new_key(), _subject_place(tenant_id, s)) for s in missing}
            stored = await self.store.keep_subject_keys(tenant_id, fresh)
            found |= self._unwrapped(tenant_id, epoch, tenant, stored)
        return found

    async def for_opening(self, tenant_id: UUID, subjects: Collection[UUID]) -> dict[UUID, Cipher]:
        """A cipher for each subject whose key is there; others were erased or never known.

        A key that another process destroyed is found here for a second at most.
        """
        epoch, looked_at = self._epochs.get(tenant_id, (0, -math.inf))
        if time.monotonic() - looked_at > _LOOK_SECONDS:
            epoch = await self.notice_destroyed(tenant_id)
        found = {}
        missing = []
        for subject in subjects:
            cipher = self._subjects.get((tenant_id, epoch, subject))
            if cipher is None:
                missing.append(subject)
            else:
                found[subject] = cipher
        if missing:
            tenant, _ = await self._tenant(tenant_id)
            stored = await self.store.subject_keys(tenant_id, missing)
            found |= self._unwrapped(tenant_id, epoch, tenant, stored)
        return found

    async def notice_destroyed(self, tenant_id: UUID) -> int:
        """From here on no key is found that is destroyed by now; the epoch, see `KeyStore`."""
        now = time.monotonic()
        epoch = await self.store.epoch(tenant_id)
        known, _ = self._epochs.get(tenant_id, (0, now))
        epoch = max(epoch, known)  # of two who look at once, the slower one may have seen less
        self._epochs[tenant_id] = (epoch, now)
        return epoch

    async def blind(self, tenant_id: UUID, *parts: str) -> bytes:
        """HMAC-SHA-256 of the parts under the tenant's key: equal values meet, none can be read.

        For unique keys and command fingerprints, which must be compared but not understood.
        """
        _, secret = await self._tenant(tenant_id)
        return hmac.digest(secret, "\x1f".join(parts).encode(), hashlib.sha256)

    async def destroy(self, tenant_id: UUID, subject_id: UUID) -> None:
        """Makes all that is sealed for the subject unreadable, for ever."""
        await self.store.destroy_subject_key(tenant_id, subject_id)
        await self.notice_destroyed(tenant_id)

    def _unwrapped(
        self, tenant_id: UUID, epoch: int, tenant: Cipher, wrapped: Mapping[UUID, bytes]
    ) -> dict[UUID, Cipher]:
        """`epoch` is that before these keys were read: one that was destroyed since is not kept."""
        ciphers = {
            subject: Cipher(tenant.open(key, _subject_place(tenant_id, subject)))
            for subject, key in wrapped.items()
        }
        for subject, cipher in ciphers.items():
            self._subjects[tenant_id, epoch, subject] = cipher
        return ciphers

    async def _tenant(self, tenant_id: UUID) -> tuple[Cipher, bytes]:
        held = self._tenants.get(tenant_id)
        if held is None:
            place = b"tenant\x1f" + tenant_id.bytes
            wrapped = await self.store.keep_tenant_key(tenant_id, self._root.seal(new_key(), place))
            key = self._root.open(wrapped, place)
            # Separate keys for separate uses (NIST SP 800-108): wrapping, and blind indexes.
            held = Cipher(_derived(key, b"wrap")), _derived(key, b"blind")
            self._tenants[tenant_id] = held
        return held


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"crm\x1f" + purpose, hashlib.sha256)


def _subject_place(tenant_id: UUID, subject_id: UUID) -> bytes:
    return b"subject\x1f" + tenant_id.bytes + subject_id.bytes


class InMemoryKeyStore:
    """Keys that end with the process; the store of `Crm.in_memory()`."""

    def __init__(self) -> None:
        self._tenants: dict[UUID, bytes] = {}
        self._subjects: dict[tuple[UUID, UUID], bytes] = {}
        self._destroyed: set[tuple[UUID, UUID]] = set()

    async def keep_tenant_key(self, tenant_id: UUID, wrapped: bytes) -> bytes:
        return self._tenants.setdefault(tenant_id, wrapped)

    async def keep_subject_keys(
        self, tenant_id: UUID, wrapped: Mapping[UUID, bytes]
    ) -> dict[UUID, bytes]:
        for subject, key in wrapped.items():
            if (tenant_id, subject) not in self._destroyed:
                self._subjects.setdefault((tenant_id, subject), key)
        return await self.subject_keys(tenant_id, wrapped.keys())

    async def subject_keys(self, tenant_id: UUID, subjects: Collection[UUID]) -> dict[UUID, bytes]:
        return {
            subject: self._subjects[tenant_id, subject]
            for subject in subjects
            if (tenant_id, subject) in self._subjects
        }

    async def destroy_subject_key(self, tenant_id: UUID, subject_id: UUID) -> None:
        self._subjects.pop((tenant_id, subject_id), None)
        self._destroyed.add((tenant_id, subject_id))

    async def epoch(self, tenant_id: UUID) -> int:
        return sum(tenant == tenant_id for tenant, _ in self._destroyed)

    async def all_keys(self, tenant_id: UUID) -> WrappedKeys:
        subjects: dict[UUID, bytes | None] = {
            subject: key for (tenant, subject), key in self._subjects.items() if tenant == tenant_id
        }
        subjects |= {subject: None for tenant, subject in self._destroyed if tenant == tenant_id}
        return WrappedKeys(self._tenants.get(tenant_id), subjects)

    async def take_keys(self, tenant_id: UUID, keys: WrappedKeys) -> None:
        if keys.tenant is not None:
            self._tenants.setdefault(tenant_id, keys.tenant)
        for subject, key in keys.subjects.items():
            if key is None:
                await self.destroy_subject_key(tenant_id, subject)
            else:
                await self.keep_subject_keys(tenant_id, {subject: key})

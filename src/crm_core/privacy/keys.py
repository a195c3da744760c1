"""Who holds which key: the keyring."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from cachetools import TTLCache

from crm_core.kernel.errors import SetupError
from crm_core.privacy.cipher import Cipher, new_key
from crm_core.privacy.key_store import (
    InMemoryKeyStore,
    KeyStore,
    StaleTenantKey,
    SubjectKey,
    TenantKey,
    WrappedKeys,
)
from crm_core.privacy.root import HeldRootKeys, RootKeys

__all__ = ["InMemoryKeyStore", "KeyStore", "Keyring", "WrappedKeys"]

_CACHED_SUBJECTS_MAX = 100_000
_CACHE_SECONDS = 30
_LOOK_SECONDS = 1.0  # a key destroyed by another process is forgotten here within this time
_ATTEMPTS_MAX = 5  # while a tenant's key is being replaced
_REWRAPPED_AT_A_TIME = 1_000


@dataclass(frozen=True, slots=True)
class _Tenant:
    """A tenant's key, unwrapped: by version what wraps subjects' keys, and the blind secret."""

    version: int
    ciphers: Mapping[int, Cipher]
    blind: bytes = field(repr=False)


class Keyring:
    """The keys of every tenant, unwrapped on demand."""

    def __init__(self, root_keys: bytes | RootKeys, store: KeyStore) -> None:
        """`root_keys` as bytes: see `HeldRootKeys`."""
        self.store = store
        self._root = HeldRootKeys(root_keys) if isinstance(root_keys, bytes) else root_keys
        self._tenants: dict[UUID, _Tenant] = {}
        # By tenant, its epoch and the subject: what was held before an epoch is not found in it.
        self._subjects: TTLCache[tuple[UUID, int, UUID], Cipher] = TTLCache(
            _CACHED_SUBJECTS_MAX, _CACHE_SECONDS
        )
        self._epochs: dict[UUID, tuple[int, float]] = {}  # and when it was looked up

    async def for_sealing(
        self, tenant_id: UUID, subjects: Collection[UUID], new: Collection[UUID] = ()
    ) -> dict[UUID, Cipher]:
        """A cipher for each subject, with a new key for those that had none.

        A subject whose key was destroyed is absent: nothing may be sealed for it any more. For
        those that are thought to be new no key is looked for before one is made.
        """
        found = await self.for_opening(tenant_id, [s for s in subjects if s not in new])
        missing = [subject for subject in subjects if subject not in found]
        if missing:
            epoch, _ = self._epochs[tenant_id]
            stored = await self._make(tenant_id, missing)
            found |= await self._unwrapped(tenant_id, epoch, missing, stored)
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
            found |= await self._unwrapped(tenant_id, epoch, missing)
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
        """HMAC-SHA-256 of the parts under the tenant's secret: equal values meet, none can be read.

        For unique keys and command fingerprints, which must be compared but not understood.
        """
        tenant = await self._tenant(tenant_id)
        return hmac.digest(tenant.blind, "\x1f".join(parts).encode(), hashlib.sha256)

    async def destroy(self, tenant_id: UUID, subject_id: UUID) -> None:
        """Makes all that is sealed for the subject unreadable, for ever."""
        await self.store.destroy_subject_key(tenant_id, subject_id)
        await self.notice_destroyed(tenant_id)

    # --- wrapping anew ------------------------------------------------------------------------

    async def rotate_root(self) -> int:
        """Wraps every tenant's key by the present root key; how many there were.

        Nothing else changes. Former root keys are needed until it is done, in every process.
        """
        rotated = 0
        for tenant_id, found in (await self.store.tenants()).items():
            old = found
            while not await self.store.replace_tenant_key(
                tenant_id, old, await self._wrapped_anew(tenant_id, old)
            ):
                old = (await self.store.tenants())[tenant_id]
            rotated += 1
        return rotated

    async def rotate_tenant(self, tenant_id: UUID) -> int:
        """Gives the tenant a new key and wraps its subjects' keys by it; how many that were.

        Others go on reading and writing meanwhile. One that was broken off is finished.
        """
        await self._tenant(tenant_id)  # there is one from here on
        old = (await self.store.tenants())[tenant_id]
        if old.former is None:
            new = TenantKey(
                wrapped=await self._root.wrap(new_key(), _tenant_place(tenant_id)),
                version=old.version + 1,
                former=old.wrapped,
                blind=await self._root.wrap(
                    (await self._opened(tenant_id, old)).blind, _blind_place(tenant_id)
                ),
            )
            await self.store.replace_tenant_key(tenant_id, old, new)  # or somebody else did
        rewrapped = 0
        while True:
            rewrapped += await self._rewrap(tenant_id)
            if await self.store.forget_former_key(tenant_id):
                self._tenants.pop(tenant_id, None)
                return rewrapped

    async def _rewrap(self, tenant_id: UUID) -> int:
        tenant = await self._tenant_anew(tenant_id)
        rewrapped = 0
        while found := await self.store.subject_keys_below(
            tenant_id, tenant.version, _REWRAPPED_AT_A_TIME
        ):
            anew = {}
            for subject_id, key in found.items():
                place = _subject_place(tenant_id, subject_id)
                opened = tenant.ciphers[key.version].open(key.wrapped, place)
                anew[subject_id] = tenant.ciphers[tenant.version].seal(opened, place)
            await self.store.rewrap_subject_keys(tenant_id, anew, tenant.version)
            rewrapped += len(anew)
        return rewrapped

    async def _wrapped_anew(self, tenant_id: UUID, old: TenantKey) -> TenantKey:
        async def anew(wrapped: bytes, place: bytes) -> bytes:
            return await self._root.wrap(await self._root.unwrap(wrapped, place), place)

        place = _tenant_place(tenant_id)
        return replace(
            old,
            wrapped=await anew(old.wrapped, place),
            former=None if old.former is None else await anew(old.former, place),
            blind=None if old.blind is None else await anew(old.blind, _blind_place(tenant_id)),
        )

    # --- unwrapping ---------------------------------------------------------------------------

    async def _make(self, tenant_id: UUID, subjects: Collection[UUID]) -> Mapping[UUID, SubjectKey]:
        """Keys for those that have none, and never had one; those that they all have then."""
        for _ in range(_ATTEMPTS_MAX):
            tenant = await self._tenant(tenant_id)
            wrap = tenant.ciphers[tenant.version]
            fresh = {s: wrap.seal(new_key(), _subject_place(tenant_id, s)) for s in subjects}
            try:
                return await self.store.keep_subject_keys(tenant_id, fresh, tenant.version)
            except StaleTenantKey:
                self._tenants.pop(tenant_id, None)
        raise _restless()

    async def _unwrapped(
        self,
        tenant_id: UUID,
        epoch: int,
        subjects: Collection[UUID],
        stored: Mapping[UUID, SubjectKey] | None = None,
    ) -> dict[UUID, Cipher]:
        """`epoch` is that before these keys are read: one that is destroyed meanwhile is not kept.
        `stored`: the keys, where they were read just now.

        While the tenant's key is replaced, a key may be of a version that is not known here yet.
        """
        for _ in range(_ATTEMPTS_MAX):
            if stored is None:
                stored = await self.store.subject_keys(tenant_id, subjects)
            tenant = await self._tenant(tenant_id)
            if all(key.version in tenant.ciphers for key in stored.values()):
                break
            self._tenants.pop(tenant_id, None)
            stored = None
        else:
            raise _restless()
        ciphers = {
            subject: Cipher(
                tenant.ciphers[key.version].open(key.wrapped, _subject_place(tenant_id, subject))
            )
            for subject, key in stored.items()
        }
        for subject, cipher in ciphers.items():
            self._subjects[tenant_id, epoch, subject] = cipher
        return ciphers

    async def _tenant(self, tenant_id: UUID) -> _Tenant:
        return self._tenants.get(tenant_id) or await self._tenant_anew(tenant_id)

    async def _tenant_anew(self, tenant_id: UUID) -> _Tenant:
        fresh = await self._root.wrap(new_key(), _tenant_place(tenant_id))
        stored = await self.store.keep_tenant_key(tenant_id, fresh)
        tenant = self._tenants[tenant_id] = await self._opened(tenant_id, stored)
        return tenant

    async def _opened(self, tenant_id: UUID, stored: TenantKey) -> _Tenant:
        place = _tenant_place(tenant_id)
        key = await self._root.unwrap(stored.wrapped, place)
        # Separate keys for separate uses (NIST SP 800-108): wrapping, and blind indexes.
        ciphers = {stored.version: Cipher(_derived(key, b"wrap"))}
        if stored.former is not None:
            former = await self._root.unwrap(stored.former, place)
            ciphers[stored.version - 1] = Cipher(_derived(former, b"wrap"))
        if stored.blind is None:
            blind = _derived(key, b"blind")
        else:
            blind = await self._root.unwrap(stored.blind, _blind_place(tenant_id))
        return _Tenant(stored.version, ciphers, blind)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"crm\x1f" + purpose, hashlib.sha256)


def _tenant_place(tenant_id: UUID) -> bytes:
    return b"tenant\x1f" + tenant_id.bytes


def _blind_place(tenant_id: UUID) -> bytes:
    return b"blind\x1f" + tenant_id.bytes


def _subject_place(tenant_id: UUID, subject_id: UUID) -> bytes:
    return b"subject\x1f" + tenant_id.bytes + subject_id.bytes


def _restless() -> SetupError:
    return SetupError(
        "keys.restless", "the tenant's key is replaced all the time; let one rotation end"
    )

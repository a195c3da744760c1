"""The rules of an API key."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from crm_core.identity.api_key import events as e
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Invalid, Rejected

DAYS_MAX = 366


class ApiKey(Aggregate):
    TOPIC = "identity.api_key"

    name: str = ""
    user_id: UUID = UUID(int=0)
    scopes: tuple[str, ...] = ()
    expires_at: datetime = datetime.max.replace(tzinfo=UTC)
    only_trusted: bool = False
    is_revoked: bool = False

    @classmethod
    def issue(
        cls,
        key_id: UUID,
        at: datetime,
        *,
        name: str,
        user_id: UUID,
        digest: str,
        scopes: Iterable[str],
        expires_at: datetime,
        only_trusted: bool,
    ) -> ApiKey:
        if expires_at.tzinfo is None:
            raise Invalid("expires_at", "needs a time zone")
        if not at < expires_at <= at + timedelta(days=DAYS_MAX):
            raise Rejected("api_key.bad_expiry", days_max=DAYS_MAX)
        return cls.start(
            e.ApiKeyIssued,
            key_id,
            at,
            name=name.strip(),
            user_id=user_id,
            digest=digest,
            scopes=tuple(sorted(set(scopes))),
            expires_at=expires_at.astimezone(UTC),
            only_trusted=only_trusted,
        )

    def revoke(self) -> None:
        if not self.is_revoked:
            self.record(e.ApiKeyRevoked)

    def when(self, event: Any) -> None:
        match event:
            case e.ApiKeyIssued():
                self.name, self.user_id = event.name, event.user_id
                self.scopes, self.expires_at = event.scopes, event.expires_at
                self.only_trusted = event.only_trusted
            case e.ApiKeyRevoked():
                self.is_revoked = True
            case _:
                assert_never(event)

"""What can happen to an API key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from crm_core.kernel.events import Created, Event


class ApiKeyIssued(Created):
    """`digest` is the SHA-256 of the secret in hexadecimal; the secret itself is stored nowhere.

    `scopes` are rights such as `customer.read`, `customer.*` or `*.read`; the key may do what both
    they and its user may. With `only_trusted` it may ask by documents that the server knows, and by
    no others.
    """

    TOPIC = "identity.api_key.issued"
    class_version = 2
    name: str
    user_id: UUID
    digest: str
    scopes: tuple[str, ...]
    expires_at: datetime
    only_trusted: bool

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["only_trusted"] = False


class ApiKeyRevoked(Event):
    TOPIC = "identity.api_key.revoked"

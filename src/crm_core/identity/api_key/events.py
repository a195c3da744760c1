"""What can happen to an API key."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from crm_core.kernel.events import Created, Event


class ApiKeyIssued(Created):
    """`digest` is the SHA-256 of the secret in hexadecimal; the secret itself is stored nowhere.

    `scopes` are rights such as `customer.read`, `customer.*` or `*.read`; the key may do what both
    they and its user may.
    """

    TOPIC = "identity.api_key.issued"
    name: str
    user_id: UUID
    digest: str
    scopes: tuple[str, ...]
    expires_at: datetime


class ApiKeyRevoked(Event):
    TOPIC = "identity.api_key.revoked"

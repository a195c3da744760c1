"""What no reader may see, wherever it is shown."""

from __future__ import annotations

from typing import Final

__all__ = ["SECRETS"]

SECRETS: Final = frozenset(
    {
        "password_hash",
        "totp_secret",
        "secret",
        "digest",
        "spent",
        "recovery_digests",
        "passkeys",
        "credential_id",
        "public_key",
    }
)
"""Names of fields of events and records that nobody is shown, be it an auditor."""

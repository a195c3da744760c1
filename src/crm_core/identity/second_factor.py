"""The second factor: codes that change with time (TOTP, RFC 6238), and codes for when it is lost.

A time code is of one step of 30 seconds and is taken once, from the step before to the one after
now; so a code that was seen by somebody is of no use to them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

import pyotp

__all__ = [
    "RECOVERY_CODES",
    "digest_of_code",
    "new_recovery_codes",
    "new_totp_secret",
    "step_of",
    "totp_uri",
]

RECOVERY_CODES: Final = 10
STEP_SECONDS: Final = 30
_SKEW_STEPS = 1
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without letters that look like others


def new_totp_secret() -> str:
    """160 random bits in base32."""
    return pyotp.random_base32()


def totp_uri(secret: str, account: str, issuer: str) -> str:
    """The `otpauth:` address that authenticator apps take, mostly as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def step_of(secret: str, code: str, at: datetime, *, after: int) -> int | None:
    """The time step that the code is right for, later than the last used one; None if there is
    none.
    """
    if not (code.isascii() and code.isdigit()):
        return None
    now = int(at.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(now - _SKEW_STEPS, now + _SKEW_STEPS + 1):
        if step > after and hmac.compare_digest(totp.at(step * STEP_SECONDS), code):
            return step
    return None


def new_recovery_codes() -> tuple[str, ...]:
    """Ten codes of 23 letters and digits, 113 bits each; each is good for one sign-in."""
    return tuple(
        "".join(secrets.choice(_ALPHABET) for _ in range(23)) for _ in range(RECOVERY_CODES)
    )


def digest_of_code(code: str) -> str:
    """SHA-256 in hexadecimal: a code of 113 random bits needs no slow hash."""
    plain = code.strip().lower().replace("-", "").replace(" ", "")
    return hashlib.sha256(plain.encode()).hexdigest()

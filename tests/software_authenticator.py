"""An authenticator without a device: ES256 keys, answers as a browser's `toJSON()` gives them.

It does what WebAuthn Level 2 asks of one (section 6), and can be told to do what one must not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["Authenticator", "Twist"]

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass(frozen=True)
class Twist:
    """What is wrong with an answer; None where it is as it should be."""

    origin: str | None = None
    rp_id: str | None = None
    user_handle: bytes | None = None
    is_verified: bool = True
    signature: bytes | None = None
    type: str | None = None
    credential_id: bytes | None = None
    attestation: dict[str, Any] | None = None


HONEST = Twist()


@dataclass
class _Key:
    private: ec.EllipticCurvePrivateKey
    user_handle: bytes
    count: int = 0


@dataclass
class Authenticator:
    """`counts`: whether it counts its signatures, as many do not."""

    origin: str
    counts: bool = True
    keys: dict[bytes, _Key] = field(default_factory=dict)

    def create(self, options: dict[str, Any], twist: Twist = HONEST) -> dict[str, Any]:
        """What `navigator.credentials.create()` gives."""
        credential_id = twist.credential_id or secrets.token_bytes(32)
        private = ec.generate_private_key(ec.SECP256R1())
        self.keys[credential_id] = key = _Key(private, _bytes(options["user"]["id"]))
        attested = (
            bytes(16) + len(credential_id).to_bytes(2, "big") + credential_id + _cose(private)
        )
        said = self._said(options["rp"]["id"], key, twist, _ATTESTED) + attested
        attestation = {"fmt": "none", "attStmt": {}, **(twist.attestation or {}), "authData": said}
        return _credential(
            credential_id,
            clientDataJSON=_text(self._client_data("webauthn.create", options, twist)),
            attestationObject=_text(cbor2.dumps(attestation)),
            transports=["internal", "hybrid"],
        )

    def get(self, options: dict[str, Any], twist: Twist = HONEST) -> dict[str, Any]:
        """What `navigator.credentials.get()` gives, of an allowed key or of the last one."""
        allowed = [_bytes(known["id"]) for known in options["allowCredentials"]]
        credential_id = next((name for name in allowed if name in self.keys), [*self.keys][-1])
        key = self.keys[credential_id]
        key.count += self.counts
        said = self._said(options["rpId"], key, twist)
        client_data = self._client_data("webauthn.get", options, twist)
        signed = said + hashlib.sha256(client_data).digest()
        signature = twist.signature or key.private.sign(signed, ec.ECDSA(hashes.SHA256()))
        return _credential(
            credential_id,
            clientDataJSON=_text(client_data),
            authenticatorData=_text(said),
            signature=_text(signature),
            userHandle=_text(twist.user_handle or key.user_handle),
        )

    def _client_data(self, kind: str, options: dict[str, Any], twist: Twist) -> bytes:
        said = {
            "type": twist.type or kind,
            "challenge": options["challenge"],
            "origin": twist.origin or self.origin,
            "crossOrigin": False,
        }
        return json.dumps(said).encode()

    def _said(self, rp_id: str, key: _Key, twist: Twist, flags: int = 0) -> bytes:
        flags |= _PRESENT | (_VERIFIED if twist.is_verified else 0)
        rp_id_hash = hashlib.sha256((twist.rp_id or rp_id).encode()).digest()
        return rp_id_hash + bytes([flags]) + key.count.to_bytes(4, "big")


def _cose(private: ec.EllipticCurvePrivateKey) -> bytes:
    """RFC 9053, section 7.1.1: an EC2 key (1: 2) of P-256 (-1: 1) for ES256 (3: -7)."""
    numbers = private.public_key().public_numbers()
    return cbor2.dumps(
        {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
    )


def _credential(credential_id: bytes, **response: Any) -> dict[str, Any]:
    name = _text(credential_id)
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "response": response,
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
    }


def _text(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")

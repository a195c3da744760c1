"""Documents that are named by their hash, and servers that run no others.

The form of the GraphQL-over-HTTP draft's appendix on persisted documents: `documentId` in place of
`query`, `sha256:` and the hash of the text in hexadecimal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from crm_api.graphql.errors import ErrorCode
from crm_api.http.profile import Profile
from crm_api.http.refusals import HttpRefusal
from crm_api.tokens import Session
from crm_core import SetupError

__all__ = ["THIRD_PARTY", "TrustedDocuments", "read_trusted"]

_PREFIX = "sha256:"


@dataclass(frozen=True)
class TrustedDocuments:
    """Texts by their hash in hexadecimal."""

    profile: Profile = Profile.THIRD_PARTY
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_only(self) -> bool:
        """Whether no other document is run."""
        return self.profile is Profile.FIRST_PARTY

    def text(
        self, query: str | None, document_id: str | None, session: Session | None
    ) -> str | None:
        """The document that a request means. Raises HttpRefusal."""
        if document_id is None:
            is_only = self.is_only or (session is not None and session.only_trusted)
            if query is not None and is_only:
                raise HttpRefusal(ErrorCode.FORBIDDEN, "http.only_trusted_documents")
            return query
        if query is not None:
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.two_documents")
        text = self.texts.get(document_id.removeprefix(_PREFIX))
        if text is None or not document_id.startswith(_PREFIX):
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.unknown_document")
        return text


THIRD_PARTY = TrustedDocuments()


def read_trusted(profile: Profile, place: Path | None) -> TrustedDocuments:
    """The documents of a manifest, or of all `*.json` in a folder.

    A manifest is a JSON object of hash and text, as Relay's compiler (`persistConfig`, with the
    algorithm SHA256) and GraphQL codegen (`persistedDocuments`, with sha256) write it. Raises
    SetupError under `documents.`
    """
    files = [] if place is None else sorted(place.glob("*.json")) if place.is_dir() else [place]
    texts: dict[str, str] = {}
    for file in files:
        texts |= _read(file)
    if profile is Profile.FIRST_PARTY and not texts:
        raise SetupError(
            "documents.none",
            "set CRM_TRUSTED_DOCUMENTS to the manifest that your build writes, or CRM_PROFILE to"
            " third-party",
        )
    return TrustedDocuments(profile, texts)


def _read(file: Path) -> dict[str, str]:
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        raise SetupError(
            "documents.unreadable",
            "a manifest is a JSON object of hashes and documents",
            file=file.name,
        ) from error
    texts = {}
    for name, text in manifest.items():
        written = name.removeprefix(_PREFIX).lower()
        if hashlib.sha256(text.encode()).hexdigest() != written:
            raise SetupError(
                "documents.hash_mismatch",
                "write the manifest with SHA-256 (Relay: persistConfig.algorithm; codegen:"
                " persistedDocuments.hashAlgorithm), and change no document by hand",
                file=file.name,
                document=name[:80],
            )
        texts[written] = text
    return texts

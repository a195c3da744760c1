"""Whose programs a server is for."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Profile"]


class Profile(StrEnum):
    FIRST_PARTY = "first-party"  # programs of one's own: the documents that they came with, no more
    THIRD_PARTY = "third-party"  # anybody's: any document, and the schema to write it by

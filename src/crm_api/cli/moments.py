"""Positions and moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from crm_core import NOW, AsOf, Invalid

__all__ = ["as_of_of", "as_of_record", "effective_of", "moment_of"]


def as_of_of(text: str | None) -> AsOf:
    """A position (`4711`) or a moment; NOW for None."""
    if text is None:
        return NOW
    if text.isdecimal():
        return AsOf(position=int(text))
    return AsOf(time=moment_of(text, "as-of", "is a position, or a time such as"))


def as_of_record(text: str) -> AsOf:
    """The same for one record, which also has versions (`v3`)."""
    if text[:1] == "v" and text[1:].isdecimal():
        return AsOf(version=int(text[1:]))
    return as_of_of(text)


def effective_of(text: str) -> AsOf:
    """A moment on the effective clock."""
    return AsOf(effective_at=moment_of(text, "effective-at"))


def moment_of(text: str, option: str, problem: str = "is a time such as") -> datetime:
    """ISO 8601; UTC where no zone is named. Raises Invalid, which names the option."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(option, f"{problem} 2026-01-31T12:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

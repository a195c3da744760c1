"""Positions and moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

from crm_core import NOW, AsOf, Invalid

__all__ = ["as_of_of"]


def as_of_of(text: str | None) -> AsOf:
    """A position (`4711`) or a moment (ISO 8601; UTC where no zone is named); NOW for None."""
    if text is None:
        return NOW
    if text.isdecimal():
        return AsOf(position=int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("as-of", "is a position, or a time such as 2026-01-31T12:00Z") from None
    return AsOf(time=moment if moment.tzinfo else moment.replace(tzinfo=UTC))

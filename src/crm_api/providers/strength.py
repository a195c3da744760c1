"""What an issuer says of how somebody has signed in there: by one factor, or by more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MFA", "Strength"]


@dataclass(frozen=True, slots=True)
class Strength:
    """The values that say that it was more than one: of `amr` (RFC 8176), of which one will do,
    and of `acr` (OpenID Connect Core 1.0, section 2). Who says nothing has seen one factor.
    """

    amr: frozenset[str] = frozenset()
    acr: frozenset[str] = frozenset()

    def is_in(self, claims: Mapping[str, Any]) -> bool:
        methods, context = claims.get("amr"), claims.get("acr")
        named = {m for m in methods if isinstance(m, str)} if isinstance(methods, list) else set()
        return not self.amr.isdisjoint(named) or (isinstance(context, str) and context in self.acr)


MFA = Strength(amr=frozenset({"mfa"}))
"""Several factors were checked (RFC 8176, section 2)."""

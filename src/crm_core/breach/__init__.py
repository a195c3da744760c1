"""What a principal could see in a span of time, and what it did read: whom a breach concerns.

A principal is a user or an API key. What a user could see is what the own rights, and those of
whoever the user acted as, showed at any moment of the span; the user's keys never show more. Both
lists come page by page, for either may be as long as the ledger.
"""

from __future__ import annotations

from crm_core.breach.scope import BreachScope, CouldSee, DidRead, breach_scope

__all__ = ["BreachScope", "CouldSee", "DidRead", "breach_scope"]

"""What an error of the database means to one who wanted to store something."""

from __future__ import annotations

from struct import error as OutOfRange

import psycopg
from psycopg import errors

from crm_core.kernel.errors import CrmError, Rejected, Unavailable

__all__ = ["as_refusal", "is_lost"]


def is_lost(error: BaseException) -> bool:
    """Whether the connection went away, so that nobody knows what became of the statement."""
    if isinstance(error, OSError):
        return True
    if not isinstance(error, psycopg.OperationalError):
        return False
    state = error.sqlstate
    return state is None or state.startswith("08") or state in ("57P01", "57P02", "57P03", "57P05")


def as_refusal(error: Exception) -> CrmError | None:
    """The same as an error of ours, without the database's words; None where it is none of these.

    Nothing was stored in any of these cases.
    """
    match error:
        case CrmError():
            return error
        case errors.UniqueViolation():
            return Rejected("ledger.event_exists")
        case psycopg.DataError() | UnicodeEncodeError() | OutOfRange():
            return Rejected("ledger.unstorable", problem=type(error).__name__)
        case errors.DiskFull() | errors.OutOfMemory() | errors.ConfigurationLimitExceeded():
            return Unavailable("database.full")
        case psycopg.OperationalError():
            return Unavailable("database.busy", problem=type(error).__name__)
        case _:
            return None

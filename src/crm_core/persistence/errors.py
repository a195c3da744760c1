"""Errors of the ledger and of its driver as the `eventsourcing` library names them (PEP 249).

The text of a refusal of ours is kept, code and all. Of the driver's only the kind and the SQLSTATE:
its words can quote what was to be stored. The cause is chained.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from eventsourcing import persistence

from crm_core.kernel.errors import (
    CommandReused,
    ConditionFailed,
    CrmError,
    Rejected,
    VersionConflict,
)
from crm_core.kernel.portal import PortalStopped
from crm_core.ledger.signal import Closed

__all__ = ["library_errors"]

_REFUSED = (VersionConflict, CommandReused, ConditionFailed, Rejected)
_UNFIT = ("ledger.unstorable", "ledger.event_too_large", "ledger.append_too_large")

# The most particular first: all but the first and the last two are a `DatabaseError` too.
_OF_THE_DRIVER: tuple[tuple[type[psycopg.Error], type[persistence.PersistenceError]], ...] = (
    (psycopg.InterfaceError, persistence.InterfaceError),
    (psycopg.DataError, persistence.DataError),
    (psycopg.OperationalError, persistence.OperationalError),
    (psycopg.IntegrityError, persistence.IntegrityError),
    (psycopg.InternalError, persistence.InternalError),
    (psycopg.ProgrammingError, persistence.ProgrammingError),
    (psycopg.NotSupportedError, persistence.NotSupportedError),
    (psycopg.DatabaseError, persistence.DatabaseError),
    (psycopg.Error, persistence.PersistenceError),
)


@contextmanager
def library_errors() -> Iterator[None]:
    """Raises `persistence.IntegrityError` for a refused append, and so on."""
    try:
        yield
    except _REFUSED as error:
        known = persistence.DataError if error.code in _UNFIT else persistence.IntegrityError
        raise known(str(error)) from error
    except CrmError as error:
        raise persistence.OperationalError(str(error)) from error
    except (PortalStopped, Closed) as error:
        raise persistence.InterfaceError("the application was closed") from error
    except psycopg.Error as error:
        kind = next(ours for theirs, ours in _OF_THE_DRIVER if isinstance(error, theirs))
        state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        raise kind(type(error).__name__ + state) from error

"""How long somebody stays signed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from crm_core.identity import Session
from crm_core.kernel.errors import Rejected

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRST, SECOND, THIRD = ("1" * 64, "2" * 64, "3" * 64)
ALMOST_A_WEEK = timedelta(days=6, hours=23)


@pytest.fixture
def session() -> Session:
    return Session.open(
        UUID(int=1),
        BEGAN,
        user_id=UUID(int=2),
        digest=FIRST,
        expires_at=BEGAN + timedelta(days=30),
    )


def test_a_session_that_is_used_goes_on(session: Session) -> None:
    session.happening_at(BEGAN + ALMOST_A_WEEK)
    session.rotate(FIRST, SECOND)
    session.happening_at(BEGAN + 2 * ALMOST_A_WEEK)
    session.rotate(SECOND, THIRD)
    assert session.digest == THIRD


def test_a_session_that_nobody_uses_for_a_week_is_over(session: Session) -> None:
    session.happening_at(BEGAN + ALMOST_A_WEEK)
    session.rotate(FIRST, SECOND)
    session.happening_at(BEGAN + ALMOST_A_WEEK + timedelta(days=7))
    with pytest.raises(Rejected, match=r"session\.over"):
        session.rotate(SECOND, THIRD)


def test_a_session_is_over_after_its_time_however_much_it_is_used(session: Session) -> None:
    digests = [f"{n:064x}" for n in range(1, 40)]
    session.digest = digests[0]
    for day in range(1, 30):
        session.happening_at(BEGAN + timedelta(days=day))
        session.rotate(digests[day - 1], digests[day])
    session.happening_at(BEGAN + timedelta(days=30))
    with pytest.raises(Rejected, match=r"session\.over"):
        session.rotate(digests[29], digests[30])

"""The course of the story: its days, its ids, its chance, and all that has been told so far."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from operator import itemgetter
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from crm_core.access.rights import BUILT_IN_ROLES, Rights
from crm_core.kernel.ids import derived_id
from crm_core.kernel.messages import SYSTEM, Actor, ActorKind, Command, Request

__all__ = ["END", "FIRST_ACT", "LAST_MOMENT", "Colleague", "Story", "first_day_before"]

WORKDAYS: Final = 190  # about nine months
FIRST_ACT: Final = 1.0  # the day before, the system is set up
END: Final = WORKDAYS - 0.1  # nothing happens later, except for the last note
LAST_MOMENT: Final = WORKDAYS - 0.01
_OPENS_AT = time(8, tzinfo=UTC)
_WORKDAY_SECONDS = 9 * 60 * 60


class Colleague(NamedTuple):
    """One of ours, who acts in the story."""

    key: str
    name: str
    role: str
    office: str

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"{self.key}@example.com"


class Story:
    """Collects the story in any order; `requests` gives it in the order in which it happened.

    A moment is a number of working days since the first morning, such as 12.5 for noon or so of the
    13th one; a working day has nine hours, weekends have none. Every id and every choice follows
    from the tenant, the seed and a key, never from the clock.
    """

    def __init__(self, tenant_id: UUID, seed: int, first_day: date) -> None:
        self.tenant_id = tenant_id
        self.seed = seed
        self._first_day = first_day
        self._told: list[tuple[datetime, Request]] = []
        self._counts: Counter[object] = Counter()

    def tell(
        self, day: float, who: Colleague | None, command: Command, *, reason: str | None = None
    ) -> None:
        """Somebody asks for something on that day; None stands for the system.

        `reason` is a code for the envelope.
        """
        assert 0 <= day < WORKDAYS, f"outside the story: {day}"
        assert who is None or day >= FIRST_ACT, f"{who} cannot sign in yet"
        moment = self.at(day)
        request = Request(
            command=command,
            actor=self._actor(who, command),
            command_id=self.id("command", command.target_id, self._count(command.target_id)),
            effective_at=moment,
            reason=reason,
        )
        self._told.append((moment, request))

    def requests(self) -> list[Request]:
        """All that was told, by the time at which it happened."""
        return [request for _, request in sorted(self._told, key=itemgetter(0))]

    # --- ids and chance -----------------------------------------------------------------------

    def id(self, *key: object) -> UUID:
        return derived_id(self.tenant_id, "demo", self.seed, *key)

    def next_id(self, kind: str) -> UUID:
        """One more of a kind that nobody asks for by name."""
        return self.id(kind, self._count(kind))

    def chance(self, *key: object) -> Random:
        """A source of choices of its own, so that one part of the story does not move another."""
        return Random("/".join(str(part) for part in (self.seed, *key)))  # noqa: S311 - no secrets

    def _count(self, of: object) -> int:
        self._counts[of] += 1
        return self._counts[of]

    # --- time ---------------------------------------------------------------------------------

    def at(self, day: float) -> datetime:
        """The moment, to the second; days beyond the end are taken too, for plans."""
        share = timedelta(seconds=int(day % 1 * _WORKDAY_SECONDS))
        return datetime.combine(self.date(day), _OPENS_AT) + share

    def date(self, day: float) -> date:
        weeks, weekday = divmod(self._first_day.weekday() + int(day), 5)
        monday = self._first_day - timedelta(days=self._first_day.weekday())
        return monday + timedelta(weeks=weeks, days=weekday)

    # --- who ----------------------------------------------------------------------------------

    def user_id(self, who: Colleague) -> UUID:
        return self.id("user", who.key)

    def _actor(self, who: Colleague | None, command: Command) -> Actor:
        """The user, where the role allows it; else the system, on the user's behalf."""
        if who is None:
            return SYSTEM
        kind, _, action = command.NAME.partition(".")
        user_id = self.user_id(who)
        if Rights(BUILT_IN_ROLES[who.role]).allow(kind, action):
            return Actor.user(user_id)
        return Actor(ActorKind.SYSTEM, SYSTEM.id, on_behalf_of=str(user_id))


def first_day_before(now: datetime) -> date:
    """The first day of a story whose last one is the last working day before today."""
    day = now.astimezone(UTC).date()
    left = WORKDAYS
    while left:
        day -= timedelta(days=1)
        left -= day.weekday() < 5
    return day

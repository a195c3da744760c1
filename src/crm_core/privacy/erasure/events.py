"""What can happen to an erasure. Each of these is about all the subjects that are erased."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from crm_core.kernel.events import Created, Event


class StoreReceipt(Struct, frozen=True, kw_only=True):
    """What a store did to forget, in words that hold no personal data; `count` is of what."""

    store: str
    count: int
    note: str


class SubjectErasureRequested(Created):
    """From here on no word about the subjects is taken, and their unique keys are free.

    The first of the subjects is the one that was asked for: a customer, a user, or a record that is
    about no customer. The others are the same customer, merged.
    """

    TOPIC = "privacy.erasure.requested"
    subject_ids: tuple[UUID, ...]
    keys_released: int

    @property
    def also_about(self) -> tuple[UUID, ...]:
        return self.subject_ids[1:]


class SubjectKeyDestroyed(Event):
    """The keys are gone: what was sealed under them is unreadable, at whatever position it lies.

    The subjects are those of the request, and the records that had been nobody's until they were
    given to one of them. A read model that comes to this event blanks what it keeps of them.
    """

    TOPIC = "privacy.erasure.key_destroyed"
    subject_ids: tuple[UUID, ...]

    @property
    def also_about(self) -> tuple[UUID, ...]:
        return self.subject_ids[1:]


class SubjectErasureCompleted(Event):
    """Every store has answered for itself."""

    TOPIC = "privacy.erasure.completed"
    receipts: tuple[StoreReceipt, ...]

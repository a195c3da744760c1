"""What can happen to a copy of personal data that left."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from crm_core.kernel.events import Created, Event


class DisclosureKind(StrEnum):
    SUBJECT_ACCESS = "SUBJECT_ACCESS"  # all about one subject, in plain
    LEDGER_EXPORT = "LEDGER_EXPORT"  # the ledger with its wrapped keys
    KEY_COPY = "KEY_COPY"  # wrapped keys alone
    BULK_EXPORT = "BULK_EXPORT"  # what a query lists, in plain
    CASE_FILE = "CASE_FILE"  # all about one record, in plain; one disclosure for each subject in it


class DisclosureMade(Created):
    """`up_to` is the ledger's head then; `subject_id` whom it is about, None for everybody."""

    TOPIC = "privacy.disclosure.made"
    kind: DisclosureKind
    subject_id: UUID | None
    up_to: int


class DisclosureDestroyed(Event):
    """Whoever had the copy says that it is gone, by hand or by its date."""

    TOPIC = "privacy.disclosure.destroyed"

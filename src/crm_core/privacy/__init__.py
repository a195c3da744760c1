"""Personal data: a key per subject, the sealing of fields under it, and the erasure of a subject.

Root key → wraps tenant keys → wrap subject keys → seal fields. Destroying a subject's key makes
every field sealed under it unreadable, everywhere and for ever; nothing else is touched.
"""

from __future__ import annotations

from crm_core.privacy.disclosure.commands import RecordDisclosure, RecordDisclosureDestroyed
from crm_core.privacy.disclosure.disclosure import Disclosure
from crm_core.privacy.disclosure.events import DisclosureKind
from crm_core.privacy.erasure.commands import CompleteErasure, RecordKeyDestroyed
from crm_core.privacy.erasure.erasure import Erasure, ErasureStatus
from crm_core.privacy.erasure.events import StoreReceipt
from crm_core.privacy.root import HeldRootKeys, KmsRootKeys, RootKeys

__all__ = [
    "CompleteErasure",
    "Disclosure",
    "DisclosureKind",
    "Erasure",
    "ErasureStatus",
    "HeldRootKeys",
    "KmsRootKeys",
    "RecordDisclosure",
    "RecordDisclosureDestroyed",
    "RecordKeyDestroyed",
    "RootKeys",
    "StoreReceipt",
]

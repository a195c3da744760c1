"""The in-memory ledger keeps the contract."""

from __future__ import annotations

import pytest

from crm_core.kernel.clock import ManualClock
from crm_core.ledger.memory import InMemoryLedger

from .contract import LedgerContract
from .reading_contract import ReadingContract


class TestInMemoryLedger(LedgerContract, ReadingContract):
    @pytest.fixture
    def ledger(self, clock: ManualClock) -> InMemoryLedger:
        return InMemoryLedger(clock)

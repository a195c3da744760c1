"""Answers of reports, kept for as long as their read model stands still.

A report is a function of the past that it is of, and of what its read model shows by now: whose a
record is today decides who may count it. So what was answered where the read model stands is the
answer until that moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct

from crm_core.access.rights import Reach
from crm_core.ledger.postgres.connections import Pool
from crm_projections.checkpoints import Reached
from crm_projections.reporting.past import Past
from crm_projections.reporting.question import Question
from crm_projections.reporting.report import Report, answer
from crm_projections.standing import WhileStanding

__all__ = ["KeptAnswers"]

R = TypeVar("R", bound=Struct)


class KeptAnswers:
    """For one tenant."""

    def __init__(self, pool: Pool, tenant_id: UUID) -> None:
        self._pool = pool
        self._tenant_id = tenant_id
        self._rows: WhileStanding[list[Any]] = WhileStanding()

    async def answer(
        self,
        report: Report[Any, R],
        past: Past,
        question: Question,
        *,
        shown: Reached,
        reach: Reach,
        since: Past | None = None,
        teams: Mapping[UUID, UUID] = MappingProxyType({}),
    ) -> list[R]:
        """As `answer`, over a read model that is `shown` to be there."""
        asked = partial(
            answer,
            report,
            self._pool,
            self._tenant_id,
            past,
            question,
            since=since,
            reach=reach,
            teams=teams,
        )
        key = (report.name, past, since, question, reach, frozenset(teams.items()))
        return list(await self._rows.get(report.kept_by.name, shown, key, asked))

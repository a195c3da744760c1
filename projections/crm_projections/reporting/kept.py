"""Answers of reports, kept for as long as their read model stands still.

A report is a function of the past that it is of, and of what its read model shows by now: whose a
record is today decides who may count it. So what was answered at one position of the read model is
the answer until that moves, and is forgotten then. Whoever asks what is being reckoned waits for
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct

from crm_core.access.rights import Reach
from crm_core.ledger.postgres.connections import Pool
from crm_projections.reporting.past import Past
from crm_projections.reporting.question import Question
from crm_projections.reporting.report import Report, answer

__all__ = ["KeptAnswers"]

R = TypeVar("R", bound=Struct)

_KEPT_MAX = 200  # answers at one position of a read model; the oldest one goes


@dataclass(slots=True)
class _Standing:
    """Where a read model is, and what was asked of it there."""

    position: int = -1
    answers: dict[Any, asyncio.Task[Any]] = field(default_factory=dict)


class KeptAnswers:
    """For one tenant."""

    def __init__(self, pool: Pool, tenant_id: UUID) -> None:
        self._pool = pool
        self._tenant_id = tenant_id
        self._standing: dict[str, _Standing] = {}

    async def answer(
        self,
        report: Report[Any, R],
        past: Past,
        question: Question,
        *,
        shown: int,
        reach: Reach,
        since: Past | None = None,
        teams: Mapping[UUID, UUID] = MappingProxyType({}),
    ) -> list[R]:
        """As `answer`, over a read model that shows the ledger up to the position `shown`."""
        asked = answer(
            report,
            self._pool,
            self._tenant_id,
            past,
            question,
            since=since,
            reach=reach,
            teams=teams,
        )
        standing = self._standing.setdefault(report.kept_by.name, _Standing())
        if shown > standing.position:
            standing = self._standing[report.kept_by.name] = _Standing(shown)
        if shown < standing.position:  # it has moved since it was looked at
            return await asked
        key = (report.name, past, since, question, reach, frozenset(teams.items()))
        return list(await asyncio.shield(_asked_once(standing.answers, key, asked)))


def _asked_once(
    answers: dict[Any, asyncio.Task[Any]], key: Any, asked: Coroutine[Any, Any, Any]
) -> asyncio.Task[Any]:
    """The task that answers; a failure is told to those who wait for it, and not kept."""
    known = answers.get(key)
    if known is not None:
        asked.close()
        return known

    def forget_failure(task: asyncio.Task[Any]) -> None:
        if (task.cancelled() or task.exception()) and answers.get(key) is task:
            del answers[key]

    task = answers[key] = asyncio.create_task(asked)
    task.add_done_callback(forget_failure)
    if len(answers) > _KEPT_MAX:
        del answers[next(iter(answers))]
    return task

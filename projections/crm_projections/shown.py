"""Waiting for read models to show all that was recorded, where less would be a wrong answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Final
from uuid import UUID

from crm_core import Lagging
from crm_core.ledger.postgres.connections import Pool
from crm_projections.checkpoints import reached

__all__ = ["require_shown"]

_SHOWN_SECONDS: Final = 5.0  # for the read models to show what there is when it is asked
_LOOK_SECONDS: Final = 0.05


async def require_shown(pool: Pool, tenant_id: UUID, position: int, names: Collection[str]) -> None:
    """Returns once these read models are at the position. Raises Lagging where they stay behind.

    `pool` may read the read models.
    """
    until = time.monotonic() + _SHOWN_SECONDS
    while (behind := await _behind(pool, tenant_id, position, names)) is not None:
        if time.monotonic() > until:
            raise behind
        await asyncio.sleep(_LOOK_SECONDS)


async def _behind(
    pool: Pool, tenant_id: UUID, position: int, names: Collection[str]
) -> Lagging | None:
    async with pool.connection() as connection:
        found = (await reached(connection, [tenant_id], names))[tenant_id]
    for name in names:
        shown = found[name].position if name in found else 0
        if shown < position:
            return Lagging(name, position, shown)
    return None

"""The log for witnesses: its checkpoint and its tiles, as C2SP tlog-tiles has them.

Open to everybody, like any transparency log: hashes and a count, no event and no id.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from crm_api.services import Services
from crm_core import CrmError

__all__ = ["Witness"]

_INDEX = re.compile(r"((?:x\d{3}/){0,5}\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)
_HASH_BYTES, _TILE_HASHES, _LEVELS_MAX = 32, 256, 7


class Witness:
    """`GET /audit/checkpoint`; `GET /audit/tile/<L>/<N>[.p/<W>]`. 404 for what is not signed."""

    def __init__(self, services: Services) -> None:
        self._audit = services.audit
        self._tenant_id = services.crm.tenant_id

    def routes(self) -> list[Route]:
        return [
            Route("/audit/checkpoint", self.checkpoint),
            Route("/audit/tile/{level:int}/{index:path}", self.tile),
        ]

    async def checkpoint(self, request: Request) -> Response:
        try:
            signed = await self._audit.checkpoint(self._tenant_id)
        except CrmError:
            return _nothing()
        return PlainTextResponse(signed.note, headers={"cache-control": "no-store"})

    async def tile(self, request: Request) -> Response:
        level = request.path_params["level"]
        found = _INDEX.fullmatch(request.path_params["index"])
        if found is None or level > _LEVELS_MAX:
            return _nothing()
        index = int(found[1].replace("/", "").replace("x", ""))
        width = int(found[2] or _TILE_HASHES)
        if found[2] and width == _TILE_HASHES:  # a whole tile goes by its other name
            return _nothing()
        try:
            signed = await self._audit.checkpoint(self._tenant_id)
        except CrmError:
            return _nothing()
        if width > _TILE_HASHES or index * _TILE_HASHES + width > signed.size >> 8 * level:
            return _nothing()
        tiles = await self._audit.store.tiles(self._tenant_id, [(level, index)])
        if (level, index) not in tiles:
            return _nothing()
        return Response(
            tiles[level, index][: width * _HASH_BYTES],
            media_type="application/octet-stream",
            headers={"cache-control": "public, max-age=31536000, immutable"},
        )


def _nothing() -> Response:
    return PlainTextResponse("not found", status_code=404)

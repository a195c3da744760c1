"""Files of bulk operations: uploads in, by whoever may import; results out, by signed links."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from crm_api.graphql.errors import ErrorCode
from crm_api.http.posts import answering, speaker
from crm_api.http.refusals import HttpRefusal, refusal_response
from crm_api.messages import language_of
from crm_api.services import Services
from crm_core import new_id
from crm_core.exchange import RunBulkImport

__all__ = ["FileRoutes"]

_MEDIA_TYPES = {".jsonl": "application/jsonl", ".parquet": "application/vnd.apache.parquet"}


class FileRoutes:
    """`POST /files` with a bearer token; `GET /files/<ticket>`, as answers give it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._bulk = services.bulk

    def routes(self) -> list[Route]:
        return [
            Route("/files", answering(self.take), methods=["POST"]),
            Route("/files/{ticket}", self.get, methods=["GET"]),
        ]

    async def take(self, request: Request) -> dict[str, Any]:
        """The body is the file. Raises HttpRefusal, Denied, Rejected `bulk.upload_too_large`."""
        crm = self._services.crm
        session = await speaker(self._services, request)
        rights = await crm.rights(crm.tenant_id, session.actor)
        rights.require(*RunBulkImport.right())
        upload_id = new_id()
        size = await self._bulk.files.receive(upload_id, request.stream())
        return {"uploadId": str(upload_id), "bytes": size}

    async def get(self, request: Request) -> Response:
        try:
            name = self._bulk.links.named(request.path_params["ticket"])
            if name is None:
                raise HttpRefusal(ErrorCode.FORBIDDEN, "bulk.bad_link")
            path = self._bulk.files.named(name)
            if not path.exists():
                raise HttpRefusal(ErrorCode.GONE, "bulk.file_gone")
        except HttpRefusal as refusal:
            language = language_of(request.headers.get("accept-language", ""))
            return refusal_response(refusal, language, "application/json")
        return FileResponse(
            path,
            media_type=_MEDIA_TYPES[path.suffix],
            filename=path.name,
            headers={"cache-control": "no-store", "x-content-type-options": "nosniff"},
        )

"""Files of bulk operations: uploads in, by whoever may import; results out, to who may see the
operation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from crm_api.graphql.context import Context
from crm_api.graphql.errors import ErrorCode
from crm_api.graphql.types.bulk_operation import BULK_OPERATION
from crm_api.http.posts import answering, refusing, speaker
from crm_api.http.refusals import HttpRefusal, refusal_response
from crm_api.messages import language_of
from crm_api.services import Services
from crm_core import new_id
from crm_core.exchange import RunBulkImport

__all__ = ["FileRoutes"]

_MEDIA_TYPES = {".jsonl": "application/jsonl", ".parquet": "application/vnd.apache.parquet"}


class FileRoutes:
    """`POST /files`; `GET /files/<name>`, as answers give it. Both with a bearer token or an API
    key: a name alone opens nothing.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._files = services.bulk.files

    def routes(self) -> list[Route]:
        return [
            Route("/files", answering(self.take), methods=["POST"]),
            Route("/files/{name}", refusing(self.give), methods=["GET"]),
        ]

    async def take(self, request: Request) -> dict[str, Any]:
        """The body is the file. Raises HttpRefusal, Denied, Rejected `bulk.upload_too_large`."""
        crm = self._services.crm
        session = await speaker(self._services, request)
        rights = await crm.rights(crm.tenant_id, session.actor)
        rights.require(*RunBulkImport.right())
        upload_id = new_id()
        size = await self._files.receive(upload_id, request.stream())
        return {"uploadId": str(upload_id), "bytes": size}

    async def give(self, request: Request) -> Response:
        """Raises HttpRefusal: the same for what is not there and for what others may have."""
        context = Context(self._services, session=await speaker(self._services, request))
        request.state.context = context  # so that the log says who has had it
        path = await self._shown(context, request.path_params["name"])
        if path is None:
            raise _no_file()
        try:
            return _Download(path)
        except FileNotFoundError:
            raise _no_file() from None

    async def _shown(self, context: Context, name: str) -> Path | None:
        """The file of this name, where its operation shows it to who asks."""
        try:
            operation_id = UUID(name.partition(".")[0])
        except ValueError:
            return None
        operation = await context.loaders.record(BULK_OPERATION, operation_id)
        if operation is None:
            return None
        found = (self._files.exported(operation.row), self._files.refused(operation.row))
        return next((path for path in found if path is not None and path.name == name), None)


class _Download(FileResponse):
    """An erasure may take the file away at any time: until it is open, that is a refusal; from then
    on all of it is sent.
    """

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError."""
        super().__init__(
            path,
            media_type=_MEDIA_TYPES[path.suffix],
            filename=path.name,
            headers={"cache-control": "no-store"},
            stat_result=path.stat(),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None

        async def send_once_open(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                await send(start)
                start = None
            await send(message)

        try:
            await super().__call__(scope, receive, send_once_open)
        except FileNotFoundError:
            language = language_of(Headers(scope=scope).get("accept-language", ""))
            refused = refusal_response(_no_file(), language, "application/json")
            await refused(scope, receive, send)


def _no_file() -> HttpRefusal:
    return HttpRefusal(ErrorCode.NOT_FOUND, "bulk.no_file")

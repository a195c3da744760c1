"""GraphiQL, served from files of this package: it works without any other server."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["graphiql_files", "graphiql_page"]

_FOLDER = Path(__file__).parent

_HEADERS = {
    # Scripts and styles only from here, never from the text of the page. One style that a dialog
    # of GraphiQL would put there, against scrolling behind it, is refused too; nobody misses it.
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "font-src 'self' data:",
            "img-src 'self' data:",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


async def graphiql_page(request: Request) -> Response:
    return FileResponse(_FOLDER / "page" / "index.html", headers=_HEADERS)


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


def graphiql_files(folder: Literal["page", "vendor"]) -> StaticFiles:
    """The scripts and styles: ours in `page`, those of others in `vendor`."""
    return _Files(directory=_FOLDER / folder)

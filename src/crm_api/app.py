"""The ASGI application: what is served where."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from crm_api.graphiql import graphiql_files, graphiql_page
from crm_api.http.account import Account
from crm_api.http.code_login import CodeLogin
from crm_api.http.files import FileRoutes
from crm_api.http.graphql import GraphQLApp
from crm_api.http.guard import Guard
from crm_api.http.health import Health
from crm_api.http.login import Login
from crm_api.http.metrics import Metrics
from crm_api.http.own_sessions import OwnSessions
from crm_api.http.own_user import OwnUser
from crm_api.http.passkey_login import PasskeyLogin
from crm_api.http.provider_login import ProviderLogin
from crm_api.http.telemetry import Telemetry
from crm_api.http.witness import Witness
from crm_api.services import Services

__all__ = ["create_app"]


def create_app(services: Services) -> Starlette:
    """The server over open services; who opened them closes them."""
    graphql = GraphQLApp(services)
    app = Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            Route("/health", Health(services).show),
            *Login(services).routes(),
            *Account(services).routes(),
            *OwnUser(services).routes(),
            *CodeLogin(services).routes(),
            *PasskeyLogin(services).routes(),
            *OwnSessions(services).routes(),
            *ProviderLogin(services).routes(),
            Route("/metrics", Metrics(services).show),
            *FileRoutes(services).routes(),
            *Witness(services).routes(),
            *([] if services.trusted.is_only else _pages()),
        ],
        middleware=[
            Middleware(Telemetry, closing=services.closing),
            Middleware(Guard),
            Middleware(_AtOnce, graphql=graphql),
        ],
    )
    # A program is told that its address is wrong: a redirect would send its token there again.
    app.router.redirect_slashes = False
    return app


class _AtOnce:
    """Answers what nearly all requests are for, before any route is asked. Where the server is
    mounted below another path, the routes find it.
    """

    def __init__(self, app: ASGIApp, graphql: GraphQLApp) -> None:
        self._app = app
        self._graphql = graphql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_graphql = scope["type"] == "http" and scope["path"] == "/graphql"
        await (self._graphql if is_graphql else self._app)(scope, receive, send)


def _pages() -> list[BaseRoute]:
    """To write documents by; of no use where only those that are known are run."""
    return [
        Route("/", _home),
        Route("/graphiql", graphiql_page),
        Mount("/graphiql/page", graphiql_files("page")),
        Mount("/graphiql/vendor", graphiql_files("vendor")),
    ]


async def _home(request: Request) -> Response:
    return RedirectResponse("/graphiql")

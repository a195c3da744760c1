"""GraphQL over HTTP (the working draft of the specification), websockets, and event streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import msgspec
from cachetools import LRUCache
from cross_web import StarletteRequestAdapter
from graphql import get_operation_ast
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData, process_result
from strawberry.http.streaming import HTTPStreamTransport
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    Message,
    SubscribeMessage,
    SubscribeMessagePayload,
)
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from crm_api.graphql.compiled.answers import CompiledReads
from crm_api.graphql.compiled.mutating import CompiledMutations
from crm_api.graphql.context import Context
from crm_api.graphql.documents import valid_document
from crm_api.graphql.errors import ErrorCode
from crm_api.graphql.masking import presented
from crm_api.http.allowance import Charge
from crm_api.http.bodies import json_object, read_body, require_json
from crm_api.http.charging import Charging
from crm_api.http.media_types import JSON, RESPONSE, media_type_of, media_type_or_json
from crm_api.http.refusals import HttpRefusal, refusal_error, refusal_response
from crm_api.http.streams import EVENT_STREAM, TRANSPORTS, until_closing
from crm_api.messages import language_of
from crm_api.schema import schema
from crm_api.services import Services

__all__ = ["GraphQLApp"]

_OPERATIONS = {
    "GET": {OperationType.QUERY},
    "POST": {OperationType.QUERY, OperationType.MUTATION},
}
_VARY = (b"vary", b"accept, accept-language, authorization")
_SUBSCRIPTIONS_MAX = 20  # at once, on one connection
_ACCEPTS_KNOWN_MAX, _ACCEPT_LENGTH_MAX = 256, 200


class _Request(StarletteRequestAdapter):
    async def get_body(self) -> bytes:
        return await read_body(self._request)


class _WebSocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    async def handle_message(self, message: Message) -> None:
        """A message of another shape than the protocol's closes the connection, with 4400."""
        try:
            await super().handle_message(message)
        except (TypeError, AttributeError):
            await self.handle_invalid_message("The message has not the protocol's shape")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """As over HTTP: `documentId` is taken in place of `query`, and the operation is charged.
        Who owes a second factor is told so at each operation; none of them is looked at.
        """
        if self.context.refused is not None:
            await self._refuse(message, self.context.refused)
            return
        if self.context.session is not None:
            try:
                message["payload"] = await self._admitted(message["payload"])
            except HttpRefusal as refusal:
                await self._refuse(message, refusal)
                return
        await super().handle_subscribe(message)  # which closes a connection without a session

    async def _refuse(self, message: SubscribeMessage, refusal: HttpRefusal) -> None:
        error = refusal_error(refusal, self.context.language)
        await self.send_message({"id": message["id"], "type": "error", "payload": [error]})

    async def _admitted(self, given: SubscribeMessagePayload) -> SubscribeMessagePayload:
        view, payload = self.view, cast("dict[str, Any]", given)
        assert isinstance(view, GraphQLApp), "it is served by this app"
        asked = GraphQLRequestData(
            query=view.trusted.text(
                payload.get("query"), payload.get("documentId"), self.context.session
            ),
            variables=payload.get("variables"),
            operation_name=payload.get("operationName"),
            extensions=None,
        )
        asked, _ = await view.charged(self.context, asked)
        admitted = {
            "query": asked.query,
            "variables": asked.variables,
            "operationName": asked.operation_name,
        }
        return cast("SubscribeMessagePayload", admitted)


class GraphQLApp(GraphQL[Context, None]):
    """Strawberry's ASGI app with the specification's status codes and media types."""

    request_adapter_class = _Request
    graphql_transport_ws_handler_class = _WebSocketHandler
    stream_transport_classes_by_protocol = TRANSPORTS

    def __init__(self, services: Services) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL, *TRANSPORTS],
            connection_init_wait_timeout=timedelta(seconds=10),
            max_subscriptions_per_connection=_SUBSCRIPTIONS_MAX,
        )
        self._services = services
        self.trusted = services.trusted
        self._charging = Charging(schema, services.buckets)
        self._queries = CompiledReads(schema, services)
        self._mutations = CompiledMutations(schema)
        self._streams: LRUCache[str, HTTPStreamTransport | None] = LRUCache(_ACCEPTS_KNOWN_MAX)

    def _get_stream_transport_from_headers(
        self, headers: Mapping[str, str]
    ) -> HTTPStreamTransport | None:
        """As Strawberry has it, once for each `Accept` of usual length: taking it apart costs each
        request more than asking its rights.
        """
        accept = headers.get("accept", "")
        if accept in self._streams:
            return self._streams[accept]
        transport = super()._get_stream_transport_from_headers(headers)
        if len(accept) <= _ACCEPT_LENGTH_MAX:
            self._streams[accept] = transport
        return transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        goes_on = self._get_stream_transport_from_headers(request.headers) is not None
        try:
            self._require_method(request)
            media_type = None if goes_on else media_type_of(request.headers.get("accept", ""))
            response = await self._respond(request)
        except HttpRefusal as refusal:
            request.state.outcome = refusal.code.value
            language = language_of(request.headers.get("accept-language", ""))
            accepted = media_type_or_json(request.headers.get("accept", ""))
            response = refusal_response(refusal, language, accepted)
        else:
            if media_type is None:  # a stream has its own, unless it is none after all
                response.headers.setdefault("content-type", f"{JSON}; charset=utf-8")
            else:
                _say(response, (b"content-type", f"{media_type}; charset=utf-8".encode()))
        _say(response, _VARY)
        if goes_on:
            await until_closing(self._services.closing, response, scope, receive, send)
        else:
            await response(scope, receive, send)

    # --- HTTP -------------------------------------------------------------------------------------

    def _require_method(self, request: Request) -> None:
        """Raises HttpRefusal: unless GET is turned on, nothing of what is asked for is in a URL."""
        taken = ("GET", "POST") if self._services.takes_get else ("POST",)
        if request.method not in taken:
            allow = {"allow": ", ".join(taken)}
            raise HttpRefusal(ErrorCode.METHOD_NOT_ALLOWED, "http.method_not_allowed", allow)

    async def _respond(self, request: Request) -> Response:
        context = await self.get_context(request, Response())
        asked = await self.parse_http_body(_Request(request))
        if asked.protocol != "http":
            asked = self._streamed(request, asked)
        asked, charge = await self.charged(context, asked)
        request.state.asked, context.charge = asked, charge
        if request.method == "POST" and asked.protocol == "http":
            told = (context, asked.query, asked.operation_name, asked.variables)
            answer = await self._queries.answer(*told) or await self._mutations.answer(*told)
            if answer is not None:
                cost = msgspec.json.encode({"cost": charge.shown()})
                return Response(b'%b,"extensions":%b}' % (answer[:-1], cost))
        return await self.run(request)

    async def charged(
        self, context: Context, asked: GraphQLRequestData
    ) -> tuple[GraphQLRequestData, Charge]:
        """What is left to be done, and what it was charged. Raises HttpRefusal."""
        return await self._charging.charged(context.actor.id, asked)

    def should_render_graphql_ide(self, request: Any) -> bool:
        return False

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        known: Context | None = getattr(request.state, "context", None)
        if known is not None:
            return known  # of the same request, which no statement has answered
        services = self._services
        context = Context(
            services=services,
            language=language_of(request.headers.get("accept-language", "")),
        )
        if isinstance(request, Request):
            header = request.headers.get("authorization", "")
            context.session = await services.credentials.bearer(header)
            if context.session is None:
                raise HttpRefusal(
                    ErrorCode.UNAUTHENTICATED, "auth.required", {"www-authenticate": "Bearer"}
                )
        request.state.context = context
        return context

    async def parse_http_body(self, request: Any) -> GraphQLRequestData:
        """The request of a body or a query string; no batches. Raises HttpRefusal."""
        known: GraphQLRequestData | None = getattr(request._request.state, "asked", None)
        if known is not None:
            return known
        transport = self._get_stream_transport_from_headers(request.headers)
        if request.method == "GET":
            given: dict[str, Any] = dict(request.query_params)
            for name in ("variables", "extensions"):
                if given.get(name):
                    given[name] = json_object(given[name])
        else:
            require_json(request.content_type or "")
            given = json_object(await request.get_body())
        return GraphQLRequestData(
            query=self.trusted.text(
                _member(given, "query", str),
                _member(given, "documentId", str),
                request._request.state.context.session,
            ),
            variables=_member(given, "variables", dict),
            operation_name=_member(given, "operationName", str),
            extensions=_member(given, "extensions", dict),
            protocol="http" if transport is None else transport.protocol,
        )

    def _streamed(self, request: Request, asked: GraphQLRequestData) -> GraphQLRequestData:
        """What is asked for as a stream; multipart is for subscriptions. Raises HttpRefusal."""
        document = None if asked.query is None else valid_document(asked.query, schema)
        operation = None if document is None else get_operation_ast(document, asked.operation_name)
        if operation is None:
            return asked  # its faults are told by the stream
        kind = OperationType(operation.operation.value)
        if request.method == "GET" and kind is OperationType.MUTATION:
            raise _wrong_operation(request, kind)
        is_event_stream = asked.protocol == EVENT_STREAM
        plain = kind is not OperationType.SUBSCRIPTION and not is_event_stream
        return replace(asked, protocol="http") if plain else asked

    async def execute_single(
        self,
        request: Request,
        request_adapter: Any,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Executes a query, or a mutation by POST. Raises HttpRefusal for what else it may be."""
        try:
            return await self.schema.execute(
                request_data.query,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=_OPERATIONS[request.method],
            )
        except InvalidOperationTypeError as error:
            raise _wrong_operation(request, error.operation_type) from None
        except (CannotGetOperationTypeError, MissingQueryError):
            raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.no_operation") from None

    async def process_result(
        self, request: Request, result: ExecutionResult
    ) -> GraphQLHTTPResponse:
        if result.errors:
            language = language_of(request.headers.get("accept-language", ""))
            result.errors = presented(result.errors, language, is_executing=True)
            request.state.outcome = (result.errors[0].extensions or {})["code"]
        response = process_result(result)
        if result.data is None and all(error.path is None for error in result.errors or ()):
            del response["data"]  # nothing was executed
        charge = request.state.context.charge
        response["extensions"] = {"cost": charge.shown()}
        return response

    def create_response(
        self,
        response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse],
        sub_response: Response,
    ) -> Response:
        response = super().create_response(response_data, sub_response)
        assert isinstance(response_data, dict), "there are no batches"
        response.status_code = _status(response_data, sub_response.media_type)
        return response

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        response = await super().get_sub_response(request)
        response.media_type = media_type_or_json(request.headers.get("accept", ""))
        return response

    # --- websockets -------------------------------------------------------------------------------

    async def on_ws_connect(self, context: Context) -> Any:
        """Takes the token of `connection_init`; without a valid one the connection is closed. By
        that of somebody who owes a second factor it speaks for nobody.
        """
        given = context.connection_params.get("authorization")
        if isinstance(given, str):
            try:
                context.session = await self._services.credentials.bearer(given)
            except HttpRefusal as refusal:
                context.refused = refusal
        if context.session is None and context.refused is None:
            raise ConnectionRejectionError
        return await super().on_ws_connect(context)

    # --- JSON -------------------------------------------------------------------------------------

    def encode_json(self, data: object) -> str:
        return msgspec.json.encode(data).decode()


def _say(response: Response, header: tuple[bytes, bytes]) -> None:
    """Sets a header; the guard adds those that every answer has."""
    raw = response.raw_headers
    raw[:] = [*(other for other in raw if other[0] != header[0]), header]


def _member(given: Mapping[str, Any], name: str, of: type[Any]) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, of):
        raise HttpRefusal(ErrorCode.BAD_REQUEST, "http.bad_member", name=name)
    return value


def _wrong_operation(request: Request, operation: OperationType) -> HttpRefusal:
    if operation is OperationType.MUTATION:
        return HttpRefusal(ErrorCode.METHOD_NOT_ALLOWED, "http.only_queries", {"allow": "POST"})
    return HttpRefusal(ErrorCode.BAD_REQUEST, "http.subscribe_elsewhere")


def _status(response: GraphQLHTTPResponse, media_type: str | None) -> int:
    """200 once anything was executed; else the request is to blame, as its media type says it."""
    codes = {
        error["extensions"]["code"]
        for error in response.get("errors") or ()
        if isinstance(error, dict) and "extensions" in error
    }
    if ErrorCode.UNAUTHENTICATED in codes:
        return 401
    if "data" in response:
        return 200
    return 400 if media_type == RESPONSE else 200

"""The judges: what each is asked, and the faults that it must find when they are planted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["CODEGEN", "LIVE", "STATIC", "Fault", "Judge"]


@dataclass(frozen=True)
class Fault:
    """Planted in the schema by `plant`; without one, it is what `served.Faulty` does."""

    name: str
    plant: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Judge:
    """`command` is run in `folder` of the workspace, after `first`; 0 is its yes.

    `package` is what the locks call it. What it looked at is `judged`, or what `counted` finds in
    its output.
    """

    package: str
    command: str
    faults: tuple[Fault, ...]
    folder: str = "."
    first: str | None = None
    judged: str = ""
    counted: str = r"[^\n]+(?=\s*\Z)"


def _renamed(type_name: str, field: str) -> Fault:
    def plant(schema: str) -> str:
        return _replaced(schema, type_name, rf"\n  {field}\b", f"\n  {field}Renamed")

    return Fault(f"{type_name} without {field}", plant)


def _nullable(type_name: str, field: str) -> Fault:
    def plant(schema: str) -> str:
        return _replaced(schema, type_name, rf"(\n  {field}: .+)!\n", r"\1\n")

    return Fault(f"{type_name}.{field} that may be null", plant)


def _required(type_name: str, argument: str) -> Fault:
    def plant(schema: str) -> str:
        return _replaced(schema, type_name, rf"(\n    {argument}: \w+)\n", r"\1!\n")

    return Fault(f"{type_name} that requires {argument}", plant)


def _replaced(schema: str, type_name: str, found: str, by: str) -> str:
    """The schema with the first place changed that is found in a type."""
    start = schema.index(f"\ntype {type_name} ")
    end = schema.index("\n}\n", start) + 1
    text, count = re.subn(found, by, schema[start:end], count=1)
    assert count, f"{found!r} is in {type_name}"
    return schema[:start] + text + schema[end:]


_REFUSAL = Fault("a refusal with 500")
_LOST = Fault("a lost event")
_UNLISTED = Fault("an error's code that is on no list")

_LINTED = (
    "relay-connection-types-spec,relay-connection-arguments-spec,relay-page-info-spec,"
    "deprecations-have-a-reason"
)

CODEGEN = Judge(
    "@graphql-codegen/client-preset",
    "graphql-codegen --config codegen.mjs",
    (_renamed("PageInfo", "endCursor"),),
    folder="client",
    judged="types and a manifest for a client's documents",
)

# They read the schema. What the first and the last generate is used by those that follow.
STATIC = (
    CODEGEN,
    Judge(
        "typescript",
        "tsc",
        (_nullable("CustomerConnection", "edges"),),
        folder="client",
        first=CODEGEN.command,
        judged="the types, by the strictest rules",
    ),
    Judge(
        "ariadne-codegen",
        "ariadne-codegen",
        (_renamed("PageInfo", "endCursor"),),
        folder="ariadne",
        judged="a typed Python client for the same documents",
    ),
    Judge(
        "@graphql-inspector/cli",
        "graphql-inspector diff released.graphql schema.graphql",
        (
            _renamed("Customer", "name"),
            _nullable("CustomerConnection", "edges"),
            _required("Subscription", "after"),
        ),
        judged="nothing that was released is broken",
    ),
    Judge(
        "graphql-schema-linter",
        f"graphql-schema-linter --rules {_LINTED} schema.graphql",
        (_renamed("CustomerConnection", "pageInfo"),),
        judged="Relay's connections, reasons of deprecations",
    ),
    Judge(
        "relay-compiler",
        "relay-compiler relay.config.json",
        (_renamed("Query", "node"),),
        folder="relay",
        judged="pages, refetching by node, a manifest",
    ),
)

# They ask the server.
LIVE = (
    Judge("graphql-http", "node graphql_http.mjs {url} {token}", (_REFUSAL,)),
    Judge("graphql-ws", "node graphql_ws.mjs {url} {token}", (_LOST,)),
    Judge("graphql-sse", "node graphql_sse.mjs {url} {token}", (_LOST,)),
    Judge("@apollo/client", "node client/built/apollo.js {url} {trusted} {token}", (_LOST,)),
    Judge("@urql/core", "node client/built/urql.js {trusted} {token}", (_LOST,)),
    Judge(
        "gql",
        "{gql} gql_client.py {url} {trusted} {token} client/src/gql/persisted-documents.json",
        (_LOST,),
    ),
    # The last: it changes whatever it finds.
    Judge(
        "schemathesis",
        'st run {url} -H "Authorization: Bearer {token}" --checks not_a_server_error'
        " --max-examples 10 --max-failures 5 --seed 1 --workers 2",
        (_UNLISTED,),
        folder="fuzz",
        counted=r"\d+ generated, \d+ passed",
    ),
)

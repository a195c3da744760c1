"""Writes the typed Python client from the schema: its types, its inputs, and its methods.

A record's class has its own values and what is embedded in it; other records are links, and lists
are methods that page. What the schema says of a thing is its docstring.
"""

from __future__ import annotations

from graphql import GraphQLSchema

from crm_api.client_code.calls import calls_of
from crm_api.client_code.types import (
    answer_classes,
    enum_classes,
    enums_of,
    input_classes,
    inputs_of,
)
from crm_api.client_code.words import docstring

__all__ = ["client_files"]

_IMPORTS = """
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec
"""
_TYPES = "from crm_client.made.types import *\n"


def client_files(schema: GraphQLSchema) -> dict[str, str]:
    """The text of each file by its name; not formatted yet."""
    calls = calls_of(schema)
    roots = {call.root.name: call.root for call in calls if call.root is not None}.values()
    inputs, enums = inputs_of(of for call in calls for of in call.arguments.values())
    found = enum_classes([*enums_of(roots), *enums]) | answer_classes(roots)
    given = input_classes(inputs)
    return {
        "types.py": _file(
            "What the API answers",
            _public(found),
            _IMPORTS,
            "from crm_client.asking import Link\nfrom crm_client.open_enum import OpenEnum\n",
            "\n".join(found.values()),
        ),
        "inputs.py": _file(
            "What the API is given",
            _public(given),
            _IMPORTS,
            "from crm_client.asking import Id\n" + _TYPES,
            "\n".join(given.values()),
        ),
        "operations.py": _file(
            "What both clients send",
            "from crm_client.asking import Command, Done, Follow, Listing, Read\n" + _TYPES,
            "\n".join(call.constant() for call in calls),
        ),
        "client.py": _file(
            "The client, to be awaited",
            _IMPORTS,
            "from collections.abc import AsyncIterator\n"
            "from crm_client.asking import Asking, Done, Id, Pages\n",
            _methods("Client(Asking)"),
            *(call.method(is_async=True) for call in calls),
        ),
        "sync.py": _file(
            "The client without `await`",
            _IMPORTS,
            "from collections.abc import Iterator\n"
            "from crm_client.asking import Done, Id\n"
            "from crm_client.sync_asking import SyncAsking, SyncPages\n",
            _methods("SyncClient(SyncAsking)"),
            *(call.method(is_async=False) for call in calls),
        ),
    }


def _file(title: str, *parts: str) -> str:
    first = f"{title}. Made from schema.graphql by `make client`."
    return "\n".join([docstring(first), "", "from __future__ import annotations", *parts]) + "\n"


def _public(classes: dict[str, str]) -> str:
    return f"__all__ = [{', '.join(map(repr, classes))}]"


def _methods(head: str) -> str:
    said = docstring("A method for every query, command and subscription of the API.")
    return (
        "from crm_client.made import operations\n"
        f"from crm_client.made.inputs import *\n{_TYPES}\n\nclass {head}:\n    {said}\n"
    )

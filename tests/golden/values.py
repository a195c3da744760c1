"""Values as JSON, each with its type: 1 is not "1", and a text that looks like a UUID is none."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec


def shown(value: Any) -> Any:
    match value:
        case Enum():
            return {"enum": value.value}
        case None | bool() | int() | str():
            return value
        case Decimal() | UUID():
            return {type(value).__name__.lower(): str(value)}
        case datetime():
            return {"time": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case list() | tuple():
            return [shown(item) for item in value]
        case set() | frozenset():
            return {"set": sorted((shown(item) for item in value), key=msgspec.json.encode)}
        case dict():
            return {"map": [[shown(key), shown(item)] for key, item in value.items()]}
        case msgspec.Struct():
            return {name: shown(getattr(value, name)) for name in value.__struct_fields__}
        case _:
            parts = dataclasses.fields(value)
            return {part.name: shown(getattr(value, part.name)) for part in parts}

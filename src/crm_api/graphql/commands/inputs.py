"""The input of a mutation, made from its command's fields, and the way back to the command."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from inspect import cleandoc
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.ids import uuid_of
from crm_api.graphql.scalars import CurrencyCode
from crm_core import Command, Invalid, Money
from crm_core.kernel import values

__all__ = ["CommandForm", "pascal", "summary"]

MadeId = Callable[[str], UUID]  # the id of a new thing, by the name of its field

# What can be said of the sending, next to the command's own fields.
_SENDING: dict[str, tuple[Any, str]] = {
    "expected_version": (
        int | None,
        "The version of the record that you have seen; the command is refused where it has moved"
        " on.",
    ),
    "idempotency_key": (
        str | None,
        "Names this request: sent again with the same key and the same content, it has no further"
        " effect and returns the first receipt.",
    ),
    "effective_at": (
        datetime | None,
        "When it happened, for what is entered later; now, if none is given.",
    ),
    "dry_run": (bool, "Only says what would be recorded. Nothing is stored."),
}


@strawberry.input(name="MoneyInput", description="An amount in one currency.")
class MoneyInput:
    amount: Decimal
    currency_code: CurrencyCode


def pascal(name: str) -> str:
    """`customer.register_person` as `CustomerRegisterPerson`."""
    return "".join(word.capitalize() for word in name.replace(".", "_").split("_"))


def summary(of: type[Any]) -> str | None:
    """The docstring in one line."""
    doc = of.__dict__.get("__doc__")
    return " ".join(cleandoc(doc).split()) if doc else None


@dataclass(frozen=True)
class CommandForm:
    """A command class as a GraphQL input."""

    command: type[Command]
    graphql_input: type[Any]

    @classmethod
    def of(cls, command: type[Command]) -> CommandForm:
        """Raises TypeError where a field has a type that GraphQL has no form for."""
        fields = _input_fields(command)
        for name, (of, description) in _SENDING.items():
            assert name not in fields, f"{command.NAME}.{name} hides an argument of the sending"
            default = False if of is bool else strawberry.UNSET
            fields[name] = of, strawberry.field(default=default, description=description)
        name = pascal(command.NAME) + "Input"
        return cls(command, _input_type(name, fields, summary(command)))

    def filled(self, given: Any, made_id: MadeId) -> Command:
        """The command that the input asks for. Raises Invalid with the path of a bad field."""
        return cast("Command", _filled(self.command, given, "", made_id))


# --- from Python types to GraphQL's ---------------------------------------------------------------


def _input_fields(of: type[msgspec.Struct]) -> dict[str, tuple[Any, Any]]:
    """Fields with their annotation and their strawberry field, required ones first."""
    hints = get_type_hints(of, include_extras=True)
    target = getattr(of, "TARGET", None)
    required, optional = {}, {}
    for field in msgspec.structs.fields(of):
        plain, constraint = _unwrapped(hints[field.name])
        annotation: Any = _annotation(plain)
        if hints[field.name] == values.CurrencyCode:
            annotation, constraint = CurrencyCode, ""
        notes = [constraint]
        if field.name == target:
            notes.append("The record: its global id or its bare UUID.")
        if field.required:
            required[field.name] = annotation, strawberry.field(description=_note(notes))
            continue
        if field.default_factory is not msgspec.NODEFAULT and plain is UUID:
            notes.append("Made for you where it is not given.")
        if isinstance(field.default, str | int | bool):
            optional[field.name] = (
                annotation,
                strawberry.field(default=field.default, description=_note(notes)),
            )
            continue
        optional[field.name] = (
            Union[annotation, None],  # noqa: UP007 - built from a variable
            strawberry.field(default=strawberry.UNSET, description=_note(notes)),
        )
    return required | optional


def _note(notes: list[str]) -> str | None:
    return " ".join(note for note in notes if note) or None


def _unwrapped(of: Any) -> tuple[Any, str]:
    """The type without its marks and without None, and its constraints in words."""
    constraints = ""
    if get_origin(of) is Annotated:
        of, *marks = get_args(of)
        constraints = " ".join(_words(mark) for mark in marks if isinstance(mark, msgspec.Meta))
    if get_origin(of) in (Union, UnionType):
        parts = [part for part in get_args(of) if part is not type(None)]
        if len(parts) == 1 and len(parts) < len(get_args(of)):
            return _unwrapped(parts[0])
        return Union[tuple(parts)], constraints  # noqa: UP007 - built from a tuple
    return of, constraints


def _words(meta: msgspec.Meta) -> str:
    """Constraints as a person reads them."""
    parts = [
        _span(meta.min_length, meta.max_length, " long"),
        _span(meta.ge, meta.le, ""),
        f"above {meta.gt}" if meta.gt is not None else "",
        f"below {meta.lt}" if meta.lt is not None else "",
        _PATTERNS.get(meta.pattern, f"like `{meta.pattern}`") if meta.pattern else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"{said[0].upper()}{said[1:]}." if said else ""


_PATTERNS = {
    r"\S": "not blank",
    r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$": "letters, digits and `_.:-`",
}


def _span(least: float | None, most: float | None, unit: str) -> str:
    if least is None:
        return "" if most is None else f"at most {most}{unit}"
    return f"at least {least}{unit}" if most is None else f"{least} to {most}{unit}"


_SAME = (str, int, bool, Decimal, datetime, date)


def _annotation(of: Any) -> Any:
    """The annotation of an input field for a type of the core, None left out."""
    if of is UUID:
        return strawberry.ID
    if of is Money:
        return MoneyInput
    if of in _SAME:
        return of
    if isinstance(of, type) and issubclass(of, StrEnum):
        return graphql_enum(of)
    if isinstance(of, type) and issubclass(of, msgspec.Struct):
        return _struct_input(of)
    match get_origin(of), get_args(of):
        case (origin, (item, *rest)) if origin is list or (origin is tuple and rest == [...]):
            return list[_annotation(_unwrapped(item)[0])]  # type: ignore[misc]
    raise TypeError(f"GraphQL has no form for {of}")


@cache
def _struct_input(of: type[msgspec.Struct]) -> type[Any]:
    return _input_type(f"{of.__name__}Input", _input_fields(of), summary(of))


def _input_type(
    name: str, fields: Mapping[str, tuple[Any, Any]], description: str | None
) -> type[Any]:
    def body(namespace: dict[str, Any]) -> None:
        namespace["__annotations__"] = {key: of for key, (of, _) in fields.items()}
        namespace.update({key: field for key, (_, field) in fields.items()})

    made = types.new_class(name, (), {}, body)
    return strawberry.input(made, name=name, description=description)


# --- and back -------------------------------------------------------------------------------------


@cache
def _fields(of: type[msgspec.Struct]) -> tuple[tuple[Any, Any], ...]:
    """The fields with their plain types: reckoned once, for evaluating annotations is dear."""
    hints = get_type_hints(of, include_extras=True)
    return tuple((field, _unwrapped(hints[field.name])[0]) for field in msgspec.structs.fields(of))


def _filled(of: type[msgspec.Struct], given: Any, path: str, made_id: MadeId) -> msgspec.Struct:
    filled = {}
    for field, plain in _fields(of):
        where = f"{path}{field.name}"
        value = getattr(given, field.name)
        if value is strawberry.UNSET or (value is None and not field.required):
            if field.default_factory is not msgspec.NODEFAULT and plain is UUID:
                filled[field.name] = made_id(where)
            continue
        filled[field.name] = _value(plain, value, where, made_id)
    try:
        return of(**filled)
    except Invalid as error:  # a value's own rule, such as money's digits
        raise Invalid(path + error.path, error.parameters["problem"]) from None


def _value(of: Any, value: Any, where: str, made_id: MadeId) -> Any:
    match value:
        case None:
            return None
        case str() if of is UUID:
            found = uuid_of(value)
            if found is None:
                raise Invalid(where, "is no id")
            return found
        case str() if "\0" in value:
            raise Invalid(where, "must not contain the character U+0000")
        case MoneyInput():
            return _money(value, where)
        case list():
            item, _ = _unwrapped(get_args(of)[0])
            return tuple(_value(item, part, where, made_id) for part in value)
        case _ if isinstance(of, type) and issubclass(of, msgspec.Struct):
            return _filled(of, value, f"{where}.", made_id)
        case _:
            return value


def _money(given: MoneyInput, where: str) -> Money:
    try:
        return Money(given.amount, given.currency_code)
    except Invalid as error:
        raise Invalid(f"{where}.{error.path}", error.parameters["problem"]) from None

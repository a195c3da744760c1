"""The root of all mutations: one field for every command of the catalogue that is not internal."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import msgspec
import strawberry
from strawberry.utils.str_converters import to_camel_case

from crm_api.bulk.columns import require_parquet
from crm_api.bulk.exporting import list_query
from crm_api.graphql.commands.execution import Check, execute, executed_again, given_or_none
from crm_api.graphql.commands.inputs import CommandForm, pascal, summary
from crm_api.graphql.commands.payloads import payload_type
from crm_api.graphql.context import Info
from crm_api.graphql.registry import kind_of_name
from crm_core import Command, Invalid
from crm_core.catalog import COMMANDS
from crm_core.exchange import BulkFormat

__all__ = ["FORMS", "INTERNAL", "Mutation"]

INTERNAL: frozenset[str] = frozenset(
    {
        "tenant.onboard", "tenant.suspend", "tenant.resume",
        "session.open", "session.rotate",
        "api_key.issue", "user.enrol_totp", "user.confirm_totp",  # their secrets are made here
        "user.use_code", "user.note_failed_sign_in", "user.note_sign_in_locked",
        # What these say was proved at the door.
        "user.register_passkey", "user.use_passkey", "user.turn_on_sent_codes",
        "user.use_sent_code", "user.note_code_sent",
        "user.complete_hand_over",
        "erasure.record_key_destroyed", "erasure.complete", "disclosure.record",
        "retention.record_applied",
        "bulk_operation.take", "bulk_operation.note_progress", "bulk_operation.complete",
        "bulk_operation.fail",
    }
)  # fmt: skip
"""Commands that no client may send; they are for programs of ours."""


FORMS: dict[str, CommandForm] = {}
"""What the mutations take, by their names."""


def _check_export(info: Info, given: Any) -> None:
    list_query(given.query, info.schema)
    variables = given_or_none(given.variables)
    if variables is not None and not _is_object(variables):
        raise Invalid("variables", "is a JSON object")
    if given.format is BulkFormat.CSV:
        raise Invalid("format", "is JSONL or PARQUET: what a query lists may be nested")
    if given.format is BulkFormat.PARQUET:
        require_parquet()


def _check_import(info: Info, given: Any) -> None:
    form = FORMS.get(given.mutation)
    if form is None or form.command.NAME.startswith("bulk_operation."):
        raise Invalid("mutation", "is no mutation that takes rows")
    if given.format is BulkFormat.PARQUET:
        raise Invalid("format", "is JSONL or CSV")
    if given_or_none(given.mapping) and given.format is not BulkFormat.CSV:
        raise Invalid("mapping", "is for CSV")


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


_CHECKS: Mapping[str, Check] = MappingProxyType(
    {"bulk_operation.export": _check_export, "bulk_operation.import": _check_import}
)
"""What is looked at before the command is asked, because only the schema knows it."""


def _resolver(command: type[Command]) -> Callable[..., Awaitable[Any]]:
    form = FORMS[to_camel_case(command.NAME.replace(".", "_"))] = CommandForm.of(command)
    kind = kind_of_name(command.NAME.partition(".")[0])
    check = _CHECKS.get(command.NAME)
    payload = payload_type(pascal(command.NAME) + "Payload", kind)

    async def resolve(info: Info, input: Any) -> Any:
        if info.context.executed is not None:
            return executed_again(info.context)
        return await execute(info, form, payload, input, check)

    resolve.__name__ = command.NAME.replace(".", "_")
    resolve.__annotations__ = {"info": Info, "input": form.graphql_input, "return": payload}
    return resolve


def _body(namespace: dict[str, Any]) -> None:
    for name, command in sorted(COMMANDS.items()):
        if name not in INTERNAL:
            namespace[name.replace(".", "_")] = strawberry.mutation(
                resolver=_resolver(command), description=summary(command)
            )


_Root = types.new_class("Mutation", (), {}, _body)
Mutation = cast(
    "type[Any]",
    strawberry.type(
        _Root,
        description="What can be changed: one field for each command. A refusal is in"
        " `userErrors`; nothing was recorded then.",
    ),
)

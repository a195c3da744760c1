"""The root of all mutations: one field for every command of the catalogue that is not internal."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable
from typing import Any, cast

import strawberry

from crm_api.graphql.commands.execution import execute
from crm_api.graphql.commands.inputs import CommandForm, pascal, summary
from crm_api.graphql.commands.payloads import payload_type
from crm_api.graphql.context import Info
from crm_api.graphql.registry import kind_of_name
from crm_core import Command
from crm_core.catalog import COMMANDS

__all__ = ["INTERNAL", "Mutation"]

INTERNAL: frozenset[str] = frozenset(
    {
        "tenant.onboard", "tenant.suspend", "tenant.resume",
        "session.open", "session.rotate",
        "api_key.issue", "user.enrol_totp", "user.confirm_totp",  # their secrets are made here
        "user.use_code", "user.note_failed_sign_in",
        "erasure.record_key_destroyed", "erasure.complete", "disclosure.record",
    }
)  # fmt: skip
"""Commands that no client may send; they are for programs of ours."""


def _resolver(command: type[Command]) -> Callable[..., Awaitable[Any]]:
    form = CommandForm.of(command)
    kind = kind_of_name(command.NAME.partition(".")[0])
    payload = payload_type(pascal(command.NAME) + "Payload", kind)

    async def resolve(info: Info, input: Any) -> Any:
        return await execute(info, form, payload, kind, input)

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

"""Executes the command of a mutation and answers with what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import strawberry

from crm_api.graphql.commands.inputs import CommandForm
from crm_api.graphql.commands.payloads import CommandReceipt, MutationPayload, PlannedEvent
from crm_api.graphql.commands.proof import require_proof
from crm_api.graphql.context import Context, Info
from crm_api.graphql.errors import user_error
from crm_api.graphql.scalars import Position
from crm_core import Command, CrmError, Invalid, derived_id, new_id

__all__ = ["Check", "execute", "executed_again", "given_or_none"]

KEY_LENGTH_MAX = 200

Check = Callable[[Info, Any], None]


async def execute(
    info: Info,
    form: CommandForm,
    payload: type[MutationPayload],
    given: Any,
    check: Check | None = None,
) -> MutationPayload:
    """The payload; what the command is refused for is in it, other failures are raised.

    `check` looks at what only the door knows of the input, and raises CrmError.
    """
    context = info.context
    try:
        if check is not None:
            check(info, given)
        key = _key(given.idempotency_key)
        command = form.filled(given, _made_ids(context, key))
        await require_proof(context, command)
        if given.dry_run:
            return await _rehearsed(context, payload, command, given)
        receipt = await context.services.crm.execute(
            command,
            actor=context.actor,
            command_id=None if key is None else _derived(context, key),
            effective_at=given_or_none(given.effective_at),
            expected_version=given_or_none(given.expected_version),
        )
    except CrmError as refusal:
        error = user_error(refusal, context.language)
        if error is None:
            raise
        return payload(user_errors=[error], receipt=None, planned_events=None)
    context.wrote(Position(receipt.position))
    return payload(
        user_errors=[],
        receipt=CommandReceipt.of(receipt),
        planned_events=None,
        changed_id=command.target_id,
    )


def executed_again(context: Context) -> MutationPayload:
    """What came of the operation's command, whose answer is begun anew."""
    assert context.executed is not None, "the command was executed"
    payload: MutationPayload = context.executed.again()
    if payload.receipt is not None:
        context.wrote(payload.receipt.position)
    return payload


async def _rehearsed(
    context: Context, payload: type[MutationPayload], command: Command, given: Any
) -> MutationPayload:
    events = await context.services.crm.rehearse(
        command,
        actor=context.actor,
        effective_at=given_or_none(given.effective_at),
        expected_version=given_or_none(given.expected_version),
    )
    planned = [PlannedEvent.of(event) for event in events]
    return payload(user_errors=[], receipt=None, planned_events=planned)


def _key(given: str | None) -> str | None:
    key: str | None = given_or_none(given)
    if key is not None and not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise Invalid("idempotency_key", f"must be 1 to {KEY_LENGTH_MAX} characters long")
    return key


def _made_ids(context: Context, key: str | None) -> Callable[[str], UUID]:
    """Ids of new things: under a key the same request names the same things each time."""
    if key is None:
        return lambda field: new_id()
    return lambda field: _derived(context, key, field)


def _derived(context: Context, *parts: str) -> UUID:
    return derived_id(context.tenant_id, "idempotency", *parts)


def given_or_none(value: Any) -> Any:
    return None if value is strawberry.UNSET else value

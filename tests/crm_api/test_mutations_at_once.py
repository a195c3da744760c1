"""A mutation of one command is answered in front of the executor, with the same answer."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_api.graphql.compiled.mutating import CompiledMutations
from crm_api.graphql.loading import Loaders
from crm_core import Crm, Receipt, Unavailable
from crm_core.customers.customer.commands import ArchiveCustomer

from .test_commands import REGISTER, RENAME, register

ALIASED = """
mutation Rename($id: ID!, $name: String!, $again: Boolean = false) {
  renamed: customerRename(input: {customerId: $id, name: $name}) {
    ...told
    customer { id name @skip(if: $again) ... on Node { kind: __typename } }
  }
}
fragment told on MutationPayload { __typename receipt { replayed } userErrors { code path } }
"""
TWO = """
mutation ($id: ID!) {
  a: customerRename(input: {customerId: $id, name: "A"}) { customer { name } }
  b: customerRename(input: {customerId: $id, name: "B"}) { customer { name } }
}
"""
_VARYING = re.compile(
    r'"(?:position|id|uuid|email|commandId|recordUuid)": (?:"[^"]*"|\d+)|"eventIds": \[[^\]]*\]'
)


@asynccontextmanager
async def by_the_executor(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    async def nothing(*_: Any) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr(CompiledMutations, "answer", nothing)
        yield


async def asked(api: Any, document: str, who: str = "admin", **variables: Any) -> str:
    body = await api.ask(document, who=who, **variables)
    for error in body.get("errors", ()):
        error["extensions"].pop("traceId")
    body["extensions"]["cost"].pop("throttleStatus")
    return json.dumps(body)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each request, whether it was answered in front of the executor."""
    told: list[bool] = []
    original = CompiledMutations.answer

    async def answer(self: CompiledMutations, *given: Any) -> bytes | None:
        body = await original(self, *given)
        told.append(body is not None)
        return body

    monkeypatch.setattr(CompiledMutations, "answer", answer)
    return told


async def test_both_ways_give_the_same_answer(
    api: Any, monkeypatch: pytest.MonkeyPatch, at_once: list[bool]
) -> None:
    """Over what is stored, rehearsed, refused by a rule, a right or a version, and malformed."""
    archived = (await register(api, "Old"))["customer"]
    await api.given(ArchiveCustomer(customer_id=UUID(archived["uuid"])))
    old = archived["id"]
    cases: list[tuple[bool, str, dict[str, Any], str]] = [
        (True, REGISTER, {"input": {"name": "Ada", "email": "$FRESH@example.com"}}, "admin"),
        (True, REGISTER, {"input": {"name": "Ada", "dryRun": True}}, "admin"),
        (True, REGISTER, {"input": {"name": " "}}, "admin"),
        (True, REGISTER, {"input": {"name": "Ada", "customerId": "no id"}}, "admin"),
        (True, REGISTER, {"input": {"name": "Ada"}}, "auditor"),
        (True, REGISTER, {"input": {"name": "Ada"}}, "nobody"),
        (True, RENAME, {"input": {"customerId": "$NEW", "name": "Eve"}}, "admin"),
        (True, RENAME, {"input": {"customerId": "$NEW", "name": "E", "expectedVersion": 7}},
         "admin"),
        (True, RENAME, {"input": {"customerId": old, "name": "Eve"}}, "admin"),
        (True, RENAME, {"input": {"customerId": str(uuid4()), "name": "Eve"}}, "admin"),
        (True, ALIASED, {"id": "$NEW", "name": "Eve"}, "admin"),
        (True, ALIASED, {"id": "$NEW", "name": "Eve", "again": True}, "admin"),
        (False, RENAME, {"input": {"name": "Eve"}}, "admin"),
        (False, RENAME, {"input": {"customerId": 1.5, "name": "Eve"}}, "admin"),
        (False, TWO, {"id": "$NEW"}, "admin"),
    ]  # fmt: skip
    for is_covered, document, variables, who in cases:
        given = await _filled(api, variables)
        at_once.clear()
        first = await asked(api, document, who, **given)
        assert at_once == [is_covered], (document, variables)
        given = await _filled(api, variables)
        async with by_the_executor(monkeypatch):
            second = await asked(api, document, who, **given)
        assert _VARYING.sub("0", first) == _VARYING.sub("0", second)


async def _filled(api: Any, variables: dict[str, Any]) -> dict[str, Any]:
    """`$NEW` is the id of a customer made now, `$FRESH` a word that was never used."""
    text = json.dumps(variables)
    if "$NEW" in text:
        text = text.replace("$NEW", (await register(api, "New"))["customer"]["id"])
    filled: dict[str, Any] = json.loads(text.replace("$FRESH", uuid4().hex))
    return filled


async def test_a_command_whose_record_cannot_be_shown_is_executed_once(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The executor says what is wrong, and does not begin with the command again."""
    executed = _counted(monkeypatch)

    async def broken(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(Loaders, "folded", broken)
    answer = await api.ask(REGISTER, input={"name": "Ada"})
    assert [error["path"] for error in answer["errors"]] == [["customerRegisterPerson", "customer"]]
    told = answer["data"]["customerRegisterPerson"]
    assert (told["customer"], told["receipt"]["replayed"]) == (None, False)
    assert executed == ["customer.register_person"]


async def test_an_answer_that_is_begun_anew_shows_the_own_write(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed, failures = _counted(monkeypatch), [RuntimeError()]
    original = Loaders.folded

    async def broken_once(self: Loaders, *given: Any) -> Any:
        if failures:
            raise failures.pop()
        return await original(self, *given)

    monkeypatch.setattr(Loaders, "folded", broken_once)
    customer = (await register(api, "Ada"))["customer"]
    assert (customer["name"], len(customer["timeline"]["nodes"])) == ("Ada", 1)
    assert (executed, failures) == (["customer.register_person"], [])


async def test_a_command_that_fails_is_tried_once(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed = _counted(monkeypatch, Unavailable("database.gone"))
    answer = await api.ask(REGISTER, input={"name": "Ada"})
    (error,) = answer["errors"]
    assert (answer["data"], error["extensions"]["code"]) == (None, "UNAVAILABLE")
    assert executed == ["customer.register_person"]


def _counted(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> list[str]:
    """The names of the commands that are executed; with an error, that is what comes of them."""
    executed: list[str] = []
    original = Crm.execute

    async def execute(self: Crm, command: Any, **more: Any) -> Receipt:
        executed.append(command.NAME)
        if error is not None:
            raise error
        return await original(self, command, **more)

    monkeypatch.setattr(Crm, "execute", execute)
    return executed

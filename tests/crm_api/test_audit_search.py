"""Searching the audit trail: by what the envelopes say, and by words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from crm_core import SYSTEM, Actor, ActorKind, new_id
from crm_core.access.rights import Scope
from crm_core.customers.customer.commands import RegisterPerson, RenameCustomer, TagCustomer
from crm_core.identity import (
    ActivateUser,
    DeactivateUser,
    DefineRole,
    EraseUser,
    GrantRole,
    InviteUser,
    RoleRule,
)
from crm_core.service import OpenTicket, TicketChannel

from .conftest import make_user

SEARCH = """query ($search: String, $where: AuditWhere, $after: String) {
  auditTrail(search: $search, where: $where, first: 2, after: $after) {
    totalCount nodes { position recordUuid type } pageInfo { hasNextPage endCursor } } }"""


async def found(api: Any, who: str = "auditor", **asked: Any) -> list[tuple[str, str]]:
    """All entries, page by page: whose record, and which fact."""
    entries: list[tuple[str, str]] = []
    after = None
    while True:
        page = (await api.data(SEARCH, who=who, after=after, **asked))["auditTrail"]
        entries += [(node["recordUuid"], node["type"].rpartition(".")[2]) for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(entries)
            return entries
        after = page["pageInfo"]["endCursor"]


async def test_words_are_found_in_names_types_and_reasons(api: Any) -> None:
    ada, other, word = new_id(), new_id(), f"Q{uuid4().hex[:8]}"
    crm = api.services.crm
    await crm.execute(RegisterPerson(customer_id=ada, name=f"Ada {word} Lovelace"), SYSTEM)
    await crm.execute(TagCustomer(customer_id=ada, tag="vip"), SYSTEM)
    await crm.execute(
        RegisterPerson(customer_id=other, name="Other"), Actor(ActorKind.IMPORT, "erp"),
        reason=f"import:{word}:people.csv:12",
    )  # fmt: skip
    await api.shown()
    assert await found(api, search=word.lower()) == [
        (str(other), "registered"), (str(ada), "tagged"), (str(ada), "registered"),
    ]  # fmt: skip
    assert await found(api, search=f"{word} tagged") == [(str(ada), "tagged")]
    assert await found(api, search=f"{word} csv:12") == [(str(other), "registered")]
    assert await found(api, search=f"{word} 100%") == []


async def test_names_without_spaces_between_words_are_found(api: Any) -> None:
    person = new_id()
    await api.given(RegisterPerson(customer_id=person, name="国际贸易促进会上海分会"))
    assert await found(api, search="促进会上") == [(str(person), "registered")]


async def test_a_name_that_is_gone_is_not_found_any_more(api: Any) -> None:
    """What is searched is what the read models hold by now: the old name is in no index."""
    person, word = new_id(), f"Q{uuid4().hex[:8]}"
    await api.given(RegisterPerson(customer_id=person, name=word))
    assert len(await found(api, search=word)) == 1
    await api.given(RenameCustomer(customer_id=person, name="Somebody"))
    assert await found(api, search=word) == []


async def test_an_entry_is_found_by_what_its_envelope_says(api: Any) -> None:
    person, journey, cause = new_id(), uuid4(), uuid4()
    crm = api.services.crm
    await crm.execute(
        RegisterPerson(customer_id=person, name="Ada"), Actor(ActorKind.IMPORT, "erp"),
        reason="import:erp:people.csv:7", correlation_id=journey, causation_id=cause,
        effective_at=datetime(2001, 2, 3, tzinfo=UTC),
    )  # fmt: skip
    await crm.execute(TagCustomer(customer_id=person, tag="vip"), SYSTEM)
    await api.shown()
    this = {"recordId": {"eq": str(person)}}
    for where in (
        {"reason": {"contains": "people.csv:7"}}, {"correlationId": {"eq": str(journey)}},
        {"causationId": {"eq": str(cause)}}, {"actorKind": {"eq": "IMPORT"}},
        {"actorId": {"eq": "erp"}}, {"happenedAt": {"lt": "2001-02-04T00:00:00Z"}},
        {"type": {"eq": "customers.customer.registered"}},
        {"not": {"recordedAt": {"lt": "2001-02-04T00:00:00Z"}}, "reason": {"isNull": False}},
    ):  # fmt: skip
        assert await found(api, where=this | where) == [(str(person), "registered")], where


async def test_a_user_is_found_by_name_in_what_was_done_by_them_and_to_them(api: Any) -> None:
    person, word = new_id(), f"Q{uuid4().hex[:8]}"
    invite = InviteUser(name=f"Anna {word}")
    grant = GrantRole(user_id=invite.user_id, role="sales")
    for command in (invite, ActivateUser(user_id=invite.user_id), grant):
        await api.given(command)
    await api.services.crm.execute(
        RegisterPerson(customer_id=person, name="Ada"), Actor.user(invite.user_id)
    )
    await api.shown()
    assert await found(api, search=word) == [
        (str(person), "registered"), (str(invite.user_id), "role_granted"),
        (str(invite.user_id), "activated"), (str(invite.user_id), "invited"),
    ]  # fmt: skip
    assert await found(api, search=f"{word} registered") == [(str(person), "registered")]

    audits = RoleRule(kind="event", actions=("audit",), scope=Scope.ALL)
    await api.given(DefineRole(name=word.lower(), rules=(audits,)))
    api.people["watcher"] = await make_user(api.services, word.lower())
    assert await found(api, who="watcher", search=word) == [], "who may not read users"


async def test_a_user_who_was_erased_is_found_by_name_no_more(api: Any) -> None:
    word = f"Q{uuid4().hex[:8]}"
    invite = InviteUser(name=word)
    await api.given(invite)
    assert len(await found(api, search=word)) == 1
    await api.given(DeactivateUser(user_id=invite.user_id))
    await api.given(EraseUser(user_id=invite.user_id))
    assert await found(api, search=word) == []


async def test_an_id_is_found_wherever_it_stands(api: Any) -> None:
    person, ticket = new_id(), new_id()
    await api.given(RegisterPerson(customer_id=person, name="Ada"))
    opened = await api.given(
        OpenTicket(ticket_id=ticket, customer_id=person, subject="?", channel=TicketChannel.EMAIL)
    )
    both = [(str(ticket), "opened"), (str(person), "registered")]
    assert await found(api, search=str(person)) == both
    assert await found(api, where={"subjectId": {"eq": str(person)}}) == both
    assert await found(api, search=str(opened.command_id).upper()) == both[:1]


async def test_all_lines_of_an_import_have_one_source(api: Any) -> None:
    word = f"q{uuid4().hex[:8]}"
    for line in (7, 77):
        await api.services.crm.execute(
            RegisterPerson(name="Ada"), Actor(ActorKind.IMPORT, "erp"),
            reason=f"import:erp:{word}.csv:{line}",
        )  # fmt: skip
    await api.shown()
    assert len(await found(api, where={"source": {"eq": f"import:erp:{word}.csv"}})) == 2
    assert len(await found(api, search=word)) == 2
    assert len(await found(api, search=f"{word}.csv:7")) == 1


async def test_a_search_is_for_auditors_and_has_limits(api: Any) -> None:
    assert await api.codes(SEARCH, who="sales", search="x") == ["FORBIDDEN"]
    body = await api.ask(SEARCH, who="auditor", search=" ".join("abcdefghijk"))
    assert body["errors"][0]["extensions"]["reason"] == "query.too_many_words"

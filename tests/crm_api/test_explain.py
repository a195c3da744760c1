"""Why a field has its value, over GraphQL, and where every field has its value from."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from crm_core import SYSTEM, Actor, ActorKind, new_id
from crm_core.customers.customer.commands import RegisterPerson, RenameCustomer, TagCustomer
from crm_core.engagement.interaction.commands import LogInteraction
from crm_core.engagement.interaction.events import (
    InteractionChannel,
    InteractionDirection,
    InteractionVisibility,
)
from crm_core.identity.user.commands import SetPassword

EXPLAIN = """query ($id: ID!, $field: String!, $asOf: AsOf) {
  explain(id: $id, field: $field, asOf: $asOf) {
    recordType field value withheld
    setBy { event { type version data } command { reason source actor { kind id }
      cause { event { type } command { actor { kind id } } } } } } }"""


async def explain(api: Any, record_id: object, field: str, who: str = "admin", **more: Any) -> Any:
    data = await api.data(EXPLAIN, who=who, id=str(record_id), field=field, **more)
    return data["explain"]


async def test_a_value_is_explained_down_to_the_user_behind_the_rule(api: Any) -> None:
    person, journey = new_id(), uuid4()
    anna, rule = Actor.user(api.people["sales"]), Actor(ActorKind.RULE, "vip@2")
    crm = api.services.crm
    first = await crm.execute(
        RegisterPerson(customer_id=person, name="Ada"), anna, correlation_id=journey
    )
    # A rule has no rights of its own yet: the program acts for it.
    await crm.execute(
        TagCustomer(customer_id=person, tag="vip"), Actor(ActorKind.SYSTEM, rule.id),
        correlation_id=journey, causation_id=first.event_ids[0], reason="rule:vip:2",
    )  # fmt: skip
    found = await explain(api, person, "tags")
    assert (found["recordType"], found["field"], found["value"]) == (
        "customers.customer", "tags", ["vip"],
    )  # fmt: skip
    assert found["setBy"]["event"]["type"] == "customers.customer.tagged"
    command = found["setBy"]["command"]
    assert (command["actor"]["id"], command["reason"]) == ("vip@2", "rule:vip:2")
    assert command["cause"] == {
        "event": {"type": "customers.customer.registered"},
        "command": {"actor": {"kind": "USER", "id": str(api.people["sales"])}},
    }


async def test_a_cause_that_may_not_be_seen_is_like_one_that_is_not(api: Any) -> None:
    person, journey = new_id(), uuid4()
    crm = api.services.crm
    user = await api.invited("sales")
    cause = await crm.execute(
        SetPassword(user_id=user, password="a long enough password"), SYSTEM,
        correlation_id=journey,
    )  # fmt: skip
    await crm.execute(
        RegisterPerson(customer_id=person, name="Ada"), SYSTEM,
        correlation_id=journey, causation_id=cause.event_ids[0],
    )  # fmt: skip
    await api.shown()
    seen = await explain(api, person, "name")
    assert seen["setBy"]["command"]["cause"]["event"]["type"] == "identity.user.password_set"
    assert await explain(api, person, "name", who="nobody") is None
    assert await explain(api, new_id(), "name") is None
    assert await explain(api, person, "shoeSize", who="nobody") is None


async def test_a_field_that_is_not_there_is_refused_by_its_name(api: Any) -> None:
    person = new_id()
    await api.given(RegisterPerson(customer_id=person, name="Ada"))
    body = await api.ask(EXPLAIN, id=str(person), field="shoeSize")
    (error,) = body["errors"]
    assert error["extensions"]["reason"] == "explain.unknown_field"


async def test_secrets_and_words_for_others_are_withheld_from_an_explanation(api: Any) -> None:
    user, person, call = await api.invited("sales"), new_id(), new_id()
    await api.given(
        SetPassword(user_id=user, password="correct horse battery"),
        RegisterPerson(customer_id=person, name="Ada"),
        LogInteraction(
            interaction_id=call, customer_id=person, channel=InteractionChannel.CALL,
            direction=InteractionDirection.INBOUND, body="Between us",
            visibility=InteractionVisibility.PARTICIPANTS,
        ),
    )  # fmt: skip
    found = await explain(api, user, "passwordHash")
    assert (found["value"], found["withheld"]) == (None, True)
    assert found["setBy"]["event"]["data"] == {"password_hash": None}
    for who, withheld in (("sales", True), ("auditor", False)):
        found = await explain(api, call, "content", who=who)
        assert found["withheld"] is withheld
        assert ("Between" in str(found)) is not withheld


async def test_every_record_says_where_its_fields_are_from(api: Any) -> None:
    person, crm = new_id(), api.services.crm
    importer = Actor(ActorKind.IMPORT, "erp")
    await crm.execute(
        RegisterPerson(customer_id=person, name="Ada"), importer, reason="import:erp:people.csv:12"
    )
    await crm.execute(RenameCustomer(customer_id=person, name="Ada L."), SYSTEM)
    await api.shown()
    asked = """query ($id: ID!, $then: AsOf) { customer(by: {id: $id}, asOf: $then) {
      all: provenance { field }
      provenance(fields: ["name", "kind"]) {
        field source recordedAt happenedAt actor { kind id } event { version } } } }"""
    found = (await api.data(asked, id=str(person)))["customer"]
    assert {"name", "kind", "lifecycle"} <= {origin["field"] for origin in found["all"]}
    told = {o["field"]: (o["source"], o["actor"]["id"], o["event"]["version"])
            for o in found["provenance"]}  # fmt: skip
    assert told == {"name": (None, "crm", 2), "kind": ("import:erp:people.csv:12", "erp", 1)}
    then = (await api.data(asked, id=str(person), then={"version": 1}))["customer"]
    assert {o["source"] for o in then["provenance"]} == {"import:erp:people.csv:12"}

"""Commands over GraphQL: receipts, refusals, and seeing one's own writes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from crm_api.graphql.commands.inputs import pascal
from crm_api.graphql.commands.mutation import INTERNAL
from crm_api.graphql.ids import global_id
from crm_api.schema import schema
from crm_core.catalog import COMMANDS
from crm_core.customers.customer.commands import RegisterPerson

REGISTER = """
mutation ($input: CustomerRegisterPersonInput!) {
  customerRegisterPerson(input: $input) {
    userErrors { __typename code message path }
    receipt { commandId eventIds position replayed }
    plannedEvents { type recordUuid }
    customer { id uuid name email version status
               timeline(first: 10) { nodes { type } } history(first: 10) { totalCount } }
  }
}
"""
RENAME = """
mutation ($input: CustomerRenameInput!) {
  customerRename(input: $input) {
    userErrors {
      __typename code message path
      ... on ValidationError { constraint }
      ... on RuleError { parameters }
      ... on VersionConflictError { expectedVersion actualVersion between { type } }
      ... on PermissionError { right }
    }
    receipt { position replayed eventIds }
    customer { name version }
  }
}
"""


async def register(api: Any, name: str = "Ada", **more: Any) -> dict[str, Any]:
    data = await api.data(REGISTER, input={"name": name, **more})
    answer: dict[str, Any] = data["customerRegisterPerson"]
    assert answer["userErrors"] == []
    return answer


async def test_a_client_sees_its_own_write_at_once(api: Any) -> None:
    email = f"{uuid4().hex}@example.com"
    answer = await register(api, "Grace", email=email)
    customer = answer["customer"]
    assert (customer["name"], customer["email"], customer["version"]) == ("Grace", email, 2)
    assert customer["history"]["totalCount"] == 2
    assert len(customer["timeline"]["nodes"]) == 2
    assert len(answer["receipt"]["eventIds"]) == 2


async def test_a_query_with_the_receipts_position_shows_the_write(api: Any) -> None:
    answer = await register(api, "Linus")
    data = await api.data(
        """query ($id: ID!, $position: Position!) {
             customer(by: {id: $id}, minPosition: $position) { name } }""",
        id=answer["customer"]["id"],
        position=answer["receipt"]["position"],
    )
    assert data["customer"]["name"] == "Linus"


async def test_the_receipt_names_the_events(api: Any) -> None:
    answer = await register(api)
    data = await api.data(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on EventRecord { type position } } }",
        ids=answer["receipt"]["eventIds"],
    )
    (event,) = data["nodes"]
    assert event["type"] == "customers.customer.registered"
    assert event["position"] == answer["receipt"]["position"]


# --- the same request again -----------------------------------------------------------------------


async def test_the_same_key_and_content_returns_the_first_receipt(api: Any) -> None:
    key = uuid4().hex
    first = await register(api, "Once", idempotencyKey=key)
    again = await register(api, "Once", idempotencyKey=key)
    assert again["receipt"] == first["receipt"] | {"replayed": True}
    assert again["customer"] == first["customer"]


async def test_the_same_key_with_other_content_is_refused(api: Any) -> None:
    key = uuid4().hex
    await register(api, "Once", idempotencyKey=key)
    data = await api.data(REGISTER, input={"name": "Twice", "idempotencyKey": key})
    answer = data["customerRegisterPerson"]
    assert answer["userErrors"][0]["__typename"] == "IdempotencyKeyReusedError"
    assert (answer["receipt"], answer["customer"]) == (None, None)


async def test_an_empty_key_is_refused(api: Any) -> None:
    data = await api.data(REGISTER, input={"name": "Once", "idempotencyKey": ""})
    assert data["customerRegisterPerson"]["userErrors"][0]["path"] == ["idempotencyKey"]


# --- refusals -------------------------------------------------------------------------------------


async def test_a_record_that_has_moved_on_is_a_conflict(api: Any) -> None:
    customer = (await register(api))["customer"]
    await api.data(RENAME, input={"customerId": customer["id"], "name": "Changed"})
    data = await api.data(
        RENAME, input={"customerId": customer["id"], "name": "Late", "expectedVersion": 1}
    )
    (error,) = data["customerRename"]["userErrors"]
    assert error["__typename"] == "VersionConflictError"
    assert (error["expectedVersion"], error["actualVersion"]) == (1, 2)
    assert [event["type"] for event in error["between"]] == ["customers.customer.renamed"]
    assert data["customerRename"]["customer"] is None


async def test_the_version_that_was_seen_is_accepted(api: Any) -> None:
    customer = (await register(api))["customer"]
    given = {"customerId": customer["uuid"], "name": "In time", "expectedVersion": 1}
    data = await api.data(RENAME, input=given)
    assert data["customerRename"]["customer"] == {"name": "In time", "version": 2}


async def test_a_field_of_the_wrong_form_is_named(api: Any) -> None:
    data = await api.data(REGISTER, input={"name": ""})
    (error,) = data["customerRegisterPerson"]["userErrors"]
    assert (error["__typename"], error["path"]) == ("ValidationError", ["name"])


async def test_the_digits_of_money_are_checked_where_they_are(api: Any) -> None:
    data = await api.data(
        """mutation ($input: CustomerSetOrganizationProfileInput!) {
             customerSetOrganizationProfile(input: $input) { userErrors { path code } } }""",
        input={
            "customerId": str(uuid4()),
            "annualRevenue": {"amount": "1.001", "currencyCode": "EUR"},
        },
    )
    (error,) = data["customerSetOrganizationProfile"]["userErrors"]
    assert error == {"path": ["annualRevenue", "amount"], "code": "command.invalid"}


async def test_a_text_that_no_database_holds_is_refused(api: Any) -> None:
    data = await api.data(REGISTER, input={"name": "a\0b"})
    assert data["customerRegisterPerson"]["userErrors"][0]["path"] == ["name"]


async def test_a_garbage_id_is_a_validation_error(api: Any) -> None:
    data = await api.data(RENAME, input={"customerId": "garbage", "name": "X"})
    assert data["customerRename"]["userErrors"][0]["path"] == ["customerId"]


async def test_a_rules_no_comes_with_its_code_and_parameters(api: Any) -> None:
    customer = (await register(api))["customer"]
    await api.data(
        """mutation ($id: ID!) {
             customerArchive(input: {customerId: $id}) { receipt { position } } }""",
        id=customer["id"],
    )
    data = await api.data(RENAME, input={"customerId": customer["id"], "name": "X"})
    (error,) = data["customerRename"]["userErrors"]
    assert (error["__typename"], error["code"]) == ("RuleError", "customer.archived")
    assert error["parameters"] == {"customerId": customer["uuid"]}


async def test_messages_come_in_the_readers_language(api: Any) -> None:
    response = await api.http.post(
        "/graphql",
        json={"query": RENAME, "variables": {"input": {"customerId": str(uuid4()), "name": "X"}}},
        headers=api.headers("admin") | {"accept-language": "zh-TW"},
    )
    (error,) = response.json()["data"]["customerRename"]["userErrors"]
    assert error["__typename"] == "NotFoundError"
    assert error["message"] == "沒有此記錄，或您無權檢視。"


async def test_who_lacks_the_right_is_told_which(api: Any) -> None:
    data = await api.data(
        """mutation { userInvite(input: {name: "Eve"}) {
             userErrors { __typename ... on PermissionError { right } } receipt { position } } }""",
        who="sales",
    )
    answer = data["userInvite"]
    assert answer["userErrors"] == [{"__typename": "PermissionError", "right": "user.invite"}]
    assert answer["receipt"] is None


async def test_the_record_is_not_shown_to_who_may_not_read_it(api: Any) -> None:
    data = await api.data(REGISTER, who="auditor", input={"name": "X"})
    answer = data["customerRegisterPerson"]
    assert answer["userErrors"][0]["__typename"] == "PermissionError"
    assert answer["customer"] is None


# --- other ways to send ---------------------------------------------------------------------------


async def test_a_dry_run_says_what_would_be_recorded_and_stores_nothing(api: Any) -> None:
    head = await api.services.crm.position()
    email = f"{uuid4().hex}@example.com"
    data = await api.data(REGISTER, input={"name": "Maybe", "email": email, "dryRun": True})
    answer = data["customerRegisterPerson"]
    assert [event["type"] for event in answer["plannedEvents"]] == [
        "customers.customer.registered",
        "customers.customer.contact_point_added",
    ]
    assert (answer["receipt"], answer["customer"]) == (None, None)
    assert await api.services.crm.position() == head


async def test_a_dry_run_is_refused_as_the_command_would_be(api: Any) -> None:
    data = await api.data(REGISTER, input={"name": "", "dryRun": True})
    assert data["customerRegisterPerson"]["userErrors"][0]["path"] == ["name"]
    future = {"name": "Early", "dryRun": True, "effectiveAt": "2999-01-01T00:00:00Z"}
    data = await api.data(REGISTER, input=future)
    (error,) = data["customerRegisterPerson"]["userErrors"]
    assert error["code"] == "command.effective_in_future"


async def test_what_happened_earlier_keeps_its_time(api: Any) -> None:
    answer = await register(api, "Early", effectiveAt="2020-02-03T04:05:06+01:00")
    data = await api.data(
        """query ($id: ID!, $position: Position) {
             customer(by: {id: $id}, minPosition: $position) {
               createdAt history(first: 1) { nodes { happenedAt recordedAt } } } }""",
        id=answer["customer"]["id"],
        position=answer["receipt"]["position"],
    )
    assert data["customer"]["createdAt"] == "2020-02-03T03:05:06Z"
    (event,) = data["customer"]["history"]["nodes"]
    assert event["happenedAt"] == "2020-02-03T03:05:06Z"
    assert event["recordedAt"] > "2026"


async def test_mutations_of_one_document_are_executed_in_order(api: Any) -> None:
    person = uuid4()
    data = await api.data(
        """mutation ($id: ID!) {
             made: customerRegisterPerson(input: {customerId: $id, name: "One"}) {
               customer { name version } }
             renamed: customerRename(input: {customerId: $id, name: "Two"}) {
               customer { name version } } }""",
        id=global_id("Customer", person),
    )
    assert data["made"]["customer"] == {"name": "One", "version": 1}
    assert data["renamed"]["customer"] == {"name": "Two", "version": 2}


async def test_lists_and_nested_inputs_reach_the_command(api: Any) -> None:
    data = await api.data(
        """mutation ($input: PipelineDefineInput!) {
             pipelineDefine(input: $input) {
               userErrors { code message path }
               pipeline { name stages { id probability stageClass } } } }""",
        input={
            "name": "Short",
            "stages": [
                {"id": "talk", "name": "Talk", "probability": "20"},
                {"id": "won", "name": "Won", "probability": "100", "stageClass": "WON",
                 "forecastCategory": "CLOSED"},
                {"id": "lost", "name": "Lost", "probability": "0", "stageClass": "LOST",
                 "forecastCategory": "OMITTED"},
            ],
        },
    )  # fmt: skip
    answer = data["pipelineDefine"]
    assert answer["userErrors"] == []
    assert [stage["id"] for stage in answer["pipeline"]["stages"]] == ["talk", "won", "lost"]


# --- completeness ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_a_mutation_or_internal(name: str) -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    camel = pascal(name)
    field = camel[0].lower() + camel[1:]
    if name in INTERNAL:
        assert field not in mutations.fields
        return
    mutation = mutations.fields[field]
    assert mutation.description
    assert list(mutation.args) == ["input"]
    assert str(mutation.args["input"].type) == f"{camel}Input!"
    assert str(mutation.type) == f"{camel}Payload!"


def test_no_mutation_is_without_a_command() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    assert len(mutations.fields) == len(COMMANDS) - len(INTERNAL)


def test_internal_commands_exist() -> None:
    assert set(COMMANDS) >= INTERNAL


async def test_the_library_and_the_api_record_the_same(api: Any) -> None:
    by_api = await register(api, "Same")
    command = RegisterPerson(name="Same")
    await api.given(command)
    histories = [
        await api.services.crm.history(record_id)
        for record_id in (command.customer_id, UUID(by_api["customer"]["uuid"]))
    ]
    one, other = ([(event.type, event.data.name) for event in history] for history in histories)
    assert one == other

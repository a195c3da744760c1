"""What a breach concerns, asked over GraphQL, page by page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from crm_core.audit.reads import ReadMode

from .conftest import Api

ASKED = """query ($id: ID!, $from: DateTime!, $to: DateTime!, $read: String, $seen: String) {
  breachScope(principalId: $id, from: $from, to: $to) {
    isWhole
    modes { mode since }
    didRead(first: 2, after: $read) {
      nodes { kind recordUuid subjectUuids times personal firstAt lastAt }
      pageInfo { hasNextPage endCursor }
    }
    couldSee(first: 3, after: $seen) {
      nodes { kind recordUuid subjectUuids firstAt lastAt }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""


@pytest.fixture
def recording_all(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.services.read_log, "mode", ReadMode.ALL)


async def test_what_somebody_read_is_told_record_by_record(
    api: Api, sales: dict[str, UUID], recording_all: None
) -> None:
    since = api.services.crm.store.ledger.clock.now()
    reader = await api.invited("sales")
    api.people["reader"] = reader
    await api.shown()
    some = 'where: {channel: {eq: WEB}, subject: {eq: "Help"}}'  # other tickets are nobody's
    tickets = f"{{ tickets(first: 3, {some}) {{ nodes {{ uuid subject customer {{ uuid }} }} }} }}"
    shown = (await api.data(tickets, who="reader"))["tickets"]["nodes"]
    await api.data(f"{{ tickets(first: 1, {some}) {{ nodes {{ status }} }} }}", who="reader")
    given = {
        "id": str(reader),
        "from": since.isoformat(),
        "to": (since + timedelta(hours=1)).isoformat(),
    }
    read: dict[str, Any] = {}
    page = None
    while page is None or page["pageInfo"]["hasNextPage"]:
        after = {} if page is None else {"read": page["pageInfo"]["endCursor"]}
        scope = (await api.data(ASKED, who="auditor", **given, **after))["breachScope"]
        page = scope["didRead"]
        assert len(page["nodes"]) <= 2
        read |= {of["recordUuid"]: of for of in page["nodes"]}
    customers = {of["customer"]["uuid"] for of in shown}
    assert set(read) == {of["uuid"] for of in shown} | customers
    times = {of["uuid"]: read[of["uuid"]]["times"] for of in shown}
    assert sorted(times.values()) == [1, 1, 2]
    for of in shown:
        assert read[of["uuid"]]["subjectUuids"] == [of["customer"]["uuid"]]
        assert read[of["uuid"]]["personal"] is True
        assert read[of["customer"]["uuid"]]["personal"] is False
    assert scope["isWhole"] is False
    assert [of["mode"] for of in scope["modes"]] == ["MATTERS"]
    seen = scope["couldSee"]
    assert [of["kind"] for of in seen["nodes"]] == ["user"] * 3  # the first that there were
    assert seen["pageInfo"]["hasNextPage"] is True


async def test_who_may_not_audit_is_not_told_whom_a_breach_concerns(api: Api) -> None:
    now = api.services.crm.store.ledger.clock.now().isoformat()
    given = {"id": str(api.people["sales"]), "from": now, "to": now}
    assert await api.codes(ASKED, who="sales", **given) == ["FORBIDDEN"]
    unknown = await api.data(ASKED, who="auditor", **given | {"id": str(UUID(int=404))})
    assert unknown == {"breachScope": None}
    for after in ({"read": "nonsense"}, {"seen": "nonsense"}):
        assert "BAD_CURSOR" in await api.codes(ASKED, who="auditor", **given, **after)

"""The Python client gql: `gql_client.py URL TRUSTED TOKEN MANIFEST`.

Queries, pages and a mutation against the published schema, a subscription by websocket, and a
document by its hash, which gql has no name for: a request of its own says it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from gql import Client, GraphQLRequest, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

PAGE = """
query Page($after: String) {
  customers(first: 2, after: $after, orderBy: [{ field: NAME }]) {
    nodes { name }
    pageInfo { hasNextPage endCursor }
  }
}
"""


class Trusted(GraphQLRequest):
    """A document of the manifest, sent by its name."""

    def __init__(self, document_id: str, text: str) -> None:
        super().__init__(text)
        self.document_id = document_id

    @property
    def payload(self) -> dict[str, Any]:
        return {"documentId": self.document_id}


async def main(url: str, trusted: str, token: str, manifest: str) -> None:
    authorization = {"authorization": f"Bearer {token}"}
    http = AIOHTTPTransport(url=url, headers=authorization)
    async with Client(transport=http, fetch_schema_from_transport=True) as session:
        names: list[str] = []
        after = None
        while True:
            asked = GraphQLRequest(PAGE, variable_values={"after": after})
            page = (await session.execute(asked))["customers"]
            names += [node["name"] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert names == ["Ada", "Blaise", "Claude", "Dorothy", "Emmy"], names
        tried = await session.execute(
            gql('mutation { customerRegisterPerson(input: { name: "Fay", dryRun: true }) {'
                " plannedEvents { type } userErrors { code } } }")
        )  # fmt: skip
        assert tried["customerRegisterPerson"]["userErrors"] == []
        codes = []
        try:
            await session.execute(gql('{ node(id: "nothing") { id } }'))
        except TransportQueryError as refused:
            codes = [error["extensions"]["code"] for error in refused.errors or ()]
        assert codes == ["BAD_ID"], codes

    socket = WebsocketsTransport(url=url.replace("http", "ws"), init_payload=authorization)
    async with Client(transport=socket) as session:
        document = gql("subscription { events(after: 1) { position } }")
        async for event in session.subscribe(document):
            assert event["events"]["position"] == 2, "a subscription resumes after its position"
            break

    documents: dict[str, str] = json.loads(Path(manifest).read_text())
    who_am_i = next(item for item in documents.items() if item[1].startswith("query WhoAmI"))
    http = AIOHTTPTransport(url=trusted, headers=authorization)
    async with Client(transport=http) as session:
        assert (await session.execute(Trusted(*who_am_i)))["viewer"]["name"] == "Judge"
    print("pages, a dry run, an error's code; a subscription by websocket; a document by its hash")


asyncio.run(main(*sys.argv[1:]))

// urql against a server that runs trusted documents alone: a cached query, pages, a mutation, and
// subscriptions by event stream, where queries stay JSON. `urql.js TRUSTED TOKEN`
import assert from "node:assert/strict";
import { cacheExchange, Client, fetchExchange, makeOperation, mapExchange } from "@urql/core";
import type { OperationResult } from "@urql/core";
import { following, page, rename } from "./documents.js";
import type { PageQuery } from "./gql/graphql.js";

const [trusted, token] = process.argv.slice(2) as [string, string];
const mediaTypes: (string | null)[] = [];

// Behind the cache a document is its hash alone, as urql's `documentId` wants it.
const named = mapExchange({
  onOperation(operation) {
    const { __meta__ } = operation.query as unknown as { __meta__: { hash: string } };
    const query = { kind: "Document", definitions: [], documentId: __meta__.hash } as never;
    return makeOperation(operation.kind, { ...operation, query }, operation.context);
  },
});

const client = new Client({
  url: trusted,
  exchanges: [cacheExchange, named, fetchExchange],
  fetchSubscriptions: true,
  preferGetMethod: false,
  fetchOptions: { headers: { authorization: `Bearer ${token}` } },
  fetch: async (target, init) => {
    const response = await fetch(target, init);
    mediaTypes.push(response.headers.get("content-type"));
    return response;
  },
});

const names: (string | null)[] = [];
let after: string | null | undefined;
do {
  const { data, error }: OperationResult<PageQuery> = await client.query(page, { after });
  if (error) throw error;
  assert(data?.customers);
  names.push(...data.customers.edges.map(({ node }) => node.name));
  after = data.customers.pageInfo.hasNextPage ? data.customers.pageInfo.endCursor : undefined;
} while (after);
assert.deepEqual(names, ["Ada", "Blaise", "Claude", "Dorothy", "Emmy"]);

// The document cache answers what it has, until a mutation touches a type of the answer.
const asked = () => mediaTypes.length;
const before = asked();
const first = await client.query(page, { after: undefined });
assert.equal(asked(), before, "what was asked before comes from the cache");
const id = first.data?.customers?.edges[0]?.node.id;
assert(id);
const renamed = await client.mutation(rename, { id, name: "Ada" });
assert.deepEqual(renamed.data?.customerRename.userErrors, []);
await client.query(page, { after: undefined });
assert.equal(asked(), before + 2, "the mutation has made the cache forget it");

const position = await new Promise((resolve, reject) => {
  const { unsubscribe } = client
    .subscription(following, { after: 1 })
    .subscribe(({ data, error }) => {
      unsubscribe();
      if (error) reject(error);
      else resolve(data?.events.position);
    });
});
assert.equal(position, 2, "a subscription resumes after its position");
assert.match(mediaTypes.pop() ?? "", /^text\/event-stream/);
for (const mediaType of mediaTypes) assert.match(mediaType ?? "", /json/);
console.log("pages, the document cache, a mutation; an event stream, JSON for all else");
process.exit(0); // urql lets the abort of the stream that was left go unhandled

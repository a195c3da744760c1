// Apollo Client against a server that runs trusted documents alone: cache, pages, possible types,
// subscriptions by multipart and by websocket. `apollo.js URL TRUSTED TOKEN`
import assert from "node:assert/strict";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, type DocumentNode } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { createClient } from "graphql-ws";
import { following, page, record, rename } from "./documents.js";

const [url, trusted, token] = process.argv.slice(2) as [string, string, string];
const authorization = `Bearer ${token}`;

const cache = new InMemoryCache({
  possibleTypes: await possibleTypes(),
  typePolicies: { Query: { fields: { customers: relayStylePagination(["orderBy"]) } } },
});

// The document's name travels in `extensions` and is taken out of them just before it is sent.
const named = new ApolloLink((operation, forward) => {
  operation.setContext({ http: { includeQuery: false, includeExtensions: true } });
  operation.extensions["documentId"] = hashOf(operation.query);
  return forward(operation);
});
type Body = { query?: string; extensions: { documentId: string } };
const byName = ({ query: _, extensions, ...rest }: Body) => ({ ...rest, ...extensions });

const http = new HttpLink({
  uri: trusted,
  headers: { authorization },
  fetch: (target, init) =>
    fetch(target, { ...init, body: JSON.stringify(byName(JSON.parse(String(init?.body)))) }),
});
const client = new ApolloClient({ cache, link: named.concat(http) });

// Pages that the cache joins to one list.
const pages = client.watchQuery({ query: page, variables: {} });
pages.subscribe(() => {});
let { data } = await client.query({ query: page, variables: {} });
while (data?.customers?.pageInfo.hasNextPage) {
  await pages.fetchMore({ variables: { after: data.customers.pageInfo.endCursor } });
  data = client.readQuery({ query: page, variables: {} }) ?? undefined;
}
const names = () =>
  client.readQuery({ query: page, variables: {} })?.customers?.edges.map(({ node }) => node.name);
assert.deepEqual(names(), ["Ada", "Blaise", "Claude", "Dorothy", "Emmy"]);

// A fragment of an interface is read from the cache; a mutation's answer changes the list.
const id = data?.customers?.edges[0]?.node.id;
assert(id);
await client.query({ query: record, variables: { id } });
const cached = await client.query({ query: record, variables: { id }, fetchPolicy: "cache-only" });
assert.match(JSON.stringify(cached.data?.node), /"version":\d/, "the interface's fields are cached");
const renamed = await client.mutate({ mutation: rename, variables: { id, name: "Ada L." } });
assert.deepEqual(renamed.data?.customerRename.userErrors, []);
assert.equal(names()?.[0], "Ada L.", "the list shows the new name");
await client.mutate({ mutation: rename, variables: { id, name: "Ada" } });

// Subscriptions resume after their position.
const socket = createClient({
  url: trusted.replace("http", "ws"),
  connectionParams: { authorization },
  jsonMessageReplacer: (key, value) =>
    key === "payload" && value?.extensions?.documentId ? byName(value) : value,
});
const live = new ApolloClient({ cache, link: named.concat(new GraphQLWsLink(socket)) });
for (const over of [client, live]) {
  const first = await new Promise((resolve, reject) => {
    const subscription = over.subscribe({ query: following, variables: { after: 1 } }).subscribe({
      next: ({ data, error }) => {
        subscription.unsubscribe();
        if (error) reject(error);
        else resolve(data?.events.position);
      },
      error: reject,
    });
  });
  assert.equal(first, 2, "a subscription resumes after its position");
}
await socket.dispose();
console.log("pages in one list, interfaces, a mutation in the cache; multipart and websocket");

function hashOf(document: DocumentNode): string {
  return (document as unknown as { __meta__: { hash: string } }).__meta__.hash;
}

async function possibleTypes(): Promise<Record<string, string[]>> {
  const query = "{ __schema { types { name possibleTypes { name } } } }";
  const headers = { authorization, "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query }) });
  type Types = { name: string; possibleTypes: { name: string }[] | null }[];
  const types = ((await response.json()) as { data: { __schema: { types: Types } } }).data.__schema.types;
  return Object.fromEntries(
    types.flatMap(({ name, possibleTypes }) =>
      possibleTypes ? [[name, possibleTypes.map((type) => type.name)]] : [],
    ),
  );
}

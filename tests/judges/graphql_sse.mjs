// The client graphql-sse, in distinct connections mode. `graphql_sse.mjs URL TOKEN`
import assert from "node:assert";
import { createClient } from "graphql-sse";

const [url, token] = process.argv.slice(2);
const client = createClient({ url, headers: { authorization: `Bearer ${token}` } });
for await (const result of client.iterate({ query: "{ viewer { name } }" })) {
  assert(result.data.viewer.name, "a query is answered by a stream");
}
for await (const result of client.iterate({
  query: "subscription { events(after: 1) { position } }",
})) {
  assert.strictEqual(result.data.events.position, 2, "a subscription resumes after its position");
  break;
}
client.dispose();
console.log("a query, a subscription that resumes");

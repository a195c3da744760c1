// The client graphql-ws, and raw sockets for the protocol's close codes. `graphql_ws.mjs URL TOKEN`
import assert from "node:assert";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [http, token] = process.argv.slice(2);
const url = http.replace("http", "ws");
const authorization = `Bearer ${token}`;

const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { authorization } });
for await (const result of client.iterate({ query: "{ viewer { name } }" })) {
  assert(result.data.viewer.name, "a query is answered over the socket");
}
await assert.rejects(async () => {
  for await (const _ of client.iterate({ query: "{ nothing }" }));
}, "a document with a fault is refused");
for await (const result of client.iterate({
  query: "subscription { events(after: 0) { position } }",
})) {
  assert.strictEqual(result.data.events.position, 1, "a subscription resumes after its position");
  break;
}
await client.dispose();

const closed = (messages) =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, "graphql-transport-ws");
    socket.on("open", () => messages.forEach((message) => socket.send(message)));
    socket.on("close", (code) => resolve(code));
  });
const init = JSON.stringify({ type: "connection_init", payload: { authorization } });
const subscribe = JSON.stringify({
  type: "subscribe",
  id: "1",
  payload: { query: "subscription { events(after: 1000000) { position } }" },
});
assert.strictEqual(await closed(["no json"]), 4400);
assert.strictEqual(await closed([subscribe]), 4401);
assert.strictEqual(await closed([init, init]), 4429);
assert.strictEqual(await closed([init, subscribe, subscribe]), 4409);
console.log("a query, an error, a subscription; 4400, 4401, 4409, 4429");

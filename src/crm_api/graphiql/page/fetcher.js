// Sends operations: subscriptions over graphql-transport-ws, all others over HTTP.

import { session } from "./session.js";

export function fetcher(onRefused) {
  return (request, { documentAST } = {}) =>
    isSubscription(request, documentAST) ? follow(request) : post(request, onRefused);
}

function isSubscription({ operationName }, document) {
  const operations = document?.definitions.filter((d) => d.kind === "OperationDefinition") ?? [];
  const asked = operations.find((o) => o.name?.value === operationName) ?? operations[0];
  return asked?.operation === "subscription";
}

async function post(request, onRefused) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
      authorization: `Bearer ${session()?.token ?? ""}`,
    },
    body: JSON.stringify(request),
  });
  if (response.status === 401) onRefused();
  return response.json();
}

// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
async function* follow(request) {
  const url = new URL("/graphql", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url, "graphql-transport-ws");
  const waiting = [];
  let wake = () => {};
  const arrive = (item) => {
    waiting.push(item);
    wake();
  };
  const send = (message) => socket.send(JSON.stringify(message));
  socket.onopen = () =>
    send({
      type: "connection_init",
      payload: { authorization: `Bearer ${session()?.token ?? ""}` },
    });
  socket.onclose = ({ code, reason }) =>
    arrive({ error: new Error(`The connection was closed (${code}${reason && `: ${reason}`})`) });
  socket.onmessage = ({ data }) => {
    const { type, payload } = JSON.parse(data);
    if (type === "connection_ack") send({ id: "1", type: "subscribe", payload: request });
    if (type === "ping") send({ type: "pong" });
    if (type === "next") arrive({ value: payload });
    if (type === "error") arrive({ value: { errors: payload }, last: true });
    if (type === "complete") arrive({ last: true });
  };
  try {
    for (;;) {
      while (waiting.length === 0) await new Promise((resolve) => (wake = resolve));
      const { value, error, last } = waiting.shift();
      if (error) throw error;
      if (value) yield value;
      if (last) return;
    }
  } finally {
    socket.onclose = null;
    socket.close(1000);
  }
}

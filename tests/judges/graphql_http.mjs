// graphql-http's audit of GraphQL over HTTP: every check must be ok. `graphql_http.mjs URL TOKEN`
import { auditServer } from "graphql-http";

const [url, token] = process.argv.slice(2);
const fetchFn = (target, init = {}) =>
  fetch(target, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
const results = await auditServer({ url, fetchFn });
const failed = results.filter((result) => result.status !== "ok");
for (const result of failed) console.error(result.status, result.id, result.name, result.reason);
console.log(`${results.length - failed.length} of ${results.length} ok`);
process.exit(failed.length ? 1 : 0);

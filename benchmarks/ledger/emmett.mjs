// node emmett.mjs WHAT URL HOW: appends to, fills or reads Emmett's event store; prints JSON.
import { randomUUID } from 'node:crypto';
import { dumbo } from '@event-driven-io/dumbo';
import { getPostgreSQLEventStore, readMessagesBatch } from '@event-driven-io/emmett-postgresql';
import pg from 'pg';

const [what, url, how] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4])];
const now = () => performance.now() / 1000;

async function migrate(store) {
  await store.schema.migrate();
  return null;
}

// [when it was answered, how long it took] of each append, in seconds.
async function append(store) {
  const samples = [];
  const data = JSON.parse(how.data);
  const stop = now() + how.seconds;
  const write = async () => {
    const stream = `thing-${randomUUID()}`;
    for (let version = 0n, started; (started = now()) < stop; version += BigInt(how.events)) {
      const events = Array.from({ length: how.events }, () => ({ type: 'ThingHappened', data }));
      await store.appendToStream(stream, events, { expectedStreamVersion: version });
      const ended = now();
      samples.push([ended, ended - started]);
    }
  };
  await Promise.all(Array.from({ length: how.writers }, write));
  return samples;
}

// The position before the first event.
async function fill(store) {
  const data = JSON.parse(how.data);
  const events = Array.from({ length: how.streamEvents }, () => ({ type: 'StageChanged', data }));
  let before = null;
  for (let filled = 0; filled < how.events; filled += how.streamEvents) {
    const stored = await store.appendToStream(`opportunity-${randomUUID()}`, events);
    before ??= stored.lastEventGlobalPosition - BigInt(how.streamEvents);
  }
  return String(before);
}

// Events a second.
async function read() {
  const database = dumbo({ connectionString: url });
  const started = now();
  let [after, events] = [BigInt(how.after), 0];
  for (let page; ; after = page.currentGlobalPosition) {
    page = await readMessagesBatch(database.execute, { after, batchSize: how.pageEvents });
    events += page.messages.length;
    if (page.messages.length === 0) break;
  }
  const seconds = now() - started;
  await database.close();
  if (events !== how.events) throw new Error(`${events} events were read`);
  return events / seconds;
}

const pool = new pg.Pool({ connectionString: url, max: how.writers ?? 1 });
const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } });
const answer = await { migrate, append, fill, read }[what](store);
await store.close();
await pool.end();
process.stdout.write(JSON.stringify(answer));

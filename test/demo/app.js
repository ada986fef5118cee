/** A typical shop: it reads its catalogue before it serves, and nothing in it knows about systemd. */
import { setTimeout as passed } from 'node:timers/promises';
import fastify from 'fastify';

const catalogue = await readCatalogue();
const app = fastify();
app.get('/', () => ({ shop: 'open', articles: catalogue.length, pid: process.pid }));
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
process.once('SIGTERM', () => app.close());

/** Stands in for the database, the caches and the templates that make a real start slow. */
async function readCatalogue() {
  await passed(Number(process.env.LOAD_MS));
  return Array.from({ length: 12_000 }, (_, number) => ({ number, price: number % 100 }));
}

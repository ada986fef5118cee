import { setTimeout as sleep } from 'node:timers/promises';
import fastify from 'fastify';

const app = fastify({ return503OnClosing: false });
app.get('/', async () => {
  await sleep(20);
  return 'ok';
});
process.once('SIGTERM', () => app.close());
await app.listen({ port: Number(process.env.PORT) });

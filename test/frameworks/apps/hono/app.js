import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';

const app = new Hono();
app.get('/', async (context) => {
  await sleep(20);
  return context.text('ok');
});

export default app;

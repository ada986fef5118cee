import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import app from './app.js';

const all = new Hono();
all.use(async (context, next) => {
  await next();
  if (!server.listening && !process.env.WITHOUT_CLOSE) context.header('Connection', 'close');
});
all.route('/', app);
const server = serve({ fetch: all.fetch, port: Number(process.env.PORT) });
process.once('SIGTERM', () => server.close());

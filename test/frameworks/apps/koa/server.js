import { setTimeout as sleep } from 'node:timers/promises';
import Koa from 'koa';

const app = new Koa();
app.use(async (context) => {
  if (!server.listening && !process.env.WITHOUT_CLOSE) context.set('Connection', 'close');
  await sleep(20);
  context.body = 'ok';
});
const server = app.listen(process.env.PORT);
process.once('SIGTERM', () => server.close());

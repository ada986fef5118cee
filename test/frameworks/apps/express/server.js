import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';

const app = express();
if (!process.env.WITHOUT_CLOSE) {
  app.use((_, response, next) => {
    if (!server.listening) response.set('Connection', 'close');
    next();
  });
}
app.get('/', async (_, response) => {
  await sleep(20);
  response.send('ok');
});
const server = app.listen(process.env.PORT);
process.once('SIGTERM', () => server.close());

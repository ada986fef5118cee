import cluster from 'node:cluster';
import { createServer } from 'node:http';

if (cluster.isPrimary) {
  for (let count = 0; count < 2; count++) cluster.fork();
  const end = () => cluster.disconnect(() => process.stdout.write('both workers have ended\n'));
  if (!process.env.WITHOUT_HANDLER) process.once('SIGTERM', end);
} else {
  // systemd may send SIGTERM to all processes: a worker ends when the primary disconnects it
  process.on('SIGTERM', () => {});
  const server = createServer((_, response) => {
    if (!server.listening) response.setHeader('Connection', 'close');
    setTimeout(() => response.end('ok'), 20);
  }).listen(process.env.PORT);
}

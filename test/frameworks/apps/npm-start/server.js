import { createServer } from 'node:http';

const server = createServer((_, response) => response.end('ok')).listen(process.env.PORT);
process.once('SIGTERM', () => server.close(() => process.stdout.write('jobs saved\n')));

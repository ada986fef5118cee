import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer((_, response) => response.end('ok'));
const io = new Server(server);
server.listen(process.env.PORT);
process.once('SIGTERM', () => (process.env.WITHOUT_CLOSE ? server.close() : io.close()));

import { createServer } from 'node:http';

const text: string = 'ok';
createServer((_, response) => response.end(text)).listen(process.env['PORT']);

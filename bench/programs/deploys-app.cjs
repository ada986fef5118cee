// The deployed app: an HTTP server that loads for LOAD_MS and answers with its pid after ANSWER_MS. At SIGTERM, or
// PM2's SIGINT, it answers its last request and ends. It listens on PORT; with LISTEN=reuse-port next to other
// instances; with LISTEN=fd on descriptor 3, as systemd passes it. With CLOSE=1 it answers `Connection: close` after
// the stop signal.
const http = require('node:http');

const { PORT, LISTEN, CLOSE, LOAD_MS, ANSWER_MS } = process.env;
let isEnding = false;
const server = http.createServer((_, response) => {
  setTimeout(() => {
    if (isEnding && CLOSE) response.setHeader('connection', 'close');
    response.end(`${process.pid}`);
  }, Number(ANSWER_MS));
});
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    isEnding = true;
    server.close(() => process.exit());
  });
}
setTimeout(() => {
  const where =
    LISTEN === 'fd' ? { fd: 3 } : { host: '127.0.0.1', port: Number(PORT), reusePort: LISTEN === 'reuse-port' };
  // PM2's --wait-ready
  server.listen(where, () => process.send?.('ready'));
}, Number(LOAD_MS));

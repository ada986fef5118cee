// What is deployed: an HTTP server that loads for LOAD_MS, answers after ANSWER_MS with its pid, and ends at SIGTERM,
// or PM2's SIGINT, when its last request is answered. It listens on PORT, with LISTEN=reuse-port beside others of its
// kind; with LISTEN=fd on descriptor 3, as systemd passes it. With CLOSE=1 it answers `Connection: close` once it is to
// end.
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

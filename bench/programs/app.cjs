/**
 * The measured app: app.cjs FILE [WAY MILLISECONDS PORT MARKER]
 * It becomes ready in that way, after that time. FILE gets the moment in ms on CLOCK_MONOTONIC: of the first statement,
 * which reads the clock, or of readiness. MARKER is the path of the file or socket that some ways make.
 */
const now = process.hrtime.bigint();
const { writeFileSync, writeSync } = require('node:fs');
const [file, way, delay, port, marker] = process.argv.slice(2);

const note = (moment) => writeFileSync(file, String(Number(moment) / 1e6));

/** Sends READY=1 and prints the moment. In Perl, as Node has no Unix datagram sockets. */
const NOTIFY = `
  use Socket; use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0); connect($s, pack_sockaddr_un($ENV{NOTIFY_SOCKET}));
  my $now = clock_gettime(CLOCK_MONOTONIC);
  send($s, "READY=1", 0);
  printf "%.6f", $now * 1000;
`;

function listens() {
  const server = require('node:net').createServer((socket) => socket.end());
  server.listen(Number(port), '127.0.0.1', () => note(process.hrtime.bigint()));
}

let status = 503;

const getReady = {
  tcp: listens,
  listen: listens,
  auto: listens,
  http() {
    status = 200;
    note(process.hrtime.bigint());
  },
  serve() {
    status = 200;
    serve(() => note(process.hrtime.bigint()));
  },
  unix() {
    const server = require('node:net').createServer((socket) => socket.end());
    server.listen(marker, () => note(process.hrtime.bigint()));
  },
  file() {
    setInterval(() => {}, 1e9);
    const moment = process.hrtime.bigint();
    writeFileSync(marker, '');
    note(moment);
  },
  exec: () => getReady.file(),
  fd() {
    setInterval(() => {}, 1e9);
    const moment = process.hrtime.bigint();
    writeSync(3, '\n');
    note(moment);
  },
  notify() {
    setInterval(() => {}, 1e9);
    const { stdout } = require('node:child_process').spawnSync('perl', ['-e', NOTIFY]);
    writeFileSync(file, stdout);
  },
  stdout() {
    setInterval(() => {}, 1e9);
    const moment = process.hrtime.bigint();
    // not process.stdout.write: its first use opens the stream, which takes milliseconds of the app's own
    writeSync(1, 'listening\n');
    note(moment);
  },
  ipc() {
    setInterval(() => {}, 1e9);
    const moment = process.hrtime.bigint();
    process.send('ready');
    note(moment);
  },
};

function serve(onListening) {
  const answer = (_, response) => response.writeHead(status).end();
  require('node:http').createServer(answer).listen(Number(port), '127.0.0.1', onListening);
}

// it serves before it is ready: a refused connection would cost the probe less
if (way === 'http') serve();
if (way) setTimeout(getReady[way], Number(delay));
else note(now);

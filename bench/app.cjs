/**
 * The app under measurement. Its first statement takes the time; then it gets ready in the way and after the time that
 * its arguments say: app.cjs FILE [tcp|stdout|ipc MILLISECONDS PORT]
 * FILE gets the moment in ms on CLOCK_MONOTONIC: of the first instruction, or of getting ready.
 */
const now = process.hrtime.bigint();
const { writeFileSync, writeSync } = require('node:fs');
const [file, way, delay, port] = process.argv.slice(2);

const note = (moment) => writeFileSync(file, String(Number(moment) / 1e6));

const getReady = {
  tcp() {
    const server = require('node:net').createServer((socket) => socket.end());
    server.listen(Number(port), '127.0.0.1', () => note(process.hrtime.bigint()));
  },
  stdout() {
    setInterval(() => {}, 1e9);
    const moment = process.hrtime.bigint();
    // not process.stdout.write: its first use opens the stream, for milliseconds that are the app's own
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

if (way) setTimeout(getReady[way], Number(delay));
else note(now);

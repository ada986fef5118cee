/** Answers of an HTTP server, or of something else in its place. */
import { createServer, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import { clock } from '../../src/base/real-clock.ts';
import { type HttpAnswer, openHttpClient } from '../../src/probes/connect/http-client.ts';
import { portOf } from '../unit/sockets.ts';
import { anyText, assertOneLine, pieces, property, text } from './property.ts';

/** Several: with one address the ports of closed connections would run out. */
const HOSTS = Array.from({ length: 16 }, (_, index) => `127.0.0.${index + 1}`);

interface Answer {
  readonly pieces: readonly Uint8Array[];
  /** What the server does after it. */
  readonly then?: 'end' | 'reset';
}

/** One for each request, in order. */
let answers: Answer[] = [];
const sockets = new Set<Socket>();
const servers = HOSTS.map(() =>
  createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', async () => {
      const answer = answers.shift();
      for (const piece of answer?.pieces ?? []) {
        socket.write(piece);
        // so that the pieces arrive one by one
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (answer?.then === 'end') socket.end();
      if (answer?.then === 'reset') socket.resetAndDestroy();
    });
  }),
);
let turn = 0;

beforeAll(() =>
  Promise.all(servers.map((server, index) => new Promise<void>((done) => server.listen(0, HOSTS[index], done)))),
);
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** What a client receives that sends one request for each answer. */
async function heard(given: readonly Answer[]): Promise<readonly (HttpAnswer | string)[]> {
  answers = [...given];
  turn = (turn + 1) % HOSTS.length;
  const [host, server] = [HOSTS[turn] as string, servers[turn] as (typeof servers)[0]];
  const url = new URL(`http://${host}:${portOf(server)}/`);
  const client = await openHttpClient({ url, hosts: [host], headers: [], insecure: false, warn: () => {} }, clock);
  const all: (HttpAnswer | string)[] = [];
  for (const _ of given) all.push(await new Promise((settle) => client.get(settle)));
  client.leave();
  return all;
}

const begun = fc.constantFrom('', 'H', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 204\r\n\r\n');
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 100 }).map((all) => Buffer.from(all)),
  fc.tuple(begun, anyText()).map((both) => Buffer.from(both.join(''))),
);
const anything = fc.tuple(pieces(bytes), fc.constantFrom('end', 'reset'));

property('HTTP answers: any answer gives a status or one line', anything, async ([cut, then]) => {
  const [answer] = await heard([{ pieces: cut.pieces, then }]);
  if (typeof answer === 'string') assertOneLine(answer);
  else expect(String(answer?.status)).toMatch(/^\d{3}$/);
});

const field = fc.tuple(
  fc.constantFrom('Date', 'x-y', 'Set-Cookie', 'Content-Type'),
  // RFC 9110, 5.5
  text().map((value) => value.replace(/[^ -~\xa0-\xff]/g, '')),
);
/** Some of the bodies resemble an answer. */
const body = fc
  .oneof(text(), fc.constant('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'))
  .map((written) => Buffer.from(written));
const whole = fc
  .record({
    announced: fc.constantFrom('', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'),
    status: fc.integer({ min: 200, max: 599 }).filter((status) => ![204, 304].includes(status)),
    phrase: fc.constantFrom('', ' ', ' OK', ' Not so'),
    fields: fc.array(field, { maxLength: 3 }),
    body,
    chunked: fc.boolean(),
  })
  .chain(({ announced, status, phrase, fields, body: content, chunked }) => {
    const size = chunked ? 'Transfer-Encoding: chunked' : `content-length:${content.length}`;
    const lines = [`HTTP/1.1 ${status}${phrase}`, ...fields.map((each) => each.join(': ')), size];
    const chunk = content.length > 0 ? [Buffer.from(`${content.length.toString(16)}\r\n`), content, CRLF] : [];
    const written = chunked ? [...chunk, Buffer.from('0\r\n\r\n')] : [content];
    const all = Buffer.concat([Buffer.from(`${announced}${lines.join('\r\n')}\r\n\r\n`, 'latin1'), ...written]);
    return pieces(fc.constant(all)).map((cut) => ({ status, pieces: cut.pieces }));
  });
const CRLF = Buffer.from('\r\n');

property(
  'HTTP answers: each request gets its own status',
  fc.array(whole, { minLength: 1, maxLength: 3 }),
  async (all) => {
    const found = await heard(all);
    expect(found.map((each) => (typeof each === 'string' ? each : each.status))).toEqual(
      all.map(({ status }) => status),
    );
  },
);

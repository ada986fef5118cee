/** The load of the demo, the benchmark and the tests: what counts as refused, failed and late. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startLoad } from '../../helpers/load.js';
import { until } from '../../helpers/until.ts';

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

test.each([false, true])('keepAlive %j: counts each answer by its body', async (keepAlive) => {
  let connections = 0;
  const { server, port } = await serve((_, response) => response.end('here'));
  server.on('connection', () => {
    connections += 1;
  });
  const load = startLoad({ port, rate: 500, keepAlive });
  await until('answers', () => (load.outcome.answers.get('here') ?? 0) > 50);
  const outcome = await load.stop();
  expect(outcome).toMatchObject({ refused: 0, failed: 0, answers: new Map([['here', outcome.sent]]) });
  // 20 clients, each with its own
  if (keepAlive) expect(connections).toBeLessThanOrEqual(20);
  else expect(connections).toBe(outcome.sent);
  server.close();
});

test('counts a closed port as refused, and a cut connection or a bad status as failed', async () => {
  let what = 'cut';
  const { server, port } = await serve((request, response) => {
    if (what === 'cut') request.socket.destroy();
    else response.writeHead(503).end();
  });
  const load = startLoad({ port, rate: 200 });
  await until('a cut', () => load.outcome.errors.has('ECONNRESET'));
  what = 'status';
  await until('a status', () => load.outcome.errors.has('HTTP 503'));
  server.close();
  await until('a refusal', () => load.outcome.refused > 0);
  const { sent, refused, failed, errors } = await load.stop();
  expect(errors.get('ECONNREFUSED')).toBe(refused);
  expect(refused + failed).toBe(sent);
});

test('an open loop: a stalled server gets its requests, timed from when they were due', async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { server, port } = await serve((_, response) => held.then(() => response.end()));
  const load = startLoad({ port, rate: 200 });
  await until('requests', () => load.outcome.sent >= 40);
  release();
  const { sent, refused, failed, longest } = await load.stop();
  expect({ refused, failed }).toEqual({ refused: 0, failed: 0 });
  expect(sent).toBeGreaterThanOrEqual(40);
  // the first was due 39 * 5 ms before the fortieth
  expect(longest).toBeGreaterThan(150);
  server.close();
});

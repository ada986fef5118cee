import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { clock } from '../../src/base/real-clock.ts';
import { httpProbe } from '../../src/probes/connect/http.ts';
import type { SocketsInUse } from '../../src/probes/connect/tcp-sockets.ts';
import type { ProbeSpec } from '../../src/probes/spec.ts';
import { describeIpv6 } from '../helpers/ipv6.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';
import { freePort, portOf, turns } from '../unit/sockets.ts';

type HttpSpec = Extract<ProbeSpec, { kind: 'http' }>;
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const TLS = new URL('../fixtures/tls/', import.meta.url);

/** A self-signed certificate for localhost and 127.0.0.1, valid until 2126. */
const certificate = { key: readFileSync(new URL('key.pem', TLS)), cert: readFileSync(new URL('cert.pem', TLS)) };

/** A server, its requests and its connections. */
async function serve(answer: Answer, { host = '127.0.0.1', port = 0, tls = false } = {}) {
  const requests: IncomingMessage[] = [];
  const errors: Error[] = [];
  const sockets = new Set<Socket>();
  const take: Answer = (request, response) => {
    requests.push(request);
    request.on('error', (error) => errors.push(error));
    response.on('error', (error) => errors.push(error));
    answer(request, response);
  };
  const server: Server = tls ? createTlsServer(certificate, take) : createServer(take);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', (error) => errors.push(error)).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { server, port: portOf(server), requests, errors, sockets };
}

function specOf(url: string, more: Partial<HttpSpec> = {}): HttpSpec {
  const parsed = new URL(url);
  return {
    kind: 'http',
    url: parsed,
    hosts: [parsed.hostname.replace(/^\[|\]$/g, '')],
    onThisHost: true,
    statuses: [{ from: 200, to: 399 }],
    headers: [],
    insecure: false,
    owner: 'app',
    written: `--http ${url}`,
    ...more,
  };
}

/** Uses the real clock, because this tests real servers. */
function start(
  spec: HttpSpec,
  { attemptTimeout = 1000, interval = 5, socketsInUse = undefined as (() => SocketsInUse) | undefined, env = {} } = {},
) {
  const context = Object.assign(fakeContext(), { clock, timing: { initialDelay: 0, interval, attemptTimeout }, env });
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const probe = httpProbe(spec, context, socketsInUse);
  return { context, abort, probe, waited: probe.wait(abort.signal) };
}

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(code, headers).end('body');

/** Resolves after so many more requests that did not make it ready. */
async function stillNot(requests: readonly unknown[], waited: Promise<unknown>, count = 3): Promise<void> {
  const before = requests.length;
  await vi.waitFor(() => expect(requests.length).toBeGreaterThanOrEqual(before + count));
  expect(await isSettled(waited)).toBe(false);
}

const reasonIs = (probe: { readonly reason: string }, reason: string | RegExp) =>
  vi.waitFor(() => expect(probe.reason).toMatch(typeof reason === 'string' ? new RegExp(`^${reason}$`) : reason));

describe('an HTTP probe', () => {
  it('is ready if the answer counts, sends the right request, and closes in order', async () => {
    const { port, requests, errors, sockets } = await serve(status(200));
    const { probe, waited, context } = start(specOf(`http://user:secret@127.0.0.1:${port}/health?deep=1#top`));
    expect(probe.name).toBe(`http http://127.0.0.1:${port}/health?deep=1`);
    expect(await waited).toBe(probe.name);
    expect(requests).toHaveLength(1);
    const [{ method, url, headers } = {} as IncomingMessage] = requests;
    expect([method, url]).toEqual(['GET', '/health?deep=1']);
    expect(headers.host).toBe(`127.0.0.1:${port}`);
    expect(headers.authorization).toBe(`Basic ${btoa('user:secret')}`);
    await vi.waitFor(() => expect(sockets.size).toBe(0));
    expect(errors).toEqual([]);
    expect(context.warnings).toEqual([]);
  });

  it('is not ready while refused, and ready soon after the app listens', async () => {
    const port = await freePort();
    const { probe, waited } = start(specOf(`http://127.0.0.1:${port}/`));
    await reasonIs(probe, 'ECONNREFUSED');
    expect(await isSettled(waited)).toBe(false);
    await serve(status(200), { port });
    await waited;
  });

  it('hardly connects while the port is closed and no socket was added', async () => {
    const port = await freePort();
    let looks = 0;
    let inUse = { tcp: 'inuse 1', tcp6: 'inuse 1' };
    const { probe, waited } = start(specOf(`http://127.0.0.1:${port}/`), {
      interval: 1000,
      socketsInUse: () => {
        looks += 1;
        return inUse;
      },
    });
    await reasonIs(probe, 'ECONNREFUSED');
    const { requests } = await serve(status(200), { port });
    await vi.waitFor(() => expect(looks).toBeGreaterThan(2), { timeout: 5000 });
    expect(requests).toEqual([]);
    inUse = { tcp: 'inuse 2', tcp6: 'inuse 1' };
    await waited;
  });

  const DEFAULT = [{ from: 200, to: 399 }];
  const LIST = [
    { from: 201, to: 203 },
    { from: 404, to: 404 },
  ];
  it.each([
    [200, DEFAULT, true],
    [204, DEFAULT, true],
    [304, DEFAULT, true],
    [399, DEFAULT, true],
    [400, DEFAULT, false],
    [404, DEFAULT, false],
    [500, DEFAULT, false],
    [503, DEFAULT, false],
    [200, LIST, false],
    [201, LIST, true],
    [203, LIST, true],
    [204, LIST, false],
    [403, LIST, false],
    [404, LIST, true],
    [405, LIST, false],
  ])('status %i of %j: ready is %s', async (code, statuses, ready) => {
    const { port, requests } = await serve(status(code));
    const { probe, waited } = start(specOf(`http://127.0.0.1:${port}/`, { statuses }));
    if (ready) {
      await waited;
    } else {
      await stillNot(requests, waited);
      expect(probe.reason).toMatch(new RegExp(`^${code}( \\(|$)`));
    }
  });

  it.each([
    [401, '401 (add credentials with --http-header, or --http-status 401)'],
    [404, '404 (check the path, or add --http-status 404)'],
    [503, '503'],
  ])('hints at what may be wrong with status %i', async (code, reason) => {
    const { port, requests } = await serve(status(code));
    const { probe, waited } = start(specOf(`http://127.0.0.1:${port}/`, { statuses: DEFAULT }));
    await stillNot(requests, waited);
    expect(probe.reason).toBe(reason);
  });

  it('gives no hint at the path after a reload if it was right before', async () => {
    let code = 200;
    const { port } = await serve((request, response) => status(code)(request, response));
    const { probe, waited } = start(specOf(`http://127.0.0.1:${port}/`, { statuses: DEFAULT }));
    await waited;
    code = 404;
    const abort = new AbortController();
    void probe.wait(abort.signal);
    await reasonIs(probe, '404');
    abort.abort();
  });

  it('does not follow a redirect', async () => {
    const { port, requests } = await serve((request, response) =>
      request.url === '/' ? status(302, { Location: '/there' })(request, response) : status(200)(request, response),
    );
    const { probe, waited } = start(specOf(`http://127.0.0.1:${port}/`, { statuses: [{ from: 200, to: 200 }] }));
    await stillNot(requests, waited);
    expect(probe.reason).toBe('302');
    expect(requests.every(({ url }) => url === '/')).toBe(true);
  });

  it.each([
    ['after one more request on a new connection if the owner of the port is unknown', undefined, 1, 2],
    ["on a connection made after the port was known as the app's", { by: 'app' } as const, 2, 2],
  ])('becomes ready when the status changes, %s', async (_, owner, before, after) => {
    let code = 503;
    const { port, requests, errors, sockets } = await serve((request, response) => status(code)(request, response));
    const { probe, waited, context } = start(specOf(`http://127.0.0.1:${port}/`));
    context.owner = owner;
    await stillNot(requests, waited);
    expect(probe.reason).toBe('503');
    expect(new Set(requests.map(({ socket }) => socket)).size, 'connections').toBe(before);
    code = 200;
    await waited;
    expect(new Set(requests.map(({ socket }) => socket)).size, 'connections').toBe(after);
    await vi.waitFor(() => expect(sockets.size).toBe(0));
    expect(errors).toEqual([]);
  });

  it('finds the new listener despite a kept connection to the old one', async () => {
    const old = await serve(status(200));
    const statuses = [{ from: 201, to: 201 }];
    const { waited } = start(specOf(`http://127.0.0.1:${old.port}/`, { statuses }));
    await stillNot(old.requests, waited);
    old.server.close();
    await serve(status(201), { port: old.port });
    await waited;
  });

  it('keeps a connection for one second at most', async () => {
    const old = await keepsAnswering('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
    const { waited } = start(specOf(`http://127.0.0.1:${old.port}/`));
    await vi.waitFor(() => expect(old.answered()).toBeGreaterThan(3));
    await old.stopListening();
    await serve(status(200), { port: old.port });
    await waited;
    expect(old.answered()).toBeGreaterThan(5);
  });

  it('does not accept a good status from an old server on a kept connection', async () => {
    const old = await keepsAnswering('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
    const { probe, waited, context } = start(specOf(`http://127.0.0.1:${old.port}/`));
    context.owner = undefined;
    await vi.waitFor(() => expect(old.answered()).toBeGreaterThan(1));
    await old.stopListening();
    old.say('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await reasonIs(probe, 'ECONNREFUSED');
    expect(await isSettled(waited)).toBe(false);
  });

  it('accepts a requested protocol switch, and closes in order', async () => {
    const { server, port, errors, sockets } = await serve(status(500));
    server.on('upgrade', (_, socket) => {
      // if the connection is cut off, the first write gets a reset, and the second fails
      socket.resume().on('end', () => socket.write('bye', () => socket.end('bye')));
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    const headers = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
    ] as const;
    await start(specOf(`http://127.0.0.1:${port}/`, { headers, statuses: [{ from: 101, to: 101 }] })).waited;
    await vi.waitFor(() => expect(sockets.size).toBe(0));
    expect(errors).toEqual([]);
  });

  it('sends the headers: one Host, and the others as often as given', async () => {
    const headers = [
      ['X-Token', 'abc'],
      ['Host', 'other.example'],
      ['host', 'shop.example'],
      ['x-two', 'a'],
      ['X-Two', 'b'],
    ] as const;
    const { port, requests } = await serve((request, response) =>
      status(request.headers['x-token'] === 'abc' ? 200 : 401)(request, response),
    );
    const without = start(specOf(`http://127.0.0.1:${port}/`));
    await stillNot(requests, without.waited);
    expect(without.probe.reason).toMatch(/^401 /);
    without.abort.abort();
    await start(specOf(`http://127.0.0.1:${port}/`, { headers })).waited;
    expect(requests.at(-1)?.headers).toMatchObject({ 'x-token': 'abc', host: 'shop.example', 'x-two': 'a, b' });
  });

  it('connects to the resolved addresses, with the name in Host', async () => {
    const { port, requests } = await serve(status(200));
    await start(specOf(`http://shop.invalid:${port}/`, { hosts: ['127.0.0.1'] })).waited;
    expect(requests[0]?.headers.host).toBe(`shop.invalid:${port}`);
  });

  it("reports the first address's error if none answers", async () => {
    const port = await freePort();
    const { probe } = start(specOf(`http://localhost:${port}/`, { hosts: ['127.0.0.1', '::1'] }));
    await reasonIs(probe, 'ECONNREFUSED');
  });

  describeIpv6('over IPv6', () => {
    it.each(['127.0.0.1', '::1'])('is ready if only %s of two addresses answers', async (host) => {
      const { port } = await serve(status(200), { host });
      await start(specOf(`http://localhost:${port}/`, { hosts: ['127.0.0.1', '::1'] })).waited;
    });

    it('accepts an IPv6 address in the URL', async () => {
      const { port } = await serve(status(200), { host: '::1' });
      await start(specOf(`http://[::1]:${port}/`)).waited;
    });
  });

  it('ignores proxy variables', async () => {
    const proxy = await serve(status(200));
    const { port, requests } = await serve(status(503));
    for (const name of ['http_proxy', 'HTTP_PROXY', 'NODE_USE_ENV_PROXY']) {
      vi.stubEnv(name, name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`);
    }
    onTestFinished(() => void vi.unstubAllEnvs());
    const { waited } = start(specOf(`http://127.0.0.1:${port}/`));
    await stillNot(requests, waited);
    expect(proxy.requests).toEqual([]);
  });
});

/** A server that keeps answering on old connections when it no longer listens. */
async function keepsAnswering(first: string) {
  let text = first;
  let count = 0;
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket
      .on('error', () => {})
      .on('data', () => {
        count += 1;
        socket.write(text);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: portOf(server),
    answered: () => count,
    say(other: string) {
      text = other;
    },
    /** close() stops listening at once, and calls back when the last connection is gone. */
    async stopListening() {
      server.close();
      await vi.waitFor(() => expect(server.listening).toBe(false));
    },
  };
}

describe('https', () => {
  it('hints at http:// if there is no TLS', async () => {
    const { port } = await serve(status(200));
    const { probe } = start(specOf(`https://127.0.0.1:${port}/`));
    await vi.waitFor(() => expect(probe.reason).toBe('EPROTO (a server without TLS? then write http://)'));
  });

  it('rejects an untrusted certificate', async () => {
    const { port, requests } = await serve(status(200), { tls: true });
    const { probe, waited } = start(specOf(`https://127.0.0.1:${port}/`));
    await reasonIs(probe, /^DEPTH_ZERO_SELF_SIGNED_CERT \(untrusted certificate; --http-insecure accepts it\)$/);
    expect(await isSettled(waited)).toBe(false);
    expect(requests).toEqual([]);
  });

  it('accepts an untrusted certificate with --http-insecure', async () => {
    const { port } = await serve(status(200), { tls: true });
    await start(specOf(`https://127.0.0.1:${port}/`, { insecure: true })).waited;
  });

  it("accepts a certificate that the app's NODE_EXTRA_CA_CERTS trusts, as Node itself does", async () => {
    const { port } = await serve(status(200), { tls: true });
    const env = { NODE_EXTRA_CA_CERTS: fileURLToPath(new URL('cert.pem', TLS)) };
    await start(specOf(`https://localhost:${port}/`, { hosts: ['127.0.0.1'] }), { env }).waited;
  });

  it.each([
    ['/nowhere', 'ENOENT'],
    ['/dev/zero', 'it is not a file'],
    [fileURLToPath(new URL('key.pem', TLS)), 'it contains no certificate'],
  ])('warns if NODE_EXTRA_CA_CERTS cannot be used: %s', async (file, why) => {
    const { port } = await serve(status(200), { tls: true });
    const env = { NODE_EXTRA_CA_CERTS: file };
    const { probe, context } = start(specOf(`https://localhost:${port}/`, { hosts: ['127.0.0.1'] }), { env });
    await reasonIs(probe, /^DEPTH_ZERO_SELF_SIGNED_CERT \(untrusted certificate; --http-insecure accepts it\)$/);
    expect(context.warnings).toEqual([`NODE_EXTRA_CA_CERTS=${file} is ignored: ${why}`]);
  });

  it('reads NODE_EXTRA_CA_CERTS once, and not with --http-insecure', async () => {
    const { port } = await serve(status(200), { tls: true });
    const url = `https://localhost:${port}/`;
    const env = { NODE_EXTRA_CA_CERTS: '/no/such/file' };
    const [first, second] = [
      start(specOf(url, { hosts: ['127.0.0.1'] }), { env }),
      start(specOf(url, { hosts: ['127.0.0.1'] }), { env }),
    ];
    await reasonIs(first.probe, /^DEPTH_ZERO_SELF_SIGNED_CERT \(untrusted certificate; --http-insecure accepts it\)$/);
    await reasonIs(second.probe, /^DEPTH_ZERO_SELF_SIGNED_CERT \(untrusted certificate; --http-insecure accepts it\)$/);
    expect([...first.context.warnings, ...second.context.warnings]).toHaveLength(1);
    const insecure = start(specOf(url, { hosts: ['127.0.0.1'], insecure: true }), {
      env: { NODE_EXTRA_CA_CERTS: '/no/such/other' },
    });
    await insecure.waited;
    expect(insecure.context.warnings).toEqual([]);
  });

  it('requires a good status here too', async () => {
    const { port, requests } = await serve(status(500), { tls: true });
    const { probe, waited } = start(specOf(`https://127.0.0.1:${port}/`, { insecure: true }));
    await stillNot(requests, waited);
    expect(probe.reason).toBe('500 (an error of the app; its own output may say why)');
  });

  it('sends the server name, also if it connects to an address', async () => {
    const { port, requests } = await serve(status(200), { tls: true });
    await start(specOf(`https://shop.invalid:${port}/`, { hosts: ['127.0.0.1'], insecure: true })).waited;
    expect(requests.map(({ socket }) => (socket as unknown as { servername: string }).servername)).toEqual([
      'shop.invalid',
    ]);
  });

  it('is not ready if the server does not speak TLS', async () => {
    const { port } = await serve(status(200));
    const { probe, waited } = start(specOf(`https://127.0.0.1:${port}/`, { insecure: true }));
    await reasonIs(probe, /^E/);
    expect(await isSettled(waited)).toBe(false);
  });
});

describe('servers that behave badly', () => {
  it.each<[string, Answer]>([
    ['never answers', () => {}],
    ['answers too slowly', (_, response) => void setTimeout(() => response.end(), 500).unref()],
  ])('each attempt ends with its timeout, and its connection: a server that %s', async (_, answer) => {
    const { port, requests, sockets } = await serve(answer);
    const { probe, abort, waited } = start(specOf(`http://127.0.0.1:${port}/`), { attemptTimeout: 50 });
    await stillNot(requests, waited, 3);
    expect(probe.reason).toBe('no response within --attempt-timeout');
    await vi.waitFor(() => expect(sockets.size).toBeLessThanOrEqual(1));
    abort.abort();
    await vi.waitFor(() => expect(sockets.size).toBe(0));
  });

  it.each<[string, string, string | RegExp]>([
    ['closes at once', '', /^closed without a response \(a TLS server\? then write https:\/\/\)$/],
    ['speaks another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'not an HTTP response'],
    ['breaks off in its head', 'HTTP/1.1 200 OK\r\nContent-Ty', /^closed without a response /],
  ])('a server that %s is not ready', async (_, text, reason) => {
    const server = createTcpServer((socket) => socket.on('error', () => {}).end(text));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { probe, waited } = start(specOf(`http://127.0.0.1:${portOf(server)}/`));
    await reasonIs(probe, reason);
    expect(await isSettled(waited)).toBe(false);
  });

  it('an endless body with a good status: ready at once, cut off after a while', async () => {
    const { port, errors, sockets } = await serve((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: x\n\n'), 5);
      response.on('close', () => clearInterval(timer));
    });
    await start(specOf(`http://127.0.0.1:${port}/`)).waited;
    expect(sockets.size).toBe(1);
    await vi.waitFor(() => expect(sockets.size).toBe(0), { timeout: 5000 });
    expect(errors.length).toBeLessThanOrEqual(2);
  });

  it('a slow body after the head is not cut off', async () => {
    const outcomes: string[] = [];
    const { port, errors } = await serve((_, response) => {
      response.writeHead(200).write('first');
      setTimeout(() => response.end('last'), 200);
      response.on('finish', () => outcomes.push('finished'));
      response.on('close', () => outcomes.push('closed'));
    });
    await start(specOf(`http://127.0.0.1:${port}/`)).waited;
    await vi.waitFor(() => expect(outcomes).toEqual(['finished', 'closed']));
    expect(errors).toEqual([]);
  });

  it('an endless body with a bad status: polled again, with one connection at a time', async () => {
    const { port, requests, sockets } = await serve((_, response) => void response.writeHead(503).write('x'));
    const { probe, waited } = start(specOf(`http://127.0.0.1:${port}/`));
    await stillNot(requests, waited, 5);
    expect(probe.reason).toBe('503');
    expect(sockets.size).toBeLessThanOrEqual(2);
  });
});

describe('the owner of the port', () => {
  const other = { by: 'other', holder: 'nginx (pid 77)' } as const;

  it('another program does not count, with one warning', async () => {
    const { port, requests, sockets } = await serve(status(200));
    const { probe, waited, context } = start(specOf(`http://127.0.0.1:${port}/`), {
      socketsInUse: () => ({ tcp: `${requests.length}`, tcp6: '' }),
    });
    context.owner = other;
    await stillNot(requests, waited);
    expect(probe.reason).toBe('held by nginx (pid 77), not by the app');
    expect(context.warnings).toHaveLength(1);
    expect(context.warnings[0]).toBe(
      `port ${port} is held by nginx (pid 77), not by the app; --tcp-owner any is only for an app that serves ` +
        'through that process, as in a container',
    );
    await vi.waitFor(() => expect(sockets.size).toBeLessThanOrEqual(1));
    context.owner = { by: 'app' };
    await waited;
  });

  it.each([[{ by: 'app' }], [{ by: 'systemd' }], [undefined]] as const)('%j counts', async (owner) => {
    const { port } = await serve(status(200));
    const { waited, context } = start(specOf(`http://127.0.0.1:${port}/`));
    context.owner = owner;
    await waited;
    expect(context.warnings).toEqual([]);
  });

  it.each([false, true])(
    'an app that closes with its answer is found while the request is incomplete; TLS: %s',
    async (tls) => {
      const { port, requests } = await serve((_, response) => response.writeHead(200, { connection: 'close' }).end(), {
        tls,
      });
      const { waited, context } = start(specOf(`http${tls ? 's' : ''}://127.0.0.1:${port}/`, { insecure: true }));
      context.owner = { by: 'shared', inodes: [1], otherwise: { by: 'systemd' } };
      const before: number[] = [];
      context.listeners.acceptorOf = async () => {
        before.push(requests.length);
        const seen = { seenBy: 'netlink', spent: 0 } as const;
        // before the server has the whole request, or after its answer
        return before.length > 1 && requests.length === before[0]
          ? { by: 'app', ...seen }
          : { by: 'other', holder: 'another process', closed: true, ...seen };
      };
      await waited;
      expect(before).toEqual([1, 1]);
      expect(requests).toHaveLength(2);
    },
  );

  it('does not matter with --tcp-owner any', async () => {
    const { port } = await serve(status(200));
    const { waited, context } = start(specOf(`http://127.0.0.1:${port}/`, { owner: 'any' }));
    context.owner = other;
    await waited;
  });

  it('is looked up for the connected address', async () => {
    const { port } = await serve(status(200));
    const asked: unknown[] = [];
    const { waited, context } = start(specOf(`http://localhost:${port}/`, { hosts: ['127.0.0.1'] }));
    context.listeners.ownerOf = (...address) => {
      asked.push(address.slice(0, 2));
      return { by: 'app' };
    };
    await waited;
    expect(asked).toEqual([['127.0.0.1', port]]);
  });
});

it.each(['before it loaded', 'while it is refused', 'during an attempt', 'between two attempts'])(
  'an abort %s leaves nothing behind',
  async (when) => {
    const hanging = when === 'during an attempt';
    const { port, requests, sockets } = await serve(hanging ? () => {} : status(503));
    const unused = await freePort();
    const { probe, abort, waited } = start(
      specOf(`http://127.0.0.1:${when === 'while it is refused' ? unused : port}/`),
      { interval: when === 'between two attempts' ? 10_000 : 5 },
    );
    if (when === 'while it is refused') await reasonIs(probe, 'ECONNREFUSED');
    if (hanging) await vi.waitFor(() => expect(requests).toHaveLength(1));
    if (when === 'between two attempts') await reasonIs(probe, '503');
    abort.abort();
    await vi.waitFor(() => expect(sockets.size).toBe(0));
    const { length } = requests;
    await turns(100);
    expect(requests).toHaveLength(length);
    expect(await isSettled(waited)).toBe(false);
  },
);

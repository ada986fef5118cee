/**
 * Promise: with `--take-sockets` the servers of an unchanged Node app listen on the sockets that systemd passed, never
 * on one that is wider than requested, and the app sees no other difference.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { describeIpv6 } from '../helpers/ipv6.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { testAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { BIN, direct, type Run, type WrapOptions, wrap } from '../helpers/wrap.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** As systemd would start a service with these sockets. */
const under = (...sockets: readonly string[]) => ['perl', `${FIXTURES}passes-sockets.pl`, ...sockets, '--'];

function taking(
  sockets: readonly string[],
  command: readonly string[],
  flags: readonly string[] = ['--delay', '1h'],
  options: WrapOptions = {},
): Run {
  return wrap(['--take-sockets', ...flags, '--', ...command], { under: under(...sockets), ...options });
}

const problems = (run: Run) => run.log.filter(({ level }) => level >= 40).map(({ msg }) => msg);

const answerOf = (port: number, host = '127.0.0.1'): Promise<string> =>
  new Promise((resolve, reject) => {
    http
      .get({ port, host, agent: false }, (response) => {
        let text = '';
        response.on('data', (piece) => {
          text += piece;
        });
        response.on('end', () => resolve(text));
      })
      .on('error', reject);
  });

/** The fixture's output for a server: its address, and the address that other servers see. */
const ipv4 = (host: string, port: number | undefined) => `IPv4 ${host} ${port}, 4:${host}:${port}`;
const ipv6 = (host: string, port: number | undefined) => `IPv6 ${host} ${port}, 6:${host}:${port}`;

/** The arguments of `listen`, and the result. */
type Case = readonly [kind: string, words: readonly unknown[], outcome: unknown];

async function outcomes(sockets: readonly string[], cases: readonly Case[]): Promise<readonly string[]> {
  const words = cases.map(([kind, listen]) => JSON.stringify([kind, ...listen]));
  await using run = taking(sockets, app('takes', ...words));
  expect(await run.closed, run.stderr.text).toEqual({ code: 0 });
  return run.stdout.lines;
}

let [a, b, c]: readonly number[] = [];
// for each test: any outgoing connection of the host may take a free port meanwhile
beforeEach(async () => {
  [a, b, c] = await Promise.all([freePort(), freePort(), freePort()]);
});

describe('a server that listens again and again', () => {
  test('gets the socket of its port, for each form of listen(); other servers work as usual', async () => {
    const own = await freePort();
    using dir = tempDir();
    const [at, all] = [ipv4('127.0.0.1', a), ipv4('0.0.0.0', b)];
    const cases: readonly Case[] = [
      ['net', [a], at],
      ['http', [`${a}`], at],
      ['https', [a, '127.0.0.1'], at],
      ['http2', [a, '127.0.0.1', 10], at],
      ['secure', [{ port: a, host: '127.0.0.1' }], at],
      ['tls', [{ port: a, backlog: 7, exclusive: true }], at],
      ['http', [{ port: a, reusePort: true }], at],
      ['http', [a, 'localhost'], at],
      ['http', [a, '0.0.0.0'], at],
      ['http', [b], all],
      ['http', [b, '0.0.0.0'], all],
      ['http', [b, '127.0.0.1'], 'EADDRINUSE'],
      ['http', [own, '127.0.0.1'], ipv4('127.0.0.1', own)],
      ['http', [0, '127.0.0.1'], expect.stringMatching(/^IPv4 127\.0\.0\.1 \d+, 4:127\.0\.0\.1:0$/)],
      ['http', [dir.file('socket')], 'path'],
      // an app with its own socket activation
      ['http', [{ fd: 4 }], `IPv4 0.0.0.0 ${b}, null:null:null`],
    ];
    const found = await outcomes([`127.0.0.1:${a}`, `0.0.0.0:${b}`], cases);
    expect(found).toEqual(cases.map(([, , outcome]) => outcome));
  });

  describeIpv6('IPv6', () => {
    test('is not wider than requested', async () => {
      const cases: readonly Case[] = [
        ['http', [a], ipv6('::', a)],
        ['http', [a, '::'], ipv6('::', a)],
        ['http', [a, '::0'], ipv6('::', a)],
        ['http', [{ port: a, host: '::', ipv6Only: true }], 'EADDRINUSE'],
        ['http', [a, '0.0.0.0'], 'EADDRINUSE'],
        ['http', [a, '127.0.0.1'], 'EADDRINUSE'],
        ['http', [a, '::1'], 'EADDRINUSE'],
        ['http', [b], ipv6('::', b)],
        ['http', [{ port: b, host: '::', ipv6Only: true }], ipv6('::', b)],
        ['http', [b, '::1'], 'EADDRINUSE'],
        ['http', [b, '0.0.0.0'], ipv4('0.0.0.0', b)],
        ['http', [c], ipv6('::1', c)],
        ['http', [c, '::1'], ipv6('::1', c)],
        ['http', [c, 'localhost'], ipv6('::1', c)],
        ['http', [{ port: c, host: '::', ipv6Only: true }], ipv6('::1', c)],
        ['http', [c, '127.0.0.1'], ipv4('127.0.0.1', c)],
      ];
      const found = await outcomes([`[::]:${a}`, `only[::]:${b}`, `[::1]:${c}`], cases);
      expect(found).toEqual(cases.map(([, , outcome]) => outcome));
    });
  });

  test('while no server listens clients wait, and the next server answers them', async () => {
    const script = `
      const http = require('node:http');
      let number = 0;
      const next = () => {
        const server = http.createServer((_, response) => response.end('server ' + ++number)).listen(${a}, () => {
          console.log('listening');
          process.stdin.once('data', () => {
            server.close(() => {
              console.log('closed', process.getActiveResourcesInfo().filter((each) => /TCP/.test(each)).length);
              process.stdin.once('data', next);
            });
            server.closeAllConnections();
          });
        });
        // the one after it is not
        if (number === 1) server.unref();
      };
      next();`;
    await using run = taking([`127.0.0.1:${a}`], [NODE, '-e', script]);
    for (const number of [1, 2, 3]) {
      await until('it to listen', () => run.stdout.count('listening') === number);
      expect(await answerOf(a as number)).toBe(`server ${2 * number - 1}`);
      run.tell('close');
      await until('it to be closed', () => run.stdout.count('closed 0') === number);
      const client = net.connect(a as number, '127.0.0.1');
      await once(client, 'connect');
      client.destroy();
      const answer = answerOf(a as number);
      run.tell('next');
      expect(await answer).toBe(`server ${2 * number}`);
    }
  });
});

describe('an app that', () => {
  test('is made with Fastify', async () => {
    const script = `
      const app = require(${JSON.stringify(fileURLToPath(new URL('../../node_modules/fastify', import.meta.url)))})();
      app.get('/', async () => app.addresses());
      app.listen({ port: ${a} });`;
    // without a host it listens on localhost, at both addresses
    await using run = taking([`127.0.0.1:${a}`], [NODE, '-e', script], ['--http', `http://127.0.0.1:${a}/`]);
    await run.logged('ready');
    const expected = expect.objectContaining({ address: '127.0.0.1', port: a });
    expect(JSON.parse(await answerOf(a as number))).toContainEqual(expected);
    expect(problems(run)).toEqual([]);
  });

  test.each([
    ['round robin', 'rr'],
    ['sockets shared by the workers', 'none'],
  ])('is a cluster with %s: the primary takes the socket, also for replaced workers', async (_, policy) => {
    const command = [NODE, `${FIXTURES}apps/cluster-serves.cjs`, `${a}`, '1'];
    const env = { NODE_CLUSTER_SCHED_POLICY: policy };
    await using run = taking([`127.0.0.1:${a}`], command, ['--tcp', `${a}`], { env });
    await run.logged('ready');
    for (const number of [1, 2]) {
      await until('a worker', () => run.stdout.lines.length === number);
      const told = JSON.parse(run.stdout.lines[number - 1] as string);
      expect(told).toMatchObject({ at: { address: '127.0.0.1', port: a }, execArgv: [], variables: [] });
      expect(await answerOf(a as number)).toBe(`${told.pid}`);
      process.kill(told.pid, 'SIGKILL');
    }
    expect(problems(run)).toEqual([]);
  });

  test('has closed the descriptor and opened another socket there: binds by itself', async () => {
    const script = `
      const fs = require('node:fs');
      fs.closeSync(3);
      const serve = (port, text, then) =>
        require('node:http').createServer((_, response) => response.end(text)).listen(port, '127.0.0.1', then);
      const other = serve(0, 'other', () => serve(${a}, 'own', () =>
        console.log(fs.readlinkSync('/proc/self/fd/3').split(':')[0], other.address().port)));`;
    await using run = taking([`127.0.0.1:${a}`], [NODE, '-e', script]);
    await run.until('stdout', '\n');
    const [at3, port] = run.stdout.text.trim().split(' ');
    expect(at3).toBe('socket');
    expect(await answerOf(Number(port))).toBe('other');
    expect(await answerOf(a as number)).toBe('own');
  });

  test('passes its server to a child', async () => {
    const script = `
      if (process.send) {
        process.on('message', (_, server) => server.on('connection', (socket) => socket.end(
          'HTTP/1.0 200 OK\\r\\n\\r\\n' + JSON.stringify([process.execArgv, process.env.SD_READY_WRAP_TAKE ?? '']))));
      } else {
        const server = require('node:net').createServer().listen(${a}, () => {
          const child = require('node:child_process').fork(__filename);
          child.send('here', server, () => server.close());
          process.on('SIGTERM', () => child.kill());
        });
      }`;
    using dir = tempDir();
    writeFileSync(dir.file('app.cjs'), script);
    await using run = taking([`127.0.0.1:${a}`], [NODE, dir.file('app.cjs')], ['--tcp', `${a}`]);
    await run.logged('ready');
    expect(JSON.parse(await answerOf(a as number))).toEqual([[], '']);
    run.kill('SIGTERM');
    expect(await run.closed).toEqual({ code: 0 });
  });

  testAsRoot('gives up root before it listens', async () => {
    const script = `
      process.setgroups([]); process.setgid(1000); process.setuid(1000);
      require('node:http').createServer((_, response) => response.end('ok')).listen(${a}, '127.0.0.1', () => {
        new (require('node:worker_threads').Worker)('0', { eval: true }).once('exit', (code) => console.log(code));
      });`;
    // only root may look for a package.json in a test's directory
    const flags = ['--http', `http://127.0.0.1:${a}/`];
    await using run = taking([`127.0.0.1:${a}`], [NODE, '-e', script], flags, { cwd: '/' });
    await run.logged('ready');
    await run.until('stdout', '\n');
    expect(run.stdout.lines).toEqual(['0']);
    expect(problems(run)).toEqual([]);
  });

  testAsRoot('has UMask=0777, and another user from the start', async () => {
    const script = `require('node:http').createServer((_, response) => response.end()).listen(${a})`;
    const user = ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'];
    await using run = taking([`127.0.0.1:${a}`], [NODE, '-e', script], ['--http', `http://127.0.0.1:${a}/`], {
      under: [...sh('umask 0777; exec "$@"'), ...user, ...under(`127.0.0.1:${a}`)],
      cwd: '/',
    });
    await run.logged('ready');
    expect(problems(run)).toEqual([]);
  });

  test('has NODE_OPTIONS in an --env-file, beside --watchdog loop, --ipc and --fd', async () => {
    using dir = tempDir();
    writeFileSync(dir.file('.env'), 'NODE_OPTIONS="--title=from-the-file"\n');
    const script = `
      const { title, execArgv, env } = process;
      const told = { title, execArgv: execArgv.filter((word) => word === '--require'), vars: Object.keys(env) };
      require('node:http').createServer((_, response) => response.end(JSON.stringify(told))).listen(${a}, () => {
        require('node:http').createServer((_, response) => response.end('b')).listen(${b}, () => {
          require('node:fs').writeSync(5, '\\n');
          process.send('ready');
        });
      });`;
    await using receiver = await NotifyReceiver.start();
    const flags = ['--watchdog', 'loop', '--ipc', '--fd', '5'];
    const command = [NODE, `--env-file=${dir.file('.env')}`, '-e', script];
    await using run = taking([`127.0.0.1:${a}`, `127.0.0.1:${b}`], command, flags, {
      env: { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '400000' },
    });
    await run.logged('ready');
    const told = JSON.parse(await answerOf(a as number));
    expect(told).toMatchObject({ title: 'from-the-file', execArgv: [] });
    expect(await answerOf(b as number)).toBe('b');
    expect(told.vars.filter((name: string) => name.startsWith('SD_READY_WRAP_'))).toEqual([]);
    await receiver.until(({ text }) => text === 'WATCHDOG=1');
    expect(problems(run)).toEqual([]);
  });

  test('inspects itself, its children and workers sees no difference', async () => {
    const command = [NODE, '--stack-trace-limit=20', `${FIXTURES}apps/tells-of-itself.cjs`];
    const env = { NODE_OPTIONS: '--no-warnings', KEPT: 'x' };
    await using alone = direct([...under(`127.0.0.1:${a}`), ...command], { env });
    await alone.closed;
    await using run = taking([`127.0.0.1:${a}`], command, ['--delay', '1h'], { env });
    expect(await run.closed).toEqual({ code: 0 });
    expect(JSON.parse(run.stdout.text)).toEqual(JSON.parse(alone.stdout.text));
  });
});

describe('is refused before the app is started', () => {
  const NOT_NODE = 'is not Node itself; start the app with node, e.g. sd-ready-wrap --take-sockets -- node app.js';
  const NONE =
    'systemd passed no listening TCP socket; write ListenStream=3000 in shop.socket, and Sockets=shop.socket ' +
    'under [Service]';
  const PERMISSION =
    "Node's permission model keeps the app from loading the preload of sd-ready-wrap; remove --permission, or " +
    'let the app listen on the descriptor itself: server.listen({ fd: 3 })';
  const STARTS = ['-e', 'console.log("started")'];

  async function refusal(flags: readonly string[], command: readonly string[], options: WrapOptions = {}) {
    await using run = wrap(['--take-sockets', ...flags, '--delay', '1ms', '--', ...command], options);
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stdout.text).toBe('');
    expect(run.stderr.lines).toHaveLength(1);
    return run.stderr.lines[0]?.replace('sd-ready-wrap: --take-sockets: ', '');
  }

  test('for a command that is not Node', async () => {
    expect(await refusal([], sh('echo started'), { under: under(`127.0.0.1:${a}`) })).toBe(`sh ${NOT_NODE}`);
  });

  test('without an inherited TCP listener', async () => {
    using dir = tempDir();
    expect(await refusal([], [NODE, ...STARTS])).toBe(NONE);
    expect(await refusal([], [NODE, ...STARTS], { under: under(dir.file('socket'), `udp:${a}`) })).toBe(NONE);
    // as with Accept=yes
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const connects =
      '$^F = 9; socket S, AF_INET, SOCK_STREAM, 0; connect S, pack_sockaddr_in(shift, INADDR_LOOPBACK) or die; ' +
      '@ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1); exec @ARGV';
    expect(await refusal([], [NODE, ...STARTS], { under: ['perl', '-MSocket', '-e', connects, `${port}`] })).toBe(NONE);
    server.close();
  });

  test('if they belong to a shell in between', async () => {
    const between = [...under(`127.0.0.1:${a}`), ...sh('"$@"; exit $?')];
    expect(await refusal([], [NODE, ...STARTS], { under: between })).toMatch(
      /^systemd passed its sockets to another process \(LISTEN_PID=\d+\); start sd-ready-wrap directly by ExecStart=/,
    );
  });

  test("with Node's permission model", async () => {
    using dir = tempDir();
    writeFileSync(dir.file('.env'), 'A=1\nNODE_OPTIONS="--permission"\n');
    const options = { under: under(`127.0.0.1:${a}`) };
    expect(await refusal([], [NODE, '--permission', ...STARTS], options)).toBe(PERMISSION);
    // which reach the app alone if the wrapper is started by its own name
    const env = { NODE_OPTIONS: '--no-warnings --experimental-permission' };
    await using run = direct([...options.under, BIN, '--take-sockets', '--', NODE, ...STARTS], { env });
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stderr.text).toContain(PERMISSION);
    expect(await refusal([], [NODE, '--env-file', dir.file('.env'), ...STARTS], options)).toBe(PERMISSION);
  });

  test('with --handoff', async () => {
    expect(await refusal(['--handoff'], [NODE, ...STARTS], { under: under(`127.0.0.1:${a}`) })).toMatch(
      /^cannot be combined with --handoff: /,
    );
  });

  test('without a directory for the preload', async () => {
    const env = { RUNTIME_DIRECTORY: '/nowhere', TMPDIR: '/nowhere' };
    expect(await refusal([], [NODE, ...STARTS], { under: under(`127.0.0.1:${a}`), env })).toMatch(
      /^cannot create the preload file \(\/nowhere: ENOENT/,
    );
  });
});

describe('an app that took none of the sockets', () => {
  const listens = (...words: readonly unknown[]) => [
    NODE,
    '-e',
    `require('node:http').createServer((_, response) => response.end()).listen(...${JSON.stringify(words)})`,
  ];

  test('and is ready: one warning names the passed and the requested addresses', async () => {
    const [passed, asked] = [`127.0.0.1:${a}`, `127.0.0.1:${b}`];
    await using run = taking([passed], listens(b, '127.0.0.1'), ['--tcp', asked]);
    await run.logged('ready');
    expect(problems(run)).toEqual([
      `--take-sockets: the app took none of the sockets that systemd passed (${passed}): it wants to listen on ` +
        `${asked}; ` +
        `write ListenStream=${asked} in the .socket, or give the app that port`,
    ]);
  });

  test('because a child has the server', async () => {
    const script = `require('node:child_process').spawn('sleep', ['600']); console.log('started')`;
    await using run = taking([`127.0.0.1:${a}`], [NODE, '-e', script], ['--stdout', 'started']);
    await run.logged('ready');
    expect(problems(run)).toEqual([expect.stringContaining('its main process has not opened a port')]);
  });

  test('because the command is not Node, whatever its name', async () => {
    using dir = tempDir();
    writeFileSync(dir.file('node'), '#!/bin/sh\necho ready\nread _\n', { mode: 0o755 });
    await using run = taking([`127.0.0.1:${a}`], [dir.file('node'), 'x.js'], ['--stdout', 'ready']);
    await run.logged('ready');
    expect(problems(run)).toEqual([expect.stringContaining('did not load the preload')]);
  });

  test.each([
    ['dies of it', "''", { code: 1 }],
    ['goes on, and is ready', "server.once('error', () => server.listen(0))", undefined],
  ])('and %s: one warning', async (_, copes, end) => {
    const script = `
      const server = require('node:http').createServer((_, response) => response.end()).listen(${a}, '127.0.0.1');
      ${copes}`;
    await using run = taking([`0.0.0.0:${a}`], [NODE, '-e', script], ['--listen', 'any']);
    if (end) expect(await run.closed).toEqual(end);
    else await run.logged('ready');
    expect(problems(run).filter((line) => line.startsWith('--take-sockets'))).toEqual([
      `--take-sockets: the app took none of the sockets that systemd passed (0.0.0.0:${a}): it wants to listen on ` +
        `127.0.0.1:${a}; 0.0.0.0:${a} is wider: write ListenStream=127.0.0.1:${a} in the .socket`,
    ]);
  });
});

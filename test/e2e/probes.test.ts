/** Promise: each further probe makes READY=1 when its readiness signal is there, and only then. */
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { isRunning } from '../helpers/pids.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { BIN, Run, wrap } from '../helpers/wrap.ts';

const APP = ['--', ...app('becomes-ready')];

/** Runs it with a receiver, and ends both after the test. */
async function withReceiver(
  args: readonly string[],
  use: (run: Run, receiver: NotifyReceiver) => Promise<void>,
): Promise<void> {
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(args, { env: { NOTIFY_SOCKET: receiver.path } });
  await use(run, receiver);
}

/** Nothing so far made it ready. */
async function isNotReady(run: Run, receiver: NotifyReceiver): Promise<void> {
  await run.settled();
  await receiver.settled();
  expect(receiver.isReady(), run.stderr.text).toBe(false);
}

const by = async (run: Run) => (await run.logged('ready'))['by'];

test('--http: refused, then 503, then 200', async () => {
  const port = await freePort();
  const url = `http://localhost:${port}/health`;
  await withReceiver(['--http', url, ...APP], async (run, receiver) => {
    await receiver.until(({ text }) => text.includes(`http ${url}: ECONNREFUSED`));
    run.tell(`serve ${port} 503`);
    await receiver.until(({ text }) => text.includes(`http ${url}: 503`));
    expect(receiver.isReady()).toBe(false);
    run.tell('status 204');
    await receiver.untilReady();
    expect(await by(run)).toBe(`http ${url}`);
  });
});

test('--http-status and --http-header replace the default status and headers', async () => {
  const port = await freePort();
  const options = ['--http', `http://127.0.0.1:${port}/`, '--http-status', '404', '--http-header', 'X: y'];
  await withReceiver([...options, ...APP], async (run, receiver) => {
    run.tell(`serve ${port} 200`);
    await receiver.until(({ text }) => text.includes(': 200'));
    expect(receiver.isReady()).toBe(false);
    run.tell('status 404');
    await receiver.untilReady();
  });
});

test('--http uses no proxy', async () => {
  const port = await freePort();
  await using receiver = await NotifyReceiver.start();
  let asked = 0;
  const proxy = createServer((_, response) => {
    asked += 1;
    response.end();
  });
  const proxyPort = await freePort();
  await new Promise<void>((resolve) => proxy.listen(proxyPort, '127.0.0.1', resolve));
  const env = {
    NOTIFY_SOCKET: receiver.path,
    NODE_USE_ENV_PROXY: '1',
    http_proxy: `http://127.0.0.1:${proxyPort}`,
    HTTP_PROXY: `http://127.0.0.1:${proxyPort}`,
  };
  await using run = wrap(['--http', `http://127.0.0.1:${port}/`, ...APP], { env });
  await receiver.until(({ text }) => text.includes('ECONNREFUSED'));
  run.tell(`serve ${port} 200`);
  await receiver.untilReady();
  expect(asked).toBe(0);
  proxy.close();
});

test('--unix', async () => {
  using dir = tempDir();
  const path = dir.file('app.sock');
  await withReceiver(['--unix', path, ...APP], async (run, receiver) => {
    await receiver.until(({ text }) => text.includes(`unix ${path}: does not exist`));
    expect(receiver.isReady()).toBe(false);
    run.tell(`socket ${path}`);
    await receiver.untilReady();
    expect(await by(run)).toBe(`unix ${path}`);
  });
});

test("--unix resolves the path in the app's working directory", async () => {
  using dir = tempDir();
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(['--unix', 'app.sock', ...APP], { env: { NOTIFY_SOCKET: receiver.path }, cwd: dir.path });
  run.tell('socket app.sock');
  await receiver.untilReady();
});

test('--file ignores a file from an earlier start', async () => {
  using dir = tempDir();
  const path = dir.file('ready');
  writeFileSync(path, '');
  utimesSync(path, 1_000_000, 1_000_000);
  await withReceiver(['--file', path, ...APP], async (run, receiver) => {
    await receiver.until(({ text }) => text.includes(`file ${path}: exists, but is older than the start`));
    await isNotReady(run, receiver);
    run.tell(`touch ${path}`);
    await receiver.untilReady();
    expect(await by(run)).toBe(`file ${path}`);
  });
});

test('--exec', async () => {
  using dir = tempDir();
  const command = `echo "$NOTIFY_SOCKET" >'${dir.file('socket')}'; test -e '${dir.file('go')}'`;
  await withReceiver(['--exec', command, ...APP], async (run, receiver) => {
    await receiver.until(({ text }) => text.includes('exit status 1'));
    await isNotReady(run, receiver);
    run.tell(`touch ${dir.file('go')}`);
    await receiver.untilReady();
    // the command does not get it
    expect(readFileSync(dir.file('socket'), 'utf8')).toBe('\n');
  });
});

test('--exec: its processes end with the app', async () => {
  using dir = tempDir();
  await using run = wrap(['--exec', `echo $$ >'${dir.file('pid')}'; sleep 600`, '--attempt-timeout', '1min', ...APP]);
  const pid = await until('the command', () => {
    return existsSync(dir.file('pid')) && Number(readFileSync(dir.file('pid'), 'utf8'));
  });
  run.tell('exit 3');
  expect(await run.exit).toEqual({ code: 3 });
  await until('the command to be gone', () => !isRunning(pid));
});

test('--delay', async () => {
  await withReceiver(['--delay', '700ms', ...APP], async (run, receiver) => {
    await receiver.untilReady();
    expect((await run.logged('ready'))['after_ms']).toBeGreaterThanOrEqual(700);
    expect(await by(run)).toBe('delay 700 ms');
  });
});

test('--delay: an app that dies before is not ready', async () => {
  await withReceiver(['--delay', '1min', '--', ...sh('exit 7')], async (run, receiver) => {
    expect(await run.closed).toEqual({ code: 7 });
    await receiver.settled();
    expect(receiver.isReady()).toBe(false);
  });
});

test.each([3, 4, 9, 255])('--fd %i: a newline counts, the bytes before it do not', async (fd) => {
  await withReceiver(['--fd', `${fd}`, ...APP], async (run, receiver) => {
    await run.until('stdout', 'started');
    run.tell(`write ${fd} almost`);
    run.tell('say written');
    await run.until('stdout', 'written');
    await isNotReady(run, receiver);
    run.tell(`write ${fd} \\n`);
    await receiver.untilReady();
    expect(await by(run)).toBe(`fd ${fd}`);
  });
});

test('--fd opened by a shell', async () => {
  await withReceiver(['--fd', '4', '--', ...sh('echo >&4; exec sleep 600')], async (_, receiver) => {
    await receiver.untilReady();
  });
});

test('--fd: closed without a newline is not ready', async () => {
  await withReceiver(['--fd', '4', '--', ...sh('printf x >&4; exec 4>&-; exec sleep 600')], async (run, receiver) => {
    await receiver.until(({ text }) => text.includes('closed without a newline'));
    await isNotReady(run, receiver);
  });
});

test('--fd twice, with --ipc between: all three count', async () => {
  await withReceiver(['--fd', '3', '--fd', '5', '--ipc', ...APP], async (run, receiver) => {
    run.tell('write 5 \\n');
    run.tell('write 3 \\n');
    run.tell('say written');
    await run.until('stdout', 'written');
    await receiver.until(({ text }) => text.includes('ipc message') && !text.includes('fd '));
    await isNotReady(run, receiver);
    run.tell('send "ready"');
    await receiver.untilReady();
  });
});

test('--fd: the app may go on writing, far more than a pipe holds', async () => {
  const script = 'echo >&3; head -c 5000000 /dev/zero >&3 && echo "all written $?"; exec sleep 600';
  await withReceiver(['--fd', '3', '--', ...sh(script)], async (run, receiver) => {
    await receiver.untilReady();
    await run.until('stdout', 'all written 0');
  });
});

test("--fd: the app's end does not wait for a grandchild that holds it", async () => {
  await using run = wrap(['--fd', '3', '--', ...sh('sleep 600 >/dev/null 2>&1 & echo >&3; exit 5')]);
  expect(await run.exit).toEqual({ code: 5 });
});

test('--fd: the numbers between are unused', async () => {
  // 3 is the directory that ls reads
  await using run = wrap(['--fd', '9', '--', ...sh('ls /proc/self/fd')]);
  await run.closed;
  expect(run.stdout.lines.filter((fd) => Number(fd) > 3 && Number(fd) < 9)).toEqual([]);
  expect(run.stdout.lines).toContain('9');
});

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

test.each<[string, string, readonly string[], (another: string) => Record<string, string>]>([
  ['by its own name, with NODE_EXTRA_CA_CERTS', BIN, [], () => ({ NODE_EXTRA_CA_CERTS: fixture('cert.pem') })],
  [
    // a distribution's own store, with that certificate in it
    'and what Node trusts without them still is',
    NODE,
    ['--use-openssl-ca', BIN],
    (another) => ({ NODE_EXTRA_CA_CERTS: another, SSL_CERT_FILE: fixture('cert.pem') }),
  ],
])('--http to https: %s', async (_, runtime, first, env) => {
  using dir = tempDir();
  const [another = ''] = rootCertificates;
  writeFileSync(dir.file('another.pem'), another);
  const port = await freePort();
  const serves =
    'const [key, cert] = process.argv.slice(1).map((file) => require("node:fs").readFileSync(file)); ' +
    `require("node:https").createServer({ key, cert }, (_, answer) => answer.end()).listen(${port}, "127.0.0.1")`;
  const options = ['--dry-run', '--exit-when-ready', '--timeout', '10s', '--http', `https://localhost:${port}/`];
  const command = ['--', NODE, '-e', serves, fixture('key.pem'), fixture('cert.pem')];
  await using run = new Run(runtime, [...first, ...options, ...command], { env: env(dir.file('another.pem')) });
  expect(await run.closed).toEqual({ code: 0 });
});

test('--exec without enough descriptors: a reason, and not a bug', async () => {
  // between Node's own need and what is enough
  for (let most = 20; most <= 36; most += 1) {
    const under = sh(`ulimit -n ${most}; exec "$@"`);
    await using run = wrap(['--exec', 'false', '--timeout', '200ms', '--', 'sleep', '9'], { under });
    await run.closed;
    expect(run.stderr.text, `${most}`).not.toMatch(/a bug of|TypeError/);
  }
});

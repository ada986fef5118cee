/** Promise: never READY=1 for another program's port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { describeAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { testWhere } from '../helpers/untried.ts';
import { type Run, wrap } from '../helpers/wrap.ts';

const APP = ['--', ...app('does-as-told')];

async function withReceiver(
  args: readonly string[],
  use: (run: Run, receiver: NotifyReceiver) => Promise<void>,
  under: readonly string[] = [],
): Promise<void> {
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(args, { env: { NOTIFY_SOCKET: receiver.path }, under });
  await use(run, receiver);
}

async function isNotReady(run: Run, receiver: NotifyReceiver): Promise<void> {
  await run.settled();
  await receiver.settled();
  expect(receiver.isReady(), run.stderr.text).toBe(false);
}

/** Another program on the host that listens, in a separate process. */
async function stranger(where: string | number, as: 'net' | 'http' = 'net', uid?: number): Promise<ChildProcess> {
  const answer = as === 'http' ? '(_, response) => response.end()' : '';
  const listen = `require('${as}').createServer(${answer}).listen(${JSON.stringify(where)}, () => console.log('on'))`;
  const child = spawn(NODE, ['-e', listen], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    ...(uid === undefined ? {} : { uid }),
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

describe('a port that another program holds', () => {
  test.each(['--tcp', '--listen'])('%s PORT: not ready until the app has the port', async (option) => {
    const port = await freePort();
    const other = await stranger(port);
    await withReceiver([option, `${port}`, ...APP], async (run, receiver) => {
      await run.until('stdout', 'started');
      if (option === '--tcp') {
        const held = `held by node (pid ${other.pid}), not by the app`;
        expect((await run.logged('warning')).msg).toContain(`port ${port} is ${held}`);
        await receiver.until(({ text }) => text.includes(held));
      }
      await isNotReady(run, receiver);
      other.kill('SIGKILL');
      await once(other, 'exit');
      run.tell(`listen ${port}`);
      await receiver.untilReady();
    });
  });

  test('--tcp-owner any: counts', async () => {
    const port = await freePort();
    await stranger(port);
    await withReceiver(['--tcp', `${port}`, '--tcp-owner', 'any', ...APP], async (_, receiver) => {
      await receiver.untilReady();
    });
  });

  test('auto and --listen any: another program that starts to listen does not count', async () => {
    for (const options of [[], ['--listen', 'any']]) {
      await withReceiver([...options, ...APP], async (run, receiver) => {
        await run.until('stdout', 'started');
        await stranger(await freePort());
        await isNotReady(run, receiver);
        run.tell(`listen ${await freePort()}`);
        await receiver.untilReady();
      });
    }
  });

  test('--unix PATH: an earlier listener does not count, the app in its place does', async () => {
    using dir = tempDir();
    const path = dir.file('app.sock');
    const other = await stranger(path);
    await withReceiver(['--unix', path, ...APP], async (run, receiver) => {
      await receiver.until(({ text }) => text.includes(`held by node (pid ${other.pid}), not by the app`));
      await isNotReady(run, receiver);
      other.kill('SIGKILL');
      await once(other, 'exit');
      run.tell(`replace ${path}`);
      await receiver.untilReady();
    });
  });

  test("--unix PATH: another program's new listener does not count", async () => {
    using dir = tempDir();
    const path = dir.file('app.sock');
    await withReceiver(['--unix', path, ...APP], async (run, receiver) => {
      await run.until('stdout', 'started');
      const other = await stranger(path);
      const held = `held by node (pid ${other.pid}), not by the app`;
      await receiver.until(({ text }) => text.includes(held));
      await run.until(
        'stderr',
        `${path} is ${held}; --tcp-owner any is only for an app that serves through that process`,
      );
      await isNotReady(run, receiver);
      run.tell(`replace ${path}`);
      await receiver.untilReady();
    });
  });

  test('--unix PATH with --tcp-owner any: counts', async () => {
    using dir = tempDir();
    const path = dir.file('app.sock');
    await stranger(path);
    await withReceiver(['--unix', path, '--tcp-owner', 'any', ...APP], async (_, receiver) => {
      await receiver.untilReady();
    });
  });
});

test('--http: the app counts once it has taken over the port, although the number of sockets is the same', async () => {
  const port = await freePort();
  const other = await stranger(port, 'http');
  const retry = `
    const server = require('http').createServer((_, response) => response.end());
    const listen = () => server.listen(${port});
    server.on('error', () => setTimeout(listen, 5));
    listen();
  `;
  await withReceiver(['--http', `http://127.0.0.1:${port}/`, '--', NODE, '-e', retry], async (_, receiver) => {
    await receiver.until(({ text }) => text.includes(`held by node (pid ${other.pid}), not by the app`));
    other.kill('SIGKILL');
    await receiver.untilReady();
  });
});

const OWN_ADDRESS = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
const TO_OWN_ADDRESS =
  "--http to an address of this host that is not loopback: another program's answer does not count";

testWhere(OWN_ADDRESS !== undefined, 'needs an address other than loopback', TO_OWN_ADDRESS, async () => {
  const port = await freePort();
  await stranger(port, 'http');
  await withReceiver(['--http', `http://${OWN_ADDRESS}:${port}/`, ...APP], async (run, receiver) => {
    await run.logged('warning');
    await isNotReady(run, receiver);
  });
});

describe('a path through a symbolic link', () => {
  test.each(['directory', 'socket'])('is the same place if the %s is a link', async (what) => {
    using dir = tempDir();
    mkdirSync(dir.file('real'));
    const path = dir.file('real/app.sock');
    const link = dir.file('link');
    symlinkSync(what === 'socket' ? path : dir.file('real'), link);
    const linked = what === 'socket' ? link : `${link}/app.sock`;
    const other = await stranger(path);
    await withReceiver(['--unix', linked, ...APP], async (run, receiver) => {
      await receiver.until(({ text }) => text.includes(`held by node (pid ${other.pid}), not by the app`));
      await isNotReady(run, receiver);
    });
    other.kill('SIGKILL');
    await once(other, 'exit');
    rmSync(path);
    await withReceiver(['--listen', linked, ...APP], async (run, receiver) => {
      await run.until('stdout', 'started');
      run.tell(`listen ${path}`);
      await receiver.untilReady();
    });
  });

  test('a path that cannot be resolved yet is only a reason', async () => {
    using dir = tempDir();
    const path = dir.file('app.sock');
    symlinkSync(path, path);
    await withReceiver(['--unix', path, ...APP], async (run, receiver) => {
      await receiver.until(({ text }) => text.includes('ELOOP'));
      run.tell(`replace ${path}`);
      await receiver.untilReady();
      expect(run.stderr.text).not.toContain('bug');
    });
  });
});

describe("the app's own", () => {
  test.each(['0.0.0.0', '[::ffff:127.0.0.1]', '127.1'])('socket counts for --tcp %s:PORT', async (host) => {
    const port = await freePort();
    await withReceiver(['--tcp', `${host}:${port}`, ...APP], async (run, receiver) => {
      await run.until('stdout', 'started');
      run.tell(`listen ${port} 127.0.0.1`);
      await receiver.untilReady();
    });
  });

  test.each([
    ['a child', (port: number) => [NODE, '-e', `require('net').createServer().listen(${port})`]],
    ['a worker of node:cluster', (port: number) => [NODE, '-e', CLUSTER, `${port}`]],
  ])('socket of %s counts', async (_, command) => {
    for (const option of ['--tcp', '--listen']) {
      const port = await freePort();
      const child = command(port)
        .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
        .join(' ');
      await withReceiver([option, `${port}`, '--', ...sh(`${child} & wait`)], async (_run, receiver) => {
        await receiver.untilReady();
      });
    }
  });

  test.each([
    ['Node 20', [NODE, '-e', "require('net').createServer().listen('\\0' + process.argv[1])"]],
    ['others', ['perl', '-e', ABSTRACT]],
  ])('abstract Unix socket counts, named as by %s', async (_, command) => {
    for (const option of ['--unix', '--listen']) {
      const name = `sd-ready-wrap-test-${process.pid}-é`;
      await withReceiver([option, `@${name}`, '--', ...command, name], async (run, receiver) => {
        await receiver.untilReady();
        expect((await run.logged('ready'))['by']).toBe(`${option.slice(2)} @${name}`);
      });
    }
  });

  test.each(['any', 'PATH'])('Unix socket counts for --listen %s', async (target) => {
    using dir = tempDir();
    const path = dir.file('app.sock');
    await withReceiver(['--listen', target.replace('PATH', path), ...APP], async (run, receiver) => {
      await run.until('stdout', 'started');
      await isNotReady(run, receiver);
      run.tell(`listen ${path}`);
      await receiver.untilReady();
      expect((await run.logged('ready'))['by']).toBe(`listen ${path}`);
    });
  });

  test('inspector does not count for auto with --listen any, the next port does', async () => {
    const port = await freePort();
    const command = [NODE, '--inspect=0', ...app('does-as-told').slice(1)];
    await withReceiver(['--', ...command], async (run, receiver) => {
      await run.until('stderr', 'Debugger listening');
      await isNotReady(run, receiver);
      run.tell(`listen ${port} 127.0.0.1`);
      await receiver.untilReady();
    });
  });

  test.each([
    ['with another process title', ['--title=shop'], "process.title = 'shop';"],
    ['that is not a file', ['--unhandled-rejections', 'strict'], ''],
  ])('inspector of an app %s does not count for auto', async (_, flags, script) => {
    const inspector = await freePort();
    // the test's connection makes the kernel count another socket, so that the wrapper checks again
    const connects = `${script} require('net').connect(${inspector}, '127.0.0.1', () => console.log('connected'))`;
    const command = [NODE, ...flags, '-e', connects, `--inspect=127.0.0.1:${inspector}`];
    await withReceiver(['--', ...command], async (run, receiver) => {
      await run.until('stdout', 'connected');
      await isNotReady(run, receiver);
      await receiver.until(({ text }) => text.includes(`only 127.0.0.1:${inspector} so far`));
    });
  });

  test("port counts for auto if an argument of the app only resembles a debugger's", async () => {
    const port = await freePort();
    await withReceiver([...APP, `--inspect=${port}`], async (run, receiver) => {
      await run.until('stdout', 'started');
      run.tell(`listen ${port} 127.0.0.1`);
      await receiver.untilReady();
    });
  });

  test('debugger of NODE_OPTIONS is opened by the app, not by the wrapper', async () => {
    const inspector = await freePort();
    await using run = wrap(['--delay', '10ms', ...APP], { env: { NODE_OPTIONS: `--inspect=127.0.0.1:${inspector}` } });
    await run.until('stdout', 'started');
    await run.logged('ready');
    expect(run.stderr.text).not.toMatch(/address already in use|SIGPROF/);
  });

  test('inspector does not count for auto, its port does', async () => {
    for (const flags of ['--inspect=127.0.0.1:PORT', '--inspect-port=PORT --inspect']) {
      const inspector = await freePort();
      const port = await freePort();
      const command = [NODE, ...flags.replace('PORT', `${inspector}`).split(' '), ...app('does-as-told').slice(1)];
      await withReceiver(['--', ...command], async (run, receiver) => {
        await run.until('stderr', `Debugger listening on ws://127.0.0.1:${inspector}`);
        await isNotReady(run, receiver);
        run.tell(`listen ${port} 127.0.0.1`);
        await receiver.untilReady();
        expect((await run.logged('ready'))['by']).toBe(`listen 127.0.0.1:${port} (auto)`);
      });
    }
  });
});

describeAsRoot('an app whose sockets the wrapper cannot read', () => {
  /** The wrapper is root without CAP_SYS_PTRACE, the app another user: /proc/PID/fd is closed (ptrace(2)). */
  const blind = ['--bounding-set', '-sys_ptrace', '--inh-caps', '-sys_ptrace'];
  const asOther = ['setpriv', '--reuid', '64321', '--regid', '64321', '--clear-groups', '--'];

  async function blindly(
    args: readonly string[],
    use: (run: Run, receiver: NotifyReceiver) => Promise<void>,
  ): Promise<void> {
    await withReceiver(args, use, ['setpriv', ...blind, '--']);
  }

  /** Binds as root, gives up root, and listens on command; Node binds and listens in one step. */
  const DROPS = `
    use Socket;
    my ($where) = @ARGV;
    my $family = $where =~ /^\\d+$/ ? PF_INET : PF_UNIX;
    socket my $socket, $family, SOCK_STREAM, 0 or die;
    bind $socket, $family == PF_UNIX ? pack_sockaddr_un($where) : pack_sockaddr_in($where, INADDR_LOOPBACK) or die;
    ($(, $)) = (64321, '64321 64321'); ($<, $>) = (64321, 64321);
    syswrite STDOUT, "started\\n";
    <STDIN>;
    listen $socket, 5 or die;
    sleep 1000`;

  test.each(['PORT', 'PATH'])('what it bound before giving up root counts for --listen %s', async (target) => {
    using dir = tempDir();
    const where = target === 'PORT' ? await freePort() : dir.file('app.sock');
    await blindly(['--listen', `${where}`, '--', 'perl', '-e', DROPS, `${where}`], async (run, receiver) => {
      await run.until('stdout', 'started');
      await isNotReady(run, receiver);
      run.tell('');
      await receiver.untilReady();
    });
  });

  test("its own new Unix socket counts for --listen any, another program's does not", async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o777);
    await blindly(['--listen', 'any', '--', ...asOther, ...app('does-as-told')], async (run, receiver) => {
      await run.until('stdout', 'started');
      await stranger(dir.file('other.sock'));
      await receiver.until(({ text }) => text.includes('CAP_SYS_PTRACE'));
      await isNotReady(run, receiver);
      run.tell(`listen ${dir.file('app.sock')}`);
      await receiver.untilReady();
      expect((await run.logged('ready'))['by']).toBe(`listen ${dir.file('app.sock')}`);
    });
  });

  test('a port of a third user does not count, even if it came later', async () => {
    const port = await freePort();
    await blindly(['--tcp', `${port}`, '--', ...asOther, ...app('does-as-told')], async (run, receiver) => {
      await run.until('stdout', 'started');
      await stranger(port, 'net', 1000);
      await receiver.until(({ text }) => text.includes('held by another program, of uid 1000, not by the app'));
      await isNotReady(run, receiver);
    });
  });

  test('its own new socket counts, an earlier one does not', async () => {
    const port = await freePort();
    const server = createServer().listen(port);
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    const command = ['--tcp', `${port}`, '--', ...asOther, ...app('does-as-told')];
    await blindly(command, async (run, receiver) => {
      await run.until('stdout', 'started');
      await receiver.until(({ text }) => text.includes('not by the app'));
      await isNotReady(run, receiver);
      server.close();
      await once(server, 'close');
      run.tell(`listen ${port}`);
      await receiver.untilReady();
    });
  });
});

/** Listens on an abstract socket of exactly that name; libuv before 1.48 (Node 20) pads the name with zero bytes. */
const ABSTRACT = `
  use Socket;
  socket my $socket, PF_UNIX, SOCK_STREAM, 0 or die;
  bind $socket, pack('S', AF_UNIX) . "\\0$ARGV[0]" or die;
  listen $socket, 5 or die;
  sleep 1000`;

/** A primary that passes the port to its workers, and exits when they do. */
const CLUSTER = `
  const cluster = require('cluster');
  if (cluster.isPrimary) cluster.fork();
  else require('net').createServer().listen(process.argv[1]);
`;

/** Promise: the app's own sd_notify works from any process of it, in any language, and is said by the wrapper. */
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { type Installation, install } from '../helpers/install.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { IS_ROOT, testAsRoot } from '../helpers/root.ts';
import { type TempDir, tempDir } from '../helpers/temp.ts';
import { WAYS, WITHOUT_FFI } from '../helpers/transport.ts';
import { BIN, Run, type WrapOptions, wrap } from '../helpers/wrap.ts';

const SENDS = `perl ${fileURLToPath(new URL('../fixtures/apps/sends.pl', import.meta.url))}`;

/** For the sockets: those of a wrapper that is killed at the end of a test stay behind. */
let scratch: TempDir;
beforeAll(() => {
  scratch = tempDir();
  chmodSync(scratch.path, 0o711);
});
afterAll(() => scratch[Symbol.dispose]());

describe.each(WAYS)('received by %s', (way, [node = '', ...flags], addons) => {
  let installation: Installation;
  beforeAll(() => {
    installation = install(...addons);
  });
  afterAll(() => installation[Symbol.dispose]());

  const start = (app: readonly string[], { env }: WrapOptions = {}, ...options: string[]) =>
    new Run(node, [...flags, installation.bin, '--notify', ...options, '--', ...app], {
      env: { TMPDIR: scratch.path, ...env },
    });

  test('by this way and no other', async () => {
    await using run = start(sh('exit 0'), {}, '--log-level', 'debug');
    await run.closed;
    expect(run.log.find(({ event }) => event === 'app-notify')?.msg).toContain(`receiving with ${way}`);
  });

  test("systemd-notify's words are said by the main process, and it is not kept waiting", async () => {
    await using receiver = await NotifyReceiver.start();
    // it waits at each call until its descriptor is closed (BARRIER=1), and fails after 5 s
    await using run = start(
      sh('systemd-notify --ready --status=open && echo first && read _ && systemd-notify --status=busy && echo second'),
      { env: { NOTIFY_SOCKET: receiver.path } },
    );
    await receiver.untilReady();
    await run.logged('ready');
    await run.until('stdout', 'first');
    run.tell('go on');
    await run.until('stdout', 'second');
    expect(await run.closed).toEqual({ code: 0 });
    await receiver.settled();
    const texts = receiver.messages().map(({ text }) => text);
    expect(texts.slice(texts.indexOf('STATUS=open'))).toEqual(['STATUS=open', 'READY=1', 'STATUS=busy']);
    expect(new Set(receiver.messages().map(({ pid }) => pid))).toEqual(new Set([run.pid]));
  });

  test('a reload: each word in a datagram of its own', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = start(
      sh(
        `${SENDS} READY=1; read _; ${SENDS} 'RELOADING=1\\nMONOTONIC_USEC=7' 'READY=1\\nSTATUS=new' STOPPING=1; ` +
          `exec cat`,
      ),
      { env: { NOTIFY_SOCKET: receiver.path } },
    );
    await receiver.untilReady();
    run.tell('reload');
    await receiver.until(({ text }) => text === 'STOPPING=1');
    const texts = receiver.messages().map(({ text }) => text);
    expect(texts.slice(-4)).toEqual(['RELOADING=1\nMONOTONIC_USEC=7', 'STATUS=new', 'READY=1', 'STOPPING=1']);
  });

  test('all in one breath: READY=1 does not come after what followed it', async () => {
    await using receiver = await NotifyReceiver.start();
    await using _ = start(sh(`${SENDS} STATUS=x READY=1 RELOADING=1 READY=1 STOPPING=1; exec cat`), {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    await receiver.until(({ text }) => text === 'STOPPING=1');
    const texts = receiver.messages().map(({ text }) => text);
    expect(texts.slice(texts.indexOf('STATUS=x'))).toEqual([
      ...['STATUS=x', 'READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1'],
    ]);
  });

  test('nothing is lost and nothing changes places, from the first moment on', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = start(sh(`${SENDS} 1000*ERRNO=%d READY=1; exec cat`), { env: { NOTIFY_SOCKET: receiver.path } });
    await receiver.untilReady();
    const numbers = receiver.assignments().filter((assignment) => assignment.startsWith('ERRNO='));
    expect(numbers).toEqual(Array.from({ length: 1000 }, (_, index) => `ERRNO=${index + 1}`));
    expect((await run.logged('ready')).msg).toMatch(/notify READY=1/);
  });

  test('the last words of an app that dies are not lost', async () => {
    await using receiver = await NotifyReceiver.start();
    const words = `${SENDS} READY=1 STATUS=a STATUS=b STATUS=c STATUS=d ERRNO=5 STOPPING=1`;
    await using run = start(sh(`exec ${words}`), { env: { NOTIFY_SOCKET: receiver.path } });
    await run.closed;
    await receiver.until(({ text }) => text === 'STOPPING=1');
    expect(receiver.assignments()).toContain('ERRNO=5');
  });

  test('what systemd would not take is not taken, and does no harm', async () => {
    await using receiver = await NotifyReceiver.start();
    const bad = [`READY=1\\n${'x'.repeat(4089)}`, 'READY=1\\0\\0', '70000', '', 'READY=10', '\\xFF\\xFE', 'MAINPID=1'];
    const words = bad.map((text) => `'${text}'`).join(' ');
    await using run = start(
      sh(`${SENDS} ${words} "READY=1\\n$(printf %50000s)"; echo said; read _; ${SENDS} READY=1; exec cat`),
      { env: { NOTIFY_SOCKET: receiver.path } },
      ...['--log-level', 'debug'],
    );
    await run.until('stdout', 'said');
    // the last but one of them
    expect((await run.logged('not-passed-on')).msg).toContain('MAINPID');
    await run.settled();
    await receiver.settled();
    expect(receiver.isReady()).toBe(false);
    expect(receiver.assignments().filter((assignment) => !assignment.startsWith('STATUS=Starting'))).toEqual([]);
    run.tell('go on');
    await receiver.untilReady();
    expect(run.log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  test('a grandchild that never stops sending does not hold up the end', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = start(sh(`${SENDS} for-ever & ${SENDS} READY=1; read _; exit 3`), {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    await run.logged('ready');
    run.tell('end');
    expect(await run.exit).toEqual({ code: 3 });
  });

  describe('socket and directory are gone', () => {
    test.each<[string, string[], string[], object]>([
      ['after exit 3', [], sh('exit 3'), { code: 3 }],
      ['after READY=1 and exit 0', [], sh(`${SENDS} READY=1; exit 0`), { code: 0 }],
      ['after death by SIGTERM', [], sh('kill -TERM $$'), { signal: 'SIGTERM' }],
      ['after death by SIGKILL', [], sh('kill -KILL $$'), { signal: 'SIGKILL' }],
      ['after a missed start timeout', ['--timeout', '50ms'], ['sleep', '100'], { code: 124 }],
      ['after a start that failed', [], ['/no/such/program'], { code: 127 }],
      ['after one of what is no program', [], ['/etc/passwd'], { code: 126 }],
    ])('%s', async (_, flags, app, exit) => {
      using dir = tempDir();
      await using run = start(app, { env: { TMPDIR: dir.path } }, ...flags);
      expect(await run.exit).toEqual(exit);
      expect(readdirSync(dir.path)).toEqual([]);
    });

    test('after a stop', async () => {
      using dir = tempDir();
      await using run = start(sh(`${SENDS} READY=1; exec sleep 100`), { env: { TMPDIR: dir.path } });
      await run.logged('ready');
      expect(readdirSync(dir.path)).toHaveLength(1);
      run.kill('SIGTERM');
      expect(await run.exit).toEqual({ signal: 'SIGTERM' });
      expect(readdirSync(dir.path)).toEqual([]);
    });
  });

  testAsRoot('an app that gave up root is heard', async () => {
    await using run = start(
      sh(`setpriv --reuid 1000 --regid 1000 --clear-groups systemd-notify --ready && exec cat`),
      {},
    );
    await run.logged('ready');
  });
});

test('no addon at all: one line, 125, and no app', async () => {
  using installation = install();
  using dir = tempDir();
  await using run = new Run(NODE, [...WITHOUT_FFI, installation.bin, '--notify', '--', 'touch', dir.file('started')], {
    env: { TMPDIR: dir.path },
  });
  expect(await run.closed).toEqual({ code: 125 });
  expect(run.stderr.lines).toEqual([
    expect.stringMatching(
      new RegExp(
        String.raw`^sd-ready-wrap: --notify: cannot receive datagrams \(node:ffi: .*; unix-dgram: .*; koffi: .*\)` +
          '; .*npm install koffi.*--tcp or --ipc',
      ),
    ),
  ]);
  expect(readdirSync(dir.path)).toEqual([]);
});

describe('where the socket is', () => {
  /** Runs the wrapper with that environment and umask, and tells what the app saw: path and modes. */
  async function seen(env: Record<string, string>, umask = '022') {
    const app = 'stat -c %a "$(dirname "$NOTIFY_SOCKET")" "$NOTIFY_SOCKET"; echo "$NOTIFY_SOCKET"';
    await using run = new Run('sh', ['-c', `umask ${umask}; exec ${NODE} ${BIN} --notify -- sh -c '${app}'`], { env });
    await run.closed;
    const [directoryMode = '', mode = '', path = ''] = run.stdout.lines;
    return { directoryMode, mode, path, parent: dirname(dirname(path)), stderr: run.stderr.text };
  }

  const MODES = IS_ROOT ? { directoryMode: '711', mode: '666' } : { directoryMode: '700', mode: '600' };

  test.each(['000', '022', '077', '777'])('its modes do not depend on the umask: %s', async (umask) => {
    using dir = tempDir();
    chmodSync(dir.path, 0o755);
    expect(await seen({ TMPDIR: dir.path }, umask)).toMatchObject({ ...MODES, parent: dir.path });
  });

  testAsRoot('as root its name is not to be guessed', async () => {
    const [first, second] = [await seen({}), await seen({})];
    expect(first.path).toMatch(/\/[\w-]{22}$/);
    expect(second.path.slice(-22)).not.toBe(first.path.slice(-22));
  });

  test('the first of the places that can be used', async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o755);
    const made = (name: string, mode = 0o755) => {
      mkdirSync(dir.file(name));
      chmodSync(dir.file(name), mode);
      return dir.file(name);
    };
    const [one, two, user, tmp] = [made('one'), made('two'), made('user'), made('tmp')];
    const long = made('x'.repeat(90));
    writeFileSync(dir.file('file'), '');
    const parent = async (env: Record<string, string>) => (await seen(env)).parent;

    expect(await parent({ RUNTIME_DIRECTORY: `${one}:${two}`, XDG_RUNTIME_DIR: user, TMPDIR: tmp })).toBe(one);
    expect(await parent({ XDG_RUNTIME_DIR: user, TMPDIR: tmp })).toBe(user);
    expect(await parent({ TMPDIR: tmp })).toBe(tmp);
    for (const useless of [dir.file('nowhere'), dir.file('file'), long, '/proc', 'relative', '']) {
      expect([useless, await parent({ RUNTIME_DIRECTORY: useless, XDG_RUNTIME_DIR: user })]).toEqual([useless, user]);
    }
    expect((await seen({ TMPDIR: tmp })).stderr).not.toContain(tmp);
  });

  testAsRoot('as root one that others cannot pass through comes last', async () => {
    using closed = tempDir();
    using open = tempDir();
    chmodSync(open.path, 0o711);
    expect(statSync(closed.path).mode & 0o777).toBe(0o700);
    mkdirSync(closed.file('below'), { mode: 0o755 });
    for (const first of [closed.path, closed.file('below')]) {
      const env = { RUNTIME_DIRECTORY: first, XDG_RUNTIME_DIR: first };
      expect(await seen({ ...env, TMPDIR: open.path })).toMatchObject({ parent: open.path });
      expect(await seen({ ...env, TMPDIR: first })).toMatchObject({ parent: first });
    }
  });

  test('nowhere: one line, 125, and no app', async () => {
    const env = { RUNTIME_DIRECTORY: '/proc', XDG_RUNTIME_DIR: '/no/such', TMPDIR: `/${'x'.repeat(100)}` };
    await using run = wrap(['--notify', '--', 'true'], { env });
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stderr.lines).toEqual([
      expect.stringMatching(
        /^sd-ready-wrap: --notify: cannot create the app's notify socket .*\/no\/such: ENOENT; .*RuntimeDirectory=/,
      ),
    ]);
  });
});

test('WATCHDOG_USEC is for the app now, and goes to nobody in particular', async () => {
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(['--notify', '--', ...sh('echo "$WATCHDOG_USEC/$WATCHDOG_PID"; exec cat')], {
    env: { NOTIFY_SOCKET: receiver.path, TMPDIR: scratch.path, WATCHDOG_USEC: '3000000' },
    under: sh('WATCHDOG_PID=$$ exec "$@"'),
  });
  await run.until('stdout', '3000000/\n');
});

test('without a systemd the app has its socket all the same', async () => {
  await using run = wrap(['--notify', '--', ...sh(`${SENDS} READY=1; exec cat`)], { env: { TMPDIR: scratch.path } });
  expect((await run.logged('ready')).msg).toContain('notify READY=1');
});

/** Promise: another user of the host cannot use the wrapper, least of all root's, and untrusted text stays text. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { describeAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { wrap } from '../helpers/wrap.ts';

const SENDS = `perl ${new URL('../fixtures/apps/sends.pl', import.meta.url).pathname}`;
const OTHER = 4321;

/** What the kernel shows about our sockets to every user. */
const shown = () =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .flatMap((row) => /\S*sd-ready-wrap-\S*$/.exec(row)?.[0] ?? []);

describeAsRoot("root's notify socket", () => {
  test('cannot be found by another user', async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o755);
    const env = { TMPDIR: dir.path };
    await using run = wrap(['--notify', '--', ...sh('echo "$NOTIFY_SOCKET"; exec cat')], { env });
    const path = await until('its path', () => run.stdout.lines[0]);
    const names = shown().filter((name) => name.startsWith(dir.path));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(existsSync(name), name).toBe(false);
    // the app may give up root, and can still notify
    expect(statSync(path).mode & 0o777).toBe(0o666);
    const list = `setpriv --reuid ${OTHER} --regid ${OTHER} --clear-groups ls ${path.slice(0, path.lastIndexOf('/'))}`;
    expect(() => execFileSync('sh', ['-c', `${list} 2>/dev/null`])).toThrow();
  });

  test.each<[string, (path: string) => void]>([
    ['that belongs to another user', (path) => chownSync(path, OTHER, OTHER)],
    ['that others may write to, without a sticky bit', (path) => chmodSync(path, 0o777)],
  ])('is not put into a directory %s, and no other file is either', async (_, spoil) => {
    using dir = tempDir();
    mkdirSync(dir.file('run'));
    chmodSync(dir.path, 0o755);
    spoil(dir.file('run'));
    const env = { TMPDIR: dir.file('run') };
    await using run = wrap(['--notify', '--', 'true'], { env });
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stderr.lines).toHaveLength(1);
    expect(run.stderr.text).toMatch(/not safe for root: .* set RuntimeDirectory= in the unit/);
    expect(statSync(dir.file('run')).nlink).toBe(2);
  });

  test('a socket has its mode from the start, without a chmod by path that a link could redirect', async () => {
    await using run = wrap(['--notify', '--', ...sh('stat -c %a "$NOTIFY_SOCKET" "$NOTIFY_SOCKET.stream"')]);
    await run.closed;
    expect(run.stdout.lines).toEqual(['666', '666']);
  });
});

describe("the app's watchdog notifications", () => {
  test.each([
    ['without WatchdogSec= do not reach systemd', {}, []],
    ['with it reach systemd', { WATCHDOG_USEC: '3600000000' }, ['WATCHDOG=trigger', 'WATCHDOG_USEC=1000']],
  ])('%s', async (_, env, passed) => {
    await using receiver = await NotifyReceiver.start();
    const app = sh(`${SENDS} READY=1 WATCHDOG=trigger WATCHDOG_USEC=1000 WATCHDOG=1 ERRNO=7; exec cat`);
    await using run = wrap(['--notify', '--watchdog', 'app', '--', ...app], {
      env: { NOTIFY_SOCKET: receiver.path, ...env },
    });
    await receiver.until(({ text }) => text === 'ERRNO=7');
    const said = receiver.assignments().filter((each) => /^WATCHDOG(=trigger|_USEC)/.test(each));
    expect(said).toEqual(passed);
    run.kill('SIGKILL');
  });
});

describe('untrusted text', () => {
  const EVIL = 'a\nb\n<0>PANIC\u001b[31m';

  test('the name of the process that holds the port', async () => {
    const port = await freePort();
    using dir = tempDir();
    // prctl(2) PR_SET_NAME: 15 bytes
    const script = `
      process.title = ${JSON.stringify(EVIL.slice(0, 15))};
      require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'));`;
    await using holder = wrap(['--stdout', '^up', '--', NODE, '-e', script], { cwd: dir.path });
    await holder.logged('ready');
    await using run = wrap(['--log-format', 'journal', '--timeout', '2s', '--tcp', `${port}`, '--', ...sh('exec cat')]);
    await run.closed;
    expect(run.stderr.text).toContain('held by');
    for (const line of run.stderr.lines) expect(line).toMatch(/^<\d>sd-ready-wrap: [^\p{Cc}]*$/u);
  });

  test.each([
    ['an argument', ['--tcp', EVIL, '--', 'true']],
    ['a command', ['--', EVIL]],
    ['a file', ['--file', `/tmp/${EVIL}`, '--timeout', '200ms', '--log-format', 'journal', '--', 'sleep', '9']],
    [
      'a command that answers',
      ['--exec', `echo '${EVIL}' >&2; false`, '--timeout', '500ms', '--log-format', 'journal', '--', 'sleep', '9'],
    ],
  ])('%s: no control character and no forged line', async (_, words) => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(words, { env: { NOTIFY_SOCKET: receiver.path } });
    await run.closed;
    for (const line of run.stderr.lines) expect(line).toMatch(/^(<\d>)?sd-ready-wrap: [^\p{Cc}]*$/u);
    await receiver.settled();
    for (const { text } of receiver.messages()) expect(text.replaceAll('\n', '')).toMatch(/^[^\p{Cc}]*$/u);
    for (const each of receiver.assignments()) expect(each).toMatch(/^[A-Z_]+=/);
  });

  test('an exported bash function does not replace a command of --exec', async () => {
    using dir = tempDir();
    const env = { 'BASH_FUNC_true%%': `() { touch ${dir.file('taken')}; }` };
    await using run = wrap(
      ['--exec', 'env >&2; false', '--timeout', '1s', '--log-level', 'debug', '--', ...sh('exec cat')],
      { env },
    );
    await run.closed;
    expect(run.stderr.text).not.toContain('BASH_FUNC');
  });
});

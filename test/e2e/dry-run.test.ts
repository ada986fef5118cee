/**
 * Promise: --dry-run runs a command line as a unit would, notifies no process, and shows what systemd would receive,
 * and when.
 */
import { describe, expect, test } from 'vitest';
import { formatDuration } from '../../src/base/time-span.ts';
import { app, NODE, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { install } from '../helpers/install.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { scaled } from '../helpers/pace.js';
import { tempDir } from '../helpers/temp.ts';
import { WAYS, WITHOUT_FFI } from '../helpers/transport.ts';
import { BIN, Run, wrap } from '../helpers/wrap.ts';

const DRY = ['--dry-run', '--log-format', 'json'];
const SMOKE = [...DRY, '--exit-when-ready'];

/** What systemd would have received, in order. */
const told = (run: Run) =>
  run.log.filter(({ event }) => event === 'notification').flatMap(({ assignments }) => assignments as string[]);

function inOrder(lines: readonly string[]) {
  const times = lines.map((line) => Number(/\+ *([\d.]+) s/.exec(line)?.[1]));
  expect(times).not.toContain(Number.NaN);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
}

describe('the report', () => {
  test('is in the order of its times, also at a timeout', async () => {
    // after the app's output, however busy the machine is
    const options = ['--dry-run', '--timeout', `${scaled(2000)}ms`, '--stdout', '/never/'];
    await using run = wrap([...options, '--', ...sh('echo up; exec sleep 100')]);
    expect(await run.closed).toEqual({ code: 124 });
    expect(run.stderr.text).toContain('the slashes count as part of the line; without them: --stdout never');
    const { lines } = run.stderr;
    inOrder(lines);
    const told = lines.findIndex((line) =>
      line.includes(`would receive STATUS=not ready after ${formatDuration(scaled(2000))}`),
    );
    expect(told).toBeGreaterThan(0);
    expect(lines[told + 1]).toMatch(/ s {2}not ready after \d/);
  });

  test('lists what each probe found and what systemd would receive, with times; the app runs as usual', async () => {
    const port = await freePort();
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--dry-run', '--tcp', `${port}`, '--stdout', '^now$', '--', ...app('does-as-told')], {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    await run.until('stderr', `tcp 127.0.0.1:${port}: ECONNREFUSED`);
    await run.until('stderr', 'stdout /^now$/: no line matched yet');
    run.tell(`listen ${port} 127.0.0.1`);
    await run.until('stderr', new RegExp(`tcp 127.0.0.1:${port}: yes, after \\d+ attempts`));
    expect(run.stderr.text).not.toContain('READY=1');
    run.tell('say now');
    await run.until('stderr', 'systemd would receive READY=1, STATUS=App (pid ');
    run.tell('exit 7');
    expect(await run.closed).toEqual({ code: 7 });
    expect(run.stdout.lines.slice(1)).toEqual(['listening', 'now']);

    const { lines } = run.stderr;
    for (const line of lines) expect(line).toMatch(/^sd-ready-wrap: \+ *\d+\.\d{3} s {2}\S/);
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    expect(at('started the app')).toBeLessThan(at('receive STATUS=Starting since'));
    expect(at('yes, after')).toBeLessThan(at('receive READY=1'));
    expect(lines[at('receive READY=1') + 1]).toMatch(/ s {2}ready after /);
    inOrder(lines);
    expect(lines.at(-2)).toContain('receive STATUS=the app exited with code 7');
    expect(lines.at(-1)).toContain('the app exited with code 7');
    await receiver.settled();
    expect(receiver.messages()).toEqual([]);
  });

  test('is an ordinary log if a log format is given, with every attempt at level debug', async () => {
    const port = await freePort();
    const options = ['--log-level', 'debug', '--tcp', `${port}`, '--interval', '10ms'];
    await using run = wrap([...DRY, ...options, '--', ...app('does-as-told')]);
    await run.until('stderr', '"attempts":5,');
    run.tell(`listen ${port} 127.0.0.1`);
    expect(await run.logged('ready')).toMatchObject({ level: 30 });
    await run.until('stderr', '"assignments":["READY=1"');
    const answers = run.log.filter(({ event, level }) => event === 'answer' && level === 20);
    expect(answers.map(({ attempts }) => attempts).slice(0, 4)).toEqual([2, 3, 4, 5]);
    // a slow start repeats what is pending
    const isWaiting = (text = '') => text.startsWith('STATUS=Starting since ');
    const news = told(run).filter((text, at, all) => !(isWaiting(text) && isWaiting(all[at - 1])));
    expect(news).toEqual([
      'STATUS=Starting',
      expect.stringMatching(/^STATUS=Starting since /),
      'READY=1',
      expect.stringMatching(/^STATUS=App /),
    ]);
  });

  test.each([...WAYS, ['no socket', [NODE, ...WITHOUT_FFI], []] as const])(
    'uses a private socket if possible: %s',
    async (name, [node = '', ...flags], addons) => {
      using installed = install(...addons);
      const options = ['--dry-run', '--exit-when-ready', '--log-level', 'debug', '--delay', '50ms'];
      await using run = new Run(
        node,
        [...flags, installed.bin, ...options, '--', ...sh('echo "here: $NOTIFY_SOCKET"; sleep 100')],
        {},
      );
      expect(await run.closed).toEqual({ code: 0 });
      const how = name === 'no socket' ? 'not available' : `by ${name}`;
      expect(run.stderr.text).toContain(`private notify socket ${how}`);
      expect(run.stderr.lines.filter((line) => line.endsWith('systemd would receive STATUS=Starting'))).toHaveLength(1);
      expect(run.stderr.text).toContain('systemd would receive READY=1, ');
      expect(run.stdout.text).toBe('here: \n');
    },
  );

  test("passes the app's own sd_notify through", async () => {
    await using run = wrap([
      ...SMOKE,
      '--notify',
      '--',
      ...sh(`systemd-notify STATUS=mine; systemd-notify --ready; sleep 100`),
    ]);
    expect(await run.closed).toEqual({ code: 0 });
    expect(told(run).slice(-2)).toEqual(['STATUS=mine', 'READY=1']);
  });

  test('makes no handoff', async () => {
    const port = await freePort();
    const listens = `require('net').createServer().listen(${port}, '127.0.0.1')`;
    await using run = wrap([...SMOKE, '--handoff', '--tcp', `${port}`, '--', NODE, '-e', listens]);
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stderr.text).not.toMatch(/handoff|MAINPID/);
  });

  test('on a terminal the last line shows the progress, and disappears at the end', async () => {
    const script = 'setTimeout(() => console.log("up"), 700); setTimeout(() => process.exit(3), 1100)';
    const command = [NODE, BIN, '--dry-run', '--stdout', '^up', '--', NODE, '-e', script];
    const line = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    await using run = new Run('script', ['-qec', line, '/dev/null'], { env: { TERM: 'xterm' } });
    expect(await run.closed).toEqual({ code: 3 });
    // back to the first column with nothing after it, then a line that does not wrap; ESC is left out here
    const screen = run.stdout.text.replaceAll(String.fromCharCode(27), '');
    expect(screen).toMatch(/\r\[K\[\?7l\d+\.\d s {2}waiting for stdout \/\^up\/: no output yet {2}\[\?7h/);
    expect(screen.split('\r[K').length).toBe(screen.split('[?7l').length);
    expect(screen).toContain('ready after');
  });
});

describe('--exit-when-ready', () => {
  test('stops the app and everything that it started, and exits with 0', async () => {
    const port = await freePort();
    // like npm: a shell in between that passes no signal on
    const server = `require('net').createServer().listen(${port}, '127.0.0.1')`;
    await using run = wrap([...SMOKE, '--tcp', `${port}`, '--', ...sh('"$1" -e "$2"; true', NODE, server)]);
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.log.map(({ event }) => event)).toEqual(expect.arrayContaining(['no-timeout', 'ready', 'dismissed']));
    expect(run.pids()).toEqual([]);
  });

  test('lets a shutdown take its time, and fail', async () => {
    await using run = wrap([...SMOKE, '--stdout', '^ready', '--', ...app('ends-slowly', 300, 7)]);
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.count('got SIGTERM')).toBe(1);
    expect(run.log.map(({ event }) => event)).not.toContain('killed');
  });

  test('sends SIGKILL after --stop-timeout', async () => {
    const options = ['--stdout', '^started', '--stop-timeout', '200ms'];
    await using run = wrap([...SMOKE, ...options, '--', ...app('ignores-sigterm')]);
    expect(await run.closed).toEqual({ code: 0 });
    expect((await run.logged('killed')).msg).toContain('SIGKILL');
  });

  test('exits with 124 if not ready in time', async () => {
    await using run = wrap([...SMOKE, '--stdout', 'never', '--timeout', '400ms', '--', ...sh('sleep 100; true')]);
    expect(await run.closed).toEqual({ code: 124 });
    expect(told(run)).not.toContain('READY=1');
    expect(run.log.map(({ event }) => event)).not.toContain('no-timeout');
    expect(run.pids()).toEqual([]);
  });

  test('an app that ends before it is ready is not a success', async () => {
    await using run = wrap([...SMOKE, '--stdout', 'never', '--', ...app('exits-with', 0)]);
    expect(await run.closed).toEqual({ code: 124 });
    expect(run.log.at(-1)?.msg).toMatch(/^the app exited with code 0 after .*, before it was ready: /);
  });

  test('an app that goes into the background: the process that is left is named, and stopped at once', async () => {
    using dir = tempDir();
    const command = `sh -c 'trap "echo asked; exit" TERM; touch "$1"; while :; do sleep 0.01; done' sh "$1" &
      until [ -e "$1" ]; do sleep 0.01; done`;
    const options = ['--stdout', 'never', '--stop-timeout', '1min'];
    await using run = wrap([...SMOKE, ...options, '--', ...sh(command, dir.file('there'))]);
    expect(await run.closed).toEqual({ code: 124 });
    expect((await run.logged('left-behind')).msg).toMatch(
      /^still running: sh \(pid \d+\).*; stopped, as systemd would do$/,
    );
    expect(run.stdout.lines).toEqual(['asked']);
    expect(run.pids()).toEqual([]);
  });

  test('a process that was asked to stop together with the app is not asked again', async () => {
    // like npm: it ends at once, and leaves the app to end by itself
    const command = 'trap "exit 0" TERM; "$1" "$2" 300 7 & wait';
    await using run = wrap([...SMOKE, '--stdout', '^ready', '--', ...sh(command, ...app('ends-slowly'))]);
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.count('got SIGTERM')).toBe(1);
    expect(run.log.map(({ event }) => event)).not.toContain('left-behind');
  });

  test('an app that dies first keeps its status', async () => {
    await using run = wrap([...SMOKE, '--stdout', 'never', '--', ...app('exits-with', 9)]);
    expect(await run.closed).toEqual({ code: 9 });
    expect(told(run)).not.toContain('READY=1');
  });
});

test.each([
  [['--exit-when-ready', 'true'], /--exit-when-ready: works only with --dry-run; write e\.g\. --dry-run/],
  [['--dry-run', '--print-unit', 'true'], /--dry-run: cannot be combined with --print-unit, which runs nothing/],
  [['--dry-run'], /no command given/],
])('%j gives one line and exit 125', async (words, text) => {
  await using run = wrap(words);
  expect(await run.closed).toEqual({ code: 125 });
  expect(run.stderr.text).toMatch(text);
  expect(run.stderr.lines).toHaveLength(1);
});

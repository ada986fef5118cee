/** Promise: sd-ready-wrap/sd-notify behaves like the npm package sd-notify, call by call. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { describeWhere } from '../helpers/untried.ts';
import { wrap } from '../helpers/wrap.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const OPENS = fileURLToPath(new URL('../fixtures/opens-files.pl', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../fixtures/sd-notify/node_modules/sd-notify', import.meta.url));
/** It must be compiled with the headers of libsystemd, for one release of Node: test/setup/install.js. */
const THERE = spawnSync(NODE, ['-e', 'require(process.argv[1])', PACKAGE]).status === 0;
const OURS = 'sd-ready-wrap/sd-notify';

const BAD = '({ toString() { throw new RangeError("no text") } })';

/** Valid and invalid calls. */
const CALLS = [
  ...['ready()', 'ready(1)', 'stopping(process.pid)', 'watchdog()', 'watchdog(5)', 'watchdogInterval()'],
  ...['sendStatus("open")', 'sendStatus()', 'sendStatus(null)', 'sendStatus(7)', 'sendStatus("a\\nERRNO=2")'],
  ...['sendStatus("ä ✓")', 'sendStatus("a\\\\b")', 'sendStatus("a\\0b")', 'sendStatus({})', 'sendStatus(["a", "b"])'],
  ...['sendStatus(Symbol("x"))', `sendStatus(${BAD})`, 'sendStatus(10n)'],
  ...['sendState("STATUS=x")', 'sendState("READY=1\\nSTATUS=y")', 'sendState()', 'sendState(null)', 'sendState({})'],
  ...['sendState(Symbol("x"))', `sendState(${BAD})`, 'sendState("X_A=1\\0X_B=2")'],
  ...['startWatchdogMode(Symbol("x"))', 'startWatchdogMode(1n)', `startWatchdogMode(${BAD})`, 'stopWatchdogMode()'],
  ...['log.info(Symbol("x"))', `log.err("a", ${BAD})`, 'log.nothing("x")', 'nothing()'],
];

/**
 * No call sends such an ERRNO=, and the wrapper passes each on. Without a marker in between, a busy wrapper may drop
 * the first of two STATUS=.
 */
const BEHIND = 1000;

/** Makes all calls, each followed by a marker, and prints what was returned or thrown. */
const script = (module: string) => `
  const notify = require(${JSON.stringify(module)});
  for (const [index, call] of ${JSON.stringify(CALLS)}.entries()) {
    let outcome;
    try { outcome = String(new Function('notify', 'return notify.' + call)(notify)); }
    catch (error) { outcome = error.name + ': ' + error.message; }
    console.log(call, '->', outcome);
    notify.sendState('ERRNO=' + (${BEHIND} + index));
  }
  process.stdin.resume();`;

interface Outcome {
  readonly stdout: string;
  readonly datagrams: string[];
}

/** Without the wrapper: the package uses $NOTIFY_SOCKET, ours OpenFile=, the only way for Node. */
async function alone(module: string): Promise<Outcome> {
  await using receiver = await NotifyReceiver.start();
  const words = [NODE, '-e', script(module)];
  const env = { PATH: process.env['PATH'] ?? '', NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '3000500' };
  const opened = module === OURS ? ['perl', OPENS, `${receiver.path}:notify`, '--', ...words] : words;
  const { stdout, stderr } = spawnSync(opened[0] as string, opened.slice(1), {
    cwd: REPOSITORY,
    encoding: 'utf8',
    env,
  });
  expect(stderr).toBe('');
  await receiver.settled();
  return { stdout, datagrams: receiver.messages().map(({ text }) => text) };
}

async function wrapped(module: string, ...options: string[]): Promise<Outcome> {
  await using receiver = await NotifyReceiver.start();
  // the unit expects pings, and the app sends them itself
  const env = { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '3600000000' };
  await using run = wrap([...options, '--watchdog', 'off', '--', NODE, '-e', script(module)], { env, cwd: REPOSITORY });
  // an app that ends at once was not ready
  await receiver.until(({ text }) => text === `ERRNO=${BEHIND + CALLS.length - 1}`);
  run.process.stdin?.end();
  expect(await run.closed, run.stderr.text).toEqual({ code: 0 });
  await receiver.settled();
  expect(new Set(receiver.messages().map(({ pid }) => pid))).toEqual(new Set([run.pid]));
  const datagrams = receiver.messages().map(({ text }) => text.replace(/^STATUS=App .*$/m, 'STATUS=App'));
  // whether an app gets the interval depends on its channel; a test below covers it
  const stdout = run.stdout.text.replace(/^watchdogInterval\(\) -> \d+$/m, 'watchdogInterval()');
  return { stdout, datagrams: datagrams.filter((text) => !text.startsWith('STATUS=Starting')) };
}

describeWhere(THERE, 'npm sd-notify is not compiled for this Node', 'call by call', () => {
  test('without the wrapper: the same results and errors, the same datagrams', async () => {
    const [theirs, ours] = await Promise.all([alone(PACKAGE), alone(OURS)]);
    expect(theirs.datagrams.length).toBeGreaterThan(CALLS.length);
    expect(ours).toEqual(theirs);
  });

  test('under the wrapper: the same for systemd', async () => {
    const theirs = await wrapped(PACKAGE, '--notify');
    expect(theirs.datagrams).toContain('WATCHDOG=1');
    expect(await wrapped(OURS, '--notify')).toEqual(theirs);
    expect(await wrapped(OURS, '--ipc')).toEqual(theirs);
  });

  test.each([
    [{ WATCHDOG_USEC: '2000000' }],
    [{ WATCHDOG_USEC: '2999' }],
    [{ WATCHDOG_USEC: '0' }],
    [{ WATCHDOG_USEC: '-1' }],
    [{ WATCHDOG_USEC: 'soon' }],
    [{ WATCHDOG_USEC: '' }],
    [{ WATCHDOG_USEC: '2000000', WATCHDOG_PID: '1' }],
    [{ WATCHDOG_USEC: '2000000', WATCHDOG_PID: '' }],
    [{ WATCHDOG_PID: '1' }],
    [{}],
  ])('watchdogInterval() with %j', (env) => {
    const told = (module: string) => {
      const code = `console.log(require(${JSON.stringify(module)}).watchdogInterval())`;
      return spawnSync(NODE, ['-e', code], { cwd: REPOSITORY, encoding: 'utf8', env: { ...env } }).stdout;
    };
    expect(told(OURS)).toBe(told(PACKAGE));
  });
});

test('startWatchdogMode() pings until stopWatchdogMode(), and keeps the app alive', async () => {
  await using receiver = await NotifyReceiver.start();
  const code = `
    import notify from '${OURS}';
    let pings = 0;
    const began = Date.now();
    notify.startWatchdogMode(20);
    setInterval(() => { if (++pings === 5) { notify.stopWatchdogMode(); setTimeout(() => {}, 100); } }, 20).unref();`;
  await using run = wrap(['--notify', '--watchdog', 'off', '--', NODE, '--input-type=module', '-e', code], {
    env: { NOTIFY_SOCKET: receiver.path, WATCHDOG_USEC: '3600000000' },
    cwd: REPOSITORY,
  });
  expect(await run.closed).toEqual({ code: 0 });
  await receiver.settled();
  const pings = receiver.assignments().filter((each) => each === 'WATCHDOG=1').length;
  expect(pings).toBeGreaterThanOrEqual(3);
  expect(pings).toBeLessThanOrEqual(6);
});

test.each([
  ['in the journal', { JOURNAL_STREAM: '1:2' }, '<6>a 1\n<4>b\n<4>c\n<0>d\n'],
  ['elsewhere', {}, 'a 1\nb\nc\nd\n'],
])('log.* writes to stderr: %s', (_, env, text) => {
  const code = `const { log } = require('${OURS}'); log.info('a', 1); log.warn('b\\nc'); log.emergency('d');`;
  const { stderr } = spawnSync(NODE, ['-e', code], { cwd: REPOSITORY, encoding: 'utf8', env });
  expect(stderr).toBe(text);
});

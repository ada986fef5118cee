/** Promise: one line for each event of the wrapper, in the format for its reader. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { app, NODE } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { BIN, direct, type Run, wrap } from '../helpers/wrap.ts';

const COMMAND = ['--stdout', '^ready', '--', ...app('prints-signals')];

/** The content of each event, in any format. */
const TEXTS = [
  /^started the app, pid \d+; waiting for stdout \/\^ready\/$/,
  /^ready after [\d.]+ m?s: stdout \/\^ready\/$/,
  /^forwarded SIGHUP to the app$/,
  /^the app exited with code 0$/,
];

async function live(run: Run): Promise<void> {
  run.tell('ready');
  await until('ready', () => run.stderr.text.includes('ready after'));
  run.kill('SIGHUP');
  await run.until('stdout', 'got SIGHUP\n');
  run.tell('end');
  expect(await run.closed).toEqual({ code: 0 });
}

describe('one line each: started, ready, signal forwarded, ended', () => {
  test('--log-format json', async () => {
    await using run = wrap(['--log-format', 'json', ...COMMAND]);
    await live(run);
    const records = run.stderr.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.map(({ event }) => event)).toEqual(['started', 'ready', 'signal', 'exited']);
    expect(records.map(({ msg }) => msg)).toEqual(TEXTS.map((text) => expect.stringMatching(text)));
    for (const { time } of records) expect(Date.parse(`${time}`)).not.toBeNaN();
    expect(records[1]).toMatchObject({ by: 'stdout /^ready/', after_ms: expect.any(Number), pid: run.pid });
  });

  test('--log-format journal', async () => {
    await using run = wrap(['--log-format', 'journal', ...COMMAND]);
    await live(run);
    const lines = run.stderr.lines.map((line) => line.replace(/^<6>sd-ready-wrap: /, ''));
    expect(lines).toEqual(TEXTS.map((text) => expect.stringMatching(text)));
  });

  test('--log-format pretty', async () => {
    await using run = wrap(['--log-format', 'pretty', ...COMMAND]);
    await live(run);
    const lines = run.stderr.lines.map((line) => line.replace(/^sd-ready-wrap: /, ''));
    expect(lines).toEqual(TEXTS.map((text) => expect.stringMatching(text)));
  });
});

describe('auto', () => {
  test('JSON if stderr is a pipe', async () => {
    await using run = wrap(COMMAND);
    await live(run);
    expect(run.log.map(({ event }) => event)).toEqual(['started', 'ready', 'signal', 'exited']);
  });

  test('journal if JOURNAL_STREAM names stderr, and JSON if it names another stream', async () => {
    using dir = tempDir();
    for (const [name, shift, first] of [
      ['journal', 0, '<'],
      ['other', 1, '{'],
    ] as const) {
      const stderr = openSync(dir.file(name), 'a');
      const { dev, ino } = fstatSync(stderr);
      const env = { JOURNAL_STREAM: `${dev}:${ino + shift}` };
      await using run = wrap(['--stdout', 'x', '--', 'true'], { env, stdio: ['ignore', 'pipe', stderr] });
      closeSync(stderr);
      await run.closed;
      expect(readFileSync(dir.file(name), 'utf8')[0]).toBe(first);
    }
  });

  test('pretty on a terminal', async () => {
    // script(1) gives it one, and shows the terminal's output
    const line = [NODE, BIN, '--stdout', 'x', '--', 'true'].join(' ');
    await using run = direct(['script', '--quiet', '--return', '--command', line, '/dev/null']);
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toContain('\u001b[36msd-ready-wrap:\u001b[0m started the app');
  });
});

describe('--log-level', () => {
  test.each([
    ['debug', 'info'],
    ['info', 'info'],
    ['warn', 'error'],
    ['error', 'error'],
  ])('%s: an app that fails', async (level, first) => {
    await using run = wrap(['--log-level', level, '--log-format', 'json', '--stdout', 'x', '--', 'false']);
    expect(await run.closed).toEqual({ code: 1 });
    expect(run.log.at(level === 'debug' ? -2 : 0)?.level).toBe(first === 'info' ? 30 : 50);
    expect(run.log.at(-1)).toMatchObject({ event: 'exited', level: 50 });
  });

  test('error: prints nothing if nothing failed', async () => {
    await using run = wrap(['--log-level', 'error', ...COMMAND]);
    run.tell('ready');
    await run.until('stdout', /^ready/m);
    run.tell('end');
    expect(await run.closed).toEqual({ code: 0 });
    // if the end came first, the app was not ready, which is an error
    expect(run.log.filter(({ event }) => event !== 'exited')).toEqual([]);
  });
});

test('a closed reader of stderr does no harm', async () => {
  await using run = wrap(COMMAND);
  await run.logged('started');
  // its handlers are installed when it has printed this
  await run.until('stdout', 'started');
  run.process.stderr?.destroy();
  run.kill('SIGHUP');
  await run.until('stdout', 'got SIGHUP\n');
  run.kill('SIGUSR2');
  await run.until('stdout', 'got SIGUSR2\n');
  run.tell('end');
  expect(await run.closed).toEqual({ code: 0 });
  // the wrapper's own write raised one, which is not for the app
  expect(run.stdout.count('got SIGPIPE')).toBe(0);
});

describe('the record of a start, in a unit', () => {
  const IN_UNIT = { INVOCATION_ID: 'f3a1b1a5c1f24f6c9a1e1d1c2b3a4f5e' };
  const START = {
    unit: expect.any(String),
    probe: 'stdout /^ready/',
    ms: expect.any(Number),
    transport: expect.stringMatching(/^(unix-dgram|koffi|node:ffi)$/),
    reload: false,
  };

  test('is a separate line in the journal', async () => {
    await using systemd = await NotifyReceiver.start();
    const env = { ...IN_UNIT, NOTIFY_SOCKET: systemd.path };
    await using run = wrap(['--log-format', 'journal', ...COMMAND], { env });
    await live(run);
    const records = run.stderr.lines.filter((line) => line.startsWith('<6>{')).map((line) => JSON.parse(line.slice(3)));
    expect(records).toEqual([{ start: START }]);
  });

  test('is a field of the READY=1 line elsewhere', async () => {
    await using systemd = await NotifyReceiver.start();
    const env = { ...IN_UNIT, NOTIFY_SOCKET: systemd.path };
    await using run = wrap(['--log-format', 'json', ...COMMAND], { env });
    await live(run);
    expect(run.log.filter(({ start }) => start)).toMatchObject([{ event: 'ready', start: START }]);
  });

  test('does not delay READY=1 if the log is not read', async () => {
    using dir = tempDir();
    execFileSync('mkfifo', [dir.file('log')]);
    const log = openSync(dir.file('log'), constants.O_RDWR | constants.O_NONBLOCK);
    try {
      for (;;) writeSync(log, Buffer.alloc(4096));
    } catch {
      // the pipe is full
    }
    await using systemd = await NotifyReceiver.start();
    const env = { ...IN_UNIT, NOTIFY_SOCKET: systemd.path };
    await using run = wrap(['--log-format', 'journal', ...COMMAND], { env, stdio: ['pipe', 'pipe', log] });
    run.tell('ready');
    await systemd.untilReady();
    closeSync(log);
  });
});

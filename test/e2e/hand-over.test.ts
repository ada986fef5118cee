/**
 * Promise: once no probe watches a stream any more, it passes through cat instead of Node, without a visible
 * difference: every byte arrives in order; back-pressure, a closed reader, signals and the end work as before.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { childrenOf, commandOf, isRunning, killPid } from '../helpers/pids.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { BIN, direct, type Run, wrap } from '../helpers/wrap.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const cats = (wrapper: number) => childrenOf(wrapper).filter((pid) => commandOf(pid) === 'cat');

/** Resolves when cat has taken over from that wrapper. */
const handedOver = (wrapper: number) => until('cat to have taken over', () => cats(wrapper)[0]);

/** The app prints READY, and continues with the script when cat has taken over. */
async function handOver(script: string, options: Parameters<typeof wrap>[1] = {}): Promise<[Run, number]> {
  const run = wrap(['--stdout', 'READY', '--', ...sh(`echo "READY (pid $$)"; read -r go; ${script}`)], options);
  const cat = await handedOver(run.pid);
  run.tell('go');
  return [run, cat];
}

describe('keeps every byte in order across the switch', () => {
  const CASES = [
    // bytes, the largest block, ms from READY to the first of them
    [3_000_000, 100_000, 0],
    [3_000_000, 70_000, 8],
    [2_000_000, 3000, 15],
    [300_000, 3000, 0],
    [60, 10, 0],
    [20_000, 5000, 30],
  ] as const;
  const PLACES: [string, string][] = [
    ['a socket', 'exec "$@"'],
    ['a pipe', '"$@" | cat; exit 7'],
    ['a file', '"$@" >file; code=$?; cat file; exit $code'],
  ];

  test.each(PLACES)('to %s', async (_, script) => {
    using dir = tempDir();
    for (const [index, numbers] of CASES.entries()) {
      const digest = dir.file(`digest-${index}`);
      const command = [NODE, BIN, '--stdout', 'READY', '--', ...app('writes-at-random', digest, ...numbers)];
      await using run = direct(sh(script, ...command));
      expect(await run.closed).toEqual({ code: 7 });
      expect(sha256(run.stdout.bytes)).toBe(readFileSync(digest, 'utf8'));
    }
  });

  test('on both streams', async () => {
    using dir = tempDir();
    const script = 'echo READY; seq 1 200000; seq 1 200000 >&2';
    await using run = wrap(['--log-level', 'error', '--output', 'READY', '--', ...sh(script)], { cwd: dir.path });
    expect(await run.closed).toEqual({ code: 0 });
    const numbers = Array.from({ length: 200_000 }, (_, index) => `${index + 1}`);
    expect(run.stdout.lines).toEqual(['READY', ...numbers]);
    expect(run.stderr.lines).toEqual(numbers);
  });
});

test('Node no longer reads, and cat alone decides when to wait', async () => {
  const [run, cat] = await handOver('read -r end');
  await using _ = run;
  // otherwise it would give up when the pipe is full
  for (const fd of [0, 1]) {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/${cat}/fdinfo/${fd}`, 'latin1'))?.[1] ?? '';
    expect(Number.parseInt(flags, 8) & 0o4000).toBe(0);
  }
  const { length } = run.stdout.bytes;
  await run.freeze();
  run.tell('end');
  killPid(run.pid, 'SIGCONT');
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.bytes.length).toBe(length);
});

test('only SIGKILL ends cat', async () => {
  const [run, cat] = await handOver('while read -r line; do echo "$line"; done');
  await using _ = run;
  for (let signal = 1; signal <= 64; signal++) {
    if (![9, 19, 32, 33].includes(signal)) process.kill(cat, signal);
  }
  run.tell('still there');
  await run.until('stdout', 'still there');
  expect(cats(run.pid)).toEqual([cat]);
  run.process.stdin?.end();
  expect(await run.closed).toEqual({ code: 0 });
});

test('a signal to the whole group leaves the app time for its last output', async () => {
  const words = "trap 'seq 1 100000; echo the last; exit 3' TERM; echo waiting; while :; do sleep 0.05; done";
  const [run] = await handOver(words, { under: ['setsid'] });
  await using _ = run;
  await run.until('stdout', 'waiting');
  process.kill(-run.pid, 'SIGTERM');
  expect(await run.closed).toEqual({ code: 3 });
  expect(run.stdout.lines.slice(-100_001)).toEqual([
    ...Array.from({ length: 100_000 }, (_line, index) => `${index + 1}`),
    'the last',
  ]);
});

describe('a reader', () => {
  test('that stalls blocks the app but no signals, and then gets everything', async () => {
    const [run] = await handOver('seq 1 1000000');
    await using _ = run;
    const pid = await run.appPid();
    run.process.stdout?.pause();
    const seq = await until('seq', () => childrenOf(pid)[0]);
    const written = () => Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${seq}/io`, 'utf8'))?.[1]);
    let [last, since] = [0, 0];
    await until('it to be blocked', () => {
      since = written() === last ? since + 1 : 0;
      last = written();
      return since >= 40 && last > 0;
    });
    expect(last).toBeLessThan(4_000_000);
    killPid(seq, 'SIGKILL');
    run.kill('SIGTERM');
    await until('the app to be dead', () => !isRunning(pid));
    run.process.stdout?.resume();
    expect(await run.closed).toMatchObject(expect.anything());
    const numbers = run.stdout.text.split('\n').slice(1, -1);
    expect(numbers).toEqual(numbers.map((__, index) => `${index + 1}`));
    // complete, except for a line that was cut off
    expect(run.stdout.bytes.length).toBeGreaterThanOrEqual(last);
  });

  test('that closes ends an app with the default SIGPIPE', async () => {
    const [run] = await handOver('exec yes');
    await using _ = run;
    await run.until('stdout', 'y\n');
    run.process.stdout?.destroy();
    expect([{ code: 1 }, { signal: 'SIGPIPE' }]).toContainEqual(await run.exit);
  });

  test('that closes is a failed write for an app that ignores SIGPIPE', async () => {
    const [run] = await handOver('trap "" PIPE; while echo y 2>/dev/null; do :; done; exit 9');
    await using _ = run;
    await run.until('stdout', 'y\n');
    run.process.stdout?.destroy();
    expect(await run.exit).toEqual({ code: 9 });
  });
});

describe('the end', () => {
  test('does not wait for a grandchild that holds the stream open, and all output of the app is there', async () => {
    const [run, cat] = await handOver('sleep 600 & seq 1 100000; exit 5');
    await using _ = run;
    expect(await run.exit).toEqual({ code: 5 });
    expect(isRunning(cat)).toBe(false);
    await run.until('stdout', /\n100000\n$/);
  });

  test('does not wait for a grandchild that never stops writing', async () => {
    const [run, cat] = await handOver('yes & exit 5');
    await using _ = run;
    expect(await run.exit).toEqual({ code: 5 });
    expect(isRunning(cat)).toBe(false);
  });

  test('waits for a slow reader', async () => {
    const [run] = await handOver('seq 1 30000; exit 5');
    await using _ = run;
    const pid = await run.appPid();
    run.process.stdout?.pause();
    await until('the app to be dead', () => !isRunning(pid));
    run.process.stdout?.resume();
    expect(await run.closed).toEqual({ code: 5 });
    expect(run.stdout.text.endsWith('\n29999\n30000\n')).toBe(true);
  });

  test('of the wrapper alone, by SIGKILL, keeps the app connected to its reader', async () => {
    using dir = tempDir();
    const [run, cat] = await handOver('while [ ! -e go ]; do sleep 0.01; done; echo still there', { cwd: dir.path });
    await using _ = run;
    run.kill('SIGKILL');
    expect(await run.exit).toEqual({ signal: 'SIGKILL' });
    writeFileSync(dir.file('go'), '');
    await run.until('stdout', 'still there');
    await until('cat to end with the stream', () => !isRunning(cat));
  });
});

test('to a file, with a grandchild that holds the stream: nothing is lost or reported', async () => {
  using dir = tempDir();
  const script = 'echo ready; sleep 0.3; (sleep 3) & echo bye; exit 0';
  const command = [NODE, BIN, '--stdout', '^ready', '--', ...sh(script)];
  await using run = direct(sh('"$@" >file', ...command), { cwd: dir.path });
  expect(await run.closed).toEqual({ code: 0 });
  expect(readFileSync(dir.file('file'), 'utf8')).toBe('ready\nbye\n');
  expect(run.stderr.text).not.toContain('"warning"');
});

test('if cat is killed, Node takes over again', async () => {
  const [run, cat] = await handOver('while read -r line; do echo "$line"; done; exit 4');
  await using _ = run;
  killPid(cat);
  await until('cat to be gone', () => !isRunning(cat));
  for (const line of ['one', 'two']) {
    run.tell(line);
    await run.until('stdout', line);
  }
  run.process.stdin?.end();
  expect(await run.closed).toEqual({ code: 4 });
});

test("Node keeps a socket that is also the app's stderr, because the app could make it non-blocking", async () => {
  const under = sh('exec "$@" 2>&1');
  await using run = wrap(['--stdout', 'READY', '--', ...sh('echo READY; read -r go; seq 1 1000')], { under });
  await run.until('stdout', '"event":"ready"');
  expect(readlinkSync(`/proc/${run.pid}/fd/1`)).toMatch(/^socket:/);
  run.kill('SIGURG');
  await run.until('stdout', 'SIGURG');
  expect(cats(run.pid)).toEqual([]);
  run.tell('go');
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toContain('\n999\n1000\n');
});

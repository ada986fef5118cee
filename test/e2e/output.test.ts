/** Promise: nothing that the app writes is lost, reordered or changed, and a blocked reader blocks the app. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { childrenOf, commandOf, isRunning } from '../helpers/pids.ts';
import { testAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { BIN, direct, type Run, wrap } from '../helpers/wrap.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What floods.mjs writes. */
function flood(mebibytes: number): Buffer {
  const blocks = Array.from({ length: mebibytes }, (_, i) =>
    Buffer.alloc(1 << 20, `mebibyte ${i} of \u{1f30a} and \u001b[32mcolour\u001b[0m\n`),
  );
  return Buffer.concat([...blocks, Buffer.from('flood done\n')]);
}

/** The app writes no more, as nobody reads: as many bytes as pipes and buffers took. */
async function blocked(pid: number): Promise<number> {
  const written = () => Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  let last = -1;
  let since = 0;
  return until('the app to be blocked', () => {
    const now = written();
    since = now === last ? since + 1 : 0;
    last = now;
    return since >= 40 && now > 60_000 && now;
  });
}

describe('64 MiB arrive as they were written', () => {
  test.each([
    ['not watched', ['--stderr', 'never'], 1],
    ['watched', ['--stdout', 'never'], 1],
    ['watched until ready at the start', ['--stdout', 'mebibyte 3 '], 1],
    ['watched, on stderr', ['--log-level', 'error', '--output', '^flood done$'], 2],
  ] as const)('%s', async (_, options, fd) => {
    await using run = wrap([...options, '--', ...app('floods', 64, fd)]);
    expect(await run.closed).toEqual({ code: 0 });
    const bytes = run[fd === 1 ? 'stdout' : 'stderr'].bytes;
    const expected = flood(64);
    // what the wrapper says on stderr at the end stands behind it
    expect(sha256(bytes.subarray(0, expected.length))).toBe(sha256(expected));
    if (fd === 1) expect(bytes.length).toBe(expected.length);
  });

  test('bytes that are no text, without a line end', async () => {
    using dir = tempDir();
    const script = 'head -c 20000000 /dev/urandom | tee copy';
    await using run = wrap(['--stdout', 'never', '--', ...sh(script)], { cwd: dir.path });
    expect(await run.closed).toEqual({ code: 0 });
    expect(sha256(run.stdout.bytes)).toBe(sha256(readFileSync(dir.file('copy'))));
  });
});

test('the last words of the app come before what the wrapper says of its end', async () => {
  using dir = tempDir();
  const script = 'while [ ! -e go ]; do sleep 0.01; done; head -c 60000 /dev/zero | tr "\\0" x >&2; exit 3';
  await using run = wrap(['--stderr', 'never', '--', ...sh(script)], { cwd: dir.path });
  const app = await run.child();
  await run.logged('started');
  // it finds the death and the words in the same moment
  await run.freeze();
  writeFileSync(dir.file('go'), '');
  await until('the app to end', () => !isRunning(app));
  run.kill('SIGCONT');
  expect(await run.closed).toEqual({ code: 3 });
  const text = run.stderr.text;
  // a few of them are quoted there
  const words = text.indexOf('x'.repeat(60000));
  expect(words).toBeGreaterThan(-1);
  expect(text.indexOf('"event":"exited"')).toBeGreaterThanOrEqual(words + 60000);
});

test("stdin is the app's, up to its end", async () => {
  await using run = wrap(['--stdout', 'never', '--', 'cat']);
  const bytes = flood(4);
  run.process.stdin?.end(bytes);
  expect(await run.closed).toEqual({ code: 0 });
  expect(sha256(run.stdout.bytes)).toBe(sha256(bytes));
});

describe('a reader that does not read', () => {
  async function stuck(options: readonly string[]): Promise<Run> {
    const run = wrap([...options, '--', ...sh('echo "(pid $$)"; exec yes')]);
    const pid = await run.appPid();
    run.process.stdout?.pause();
    const before = run.stdout.bytes.length;
    // pipes and buffers take some, and then no more
    expect((await blocked(pid)) - before).toBeLessThan(4_000_000);
    return run;
  }

  test('blocks the app, and not the signals', async () => {
    await using run = await stuck(['--stdout', 'never']);
    const pid = await run.appPid();
    run.kill('SIGTERM');
    await run.until('stderr', 'forwarded SIGTERM');
    await until('the app to be dead', () => !isRunning(pid));
    run.process.stdout?.resume();
    expect(await run.closed).toEqual({ signal: 'SIGTERM' });
  });

  test('gets all in order when it reads again after the app is dead', async () => {
    // more than its own pipe takes, and little enough that the app can end
    await using run = wrap(['--stdout', 'never', '--', 'seq', '50000']);
    run.process.stdout?.pause();
    // it may be dead by now
    const pid = Number((await run.logged('started'))['app_pid']);
    await until('the app to be dead', () => !isRunning(pid));
    run.process.stdout?.resume();
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.lines).toEqual(Array.from({ length: 50_000 }, (_, index) => `${index + 1}`));
  });
});

describe('a reader of stderr that does not read, when the pipe is full already', () => {
  const full = sh('mkfifo f && exec 3<>f && head -c 65536 /dev/zero >&3 && exec "$@" 2>&3');

  test('is no reason to keep a signal from the app', async () => {
    await using run = wrap(['--delay', '10ms', '--', 'sleep', '60'], { under: full });
    // the shell has had children of its own
    await until('the app', () => childrenOf(run.pid).some((pid) => commandOf(pid) === 'sleep'));
    run.kill('SIGTERM');
    expect(await run.exit).toEqual({ signal: 'SIGTERM' });
  });

  test('nor for the app to end otherwise than it did', async () => {
    await using run = wrap(['--delay', '10ms', '--', ...sh('sleep 0.2; exit 3')], { under: full });
    expect(await run.exit).toEqual({ code: 3 });
  });
});

describe('a reader that goes away', () => {
  test('ends an app that does not mind it', async () => {
    await using run = wrap(['--stdout', 'never', '--', 'yes']);
    await run.until('stdout', 'y\n');
    run.process.stdout?.destroy();
    // the stream is a socket, as it is to the journal: a writer that is blocked gets EPIPE or ECONNRESET from one, and
    // SIGPIPE only with a write that begins afterwards (unix(7))
    expect([{ code: 1 }, { signal: 'SIGPIPE' }]).toContainEqual(await run.exit);
  });

  test('is a failed write for an app that ignores SIGPIPE', async () => {
    const script = 'trap "" PIPE; while echo y 2>/dev/null; do :; done; exit 9';
    await using run = wrap(['--stdout', 'never', '--', ...sh(script)]);
    await run.until('stdout', 'y\n');
    run.process.stdout?.destroy();
    expect(await run.exit).toEqual({ code: 9 });
  });

  test('of one stream leaves the other alone', async () => {
    await using run = wrap(['--output', 'never', '--', ...app('prints-signals')]);
    await run.until('stdout', 'started');
    run.process.stderr?.destroy();
    run.kill('SIGHUP');
    await run.until('stdout', 'got SIGHUP\n');
    run.tell('end');
    expect(await run.exit).toEqual({ code: 0 });
  });
});

testAsRoot('a disk that is full for a while: what comes later is written', async () => {
  const script = 'head -c 1000000 /dev/zero >d/filler; echo lost; read -r line; rm d/filler; echo kept';
  const disk = 'mkdir d && mount -t tmpfs -o size=64k none d && { "$@" >d/out; code=$?; cat d/out; exit $code; }';
  const under = ['unshare', '--mount', ...sh(disk)];
  await using run = wrap(['--stdout', 'never', '--', ...sh(script)], { under });
  expect((await run.logged('warning')).msg).toContain('lost output of the app: cannot write its stdout (ENOSPC)');
  run.tell('');
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toBe('kept\n');
});

test('a disk that is full for cat(1) is no reader that has gone away', async () => {
  const script = 'echo ready; read -r line; echo lost; read -r line; echo lost too; exit 5';
  const under = sh('exec "$@" >/dev/full');
  await using run = wrap(['--stdout', '^ready', '--', ...sh(script)], { under });
  const cat = await until('cat', () => childrenOf(run.pid).find((pid) => commandOf(pid) === 'cat'));
  run.tell('');
  await until('its end', () => !isRunning(cat));
  run.tell('');
  expect(await run.exit).toEqual({ code: 5 });
});

describe('the flags of the descriptors are those of a run without the wrapper', () => {
  const FLAGS = 'read -r line; grep -H flags /proc/self/fdinfo/0 /proc/self/fdinfo/1 /proc/self/fdinfo/2 >flags';
  // the wrapper has loaded all it loads when the app looks
  const LINES: [string, string][] = [
    ['pipes', '(echo go; sleep 0.5) | COMMAND 2>&1 | cat'],
    ['a pipe each', '{ (echo go; sleep 0.5) | COMMAND | cat; } 2>&1 | cat'],
    ['files', 'COMMAND <in >out 2>err'],
    ['appended files', 'COMMAND <in >>out 2>>err'],
    ['one file opened for both ways', 'COMMAND 0<>in 1>&0 2>&0'],
    ['/dev/null', 'echo go | COMMAND >/dev/null 2>&1'],
  ];
  const wrapped = (options: string) => `"${NODE}" "${BIN}" --log-level error ${options} -- sh -c '${FLAGS}'`;

  async function flags(line: string, command: string): Promise<string[]> {
    using dir = tempDir();
    writeFileSync(dir.file('in'), 'go\n');
    await using run = direct(sh(line.replace('COMMAND', command)), { cwd: dir.path });
    expect(await run.closed).toEqual({ code: 0 });
    return readFileSync(dir.file('flags'), 'utf8').trim().split('\n');
  }

  test.each(LINES)('%s', async (_, line) => {
    const bare = await flags(line, `sh -c '${FLAGS}'`);
    expect(await flags(line, wrapped('--tcp 1'))).toEqual(bare);
    // of a stream that is watched the app gets a pipe of the wrapper's; the others stay as they are
    const [stdin, stdout, stderr] = bare;
    expect((await flags(line, wrapped('--stdout x'))).filter((_flag, fd) => fd !== 1)).toEqual([stdin, stderr]);
    expect((await flags(line, wrapped('--stderr x'))).filter((_flag, fd) => fd !== 2)).toEqual([stdin, stdout]);
  });
});

test.each(['stdin', 'stdout', 'stderr'])('a closed %s is no failure', async (stream) => {
  const fd = ['stdin', 'stdout', 'stderr'].indexOf(stream);
  const close = `exec ${fd}${fd === 0 ? '<' : '>'}&-; exec "$@"`;
  await using run = direct(sh(close, NODE, BIN, '--tcp', '1', '--', ...sh('exit 7')));
  expect(await run.exit).toEqual({ code: 7 });
});

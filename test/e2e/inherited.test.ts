/**
 * Promise: the app gets the descriptors that the wrapper was started with, and what Node changes in a process is
 * restored.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { testAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { BIN, direct, Run, wrap } from '../helpers/wrap.ts';

describe('descriptors beyond the standard streams', () => {
  /** The target of each descriptor of interest. */
  const SHOWS = sh('for fd in 3 4 5 9 11 20 63; do echo "$fd $(readlink /proc/self/fd/$fd)"; done');

  test.each([
    ['low ones', 'exec 3<in 5>>out 9<in; exec "$@"'],
    ['high ones', 'exec bash -c \'exec 11<in 20>>out 63<in; exec "$@"\' sh "$@"'],
    ['none', 'exec "$@"'],
  ])('%s, opened by a shell, reach the app at the same numbers', async (_, opens) => {
    using dir = tempDir();
    writeFileSync(dir.file('in'), 'x');
    const under = sh(opens);
    await using bare = direct([...under, ...SHOWS], { cwd: dir.path });
    await using run = wrap(['--delay', '1ms', '--', ...SHOWS], { cwd: dir.path, under });
    expect(await bare.closed).toEqual({ code: 0 });
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe(bare.stdout.text);
  });

  test('the app sees the end of a pipe, because the wrapper keeps no end of it', async () => {
    const under = sh('exec 3<&0 </dev/null; exec "$@"');
    await using run = wrap(['--delay', '1ms', '--', ...sh('cat <&3')], { under });
    run.process.stdin?.end('all of it\n');
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe('all of it\n');
  });

  test('a script that a shell reads from a FIFO reaches the shell as a whole', async () => {
    using dir = tempDir();
    const writes = "mkfifo fifo; { seq -f '# %g' 20000; echo 'echo all of it; exit 3'; } >fifo &";
    const under = sh(`${writes} exec "$@"`);
    await using run = wrap(['--delay', '1ms', '--', 'sh', 'fifo'], { cwd: dir.path, under });
    expect(await run.closed).toEqual({ code: 3 });
    expect(run.stdout.text).toBe('all of it\n');
  });

  test.each([3, 63])('the reader of a pipe on %i sees the end once the app has closed it', async (fd) => {
    const reads =
      '$fd = shift; pipe R, W; if (fork) { close W; 1 while <R>; print "end\n"; $| = 1; print ""; wait; exit ' +
      '$? >> 8 } ' +
      'close R; POSIX::dup2(fileno W, $fd); exec @ARGV';
    const under = ['perl', '-MPOSIX', '-e', reads, `${fd}`];
    await using run = wrap(['--delay', '1ms', '--', 'bash', '-c', `exec ${fd}>&-; read -r line; exit 4`], { under });
    await run.until('stdout', 'end');
    run.tell('');
    expect(await run.closed).toEqual({ code: 4 });
  });

  test('--fd works next to one of them, and is refused on one of them', async () => {
    using dir = tempDir();
    writeFileSync(dir.file('in'), 'x\n');
    const under = sh('exec 3<in; exec "$@"');
    await using run = wrap(['--fd', '4', '--', ...sh('cat <&3; echo >&4; read -r line')], { cwd: dir.path, under });
    await run.logged('ready');
    run.tell('');
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe('x\n');
    await using refused = wrap(['--fd', '3', '--', ...sh('echo started')], { cwd: dir.path, under });
    expect(await refused.closed).toEqual({ code: 125 });
    expect(refused.stdout.text).toBe('');
    expect(refused.stderr.text).toBe(
      'sd-ready-wrap: --fd 3: the app inherits that descriptor already (from systemd or a shell); use a free one, ' +
        'e.g. --fd 4\n',
    );
  });

  test('the channel of --ipc uses none of them', async () => {
    using dir = tempDir();
    writeFileSync(dir.file('in'), 'x\n');
    const under = sh('exec 3<in 4<in; exec "$@"');
    const script =
      "process.send('ready', () => process.disconnect()); console.log(require('fs').readFileSync(4, 'utf8')); " +
      "process.stdin.once('data', () => process.exit())";
    await using run = wrap(['--ipc', '--', NODE, '-e', script], { cwd: dir.path, under });
    // an app that prints it and ends at once may be found dead first
    await run.logged('ready');
    run.tell('end');
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe('x\n\n');
  });
});

describe('LISTEN_FDS= with a gap', () => {
  const SHOWS = sh(
    'for fd in 3 4 5 6; do echo "$fd $(readlink /proc/self/fd/$fd)"; done; echo "$LISTEN_FDS ' +
      '$LISTEN_FDNAMES $LISTEN_PID $$"',
  );

  test.each(['3', '4', '5', '3 5'])('%s: stays a gap, and all others keep their numbers', async (closed) => {
    const closes = closed.split(' ').map((fd) => `exec ${fd}<&-`);
    const names = 'LISTEN_PID=$$ LISTEN_FDS=3 LISTEN_FDNAMES=a:b:c';
    const under = sh(`exec 3</etc/passwd 4</etc/group 5</etc/hosts; ${closes.join('; ')}; export ${names}; exec "$@"`);
    await using run = wrap(['--delay', '1ms', '--', ...SHOWS], { under });
    expect(await run.closed).toEqual({ code: 0 });
    const files = ['/etc/passwd', '/etc/group', '/etc/hosts', ''];
    const wanted = files.map((file, index) => `${index + 3} ${closed.includes(`${index + 3}`) ? '' : file}\n`);
    expect(run.stdout.text).toMatch(new RegExp(`^${wanted.join('')}3 a:b:c (\\d+) \\1\n$`));
  });
});

describe('LISTEN_FDS= if no shell can be executed', () => {
  testAsRoot('gives one line, and does not start the app without its LISTEN_PID=', async () => {
    const forbids =
      '$sh = Cwd::realpath("/bin/sh"); for (["--bind", $sh, $sh], ["-o", "remount,bind,noexec", $sh]) ' +
      '{ system("mount", @$_) and die } $^F = 9; open F, "/etc/passwd"; ' +
      '@ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1); exec @ARGV';
    const under = ['unshare', '--mount', 'perl', '-MCwd', '-e', forbids];
    await using run = wrap(['--delay', '1ms', '--', 'sleep', '600'], { under });
    expect(await run.closed).toEqual({ code: 126 });
    expect(run.stderr.lines).toEqual([expect.stringContaining('socket activation needs /bin/sh and /usr/bin/env')]);
  });
});

describe('LISTEN_FDS= of another process', () => {
  test('is passed on unchanged', async () => {
    const env = { LISTEN_FDS: '2', LISTEN_PID: '1', LISTEN_FDNAMES: 'a:b' };
    await using run = wrap(['--delay', '1ms', '--', ...sh('echo "$LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES"')], { env });
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe('2 1 a:b\n');
  });
});

describe('the working directory', () => {
  const SHOWS = ['perl', '-e', 'print readlink "/proc/self/cwd"'];
  /** Perl, because a shell prints a warning about a missing directory. */
  const changed = 'chdir "in" or die; rmdir "../in" if shift; exec @ARGV';

  test('is kept if it was removed', async () => {
    using dir = tempDir();
    mkdirSync(dir.file('in'));
    await using run = wrap(['--delay', '1ms', '--', ...SHOWS], { cwd: dir.path, under: ['perl', '-e', changed, '1'] });
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe(`${dir.file('in')} (deleted)`);
    mkdirSync(dir.file('in'));
    await using other = wrap(['--delay', '1ms', '--', 'missing'], {
      cwd: dir.path,
      under: ['perl', '-e', changed, '1'],
    });
    expect(await other.closed).toEqual({ code: 127 });
    expect(other.stderr.lines).toEqual([expect.stringContaining('missing')]);
  });

  testAsRoot('is kept if it cannot be searched', async () => {
    using dir = tempDir();
    mkdirSync(dir.file('in'), { mode: 0o700 });
    const under = ['perl', '-e', changed, '0', 'setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'];
    await using run = wrap(['--delay', '1ms', '--', ...SHOWS], { cwd: dir.path, under });
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe(dir.file('in'));
  });
});

describe('process attributes that Node changes', () => {
  test('the soft limit of open files is the original one', async () => {
    const under = sh('ulimit -S -n 300; "$@"; exit $?');
    await using run = wrap(['--delay', '1ms', '--', ...sh('ulimit -S -n; ulimit -H -n')], { under });
    expect(await run.closed).toEqual({ code: 0 });
    const hard = /Max open files +\S+ +(\S+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    expect(run.stdout.text).toBe(`300\n${hard}\n`);
  });
});

describe('NODE_OPTIONS', () => {
  const env = { NODE_OPTIONS: '--require ./agent.cjs --title=app' };
  const PRINTS = app('prints-env');

  test('reach the app alone if the wrapper is started by its own name', async () => {
    using dir = tempDir();
    writeFileSync(dir.file('agent.cjs'), "require('node:fs').appendFileSync('loaded', process.title)");
    await using run = new Run(BIN, ['--delay', '1ms', '--', ...PRINTS], { cwd: dir.path, env });
    expect(await run.closed).toEqual({ code: 0 });
    expect(JSON.parse(run.stdout.text)).toMatchObject(env);
    expect(JSON.parse(run.stdout.text)).not.toHaveProperty('SRWE');
    expect(readFileSync(dir.file('loaded'), 'utf8')).toBe('app');
  });

  test('that name a missing file are a failure of the app, not of the wrapper', async () => {
    await using run = new Run(BIN, ['--delay', '1ms', '--', ...PRINTS], { env });
    expect(await run.closed).toEqual({ code: 1 });
    expect(run.log.map(({ event }) => event)).toContain('exited');
  });

  test("as are NODE_EXTRA_CA_CERTS, which the wrapper's Node does not need", async () => {
    const extra = { NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/none.pem' };
    const script = 'echo "$NODE_EXTRA_CA_CERTS"; tr "\\0" "\\n" <"/proc/$PPID/environ" | grep -c ^NODE_EXTRA_CA_CERTS=';
    await using run = new Run(BIN, ['--delay', '1ms', '--', ...sh(script)], { env: extra });
    expect(await run.closed).toEqual({ code: 1 });
    expect(run.stdout.text).toBe(`${extra.NODE_EXTRA_CA_CERTS}\n0\n`);
  });

  test('stay unset if unset', async () => {
    await using run = new Run(BIN, ['--delay', '1ms', '--', ...PRINTS], {});
    expect(await run.closed).toEqual({ code: 0 });
    expect(JSON.parse(run.stdout.text)).not.toHaveProperty('NODE_OPTIONS');
  });
});

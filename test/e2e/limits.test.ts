/** Promise: without descriptors or /proc, and as PID 1, it works, or one clear line gives the reason. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { app, NODE, sh } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { scaled } from '../helpers/pace.js';
import { describeAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { type Run, wrap } from '../helpers/wrap.ts';

const PROBES = [
  ...['--tcp 3000', '--listen any', '--unix /tmp/none', '--http http://127.0.0.1:3000/', '--stdout up', '--output up'],
  ...['--notify', '--fd 5', '--file /tmp/none', '--exec true', '--delay 1ms', ''],
];

/** Neither a bug nor a module that failed to load. */
function expectNoTrace(run: Run): void {
  expect(run.stderr.text).not.toMatch(/^\s+at |\\n\s+at |"event":"bug"/m);
}

const limited = (limit: number) => ['prlimit', `--nofile=${limit}:${limit}`];

/** What Node itself needs to run a file: Node 26 needs more than 20. */
function leastLimit(): number {
  for (let limit = 20; ; limit += 1) {
    const [command = '', ...words] = [...limited(limit), NODE, '/dev/null'];
    if (spawnSync(command, words).status === 0) return limit;
  }
}

test.each(PROBES)(
  'LimitNOFILE=20 and a few more, probe %j: works, or one line names the limit to raise',
  async (probe) => {
    const least = leastLimit();
    for (let limit = least; limit <= least + 10; limit += 1) {
      const under = limited(limit);
      await using run = wrap([...probe.split(' ').filter(Boolean), '--', ...sh('sleep 0.05; exit 3')], { under });
      const exit = await run.closed;
      expectNoTrace(run);
      if ('code' in exit && exit.code === 3) continue;
      expect(exit).toEqual({ code: 125 });
      expect(run.stderr.text).toMatch(/^sd-ready-wrap: .*EMFILE.*raise the unit's LimitNOFILE=.*\n$/);
    }
  },
);

test('--exec reports that its shell has no descriptors', async () => {
  const under = ['prlimit', '--nofile=27:27'];
  await using run = wrap(['--exec', 'true', '--', ...sh('sleep 0.3; exit 3')], { under });
  expect(await run.closed).toEqual({ code: 3 });
  expect((await run.logged('exited')).msg).toContain(
    "no free file descriptors (EMFILE); raise the unit's LimitNOFILE=",
  );
});

describeAsRoot('without /proc', () => {
  const under = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];

  test('probes that do not need it work unchanged', async () => {
    using dir = tempDir();
    const port = await freePort();
    writeFileSync(
      dir.file('app.js'),
      `require('node:http').createServer((_, answer) => answer.end()).listen(${port}, '127.0.0.1', () => {
         console.log('up');
         require('node:fs').writeFileSync('made', '');
       });
       process.on('SIGTERM', () => process.exit(3));`,
    );
    const all = [
      '--tcp',
      `${port}`,
      '--http',
      `http://127.0.0.1:${port}/`,
      '--exec',
      'test -e made',
      '--stdout',
      '^up',
    ];
    const command = [process.execPath, dir.file('app.js')];
    await using run = wrap([...all, '--file', 'made', '--', ...command], { under, cwd: dir.path });
    await run.logged('ready');
    run.kill('SIGTERM');
    expect(await run.closed).toEqual({ code: 3 });
    expectNoTrace(run);
  });

  test.each(['any', '3000'])('--listen %s is refused with one line', async (target) => {
    await using run = wrap(['--listen', target, '--', ...sh('exit 3')], { under });
    expect(await run.closed).toEqual({ code: 125 });
    const line = `--listen ${target}: needs /proc, which is not mounted; use --tcp, or mount /proc`;
    expect(run.stderr.text).toBe(`sd-ready-wrap: ${line}\n`);
  });

  test('auto reports once that only READY=1 counts', async () => {
    await using run = wrap(['--', ...app('exits-with', 3)], { under });
    expect(await run.closed).toEqual({ code: 3 });
    const warnings = run.log.filter(({ event }) => event === 'warning');
    expect(warnings.map(({ msg }) => msg)).toEqual([expect.stringContaining('only READY=1 from the app counts')]);
  });
});

describeAsRoot('as PID 1', () => {
  const under = ['unshare', '--pid', '--fork', '--mount-proc'];

  test("the exit code is the app's; a death by a signal is 128+n, because PID 1 cannot die by one", async () => {
    for (const [how, code] of [
      ['exit 7', 7],
      ['kill -TERM $$; sleep 60', 143],
      ['kill -SEGV $$; sleep 60', 139],
    ] as const) {
      await using run = wrap(['--stdout', 'up', '--', ...sh(`echo up; ${how}`)], { under });
      expect(await run.closed).toEqual({ code });
    }
  });

  test('with the /proc of the outer namespace the end is not delayed', async () => {
    const began = performance.now();
    const options = { under: ['unshare', '--pid', '--fork'] };
    await using plain = wrap(['--delay', '1ms', '--', ...sh('sleep 0.5')], { under });
    await plain.closed;
    const usual = performance.now() - began;
    await using run = wrap(['--delay', '1ms', '--', ...sh('sleep 0.5; exit 7')], options);
    expect(await run.closed).toEqual({ code: 7 });
    // a wait for a thread that never rests would end after 5 s
    expect(performance.now() - began).toBeLessThan(2 * usual + scaled(4000));
  });

  test('each signal reaches the app', async () => {
    const trap = 'trap "exit 9" TERM; echo up; while :; do sleep 0.01; done';
    await using run = wrap(['--stdout', 'up', '--', ...sh(trap)], { under: [...under, '--kill-child'] });
    await run.logged('ready');
    process.kill(await run.child(), 'SIGTERM');
    expect(await run.closed).toEqual({ code: 9 });
  });
});

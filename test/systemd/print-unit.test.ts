/** The output of --print-unit is valid, starts under systemd, and gives the app its arguments byte for byte. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { freePort, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { verify } from '../helpers/systemd/verify.ts';

/** Each of them is special to systemd, to a shell or in a unit file. */
const NASTY = [
  ...['', ' ', '  two  spaces ', ';', '\\;', '#', '@x', '-x', '--', '--tcp', '+', '!', ':', '=', 'A=b', '&&', '|', '*'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's own
  ...['%', '%%', '%i', '%n', '%h/x', '100%', '$', '$$', '$HOME', '${HOME}', 'a$HOME', '$HOME $PATH', '~', '`id`'],
  ...["'", '"', `'"`, `"'`, "it's", 'say "hi"', '\\', '\\\\', '\\n', '\\x41', 'end\\', "'end\\", '[Service]'],
  ...['\n', 'a\nb\n', '\t', '\r', '\x01', '\x1b[31m', '\x7f', '\u0085', '\u2028', 'ü', '\u{1f30a}', '\ufeffbom'],
];

/** Prints its arguments and surroundings, and is ready. */
const APP = `
  const { writeFileSync } = require('node:fs');
  writeFileSync(process.argv[1], JSON.stringify([process.cwd(), process.env.PORT, ...process.argv.slice(2)]));
  console.log('it is ready: $5');
  setInterval(() => {}, 1e9);
`;

/** Does what apps usually do: the hardening of a printed unit must allow it. */
const BUSY = `
  const { writeFileSync, mkdirSync } = require('node:fs');
  require('node:os').networkInterfaces();
  writeFileSync('written', require('node:os').hostname());
  mkdirSync('/tmp/' + process.argv[1], { recursive: true });
  require('node:child_process').execFileSync('sh', ['-c',
    'ps >/dev/null || true; cat /proc/meminfo /proc/sys/kernel/pid_max']);
  new (require('node:worker_threads').Worker)('new Function("return 1 + 1")()', { eval: true });
  require('node:net').createServer().listen('/tmp/' + process.argv[1] + '/socket', () => {
    require('node:http').createServer((_, r) => r.end()).listen(Number(process.argv[2]), () =>
      require('node:dns').lookup('localhost', () => fetch('http://127.0.0.1:' + process.argv[2])
        .then(() => console.log('all done'))));
  });
`;

/** Prints a unit inside, from that directory. */
function print(systemd: TestSystemd, cwd: string, words: readonly string[], env: Record<string, string> = {}) {
  const { node, repo, mode } = systemd;
  const manager = mode === 'system' ? [] : ['--user'];
  const script = ['-c', 'cd "$1" && shift && exec "$@"', 'sh', cwd];
  const wrapper = [node, `${repo}/bin/sd-ready-wrap.cjs`, '--print-unit', ...manager];
  return systemd.run('sh', [...script, ...wrapper, ...words], env);
}

async function verified(systemd: TestSystemd, name: string, text: string): Promise<void> {
  const file = `${systemd.makeDir()}/${name}`;
  writeFileSync(file, text, { mode: 0o644 });
  expect(await verify(systemd, file)).toEqual([0, '']);
}

async function started(systemd: TestSystemd, unit: string): Promise<void> {
  const { code, stderr } = await systemd.systemctl('start', unit);
  expect(stderr + (code === 0 ? '' : await systemd.managerLog())).toBe('');
  expect(await systemd.show(unit, 'ActiveState')).toBe('active');
}

describeSystemd('--print-unit', ['user-1000', 'system', 'session'], (get) => {
  test('every argument and every regex arrives unchanged', async () => {
    const systemd = get();
    const cwd = `${systemd.makeDir()}/it's "quoted" $HOME 5% #;`;
    mkdirSync(cwd);
    const report = `${systemd.makeDir()}/report`;
    const words = ['--stdout', '^it\\s+is ready: \\$5$', '--', systemd.node, '-e', APP, report, ...NASTY];
    const { stdout, stderr } = await print(systemd, cwd, ['--unit-name', 'nasty', ...words], { PORT: '1 $x' });
    expect(stderr).toBe('');
    await verified(systemd, 'nasty.service', stdout);
    const version = Number(/\d+/.exec((await systemd.run('systemctl', ['--version'])).stdout)?.[0]);
    expect(stdout.includes(`\nOpenFile=${systemd.notifySocket}:notify\n`)).toBe(version >= 253);
    systemd.writeUnit('nasty.service', stdout);
    await started(systemd, 'nasty.service');
    expect(JSON.parse(readFileSync(report, 'utf8'))).toEqual([cwd, '1 $x', ...NASTY]);
    expect(await systemd.systemctl('stop', 'nasty.service')).toMatchObject({ code: 0, stderr: '' });
    expect(await systemd.managerLog()).not.toMatch(/nasty\.service:\d+:/);
  });

  test('its hardening allows what apps usually do', async () => {
    const systemd = get();
    const cwd = systemd.makeDir();
    const app = [systemd.node, '-e', BUSY, `printed-${process.pid}`, `${await freePort()}`];
    const { stdout } = await print(systemd, cwd, ['--unit-name', 'busy', '--stdout', '^all done$', '--', ...app]);
    await verified(systemd, 'busy.service', stdout);
    systemd.writeUnit('busy.service', stdout);
    await started(systemd, 'busy.service');
    expect(existsSync(`${cwd}/written`)).toBe(true);
    await systemd.systemctl('stop', 'busy.service');
    rmSync(`/tmp/printed-${process.pid}`, { recursive: true, force: true });
  });

  test("a template starts on its instance's port", async () => {
    const systemd = get();
    const port = await freePort();
    const app = `${systemd.repo}/test/fixtures/systemd/says-ready.mjs`;
    const words = ['--unit-name', 'printed@', '--tcp', '%i', '--', systemd.node, app];
    const { stdout, stderr } = await print(systemd, '/', words, { PORT: '%i' });
    expect(stderr).toBe('');
    await verified(systemd, 'printed@.service', stdout);
    await verified(systemd, `printed@${port}.service`, stdout);
    systemd.writeUnit('printed@.service', stdout);
    await systemd.systemctl('daemon-reload');
    await started(systemd, `printed@${port}.service`);
    expect(await systemd.show(`printed@${port}.service`, 'StatusText')).toContain(`:${port}`);
    await systemd.systemctl('stop', `printed@${port}.service`);
  });

  test('a shell command is stopped as a whole', async () => {
    const systemd = get();
    const report = `${systemd.makeDir()}/report`;
    // the shell does not pass the signal on, and the app needs a moment
    const app = `trap 'sleep 0.2; echo stopped >>${report}; exit' TERM; echo ready; while :; do sleep 0.05; done`;
    const words = ['--unit-name', 'shell', '--stdout', '^ready$', '--', 'sh', '-c', `(${app}); true`];
    const { stdout } = await print(systemd, '/', words);
    await verified(systemd, 'shell.service', stdout);
    systemd.writeUnit('shell.service', stdout);
    await started(systemd, 'shell.service');
    await systemd.systemctl('stop', 'shell.service');
    expect(readFileSync(report, 'utf8')).toBe('stopped\n');
  });
});

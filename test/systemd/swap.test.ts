/** Deploys that refuse no connection: units that share a socket, and swap.sh, which switches between them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startLoad } from '../helpers/load.js';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { verify } from '../helpers/systemd/verify.ts';
import { until } from '../helpers/until.ts';
import { testWhere } from '../helpers/untried.ts';
import { Swap } from './swap.ts';

describeSystemd('a deploy by swap.sh', EVERYWHERE, (get) => {
  test('refuses no connection and loses no request, in both directions and if it fails', async () => {
    const swap = await Swap.write(get());
    const { name } = swap;
    expect(await swap.run()).toMatchObject({ code: 0, stdout: `${name}@a ready, ${name}@b stopped\n` });
    expect(await swap.state()).toBe('a active enabled, b inactive disabled');
    const load = startLoad({ port: swap.port, rate: 100 });
    const { answers } = load.outcome;
    await until('an answer of a', () => answers.size === 1);
    for (const [index, [next, last]] of SWAPS.entries()) {
      expect(await swap.run(), swap.log).toMatchObject({ code: 0, stdout: swapped(swap, next, last), stderr: '' });
      await until(`an answer of ${next}`, () => answers.size === index + 2);
    }
    expect(await swap.state()).toBe('a active enabled, b inactive disabled');

    const pid = await swap.show('a', 'MainPID');
    swap.release('broken');
    const { code, stdout, stderr } = await swap.run();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`swap.sh: ${name}@b did not become ready and is stopped; ${name}@a still serves\n`);
    expect(stderr).toContain(`${name}@b.service - App instance b`);
    expect(await swap.show('a', 'MainPID')).toBe(pid);
    // it is not restarted
    expect(await swap.state()).toMatch(/^a active enabled, b (inactive|failed) disabled$/);
    await expectAllAnswered(load);
    await swap.stop();
  });

  test('reports after a failed first start that nothing runs', async () => {
    const swap = await Swap.write(get());
    swap.release('broken');
    const { code, stderr } = await swap.run();
    expect({ code, last: stderr.trim().split('\n').at(-1) }).toEqual({
      code: 1,
      last: `swap.sh: ${swap.name}@a did not become ready and is stopped; ${swap.name}@b does not run`,
    });
    await swap.stop();
  });

  test('works after a version that crashes in a loop', async () => {
    // the fastest loop
    const swap = await Swap.write(get(), { lines: ['RestartSec=1ms', 'ExecStartPre=/bin/grep -q good DIR/release'] });
    await swap.run();
    swap.release('broken');
    await get().systemctl('kill', '--signal=KILL', swap.unit('a'));
    // a waiting connection wakes systemd each time that the instance is gone
    const load = startLoad({ port: swap.port, rate: 20 });
    // the default limits of units: five starts in ten seconds, twenty triggers in two
    await until('a loop of crashes', async () => {
      expect(await get().show(`${swap.name}.socket`, 'ActiveState')).toBe('active');
      return Number(await swap.show('a', 'NRestarts')) > 40;
    });
    swap.release('good');
    expect(await swap.run(), swap.log).toMatchObject({ code: 0, stdout: swapped(swap, 'b', 'a') });
    expect(await swap.state()).toMatch(/^a (inactive|failed) disabled, b active enabled$/);
    await expectAllAnswered(load);
    await swap.stop();
  });

  test('is refused while another runs, and completed by the next run if that is killed', async () => {
    const swap = await Swap.write(get());
    await swap.run();
    swap.release('held');
    const killed = swap.run();
    await until('the new instance to start', async () => (await swap.show('b', 'ActiveState')) === 'activating');
    const { pid } = swap;
    // the old one has the same open file description, which must keep O_NONBLOCK (fcntl(2))
    const { stdout: descriptor } = await get().run('cat', [`/proc/${await answer(swap.port)}/fdinfo/3`]);
    expect(descriptor).toMatch(/^flags:\t0*[0-7]*[4-7][0-7]{3}$/m);
    expect(await swap.run()).toMatchObject({ code: 75, stdout: '', stderr: expect.stringMatching(BUSY) });
    expect(await swap.show('b', 'ActiveState')).toBe('activating');
    // pid alone would be an invitation to kill the instance that serves
    const serving = `answered by node (pid ${await answer(swap.port)}, ${swap.unit('a')}), not by the app`;
    await until('the serving unit', async () => (await swap.show('b', 'StatusText')).includes(serving));

    await get().run('kill', ['-KILL', pid]);
    swap.letGo();
    expect(await swap.run(), swap.log).toMatchObject({ code: 0, stdout: swapped(swap, 'b', 'a') });
    // its systemctl outlives it, and holds the pipe that the test reads
    expect((await killed).code).not.toBe(0);
    expect(await swap.state()).toBe('a inactive disabled, b active enabled');
    await swap.stop();
  });
});

describeSystemd('swap.sh', ['user-1000', 'session'], (get) => {
  test.each(['restart', 'stop', 'enable', 'disable'])(
    'is completed by the next run if it is killed after %s',
    async (verb) => {
      const swap = await Swap.write(get(), { command: 'Type=exec\nExecStart=/bin/sleep infinity' });
      expect(await swap.run()).toMatchObject({ code: 0, stderr: '' });
      const kills = swap.program(
        'systemctl',
        `PATH=/usr/bin:/bin systemctl "$@"
      case " $* " in *' ${verb} '*) exec kill -KILL $(cat ${swap.dir}/pid) ;; esac`,
      );
      const { code } = await swap.run({ SWAP_SYSTEMCTL: `${kills}/systemctl` });
      expect(code).not.toBe(0);
      expect(await swap.run()).toMatchObject({ code: 0 });
      expect(await swap.state()).toMatch(ONE_OF_THEM);
      await swap.stop();
    },
  );

  test('keeps the enabled instance if two run, because that one served before', async () => {
    const swap = await Swap.write(get());
    await swap.run();
    expect(await get().systemctl('start', swap.unit('b'))).toMatchObject({ code: 0 });
    const pid = await swap.show('a', 'MainPID');
    swap.release('broken');
    expect(await swap.run()).toMatchObject({ code: 1 });
    expect(await swap.show('a', 'MainPID')).toBe(pid);
    expect(await swap.state()).toMatch(/^a active enabled, b (inactive|failed) disabled$/);
    await swap.stop();
  });

  test('continues with the next host by ssh, and stops at the first that fails', async () => {
    const swap = await Swap.write(get());
    await swap.run();
    // like the real one, it passes its arguments to a shell, as one line
    const directory = swap.program('ssh', `echo "$1" >>${swap.dir}/hosts; shift; exec sh -c "$*"`);
    const env = { PATH: `${directory}:/usr/sbin:/usr/bin:/sbin:/bin`, REMOTE_SYSTEMCTL: 'env systemctl' };
    const words = [0, 1].map((host) => `deploy@web${host}/${swap.name}@`);
    expect(await swap.runWords(words, env)).toMatchObject({
      code: 0,
      stdout:
        `${swapped(swap, 'b', 'a')}${words[0]} done (1 of 2)\n` +
        `${swapped(swap, 'a', 'b')}${words[1]} done (2 of 2)\n`,
      stderr: '',
    });
    swap.release('broken');
    const failed = await swap.runWords(words, env);
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toContain(`swap.sh: ${words[0]} failed; stopped here; 1 of 2 not swapped\n`);
    expect(readFileSync(`${swap.dir}/hosts`, 'utf8')).toBe('deploy@web0\ndeploy@web1\ndeploy@web0\n');
    expect(await swap.state()).toMatch(/^a active enabled, b (inactive|failed) disabled$/);
    await swap.stop();
  });

  test.each([
    [[]],
    [['--wrong']],
    [['--user']],
    [['swap']],
    [['swap@a']],
    [['swap@a@']],
    [['swap@', 'swap@b']],
    [['swap@', '--wrong']],
    [['@']],
    [['web1/']],
    [['/swap@']],
    [['-oProxyCommand=x/swap@']],
    [["web1/swap'; reboot; '@"]],
    [['a b@']],
  ])('%j is a usage error, and nothing is started', async (words) => {
    const script = `${get().repo}/systemd-units/swap.sh`;
    const result = await get().run('sh', [script, ...words]);
    expect(result).toMatchObject({ code: 64, stdout: '' });
    expect(result.stderr.match(/\n/g)).toHaveLength(1);
  });

  test('names missing units', async () => {
    const manager = get().mode === 'system' ? [] : ['--user'];
    const script = `${get().repo}/systemd-units/swap.sh`;
    const result = await get().run('sh', [script, ...manager, 'no-such@', 'another@']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/no-such@a cannot be started; .*; stopped here; 1 of 2 not swapped\n$/);
  });
});

// the playbook is for the system's manager
describeSystemd('swap.yml', ['system'], (get) => {
  const missing = 'trees of other releases have no Ansible';
  testWhere(!process.env['PS_ROOT'], missing, 'deploys host by host, and stops at the first that fails', async () => {
    const systemd = get();
    const swap = await Swap.write(systemd);
    await swap.run();
    const inventory = path.join(swap.dir, 'inventory');
    writeFileSync(inventory, ['web0', 'web1'].map((host) => `${host} ansible_connection=local\n`).join(''));
    const play = () =>
      systemd.run('env', [
        ...['HOME', 'ANSIBLE_LOCAL_TEMP', 'ANSIBLE_REMOTE_TEMP'].map((name) => `${name}=${swap.dir}`),
        ...['ANSIBLE_NOCOLOR=1', 'LC_ALL=C.UTF-8', 'ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3'],
        ...['ansible-playbook', '-i', inventory, '-e', `unit=${swap.name}@`],
        `${systemd.repo}/systemd-units/swap.yml`,
      ]);
    expect(await play()).toMatchObject({ code: 0, stdout: expect.stringMatching(/(.*changed=1.*\n){2}/) });
    expect(await swap.state()).toBe('a active enabled, b inactive disabled');
    swap.release('broken');
    const failed = await play();
    expect(failed.code).not.toBe(0);
    expect(failed.stdout).toMatch(/web0 .*failed=1/);
    expect(failed.stdout).not.toMatch(/web1 .*ok=/);
    expect(await swap.state()).toMatch(/^a active enabled, b (inactive|failed) disabled$/);
    await swap.stop();
  });
});

describeSystemd('the units of swap.sh', ['user-1000', 'system', 'session'], (get) => {
  test('systemd-analyze verify reports nothing about them', async () => {
    const swap = await Swap.write(get());
    const directory = get().makeDir();
    const files = [...swap.files].map(
      ([name, text]) => [path.join(directory, name.replace('@.', '@a.')), text] as const,
    );
    for (const [file, text] of files) writeFileSync(file, text, { mode: 0o644 });
    for (const [file] of files) expect(await verify(get(), file)).toEqual([0, '']);
  });

  test('connections start no stopped instance, and wait for the next', async () => {
    const swap = await Swap.write(get());
    await swap.run();
    await get().systemctl('stop', swap.unit('a'));
    const waiting = answer(swap.port);
    await until('the holder', async () => (await get().show(`${swap.name}-hold.service`, 'ActiveState')) === 'active');
    expect(await swap.state()).toBe('a inactive enabled, b inactive disabled');
    expect(await swap.run()).toMatchObject({ code: 0, stdout: swapped(swap, 'b', 'a') });
    expect(await waiting).toBeGreaterThan(0);
    await swap.stop();
  });

  test('a stop of the socket stops everything, and a start opens the port again', async () => {
    const swap = await Swap.write(get());
    await swap.run();
    await answer(swap.port);
    expect(await get().systemctl('stop', `${swap.name}.socket`)).toMatchObject({ code: 0 });
    expect(await swap.state()).toMatch(/^a inactive/);
    expect(await get().show(`${swap.name}-hold.service`, 'ActiveState')).toBe('inactive');
    expect(await isRefused(swap.port)).toBe(true);
    expect(await get().systemctl('start', `${swap.name}.socket`)).toMatchObject({ code: 0, stderr: '' });
    expect(await isRefused(swap.port)).toBe(false);
    expect(await get().systemctl('start', swap.unit('a'))).toMatchObject({ code: 0, stderr: '' });
    expect(await answer(swap.port)).toBeGreaterThan(0);
    expect(await get().systemctl('restart', `${swap.name}.socket`)).toMatchObject({ code: 0, stderr: '' });
    expect(await answer(swap.port)).toBeGreaterThan(0);
    await swap.stop();
  });

  test('--print-unit --swap prints them, ready to be installed and deployed by swap.sh', async () => {
    const { node, repo, mode, uid } = get();
    // they would stay in a real session
    if (mode === 'session') return;
    const swap = await Swap.write(get());
    const [user, config] = mode === 'user' ? ['--user', `/run/user/${uid}/config`] : ['', '/unused'];
    const options = `--print-unit --swap ${user} --unit-name printed --http http://127.0.0.1:${swap.port}/`;
    const app = `${node} ${repo}/test/fixtures/systemd/swaps.mjs ${swap.dir}`;
    const print = `cd / && PORT=${swap.port} ${node} ${repo}/bin/sd-ready-wrap.cjs ${options} --take-sockets -- ${app}`;
    const printed = await get().run('sh', ['-c', print], { XDG_CONFIG_HOME: config });
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    const [, split] = /^#\s+(?:sudo )?(awk .*)$/m.exec(printed.stdout) as unknown as [string, string];
    // not beyond this host
    const narrow = `sed 's/^ListenStream=/&127.0.0.1:/'`;
    const install = `${print} | ${narrow} | ${split}`;
    expect(await get().run('sh', ['-c', install], { XDG_CONFIG_HOME: config })).toMatchObject({ code: 0, stderr: '' });
    await get().systemctl('daemon-reload');
    for (const [next, last] of ['ab', 'ba']) {
      expect(await swap.runWords(['printed@'])).toMatchObject({
        code: 0,
        stdout: `printed@${next} ready, printed@${last} stopped\n`,
        stderr: '',
      });
      expect(await answer(swap.port)).toBeGreaterThan(0);
    }
    const directory = mode === 'system' ? '/etc/systemd/system' : `${config}/systemd/user`;
    for (const unit of ['printed.socket', 'printed-hold.service', 'printed@a.service']) {
      const { stdout } = await get().systemctl('show', '--value', '--property=FragmentPath', unit);
      expect(stdout.trim()).toBe(`${directory}/${unit.replace('@a', '@')}`);
      expect(await verify(get(), stdout.trim())).toEqual([0, '']);
    }
    await get().systemctl('stop', 'printed.socket');
  });
});

const SWAPS = [
  ['b', 'a'],
  ['a', 'b'],
] as const;

const BUSY = /^swap\.sh: another run is swapping \S+@\n$/;

const ONE_OF_THEM = /^(a active enabled, b inactive disabled|a inactive disabled, b active enabled)$/;

function swapped({ name }: Swap, next: string, last: string): string {
  return `${name}@${next} ready, ${name}@${last} stopped\n`;
}

async function expectAllAnswered(load: ReturnType<typeof startLoad>): Promise<void> {
  const { sent, refused, failed, answers, errors } = await load.stop();
  const answered = [...answers.values()].reduce((total, each) => total + each, 0);
  expect({ refused, failed, answered, errors }).toEqual({ refused: 0, failed: 0, answered: sent, errors: new Map() });
}

/** The pid of the app that answers. */
async function answer(port: number): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text());
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
    socket.once('connect', () => socket.destroy());
  });
}

/** Restarts of instances and hosts one after another: with plain systemctl, and with Ansible. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { freePort, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { testWhere } from '../helpers/untried.ts';
import { placed } from './examples.ts';

describeSystemd('a rolling restart', EVERYWHERE, (get) => {
  describe('rolling-restart.sh', () => {
    test('restarts instances one after another', async () => {
      const { instances, rollingRestart, mainPids, stop } = await fleet(get(), 3);
      const before = await mainPids();
      expect(await rollingRestart(...instances)).toMatchObject({
        code: 0,
        stdout: instances.map((unit, index) => `${unit} ready (${index + 1} of 3)\n`).join(''),
        stderr: '',
      });
      const after = await mainPids();
      expect(after.every((pid) => Number(pid) > 0)).toBe(true);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
      await stop();
    });

    test('stops at the first instance that does not become ready', async () => {
      const { systemd, instances, rollingRestart, mainPids, stop, breakApp, log } = await fleet(get(), 3);
      const [, second, third] = await mainPids();
      breakApp(instances[0] as string);
      const result = await rollingRestart(...instances);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toContain(`${instances[0]} did not become ready; stopped here; 2 of 3 not restarted`);
      expect((await mainPids()).slice(1), log()).toEqual([second, third]);
      await stop();
      await systemd.systemctl('reset-failed', instances[0] as string);
    });

    test.each([
      [[]],
      [['--wrong']],
      [['--user']],
      [['app', '--wrong']],
      [['web1/']],
      [['/app']],
      [['-oProxyCommand=x/app']],
      [["web1/app'; reboot; '"]],
      [['app.service', 'a b']],
    ])('%j is a usage error, and nothing is restarted', async (words) => {
      const script = `${get().repo}/systemd-units/rolling-restart.sh`;
      expect(await get().run('sh', [script, ...words])).toMatchObject({ code: 64, stdout: '' });
    });

    test('stops at an instance that does not exist', async () => {
      const { instances, rollingRestart, mainPids, stop } = await fleet(get(), 1);
      const before = await mainPids();
      const result = await rollingRestart('no-such.service', ...instances);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toMatch(/no-such\.service cannot be started; stopped here; 1 of 2 not restarted\n$/);
      // also without access to the unit's state
      const script = `${get().repo}/systemd-units/rolling-restart.sh`;
      const flags = get().mode === 'system' ? '' : '--user';
      const silent = `sh ${script} ${flags} no-such.service ${instances[0]} 2>&-`;
      expect(await get().run('sh', ['-c', silent])).toMatchObject({ code: 1, stdout: '' });
      expect(await mainPids()).toEqual(before);
      await stop();
    });

    test('goes from host to host by ssh', async () => {
      const { systemd, instances, rollingRestart, mainPids, stop, breakApp } = await fleet(get(), 3);
      const asked = await sshOfOneHost(systemd);
      const before = await mainPids();
      breakApp(instances[2] as string);
      const words = instances.map((unit, index) => `deploy@web${index}/${unit}`);
      const result = await rollingRestart(...words);
      expect(result).toMatchObject({ code: 1, stdout: `${words[0]} ready (1 of 3)\n${words[1]} ready (2 of 3)\n` });
      expect(result.stderr).toContain(`${words[2]} did not become ready; stopped here; 0 of 3 not restarted`);
      expect((await mainPids()).filter((pid) => before.includes(pid))).toEqual([]);
      expect(asked()).toEqual(['deploy@web0', 'deploy@web1', ...Array(3).fill('deploy@web2')]);
      await stop();
    });

    test('does not blame the app if systemd or the host cannot be reached, or refuses', async () => {
      const systemd = get();
      const script = `${systemd.repo}/systemd-units/rolling-restart.sh`;
      const gone = 'was not restarted: systemd cannot be reached; stopped here; 0 of 1 not restarted';
      const noBus = ['env', '-u', 'DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR=/no/such', 'sh', script, '--user'];
      expect((await systemd.run('sh', ['-c', `${noBus.join(' ')} app`])).stderr).toContain(`app ${gone}`);
      // a host that refuses: the ssh of these tests wants -n first
      const noSsh = `ssh() { return 255; }; set -- web1/app; . ${script}`;
      expect((await systemd.run('sh', ['-c', noSsh])).stderr).toContain(`web1/app ${gone}`);
      // EXIT_NOPERMISSION, as translate_bus_error_to_exit_status() of systemd: needs a bus, which these do not have
      const refusal = `systemctl() { return 4; }; set -- app; . ${script}`;
      const refused = 'was not restarted: systemd refused it; stopped here';
      expect((await systemd.run('sh', ['-c', refusal])).stderr).toContain(`app ${refused}`);
    });
  });
});

// the playbook is for the system's manager
describeSystemd('rolling-restart.yml', ['system'], (get) => {
  const missing = 'trees of other releases have no Ansible';
  testWhere(!process.env['PS_ROOT'], missing, 'restarts host by host, and stops at the first that fails', async () => {
    const { systemd, instances, mainPids, stop, breakApp } = await fleet(get(), 3);
    const dir = systemd.makeDir();
    const inventory = path.join(dir, 'inventory');
    writeFileSync(
      inventory,
      instances.map((unit, index) => `web${index} ansible_connection=local unit=${unit}\n`).join(''),
    );
    const play = () =>
      systemd.run('env', [
        ...['HOME', 'ANSIBLE_LOCAL_TEMP', 'ANSIBLE_REMOTE_TEMP'].map((name) => `${name}=${dir}`),
        ...['ANSIBLE_NOCOLOR=1', 'LC_ALL=C.UTF-8', 'ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3'],
        ...['ansible-playbook', '-i', inventory, `${systemd.repo}/systemd-units/rolling-restart.yml`],
      ]);
    const first = await mainPids();
    expect(await play()).toMatchObject({ code: 0, stdout: expect.stringMatching(/(.*changed=1.*\n){3}/) });
    const second = await mainPids();
    expect(second.filter((pid) => first.includes(pid))).toEqual([]);

    breakApp(instances[1] as string);
    const failed = await play();
    expect(failed.code).not.toBe(0);
    expect(failed.stdout).toMatch(/web1 .*failed=1/);
    const third = await mainPids();
    expect(third[0]).not.toBe(second[0]);
    expect(third[2]).toBe(second[2]);
    await stop();
  });
});

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * An ssh(1) that runs everything on this host: like the real one, it passes its arguments to a shell, as one line.
 * @returns the hosts so far
 */
async function sshOfOneHost(systemd: TestSystemd): Promise<() => string[]> {
  const directory = path.join(systemd.dir, 'ssh');
  mkdirSync(directory, { recursive: true });
  const [program, log] = [path.join(directory, 'ssh'), path.join(directory, 'log')];
  writeFileSync(log, '');
  chmodSync(log, 0o666);
  const script = `[ "$1" = -n ] || exit 255; shift; echo "$1" >>${log}; shift; exec sh -c "$*"`;
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return () => readFileSync(log, 'utf8').split('\n').filter(Boolean);
}

let fleets = 0;

/** Instances of a template, a copy of app@.service, up and running. */
async function fleet(systemd: TestSystemd, size: number) {
  const dir = systemd.makeDir();
  const name = `fleet${++fleets}`;
  const more = [`StandardError=append:${dir}/log`, `EnvironmentFile=-${dir}/%i`];
  systemd.writeUnit(
    `${name}@.service`,
    placed(systemd, 'app@.service', 0).replace('[Service]', ['[Service]', ...more].join('\n')),
  );
  const instances: string[] = [];
  while (instances.length < size) instances.push(systemd.unit(`${name}@${await freePort()}.service`));
  const started = await systemd.systemctl('start', ...instances);
  if (started.code !== 0) throw new Error(started.stderr);
  const script = `${systemd.repo}/systemd-units/rolling-restart.sh`;
  const flags = systemd.mode === 'system' ? [] : ['--user'];
  return {
    systemd,
    instances,
    rollingRestart: (...units: string[]) =>
      systemd.run('env', [`PATH=${path.join(systemd.dir, 'ssh')}:${PATH}`, 'sh', script, ...flags, ...units]),
    mainPids: () => Promise.all(instances.map((unit) => systemd.show(unit, 'MainPID'))),
    stop: () => systemd.systemctl('stop', ...instances),
    log: () => readFileSync(`${dir}/log`, 'utf8'),
    /** The next start of this instance fails for good: a probe that can never succeed is added to its own. */
    breakApp(unit: string) {
      const instance = /@(.*)\.service/.exec(unit)?.[1];
      writeFileSync(`${dir}/${instance}`, 'SD_READY_WRAP_FD=1\n');
    },
  };
}

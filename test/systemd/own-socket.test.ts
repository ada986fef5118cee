/**
 * Whose socket it is, in the cgroup of a real unit: what an earlier run left there, what the app left, systemd's own.
 */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { Service } from './service.ts';

/** Listens on $PORT as soon as it can, for as long as it lives, and writes its pid to $DIR/listener. */
const LISTENER =
  "fs.writeFileSync(process.env.DIR+'/listener',String(process.pid));" +
  'net.createServer().listen(Number(process.env.PORT))';

describeSystemd('in the cgroup of a unit', EVERYWHERE, (systemd) => {
  /** An app by a shell script; its first line leaves a process that nobody waits for. */
  async function write(script: string, options: string, lines: readonly string[] = []): Promise<Service> {
    const { node } = systemd();
    const service = await Service.write(systemd(), {
      options,
      probe: '',
      command: '/bin/sh -c ". $$DIR/app"',
      lines: [`Environment=NODE=${node}`, ...lines],
    });
    const listener = `(setsid "$NODE" -e "const fs=require('fs'),net=require('net');${LISTENER}" &)`;
    writeFileSync(`${service.dir}/app`, script.replace('LEAVE', listener));
    return service;
  }

  test.each(['--tcp', '--listen'])('a daemon that the app left there counts for %s', async (option) => {
    const service = await write('LEAVE\nexec sleep 1000\n', '');
    const unit = `${option} ${service.port}`;
    await rewrite(service, unit);
    expect(await service.systemctl('start'), service.stderr).toMatchObject({ code: 0 });
    await service.systemctl('stop');
  });

  test.each(['--tcp', '--listen'])('what an earlier run left there does not count for %s', async (option) => {
    const script = 'if [ -e "$DIR/second" ]; then exec sleep 1000; fi\nLEAVE\nexec sleep 1000\n';
    const service = await write(script, '', ['KillMode=process']);
    await rewrite(service, `${option} ${service.port}`);
    expect(await service.systemctl('start'), service.stderr).toMatchObject({ code: 0 });
    await service.systemctl('stop');
    writeFileSync(`${service.dir}/second`, '');
    await rewrite(service, '--timeout 1s');
    const left = readFileSync(`${service.dir}/listener`, 'utf8');
    try {
      expect(await service.systemctl('start')).toMatchObject({ code: 1 });
      expect((await service.results(2)).at(-1)).toBe('exit-code exited 124');
      if (option === '--tcp') expect(service.stderr).toContain(`held by node (pid ${left}), not by the app`);
    } finally {
      await systemd().run('kill', ['-KILL', left]);
    }
  });

  test('sockets of an app that ProtectProc= hides from us count', async () => {
    // a user's manager cannot hide processes
    if (systemd().mode !== 'system') return;
    const secret = `${systemd().makeDir()}/node`;
    copyFileSync(NODE, secret);
    // who may execute a file and not read it may not look into the process either, as into one with file capabilities
    chmodSync(secret, 0o711);
    const ways = ['--tcp PORT', '--listen PORT', '--listen any', '', '--unix PATH', '--listen PATH'];
    const outcomes = await Promise.all(
      ways.map(async (way) => {
        const service = await write('', '', ['User=nobody', 'ProtectProc=invisible']);
        chmodSync(service.dir, 0o777);
        const at = way.endsWith('PATH') ? `${service.dir}/socket` : `${service.port}`;
        writeFileSync(`${service.dir}/app`, `AT=${at} exec ${secret} -e "net.createServer().listen(process.env.AT)"\n`);
        await rewrite(service, way.replace(/PORT|PATH/, at));
        const { code } = await service.systemctl('start');
        await service.systemctl('stop');
        return `${way}: ${code === 0 ? 'ready' : service.stderr}`;
      }),
    );
    expect(outcomes).toEqual(ways.map((way) => `${way}: ready`));
  });

  /** The options with the port, which is known only now. */
  async function rewrite(service: Service, options: string): Promise<void> {
    const file = `${systemd().unitDir}/${systemd().unit(service.name)}`;
    writeFileSync(file, readFileSync(file, 'utf8').replace('sd-ready-wrap.cjs ', `sd-ready-wrap.cjs ${options} `));
    await systemd().systemctl('daemon-reload');
  }

  test('a socket of socket activation that the app does not serve is no sign', async () => {
    // started six times within ten seconds
    const lines = ['[Unit]', 'StartLimitIntervalSec=0', '[Service]'];
    const recipe = { probe: '--timeout 700ms OPTION', command: '/bin/sleep 1000', lines };
    const service = await Service.write(systemd(), recipe);
    const socket = service.name.replace('.service', '.socket');
    const path = `${service.dir}/socket`;
    systemd().writeUnit(socket, `[Socket]\nListenStream=127.0.0.1:${service.port}\nListenStream=${path}\n`);
    expect(await systemd().systemctl('start', socket)).toMatchObject({ code: 0 });
    const outcomes: string[] = [];
    const file = `${systemd().unitDir}/${systemd().unit(service.name)}`;
    const text = readFileSync(file, 'utf8');
    const ways = [
      `--tcp ${service.port}`,
      `--unix ${path}`,
      `--listen ${service.port}`,
      `--listen ${path}`,
      '--listen any',
      '',
    ];
    for (const option of ways) {
      writeFileSync(file, text.replace('OPTION', option));
      await systemd().systemctl('daemon-reload');
      await service.systemctl('start');
      outcomes.push((await service.results(outcomes.length + 1)).at(-1) as string);
    }
    await systemd().systemctl('stop', socket);
    expect(outcomes).toEqual(ways.map(() => 'exit-code exited 124'));
    expect(service.stderr).toContain('connected, but not accepted by the app yet');
  });
});

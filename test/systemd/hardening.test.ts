/** Settings that cannot work fail as docs/hardening.md says. */
import { expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { until } from '../helpers/systemd/private-systemd.js';
import { testSince } from '../helpers/systemd/version.ts';
import { Service } from './service.ts';

describeSystemd('settings that are too strict', ['system'], (systemd) => {
  const start = async (...lines: string[]) => {
    const service = await Service.write(systemd(), { probe: '--delay 10ms', command: '/bin/sleep 1000', lines });
    const { code } = await service.systemctl('start');
    return { service, code };
  };

  test('MemoryDenyWriteExecute=: V8 aborts', async () => {
    const { service, code } = await start('MemoryDenyWriteExecute=yes');
    expect(code).toBe(1);
    expect(await service.results()).toEqual(['signal killed TRAP']);
  });

  test('no AF_UNIX and no OpenFile=: one line', async () => {
    const { service } = await start('RestrictAddressFamilies=AF_INET AF_INET6');
    expect(await service.results()).toEqual(['exit-code exited 125']);
    expect(service.stderr).toContain('the unit forbids Unix sockets; add AF_UNIX to its RestrictAddressFamilies=');
  });

  test('a syscall filter that kills: SIGSYS', async () => {
    const { service } = await start('SystemCallFilter=@system-service', 'SystemCallFilter=~@privileged @resources');
    expect(await service.results()).toEqual(['signal killed SYS']);
  });

  test('an empty /run: one line', async () => {
    const { repo, node } = systemd();
    const seen = [`BindReadOnlyPaths=${repo} ${node}`, `BindPaths=${systemd().dir}`];
    const { service } = await start('TemporaryFileSystem=/run', ...seen);
    expect(await service.results()).toEqual(['exit-code exited 125']);
    expect(service.stderr).toMatch(/NOTIFY_SOCKET=\/run\/systemd\/notify: nothing is listening there \(ENOENT\)/);
  });

  // NoExecPaths=
  testSince(248, 'no /bin/sh: signals are still forwarded', async () => {
    const { service, code } = await start('NoExecPaths=/bin/sh /bin/dash /usr/bin/sh /usr/bin/dash', 'KillMode=mixed');
    expect(code).toBe(0);
    await service.systemctl('kill', '--signal=HUP', `--kill-whom=main`);
    // the unit's ExecStopPost= is a shell too, and fails, so the unit is kept and can be inspected
    await until('the end', async () => (await service.show('ActiveState')) === 'failed');
    expect(await service.show('ExecMainStatus')).toBe('1');
    expect(await service.show('ExecMainCode')).toBe('2');
  });
});

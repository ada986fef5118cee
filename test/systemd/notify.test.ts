/** The app's own sd_notify under a real systemd, and more time for a start than the unit gives. */
import { chmodSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scaled } from '../helpers/pace.js';
import { describeSystemd, EVERYWHERE } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

/** A unit whose app is a shell script that notifies systemd itself. */
function write(systemd: TestSystemd, script: string, lines: readonly string[] = [], options = ''): Promise<Service> {
  const file = `${systemd.makeDir()}/app.sh`;
  writeFileSync(file, script, { mode: 0o644 });
  return Service.write(systemd, { probe: '--notify', options, command: `/bin/sh ${file}`, lines });
}

describeSystemd('--notify', EVERYWHERE, (systemd) => {
  test("systemctl status shows the app's text, even if it comes with READY=1", async () => {
    const service = await write(systemd(), 'systemd-notify --ready --status="open for business"\nexec sleep 1000\n');
    expect(await service.systemctl('start')).toMatchObject({ code: 0, stderr: '' });
    expect(await service.show('StatusText')).toBe('open for business');
    await service.systemctl('stop');
  });

  test('the unit is activating until the app sends READY=1', async () => {
    const script = `systemd-notify --status=loading
      until [ -e "$DIR/go" ]; do sleep 0.02; done
      systemd-notify --ready
      exec sleep 1000`;
    const service = await write(systemd(), script);
    const start = service.systemctl('start');
    await until("the app's status", async () => (await service.show('StatusText')) === 'loading');
    expect(await service.show('ActiveState')).toBe('activating');
    service.letGo();
    expect((await start).code).toBe(0);
    await service.systemctl('stop');
  });

  test("an app's STOPPING=1 and RELOADING=1 reach systemd", async () => {
    const script = `systemd-notify --ready
      systemd-notify RELOADING=1
      until [ -e "$DIR/go" ]; do sleep 0.02; done
      systemd-notify READY=1
      exec sleep 1000`;
    const service = await write(systemd(), script);
    expect((await service.systemctl('start')).code).toBe(0);
    await until('the reload', async () => (await service.show('ActiveState')) === 'reloading');
    service.letGo();
    await until('its end', async () => (await service.show('ActiveState')) === 'active');
    await service.systemctl('stop');
  });

  test("the socket is in the unit's runtime directory, closed to others, and removed with the app", async () => {
    const { mode, uid } = systemd();
    const script = `stat -c '%a %u' "$(dirname "$NOTIFY_SOCKET")" "$NOTIFY_SOCKET" >"$DIR/seen"
      systemd-notify --ready
      echo "$NOTIFY_SOCKET" >>"$DIR/seen"
      echo "$RUNTIME_DIRECTORY" >>"$DIR/seen"
      exec sleep 1000`;
    const service = await write(systemd(), script, [
      'RuntimeDirectory=notify-here',
      'RuntimeDirectoryPreserve=yes',
      'UMask=0777',
    ]);
    // the app writes with that umask too
    writeFileSync(`${service.dir}/seen`, '');
    chmodSync(`${service.dir}/seen`, 0o666);
    await service.startReady();
    const [directoryMode, socketMode, socket = '', runtimeDirectory] = await until('what the app saw', async () => {
      const lines = (await systemd().run('cat', [`${service.dir}/seen`])).stdout.split('\n');
      return lines.length === 5 && lines;
    });
    expect([directoryMode, socketMode]).toEqual(uid === 0 ? ['711 0', '666 0'] : [`700 ${uid}`, `600 ${uid}`]);
    // the runtime directory of root's user manager is closed to others, and the app may become another user
    const parent = mode === 'user' && uid === 0 ? '/tmp' : runtimeDirectory;
    expect(socket.slice(0, socket.lastIndexOf('/sd-ready-wrap-'))).toBe(parent);
    expect((await service.systemctl('stop')).code).toBe(0);
    expect((await systemd().run('ls', [socket.slice(0, socket.lastIndexOf('/'))])).stderr).toContain('No such file');
  });

  test('only the main process notified systemd', async () => {
    expect(await systemd().managerLog()).not.toMatch(/only permitted for|Cannot find unit for notify message/);
  });
});

describeSystemd('a status of the wrapper', EVERYWHERE, (systemd) => {
  test('keeps its backslashes, which systemd takes for escapes', async () => {
    const service = await Service.write(systemd(), {
      probe: "--stdout '^\\\\d+ \\\\\\\\'",
      command: "/bin/sh -c 'echo 12 \\\\\\\\; exec sleep 1000'",
    });
    const { code } = await service.systemctl('start');
    expect([code, service.stderr]).toEqual([0, expect.any(String)]);
    expect(await service.show('StatusText')).toMatch(/: stdout \/\^\\d\+ \\\\\/$/);
    await service.systemctl('stop');
  });
});

/** Enough for the wrapper to boot and to extend the timeout, ms. */
const SHORT = scaled(2000);

describeSystemd('an app that is ready after twice its TimeoutStartSec=', EVERYWHERE, (systemd) => {
  const script = `sleep ${(2 * SHORT) / 1000}\nsystemd-notify --ready\nexec sleep 1000\n`;
  const lines = [`TimeoutStartSec=${SHORT}ms`];

  test.concurrent('--extend-timeout with the same value: active', async () => {
    const service = await write(systemd(), script, lines, `--extend-timeout ${SHORT}ms`);
    expect(await service.systemctl('start')).toMatchObject({ code: 0, stderr: '' });
    expect(await service.show('ActiveState')).toBe('active');
    await service.systemctl('stop');
  });

  test.concurrent('without it: a timeout', async () => {
    const service = await write(systemd(), script, lines);
    expect((await service.systemctl('start')).code).not.toBe(0);
    expect((await service.results())[0]).toMatch(/^timeout /);
    await service.systemctl('reset-failed');
  });

  test.concurrent('not longer than --timeout', async () => {
    const options = `--extend-timeout ${SHORT}ms --timeout ${1.5 * SHORT}ms`;
    const service = await write(systemd(), script, lines, options);
    expect((await service.systemctl('start')).code).not.toBe(0);
    expect(await service.results()).toEqual(['exit-code exited 124']);
    await service.systemctl('reset-failed');
  });
});

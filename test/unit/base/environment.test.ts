import { describe, expect, it } from 'vitest';
import { appEnvironment, startEnvironment, startedByName } from '../../../src/base/environment.ts';

describe('appEnvironment', () => {
  it.each([
    'NOTIFY_SOCKET',
    'WATCHDOG_USEC',
    'WATCHDOG_PID',
    'LISTEN_PIDFDID',
    'SYSTEMD_EXEC_PID',
    'MAINPID',
    'NODE_CHANNEL_FD',
    'NODE_CHANNEL_SERIALIZATION_MODE',
    'SD_READY_WRAP_TCP',
    'SD_READY_WRAP_',
    'SRWE',
  ])('drops %s', (name) => {
    expect(appEnvironment({ [name]: 'x', PATH: '/bin' })).toEqual({ PATH: '/bin' });
  });

  it.each([
    ['PATH', '/usr/bin'],
    ['NODE_ENV', 'production'],
    ['NODE_OPTIONS', '--max-old-space-size=64'],
    ['INVOCATION_ID', '0123'],
    ['JOURNAL_STREAM', '8:1234'],
    ['LISTEN_FDS', '1'],
    ['CREDENTIALS_DIRECTORY', '/run/credentials/app.service'],
    ['SD_READY_WRAPPER', 'not one of ours'],
    ['NOTIFY_SOCKET_2', 'x'],
    ['notify_socket', 'x'],
    ['EMPTY', ''],
    ['BASH_FUNC_f%%', '() { :; }'],
    ['__proto__', 'x'],
  ])('keeps %s', (name, value) => {
    expect(Object.entries(appEnvironment(Object.fromEntries([[name, value]])))).toEqual([[name, value]]);
  });

  it('drops JOURNAL_STREAM if the stream does not go to the app', () => {
    expect(appEnvironment({ JOURNAL_STREAM: '8:1', PATH: '/bin' }, { journal: false })).toEqual({ PATH: '/bin' });
  });

  it("sets NOTIFY_SOCKET to the app's own socket, if there is one", () => {
    expect(appEnvironment({ NOTIFY_SOCKET: '/run/systemd/notify', HOME: '/' }, { notifySocket: '/x' })).toEqual({
      HOME: '/',
      NOTIFY_SOCKET: '/x',
    });
  });

  it('keeps WATCHDOG_USEC without WATCHDOG_PID if the app may ping by itself', () => {
    const own = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '3000000', WATCHDOG_PID: '7', MAINPID: '7' };
    expect(appEnvironment(own, { notifySocket: '/tmp/x/notify', pings: true })).toEqual({
      NOTIFY_SOCKET: '/tmp/x/notify',
      WATCHDOG_USEC: '3000000',
    });
    expect(appEnvironment({ HOME: '/root' }, { notifySocket: '/x', pings: true })).toEqual({
      HOME: '/root',
      NOTIFY_SOCKET: '/x',
    });
  });

  it('does not modify its argument, and drops undefined values', () => {
    const own = Object.freeze({ NOTIFY_SOCKET: '/run/systemd/notify', GONE: undefined, HOME: '/root' });
    expect(appEnvironment(own)).toStrictEqual({ HOME: '/root' });
  });
});

describe('startEnvironment', () => {
  const handed = (...entries: string[]) =>
    Buffer.from(entries.map((entry) => `${entry}\0`).join('')).toString('base64');

  it.each([
    [['PATH=/bin', 'a.b=c=d', 'EMPTY=', 'LINES=one\n\ntwo\n', 'BASH_FUNC_f%%=() { :; }', '__proto__=x', 'SRWE=theirs']],
    [['NODE_OPTIONS=', 'PWD=/gone', '_=x', `UTF8=\u{1f30a}`]],
  ])('is the environment that the shell was started with, whatever the shell changed: %j', (entries) => {
    const env = startEnvironment({ PATH: '/usr/bin', PWD: '/', SHLVL: '0', SRWE: handed(...entries) });
    expect(Object.entries(appEnvironment(env)).map((entry) => entry.join('='))).toEqual(
      entries.filter((entry) => !entry.startsWith('SRWE=')),
    );
    expect(startedByName(env)).toBe(true);
  });

  it('accepts line breaks in base64', () => {
    const text = `HOME=${'x'.repeat(200)}`;
    const broken = handed(text).replace(/.{76}/g, '$&\n');
    expect(appEnvironment(startEnvironment({ SRWE: broken }))).toEqual({ HOME: 'x'.repeat(200) });
  });

  it('keeps the first of two variables with one name, as getenv(3) does', () => {
    expect(appEnvironment(startEnvironment({ SRWE: handed('A=1', 'B=2', 'A=3') }))).toEqual({ A: '1', B: '2' });
  });

  it.each([{}, { SRWE: '' }, { SRWE: 'usage: base64 FILE' }, { SRWE: btoa('A=no end') }, { SRWE: handed('theirs') }])(
    'is the environment of our Node if none, or an invalid one, was passed on: %j',
    (mark) => {
      const env = startEnvironment({ A: 'b', NODE_OPTIONS: '--inspect', ...mark });
      expect(env).toEqual({ A: 'b', NODE_OPTIONS: '--inspect' });
      expect(startedByName(env)).toBe(false);
    },
  );
});

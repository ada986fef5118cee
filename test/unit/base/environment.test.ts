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
  ])('%s is not passed on', (name) => {
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
  ])('%s is', (name, value) => {
    expect(Object.entries(appEnvironment(Object.fromEntries([[name, value]])))).toEqual([[name, value]]);
  });

  it("JOURNAL_STREAM is not where that stream is not the app's", () => {
    expect(appEnvironment({ JOURNAL_STREAM: '8:1', PATH: '/bin' }, { journal: false })).toEqual({ PATH: '/bin' });
  });

  it('with a notify socket of its own, that', () => {
    expect(appEnvironment({ NOTIFY_SOCKET: '/run/systemd/notify', HOME: '/' }, { notifySocket: '/x' })).toEqual({
      HOME: '/',
      NOTIFY_SOCKET: '/x',
    });
  });

  it('where it may ping by itself, the interval of the pings, and not for whom', () => {
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

  it('leaves its argument alone and drops what is undefined', () => {
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
  ])('is what the shell was started with, whatever it made of it: %j', (entries) => {
    const env = startEnvironment({ PATH: '/usr/bin', PWD: '/', SHLVL: '0', SRWE: handed(...entries) });
    expect(Object.entries(appEnvironment(env)).map((entry) => entry.join('='))).toEqual(
      entries.filter((entry) => !entry.startsWith('SRWE=')),
    );
    expect(startedByName(env)).toBe(true);
  });

  it('base64 may break its lines', () => {
    const text = `HOME=${'x'.repeat(200)}`;
    const broken = handed(text).replace(/.{76}/g, '$&\n');
    expect(appEnvironment(startEnvironment({ SRWE: broken }))).toEqual({ HOME: 'x'.repeat(200) });
  });

  it('of two variables by one name the first counts, as to getenv(3)', () => {
    expect(appEnvironment(startEnvironment({ SRWE: handed('A=1', 'B=2', 'A=3') }))).toEqual({ A: '1', B: '2' });
  });

  it.each([{}, { SRWE: '' }, { SRWE: 'usage: base64 FILE' }, { SRWE: btoa('A=no end') }, { SRWE: handed('theirs') }])(
    'is what our Node sees where none, or none that is one, was handed over: %j',
    (mark) => {
      const env = startEnvironment({ A: 'b', NODE_OPTIONS: '--inspect', ...mark });
      expect(env).toEqual({ A: 'b', NODE_OPTIONS: '--inspect' });
      expect(startedByName(env)).toBe(false);
    },
  );
});

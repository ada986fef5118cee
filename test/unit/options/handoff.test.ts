import { describe, expect, it } from 'vitest';
import { buildConfig } from '../../../src/options/config.ts';
import { handoffObstacle } from '../../../src/options/handoff.ts';
import type { RawOptions } from '../../../src/options/raw.ts';
import { OPTION_TABLE } from '../../../src/options/table.ts';

type Given = Record<string, string | true>;

const build = (given: Given, place = (name: string) => `--${name}`) =>
  buildConfig(
    Object.fromEntries(
      Object.entries(given).map(([name, text]) => [name, [{ place: place(name), text }]]),
    ) as RawOptions,
    ['node', 'app.js'],
  );

const refusal = (given: Given, place?: (name: string) => string) => {
  try {
    const all: Given = { handoff: place ? 'yes' : true, ...given };
    build(all, place);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

describe('what does not go with --handoff', () => {
  it.each([
    ['stdout', 'ready', "--stdout ready: cannot be combined with --handoff: the app's output would go nowhere"],
    ['stderr', 'ready', '--stderr ready: cannot be combined with --handoff'],
    ['output', 'ready', '--output ready: cannot be combined with --handoff'],
    [
      'ipc',
      true,
      '--ipc: cannot be combined with --handoff: its IPC channel would close when the wrapper exits; use --tcp, ' +
        '--listen or --http',
    ],
    ['ipc-message', 'up', '--ipc-message up: cannot be combined with --handoff'],
    ['notify', true, '--notify: cannot be combined with --handoff: its socket would close when the wrapper exits'],
    ['fd', '3', '--fd 3: cannot be combined with --handoff: its pipe would break'],
    ['take-sockets', true, '--take-sockets: cannot be combined with --handoff: .*; remove one of the two'],
    ['forward-signals', 'none', '--forward-signals none: cannot be combined with --handoff'],
    ['signal-scope', 'group', '--signal-scope group: cannot be combined with --handoff: .*KillMode='],
    ['rewrite-signal', 'TERM:QUIT', '--rewrite-signal TERM:QUIT: cannot be combined with --handoff: .*KillSignal='],
  ])('--%s %s', (name, value, message) => {
    expect(refusal({ [name]: value as string | true })).toMatch(new RegExp(`^${message}`));
  });

  it('is refused from a variable too, and not where a variable turns it off', () => {
    const variable = (name: string) => `SD_READY_WRAP_${name.toUpperCase()}`;
    expect(refusal({ notify: 'yes' }, variable)).toMatch(
      /^SD_READY_WRAP_NOTIFY=yes: cannot be combined with --handoff/,
    );
    expect(refusal({ notify: 'no', ipc: 'off', 'take-sockets': 'no' }, variable)).toBeUndefined();
  });

  it('is nothing else', () => {
    const values: Record<string, string> = {
      'tcp-owner': 'any',
      'ready-when': 'any',
      'log-level': 'warn',
      listen: '80',
    };
    const others = {
      ...{ tcp: '1', unix: '/a', http: 'http://127.0.0.1/', file: '/a', exec: 'true', delay: '1s', timeout: '1s' },
      ...{ 'extend-timeout': '1s', 'stop-timeout': '1s', 'forward-signals': 'all', 'signal-scope': 'process' },
    };
    expect(refusal({ ...values, ...others })).toBeUndefined();
    expect(OPTION_TABLE.map(({ name }) => name)).toContain('handoff');
  });

  it('without it they are all fine', () => {
    expect(build({ stdout: 'x', notify: true, fd: '3', 'rewrite-signal': 'TERM:QUIT' }).handoff).toBe(false);
  });
});

it('auto is the port alone, as nobody hears a READY=1 of the app', () => {
  expect(build({ handoff: true }).probes).toEqual([{ kind: 'auto', notify: false }]);
  expect(build({}).probes).toEqual([{ kind: 'auto', notify: true }]);
});

describe('where the app cannot be made the main process', () => {
  it.each([
    ['under pid 1', { NOTIFY_SOCKET: '/run/systemd/notify' }, 1, undefined],
    ["under a user's manager", { NOTIFY_SOCKET: '/x', MANAGERPID: '77' }, 77, undefined],
    ['outside of systemd', {}, 1, /NOTIFY_SOCKET is not set/],
    ['below a shell or another init', { NOTIFY_SOCKET: '/x' }, 40, /\(pid 40\) is not systemd/],
    ["below a shell of a user's manager", { NOTIFY_SOCKET: '/x', MANAGERPID: '77' }, 40, /\(pid 40\) is not systemd/],
    ['as the first process of a pid namespace', { NOTIFY_SOCKET: '/x' }, 0, /is not systemd/],
  ])('%s', (_, env, ppid, why) => {
    const obstacle = handoffObstacle(env, ppid);
    if (why === undefined) expect(obstacle).toBeUndefined();
    else expect(obstacle).toMatch(why);
  });
});

import { describe, expect, it } from 'vitest';
import { advice, type Findings, type Moment } from '../../../src/diagnosis/advice.ts';
import { buildConfig } from '../../../src/options/config.ts';
import type { RawOptions } from '../../../src/options/raw.ts';
import type { ListeningSocket } from '../../../src/sockets/ownership.ts';

const tcp = (host: string, port: number, inspector = false): ListeningSocket => ({
  kind: 'tcp',
  host,
  port,
  inspector,
});
const unix = (path: string): ListeningSocket => ({ kind: 'unix', path });

/** The advice for these options. */
function advised(
  options: string,
  listening: readonly ListeningSocket[],
  moment: Moment = 'timeout',
  more: Partial<Findings> = {},
) {
  const [name = '', text = ''] = options.split(' ');
  const raw: RawOptions = options === '' ? {} : { [name.slice(2)]: [{ place: name, text: text || true }] };
  const { probes } = buildConfig(raw, ['node', 'app.js']);
  return advice(moment, {
    probes,
    listening,
    looked: true,
    holders: new Map(),
    reserved: [],
    byUserManager: false,
    socketUnits: new Map(),
    passed: [],
    canTake: true,
    tooLong: true,
    handoff: false,
    killMode: undefined,
    ...more,
  });
}

describe('the app listens on another address', () => {
  it.each([
    ['--tcp 3000', tcp('127.0.0.1', 8080), '127.0.0.1:8080, not on 127.0.0.1:3000 or [::1]:3000: write --tcp 8080,'],
    ['--tcp 3000', tcp('::', 8080), '[::]:8080, not on 127.0.0.1:3000 or [::1]:3000: write --tcp 8080,'],
    [
      '--tcp 3000',
      tcp('10.0.0.5', 3000),
      '10.0.0.5:3000, not on 127.0.0.1:3000 or [::1]:3000: write --tcp 10.0.0.5:3000,',
    ],
    ['--tcp 10.0.0.5:3000', tcp('127.0.0.1', 3000), '127.0.0.1:3000, not on 10.0.0.5:3000: write --tcp 3000,'],
    ['--listen 3000', tcp('0.0.0.0', 8080), '0.0.0.0:8080, not on port 3000: write --listen 8080,'],
    [
      '--http http://127.0.0.1/',
      tcp('127.0.0.1', 8080),
      '127.0.0.1:8080, not on 127.0.0.1:80: write --http http://127.0.0.1:8080/,',
    ],
    ['--unix /run/a.sock', unix('/run/b.sock'), '/run/b.sock, not on /run/a.sock: write --unix /run/b.sock,'],
  ])('%s', (options, socket, text) => {
    for (const moment of ['waiting', 'stopped', 'timeout', 'died'] as const) {
      const soFar = moment === 'waiting' ? text.replace(', not', ' so far, not') : text;
      expect(advised(options, [socket], moment)[0]).toContain(`the app listens on ${soFar}`);
    }
  });

  it.each([
    ['--tcp 3000', tcp('0.0.0.0', 3000)],
    ['--tcp 3000', tcp('::1', 3000)],
    ['--listen 3000', tcp('10.0.0.5', 3000)],
    ['--listen any', tcp('10.0.0.5', 3000)],
    ['--tcp 3000', unix('/tmp/x')],
    ['--tcp 3000', tcp('127.0.0.1', 9229, true)],
    ['--notify', tcp('127.0.0.1', 3000)],
    ['--stdout up', unix('/tmp/x')],
    ['--stdout up', tcp('127.0.0.1', 9229, true)],
  ])('%s is not an error yet', (options, socket) => {
    expect(advised(options, [socket], 'waiting')).toEqual([]);
  });
});

it('the app may listen anywhere if any listener counts', () => {
  const { probes } = buildConfig(
    { tcp: [{ place: '--tcp', text: '10.0.0.5:80' }], 'tcp-owner': [{ place: '--tcp-owner', text: 'any' }] },
    ['node'],
  );
  const findings = {
    probes,
    listening: [tcp('::', 8080)],
    looked: true,
    holders: new Map(),
    reserved: [],
    byUserManager: false,
    socketUnits: new Map(),
    passed: [],
    canTake: true,
    tooLong: true,
    handoff: false,
    killMode: undefined,
  };
  expect(advice('waiting', findings)).toEqual([]);
});

it('advises a socket probe if the app listens and no line has matched', () => {
  expect(advised('--stdout up', [tcp('127.0.0.1', 3000)], 'waiting')).toEqual([
    'the app listens on 127.0.0.1:3000 already: if listening means ready, write --tcp 3000',
  ]);
});

it.each(['waiting', 'timeout', 'died'] as const)('names the socket unit if systemd holds the port: %s', (moment) => {
  const more = { holders: new Map([[3000, 'systemd (pid 1)']]), socketUnits: new Map([[3000, 'shop.socket']]) };
  expect(advised('--tcp 3000', [], moment, more)).toEqual([
    'port 3000 is held by systemd for shop.socket: add Sockets=shop.socket under [Service] and let the app ' +
      'listen on the descriptor that systemd passes (Node: --take-sockets), give the app another port, or stop ' +
      'shop.socket',
  ]);
});

describe('systemd passed the socket of the port', () => {
  const passed = [3000];
  const on = 'systemd passed the socket of port 3000 to this unit';
  const inherited: ListeningSocket = { ...tcp('127.0.0.1', 3000), inherited: true };

  it.each(['waiting', 'timeout', 'died'] as const)('and the app did not use it: %s', (moment) => {
    // an app that found its port taken may have gone to another
    for (const listening of [[], [tcp('127.0.0.1', 3001)]]) {
      expect(advised('--tcp 3000', listening, moment, { passed })).toEqual([
        `${on}: if the app opens the port itself, add --take-sockets, or let it listen on that descriptor`,
      ]);
    }
    expect(advised('--tcp 3000', [], moment, { passed, canTake: false })).toEqual([
      `${on}: if the app opens the port itself, let it listen on that descriptor`,
    ]);
  });

  it.each(['waiting', 'timeout', 'died'] as const)('and the app used it: %s', (moment) => {
    expect(advised('--http http://127.0.0.1:3000/', [inherited], moment, { passed })).toEqual([]);
  });
});

it('names the privilege that a port needs, once the app has died', () => {
  const reserved = [80];
  expect(advised('--tcp 80', [], 'died', { reserved })).toEqual([
    'port 80 needs a privilege that the app does not have: add AmbientCapabilities=CAP_NET_BIND_SERVICE under ' +
      '[Service], or give the app a port from 1024 on',
  ]);
  expect(advised('--tcp 80', [], 'waiting', { reserved })).toEqual([]);
  expect(advised('--tcp 80', [], 'died', { reserved, byUserManager: true })).toEqual([
    'port 80 needs a privilege that the app does not have: give the app a port from 1024 on',
  ]);
  // an app that had opened it has the privilege
  expect(advised('--tcp 80', [tcp('127.0.0.1', 80)], 'died', { reserved })).toEqual([]);
});

it('names another process that holds the port', () => {
  const holders = new Map([[3000, 'nginx (pid 77)']]);
  // the app used another port, which may be different the next time
  expect(advised('--tcp 3000', [tcp('127.0.0.1', 3001)], 'timeout', { holders })).toEqual([
    'port 3000 is held by nginx (pid 77): free it, or give the app another port',
  ]);
  expect(advised('--tcp 3000', [], 'died', { holders })).toEqual([
    'port 3000 is held by nginx (pid 77): free it, or give the app another port',
  ]);
  expect(advised('--tcp 3000', [], 'waiting', { holders })).toEqual([]);
  const inService = { holders: new Map([[3000, 'node (pid 77, old.service)']]) };
  expect(advised('--tcp 3000', [], 'died', inService)).toEqual([
    'port 3000 is held by node (pid 77, old.service): free it, or give the app another port',
  ]);
});

describe('the app listens on nothing', () => {
  it.each([
    ['--tcp 3000', [], 'the app has not opened any port'],
    ['', [], "neither listens nor sends READY=1: choose a probe, e.g. --stdout 'listening on'"],
    ['', [unix('/tmp/x')], 'the app listens on /tmp/x: if listening means ready, write --unix /tmp/x'],
    ['--notify', [tcp('::', 3000)], 'the app listens on [::]:3000: if listening means ready, write --tcp 3000'],
  ])('%s', (options, listening, text) => {
    expect(advised(options, listening)).toEqual([expect.stringContaining(text)]);
  });
  it('gives no advice for an app that was stopped before the first check', () => {
    for (const options of ['--tcp 3000', '', '--listen any'])
      expect(advised(options, [], 'stopped', { looked: false, tooLong: false })).toEqual([]);
  });
  it('with --handoff suggests no probe that needs the wrapper', () => {
    expect(advised('', [], 'timeout', { handoff: true })).toEqual([
      'the app does not listen: choose a probe, e.g. --file or --exec, or remove --handoff',
    ]);
  });
  it('gives no advice for a probe that is not a socket', () => {
    expect(advised('--stdout up', [])).toEqual([]);
  });
});

it("after a stop in a unit, which may be systemd's timeout", () => {
  expect(advised('--stdout up', [], 'stopped')).toEqual([expect.stringContaining("raise the unit's TimeoutStartSec=")]);
  expect(advised('--stdout up', [], 'stopped', { tooLong: false })).toEqual([]);
});

it('warns of a KillMode= that leaves processes behind', () => {
  expect(advised('--stdout up', [], 'died', { killMode: 'process' })).toEqual([
    expect.stringContaining('KillMode=process'),
  ]);
  expect(advised('--stdout up', [], 'died', { killMode: 'mixed' })).toEqual([]);
});

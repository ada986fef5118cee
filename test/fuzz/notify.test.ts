/** Notifications from the app and from the wrapper, and systemd's variables. */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { oneLine } from '../../src/base/one-line.ts';
import { notifyAddress } from '../../src/notify/address.ts';
import { listenEnvironment, listenFds } from '../../src/notify/listen-fds.ts';
import { parseAppNotice } from '../../src/notify/parse.ts';
import { DATAGRAM_MAX, encode, handOver, statusLine } from '../../src/notify/state.ts';
import { watchdogRequest } from '../../src/watchdog/watch.ts';
import { anyText, bounded, orRefused, property, text } from './property.ts';

const NAMES = ['READY', 'STOPPING', 'RELOADING', 'STATUS', 'ERRNO', 'WATCHDOG', 'WATCHDOG_USEC', 'MAINPID', 'BARRIER'];
const assignment = fc.tuple(fc.oneof(fc.constantFrom(...NAMES), text(3)), fc.oneof(fc.constantFrom('1', '0'), text()));
const written = fc.array(assignment.map((pair) => pair.join('='))).map((lines) => Buffer.from(lines.join('\n')));
const datagram = fc.oneof(written, fc.uint8Array({ maxLength: 100 }), anyText().map(Buffer.from));

property('notifications: the relayed datagram means the same to systemd, and is no longer', datagram, (bytes) => {
  const notice = bounded(() => parseAppNotice(bytes));
  if (!notice) return;
  const sent = encode(notice.rest);
  expect(sent.length).toBeLessThanOrEqual(bytes.length);
  expect(parseAppNotice(sent)).toEqual({ ...notice, ready: false, stopping: false, reloading: undefined, dropped: [] });
  for (const line of notice.rest)
    expect(line).toMatch(/^(STATUS|ERRNO|WATCHDOG|WATCHDOG_USEC|[A-Z]+ERROR|EXTEND_\w+)=/);
  const { reloading } = notice;
  if (reloading) expect(parseAppNotice(encode(reloading))).toMatchObject({ reloading, rest: [], dropped: [] });
});

const said = fc.tuple(
  fc.constantFrom('STATUS', 'ERRNO', 'WATCHDOG'),
  text().map((value) => value.replaceAll('\0', '')),
  fc.constantFrom('\n', '\r', '\r\n', '\n\n'),
);

property('notifications: the first of each name is read as it was written', fc.array(said), (assignments) => {
  const written = assignments.map(([name, value, end]) => [...encode([`${name}=${value}`]), ...Buffer.from(end)]);
  const first = new Map(assignments.toReversed().map(([name, value]) => [name, value]));
  const notice = parseAppNotice(Uint8Array.from(written.flat()));
  expect(notice).toMatchObject({ ready: false, dropped: [] });
  const lines = [...first].map(([name, value]) => `${name}=${oneLine(value)}`);
  expect(notice?.rest.toSorted()).toEqual(lines.toSorted());
});

property('STATUS=: any text is one assignment of one line that fits', anyText(), (status) => {
  const [line = '', ...others] = bounded(() => statusLine(status));
  expect(others).toEqual([]);
  expect(line).not.toMatch(/\p{Cc}/u);
  const sent = encode(handOver(4711, status));
  expect(sent.length).toBeLessThan(DATAGRAM_MAX);
  expect(parseAppNotice(sent)).toEqual({
    ready: true,
    stopping: false,
    reloading: undefined,
    rest: [line],
    dropped: ['MAINPID'],
  });
});

property('NOTIFY_SOCKET=: an address or one line', anyText(), (socket) => {
  const address = bounded(() => orRefused(() => notifyAddress(socket)));
  if (address) expect(socket).toBe(address.type === 'path' ? address.name : `@${address.name}`);
});

const number = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: 0n, max: 2n ** 66n }).map(String),
  fc.double().map(String),
  fc.constantFrom('0', '1', '0x10', '1e9', '4294967296', '9'.repeat(400), ' 3', '3\n', ''),
  text(3),
);
const own = fc.oneof({ weight: 4, arbitrary: fc.constant('42') }, { weight: 1, arbitrary: number });

property(
  'LISTEN_FDS=: consecutive descriptors, and the same ones when passed on',
  fc.record({ LISTEN_FDS: number, LISTEN_PID: own, LISTEN_FDNAMES: fc.option(text(), { nil: undefined }) }),
  (env) => {
    const passed = bounded(() => listenFds(env, 42));
    expect(passed.every(({ fd }, index) => fd === index + 3)).toBe(true);
    if (passed.length > 0) expect(listenFds(listenEnvironment(env, passed), 42)).toEqual(passed);
  },
);

property(
  'WATCHDOG_USEC=: an interval, a problem, or nothing',
  fc.record({ WATCHDOG_USEC: fc.oneof(number, anyText()), WATCHDOG_PID: fc.option(own, { nil: undefined }) }),
  (env) => {
    const request = bounded(() => watchdogRequest(env, 42));
    if (!request || 'problem' in request) return;
    expect(request.intervalMs).toBe(Number(env.WATCHDOG_USEC) / 1000);
    expect(request.intervalMs).toBeGreaterThan(0);
    expect(BigInt(env.WATCHDOG_USEC)).toBeLessThan(2n ** 64n - 1n);
  },
);

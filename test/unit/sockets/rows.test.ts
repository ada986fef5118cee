import { describe, expect, it } from 'vitest';
import { acceptorsOf, canonicalHost, parseTcpRow, parseUnixRow } from '../../../src/sockets/rows.ts';

const HEADING =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode       ' +
  '                                              ';

function row(local: string, state: string, uid: number, inode: number): string {
  return (
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ` +
    `${inode} 1 0000000000000000 100 0 0 10 0`
  );
}

describe('a row of /proc/net/tcp', () => {
  it.each([
    ['0100007F:0BB8', '127.0.0.1', 3000],
    ['00000000:0050', '0.0.0.0', 80],
    ['0501A8C0:FFFF', '192.168.1.5', 65535],
    ['00000000000000000000000001000000:0BB8', '::1', 3000],
    ['00000000000000000000000000000000:0001', '::', 1],
    ['0000000000000000FFFF00000100007F:0BB8', '127.0.0.1', 3000],
    ['B80D0120000000000000000001000000:0BB8', '2001:db8::1', 3000],
  ])('%s listens on %s, port %i', (local, host, port) => {
    expect(parseTcpRow(row(local, '0A', 1000, 12345))).toEqual({ host, port, uid: 1000, inode: 12345 });
  });

  it.each([
    ['an established connection', row('0100007F:0BB8', '01', 0, 1)],
    ['a connection in TIME_WAIT', row('0100007F:0BB8', '06', 0, 0)],
    ['the heading', HEADING],
    ['nothing', ''],
  ])('%s does not', (_, text) => {
    expect(parseTcpRow(text)).toBeUndefined();
  });
});

describe('a row of /proc/net/unix', () => {
  it.each([
    ['0000000000000000: 00000002 00000000 00010000 0001 01 4711 /run/app.sock', { path: '/run/app.sock', inode: 4711 }],
    ['ffff8880: 00000002 00000000 00010000 0001 01     7 /run/with a space', { path: '/run/with a space', inode: 7 }],
    ['0000000000000000: 00000002 00000000 00010000 0005 01 8 @abstract', { path: '@abstract', inode: 8 }],
    [`0: 00000002 00000000 00010000 0001 01 8 ${'@é'.padEnd(107, '@')}`, { path: '@é', inode: 8 }],
    ['0: 00000002 00000000 00010000 0001 01 8 @short@@', { path: '@short@@', inode: 8 }],
  ])('%s listens', (text, listener) => {
    expect(parseUnixRow(text)).toEqual(listener);
  });

  it.each([
    ['bound, without listen(2)', '0000000000000000: 00000002 00000000 00000000 0002 01 9 /run/notify'],
    ['connected', '0000000000000000: 00000003 00000000 00000000 0001 03 9 /run/app.sock'],
    ['without a name', '0000000000000000: 00000002 00000000 00010000 0001 01 9'],
    ['the heading', 'Num       RefCount Protocol Flags    Type St Inode Path'],
    ['nothing', ''],
  ])('%s does not', (_, text) => {
    expect(parseUnixRow(text)).toBeUndefined();
  });
});

describe('the socket that gets a connection', () => {
  const listeners = (...hosts: string[]) => hosts.map((host, inode) => ({ host, port: 3000, uid: 0, inode }));

  it.each([
    ['127.0.0.1', ['127.0.0.1'], [0]],
    ['127.0.0.1', ['0.0.0.0'], [0]],
    ['127.0.0.1', ['::'], [0]],
    ['127.0.0.1', ['::', '0.0.0.0'], [1]],
    ['127.0.0.1', ['0.0.0.0', '::', '127.0.0.1'], [2]],
    ['127.0.0.1', ['127.0.0.1', '127.0.0.1'], [0, 1]],
    ['127.0.0.1', ['127.0.0.2', '::1'], []],
    ['::1', ['::1', '::'], [0]],
    ['::1', ['0.0.0.0', '::'], [1]],
    ['::1', ['0.0.0.0', '127.0.0.1'], []],
    ['0:0:0:0:0:0:0:1', ['::1'], [0]],
    ['::ffff:127.0.0.1', ['127.0.0.1'], [0]],
    ['fe80::1%eth0', ['fe80::1'], [0]],
  ])('a connection to %s, of those that listen on %j: %j', (host, bound, inodes) => {
    expect(acceptorsOf(listeners(...bound), host).map(({ inode }) => inode)).toEqual(inodes);
  });
});

it.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::FFFF:7F00:1', '127.0.0.1'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
])('%s is written %s', (host, written) => {
  expect(canonicalHost(host)).toBe(written);
});

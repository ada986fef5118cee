/** Input from the kernel and from systemd's files: /proc tables, cgroups and units. */
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { isInUnitOf, otherService, unitOfCgroup } from '../../src/base/cgroup.ts';
import { canonicalHost, parseTcpRow, parseUnixRow, type TcpListener } from '../../src/sockets/rows.ts';
import { rowReader } from '../../src/sockets/tables.ts';
import { lastBoolean, lastSoftLimit, lastWord, reloadSignal, serviceType } from '../../src/unit/settings.ts';
import { anyText, bounded, pieces, property, text } from './property.ts';

const hex = (number: number, digits: number) => number.toString(16).toUpperCase().padStart(digits, '0');
const byte = fc.integer({ min: 0, max: 255 });
const host = fc.oneof(fc.array(byte, { minLength: 4, maxLength: 4 }), fc.array(byte, { minLength: 16, maxLength: 16 }));
const socket = fc.record({
  host,
  port: fc.integer({ min: 0, max: 65_535 }),
  uid: fc.nat(),
  inode: fc.nat(),
});
type Written = typeof socket extends fc.Arbitrary<infer T> ? T : never;

/** As the kernel of a little-endian machine prints it (get_tcp4_sock in net/ipv4/tcp_ipv4.c). */
function rowOf({ host: bytes, port, uid, inode }: Written, index: number, state = '0A'): string {
  const words = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.slice(at * 4, at * 4 + 4).reverse());
  const address = words
    .flat()
    .map((each) => hex(each, 2))
    .join('');
  const remote = '0'.repeat(address.length);
  const times = '00000000:00000000 00:00000000 00000000';
  const row = `${`${index}`.padStart(4)}: ${address}:${hex(port, 4)} ${remote}:0000 ${state} ${times}`;
  return `${row} ${`${uid}`.padStart(5)} ${'0'.padStart(8)} ${inode} 1 0000000000000000 100 0 0 10 0`.padEnd(149);
}

function listenerOf({ host: bytes, ...rest }: Written): TcpListener {
  const groups =
    bytes.length === 4
      ? []
      : Array.from({ length: 8 }, (_, at) => hex(bytes[at * 2] as number, 2) + hex(bytes[at * 2 + 1] as number, 2));
  return { ...rest, host: bytes.length === 4 ? bytes.join('.') : canonicalHost(groups.join(':')) };
}

property("/proc/net/tcp: a row gives the kernel's listener", socket, (written) => {
  expect(parseTcpRow(rowOf(written, 7))).toEqual(listenerOf(written));
  expect(parseTcpRow(rowOf(written, 7, '01'))).toBeUndefined();
});

property(
  '/proc/net/tcp: any row is a listener or not',
  anyText(fc.oneof(text(6), fc.stringMatching(/^[ \dA:]*$/))),
  (row) => {
    bounded(() => parseTcpRow(row));
  },
);

const HEADING =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'.padEnd(149);
const sockets = fc.array(socket, { maxLength: 6 });
const table = fc.tuple(sockets, fc.boolean()).map(([listening, connected]) => {
  const last = connected && listening[0] ? [rowOf(listening[0], 9, '01')] : [];
  return {
    listening,
    text: Buffer.from([HEADING, ...listening.map((each, at) => rowOf(each, at)), ...last, ''].join('\n')),
  };
});
const cutTable = table.chain(({ listening, text: all }) =>
  pieces(fc.constant(all)).map((cut) => ({ listening, pieces: cut.pieces })),
);

property('/proc/net/tcp: the same listeners wherever the table is cut', cutTable, ({ listening, pieces: all }) => {
  const rows = rowReader();
  const found: TcpListener[] = [];
  for (const piece of all) {
    const { listeners, over } = rows.take(piece.toString('latin1'));
    found.push(...listeners);
    if (over) break;
  }
  expect(found).toEqual(listening.map(listenerOf));
});

const unix = fc.record({
  path: text().filter((path) => path !== '' && !/[\0\n]/.test(path) && !path.startsWith(' ')),
  inode: fc.nat(),
  flags: fc.constantFrom(0, 0x10000, 0x10001),
});

property('/proc/net/unix: a row gives the path and the inode for any path', unix, ({ path, inode, flags }) => {
  const row = `0000000000000000: 00000002 00000000 ${hex(flags, 8)} 0001 01 ${`${inode}`.padStart(5)} ${path}`;
  expect(parseUnixRow(row)).toEqual(flags === 0 ? undefined : { path, inode });
});

property('/proc/net/unix: any row is a listener or not', anyText(), (row) => {
  bounded(() => parseUnixRow(row));
});

const cgroup = fc
  .array(
    fc.tuple(
      fc.constantFrom('0:', '1:name=systemd', '2:cpu', ''),
      anyText(),
      fc.constantFrom('', '.service', '.scope'),
    ),
    { maxLength: 3 },
  )
  .map((lines) => lines.map(([hierarchy, path, kind]) => `${hierarchy}:/${path}${kind}`).join('\n'));

property(
  '/proc/PID/cgroup: a service or none, and each is in its own unit',
  fc.tuple(cgroup, cgroup),
  ([own, other]) => {
    const unit = bounded(() => unitOfCgroup(own));
    if (unit !== undefined) expect(own).toContain(unit);
    expect(bounded(() => isInUnitOf(own, own))).toBe(true);
    bounded(() => isInUnitOf(own, other));
    expect(bounded(() => otherService(own, own))).toBeUndefined();
  },
);

const name = text().map((written) => `${written.replace(/[\0\n/]/g, '')}x`);
const unitPath = fc.tuple(name, fc.constantFrom('.service', '.scope'), fc.constantFrom('', '/child', '/a/b'));

property('/proc/PID/cgroup: gives the unit that it names', fc.tuple(name, unitPath), ([slice, [unit, kind, below]]) => {
  const own = `1:name=systemd:/\n0::/${slice}.slice/${unit}${kind}`;
  expect(unitOfCgroup(`${own}${below}\n`)).toBe(kind === '.service' ? `${unit}.service` : undefined);
  expect(isInUnitOf(own, `${own}${below}`)).toBe(true);
  expect(isInUnitOf(`${own}${below}`, `1:name=systemd:/\n0::/${slice}.slice/${unit}y${kind}`)).toBe(false);
});

/** All that may follow `=` on one line: NUL ends a line too, and a backslash at the end continues it. */
const plain = text().filter((value) => !/[\n\r\0]|\\$/.test(value) && value.trim() === value);
const blank = fc.constantFrom('', ' ', '\t', '  ');
const line = fc.oneof(
  fc.tuple(blank, fc.constantFrom('Type', 'KillMode', 'LimitNOFILE'), blank, blank, plain, blank),
  fc.tuple(blank, fc.constantFrom('#Type', '; Type', 'XType', '[Type'), blank, blank, plain, blank),
);

property(
  'unit files: the last assignment of a setting counts',
  fc.array(fc.array(line, { maxLength: 6 }), { maxLength: 3 }),
  (files) => {
    const texts = files.map((lines) =>
      lines
        .map(([before, name, after, front, value, end]) => `${before}${name}${after}=${front}${value}${end}`)
        .join('\n'),
    );
    for (const setting of ['Type', 'KillMode']) {
      const values = files.flat().flatMap(([, name, , , value]) => (name === setting ? [value] : []));
      expect(lastWord(setting, texts)).toBe(values.at(-1) || undefined);
    }
  },
);

property('unit files: any text gives a value of each kind or none', fc.array(anyText(), { maxLength: 4 }), (texts) => {
  const all = texts.map((each, index) => ['Type=', 'ReloadSignal=', 'LimitNOFILE=', ''][index % 4] + each);
  bounded(() => lastBoolean('Type', all));
  bounded(() => reloadSignal(all, { SIGHUP: 1 }, 'notify-reload'));
  const type = bounded(() => serviceType(all));
  if (type !== undefined) expect(all.join('\n')).toContain(type);
  expect(bounded(() => lastSoftLimit('LimitNOFILE', all)) ?? 0).toBeGreaterThanOrEqual(0);
});

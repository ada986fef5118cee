import { describe, expect, it } from 'vitest';
import { DATAGRAM_MAX, encode, printable, ready, statusLine } from '../../../src/notify/state.ts';

const bytes = (text: string) => Buffer.byteLength(text);

describe('printable', () => {
  it.each([
    ['plain', 'plain'],
    ['grüße, 起動, 🚀', 'grüße, 起動, 🚀'],
    ['two\nREADY=1', 'two READY=1'],
    ['two\r\nlines', 'two lines'],
    ['carriage\rreturn', 'carriage return'],
    ['nul\0MAINPID=1', 'nul MAINPID=1'],
    ['tab\there', 'tab here'],
    ['\u001b[31mred\u001b[0m', ' [31mred [0m'],
    ['del\u007f c1\u0085 csi\u009b', 'del  c1  csi '],
    ['', ''],
  ])('%j becomes %j', (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it.each([
    ['ASCII', 'x'],
    ['two bytes', 'ü'],
    ['three bytes', '起'],
    ['four bytes', '🚀'],
  ])('cuts at a whole character: %s', (_, character) => {
    for (const shift of ['', 'a', 'ab', 'abc']) {
      const text = shift + character.repeat(2000);
      const cut = printable(text);
      expect(cut.endsWith('…')).toBe(true);
      expect(text.startsWith(cut.slice(0, -1))).toBe(true);
      expect(bytes(cut.slice(0, -1))).toBeLessThanOrEqual(1024);
      expect(bytes(cut.slice(0, -1))).toBeGreaterThan(1024 - bytes(character));
    }
  });

  it('keeps a text of exactly 1024 bytes whole', () => {
    expect(printable('x'.repeat(1024))).toBe('x'.repeat(1024));
    expect(printable('x'.repeat(1025))).toBe(`${'x'.repeat(1024)}…`);
  });
});

describe('datagrams', () => {
  it('READY=1 comes with its status, one assignment per line', () => {
    expect(Buffer.from(encode(ready('up'))).toString()).toBe('READY=1\nSTATUS=up');
    expect(Buffer.from(encode(statusLine('grüße'))).toString('latin1')).toBe(
      Buffer.from('STATUS=grüße').toString('latin1'),
    );
  });

  it.each([
    ['a\\b', 'a\\\\b'],
    ['at the end\\', 'at the end\\\\'],
    ['two\nlines\r', 'two\\\nlines\\\r'],
  ])('escapes what systemd takes for an escape: %j', (text, expected) => {
    expect(Buffer.from(encode([`STATUS=${text}`])).toString()).toBe(`STATUS=${expected}`);
  });

  it.each([
    '\\'.repeat(10_000),
    'x'.repeat(100_000),
    '🚀'.repeat(10_000),
    '\n'.repeat(10_000),
    '\ud800'.repeat(10_000),
  ])('stays well below the limit of systemd, and has at most two lines', (text) => {
    const datagram = Buffer.from(encode(ready(text)));
    expect(datagram.length).toBeLessThan(DATAGRAM_MAX);
    expect(datagram.toString().split('\n')).toHaveLength(2);
  });
});

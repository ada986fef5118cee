import { describe, expect, it } from 'vitest';
import { lineScanner } from '../../../../src/probes/log/line-scanner.ts';

function scanAll(pieces: readonly (string | Uint8Array)[]): { lines: string[]; open: string } {
  const scan = lineScanner();
  const lines: string[] = [];
  let open = '';
  for (const piece of pieces) {
    const result = scan(Buffer.from(piece));
    lines.push(...result.lines);
    open = result.open;
  }
  return { lines, open };
}

describe('lineScanner', () => {
  it.each([
    [['one\ntwo\n'], ['one', 'two'], ''],
    [['one\ntwo'], ['one'], 'two'],
    [['o', 'n', 'e', '\n'], ['one'], ''],
    [['one\r\ntwo\r\n'], ['one', 'two'], ''],
    [['one\r', '\ntwo\r'], ['one'], 'two'],
    [['a\rb\n'], ['a', 'b'], ''],
    [['a\r', 'b\n'], ['a', 'b'], ''],
    [['a\r', 'b'], ['a'], 'b'],
    [['a\r\r\nb'], ['a'], 'b'],
    [['\r\n\r\n'], ['', ''], ''],
    [['\n\n'], ['', ''], ''],
    [[''], [], ''],
    [['x', '', 'y'], [], 'xy'],
  ])('%j gives the lines %j and leaves %j open', (pieces, lines, open) => {
    expect(scanAll(pieces)).toEqual({ lines, open });
  });

  it('gives the same result wherever the bytes are cut', () => {
    const text = 'grüße\r\n起動 🚀 done\n\u001b[32mok\u001b[0m\nlast ü';
    const all = Buffer.from(text);
    const expected = { lines: ['grüße', '起動 🚀 done', '\u001b[32mok\u001b[0m'], open: 'last ü' };
    expect(scanAll([...all].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
    for (let cut = 0; cut <= all.length; cut += 1) {
      expect(scanAll([all.subarray(0, cut), all.subarray(cut)]), `cut at ${cut}`).toEqual(expected);
    }
  });

  it('continues after bytes that are not UTF-8', () => {
    expect(scanAll([Uint8Array.of(0xff, 0xfe, 0x0a), 'ready\n']).lines.at(-1)).toBe('ready');
  });

  it('keeps a bounded end of a line that does not end', () => {
    const scan = lineScanner();
    let open = '';
    for (let n = 0; n < 200; n += 1) open = scan(Buffer.alloc(64 * 1024, 'x')).open;
    // what was kept, the mark of the cut, and the piece
    expect(open.length).toBe(64 * 1024 + 1 + 64 * 1024);
    expect(scan(Buffer.from(' end of it')).open).toMatch(/x end of it$/);
  });

  it('^ does not match in the middle of a cut line, and matches at the next one', () => {
    const scan = lineScanner();
    const piece = Buffer.alloc(64 * 1024, 'ready ');
    for (let n = 0; n < 7; n += 1) {
      const { open } = scan(piece);
      expect(/^\w/.test(open)).toBe(n <= 1);
    }
    const { lines } = scan(Buffer.from('\nready\n'));
    expect(/^\w/.test(lines[0] ?? '')).toBe(false);
    expect(lines[1]).toMatch(/^ready$/);
  });

  describe('with a required text', () => {
    const lines = (pieces: readonly Uint8Array[]) => {
      const scan = lineScanner({ required: 'ready', plain: (text) => text.replaceAll('\u001b[1m', '') });
      return pieces.flatMap((piece) => {
        const { lines: ended, open } = scan(piece);
        return [...ended, open].filter((line) => line.includes('ready'));
      });
    };

    it.each([
      ['in a line of many', 'a\nb\nall is ready\r\nc\nd'],
      ['in the first', 'is ready\nb\nc\n'],
      ['in the last, which has not ended', 'a\nb\nready'],
      ['after characters of more bytes', 'ä\nö\n€ ready\n'],
      ['with a colour in it', 'a\nb\nre\u001b[1mady\nc\n'],
    ])('finds it %s, wherever the bytes are cut', (_, text) => {
      const all = Buffer.from(text);
      for (let cut = 0; cut <= all.length; cut += 1) {
        expect(lines([all.subarray(0, cut), all.subarray(cut)]).at(-1), `cut at ${cut}`).toMatch(/ready$/);
      }
    });

    it('continues with the line that a piece leaves open, and skips the others', () => {
      const scan = lineScanner({ required: 'ready' });
      expect(scan(Buffer.from('one\ntwo\nthree\nit is re'))).toEqual({ lines: [], open: '' });
      expect(scan(Buffer.from('ady\nfour\nfive\nsix')).lines[0]).toBe('it is ready');
    });
  });
});

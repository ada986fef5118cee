/** Cuts bytes into lines of text, with a bound on what it keeps of a line that does not end. */

/** What is kept of a line without an end once it was scanned, characters. */
const LINE_MAX = 64 * 1024;

/** Stands for what was cut from the start of a long line, so that `^` does not match in its middle. */
const CUT = '\ufffc';

const NEWLINE = 0x0a;

/** What begins the control sequences of a terminal, in UTF-8: ESC, and CSI in one character. */
const CONTROLS = ['\u001b', '\u009b'].map((text) => Buffer.from(text));

export interface Scan {
  /** Lines that ended, without their line end. A carriage return starts a line again, and so ends what was before. */
  readonly lines: readonly string[];
  /** The start of a line that did not end yet; empty where there is none. */
  readonly open: string;
}

export interface ScanOptions {
  /** What is without this text may be left out. */
  readonly required?: string | undefined;
  /** Takes colours away, and leaves line ends alone. */
  readonly plain?: (text: string) => string;
}

/** @returns a function to call with each piece of the stream, in order. UTF-8, in pieces cut anywhere. */
export function lineScanner({ required, plain = (text) => text }: ScanOptions = {}): (piece: Uint8Array) => Scan {
  const decoder = new TextDecoder();
  const wanted = required === undefined ? undefined : [Buffer.from(required), ...CONTROLS];
  const mayMatter = (text: string) => required === undefined || text.includes(required);
  /** As it was written. */
  let rest = '';
  return (piece) => {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const text = rest + (wanted && hasNoneInside(bytes, wanted) ? decodeEnds(bytes) : decode(bytes));
    // what follows a return at the very end tells whether it is part of a line end
    const end = Math.max(text.lastIndexOf('\n'), text.length < 2 ? -1 : text.lastIndexOf('\r', text.length - 2));
    const unfinished = text.slice(end + 1);
    rest = shorten(unfinished);
    const ended = end < 0 ? '' : plain(text.slice(0, end));
    const open = plain(unfinished).replace(/\r$/, '');
    return {
      lines: end >= 0 && mayMatter(ended) ? splitLines(ended) : [],
      open: mayMatter(open) ? open : '',
    };
  };

  function decode(bytes: Buffer): string {
    return decoder.decode(bytes, { stream: true });
  }

  /** Of a piece the end of a line, and the start of another. */
  function decodeEnds(bytes: Buffer): string {
    const end = decode(bytes.subarray(0, bytes.indexOf(NEWLINE) + 1));
    return end + decode(bytes.subarray(bytes.lastIndexOf(NEWLINE) + 1));
  }
}

/** Whether there are whole lines in it, and none of these in them. */
function hasNoneInside(bytes: Buffer, wanted: readonly Buffer[]): boolean {
  const inside = bytes.subarray(bytes.indexOf(NEWLINE) + 1, bytes.lastIndexOf(NEWLINE) + 1);
  return inside.length > 0 && wanted.every((each) => !inside.includes(each));
}

/** At line ends, a carriage return before one included, and at carriage returns. */
function splitLines(text: string): readonly string[] {
  return text.includes('\r') ? text.replace(/\r+$/, '').split(/\r*\n|\r+/) : text.split('\n');
}

function shorten(line: string): string {
  return line.length > LINE_MAX ? CUT + line.slice(-LINE_MAX) : line;
}

/** Cuts bytes into lines of text. What it keeps of an unfinished line is bounded. */

/** How much of an unfinished line is kept after it was scanned, characters. */
const LINE_MAX = 64 * 1024;

/** Replaces the start that was cut from a long line, so that `^` does not match in its middle. */
const CUT = '\ufffc';

const NEWLINE = 0x0a;

/** The first characters of terminal control sequences, in UTF-8: ESC, and the one-character CSI. */
const CONTROLS = ['\u001b', '\u009b'].map((text) => Buffer.from(text));

export interface Scan {
  /** Finished lines, without their line ends. A carriage return restarts a line, so it ends the text before it. */
  readonly lines: readonly string[];
  /** The start of a line that has not ended yet; empty if there is none. */
  readonly open: string;
}

export interface ScanOptions {
  /** Lines without this text may be left out. */
  readonly required?: string | undefined;
  /** Removes colours, and keeps line ends. */
  readonly plain?: (text: string) => string;
}

/** @returns a function to call with each piece of a UTF-8 stream, in order. Pieces may be cut anywhere. */
export function lineScanner({ required, plain = (text) => text }: ScanOptions = {}): (piece: Uint8Array) => Scan {
  const decoder = new TextDecoder();
  const wanted = required === undefined ? undefined : [Buffer.from(required), ...CONTROLS];
  const mayMatter = (text: string) => required === undefined || text.includes(required);
  /** With its colours. */
  let rest = '';
  return (piece) => {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const text = rest + (wanted && hasNoneInside(bytes, wanted) ? decodeEnds(bytes) : decode(bytes));
    // a carriage return at the very end may be the start of a line end: the next piece decides
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

  /** Decodes only the end of the piece's first line and the start of its last. */
  function decodeEnds(bytes: Buffer): string {
    const end = decode(bytes.subarray(0, bytes.indexOf(NEWLINE) + 1));
    return end + decode(bytes.subarray(bytes.lastIndexOf(NEWLINE) + 1));
  }
}

/** Whether it holds whole lines, and none of `wanted` in them. */
function hasNoneInside(bytes: Buffer, wanted: readonly Buffer[]): boolean {
  const inside = bytes.subarray(bytes.indexOf(NEWLINE) + 1, bytes.lastIndexOf(NEWLINE) + 1);
  return inside.length > 0 && wanted.every((each) => !inside.includes(each));
}

/** Splits at line ends (with the carriage returns before them) and at carriage returns. */
function splitLines(text: string): readonly string[] {
  if (!text.includes('\r')) return text.split('\n');
  let end = text.length;
  // not replace(/\r+$/): its time is quadratic in a row of carriage returns before other text
  while (text[end - 1] === '\r') end -= 1;
  return text.slice(0, end).split(/\r*\n|\r+/);
}

function shorten(line: string): string {
  return line.length > LINE_MAX ? CUT + line.slice(-LINE_MAX) : line;
}

/** Cuts bytes into lines of text, with a bound on what it keeps of a line that does not end. */

/** What is kept of a line without an end, characters. */
const LINE_MAX = 16 * 1024;

/** Stands for what was cut from the start of a long line, so that `^` does not match in its middle. */
const CUT = '\ufffc';

export interface Scan {
  /** Lines that ended, without their line end. */
  readonly lines: readonly string[];
  /** The start of a line that did not end yet; empty where there is none. */
  readonly open: string;
}

/** @returns a function to call with each piece of the stream, in order. UTF-8, in pieces cut anywhere. */
export function lineScanner(): (piece: Uint8Array) => Scan {
  const decoder = new TextDecoder();
  let open = '';
  return (piece) => {
    const lines = (open + decoder.decode(piece, { stream: true })).split('\n');
    open = shorten(lines.pop() as string);
    return { lines: lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line)), open };
  };
}

function shorten(line: string): string {
  return line.length > LINE_MAX ? CUT + line.slice(-LINE_MAX) : line;
}

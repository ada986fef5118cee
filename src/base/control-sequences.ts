/** Removes colours and other control sequences of terminals (ECMA-48, 5.3 and 5.4) from a program's output. */

/**
 * Each part is linear: no character belongs to two classes that follow each other. Node's stripVTControlCharacters()
 * is quadratic, so that 100 KB of an app's output could occupy the wrapper for ten seconds.
 */
const SEQUENCES = new RegExp(
  [
    // CSI, as colours are: parameters, intermediate characters, final character
    '(?:\u001b\\[|\u009b)[0-?]*[ -/]*[@-~]',
    // OSC, as hyperlinks are: text, and BEL or ST. Line ends are kept
    '\u001b\\][^\n\r\u0007\u001b\u009c]*(?:\u0007|\u001b\\\\|\u009c)',
    // any other, as for a character set
    '\u001b[ -/]*[0-~]',
  ].join('|'),
  'g',
);

export function withoutControlSequences(text: string): string {
  // most output has none, and includes() finds that out faster than a regex
  return text.includes('\u001b') || text.includes('\u009b') ? text.replace(SEQUENCES, '') : text;
}

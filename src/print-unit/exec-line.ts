/**
 * Parses the value of ExecStart= as systemd does: "Command lines" in systemd.service(5), extract_first_word() and
 * config_parse_exec() in its source.
 */
import { isBlank } from '../unit/syntax.ts';

export interface ExecCommand {
  /** Before the path: some of `@ - : + ! |`. */
  readonly prefixes: string;
  /** Without quotes and escapes; specifiers are unchanged. */
  readonly path: string;
  /** The words after the path, unchanged. */
  readonly words: readonly string[];
}

const WORD = /(?:[^ \t\r\n'"\\]|\\[\s\S]|'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*")+/y;

/** @returns its commands (several only with Type=oneshot); undefined if systemd cannot parse it */
export function execCommands(value: string): readonly ExecCommand[] | undefined {
  const words = splitWords(value);
  if (words === undefined) return undefined;
  const commands: ExecCommand[] = [];
  for (let rest = words; rest.length > 0; ) {
    const [first = '', ...others] = rest;
    // only after the first word: before a command `;` is an ordinary word
    const end = others.indexOf(';');
    const command = unquoted(first);
    const prefixes = /^[-@:+!|]*/.exec(command)?.[0] ?? '';
    const path = command.slice(prefixes.length);
    if (path === '' || /[\p{Cc}"'\\]/u.test(path)) return undefined;
    commands.push({ prefixes, path, words: end < 0 ? others : others.slice(0, end) });
    rest = end < 0 ? [] : others.slice(end + 1);
  }
  return commands;
}

function splitWords(value: string): readonly string[] | undefined {
  const words: string[] = [];
  for (let at = 0; ; ) {
    while (isBlank(value[at])) at += 1;
    if (at >= value.length) return words;
    WORD.lastIndex = at;
    const [word] = WORD.exec(value) ?? [];
    at += word?.length ?? 0;
    // an unfinished quote or escape
    if (word === undefined || (at < value.length && !isBlank(value[at]))) return undefined;
    words.push(word);
  }
}

const MNEMONICS: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', s: ' ' },
  ...{ '\\': '\\', '"': '"', "'": "'" },
};

/** An escape, a quote, or another character. */
const PIECE = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-3][0-7]{2})|([\s\S]))|(['"])|[\s\S]/gu;

/** The value of a word for systemd: quotes may be anywhere in it, and escapes count in both kinds of quotes. */
export function unquoted(word: string): string {
  let quote = '';
  return word.replace(PIECE, (piece, x, u, long, octal, char, mark) => {
    const code = x ?? u ?? long;
    if (code !== undefined) return codePoint(Number.parseInt(code, 16));
    if (octal !== undefined) return codePoint(Number.parseInt(octal, 8));
    if (char !== undefined) return MNEMONICS[char] ?? piece;
    if (mark === undefined || (quote !== '' && mark !== quote)) return piece;
    quote = quote === '' ? mark : '';
    return '';
  });
}

function codePoint(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}

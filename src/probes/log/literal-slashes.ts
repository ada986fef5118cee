/** Finds a regex that was written with slashes as in JavaScript: they would be matched as text of the line. */
import { shellWord } from '../../base/shell-word.ts';

/**
 * A hint that starts with "if", because a path such as `/ready/` looks the same; a path of several parts gets none.
 * @returns empty if the regex has no slashes around it
 */
export function literalSlashes(option: string, { source }: RegExp): string {
  const [, inner, flag] = /^\\\/((?:[^\\]|\\[^/])+)\\\/([gimsu]?)$/.exec(source) ?? [];
  if (inner === undefined) return '';
  const regex = flag === 'i' ? inner.replace(/^[a-z]/i, eitherCase) : inner;
  return `the slashes count as part of the line; without them: --${option} ${shellWord(regex)}`;
}

function eitherCase(letter: string): string {
  return `[${letter.toUpperCase()}${letter.toLowerCase()}]`;
}

/** A regex written as in JavaScript's source is taken for part of the line, slashes and flag and all. */
import { shellWord } from '../../base/shell-word.ts';

/**
 * What to write instead. A path looks much like it, hence the question; one of several parts is left alone.
 * @returns empty where there are no slashes around it
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

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { quotedShellWord, shellWord } from '../../../src/base/shell-word.ts';

const SHELLS: readonly (readonly [string, readonly string[]])[] = [
  ['sh', []],
  ['bash', []],
  ['zsh', ['-f']],
];

const WORDS = [
  '',
  'a b',
  "it's",
  '$HOME',
  '`id`',
  '"',
  '\\',
  '[::1]:3000',
  '[Rr]eady',
  '*',
  '?',
  '~',
  '=ls',
  '{a,b}',
  'on[Ll]ine',
  'x*y',
];
const FURTHER = ['!', '#x', 'a;b', 'a&b', 'a|b', '<x', '(x)', 'a\nb', 'é ✓', "''", '--x=y', '%i', '@name', '-'];

it.each(SHELLS)('%s reads each word unchanged', (shell, flags) => {
  for (const write of [shellWord, quotedShellWord]) {
    const script = `printf '%s\\0' ${[...WORDS, ...FURTHER].map(write).join(' ')}`;
    const { stdout } = spawnSync(shell, [...flags, '-c', script], { encoding: 'utf8' });
    expect(stdout.split('\0').slice(0, -1)).toEqual([...WORDS, ...FURTHER]);
  }
});

it.each([
  '3000',
  '127.0.0.1:3000',
  'http://127.0.0.1:3000/health',
  '/run/app.sock',
  '200-299,304',
  'TERM:QUIT',
  '1.5s',
])('%s needs no quotes', (word) => {
  expect(shellWord(word)).toBe(word);
});

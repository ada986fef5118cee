/** The command line: where options end, what --help and --version do. */
import { expect, test } from 'vitest';
import { wrap } from './support/wrap.ts';

test.each([['--help'], ['-h'], ['--version']])('%s goes to stdout, exit 0', async (option) => {
  await using run = wrap([option]);
  expect(await run.exit).toEqual({ code: 0, signal: null });
  expect(run.stderr()).toBe('');
  expect(run.stdout().toString()).toMatch(option === '--version' ? /^\d+\.\d+\.\d+\n$/ : /^Usage: sd-ready-wrap/);
});

test.each<[string, string[], string[]]>([
  ['after --', ['--', 'CMD', '--tcp', '5', '--', '-x', ''], ['--tcp', '5', '--', '-x', '']],
  ['at the first word that is not one', ['CMD', '--help', '--stdout', 'a b'], ['--help', '--stdout', 'a b']],
  ['with a command behind --', ['--', 'CMD', '--', 'x'], ['--', 'x']],
])('options end %s', async (_, words, passedOn) => {
  const args = words.flatMap((word) => (word === 'CMD' ? ['sh', '-c', 'printf "[%s]" "$@"', 'sh'] : [word]));
  await using run = wrap(['--stdout', 'x', ...args]);
  expect((await run.exit).code).toBe(0);
  expect(run.stdout().toString()).toBe(passedOn.map((word) => `[${word}]`).join(''));
});

test('of options that do not repeat the last one wins', async () => {
  await using run = wrap(['--stdout', 'x', '--timeout', '1h', '--timeout=100ms', '--', 'sleep', '60']);
  expect((await run.exit).code).toBe(124);
});

/** Promise: `sd-ready-wrap [options] [--] <command> [args...]`, and what follows the command is the app's own. */
import { describe, expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import { wrap } from '../helpers/wrap.ts';

const ECHO = [NODE, '-p', 'JSON.stringify(process.argv.slice(1))', '--'];

test('--help: to stdout, exit 0, every option with its name', async () => {
  await using run = wrap(['--help']);
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stderr.text).toBe('');
  for (const option of [
    ...['tcp', 'stdout', 'stderr', 'output', 'ipc', 'ipc-message', 'ready-when', 'initial-delay', 'interval'],
    ...['attempt-timeout', 'timeout', 'stop-timeout', 'log-level', 'log-format', 'help', 'version'],
  ]) {
    expect(run.stdout.text).toMatch(new RegExp(`--${option}\\b`));
  }
  for (const code of [124, 125, 126, 127]) expect(run.stdout.text).toContain(`${code}`);
});

test('--version: to stdout, exit 0', async () => {
  await using run = wrap(['--version']);
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(run.stderr.text).toBe('');
});

describe('what belongs to whom', () => {
  // the words behind the probe, and what the app gets of them
  const table: [string, string[], string[]][] = [
    ['no --', [...ECHO, 'a', 'b'], ['a', 'b']],
    ['--', ['--', ...ECHO, 'a', 'b'], ['a', 'b']],
    [
      "options of the wrapper's names",
      [...ECHO, '--tcp', '0', '--stdout', '(', '--help', '--version'],
      [...['--tcp', '0', '--stdout', '(', '--help', '--version']],
    ],
    ['the same behind --', ['--', ...ECHO, '--tcp', '0', '-h', '--ipc'], ['--tcp', '0', '-h', '--ipc']],
    ['another --', ['--', ...ECHO, '--', '--tcp', '--'], ['--', '--tcp', '--']],
    [
      'empty words and spaces',
      [...ECHO, '', ' ', 'a b', '"', '$HOME', '*', '\n'],
      ['', ' ', 'a b', '"', '$HOME', '*', '\n'],
    ],
    ['no UTF-8 problem', [...ECHO, '\u{1f30a}'], ['\u{1f30a}']],
  ];
  test.each(table)('%s', async (_, words, given) => {
    await using run = wrap(['--stderr', 'never', ...words]);
    expect(await run.closed).toEqual({ code: 0 });
    expect(JSON.parse(run.stdout.text)).toEqual(given);
  });

  test("node's own options before its script", async () => {
    await using run = wrap([
      '--stdout',
      '^up',
      NODE,
      '-e',
      'console.log("up", process.argv[1], process.argv[2])',
      '--',
      '--tcp',
      '5',
    ]);
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toBe('up --tcp 5\n');
  });
});

test('--option=value is --option value', async () => {
  await using run = wrap(['--stdout=^up$', '--timeout=1h', '--log-format=json', 'sh', '-c', 'echo up; read -r line']);
  await run.logged('ready');
});

test('of an option that does not repeat the last one wins', async () => {
  const options = ['--log-level', 'debug', '--log-level', 'error', '--timeout', 'nonsense', '--timeout', '1h'];
  await using run = wrap([...options, '--stdout', 'never', '--', 'true']);
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.log.map(({ event }) => event)).toEqual(['exited']);
});

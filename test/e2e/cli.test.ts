/** Promise: `sd-ready-wrap [options] [--] <command> [args...]`, and what follows the command is the app's own. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { OPTION_TABLE } from '../../src/options/table.ts';
import { NODE } from '../helpers/apps.ts';
import { type Addon, install } from '../helpers/install.ts';
import { ADDONS, NODE_WITH_FFI, WITHOUT_FFI } from '../helpers/transport.ts';
import { BIN, Run, wrap } from '../helpers/wrap.ts';

const ECHO = [NODE, '-p', 'JSON.stringify(process.argv.slice(1))', '--'];

test('--help: to stdout, exit 0, every option with its name', async () => {
  await using run = wrap(['--help']);
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stderr.text).toBe('');
  const { lines } = run.stdout;
  const headings = lines.filter((line) => /^\S.*:$/.test(line));
  const groups = [...new Set(OPTION_TABLE.map(({ group }) => `${group}:`))];
  expect(headings).toEqual([
    ...['Examples:', 'Most used options:', ...groups, 'Help:', 'Exit status:', 'Environment:'],
  ]);
  // what a terminal of 24 lines shows of: --help | less
  expect(lines.indexOf(`${groups[0]}`)).toBeLessThanOrEqual(24);
  for (const { name, group } of OPTION_TABLE) {
    const at = lines.findLastIndex((line) => line.startsWith(`  --${name} `));
    expect(
      lines.slice(0, at).findLast((line) => headings.includes(line)),
      name,
    ).toBe(`${group}:`);
  }
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.filter((line) => line.startsWith('  $ sd-ready-wrap '))).toHaveLength(2);
  for (const code of [124, 125, 126, 127]) expect(run.stdout.text).toContain(`${code}`);
});

test('the examples of --help are right', async () => {
  await using help = wrap(['--help']);
  await help.closed;
  for (const line of help.stdout.lines.filter((each) => each.startsWith('  $ '))) {
    // printed and not run, so that nothing is awaited
    const command = line.replace(/ {2,}\w.*$/, '');
    const dry = command.replace(/^ {2}\$ sd-ready-wrap (--print-unit |--dry-run )/, `"${NODE}" "${BIN}" --print-unit `);
    await using run = new Run('sh', ['-c', dry], {});
    expect(await run.closed, run.stderr.text).toEqual({ code: 0 });
  }
});

describe('--version', () => {
  test('to stdout, exit 0: its own, and those of Node, of systemd and of what it reaches that by', async () => {
    await using run = wrap(['--version']);
    expect(await run.closed).toEqual({ code: 0 });
    const [own, node, systemd, transport, ...rest] = run.stdout.lines;
    expect(own).toMatch(/^sd-ready-wrap \d+\.\d+\.\d+$/);
    expect(node).toBe(`Node ${process.version} (${NODE})`);
    expect(systemd).toMatch(/^systemd \d+ |^systemd: not found$/);
    expect(transport).toMatch(/^notify transport: \w/);
    expect(rest).toEqual([]);
    expect(run.stderr.text).toBe('');
  });

  const OLDER = [NODE, ...WITHOUT_FFI];
  test.each<[readonly Addon[], readonly string[], RegExp]>([
    [['unix-dgram', 'koffi'], OLDER, new RegExp(`^notify transport: ${ADDONS.join(', ')}$`)],
    [['koffi'], OLDER, /^notify transport: koffi$/],
    [[], OLDER, /^notify transport: only OpenFile=; unusable: node:ffi: needs Node 26 .*; unix-dgram: .*; koffi: /],
    ...(NODE_WITH_FFI
      ? ([
          [[], [NODE_WITH_FFI], /^notify transport: node:ffi$/],
          [['koffi'], [NODE_WITH_FFI], /^notify transport: node:ffi, koffi$/],
        ] as [readonly Addon[], readonly string[], RegExp][])
      : []),
  ])('with %j by %j', async (addons, [node = '', ...flags], text) => {
    using installed = install(...addons);
    await using run = new Run(node, [...flags, installed.bin, '--version'], {});
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.lines.at(-1)).toMatch(text);
    expect(run.stderr.text).toBe('');
  });
});

describe('the man page', () => {
  test('is made of the same table, and man has nothing to say of it', async () => {
    const page = join(dirname(BIN), '../man/sd-ready-wrap.1');
    const kept = readFileSync(page, 'utf8');
    await using make = new Run(NODE, [join(dirname(BIN), '../man/build.js')], {});
    expect(await make.closed, make.stderr.text).toEqual({ code: 0 });
    expect(kept, 'the page in the repository is not of this --help: npm run man').toBe(readFileSync(page, 'utf8'));
    await using lint = new Run('mandoc', ['-Tlint', '-W', 'warning', page], {});
    await lint.closed;
    expect(lint.stdout.text).toBe('');
    await using man = new Run('mandoc', ['-Tutf8', page], {});
    expect(await man.closed).toEqual({ code: 0 });
    const text = man.stdout.text.replaceAll(new RegExp(`.${String.fromCharCode(8)}`, 'g'), '');
    for (const { name, group } of OPTION_TABLE) {
      expect(text).toMatch(new RegExp(`^ +--${name}\\b`, 'm'));
      expect(text).toMatch(new RegExp(`^ {3}${group}$`, 'm'));
    }
    for (const section of [
      'NAME',
      'SYNOPSIS',
      'DESCRIPTION',
      'OPTIONS',
      'EXIT STATUS',
      'ENVIRONMENT',
      'EXAMPLES',
      'SEE ALSO',
    ]) {
      expect(text).toMatch(new RegExp(`^${section}$`, 'm'));
    }
  });
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

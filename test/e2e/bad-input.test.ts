/**
 * Promise: bad input gives one clear line that says what is wrong, where, and what to do; exit 125, and no app is
 * started.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import { tempDir } from '../helpers/temp.ts';
import { wrap } from '../helpers/wrap.ts';

interface Row {
  readonly what: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What the line must name. */
  readonly names: string;
  /** What the line must show: a correct value. */
  readonly shows: RegExp;
  /** Replaces `touch FILE`. */
  readonly command?: (file: string) => readonly string[];
}

const TCP = /--tcp '?(127\.0\.0\.1:|\[::1\]:)?\d+/;
const REGEX = /--(stdout|stderr|output) ['"]?[a-z ]+/;
const PROBE = ['--stdout', 'x'];

const ROWS: Row[] = [
  { what: 'an unknown option', args: ['--tpc', '3000'], names: '--tpc', shows: /--tcp/ },
  { what: 'swapped letters', args: ['--tpc', '3000'], names: '--tpc', shows: /did you mean --tcp\?/ },
  ...['-v', '-V'].map((option): Row => ({ what: option, args: [option], names: option, shows: /--version/ })),
  { what: 'an unknown short option', args: ['-x'], names: '-x', shows: /--tcp|--help/ },
  { what: 'an option of a later version', args: ['--http', 'x'], names: '--http', shows: /--/ },
  { what: 'no command', args: PROBE, names: 'command', shows: /node app\.js/, command: () => [] },
  { what: 'no command after --', args: [...PROBE, '--'], names: 'command', shows: /node app\.js/, command: () => [] },
  { what: 'no arguments', args: [], names: 'command', shows: /node app\.js/, command: () => [] },
  { what: 'an empty command', args: PROBE, names: 'command', shows: /node app\.js/, command: () => [''] },
  { what: 'a remote host', args: ['--tcp', '192.0.2.1:80'], names: '--tcp', shows: /--tcp-owner any/ },
  {
    what: 'an http host that does not resolve',
    args: ['--http', 'http://no-such-host.invalid/'],
    names: '--http',
    shows: /--http http:\/\/127\.0\.0\.1\//,
  },
  { what: 'an http URL of another scheme', args: ['--http', 'ftp://127.0.0.1/'], names: '--http', shows: /http:\/\// },
  {
    what: 'a password in an http URL that cannot be decoded',
    args: ['--http', 'http://me:%zz@127.0.0.1/'],
    names: '--http',
    shows: /%25/,
  },
  { what: 'a header and no --http', args: ['--http-header', 'A: b'], names: '--http-header', shows: /--http http/ },
  ...['0', '1', '2', '256', 'x'].map((fd) => ({
    what: `--fd ${fd}`,
    args: ['--fd', fd],
    names: '--fd',
    shows: /--fd 3/,
  })),
  { what: '--listen nonsense', args: ['--listen', 'nonsense'], names: '--listen', shows: /--listen 3000/ },
  { what: 'an empty --exec', args: ['--exec', ''], names: '--exec', shows: /--exec '/ },
  { what: 'an empty --file', args: ['--file', ''], names: '--file', shows: /--file \// },
  { what: '--delay 0', args: ['--delay', '0'], names: '--delay', shows: /--delay 10s/ },
  ...[
    '0',
    '70000',
    '65536',
    '-1',
    'nonsense',
    '',
    ' ',
    '3000x',
    '1e3',
    '0x50',
    '::1',
    ':3000',
    'host:',
    '[::1:3000',
    'a:b:c',
  ].map(
    (value): Row => ({ what: `--tcp ${JSON.stringify(value)}`, args: ['--tcp', value], names: '--tcp', shows: TCP }),
  ),
  {
    what: 'an invalid host',
    args: ['--tcp', 'no-such-host.invalid:80'],
    names: 'no-such-host.invalid',
    shows: TCP,
  },
  ...['127.0.0.999:80', '127.0.0.0.1:80'].map(
    (value): Row => ({ what: `no address of this host: ${value}`, args: ['--tcp', value], names: value, shows: TCP }),
  ),
  { what: 'no address in brackets', args: ['--tcp', '[nonsense]:80'], names: 'nonsense', shows: TCP },
  ...['--stdout', '--stderr', '--output'].flatMap((option): Row[] => [
    { what: `a broken regex of ${option}`, args: [option, '(unclosed'], names: option, shows: REGEX },
    { what: `an empty regex of ${option}`, args: [option, ''], names: option, shows: REGEX },
  ]),
  ...['--timeout', '--interval', '--initial-delay', '--attempt-timeout', '--stop-timeout'].flatMap((option): Row[] =>
    ['nonsense', '', '5 parsecs', '-1', '1..5s', '10s!'].map((value) => ({
      what: `${option} ${JSON.stringify(value)}`,
      args: [...PROBE, option, value],
      names: option,
      shows: new RegExp(`${option} \\d+m?s`),
    })),
  ),
  { what: 'an interval of 0', args: [...PROBE, '--interval', '0'], names: '--interval', shows: /--interval \d+ms/ },
  {
    what: 'an invalid value of --ready-when',
    args: [...PROBE, '--ready-when', 'some'],
    names: '--ready-when',
    shows: /any/,
  },
  {
    what: 'an invalid value of --log-level',
    args: [...PROBE, '--log-level', 'loud'],
    names: '--log-level',
    shows: /warn/,
  },
  {
    what: 'an invalid value of --log-format',
    args: [...PROBE, '--log-format', 'xml'],
    names: '--log-format',
    shows: /json/,
  },
  { what: 'a forgotten value', args: ['--tcp', '--stdout', 'up'], names: '--tcp', shows: TCP },
  { what: 'a value forgotten before --', args: ['--tcp', '--'], names: '--tcp: its value is missing;', shows: TCP },
  { what: 'a forgotten regex', args: ['--stdout', '--timeout', '5s'], names: '--stdout', shows: REGEX },
  { what: 'a value for a switch', args: ['--ipc=yes'], names: '--ipc', shows: /--ipc/ },
  ...['npm', 'npx', 'sh', 'yarn', '/usr/bin/env', 'touch'].map(
    (command): Row => ({
      what: `--ipc with ${command}`,
      args: ['--ipc'],
      names: '--ipc',
      shows: /node app\.js/,
      command: (file) => [command, file],
    }),
  ),
  { what: 'a value forgotten at the end', args: [], names: '--tcp', shows: TCP, command: () => ['--tcp'] },
  ...['maybe', '2', 'ja', '-'].map(
    (word): Row => ({
      what: `SD_READY_WRAP_IPC=${word}`,
      args: PROBE,
      env: { SD_READY_WRAP_IPC: word },
      names: `SD_READY_WRAP_IPC=${word}`,
      shows: /SD_READY_WRAP_IPC=(yes|no)/,
    }),
  ),
  {
    what: 'a misspelt variable',
    env: { SD_READY_WRAP_TPC: '1' },
    names: 'SD_READY_WRAP_TPC',
    shows: /SD_READY_WRAP_TCP=\d+/,
  },
  {
    what: 'a port in a variable',
    env: { SD_READY_WRAP_TCP: '0' },
    names: 'SD_READY_WRAP_TCP=0',
    shows: /SD_READY_WRAP_TCP=\d{2,}/,
  },
  {
    what: 'the second line of a variable',
    env: { SD_READY_WRAP_TCP: '3000\nx' },
    names: 'SD_READY_WRAP_TCP=x',
    shows: /SD_READY_WRAP_TCP=\d+/,
  },
  {
    what: 'a host in a variable',
    env: { SD_READY_WRAP_TCP: 'no-such-host.invalid:80' },
    names: 'SD_READY_WRAP_TCP',
    shows: /SD_READY_WRAP_TCP=\S*\d+/,
  },
  {
    what: 'line ends in a value',
    args: [...PROBE, '--timeout', 'a\nb\r\nc'],
    names: '--timeout',
    shows: /--timeout \d+/,
  },
  {
    what: 'control characters in a value',
    args: [...PROBE, '--log-level', '\u001b[2J\u0007'],
    names: '--log-level',
    shows: /warn/,
  },
  { what: 'a long value', args: [...PROBE, '--log-level', 'x'.repeat(100_000)], names: '--log-level', shows: /warn/ },
];

describe('prints one line, exits with 125 and starts no app', () => {
  test.each(ROWS)('$what', async ({ args = [], env = {}, names, shows, command }) => {
    using dir = tempDir();
    const words = command?.(dir.file('started')) ?? [
      NODE,
      '-e',
      `fs.writeFileSync(${JSON.stringify(dir.file('started'))}, '')`,
    ];
    await using run = wrap([...args, ...words], { env });
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stdout.text).toBe('');
    expect(run.stderr.text).toMatch(/^sd-ready-wrap: [^\n]+\n$/);
    expect(run.stderr.text).toContain(names);
    expect(run.stderr.text).toMatch(shows);
    expect(run.stderr.text).not.toMatch(/^\s+at |\.cjs|Error:/m);
    expect(run.stderr.text.trimEnd()).toMatch(/^\P{Cc}+$/u);
    expect(run.stderr.text.length).toBeLessThan(500);
    expect(readdirSync(dir.path)).toEqual([]);
  });
});

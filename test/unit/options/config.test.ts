import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/base/errors.ts';
import { shellWord } from '../../../src/base/shell-word.ts';
import { buildConfig, type Config } from '../../../src/options/config.ts';
import type { RawOptions } from '../../../src/options/raw.ts';
import { OPTION_TABLE, type OptionName } from '../../../src/options/table.ts';
import { optionsFromEnvironment, variableOf } from '../../../src/options/variables.ts';
import { watchedStreams } from '../../../src/probes/spec.ts';

const APP = ['node', 'app.js'];

type Given = Partial<Record<OptionName, string | true | readonly string[]>>;

/** As the command line gives them. */
function raw(given: Given): RawOptions {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      (Array.isArray(value) ? value : [value]).map((text) => ({ place: `--${name}`, text })),
    ]),
  );
}

function config(given: Given, words: readonly string[] = APP): Config {
  return buildConfig(raw(given), words);
}

/** The one line that is shown. */
function complaint(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).code).toBe(125);
    return (error as UsageError).message;
  }
  throw new Error('nothing was wrong');
}

describe('defaults', () => {
  it('are these', () => {
    expect(config({ tcp: '3000' })).toEqual({
      command: 'node',
      args: ['app.js'],
      probes: [{ kind: 'tcp', hosts: ['127.0.0.1', '::1'], port: 3000, owner: 'app', written: '--tcp 3000' }],
      readyWhen: 'all',
      timing: { initialDelay: 0, interval: undefined, attemptTimeout: undefined },
      timeout: Number.POSITIVE_INFINITY,
      stopTimeout: 10_000,
      extendTimeout: undefined,
      handoff: false,
      takeSockets: false,
      watchdog: 'process',
      reloadTimeout: undefined,
      forwardSignals: 'auto',
      signalScope: 'process',
      rewrites: new Map(),
      logLevel: 'info',
      logFormat: 'auto',
    });
  });

  it('the arguments of the app are left alone', () => {
    const args = ['app.js', '--tcp', '', ' spaced ', '--', '$HOME', '%n', 'ü'];
    expect(config({ tcp: '3000' }, ['/usr/bin/node', ...args])).toMatchObject({ command: '/usr/bin/node', args });
  });
});

describe('right values', () => {
  it.each([
    ['3000', ['127.0.0.1', '::1'], 3000],
    ['1', ['127.0.0.1', '::1'], 1],
    ['65535', ['127.0.0.1', '::1'], 65535],
    [' 3000 ', ['127.0.0.1', '::1'], 3000],
    ['127.0.0.1:8080', ['127.0.0.1'], 8080],
    ['localhost:8080', ['127.0.0.1', '::1'], 8080],
    ['LOCALHOST.:8080', ['127.0.0.1', '::1'], 8080],
    ['shop.localhost:8080', ['127.0.0.1', '::1'], 8080],
    ['notlocalhost:8080', ['notlocalhost'], 8080],
    ['db.example.org:5432', ['db.example.org'], 5432],
    ['[::1]:3000', ['::1'], 3000],
    ['[fe80::1%eth0]:3000', ['fe80::1%eth0'], 3000],
  ])('--tcp %j', (text, hosts, port) => {
    expect(config({ tcp: text }).probes).toEqual([
      { kind: 'tcp', hosts, port, owner: 'app', written: `--tcp ${/[ [\]]/.test(text) ? `'${text}'` : text}` },
    ]);
  });

  const HTTP = {
    kind: 'http',
    hosts: ['127.0.0.1'],
    statuses: [{ from: 200, to: 399 }],
    headers: [],
    insecure: false,
    owner: 'app',
  };

  it.each([
    ['tcp-owner', { tcp: '1', 'tcp-owner': 'any' }, [{ kind: 'tcp', port: 1, owner: 'any' }]],
    ['listen', { listen: 'any' }, [{ kind: 'listen', target: 'any' }]],
    ['listen', { listen: '3000' }, [{ kind: 'listen', target: 3000 }]],
    ['listen', { listen: '/run/app.sock' }, [{ kind: 'listen', target: '/run/app.sock' }]],
    ['listen', { listen: './app.sock' }, [{ kind: 'listen', target: './app.sock' }]],
    ['listen', { listen: '@app' }, [{ kind: 'listen', target: '@app' }]],
    ['unix', { unix: '/run/app.sock' }, [{ kind: 'unix', path: '/run/app.sock' }]],
    ['http', { http: 'http://127.0.0.1/' }, [HTTP]],
    ['http', { http: 'HTTPS://[::1]:3000/a?b=c' }, [{ ...HTTP, hosts: ['::1'] }]],
    ['http', { http: 'http://localhost:3000' }, [{ ...HTTP, hosts: ['127.0.0.1', '::1'], onThisHost: true }]],
    [
      'http',
      { http: 'http://127.0.0.1/', 'http-insecure': true, 'tcp-owner': 'any' },
      [{ ...HTTP, insecure: true, owner: 'any' }],
    ],
    ['http-status', { http: 'http://127.0.0.1/', 'http-status': '204' }, [{ statuses: [{ from: 204, to: 204 }] }]],
    [
      'http-status',
      { http: 'http://127.0.0.1/', 'http-status': '100-599, 304 ,500 - 503' },
      [
        {
          statuses: [
            { from: 100, to: 599 },
            { from: 304, to: 304 },
            { from: 500, to: 503 },
          ],
        },
      ],
    ],
    [
      'http-header',
      { http: 'http://127.0.0.1/', 'http-header': ['Host: shop.example', 'X-Empty:', 'Accept:  a: b '] },
      [
        {
          headers: [
            ['Host', 'shop.example'],
            ['X-Empty', ''],
            ['Accept', 'a: b'],
          ],
        },
      ],
    ],
    ['notify', { notify: true }, [{ kind: 'notify' }]],
    ['fd', { fd: '3' }, [{ kind: 'fd', fd: 3 }]],
    [
      'fd',
      { fd: ['255', '4', '4'] },
      [
        { kind: 'fd', fd: 255 },
        { kind: 'fd', fd: 4 },
      ],
    ],
    ['file', { file: 'a file' }, [{ kind: 'file', path: 'a file' }]],
    ['exec', { exec: 'a && b' }, [{ kind: 'exec', command: 'a && b' }]],
    ['delay', { delay: '1min' }, [{ kind: 'delay', ms: 60_000 }]],
    ['nothing', {}, [{ kind: 'auto', notify: true }]],
    ['notify that is off', { notify: 'no' }, [{ kind: 'auto', notify: true }]],
  ] as const)('by %s: %j', (_, given, probes) => {
    expect(config(given).probes).toMatchObject(probes);
  });

  it.each([
    ['stdout', ['stdout']],
    ['stderr', ['stderr']],
    ['output', ['stdout', 'stderr']],
  ] as const)('--%s watches %j', (option, streams) => {
    const { probes } = config({ [option]: '^listening on \\d+$' });
    expect(probes).toEqual([{ kind: 'log', option, streams, regex: /^listening on \d+$/ }]);
    expect([...watchedStreams(probes)]).toEqual(streams);
  });

  it('no stream is watched that no probe needs', () => {
    expect(watchedStreams(config({ tcp: '3000', ipc: true }).probes).size).toBe(0);
  });

  it.each([
    [{ ipc: true }, 'ready'],
    [{ 'ipc-message': 'online' }, 'online'],
    [{ ipc: true, 'ipc-message': 'online' }, 'online'],
  ] as const)('%j waits for the word %s', (given, word) => {
    expect(config(given).probes).toEqual([{ kind: 'ipc', word }]);
  });

  it.each([
    ['ready-when', 'any', { readyWhen: 'any' }],
    ['ready-when', 'all', { readyWhen: 'all' }],
    ['initial-delay', '2', { timing: { initialDelay: 2000 } }],
    ['initial-delay', '0', { timing: { initialDelay: 0 } }],
    ['interval', '100ms', { timing: { interval: 100 } }],
    ['interval', '1ms', { timing: { interval: 1 } }],
    ['attempt-timeout', '.5s', { timing: { attemptTimeout: 500 } }],
    ['timeout', '1min 30s', { timeout: 90_000 }],
    ['timeout', 'infinity', { timeout: Number.POSITIVE_INFINITY }],
    ['timeout', '0', { timeout: Number.POSITIVE_INFINITY }],
    ['stop-timeout', '5', { stopTimeout: 5000 }],
    ['stop-timeout', '0', { stopTimeout: Number.POSITIVE_INFINITY }],
    ['stop-timeout', 'infinity', { stopTimeout: Number.POSITIVE_INFINITY }],
    ['extend-timeout', '30s', { extendTimeout: 30_000 }],
    ['watchdog', 'off', { watchdog: 'off' }],
    ['watchdog', 'process', { watchdog: 'process' }],
    ['watchdog', 'probe', { watchdog: 'probe' }],
    ['watchdog', 'app', { watchdog: 'app' }],
    ['watchdog', 'loop', { watchdog: 'loop' }],
    ['reload-timeout', '30s', { reloadTimeout: 30_000 }],
    ['reload-timeout', '0', { reloadTimeout: Number.POSITIVE_INFINITY }],
    ['take-sockets', 'yes', { takeSockets: true }],
    ['take-sockets', 'no', { takeSockets: false }],
    ['log-level', 'debug', { logLevel: 'debug' }],
    ['log-level', 'info', { logLevel: 'info' }],
    ['log-level', 'warn', { logLevel: 'warn' }],
    ['log-level', 'error', { logLevel: 'error' }],
    ['log-format', 'auto', { logFormat: 'auto' }],
    ['log-format', 'journal', { logFormat: 'journal' }],
    ['log-format', 'json', { logFormat: 'json' }],
    ['log-format', 'pretty', { logFormat: 'pretty' }],
  ] as const)('--%s %s', (option, text, expected) => {
    expect(config({ tcp: '3000', [option]: text })).toMatchObject(expected);
  });

  it.each(OPTION_TABLE.filter((row) => row.example !== undefined))(
    'the example of --$name is right',
    ({ name, example }) => {
      const word = (example as string).replace(/^'(.*)'$/, '$1');
      const http = name.startsWith('http-') ? { http: 'http://127.0.0.1/' } : {};
      expect(() => config({ tcp: '3000', ...http, [name]: word })).not.toThrow();
    },
  );
});

describe('several values', () => {
  it.each(['tcp', 'stdout', 'stderr', 'output'] as const)('--%s repeats', (option) => {
    expect(config({ [option]: ['1', '2', '3'] }).probes).toHaveLength(3);
  });

  it.each([
    ['timeout', ['nonsense', '5s'], { timeout: 5000 }],
    ['ready-when', ['all', 'any'], { readyWhen: 'any' }],
    ['log-level', ['debug', 'error'], { logLevel: 'error' }],
    ['interval', ['1s', '2s'], { timing: { interval: 2000 } }],
  ] as const)('of --%s %j the last one wins', (option, texts, expected) => {
    expect(config({ tcp: '3000', [option]: texts })).toMatchObject(expected);
  });

  it('all kinds of probe at once', () => {
    const { probes } = config({ ipc: true, output: 'c', stdout: ['a', 'b'], tcp: ['1', '2'] });
    expect(probes.map((spec) => spec.kind)).toEqual(['tcp', 'tcp', 'log', 'log', 'log', 'ipc']);
  });
});

describe('wrong values', () => {
  it.each<[Given, string]>([
    [{ tcp: '70000' }, '--tcp 70000: a port is a number from 1 to 65535; write e.g. --tcp 3000'],
    [{ tcp: '0' }, '--tcp 0: a port is a number from 1 to 65535; write e.g. --tcp 3000'],
    [{ tcp: '9'.repeat(30) }, `--tcp ${'9'.repeat(30)}: a port is a number from 1 to 65535; write e.g. --tcp 3000`],
    [
      { 'log-level': 'a '.repeat(100) },
      `--log-level '${'a '.repeat(100).slice(0, 137)}…': not one of info, debug, warn, error; write e.g. ` +
        `--log-level warn`,
    ],
    [{ tcp: 'http' }, '--tcp http: not a PORT or HOST:PORT; write e.g. --tcp 3000 or --tcp 127.0.0.1:3000'],
    [{ tcp: '-1' }, '--tcp -1: not a PORT or HOST:PORT; write e.g. --tcp 3000 or --tcp 127.0.0.1:3000'],
    [{ tcp: '3000/tcp' }, '--tcp 3000/tcp: not a PORT or HOST:PORT; write e.g. --tcp 3000 or --tcp 127.0.0.1:3000'],
    [{ tcp: '30.5' }, '--tcp 30.5: not a PORT or HOST:PORT; write e.g. --tcp 3000 or --tcp 127.0.0.1:3000'],
    [{ tcp: ':3000' }, '--tcp :3000: not a PORT or HOST:PORT; write e.g. --tcp 3000 or --tcp 127.0.0.1:3000'],
    [{ tcp: 'host:' }, '--tcp host:: not a PORT or HOST:PORT; write e.g. --tcp 3000 or --tcp 127.0.0.1:3000'],
    [{ tcp: 'a b:1' }, "--tcp 'a b:1': not a PORT or HOST:PORT; write e.g. --tcp 3000 or --tcp 127.0.0.1:3000"],
    [{ tcp: '::1' }, "--tcp ::1: an IPv6 address needs brackets; write e.g. --tcp '[::1]:3000'"],
    [{ tcp: '::1:3000' }, "--tcp ::1:3000: an IPv6 address needs brackets; write e.g. --tcp '[::1]:3000'"],
    [{ tcp: ['3000', '0'] }, '--tcp 0: a port is a number from 1 to 65535; write e.g. --tcp 3000'],
    [
      { stdout: '(' },
      "--stdout '(': not a JavaScript regex (/(/: Unterminated group); write e.g. --stdout 'listening on'",
    ],
    [
      { output: 'a**' },
      "--output 'a**': not a JavaScript regex (/a**/: Nothing to repeat); write e.g. --output 'listening on'",
    ],
    [
      { stdout: 'x'.repeat(10_001) },
      `--stdout ${'x'.repeat(141)}…: a regex of more than 10000 characters; write e.g. --stdout 'listening on'`,
    ],
    [
      { tcp: `http://${'x'.repeat(500)}` },
      `--tcp http://${'x'.repeat(137)}…: --tcp takes a port, not a URL; ` +
        `write e.g. --http http://${'x'.repeat(375)}…`,
    ],
    [
      { http: 'http://%E4:%B8%AD@127.0.0.1/' },
      '--http http://%E4:%B8%AD@127.0.0.1/: an invalid % escape in user or password; write %25 for a %',
    ],
    [{ stderr: '' }, "--stderr '': an empty regex, which matches every line; write e.g. --stderr 'listening on'"],
    [{ 'ipc-message': '' }, "--ipc-message '': an empty message; write e.g. --ipc-message online"],
    [{ 'tcp-owner': 'me' }, '--tcp-owner me: not one of app, any; write e.g. --tcp-owner any'],
    [{ listen: '0' }, '--listen 0: a port is a number from 1 to 65535; write e.g. --listen 3000'],
    [{ listen: '70000' }, '--listen 70000: a port is a number from 1 to 65535; write e.g. --listen 3000'],
    [
      { listen: 'all' },
      '--listen all: not any, a port or a path; write e.g. --listen 3000 or --listen /run/app/app.sock',
    ],
    [
      { unix: `/${'x'.repeat(107)}` },
      `--unix /${'x'.repeat(107)}: longer than 107 bytes, the limit for the path of a Unix socket; write e.g. --unix ` +
        `/run/app/app.sock`,
    ],
    [{ unix: '' }, "--unix '': an empty value; write e.g. --unix /run/app/app.sock"],
    [
      { http: '127.0.0.1:3000/health' },
      '--http 127.0.0.1:3000/health: not an http:// or https:// URL; write e.g. --http http://127.0.0.1:3000/health',
    ],
    ...[
      ['localhost:3411', 'http://localhost:3411'],
      ['3411', 'http://127.0.0.1:3411'],
      ['shop.example/up?a=1', "'http://shop.example/up?a=1'"],
      ['[::1]:80/', "'http://[::1]:80/'"],
    ].map(([http = '', right]): [Given, string] => [
      { http },
      `--http ${shellWord(http)}: not an http:// or https:// URL; write e.g. --http ${right}`,
    ]),
    [
      { tcp: 'https://127.0.0.1:3000/up' },
      '--tcp https://127.0.0.1:3000/up: --tcp takes a port, not a URL; write e.g. --http https://127.0.0.1:3000/up',
    ],
    [
      { tcp: '%i' },
      '--tcp %i: %i works only in the unit file of a template, where systemd replaces it; write e.g. --tcp 3000; ' +
        'to print a template add --print-unit --unit-name shop@',
    ],
    [
      { listen: '300%i' },
      '--listen 300%i: %i works only in the unit file of a template, where systemd replaces it; write e.g. ' +
        '--listen 3001; to print a template add --print-unit --unit-name shop@',
    ],
    [
      { http: 'http://127.0.0.1:%i/' },
      '--http http://127.0.0.1:%i/: %i works only in the unit file of a template, where systemd replaces it; write ' +
        'e.g. --http http://127.0.0.1:1/; to print a template add --print-unit --unit-name shop@',
    ],
    [
      { http: 'ftp://127.0.0.1/' },
      '--http ftp://127.0.0.1/: not an http:// or https:// URL; write e.g. --http http://127.0.0.1:3000/health',
    ],
    [
      { http: 'http://' },
      '--http http://: not an http:// or https:// URL; write e.g. --http http://127.0.0.1:3000/health',
    ],
    [{ http: 'http://a:b/' }, '--http http://a:b/: not a URL; write e.g. --http http://127.0.0.1:3000/health'],
    [
      { http: 'http://127.0.0.1:0/' },
      '--http http://127.0.0.1:0/: a port is a number from 1 to 65535; write e.g. --http http://127.0.0.1:3000/health',
    ],
    [
      { http: 'http://127.0.0.1/', 'http-status': '99' },
      '--http-status 99: not a list of HTTP statuses (100 to 599); write e.g. --http-status 200-299,304',
    ],
    [
      { http: 'http://127.0.0.1/', 'http-status': '300-200' },
      '--http-status 300-200: not a list of HTTP statuses (100 to 599); write e.g. --http-status 200-299,304',
    ],
    [
      { http: 'http://127.0.0.1/', 'http-status': '2xx' },
      '--http-status 2xx: not a list of HTTP statuses (100 to 599); write e.g. --http-status 200-299,304',
    ],
    [
      { http: 'http://127.0.0.1/', 'http-status': '200,' },
      '--http-status 200,: not a list of HTTP statuses (100 to 599); write e.g. --http-status 200-299,304',
    ],
    [
      { http: 'http://127.0.0.1/', 'http-header': 'shop.example' },
      "--http-header shop.example: not a header; write e.g. --http-header 'Host: shop.example'",
    ],
    [
      { http: 'http://127.0.0.1/', 'http-header': 'A: b\r\nC: d' },
      "--http-header 'A: b C: d': not a header; write e.g. --http-header 'Host: shop.example'",
    ],
    [
      { 'http-header': "X: it's" },
      '--http-header: works only with --http; write e.g. --http http://127.0.0.1:3000/health ' +
        "--http-header 'X: it'\\''s'",
    ],
    [
      { 'http-insecure': true },
      '--http-insecure: works only with --http; write e.g. --http ' + 'http://127.0.0.1:3000/health --http-insecure',
    ],
    [{ fd: 'x' }, '--fd x: not a file descriptor from 3 to 255; write e.g. --fd 3'],
    [{ fd: '-1' }, '--fd -1: not a file descriptor from 3 to 255; write e.g. --fd 3'],
    [{ fd: '256' }, '--fd 256: not a file descriptor from 3 to 255; write e.g. --fd 3'],
    [
      { fd: '0' },
      "--fd 0: 0 is the app's stdin, which it does not write to; use another descriptor, or write e.g. --fd 3",
    ],
    [
      { fd: '1' },
      "--fd 1: 1 is the app's stdout, where any line would count; use --stdout 'listening " +
        "on', or write e.g. --fd 3",
    ],
    [
      { fd: '2' },
      "--fd 2: 2 is the app's stderr, where any line would count; use --stderr 'listening " +
        "on', or write e.g. --fd 3",
    ],
    [{ file: ' ' }, "--file '': an empty value; write e.g. --file /run/app/ready"],
    [{ exec: '' }, "--exec '': an empty value; write e.g. --exec 'curl -fs http://127.0.0.1:3000/'"],
    [{ delay: '0' }, '--delay 0: must be at least 1ms; write e.g. --delay 10s'],
    [{ delay: 'infinity' }, '--delay infinity: must be a limited time; write e.g. --delay 10s'],
    [{ 'extend-timeout': '0' }, '--extend-timeout 0: must be at least 100ms; write e.g. --extend-timeout 30s'],
    [{ 'ready-when': 'some' }, '--ready-when some: not one of all, any; write e.g. --ready-when any'],
    [
      { 'log-level': 'verbose' },
      '--log-level verbose: not one of info, debug, warn, error; write e.g. --log-level warn',
    ],
    [{ 'log-level': 'WARN' }, '--log-level WARN: not one of info, debug, warn, error; write e.g. --log-level warn'],
    [{ 'log-format': 'xml' }, '--log-format xml: not one of auto, journal, json, pretty; write e.g. --log-format json'],
    [{ timeout: '5 parsecs' }, "--timeout '5 parsecs': not a time span; write e.g. --timeout 90s"],
    [{ timeout: '-5' }, '--timeout -5: not a time span; write e.g. --timeout 90s'],
    [{ 'stop-timeout': 'soon' }, '--stop-timeout soon: not a time span; write e.g. --stop-timeout 5s'],
    [{ interval: '0' }, '--interval 0: must be at least 1ms; write e.g. --interval 100ms'],
    [{ interval: '10us' }, '--interval 10us: must be at least 1ms; write e.g. --interval 100ms'],
    [{ interval: 'infinity' }, '--interval infinity: must be a limited time; write e.g. --interval 100ms'],
    [
      { 'initial-delay': 'infinity' },
      '--initial-delay infinity: must be a limited time; write e.g. --initial-delay 2s',
    ],
    [{ 'attempt-timeout': '0' }, '--attempt-timeout 0: must be at least 1ms; write e.g. --attempt-timeout 500ms'],
    [
      { 'attempt-timeout': 'infinity' },
      '--attempt-timeout infinity: must be a limited time; write e.g. --attempt-timeout 500ms',
    ],
  ])('%j', (given, line) => {
    expect(complaint(() => config({ tcp: '3000', ...given }))).toBe(line);
  });

  it.each([
    [
      [],
      '<command>: no command given; write the command that starts the app, e.g. sd-ready-wrap --tcp 3000 -- node ' +
        'app.js',
    ],
    [
      [''],
      '<command>: the command is empty; write the command that starts the app, e.g. node app.js; ' +
        'if a variable is written there, it may not be set',
    ],
  ])('the words %j', (words, line) => {
    expect(complaint(() => config({ tcp: '3000' }, words))).toBe(line);
  });

  it('is one line whatever was given', () => {
    for (const text of ['a\nb', 'a\r\nb', '\n', '\u2028x', 'a\tb']) {
      for (const name of ['tcp', 'timeout', 'log-level'] as const) {
        expect(complaint(() => config({ tcp: '1', [name]: text }))).not.toMatch(/[\r\n\u2028]/);
      }
    }
  });
});

describe('--ipc', () => {
  it.each([
    'node',
    'nodejs',
    'bun',
    'tsx',
    '/usr/bin/node',
    './node',
    'node20',
    'node-22.1.0',
    '/opt/node.d/bin/nodejs',
  ])('is given to %s', (command) => {
    expect(config({ ipc: true }, [command, 'app.js']).probes).toEqual([{ kind: 'ipc', word: 'ready' }]);
  });

  it.each(['npm', 'npx', 'yarn', 'sh', 'python3', 'nodemon', 'ts-node', './app.js', 'node/app', 'node.sh'])(
    'is refused to %s',
    (command) => {
      expect(complaint(() => config({ ipc: true }, [command, 'app.js']))).toBe(
        `--ipc: ${command} cannot receive a Node IPC channel directly; start the app with node, e.g. ` +
          'sd-ready-wrap --ipc -- node app.js, or choose another probe',
      );
    },
  );

  it('is refused to node --run, which starts a shell without it', () => {
    expect(complaint(() => config({ ipc: true }, ['node', '--run', 'start']))).toMatch(
      /^--ipc: node cannot receive a Node IPC channel directly; /,
    );
    expect(config({ ipc: true }, ['node', 'app.js', '--run']).probes).toHaveLength(1);
  });

  it('is refused under the name that was given', () => {
    const { message } = { message: complaint(() => config({ 'ipc-message': 'up' }, ['npm', 'start'])) };
    expect(message).toMatch(/^--ipc-message: npm /);
    expect(
      complaint(() => buildConfig(optionsFromEnvironment({ SD_READY_WRAP_IPC: 'yes' }), ['npm', 'start'])),
    ).toMatch(/^SD_READY_WRAP_IPC: npm /);
  });

  it.each([
    ['1', true],
    ['yes', true],
    ['y', true],
    ['true', true],
    ['t', true],
    ['on', true],
    ['ON', true],
    [' Yes ', true],
    ['0', false],
    ['no', false],
    ['n', false],
    ['false', false],
    ['f', false],
    ['off', false],
    ['No', false],
    ['', false],
    ['  ', false],
  ])('SD_READY_WRAP_IPC=%j is %s', (text, on) => {
    const { probes } = buildConfig(optionsFromEnvironment({ SD_READY_WRAP_IPC: text, SD_READY_WRAP_TCP: '1' }), APP);
    expect(probes.some((spec) => spec.kind === 'ipc')).toBe(on);
  });

  it('SD_READY_WRAP_IPC=perhaps is wrong', () => {
    expect(complaint(() => buildConfig(optionsFromEnvironment({ SD_READY_WRAP_IPC: 'perhaps' }), APP))).toBe(
      'SD_READY_WRAP_IPC=perhaps: not yes or no; write SD_READY_WRAP_IPC=yes or SD_READY_WRAP_IPC=no',
    );
  });
});

describe('wrong values in the environment are named and mended in its own form', () => {
  it.each([
    [
      { SD_READY_WRAP_TCP: '0' },
      'SD_READY_WRAP_TCP=0: a port is a number from 1 to 65535; write e.g. SD_READY_WRAP_TCP=3000',
    ],
    [
      { SD_READY_WRAP_TIMEOUT: '5 parsecs' },
      "SD_READY_WRAP_TIMEOUT='5 parsecs': not a time span; write e.g. SD_READY_WRAP_TIMEOUT=90s",
    ],
    [
      { SD_READY_WRAP_READY_WHEN: 'some' },
      'SD_READY_WRAP_READY_WHEN=some: not one of all, any; write e.g. SD_READY_WRAP_READY_WHEN=any',
    ],
    [
      { SD_READY_WRAP_PORT: '3000' },
      'SD_READY_WRAP_PORT: no such option; see sd-ready-wrap --help, e.g. SD_READY_WRAP_TCP=3000',
    ],
  ])('%j', (env, line) => {
    expect(complaint(() => buildConfig(optionsFromEnvironment(env as Record<string, string>), APP))).toBe(line);
  });

  it.each([
    ['http', 'SD_READY_WRAP_TCP=3000 or SD_READY_WRAP_TCP=127.0.0.1:3000'],
    ['::1', "SD_READY_WRAP_TCP='[::1]:3000'"],
  ])('SD_READY_WRAP_TCP=%s', (text, right) => {
    expect(complaint(() => buildConfig(optionsFromEnvironment({ SD_READY_WRAP_TCP: text }), APP))).toContain(
      `write e.g. ${right}`,
    );
  });
});

it('every option has a variable of its own', () => {
  expect(new Set(OPTION_TABLE.map((row) => variableOf(row.name))).size).toBe(OPTION_TABLE.length);
});

describe('--watchdog probe', () => {
  it.each<Given>([
    { tcp: '3000' },
    { listen: 'any' },
    { unix: '/run/app.sock' },
    { http: 'http://127.0.0.1/' },
    { file: '/run/app/ready' },
    { exec: 'true' },
    { ipc: true, tcp: '3000' },
  ])('can ask %j again', (given) => {
    expect(config({ ...given, watchdog: 'probe' }).watchdog).toBe('probe');
  });

  it.each<[Given, string]>([
    [{}, 'auto'],
    [{ stdout: 'x' }, 'log'],
    [{ ipc: true, notify: true }, 'ipc, notify'],
    [{ fd: '3' }, 'fd'],
    [{ delay: '1s' }, 'delay'],
  ])('cannot ask %j again', (given, kinds) => {
    expect(complaint(() => config({ ...given, watchdog: 'probe' }))).toBe(
      `--watchdog probe: none of the probes can be repeated (${kinds}); add a probe that can, e.g. --tcp 3000 or ` +
        '--http http://127.0.0.1:3000/, or use --watchdog process',
    );
  });
});

describe.each([
  ['--watchdog loop', { watchdog: 'loop' }],
  ['--take-sockets', { 'take-sockets': true }],
] as const)('%s', (option, given) => {
  it.each([
    ['node', 'app.js'],
    ['/usr/bin/node', '--max-old-space-size=100', 'app.js', '--watch'],
    ['nodejs', 'npm.js/app.js'],
    ['node22', '-e', '0'],
  ])('is fine with %s %s', (...words) => {
    expect(config(given, words).command).toBe(words[0]);
  });

  it.each([
    [['npm', 'start'], 'npm'],
    [['npx', 'app'], 'npx'],
    [['/usr/bin/yarn', 'start'], '/usr/bin/yarn'],
    [['tsx', 'app.ts'], 'tsx'],
    [['bun', 'app.js'], 'bun'],
    [['sh', '-c', 'node app.js'], 'sh'],
    [['./app.js'], './app.js'],
    [['node', '/usr/lib/node_modules/npm/bin/npm-cli.js', 'start'], '/usr/lib/node_modules/npm/bin/npm-cli.js'],
    [['node', 'node_modules/.bin/nodemon', 'app.js'], 'node_modules/.bin/nodemon'],
    [['node', '--watch', 'app.js'], 'node --watch'],
    [['node', '--run', 'start'], 'node --run'],
    [['node', '/usr/lib/node_modules/bin/bunx', 'app'], '/usr/lib/node_modules/bin/bunx'],
  ])('would load into another than the app: %j', (words, runner) => {
    const message = complaint(() => config({ tcp: '3000', ...given }, words));
    expect(message).toBe(
      `${option}: ${runner} is not Node itself; start the app with node, e.g. sd-ready-wrap ${option} -- node app.js`,
    );
  });

  it('is refused by the name of its variable too', () => {
    const [[name, value]] = Object.entries(given) as [[OptionName, string | true]];
    const variable = variableOf(name);
    const text = value === true ? 'yes' : value;
    const message = complaint(() => buildConfig(optionsFromEnvironment({ [variable]: text }), ['npm', 'start']));
    expect(message).toContain(`${variable}=${text}: npm `);
  });
});

it.each([
  { tcp: `${':'.repeat(100_000)}x` },
  { http: 'http://127.0.0.1/', 'http-header': `A: b${' '.repeat(100_000)}ü\u0100` },
])('a long value takes no longer than it is long', (options) => {
  const began = process.cpuUsage();
  expect(() => config(options)).toThrow(UsageError);
  expect(process.cpuUsage(began).user).toBeLessThan(5_000_000);
});

/** Promise: --print-unit prints the unit for this very command line, and runs nothing. */
import { constants, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { testAsRoot } from '../helpers/root.ts';
import { tempDir } from '../helpers/temp.ts';
import { BIN, Run, type WrapOptions, wrap } from '../helpers/wrap.ts';

/** The printed unit without comments. */
async function unit(words: readonly string[], options: WrapOptions = {}): Promise<string[]> {
  await using run = wrap(['--print-unit', ...words], options);
  const exit = await run.closed;
  expect(run.stderr.text).toBe('');
  expect(exit).toEqual({ code: 0 });
  return run.stdout.lines.filter((line) => !line.startsWith('#'));
}

async function complaint(words: readonly string[], options: WrapOptions = {}) {
  await using run = wrap(words, options);
  const exit = await run.closed;
  expect(run.stdout.text).toBe('');
  return { ...exit, text: run.stderr.text };
}

test('runs nothing', async () => {
  using dir = tempDir();
  await unit(['--exec', `touch ${dir.file('probe')}`, '--', ...sh(`touch ${dir.file('app')}`)]);
  expect(existsSync(dir.file('probe'))).toBe(false);
  expect(existsSync(dir.file('app'))).toBe(false);
});

test('prints what every unit with the wrapper should have, with absolute paths', async () => {
  using dir = tempDir();
  mkdirSync(dir.file('shop'));
  writeFileSync(dir.file('shop/start.js'), '');
  const lines = await unit(['--tcp', '3000', 'node', 'start.js'], { cwd: dir.file('shop') });
  expect(lines).toEqual(
    expect.arrayContaining([
      'Description=shop (node start.js)',
      'Type=notify',
      'NotifyAccess=main',
      'KillMode=mixed',
      'SyslogIdentifier=%N',
      'SuccessExitStatus=143',
      'RuntimeDirectory=sd-ready-wrap/%N',
      'Restart=on-failure',
      'RestartPreventExitStatus=125 126 127',
      'TimeoutStartSec=90s',
      'TimeoutStopSec=30s',
      'NoNewPrivileges=yes',
      'WantedBy=multi-user.target',
      `WorkingDirectory=${dir.file('shop')}`,
    ]),
  );
  const exec = lines.find((line) => line.startsWith('ExecStart='));
  expect(exec).toMatch(/^ExecStart=\S+ \S+ --tcp 3000 -- \/\S*\/node start\.js$/);
  expect(exec).toContain(`=${NODE} ${BIN} `);
});

test('started by its own name, it prints that name, and a link stays a link', async () => {
  using dir = tempDir();
  symlinkSync(BIN, dir.file('sd-ready-wrap'));
  await using run = new Run(dir.file('sd-ready-wrap'), ['--print-unit', 'true'], {});
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toMatch(new RegExp(`^ExecStart=${dir.path}/sd-ready-wrap -- /`, 'm'));
});

test("a node outside of systemd's PATH gets its absolute path and keeps its options", async () => {
  using dir = tempDir();
  copyFileSync(NODE, dir.file('node'), constants.COPYFILE_FICLONE);
  await using run = new Run(dir.file('node'), ['--no-warnings', BIN, '--print-unit', 'node', 'app.js'], {
    env: { PATH: `${dir.path}:${process.env['PATH']}` },
  });
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.lines).toContain(`Environment=PATH=${dir.path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin`);
  const node = dir.file('node');
  expect(run.stdout.lines).toContain(`ExecStart=${node} --no-warnings ${BIN} -- ${node} app.js`);
});

test('options from variables become options, and PORT and NODE_ENV are included', async () => {
  const lines = await unit(['--tcp', '3000', 'true'], {
    env: {
      SD_READY_WRAP_TCP: '4000',
      SD_READY_WRAP_STDOUT: 'one\ntwo words',
      SD_READY_WRAP_NOTIFY: 'yes',
      SD_READY_WRAP_IPC: 'no',
      SD_READY_WRAP_HTTP_STATUS: '200',
      SD_READY_WRAP_STDERR: '--up--',
      NODE_ENV: 'production',
      PORT: '3000',
      SECRET: 'x',
    },
  });
  const exec = lines.find((line) => line.startsWith('ExecStart='));
  expect(exec).toContain(" --tcp 3000 --stdout one --stdout 'two words' --notify -- ");
  expect(exec).not.toMatch(/ipc|4000|http/);
  expect(lines.filter((line) => line.startsWith('Environment=') && !line.includes('PATH='))).toEqual([
    'Environment=NODE_ENV=production',
    'Environment=PORT=3000',
    'Environment=SD_READY_WRAP_STDERR=--up--',
  ]);
});

test.each([
  [[], '90s'],
  [['--timeout', '45s'], '60s'],
  [['--timeout', '1500ms', '--stop-timeout', '1s'], '8s'],
  [['--delay', '5min'], '360s'],
])('%j: systemd waits longer than the wrapper, %s', async (options, time) => {
  expect(await unit([...options, 'true'])).toContain(`TimeoutStartSec=${time}`);
});

test('a command that does not pass signals on gets KillMode=control-group, and the reason', async () => {
  await using run = wrap(['--print-unit', ...sh('server')]);
  await run.closed;
  expect(run.stdout.text).toMatch(/^# .*sh -c does not pass it on(?:.|\n)*?\nKillMode=control-group$/m);
});

describe.each([
  ['node app.js', 'mixed'],
  ['node --import tsx app.ts', 'mixed'],
  ['npm start', 'control-group'],
  ['node --run start', 'control-group'],
  ['./start.sh', 'control-group'],
  ['bash start.sh', 'control-group'],
  ['make serve', 'control-group'],
  ['true', 'control-group'],
])('%s', (line, mode) => {
  test(`gets KillMode=${mode}, and the reason`, async () => {
    using dir = tempDir();
    for (const name of ['start.sh', 'make', 'npm'])
      writeFileSync(dir.file(name), '#!/bin/sh\nnode app.js\n', { mode: 0o755 });
    const env = { PATH: `${process.env['PATH']}:${dir.path}` };
    await using run = wrap(['--print-unit', ...line.split(' ')], { cwd: dir.path, env });
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.text).toMatch(new RegExp(`^# .*\\n(?:# .*\\n)?KillMode=${mode}$`, 'm'));
  });
});

test('explains in a comment how to reload an app that rereads its configuration', async () => {
  await using run = wrap(['--print-unit', 'node', 'app.js']);
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toMatch(/^#ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
});

test('settings that follow from the options', async () => {
  const text = async (...options: string[]) => {
    await using run = wrap(['--print-unit', ...options, '--tcp', '3000', '--', 'node', 'app.js']);
    expect(await run.closed).toEqual({ code: 0 });
    return run.stdout.text;
  };
  expect(await text('--reload-timeout', '30s')).toMatch(/^#?Type=notify-reload$/m);
  const handsOver = await text('--handoff');
  expect(handsOver).toContain('# SIGTERM only to the main process, which is the app once it is ready');
  expect(handsOver).not.toContain('forwards it');
});

test("--user is for the user's own manager", async () => {
  await using run = wrap(['--print-unit', '--user', 'true'], { env: { XDG_RUNTIME_DIR: '/run/user/7' } });
  await run.closed;
  expect(run.stdout.text).toContain('OpenFile=/run/user/7/systemd/notify:notify');
  expect(run.stdout.lines).toContain('WantedBy=default.target');
  expect(run.stdout.text).not.toMatch(/^User=|network-online/m);
  expect(run.stdout.text).toContain('systemctl --user enable --now');
});

testAsRoot('a user other than root becomes User=', async () => {
  await using run = new Run('setpriv', ['--reuid', '65534', '--clear-groups', NODE, BIN, '--print-unit', 'true'], {
    cwd: '/',
  });
  await run.closed;
  expect(run.stdout.lines).toContain('User=nobody');
});

test('names a directory below /run that must be created', async () => {
  const text = async (...options: string[]) => {
    await using run = wrap(['--print-unit', ...options, 'true']);
    await run.closed;
    return run.stdout.text;
  };
  expect(await text('--file', '/run/shop/ready', '--unix', '/run/shop/socket')).toMatch(
    /^#RuntimeDirectory=sd-ready-wrap\/%N shop$/m,
  );
  expect(await text('--file', '/srv/shop/ready')).not.toContain('#RuntimeDirectory');
  expect(await text('--tcp-owner', 'any', '--unix', '/run/db/socket')).not.toContain('#RuntimeDirectory');
});

describe('a template', () => {
  test('keeps %i, and no other %', async () => {
    const lines = await unit(['--unit-name', 'shop@', '--tcp', '300%i', '--', ...sh('exec app', '%i', '%n')], {
      env: { PORT: '300%i' },
    });
    expect(lines.find((line) => line.startsWith('ExecStart='))).toMatch(/ --tcp 300%i -- \S+ -c 'exec app' sh %i %%n$/);
    expect(lines).toContain('Environment=PORT=300%i');
    expect(lines).toContain('Description=shop %i (sh -c exec app sh %i %%n)');
  });
  test('an instance gets its port in PORT if nothing else sets it', async () => {
    const lines = await unit(['--unit-name', 'shop@', '--tcp', '%i', 'true']);
    expect(lines).toContain('Environment=PORT=%i');
    const told = await unit(['--unit-name', 'shop@', '--tcp', '%i', '--', 'true', '--port', '%i']);
    expect(told.join('\n')).not.toContain('PORT=');
  });
  test('checks its options too', async () => {
    expect(await complaint(['--print-unit', '--unit-name', 'shop@', '--tcp', 'x%i', 'true'])).toMatchObject({
      code: 125,
    });
    expect(await complaint(['--print-unit', '--unit-name', 'shop', '--tcp', '300%i', 'true'])).toMatchObject({
      code: 125,
    });
  });
});

describe('--swap', () => {
  const text = async (words: readonly string[], options: WrapOptions = {}) => {
    await using run = wrap(['--print-unit', '--swap', ...words], options);
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stderr.text).toMatch(/^sd-ready-wrap: the app must listen on .* --take-sockets$/m);
    return run.stdout.text;
  };

  test('prints three units, each after its path', async () => {
    const printed = await text(['--unit-name', 'shop', '--tcp', '3000', 'node', '/no/%i/%n']);
    const [, ...units] = printed.split(/^# (?=\/.*\.(?:socket|service)$)/m);
    const paths = ['shop.socket', 'shop-hold.service', 'shop@.service'].map((name) => `/etc/systemd/system/${name}`);
    expect(units.map((unit) => unit.split('\n')[0])).toEqual(paths);
    const [socket, holder, instance] = units.map((unit) => unit.split('\n'));
    expect(socket).toEqual(expect.arrayContaining(['ListenStream=3000', 'Service=shop-hold.service']));
    expect(holder).toEqual(expect.arrayContaining(['Type=oneshot', 'RemainAfterExit=yes', 'BindsTo=shop.socket']));
    expect(instance).toEqual(
      expect.arrayContaining([
        'Description=shop %i (node /no/%i/%%n)',
        'Sockets=shop.socket',
        'Requires=shop.socket',
        'StartLimitIntervalSec=0',
        'NonBlocking=yes',
        'Type=notify',
      ]),
    );
  });

  test('a backslash in the name, which is an escape in Sockets= only', async () => {
    const printed = await text(['--unit-name', 'my\\x2dshop', '--tcp', '3000', 'true']);
    expect(printed).toContain('\nSockets=my\\\\x2dshop.socket\n');
    expect(printed).toContain('\nService=my\\x2dshop-hold.service\n');
  });

  test("a template's name means the same app, and --user has its own directory", async () => {
    const words = ['--user', '--unit-name', 'shop@.service', '--tcp', '3000', 'true'];
    const printed = await text(words, { env: { XDG_CONFIG_HOME: '/srv/config' } });
    expect(printed.match(/^# \/.*$/gm)?.slice(0, 3)).toEqual(
      ['shop.socket', 'shop-hold.service', 'shop@.service'].map((name) => `# /srv/config/systemd/user/${name}`),
    );
    expect(printed).toContain('swap.sh --user shop@');
  });

  test.each<[string[], Record<string, string>, string[]]>([
    [['--http', 'http://127.0.0.1:3000/health'], {}, ['3000']],
    [['--listen', '3000', '--tcp', '3001', '--tcp', '3000'], {}, ['3001', '3000']],
    [['--stdout', 'up'], { PORT: '3002' }, ['3002']],
    [['--http', 'https://localhost/'], { PORT: '443' }, ['443']],
  ])('%j %j: the ports of the app', async (options, env, ports) => {
    const printed = await text([...options, 'true'], { env });
    expect([...printed.matchAll(/^ListenStream=(.*)$/gm)].map(([, port]) => port)).toEqual(ports);
  });
});

describe('warnings on stderr', () => {
  test.each<[string, string[], Record<string, string>, RegExp]>([
    [
      "another port than the app's",
      ['--tcp', '3411', 'true'],
      { PORT: '3000' },
      /: PORT=3000 of your shell .* port 3411: write PORT=3411 before the command, or probe port 3000\n$/,
    ],
    [
      'a port for all instances',
      ['--unit-name', 'shop@', '--tcp', '3000', 'true'],
      {},
      new RegExp(
        ': --tcp 3000 is the same for each instance of shop@: ' +
          'use %i, e.g. --tcp %i for shop@3001 and shop@3002\n$',
      ),
    ],
    [
      'a PORT for all instances',
      ['--unit-name', 'shop@', '--stdout', 'up', 'true'],
      { PORT: '3000' },
      /: PORT=3000 is the same for each instance of shop@: with --tcp %i each gets .* shop@3001 and shop@3002\n$/,
    ],
    ['a missing script', ['node', 'no-such.js'], {}, /: \/\S*\/no-such\.js does not exist; relative paths .*\n$/],
    ['the same port', ['--http', 'http://127.0.0.1:3000/', 'true'], { PORT: '3000' }, /^$/],
    ['no port at all', ['--stdout', 'up', 'true'], { PORT: '3000' }, /^$/],
    ['another host', ['--tcp', '10.9.8.7:80', '--tcp-owner', 'any', 'true'], { PORT: '3000' }, /^$/],
    ['instances', ['--unit-name', 'shop@', '--tcp', '%i', 'true'], { PORT: '3000' }, /^$/],
    [
      'probes that instances may share',
      ['--unit-name', 'shop@', '--tcp', '%i', '--tcp-owner', 'any', '--tcp', '10.9.8.7:80', 'true'],
      {},
      /^$/,
    ],
    ['a PORT that is not a number', ['--tcp', '3000', 'true'], { PORT: '/run/shop.sock' }, /^$/],
    ['an option of Node', ['node', '--enable-source-maps', 'no-such.js'], {}, /^$/],
  ])('%s', async (_, words, env, text) => {
    await using run = wrap(['--print-unit', ...words], { env });
    expect(await run.closed).toEqual({ code: 0 });
    expect(run.stdout.lines).toContain('[Service]');
    expect(run.stderr.text).toMatch(text);
    expect(run.stderr.lines.length).toBeLessThan(2);
  });
});

describe('bad input gives one line', () => {
  test.each([
    [['--print-unit', 'true', '\uffff'], 125, /a noncharacter such as/],
    [['--print-unit', '--tcp', '70000', 'true'], 125, /--tcp 70000: a port is a number/],
    [['--print-unit'], 125, /no command given/],
    [['--print-unit', '--unit-name', 'a b', 'true'], 125, /--unit-name 'a b': not a unit name.*--unit-name shop/],
    [['--print-unit', '--unit-name', 'a@3', 'true'], 125, /an instance; write the name of its template, a@/],
    [['--unit-name', 'a', 'true'], 125, /--unit-name: works only with --print-unit/],
    [['--user', 'true'], 125, /--user: works only with --print-unit/],
    [['--swap', 'true'], 125, /--swap: works only with --print-unit/],
    [
      ['--print-unit', '--swap', '--stdout', 'up', 'true'],
      125,
      /--swap: the shared port .* unknown; write it, e\.g\. .*--tcp/,
    ],
    [['--print-unit', '--swap', '--tcp', '%i', 'true'], 125, /--tcp a: not a PORT or HOST:PORT/],
    [['--print-unit', '--swap', '--unit-name', 'a'.repeat(245), '--tcp', '3000', 'true'], 125, /longer than 255/],
    [['--print-unit', 'no-such-command'], 127, /cannot find no-such-command: not found .*absolute path/],
    [['--print-unit', '/etc/passwd'], 126, /cannot find \/etc\/passwd: not executable/],
  ])('%j', async (words, code, text) => {
    const result = await complaint(words);
    expect(result).toMatchObject({ code });
    expect(result.text).toMatch(text);
    expect(result.text.match(/\n/g)).toHaveLength(1);
  });

  test('a working directory that a unit file cannot hold', async () => {
    using dir = tempDir();
    mkdirSync(dir.file('a\nb'));
    const result = await complaint(['--print-unit', 'true'], { cwd: dir.file('a\nb') });
    expect(result).toMatchObject({ code: 125 });
    expect(result.text).toContain('the working directory: a unit file cannot contain this path');
  });
});

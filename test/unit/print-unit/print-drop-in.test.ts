/**
 * The drop-in for an existing unit, or one line with the reason why there is none. With processes: test/e2e,
 * test/systemd.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KnownError } from '../../../src/base/errors.ts';
import { readCommandLine } from '../../../src/options/command-line.ts';
import { modeOf } from '../../../src/options/mode.ts';
import { optionsFromEnvironment } from '../../../src/options/variables.ts';
import { printDropIn } from '../../../src/print-unit/print-drop-in.ts';
import { testAsRoot } from '../../helpers/root.ts';
import { tempDir } from '../../helpers/temp.ts';

const COMMAND = 'ExecStart=/usr/bin/node app.js';
const BIN = '/usr/bin/sd-ready-wrap';
/** The marker that bin/sd-ready-wrap.cjs leaves in the environment. */
const BY_NAME = { SRWE: '' };

const [, program] = process.argv;
beforeAll(() => {
  process.argv[1] = BIN;
});
afterAll(() => {
  process.argv[1] = program as string;
});

interface Given {
  readonly text: string;
  readonly options?: readonly string[];
  readonly name?: string;
  readonly dropIns?: Readonly<Record<string, string>>;
}

interface Printed {
  readonly stdout: string;
  /** Notes, or the reason why there is no drop-in. */
  readonly stderr: readonly string[];
  readonly code: number;
}

async function printed(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Printed> {
  try {
    const invocation = readCommandLine(argv, '0');
    if (invocation.type !== 'run') throw new Error(invocation.type);
    const raw = { ...optionsFromEnvironment(env), ...invocation.options };
    expect(modeOf(raw)).toBe('print-drop-in');
    const { text, notes } = await printDropIn(raw, invocation.words, { ...BY_NAME, ...env });
    return { stdout: text, stderr: notes, code: 0 };
  } catch (error) {
    if (!(error instanceof KnownError)) throw error;
    return { stdout: '', stderr: [error.message], code: error.code };
  }
}

async function print({ text, options = [], name = 'shop.service', dropIns = {} }: Given): Promise<Printed> {
  using dir = tempDir();
  writeFileSync(dir.file(name), text);
  mkdirSync(dir.file(`${name}.d`));
  for (const [file, words] of Object.entries(dropIns)) writeFileSync(dir.file(`${name}.d/${file}`), words);
  const { stderr, ...rest } = await printed(['--print-drop-in', dir.file(name), ...options]);
  return { ...rest, stderr: stderr.map((line) => line.replaceAll(dir.path, 'DIR')) };
}

/** The drop-in without comments. */
async function lines(given: Given): Promise<string[]> {
  const { stdout, stderr, code } = await print(given);
  expect([stderr, code]).toEqual([[], 0]);
  return stdout.split('\n').filter((line) => !line.startsWith('#') && line !== '');
}

/** A node outside of systemd's PATH, as on some machines of this suite, comes first. */
async function exec(given: Given): Promise<string> {
  return ((await lines(given)).at(-1) ?? '').replace(/^ExecStart=/, '').replace(`${process.execPath} ${BIN}`, BIN);
}

test('prints a drop-in with three settings, and nothing else', async () => {
  expect(await lines({ text: `[Service]\n${COMMAND}\nRestart=always\n`, options: ['--tcp', '3000'] })).toEqual([
    '[Service]',
    'Type=notify',
    'NotifyAccess=main',
    'ExecStart=',
    expect.stringMatching(/^ExecStart=.*\/sd-ready-wrap --tcp 3000 -- \/usr\/bin\/node app\.js$/),
  ]);
});

test('says where it belongs, and how to undo it', async () => {
  const text = `[Service]\n${COMMAND}\n`;
  expect((await print({ text })).stdout).toMatch(
    new RegExp(
      '^# Printed by .*\\n# Install: save as /etc/systemd/system/shop\\.service\\.d/zz-sd-ready-wrap\\.conf,\\n' +
        "#  .* systemctl daemon-reload && systemctl restart 'shop\\.service'\\n# Undo: +remove this file, ",
    ),
  );
  const user = await print({ text, options: ['--user'] });
  expect(user.stdout).toContain('save as ~/.config/systemd/user/shop.service.d/zz-sd-ready-wrap.conf');
  const template = await print({ text, name: 'app@.service' });
  expect(template.stdout).toContain("restart 'app@*.service'");
});

test.each<[string, Given, string]>([
  ['auto, if no probe is named', { text: `[Service]\n${COMMAND}` }, 'WRAPPER -- /usr/bin/node app.js'],
  [
    'Type=notify: its own READY=1',
    { text: `[Service]\nType=notify\n${COMMAND}` },
    'WRAPPER --notify -- /usr/bin/node app.js',
  ],
  [
    'Type=notify, and a probe',
    { text: `[Service]\nType=notify\n${COMMAND}`, options: ['--notify', '--tcp', '1'] },
    'WRAPPER --tcp 1 --notify -- /usr/bin/node app.js',
  ],
  [
    'a watchdog: its own pings',
    { text: `[Service]\nWatchdogSec=30\n${COMMAND}`, options: ['--tcp', '1'] },
    'WRAPPER --tcp 1 --watchdog app -- /usr/bin/node app.js',
  ],
  [
    'a watchdog that the operator chose',
    { text: `[Service]\nWatchdogSec=30\n${COMMAND}`, options: ['--watchdog', 'loop'] },
    'WRAPPER --watchdog loop -- /usr/bin/node app.js',
  ],
  ['no watchdog', { text: `[Service]\nWatchdogSec=0\n${COMMAND}` }, 'WRAPPER -- /usr/bin/node app.js'],
  [
    'an argv[0]',
    { text: '[Service]\nExecStart=@-/usr/bin/node "a b" app.js' },
    `-WRAPPER --argv0 "a b" -- /usr/bin/node app.js`,
  ],
  ['a name without a directory', { text: '[Service]\nExecStart=perl app' }, 'WRAPPER --argv0 perl -- perl app'],
  ['node without a directory', { text: '[Service]\nExecStart=node app.js' }, 'WRAPPER -- node app.js'],
  [
    '$ with and without variables',
    { text: '[Service]\nExecStart=/opt/$x/a $B', options: ['--stdout', 'a$'] },
    'WRAPPER --stdout a$$ -- /opt/$$x/a $B',
  ],
  [
    'the prefix :',
    { text: '[Service]\nExecStart=:/opt/$x/a $B', options: ['--stdout', 'a$'] },
    ':WRAPPER --stdout a$ -- /opt/$x/a $B',
  ],
  [
    'a template',
    { text: `[Service]\n${COMMAND} %i`, name: 'app@.service', options: ['--tcp', '300%i', '--stdout', '%i %n'] },
    "WRAPPER --tcp 300%i --stdout '%i %%n' -- /usr/bin/node app.js %i",
  ],
  [
    'handoff: no option that needs a wrapper',
    { text: `[Service]\nType=notify\nWatchdogSec=30\n${COMMAND}`, options: ['--handoff'] },
    'WRAPPER --handoff -- /usr/bin/node app.js',
  ],
  [
    'drop-ins beside it, its own not',
    {
      text: `[Service]\n${COMMAND}`,
      dropIns: {
        'b.conf': '[Service]\nExecStart=/bin/b\n',
        'a.conf': '[Service]\nExecStart=\n',
        'c.txt': '[Service]\nExecStart=/bin/c\n',
        'zz-sd-ready-wrap.conf': '[Service]\nType=notify\nExecStart=\nExecStart=/usr/bin/sd-ready-wrap -- /bin/b\n',
      },
    },
    'WRAPPER -- /bin/b',
  ],
  [
    'what systemctl cat prints',
    {
      text: `# /etc/systemd/system/app@.service
\ufeff[Service]
${COMMAND} \\

# /etc/systemd/system/app@.service.d/a.conf
ExecStart=/bin/of-no-section

# /etc/systemd/system/app@.service.d/b.conf
[Service]
# /etc/systemd/system/app@.service
ExecStart=
ExecStart=/bin/b %i
`,
      name: 'text',
      options: ['--tcp', '%i'],
    },
    'WRAPPER --tcp %i -- /bin/b %i',
  ],
])('%s', async (_, given, expected) => {
  expect(await exec(given)).toBe(expected.replace('WRAPPER', BIN));
});

test('options that no command line can hold become variables', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('shop.service'), `[Service]\n${COMMAND}\n`);
  const env = { SD_READY_WRAP_STDERR: '--up--', SD_READY_WRAP_TCP: '3000' };
  const { stdout } = await printed(['--print-drop-in', dir.file('shop.service')], env);
  expect(stdout.split('\n')).toContain('Environment=SD_READY_WRAP_STDERR=--up--');
  expect(stdout).toContain(' --tcp 3000 -- ');
});

test('notes what Node may not work with', async () => {
  const text = `[Service]\nType=notify\nSystemCallFilter=@basic-io\nNoExecPaths=/\n${COMMAND}\n`;
  const { stderr, code } = await print({ text });
  expect([code, ...stderr]).toEqual([
    0,
    expect.stringMatching(/SystemCallFilter= must also allow @system-service/),
    expect.stringMatching(/ExecPaths= must also contain sd-ready-wrap/),
  ]);
});

test.each([
  ['Type=notify', ['--tcp', '3000'], true],
  ['NotifyAccess=main', ['--tcp', '3000'], true],
  ['NotifyAccess=none', ['--tcp', '3000'], false],
  ['Type=notify', [], false],
  ['NotifyAccess=main', [], false],
  ['NotifyAccess=main', ['--tcp', '3000', '--notify'], false],
  ['Type=notify\nWatchdogSec=9', ['--tcp', '3000'], false],
])('%s with %j: notes that the app is not heard (%s)', async (setting, options, isSaid) => {
  const { stderr } = await print({ text: `[Service]\n${setting}\n${COMMAND}\n`, options });
  expect(stderr).toEqual(
    isSaid ? [expect.stringMatching(/notifications of the app itself, .* without --notify$/)] : [],
  );
});

test('notes that --take-sockets needs a socket unit', async () => {
  const options = ['--take-sockets', '--listen', '3000'];
  const note =
    'shop.service: --take-sockets needs a socket that systemd holds: shop.socket, or Sockets= under [Service]';
  expect((await print({ text: `[Service]\nType=exec\n${COMMAND}\n`, options })).stderr).toEqual([note]);
  const named = await print({ text: `[Service]\nType=exec\nSockets=web.socket\n${COMMAND}\n`, options });
  expect(named).toMatchObject({ code: 0, stderr: [] });
});

test('notes what Type=notify changes', async () => {
  const text = `[Service]\nTimeoutStartSec=5\nExecStartPost=/bin/true\n${COMMAND}\n`;
  const { stderr, code } = await print({ text });
  expect([code, ...stderr]).toEqual([
    0,
    expect.stringMatching(/^shop\.service: .*TimeoutStartSec=5 .*until the app is ready/),
    expect.stringMatching(/ExecStartPost= now runs after /),
  ]);
  const quiet = await print({ text: text.replace('[Service]', '[Service]\nType=notify') });
  expect(quiet.stderr).toEqual([]);
});

const service = (...settings: string[]) => `[Service]\n${[...settings, COMMAND].join('\n')}\n`;

describe('what cannot be carried over gives one line', () => {
  test.each<[string, Given | string, RegExp]>([
    ['forking', service('Type=forking'), /shop\.service: Type=forking: .*background.*; keep it in the foreground/],
    ['oneshot', service('Type=oneshot'), /Type=oneshot: .*nothing to wait for/],
    ['dbus', service('Type=dbus', 'BusName=a.b'), /Type=dbus: .*D-Bus/],
    ['a bus name, and no type', service('BusName=a.b'), /BusName=a\.b: .*D-Bus/],
    ['idle', service('Type=idle'), /Type=idle: .*; write Type=exec/],
    ['the last type that systemd knows', service('Type=forking', 'Type=nonsense'), /Type=forking: /],
    ['no command', '[Service]\nType=simple\n', /ExecStart=: the unit has none/],
    ['no command left', service().concat('ExecStart=\n'), /ExecStart=: the unit has none/],
    ['no section', `[Unit]\n${COMMAND}\n`, /ExecStart=: the unit has none/],
    ['nothing', '', /ExecStart=: the unit has none/],
    ['several lines', service('ExecStart=/bin/a'), /ExecStart=\/usr\/bin\/node app\.js: the unit has 2 commands/],
    ['several on a line', '[Service]\nExecStart=/bin/a ; /bin/b\n', /the unit has 2 commands/],
    ['an open quote', "[Service]\nExecStart=/bin/a 'b\n", /ExecStart=.*systemd cannot parse this line/],
    ['the prefix |', '[Service]\nExecStart=|/bin/a b\n', /the prefix \| starts a shell; write \/bin\/sh -c/],
    ['@ without a name', '[Service]\nExecStart=@/bin/a\n', /must be a name/],
    ['@ with an option for a name', '[Service]\nExecStart=@/bin/a --b\n', /must be a name/],
    ['the wrapper itself', '[Service]\nExecStart=/usr/bin/sd-ready-wrap -- /bin/a\n', /already starts sd-ready-wrap/],
    [
      'the wrapper after its node',
      '[Service]\nExecStart=/usr/bin/node /opt/x/bin/sd-ready-wrap.cjs -- /bin/a\n',
      /already starts sd-ready-wrap/,
    ],
    ['no memory for V8', service('MemoryDenyWriteExecute=yes'), /MemoryDenyWriteExecute=yes: Node, .* cannot run/],
    ['no room for V8', service('LimitAS=512M'), /LimitAS=512M: Node needs at least 1G .*; use MemoryMax=/],
    ['no room for V8, a pair', service('LimitAS=1048576K', 'LimitAS=900M:infinity'), /LimitAS=900M:infinity: /],
    ['no Unix sockets', service('RestrictAddressFamilies=AF_INET'), /RestrictAddressFamilies=AF_INET: .*add AF_UNIX/],
    ['no sockets', service('RestrictAddressFamilies=none'), /add AF_UNIX/],
    ['all but Unix sockets', service('RestrictAddressFamilies=~AF_UNIX AF_INET'), /add AF_UNIX/],
    ['another root', service('RootDirectory=/srv/root'), /RootDirectory=\/srv\/root: .*not inside/],
    ['an image', service('RootImage=/srv/image'), /RootImage=/],
    ['one connection', service('StandardInput=socket'), /StandardInput=socket: .*a single connection/],
    ['a command that may end', service('RemainAfterExit=yes'), /RemainAfterExit=yes: /],
    ['stored descriptors', service('FileDescriptorStoreMax=5'), /FileDescriptorStoreMax=5: /],
    [
      'a program that PATH= finds',
      '[Service]\nEnvironment="A=1" "PATH=/opt/bin"\nExecStart=node app.js\n',
      /ExecStart=node: .*write its absolute path/,
    ],
    [
      'a drop-in after ours',
      { text: service(), dropIns: { 'zzz.conf': '[Service]\nExecStart=\nExecStart=/bin/b\n' } },
      /ExecStart=: zzz\.conf sets this, .*; rename DIR\/shop\.service\.d\/zzz\.conf/,
    ],
    [
      'no packets for a probe',
      { text: service('IPAddressDeny=any'), options: ['--tcp', '3000'] },
      /IPAddressDeny=any: drops the packets of --tcp; use e\.g\. --listen 3000/,
    ],
    [
      'no notify socket',
      service('TemporaryFileSystem=/run:ro'),
      /TemporaryFileSystem=\/run:ro: hides \/run\/systemd\/notify;/,
    ],
    [
      'no access to the wrapper',
      service(`InaccessiblePaths=/opt -${dirname(BIN)}`),
      /InaccessiblePaths=-\/.*bin: hides .*sd-ready-wrap/,
    ],
    ['a wrong option', { text: service(), options: ['--tcp', '70000'] }, /--tcp 70000: a port is a number/],
    ['an instance in a unit that has none', { text: service(), options: ['--tcp', '300%i'] }, /--tcp 300%i: /],
    ['an option that does not fit', { text: '[Service]\nExecStart=/bin/a', options: ['--ipc'] }, /IPC channel/],
    [
      'a command',
      { text: service(), options: ['--', 'node', 'app.js'] },
      /node: --print-drop-in takes the command from the unit; /,
    ],
    [
      '--print-unit',
      { text: service(), options: ['--print-unit'] },
      /--print-drop-in: cannot be combined with --print-unit/,
    ],
    [
      '--dry-run',
      { text: service(), options: ['--dry-run'] },
      /cannot be combined with --print-drop-in, which runs nothing/,
    ],
    ['--unit-name', { text: service(), options: ['--unit-name', 'x'] }, /works only with --print-unit/],
  ])('%s', async (_, given, text) => {
    const { code, stdout, stderr } = await print(typeof given === 'string' ? { text: given } : given);
    expect({ code, stdout, stderr }).toEqual({ code: 125, stdout: '', stderr: [expect.stringMatching(text)] });
    expect(stderr[0]).not.toContain('\n');
  });

  test.each([
    ['/no/such.service', /cannot be read \(ENOENT\)/],
    ['/etc', /cannot be read \(EISDIR\)/],
    ['/dev/zero', /cannot be read \(more than 1 MiB\)/],
    ['shop.socket', /not a service/],
    ['a b', /not the name of a unit/],
    ['shop*', /not the name of a unit/],
    ['--tcp', /its value is missing/],
  ])('%s', async (name, text) => {
    expect(await printed(['--print-drop-in', name])).toEqual({
      ...{ code: 125, stdout: '', stderr: [expect.stringMatching(text)] },
    });
  });
});

describe("the wrapper's location", () => {
  const from = async (place: string, text: string) => {
    process.argv[1] = `${place}/sd-ready-wrap`;
    const { code, stderr } = await print({ text });
    process.argv[1] = BIN;
    return [code, ...stderr];
  };

  test.each([
    ['yes', '/root/.nvm/bin'],
    ['tmpfs', '/home/deploy'],
  ])('ProtectHome=%s hides %s', async (value, place) => {
    const found = await from(place, service(`ProtectHome=${value}`));
    expect(found).toEqual([125, expect.stringMatching(new RegExp(`ProtectHome=${value}: hides ${place}/`))]);
    expect(await from(place, service('ProtectHome=read-only'))).toEqual([0]);
  });

  testAsRoot("is closed to another user in a directory of root's", async () => {
    using dir = tempDir();
    mkdirSync(dir.file('bin'));
    const closed = [125, expect.stringMatching(new RegExp(`^${dir.path}: the unit's user cannot enter it`))];
    expect(await from(dir.file('bin'), service('User=nobody'))).toEqual(closed);
    expect(await from(dir.file('bin'), service('DynamicUser=yes'))).toEqual(closed);
    expect(await from(dir.file('bin'), service('User=root'))).toEqual([0]);
    expect(await from(dir.file('bin'), '[Service]\nUser=nobody\nExecStart=+/bin/a\n')).toEqual([0]);
    chmodSync(dir.path, 0o755);
    expect(await from(dir.file('bin'), service('User=nobody'))).toEqual([0]);
  });
});

test.each([
  ['an allowed family', service('RestrictAddressFamilies=AF_INET', 'RestrictAddressFamilies=AF_UNIX')],
  ['a reset', service('RestrictAddressFamilies=AF_INET', 'RestrictAddressFamilies=')],
  ['enough room', service('LimitAS=1G')],
  ['unlimited room', service('LimitAS=9', 'LimitAS=infinity')],
  ['a family that is not forbidden', service('RestrictAddressFamilies=~AF_PACKET')],
  ['a type that was overridden', service('Type=forking', 'Type=exec')],
  [
    'settings that are off',
    service('MemoryDenyWriteExecute=no', 'RemainAfterExit=no', 'FileDescriptorStoreMax=0', 'RootDirectory=/'),
  ],
  [
    'a path that is mounted again',
    service(
      'TemporaryFileSystem=/run /x',
      'InaccessiblePaths=/a',
      'BindReadOnlyPaths=-/y:/z /run/systemd/notify:/run/systemd/notify',
    ),
  ],
  ['the packets of loopback', service('IPAddressDeny=any', 'IPAddressAllow=localhost')],
])('%s is accepted', async (_, text) => {
  expect(await print({ text, options: ['--tcp', '3000'] })).toMatchObject({ code: 0 });
});

/**
 * Promise: an existing unit starts through the wrapper once a drop-in is there, and nothing changes for its program.
 * Each unit is started unchanged, and with the drop-in that --print-drop-in prints for it.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { scaled } from '../helpers/pace.js';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { freePort, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { SYSTEMD_VERSION } from '../helpers/systemd/version.ts';
import { until } from '../helpers/until.ts';

interface Unit {
  /** The template, if it is one. */
  readonly file: string;
  /** The unit to start, by default the file. */
  readonly name?: string;
  readonly text: string;
  /** By the name of the drop-in. */
  readonly dropIns?: Readonly<Record<string, string>>;
  /** A .socket for it. */
  readonly socket?: string;
  /** Options for the printed command line. */
  readonly options?: readonly string[];
  /** The first version of systemd that supports it. */
  readonly since?: number;
}

const CHANGED = ['ActiveState', 'NotifyAccess', 'Type'];
const KEPT = [
  'Id',
  'Restart',
  'KillMode',
  'KillSignal',
  'User',
  'WorkingDirectory',
  'ExecStopPost',
  'ExecReload',
  'Nice',
];

/**
 * PERL and NODE are replaced by their paths, APP by the program, DIR by the unit's directory, PORT by a free port.
 * Lines after SYSTEM: and USER: are for one kind of manager.
 */
const UNITS: Readonly<Record<string, Omit<Unit, 'file'> & { readonly file?: string }>> = {
  'a plain unit': { text: '[Service]\nExecStart=PERL APP\n' },
  'with options and an account': {
    text: `[Unit]
Description=The shop
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
SYSTEM: User=nobody
SYSTEM: Group=nogroup
SYSTEM: SupplementaryGroups=games
WorkingDirectory=/usr
Environment=NODE_ENV=production
ExecStart=PERL APP --port 3000 --verbose
Restart=on-failure
RestartSec=5
StandardOutput=null

[Install]
WantedBy=multi-user.target
`,
    options: ['--listen', 'any'],
  },
  'Type=exec': { text: '[Service]\nType=exec\nExecStart=PERL APP\n', options: ['--stdout', '^ready$'] },
  'Type=notify': { text: '[Service]\nType=notify\nEnvironment=SPEAKS=1\nExecStart=PERL APP\n' },
  'Type=notify, and a watchdog': {
    text: '[Service]\nType=notify\nNotifyAccess=all\nWatchdogSec=1min\nEnvironment=SPEAKS=1\nExecStart=PERL APP\n',
  },
  'Type=simple and a watchdog': {
    text: '[Service]\nNotifyAccess=main\nWatchdogSec=1min\nEnvironment=SPEAKS=1\nExecStart=PERL APP\n',
    options: ['--listen', 'any'],
  },
  quotes: {
    text: `[Service]
ExecStart=PERL APP 'two words' "it's" 'say "hi"' "a\\"b" "" '' x'y z'w \\x41\\102\\u00fc "tab\\there" end\\\\
`,
    options: ['--stdout', "^re'?ady$"],
  },
  variables: {
    text: `[Service]
Environment=ONE=1 "TWO=two words" 'MANY=a  "b c" d' EMPTY=
ExecStart=PERL APP $ONE $TWO \${TWO} $MANY $EMPTY $UNSET \${UNSET} x\${ONE}y x$ONE $$ONE $$ $$$$ '$TWO' "a \${TWO}" $
`,
  },
  'an environment file': {
    text: `[Service]
EnvironmentFile=DIR/env
EnvironmentFile=-DIR/none
ExecStart=PERL APP $OPTS \${OPTS}
`,
  },
  specifiers: {
    text: '[Service]\nExecStart=PERL APP %n %N %p %i 100%% %%i %h %t %u %U %H %m "%n x"\n',
    options: ['--stdout', '^(?!100%n)ready$'],
  },
  'continued lines and comments': {
    text: `# the shop
; as it was
[Service]
Environment=A=1 \\
  B=2
ExecStart=PERL APP \\
# a comment in between
    --one \\
  ; and another
    'two \\
words'  three \\

# ExecStart=/bin/false
   Environment = C=3
NoSuchSetting
`,
  },
  'an ignored failure': { text: '[Service]\nExecStart=-PERL APP a\n' },
  'another argv[0]': {
    text: '[Service]\nExecStart=@PERL shop-worker APP a\n',
    options: ['--stdout', 'ready'],
  },
  'a name with spaces and a socket': {
    text: '[Service]\nExecStart=-@PERL "%p: a shop" APP $HOME a\n',
    socket: '[Socket]\nListenStream=127.0.0.1:PORT\n',
    options: ['--stdout', 'ready'],
  },
  'no variables': {
    text: `[Service]\nEnvironment=A=1\nExecStart=:PERL APP $A \${A} $$ "$A"\n`,
    options: ['--stdout', '^ready$'],
  },
  'full privileges': { text: '[Service]\nSYSTEM: User=nobody\nExecStart=+PERL APP\n' },
  'its own privileges': { text: '[Service]\nSYSTEM: User=nobody\nExecStart=!PERL APP\n' },
  'its own privileges without ambient capabilities': {
    text: '[Service]\nSYSTEM: User=nobody\nSYSTEM: AmbientCapabilities=CAP_NET_BIND_SERVICE\nExecStart=!!PERL APP\n',
  },
  'all prefixes': {
    text: '[Service]\nExecStart=-:@PERL "the $HOME" APP $HOME\n',
    options: ['--stdout', '^ready$'],
  },
  'a prefix in quotes': { text: '[Service]\nExecStart="-@PERL" name APP\n' },
  'a reset in the file': {
    text: '[Service]\nExecStart=/bin/false\nExecStart=\nType=forking\nExecStart=PERL APP real\nType=simple\n',
  },
  'a drop-in with another command': {
    text: '[Service]\nExecStart=/bin/false\n',
    dropIns: {
      '10-env.conf': '[Service]\nEnvironment=FROM=drop-in\n',
      'override.conf': '[Service]\nExecStart=\nExecStart=PERL APP overridden %n\n',
    },
  },
  'an instance': {
    file: 'UNIT@.service',
    name: 'UNIT@a\\x2db.service',
    text: '[Service]\nExecStart=PERL APP %i %I %j\n',
    options: ['--stdout', '^ready$'],
  },
  'a template': {
    file: 'UNIT@.service',
    name: 'UNIT@PORT.service',
    text: '[Service]\nEnvironment=PORT=%i\nExecStart=PERL APP --port %i\n',
    options: ['--tcp', '127.0.0.1:%i'],
  },
  'a shell': {
    text: `[Service]\nExecStart=/bin/sh -c 'exec PERL APP "$$0" "$$@" "$$HOME" >>DIR/log 2>&1' name "two words" '*'\n`,
    options: ['--file', 'DIR/ready'],
  },
  'env in front': { text: '[Service]\nExecStart=/usr/bin/env -u HOME A=1 "B=two words" PERL APP\n' },
  semicolons: { text: '[Service]\nExecStart=PERL APP a \\; ";" \\\\; ;\n' },
  'a file with CRLF': { text: '\ufeff[Service]\r\nExecStart=PERL APP a \\\r\n  b\r\n' },
  'a name without a directory': { text: '[Service]\nExecStart=perl APP\n' },
  'a path that needs quotes': { text: '[Service]\nExecStart="DIR/some $x path/perl" APP "a b"\n' },
  'UTF-8, and many words': { text: `[Service]\nExecStart=PERL APP ä “q” 🌊 ${'word '.repeat(300)}\n` },
  hardened: {
    text: `[Service]
ExecStart=PERL APP
NoNewPrivileges=yes
RestrictRealtime=yes
LockPersonality=yes
UMask=0027
SYSTEM: DynamicUser=yes
SYSTEM: ProtectSystem=strict
SYSTEM: BindPaths=DIR
SYSTEM: ProtectHome=read-only
SYSTEM: PrivateDevices=yes
SYSTEM: ProtectKernelTunables=yes
SYSTEM: ProtectControlGroups=yes
SYSTEM: RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SYSTEM: RestrictNamespaces=yes
SYSTEM: RestrictSUIDSGID=yes
SYSTEM: SystemCallFilter=@system-service
SYSTEM: SystemCallErrorNumber=EPERM
SYSTEM: CapabilityBoundingSet=
`,
    // before, what is bound there is read-only
    since: 250,
  },
  'directories, limits and commands around it': {
    text: `[Service]
Type=exec
RuntimeDirectory=%N
RuntimeDirectoryMode=0750
LimitNOFILE=4096
Nice=5
KillMode=mixed
KillSignal=SIGINT
TimeoutStartSec=5min
UnsetEnvironment=LANG
ExecStartPre=/bin/true
ExecStart=PERL APP
ExecStartPost=/bin/true
ExecReload=/bin/sh -c 'kill -HUP $MAINPID'
ExecStopPost=-/bin/true
`,
    options: ['--stdout', 'ready', '--timeout', '4min'],
  },
  'a credential': {
    text: `[Service]\nSetCredential=key:value\nExecStart=PERL APP \${CREDENTIALS_DIRECTORY}/key\n`,
    since: 250,
  },
  'a Node app': {
    text: `[Service]
Environment=PORT=PORT NODE_OPTIONS=--max-old-space-size=256
ExecStart=NODE --enable-source-maps -e 'const { writeFileSync, readFileSync } = require("fs"); \\
  const told = ["cmdline", "environ"].map((file) => readFileSync("/proc/self/" + file)).join("\\\\n===\\\\n"); \\
  writeFileSync("DIR/told", told); \\
  require("http").createServer((_, r) => r.end("ok")).listen(process.env.PORT, "127.0.0.1")' -- --port 3000
`,
    options: ['--http', 'http://127.0.0.1:PORT/'],
  },
};

/** One of these units, on this machine. */
class Tried {
  readonly systemd: TestSystemd;
  readonly dir: string;
  readonly port: number;
  readonly id: string;
  readonly unit: Unit;

  constructor(systemd: TestSystemd, id: number, unit: (typeof UNITS)[string], port: number) {
    this.systemd = systemd;
    this.dir = systemd.makeDir();
    chmodSync(this.dir, 0o777);
    this.id = `tried-${id}`;
    this.port = port;
    this.unit = { file: 'UNIT.service', ...unit };
  }

  filled(text: string): string {
    const { repo, node, mode } = this.systemd;
    return text
      .replaceAll(mode === 'system' ? 'SYSTEM: ' : 'USER: ', '')
      .replaceAll(/^(SYSTEM|USER): .*\n/gm, '')
      .replaceAll('APP', `${repo}/test/fixtures/systemd/tells-start.pl`)
      .replaceAll(/\bPERL\b/g, '/usr/bin/perl')
      .replaceAll(/\bNODE /g, `${node} `)
      .replaceAll(/(?<!\w)DIR\b/g, this.dir)
      .replaceAll(/(?<![_\w.])PORT(?!=)\b/g, String(this.port))
      .replaceAll('UNIT', this.id);
  }

  get file(): string {
    return this.filled(this.unit.file);
  }

  get name(): string {
    return this.systemd.unit(this.filled(this.unit.name ?? this.unit.file));
  }

  write(): void {
    const { systemd, unit, dir } = this;
    const [first, ...rest] = this.filled(unit.text).split('[Service]');
    const lines = `[Service]\nEnvironment=DIR=${dir}\nStandardError=append:${dir}/stderr`;
    systemd.writeUnit(
      this.file,
      [first, ...rest].join(unit.text.includes('\r') ? lines.replaceAll('\n', '\r\n') : lines),
    );
    for (const [name, text] of Object.entries(unit.dropIns ?? {})) this.dropIn(name, this.filled(text));
    if (unit.socket) systemd.writeUnit(this.file.replace('.service', '.socket'), this.filled(unit.socket));
    writeFileSync(`${dir}/env`, 'OPTS=--one "two words" $HOME\n');
    mkdirSync(`${dir}/some $x path`);
    symlinkSync('/usr/bin/perl', `${dir}/some $x path/perl`);
  }

  /** @returns its path */
  dropIn(name: string, text: string): string {
    const path = `${this.systemd.unitDir}/${this.systemd.unit(this.file)}.d/${name}`;
    mkdirSync(dirname(path), { recursive: true });
    chmodSync(dirname(path), 0o755);
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  }

  async print(): Promise<string> {
    const { node, repo, mode } = this.systemd;
    // the template itself, or its instance
    const name = this.unit.name?.includes('PORT') ? this.systemd.unit(this.file) : this.name;
    const options = (this.unit.options ?? []).map((word) => this.filled(word));
    const words = ['--print-drop-in', name, ...(mode === 'system' ? [] : ['--user']), ...options];
    const { code, stdout, stderr } = await this.systemd.run(node, [`${repo}/bin/sd-ready-wrap.cjs`, ...words]);
    expect(code, `${name}: ${stderr}`).toBe(0);
    return stdout;
  }

  /** Waits for the report of the program, and removes it. */
  async told(): Promise<string> {
    const file = `${this.dir}/told`;
    await until(
      () => `${this.name}: ${existsSync(`${this.dir}/stderr`) && readFileSync(`${this.dir}/stderr`, 'utf8')}`,
      () => existsSync(file),
      scaled(20_000),
    );
    const [words, variables = '', status] = readFileSync(file, 'utf8').split('\n===\n');
    rmSync(file);
    const kept = variables.split('\0').filter((each) => !DIFFERENT.test(each));
    return JSON.stringify([words?.split('\0'), kept.sort(), status], null, 1);
  }
}

interface Shown {
  /** What the drop-in changes, and that the unit is active. */
  readonly changed: string;
  readonly kept: string;
}

async function show(systemd: TestSystemd, names: readonly string[]): Promise<readonly Shown[]> {
  const { stdout } = await systemd.systemctl('show', '-p', [...CHANGED, ...KEPT].join(), ...names);
  const isChanged = (line: string) => CHANGED.some((name) => line.startsWith(`${name}=`));
  return stdout.split('\n\n').map((unit) => {
    const lines = unit.trim().split('\n').sort();
    return { changed: lines.filter(isChanged).join(' '), kept: lines.filter((line) => !isChanged(line)).join('\n') };
  });
}

/**
 * Specific to the main process, or to this run; WATCHDOG_PID is either the app's own or missing, and both are right.
 */
const DIFFERENT = /^(INVOCATION_ID|SYSTEMD_EXEC_PID|NOTIFY_SOCKET|LISTEN_PIDFDID|MANAGERPIDFDID|WATCHDOG_PID)=/;

describeSystemd('--print-drop-in', ['user-1000', 'system'], (get) => {
  test('each unit is active, and its program gets the same arguments and variables', async () => {
    const systemd = get();
    // parsing does not depend on the manager: the user manager runs only a third
    const some = Object.values(UNITS).filter((_, index) => systemd.mode === 'system' || index % 3 === 0);
    const given = some.filter(({ since = 0 }) => since <= SYSTEMD_VERSION);
    const all = [];
    for (const [id, unit] of given.entries()) all.push(new Tried(systemd, id, unit, await freePort()));
    for (const each of all) each.write();
    const names = all.map(({ name }) => name);
    const sockets = all.flatMap(({ unit, name }) => (unit.socket ? [name.replace('.service', '.socket')] : []));
    const start = async () => {
      const { code, stderr } = await systemd.systemctl('start', ...sockets, ...names);
      expect(code, stderr + (code === 0 ? '' : await systemd.managerLog())).toBe(0);
    };
    await start();
    const before = [];
    for (const each of all) before.push(await each.told());
    const settings = await show(systemd, names);
    expect(settings).toHaveLength(all.length);

    // each wrapper boots a Node: no more of them at once than there are cores
    const printed: string[] = [];
    for (let at = 0; at < all.length; at += 2) {
      printed.push(...(await Promise.all(all.slice(at, at + 2).map((each) => each.print()))));
    }
    await systemd.systemctl('stop', ...sockets, ...names);
    const files = all.map((each, index) => each.dropIn('zz-sd-ready-wrap.conf', printed[index] as string));
    await systemd.systemctl('daemon-reload');
    await start();
    for (const [index, each] of all.entries()) {
      expect(await each.told(), `${each.unit.text}\n${printed[index]}`).toEqual(before[index]);
    }
    const changed = 'ActiveState=active NotifyAccess=main Type=notify';
    expect(await show(systemd, names)).toEqual(settings.map(({ kept }) => ({ changed, kept })));
    // 258 reports that !! is ignored
    expect((await systemd.managerLog()).match(/.*zz-sd-ready-wrap(?!.* !! modifier ).*/g)).toBeNull();

    // printed again it is the same, because its own drop-in does not count
    expect(await (all[0] as Tried).print()).toBe(printed[0]);

    // to undo it, remove one file
    for (const file of files) rmSync(file);
    await systemd.systemctl('daemon-reload');
    const [first] = all as [Tried];
    await systemd.systemctl('restart', first.name);
    expect([await first.told(), ...(await show(systemd, [first.name]))]).toEqual([before[0], settings[0]]);
    await systemd.systemctl('stop', ...sockets, ...names);
  });
});

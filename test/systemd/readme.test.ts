/** Every command and every unit in README.md is run, and its links lead somewhere. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { startLoad } from '../helpers/load.js';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { freePort, REPOSITORY, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { verify } from '../helpers/systemd/verify.ts';
import { SYSTEMD_VERSION } from '../helpers/systemd/version.ts';
import { until } from '../helpers/until.ts';

const README = readFileSync(path.join(REPOSITORY, 'README.md'), 'utf8');
const { version } = JSON.parse(readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8'));

/** Fenced blocks by their label: what stands behind the language. Those without a language are output. */
const BLOCKS: ReadonlyMap<string, string> = new Map(
  [...README.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(([, language, label, text]) => [
    `${language} ${label}`,
    text as string,
  ]),
);
const UNITS = ['ini tcp', 'ini watchdog', 'ini reload', 'ini handoff', 'ini from-sd-notify', 'ini take-sockets'];
const SCRIPTS = [
  ...['sh dry-run', 'sh smoke', 'sh print-unit', 'sh template', 'sh instances', 'sh hosts', 'sh ansible'],
  ...['sh swap-units', 'sh swap', 'sh swap-hosts', 'sh swap-ansible'],
];
const PROGRAMS = ['js client', 'js drop-in'];
const CLOSING = ['js express', 'js fastify'];
/** Run by test/e2e/package.test.ts; here only what they name is looked at. */
const PACKAGES = ['sh install', 'sh deb'];

test('nothing stands in README that is not run', () => {
  expect([...BLOCKS.keys()].sort()).toEqual([...UNITS, ...SCRIPTS, ...PROGRAMS, ...CLOSING, ...PACKAGES].sort());
});

test('the packages have these names', () => {
  expect(BLOCKS.get('sh install')).toContain(`./sd-ready-wrap-${version}.tgz`);
  expect(BLOCKS.get('sh deb')).toContain(`./sd-ready-wrap_${version}_amd64.deb`);
});

describe('links', () => {
  const targets = [...README.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target as string);
  /** As GitHub makes them of headings. */
  const anchors = [...README.matchAll(/^#+ (.*)$/gm)].map(
    ([, heading]) =>
      `#${(heading as string)
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-')}`,
  );

  test.each(targets.filter((target) => target.startsWith('#')))('%s is a heading', (target) => {
    expect(anchors).toContain(target);
  });

  test.each(targets.filter((target) => !/^(#|https:)/.test(target)))('%s is there', (target) => {
    expect(existsSync(path.join(REPOSITORY, target))).toBe(true);
  });
});

/** What stands in for Express, which is not installed here. */
const EXPRESS = `
  import { createServer } from 'node:http';
  import fastify from '${import.meta.resolve('fastify')}';
  let before = (request, response, next) => next();
  const app = { use: (middleware) => { before = middleware; } };
  const server = createServer((request, response) => {
    response.set = response.setHeader;
    before(request, response, () => setTimeout(() => response.end('ok'), 20));
  });
`;

describe('an app ends although its clients keep their connections', () => {
  test.each(CLOSING)('%s', async (label) => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'readme-')), 'app.mjs');
    const port = await freePort();
    const listen =
      label === 'js fastify'
        ? `app.get('/', () => new Promise((done) => setTimeout(done, 20, 'ok'))); app.listen({ port: ${port} });`
        : `server.listen(${port}, '127.0.0.1');`;
    const head = label === 'js fastify' ? EXPRESS.replace('const app', 'const notApp') : EXPRESS;
    writeFileSync(file, `${head}${BLOCKS.get(label)}${listen}`);
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(child, 'exit');
    const load = startLoad({ port, rate: 200, keepAlive: true });
    await until('an answer', () => (load.outcome.answers.get('ok') ?? 0) > 20);
    child.kill('SIGTERM');
    // the requests go on meanwhile
    expect(await ended).toEqual([0, null]);
    const { errors } = await load.stop();
    expect([...errors.keys()].filter((error) => error.startsWith('HTTP'))).toEqual([]);
    rmSync(path.dirname(file), { recursive: true });
  });
});

/** The server that README starts. */
const SERVER = `
  require('node:http').createServer((_, response) => response.end('ok')).listen(process.env.PORT || 3000, '127.0.0.1');
`;

describeSystemd('README', ['system'], (get) => {
  let systemd: TestSystemd;
  let dir: string;
  let port: number;

  beforeAll(async () => {
    systemd = get();
    dir = systemd.makeDir();
    port = await freePort();
    writeFileSync(path.join(dir, 'server.js'), SERVER.replace('3000', String(port)));
    writeFileSync(path.join(dir, 'package.json'), JSON.stringify({ scripts: { start: 'node server.js' } }));
    mkdirSync(path.join(dir, 'bin'));
    program('sd-ready-wrap', `exec ${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs "$@"`);
    program('sudo', 'exec "$@"');
    // as the real one does, it hands its words to a shell there; every host is this one
    program('ssh', '[ "$1" != -n ] || shift; shift; exec sh -c "$*"');
    program('rolling-restart.sh', `exec sh ${systemd.repo}/systemd-units/rolling-restart.sh "$@"`);
    symlinkSync(systemd.node, path.join(dir, 'bin/node'));
    for (const name of ['rolling-restart.yml', 'swap.yml', 'swap.sh']) {
      symlinkSync(`${systemd.repo}/systemd-units/${name}`, path.join(dir, name));
    }
    symlinkSync(`${systemd.repo}/systemd-units/swap.sh`, path.join(dir, 'bin/swap.sh'));
  });

  function program(name: string, script: string): void {
    const file = path.join(dir, 'bin', name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** As it stands, with the places of this test in the place of README's. */
  async function run(label: string, text = BLOCKS.get(label) ?? '') {
    const script = text
      .replaceAll('/srv/app', dir)
      .replaceAll('3000', String(port))
      .replaceAll('/etc/systemd/system', '/run/systemd/system')
      // not for good: /etc is that of this machine
      .replaceAll('enable --now', 'enable --runtime --now')
      // not beyond this host
      .replace('  sudo awk', "  sed 's/^ListenStream=/&127.0.0.1:/' | sudo awk");
    const env = [
      `PATH=${dir}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      ...['HOME', 'ANSIBLE_LOCAL_TEMP', 'ANSIBLE_REMOTE_TEMP'].map((name) => `${name}=${dir}`),
      ...['ANSIBLE_NOCOLOR=1', 'LC_ALL=C.UTF-8', 'ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3', 'NO_COLOR=1'],
    ];
    return systemd.run('env', [...env, 'bash', '-ec', `set -o pipefail; cd ${dir}; ${script}`]);
  }

  test.each(UNITS)('%s', async (label) => {
    const isOld = SYSTEMD_VERSION < 253;
    const text = (BLOCKS.get(label) ?? '')
      .replaceAll('/usr/bin/sd-ready-wrap', `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs`)
      .replaceAll('/usr/bin/node', systemd.node)
      .replaceAll(/\/srv\/app\/\w+\.js/g, `${systemd.repo}/test/fixtures/systemd/says-ready.mjs`)
      .replaceAll('3000', String(port))
      .replace('shop.socket', 'taken.socket')
      // 252 does not know it
      .replace('Type=notify-reload', isOld ? 'Type=notify' : '$&');
    const type = text.includes('Type=') ? [] : ['Type=notify'];
    const lines = [...(text.startsWith('[Service]') ? [] : ['[Service]']), ...type, text, `Environment=PORT=${port}`];
    const name = `${label.replace(' ', '-')}.service`;
    const file = path.join(systemd.makeDir(), name);
    writeFileSync(file, `${lines.join('\n')}\n`);
    expect(await verify(systemd, file)).toEqual([0, '']);
    systemd.writeUnit(name, readFileSync(file, 'utf8'));
    if (text.includes('taken.socket')) {
      systemd.writeUnit('taken.socket', `[Socket]\nListenStream=127.0.0.1:${port}\nService=${name}\n`);
      await systemd.systemctl('start', 'taken.socket');
    }
    expect(await systemd.systemctl('start', name)).toMatchObject({ code: 0, stderr: '' });
    expect(await systemd.show(name, 'ActiveState')).toBe('active');
    expect(await systemd.show(name, 'StatusText')).toContain('ready after');
    await systemd.systemctl('stop', 'taken.socket');
    expect(await systemd.systemctl('stop', name)).toMatchObject({ code: 0, stderr: '' });
  });

  // other trees have no npm and no Ansible in them
  const here = process.env['PS_ROOT'] ? [] : SCRIPTS;
  test.each(here)('%s', async (label) => {
    if (label.endsWith('ansible')) writeFileSync(path.join(dir, 'inventory'), 'web1 ansible_connection=local\n');
    const before = await systemd.show('shop.service', 'MainPID');
    // the port is one and the same in all of README
    if (label === 'sh swap-units') await systemd.systemctl('stop', 'shop.service');
    const { code, stdout, stderr } = await run(label);
    expect(code, stdout + stderr).toBe(0);
    if (label === 'sh print-unit') expect(stdout).toContain('Active: active (running)');
    if (label === 'sh hosts' || label === 'sh ansible') {
      expect(await systemd.show('shop.service', 'MainPID')).not.toBe(before);
    }
    if (label === 'sh instances') expect(stdout).toContain('(3 of 3)');
    if (label === 'sh swap') expect(stdout).toBe('cart@a ready, cart@b stopped\n');
    if (label === 'sh swap-hosts') expect(stdout).toContain('deploy@web2/cart@ done (2 of 2)\n');
    if (label === 'sh swap-ansible') expect(await systemd.show('cart@b.service', 'ActiveState')).toBe('active');
    if (label === 'sh swap-ansible') await systemd.systemctl('stop', 'cart.socket');
  });

  test.each(PROGRAMS)('%s', async (label) => {
    const before = `import { createServer } from 'node:http';
      const server = createServer();
      const queue = { on: (_, told) => setTimeout(told, 1, 3) };
      process.once('SIGTERM', () => process.exit());
    `;
    const behind = label === 'js drop-in' ? 'notify.ready(); setInterval(() => {}, 1e9);' : '';
    const file = path.join(dir, `${label.replace(' ', '-')}.mjs`);
    // a package finds itself by its name from within
    writeFileSync(
      file,
      `${before}${BLOCKS.get(label)}${behind}`
        .replaceAll(/'sd-ready-wrap\/([\w-]+)'/g, `'${systemd.repo}/dist/$1.mjs'`)
        .replaceAll('3000', String(port)),
    );
    const name = `${label.replace(' ', '-')}.service`;
    const exec = `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs --notify -- ${systemd.node} ${file}`;
    systemd.writeUnit(name, `[Service]\nType=notify\nNotifyAccess=main\nKillMode=mixed\nExecStart=${exec}\n`);
    await systemd.systemctl('stop', 'shop.service');
    expect(await systemd.systemctl('start', name)).toMatchObject({ code: 0, stderr: '' });
    await systemd.systemctl('stop', name);
  });
});

/** Every command and every unit in README.md and docs/ is run. What the pages look like: test/unit/docs.test.ts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLoad } from '../helpers/load.js';
import { blocksOf, COOKBOOK, DOCS, README } from '../helpers/pages.ts';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { type Journal, startJournal } from '../helpers/systemd/journal.ts';
import { freePort, REPOSITORY, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { verify } from '../helpers/systemd/verify.ts';
import { SYSTEMD_VERSION } from '../helpers/systemd/version.ts';
import { until } from '../helpers/until.ts';
import { describeWhere, testWhere } from '../helpers/untried.ts';
import { docsScene, type Scene } from './docs-scene.ts';

const LABELLED = [README, ...DOCS.filter(({ file }) => file !== COOKBOOK)].flatMap(blocksOf);
const BLOCKS = new Map(LABELLED);
const block = (label: string) => BLOCKS.get(label) ?? '';

const UNITS = ['ini tcp', 'ini watchdog', 'ini reload', 'ini handoff', 'ini from-sd-notify', 'ini take-sockets'];
/** In this order: each needs the units of those before it. */
const SCRIPTS = [
  ...['sh dry-run', 'sh smoke', 'sh unit', 'sh print-unit', 'sh template', 'sh instances', 'sh hosts', 'sh ansible'],
  ...['sh swap-units', 'sh swap', 'sh swap-hosts', 'sh swap-ansible'],
];
const PROGRAMS = ['js client', 'js drop-in'];
const CLOSING = ['js express', 'js fastify'];
const MIGRATING = [
  ...['sh print-drop-in', 'ini drop-in', 'sh save', 'sh back', 'sh remote', 'sh template-drop-in', 'text units'],
  ...['sh loop', 'sh restart', 'yaml migrate.yml', 'sh migrate-ansible', 'sh back-ansible'],
];
const SLOW_STARTS = ['sh slowest', 'sh collect', 'sh units', 'sh compare'];
/** test/e2e/package.test.ts installs both; here only their names are checked. */
const PACKAGES = ['sh install', 'sh deb'];

test('each block has a label of its own, and is run', () => {
  expect(LABELLED.map(([label]) => label).sort()).toEqual(
    [...UNITS, ...SCRIPTS, ...PROGRAMS, ...CLOSING, ...MIGRATING, ...SLOW_STARTS, ...PACKAGES].sort(),
  );
});

test('the packages have these names', () => {
  const { version } = JSON.parse(readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8'));
  expect(block('sh install')).toContain(`./sd-ready-wrap-${version}.tgz`);
  expect(block('sh deb')).toContain(`./sd-ready-wrap_${version}_amd64.deb`);
});

/** Stands for Express, which is not installed here. */
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
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'docs-')), 'app.mjs');
    const port = await freePort();
    const listen =
      label === 'js fastify'
        ? `app.get('/', () => new Promise((done) => setTimeout(done, 20, 'ok'))); app.listen({ port: ${port} });`
        : `server.listen(${port}, '127.0.0.1');`;
    const head = label === 'js fastify' ? EXPRESS.replace('const app', 'const notApp') : EXPRESS;
    writeFileSync(file, `${head}${block(label)}${listen}`);
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

describeSystemd('README and docs', ['system'], (get) => {
  let systemd: TestSystemd;
  let scene: Scene;
  beforeAll(async () => {
    systemd = get();
    scene = await docsScene(systemd);
  });

  /** @returns stdout and stderr */
  async function run(script: string): Promise<string> {
    const { code, stdout, stderr } = await scene.run(script);
    expect(code, stdout + stderr).toBe(0);
    return stdout + stderr;
  }

  describe('units', () => {
    test.each(UNITS)('%s', async (label) => {
      const { port } = scene;
      const isOld = SYSTEMD_VERSION < 253;
      const text = block(label)
        .replaceAll('/usr/bin/sd-ready-wrap', `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs`)
        .replaceAll('/usr/bin/node', systemd.node)
        .replaceAll(/\/srv\/app\/\w+\.js/g, `${systemd.repo}/test/fixtures/systemd/says-ready.mjs`)
        .replaceAll('3000', String(port))
        .replace('shop.socket', 'taken.socket')
        // systemd 252 and older do not know the type
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
  });

  // trees of other releases have no npm and no Ansible
  describeWhere(!process.env['PS_ROOT'], 'no npm and no Ansible', 'from the first try to a deploy', () => {
    test.each(SCRIPTS)('%s', async (label) => {
      const before = await systemd.show('shop.service', 'MainPID');
      // all pages use the same port
      if (label === 'sh swap-units') await systemd.systemctl('stop', 'shop.service');
      const { code, stdout, stderr } = await scene.run(block(label));
      expect(code, stdout + stderr).toBe(0);
      if (label === 'sh unit') expect(stdout).toMatch(/^ExecStart=.* --tcp \d+ -- /m);
      if (label === 'sh print-unit') expect(stdout).toContain('Active: active (running)');
      if (label === 'sh hosts' || label === 'sh ansible') {
        expect(await systemd.show('shop.service', 'MainPID')).not.toBe(before);
      }
      if (label === 'sh instances') expect(stdout).toContain('(3 of 3)');
      if (label === 'sh swap') expect(stdout).toBe('cart@a ready, cart@b stopped\n');
      if (label === 'sh swap-hosts') expect(stdout).toContain('deploy@web2/cart@ done (2 of 2)\n');
      if (label === 'sh swap-ansible') {
        expect(await systemd.show('cart@b.service', 'ActiveState')).toBe('active');
        await systemd.systemctl('stop', 'cart.socket');
      }
    });
    afterAll(() => systemd.systemctl('disable', '--runtime', '--now', 'shop.service'));
  });

  describe('programs', () => {
    test.each(PROGRAMS)('%s', async (label) => {
      const before = `import { createServer } from 'node:http';
        const server = createServer();
        const queue = { on: (_, told) => setTimeout(told, 1, 3) };
        process.once('SIGTERM', () => process.exit());
      `;
      const after = label === 'js drop-in' ? 'notify.ready(); setInterval(() => {}, 1e9);' : '';
      const file = path.join(scene.dir, `${label.replace(' ', '-')}.mjs`);
      // only inside of the package its name can be imported
      writeFileSync(
        file,
        `${before}${block(label)}${after}`
          .replaceAll(/'sd-ready-wrap\/([\w-]+)'/g, `'${systemd.repo}/dist/$1.mjs'`)
          .replaceAll('3000', String(scene.port)),
      );
      const name = `${label.replace(' ', '-')}.service`;
      const exec = `${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs --notify -- ${systemd.node} ${file}`;
      systemd.writeUnit(name, `[Service]\nType=notify\nNotifyAccess=main\nKillMode=mixed\nExecStart=${exec}\n`);
      expect(await systemd.systemctl('start', name)).toMatchObject({ code: 0, stderr: '' });
      await systemd.systemctl('stop', name);
    });
  });

  describe('units that exist already', () => {
    beforeAll(async () => {
      await unit('shop', 'Restart=on-failure', scene.port);
      await unit('mail', 'Type=exec');
      await unit('worker', 'Environment=A=1');
      await unit('app@', 'Environment=A=%i');
      await unit('legacy', 'Type=forking');
      await unit('stuck', 'TimeoutStartSec=1s');
      // shop was another unit before
      await systemd.systemctl('daemon-reload');
      await systemd.systemctl('start', 'shop', 'mail', 'worker', 'stuck');
    });

    async function unit(name: string, line: string, at?: number): Promise<void> {
      const lines = ['[Service]', line, `Environment=PORT=${at ?? (await freePort())}`];
      systemd.writeUnit(
        `${name}.service`,
        [...lines, `ExecStart=${systemd.node} ${scene.dir}/server.js`, ''].join('\n'),
      );
    }

    const dropIn = (name: string) => `${systemd.unitDir}/${name}.service.d/zz-sd-ready-wrap.conf`;
    const types = (...names: string[]) => Promise.all(names.map((name) => systemd.show(`${name}.service`, 'Type')));

    async function goBack(...names: string[]): Promise<void> {
      for (const name of names) rmSync(dropIn(name), { force: true });
      await systemd.systemctl('daemon-reload');
    }

    test('the drop-in on the page is what is printed', async () => {
      const printed = (await run(block('sh print-drop-in')))
        .replace(`${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs`, '/usr/bin/sd-ready-wrap')
        .replace(systemd.node, '/usr/bin/node');
      expect(printed.slice(printed.indexOf('[Service]'))).toBe(scene.placed(block('ini drop-in')));
    });

    test('one unit, and the way back', async () => {
      await run(block('sh save'));
      expect(await types('shop')).toEqual(['notify']);
      expect(await systemd.show('shop.service', 'StatusText')).toContain(`127.0.0.1:${scene.port}`);
      await run(block('sh back'));
      expect(existsSync(dropIn('shop'))).toBe(false);
      expect([await types('shop'), await systemd.show('shop.service', 'ActiveState')]).toEqual([['simple'], 'active']);
    });

    test('a unit of another host, and a template', async () => {
      const command = `-- ${systemd.node} ${scene.dir}/server.js\n`;
      expect(await run(block('sh remote'))).toContain(`--tcp ${scene.port} ${command}`);
      expect(await run(block('sh template-drop-in'))).toContain(`--tcp %i ${command}`);
    });

    test('a hundred units, by hand', async () => {
      writeFileSync(
        path.join(scene.dir, 'units'),
        `${block('text units')}stuck --stdout never\n`.replace('3000', `${scene.port}`),
      );
      const printed = await run(block('sh loop'));
      expect(printed).toMatch(/legacy\.service: Type=forking/);
      expect(printed).toMatch(/stuck\.service: its TimeoutStartSec=1s/);
      expect(printed.trim().split('\n')).toHaveLength(2);
      const { stdout } = await systemd.run('cat', [`${scene.dir}/migrated`]);
      expect(stdout).toBe('shop\nmail\nworker\nstuck\n');
      const restarted = await run(block('sh restart'));
      expect(restarted).toContain('stuck did not become ready: it starts as before');
      expect(await types('shop', 'mail', 'worker', 'stuck')).toEqual(['notify', 'notify', 'notify', 'simple']);
      expect(await systemd.show('stuck.service', 'ActiveState')).toBe('active');
      expect(await systemd.show('mail.service', 'StatusText')).toContain('stdout /listening on/');
      await goBack('shop', 'mail', 'worker');
    });

    describe('slow starts', () => {
      let journal: Journal | undefined;

      beforeAll(async () => {
        journal = await startJournal(systemd);
        await run(block('sh save'));
        await until('the record', async () => (await journal?.entries('--grep', '^{"start":'))?.length !== 0);
      });
      afterAll(async () => {
        await journal?.[Symbol.asyncDispose]();
        await goBack('shop');
      });

      testWhere(!process.env['PS_ROOT'], 'trees of other releases have no jq', 'each query', async () => {
        const probe = `tcp (127\\.0\\.0\\.1|\\[::1\\]):${scene.port}`;
        expect(await run(block('sh slowest'))).toMatch(
          new RegExp(`^\\d+\\tshop\\.service\\t${probe}\\t(unix-dgram|koffi)\\n$`),
        );
        writeFileSync(path.join(scene.dir, 'hosts'), 'deploy@web1\n');
        await run(block('sh collect'));
        expect(JSON.parse(readFileSync(path.join(scene.dir, 'starts'), 'utf8'))).toMatchObject({
          host: expect.stringMatching(/./),
          unit: 'shop.service',
        });
        expect(await run(block('sh units'))).toMatch(/^shop\.service\t1\t(\d+)\t\1\n$/);
        expect(await run(`cp starts before; cp starts after; ${block('sh compare')}`)).toMatch(
          /^shop\.service\tafter\t\d+\nshop\.service\tbefore\t\d+\n$/,
        );
      });
    });

    testWhere(
      !process.env['PS_ROOT'],
      'trees of other releases have no Ansible',
      'a hundred units, with Ansible',
      async () => {
        // Ansible takes seconds for a unit: one that can be carried over, and one that cannot
        const play = scene.placed(block('yaml migrate.yml')).replace(/^ +- { name: (mail|worker),.*\n/gm, '');
        writeFileSync(path.join(scene.dir, 'migrate.yml'), play);
        expect(await run(block('sh migrate-ansible'))).toMatch(/legacy\.service: Type=forking/);
        expect(await types('shop', 'legacy')).toEqual(['notify', 'forking']);
        expect(await systemd.show('shop.service', 'ActiveState')).toBe('active');
        await run(block('sh back-ansible'));
        expect([await types('shop'), existsSync(dropIn('shop'))]).toEqual([['simple'], false]);
      },
    );
  });
});

/** Every command and every unit in docs/ is run, and its links lead somewhere. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { type Journal, startJournal } from '../helpers/systemd/journal.ts';
import { freePort, REPOSITORY, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { until } from '../helpers/until.ts';
import { testWhere } from '../helpers/untried.ts';

const PAGES = ['migrating', 'slow-starts'] as const;
type Page = (typeof PAGES)[number];

const textOf = (page: Page) => readFileSync(path.join(REPOSITORY, `docs/${page}.md`), 'utf8');

/** Fenced blocks by their label: what stands behind the language. Those without a language are output. */
const blocksOf = (page: Page) =>
  Object.fromEntries(
    [...textOf(page).matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(([, language, label, text]) => [
      `${language} ${label}`.trim(),
      text as string,
    ]),
  );

const MIGRATING = blocksOf('migrating');
const SLOW = blocksOf('slow-starts');

test('nothing stands there that is not run', () => {
  expect(Object.keys(MIGRATING).sort()).toEqual(
    [
      ...['ini', 'sh print', 'sh save', 'sh back', 'sh remote', 'sh template', 'text units', 'sh loop', 'sh restart'],
      ...['yaml migrate.yml', 'sh ansible', 'sh ansible-back'],
    ].sort(),
  );
  expect(Object.keys(SLOW).sort()).toEqual(['sh collect', 'sh compare', 'sh slowest', 'sh units']);
});

describe.each(PAGES)('the links of %s', (page) => {
  const targets = [...textOf(page).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target as string);
  test.each(targets.filter((target) => !target.startsWith('https:')))('%s is there', (target) => {
    expect(existsSync(path.join(REPOSITORY, 'docs', target))).toBe(true);
  });
});

/** What the pages start. */
const SERVER = `
  require('node:http').createServer((_, response) => response.end('ok'))
    .listen(process.env.PORT, '127.0.0.1', () => console.log('listening on ' + process.env.PORT));
`;

describeSystemd('docs', ['system'], (get) => {
  let systemd: TestSystemd;
  let dir: string;
  let port: number;

  beforeAll(async () => {
    systemd = get();
    dir = systemd.makeDir();
    port = await freePort();
    writeFileSync(path.join(dir, 'server.js'), SERVER);
    mkdirSync(path.join(dir, 'bin'));
    program('sd-ready-wrap', `exec ${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs "$@"`);
    program('sudo', 'exec "$@"');
    // as the real one does, it hands its words to a shell there; every host is this one
    program('ssh', '[ "$1" != -n ] || shift; shift; exec sh -c "$*"');
    symlinkSync(systemd.node, path.join(dir, 'bin/node'));
    await unit('shop', 'Restart=on-failure', port);
    await unit('mail', 'Type=exec');
    await unit('worker', 'Environment=A=1');
    await unit('app@', 'Environment=A=%i');
    await unit('legacy', 'Type=forking');
    await unit('stuck', 'TimeoutStartSec=1s');
    await systemd.systemctl('start', 'shop', 'mail', 'worker', 'stuck');
  });

  async function unit(name: string, line: string, at?: number): Promise<void> {
    const lines = ['[Service]', line, `Environment=PORT=${at ?? (await freePort())}`];
    systemd.writeUnit(`${name}.service`, [...lines, `ExecStart=${systemd.node} ${dir}/server.js`, ''].join('\n'));
  }

  function program(name: string, script: string): void {
    const file = path.join(dir, 'bin', name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** With the places of this test in the place of the page's. */
  function placed(text = ''): string {
    return text.replaceAll('3000', String(port)).replaceAll('/etc/systemd/system', '/run/systemd/system');
  }

  async function run(script = ''): Promise<string> {
    const env = [
      `PATH=${dir}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      ...['HOME', 'ANSIBLE_LOCAL_TEMP', 'ANSIBLE_REMOTE_TEMP'].map((name) => `${name}=${dir}`),
      ...['ANSIBLE_NOCOLOR=1', 'ANSIBLE_PIPELINING=1', 'LC_ALL=C.UTF-8', 'ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3'],
    ];
    const words = ['bash', '-ec', `set -o pipefail; cd ${dir}; ${placed(script)}`];
    const { code, stdout, stderr } = await systemd.run('env', [...env, ...words]);
    expect(code, stdout + stderr).toBe(0);
    return stdout + stderr;
  }

  const dropIn = (name: string) => `${systemd.unitDir}/${name}.service.d/zz-sd-ready-wrap.conf`;
  const types = (...names: string[]) => Promise.all(names.map((name) => systemd.show(`${name}.service`, 'Type')));

  async function goBack(...names: string[]): Promise<void> {
    for (const name of names) rmSync(dropIn(name), { force: true });
    await systemd.systemctl('daemon-reload');
  }

  test('what it prints is what stands there', async () => {
    const printed = (await run(MIGRATING['sh print']))
      .replace(`${systemd.node} ${systemd.repo}/bin/sd-ready-wrap.cjs`, '/usr/bin/sd-ready-wrap')
      .replace(`${systemd.node} ${dir}`, '/usr/bin/node /srv/app');
    expect(printed.slice(printed.indexOf('[Service]'))).toBe(placed(MIGRATING['ini']));
  });

  test('one unit, and the way back', async () => {
    await run(MIGRATING['sh save']);
    expect(await types('shop')).toEqual(['notify']);
    expect(await systemd.show('shop.service', 'StatusText')).toContain(`127.0.0.1:${port}`);
    await run(MIGRATING['sh back']);
    expect(existsSync(dropIn('shop'))).toBe(false);
    expect([await types('shop'), await systemd.show('shop.service', 'ActiveState')]).toEqual([['simple'], 'active']);
  });

  test('a unit of another host, and a template', async () => {
    expect(await run(MIGRATING['sh remote'])).toContain(`--tcp ${port} -- ${systemd.node} ${dir}/server.js\n`);
    expect(await run(MIGRATING['sh template'])).toContain(`--tcp %i -- ${systemd.node} ${dir}/server.js\n`);
  });

  test('a hundred units, by hand', async () => {
    writeFileSync(
      path.join(dir, 'units'),
      `${MIGRATING['text units']}stuck --stdout never\n`.replace('3000', `${port}`),
    );
    const said = await run(MIGRATING['sh loop']);
    expect(said).toMatch(/legacy\.service: Type=forking/);
    expect(said).toMatch(/stuck\.service: its TimeoutStartSec=1s/);
    expect(said.trim().split('\n')).toHaveLength(2);
    const { stdout } = await systemd.run('cat', [`${dir}/migrated`]);
    expect(stdout).toBe('shop\nmail\nworker\nstuck\n');
    const restarted = await run(MIGRATING['sh restart']);
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
      await run(`${MIGRATING['sh save']}`);
      await until('the record', async () => (await journal?.entries('--grep', '^{"start":'))?.length !== 0);
    });
    afterAll(async () => {
      await journal?.[Symbol.asyncDispose]();
      await goBack('shop');
    });

    testWhere(!process.env['PS_ROOT'], 'trees of other releases have no jq', 'each query', async () => {
      const probe = `tcp (127\\.0\\.0\\.1|\\[::1\\]):${port}`;
      expect(await run(SLOW['sh slowest'])).toMatch(
        new RegExp(`^\\d+\\tshop\\.service\\t${probe}\\t(unix-dgram|koffi)\\n$`),
      );
      writeFileSync(path.join(dir, 'hosts'), 'deploy@web1\n');
      await run(SLOW['sh collect']);
      expect(JSON.parse(readFileSync(path.join(dir, 'starts'), 'utf8'))).toMatchObject({
        host: expect.stringMatching(/./),
        unit: 'shop.service',
      });
      expect(await run(SLOW['sh units'])).toMatch(/^shop\.service\t1\t(\d+)\t\1\n$/);
      expect(await run(`cp starts before; cp starts after; ${SLOW['sh compare']}`)).toMatch(
        /^shop\.service\tafter\t\d+\nshop\.service\tbefore\t\d+\n$/,
      );
    });
  });

  testWhere(
    !process.env['PS_ROOT'],
    'trees of other releases have no Ansible',
    'a hundred units, with Ansible',
    async () => {
      writeFileSync(path.join(dir, 'inventory'), 'web1 ansible_connection=local\n');
      // each unit takes Ansible seconds: one that goes, and one that does not
      const play = placed(MIGRATING['yaml migrate.yml']).replace(/^ +- { name: (mail|worker),.*\n/gm, '');
      writeFileSync(path.join(dir, 'migrate.yml'), play);
      expect(await run(MIGRATING['sh ansible'])).toMatch(/legacy\.service: Type=forking/);
      expect(await types('shop', 'legacy')).toEqual(['notify', 'forking']);
      expect(await systemd.show('shop.service', 'ActiveState')).toBe('active');
      await run(MIGRATING['sh ansible-back']);
      expect([await types('shop'), existsSync(dropIn('shop'))]).toEqual([['simple'], false]);
    },
  );
});

/** Promise: each READY=1 has a record in the journal: unit, probe, milliseconds, transport. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { type Journal, startJournal } from '../helpers/systemd/journal.ts';
import { freePort, type TestSystemd } from '../helpers/systemd/private-systemd.js';
import { SYSTEMD_VERSION, testSince } from '../helpers/systemd/version.ts';
import { ADDON } from '../helpers/transport.ts';
import { until } from '../helpers/until.ts';
import { untried } from '../helpers/untried.ts';

const TREE = process.env['PS_ROOT'];
/** journald needs a machine-id(5). */
const HAS_JOURNAL = !TREE || existsSync(`${TREE}/etc/machine-id`);

interface Start {
  readonly unit: string;
  readonly probe: string;
  readonly ms: number;
  readonly transport: string;
  readonly reload: boolean;
}

const TITLE = 'the record of a start';
if (!HAS_JOURNAL) untried(TITLE, `no machine-id(5) in ${TREE}`);
else describeSystemd(TITLE, ['user-1000', 'system'], tests);

function tests(get: () => TestSystemd): void {
  let systemd: TestSystemd;
  let journal: Journal;

  beforeAll(async () => {
    systemd = get();
    const started = await startJournal(systemd);
    if (!started) throw new Error('no journal');
    journal = started;
  });
  afterAll(() => journal?.[Symbol.asyncDispose]());

  /** As docs/slow-starts.md queries them. */
  async function records(unit: string, least = 1): Promise<readonly Start[]> {
    return until(`${least} records of ${unit}`, async () => {
      const found = await journal.entries('--grep', '^{"start":');
      const starts = found.map(({ MESSAGE = '' }) => (JSON.parse(MESSAGE) as { start: Start }).start);
      const own = starts.filter((start) => start.unit === unit);
      return own.length >= least && own;
    });
  }

  function write(name: string, options: string, lines: readonly string[]): void {
    const { node, repo } = systemd;
    const app = `${node} ${repo}/test/fixtures/systemd/says-ready.mjs`;
    const exec = `${node} ${repo}/bin/sd-ready-wrap.cjs ${options} -- ${app}`;
    systemd.writeUnit(name, ['[Service]', 'Type=notify', `ExecStart=${exec}`, ...lines, ''].join('\n'));
  }

  async function start(name: string, options: string, lines: readonly string[]): Promise<number> {
    write(name, options, lines);
    const began = performance.now();
    expect(await systemd.systemctl('start', name)).toMatchObject({ code: 0, stderr: '' });
    return performance.now() - began;
  }

  test('is written once for each start, and journalctl -o json finds it', async () => {
    const port = await freePort();
    const took = await start('shop.service', `--tcp ${port}`, [`Environment=PORT=${port}`]);
    const [record, ...others] = await records('shop.service');
    expect(others).toEqual([]);
    expect(record).toEqual({
      unit: 'shop.service',
      probe: expect.stringMatching(new RegExp(`^tcp .*:${port}`)),
      ms: expect.any(Number),
      transport: ADDON,
      reload: false,
    });
    expect(record?.ms).toBeGreaterThan(0);
    expect(record?.ms).toBeLessThan(took);
    const [entry] = await journal.entries('--grep', '^{"start":');
    expect(entry?.['PRIORITY']).toBe('6');

    await systemd.systemctl('restart', 'shop.service');
    expect(await records('shop.service', 2)).toHaveLength(2);
    await systemd.systemctl('stop', 'shop.service');
  });

  test('leaves the line for people unchanged', async () => {
    await start('lines.service', '--stdout ready', []);
    await records('lines.service');
    const texts = (await journal.entries('--grep', 'ready after')).map(({ MESSAGE }) => MESSAGE);
    expect(texts).toContainEqual(expect.stringMatching(/^sd-ready-wrap: ready after .*: stdout \/ready\/$/));
    await systemd.systemctl('stop', 'lines.service');
  });

  test('names the instance, and OpenFile= as the transport if the unit has it', async () => {
    const isNew = SYSTEMD_VERSION >= 253;
    const lines = isNew ? [`OpenFile=${systemd.notifySocket}:notify`] : [];
    write('inst@.service', '--stdout ready', lines);
    expect(await systemd.systemctl('start', 'inst@7.service')).toMatchObject({ code: 0 });
    const [record] = await records('inst@7.service');
    expect(record?.transport).toBe(isNew ? 'OpenFile=' : ADDON);
    await systemd.systemctl('stop', 'inst@7.service');
  });

  testSince(253, 'is written for a reload too', async () => {
    await start('reloads.service', '--stdout ready', ['Type=notify-reload']);
    await records('reloads.service');
    expect(await systemd.systemctl('reload', 'reloads.service')).toMatchObject({ code: 0 });
    expect((await records('reloads.service', 2)).map(({ reload }) => reload)).toEqual([false, true]);
    await systemd.systemctl('stop', 'reloads.service');
  });
}

/** Promise: whatever the app sends without end, signals arrive, memory is bounded and the watchdog is served. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scaled } from '../helpers/pace.js';
import { describeSystemd } from '../helpers/systemd/describe.ts';
import { type TestSystemd, until } from '../helpers/systemd/private-systemd.js';
import { Service } from './service.ts';

/** The number of timed signals. */
const SIGNALS = 7;

/** The delay that a flood may add to a signal, ms. */
const MORE = scaled(100);

/** Without a limit a flood takes all memory; with one, Node's heap grows a little further on a busy machine, kB. */
const MOST_MEMORY = 150_000;

const noted = ({ dir }: Service) => {
  const file = `${dir}/usr2`;
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
};

/** The median time of a signal from kill(1) to the app, ms. */
async function wayOfSignals(service: Service): Promise<number> {
  const main = await service.show('MainPID');
  const ways: number[] = [];
  const first = noted(service) + 1;
  for (let count = first; count < first + SIGNALS; count += 1) {
    const sentAt = performance.now();
    await service.systemd.run('kill', ['-USR2', main]);
    await until(`signal ${count}`, () => noted(service) >= count);
    ways.push(performance.now() - sentAt);
  }
  return ways.sort((one, other) => one - other)[(SIGNALS - 1) / 2] as number;
}

async function start(systemd: TestSystemd, kind: string, probe: string, lines: readonly string[] = []) {
  const command = `/usr/bin/perl ${systemd.repo}/test/fixtures/systemd/floods.pl ${kind}`;
  return (await Service.write(systemd, { probe, command, lines })).startReady();
}

describeSystemd('a flood', ['user-1000', 'system'], (systemd) => {
  test.each([
    ['ERRNO', '--notify'],
    ['STATUS', '--notify'],
    ['NUL', '--notify'],
    ['BIG', '--notify'],
    ['STREAM', '--notify'],
    ['FD', '--notify --fd 3 --ready-when any'],
  ])('of %s: signals, memory, watchdog', async (kind, probe) => {
    const quiet = await start(systemd(), 'QUIET', probe);
    const before = await wayOfSignals(quiet);
    const service = await start(systemd(), kind, probe, ['WatchdogSec=2']);
    const during = await wayOfSignals(service);
    // the load of the machine may have changed: then a run without a flood takes longer as well
    const meanwhile = during < before * 2 + MORE ? before : await wayOfSignals(quiet);
    expect(during).toBeLessThan(meanwhile * 2 + MORE);
    await quiet.systemctl('stop');
    const pings = new Set<string>();
    await until('pings', async () => {
      pings.add(await service.show('WatchdogTimestampMonotonic'));
      return pings.size > 2;
    });
    const { stdout } = await systemd().run('cat', [`/proc/${await service.show('MainPID')}/status`]);
    expect(Number(/^VmRSS:\s+(\d+)/m.exec(stdout)?.[1])).toBeLessThan(MOST_MEMORY);
    expect(await service.show('ActiveState')).toBe('active');
    expect((await service.systemctl('stop')).code).toBe(0);
  });
});

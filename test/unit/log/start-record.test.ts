import { expect, it } from 'vitest';
import { withStartRecords } from '../../../src/log/start-record.ts';

function recorded() {
  const written: unknown[] = [];
  let [asked, time] = [0, 0];
  const unit = () => {
    asked += 1;
    return 'shop.service';
  };
  const inner = { write: (...all: unknown[]) => void written.push(all.at(-1)), end: async () => {} };
  const log = withStartRecords(inner, unit, 'koffi', () => time);
  const pass = (ms: number) => {
    time += ms;
  };
  return { log, written, asked: () => asked, pass };
}

const START = { unit: 'shop.service', transport: 'koffi' };

it("READY=1 has one; no other notification has one or reads the unit's name", () => {
  const { log, written, asked } = recorded();
  log.write('info', 'started', 'started the app', { app_pid: 7 });
  log.write('error', 'not-ready', 'not ready', { after_ms: 7 });
  expect(written).toEqual([{ app_pid: 7 }, { after_ms: 7 }]);
  expect(asked()).toBe(0);
  log.write('info', 'ready', 'ready', { by: 'tcp 1', after_ms: 1250 });
  expect(written.at(-1)).toEqual({
    ...{ by: 'tcp 1', after_ms: 1250 },
    start: { ...START, probe: 'tcp 1', ms: 1250, reload: false },
  });
});

it('a reload has one, even if the app itself ends it', () => {
  const { log, written, pass } = recorded();
  log.write('info', 'reloading', 'reloading', {});
  log.write('info', 'ready-again', 'ready again', { by: 'tcp 1', after_ms: 20 });
  expect(written.at(-1)).toMatchObject({ start: { ...START, probe: 'tcp 1', ms: 20, reload: true } });
  log.write('info', 'reloading', 'reloading', {});
  pass(30.4);
  log.write('info', 'ready-again', 'ready again', { app_pid: 7 });
  expect(written.at(-1)).toMatchObject({ start: { ...START, probe: 'notify', ms: 30, reload: true } });
});

it('a long probe is cut, because journalctl omits long fields', () => {
  const { log, written } = recorded();
  log.write('info', 'ready', 'ready', { by: '\u{1f30a}'.repeat(10_000), after_ms: 1 });
  expect(Buffer.byteLength(JSON.stringify(written))).toBeLessThan(42_000);
  expect(written).toMatchObject([{ start: { probe: '\u{1f30a}'.repeat(200) } }]);
});

import { expect, it } from 'vitest';
import { parseReport, problemWhenFailed, problemWhenReady } from '../../../src/take-sockets/report.ts';

const at = (host: string, port: number) => ({ host, port });
const report = (...lines: readonly object[]) => parseReport(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
const PASSED = { passed: [at('127.0.0.1', 3000)] };
const TOOK = { took: at('127.0.0.1', 3000) };

it('an app that took what there was is fine', () => {
  const all = report(PASSED, { asked: at('::', 8080) }, { asked: at('::', 3000) }, TOOK);
  expect(problemWhenReady(all)).toBeUndefined();
  expect(problemWhenFailed(all)).toBeUndefined();
});

it('so is one that takes one port of two: it may ask for the other later', () => {
  expect(problemWhenReady(report({ passed: [at('::', 3000), at('::', 3001)] }, { took: at('::', 3000) }))).toBe(
    undefined,
  );
});

it.each([
  [
    'another port',
    [PASSED, { asked: at('::', 8080) }, { asked: at('0.0.0.0', 8081) }],
    '--take-sockets: the app took none of the sockets that systemd passed (127.0.0.1:3000): it wants to listen ' +
      'on [::]:8080, ' +
      '0.0.0.0:8081; write ListenStream=[::]:8080 in the .socket, or give the app that port',
  ],
  [
    'a socket that is wider',
    [{ passed: [at('::', 3000), at('::', 3001)] }, { asked: at('127.0.0.1', 3001) }],
    '--take-sockets: the app took none of the sockets that systemd passed ([::]:3000, [::]:3001): it wants to ' +
      'listen on ' +
      '127.0.0.1:3001; [::]:3001 is wider: write ListenStream=127.0.0.1:3001 in the .socket',
  ],
  [
    'no listening socket among what was passed',
    [{ passed: [] }, { asked: at('::', 3000) }],
    '--take-sockets: the app took none of the sockets that systemd passed (none): it wants to listen on ' +
      '[::]:3000; write ' +
      'ListenStream=[::]:3000 in the .socket, or give the app that port',
  ],
])('%s: told when the app is ready', (_, lines, text) => {
  expect(problemWhenReady(report(...lines))).toBe(text);
});

it('an app that is not ready: told if it asked for a port that was passed, as others may come first', () => {
  const wider = [{ passed: [at('::', 3000)] }, { asked: at('127.0.0.1', 3000) }, { asked: at('::', 9100) }];
  expect(problemWhenFailed(report(...wider))).toBe(problemWhenReady(report(...wider)));
  expect(problemWhenFailed(report(...wider, { took: at('::', 3000) }))).toBeUndefined();
  expect(problemWhenFailed(report({ passed: [at('::', 3000)] }, { asked: at('::', 9100) }))).toBeUndefined();
});

it('an app that asks for nothing: told when it is ready', () => {
  const text =
    '--take-sockets: the app took none of the sockets that systemd passed (127.0.0.1:3000): its main process has not ' +
    'opened a port; children and worker threads cannot take a socket';
  expect(problemWhenReady(report(PASSED))).toBe(text);
  expect(problemWhenFailed(report(PASSED))).toBeUndefined();
});

it('a Node that did not load the preload: told when it is ready', () => {
  expect(problemWhenReady(report())).toContain('did not load the preload');
  expect(problemWhenFailed(report())).toBeUndefined();
});

it('a second socket of the same port, where clients would wait', () => {
  const two = report(
    { passed: [at('0.0.0.0', 3000), at('::', 3000)] },
    { asked: at('::', 3000) },
    { took: at('::', 3000) },
  );
  expect(problemWhenReady(two)).toBe(
    '--take-sockets: no process accepts on 0.0.0.0:3000; the app took only [::]:3000: let the app ' +
      'listen there too, or remove that ListenStream= from the .socket',
  );
});

it('what is not ours is passed over', () => {
  const text = '7\nnull\n[]\n{"asked":5}\n{"took":{"host":":::","port":1}}\n{"passed":[{"host":"::","port":1}]}\n{"ask';
  expect(parseReport(text)).toEqual({ passed: [at('::', 1)], asked: [], took: [] });
  expect(parseReport('')).toEqual({ asked: [], took: [] });
});

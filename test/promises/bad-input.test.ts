/** Bad input: one line that says what is wrong, where, and what to write instead; 125; the app is not started. */
import { expect, test } from 'vitest';
import { wrap } from './support/wrap.ts';

const APP = ['--', 'echo', 'started'];

test.each<[string[], RegExp]>([
  [['--bogus', ...APP], /--bogus: no such option/],
  [['--tpc', '3000', ...APP], /--tpc: no such option/],
  [['-x', ...APP], /-x: no such option/],
  [['--ipc=yes', ...APP], /--ipc: a switch/],
  [[], /no command given.*e\.g\. sd-ready-wrap --tcp 3000 -- node app\.js/],
  [['--tcp', '3000'], /no command given/],
  [['--tcp', '3000', '--', ''], /empty word/],
  [['--tcp', '0', ...APP], /--tcp 0: .*--tcp 3000/],
  [['--tcp', '70000', ...APP], /--tcp 70000: .*--tcp 3000/],
  [['--tcp', '-1', ...APP], /--tcp -1: .*--tcp 3000/],
  [['--tcp', 'http', ...APP], /--tcp http: .*--tcp 3000/],
  [['--tcp', '::1:3000', ...APP], /--tcp \[::1\]:3000/],
  [['--tcp'], /--tcp: its value is missing; write e\.g\. --tcp 3000/],
  [['--tcp', '--stdout', 'x', ...APP], /--tcp: its value is missing.*--tcp 3000/],
  [['--tcp', 'no-such-host.invalid:80', ...APP], /no-such-host\.invalid:80: the host does not resolve/],
  [['--stdout', '(', ...APP], /--stdout \(: not a JavaScript regex/],
  [['--stdout', '', ...APP], /--stdout '': an empty regex/],
  [
    ['--tcp', '1', '--timeout', '5 parsecs', ...APP],
    /--timeout 5 parsecs: not a time span; write e\.g\. --timeout 90s/,
  ],
  [['--tcp', '1', '--interval', '0', ...APP], /--interval 0: must be at least 1ms/],
  [['--tcp', '1', '--ready-when', 'some', ...APP], /--ready-when some: not one of all, any/],
  [['--tcp', '1', '--log-format', 'xml', ...APP], /--log-format xml: not one of auto/],
  [[...APP], /no readiness probe given.*--tcp 3000/],
  [['--ipc', '--', 'npm', 'start'], /--ipc: npm cannot.*--ipc -- node app\.js/],
  [['--ipc', '--', 'sh', '-c', 'node app.js'], /--ipc: sh cannot/],
])('%j', async (args, words) => {
  await using run = wrap(args);
  expect(await run.exit).toEqual({ code: 125, signal: null });
  expect(run.stderr()).toMatch(words);
  expect(run.stderr()).toMatch(/^sd-ready-wrap: [^\n]+\n$/);
  expect(run.stdout().toString()).toBe('');
});

test.each<[Record<string, string>, RegExp]>([
  [{ SD_READY_WRAP_TCP: '0' }, /SD_READY_WRAP_TCP=0: .*SD_READY_WRAP_TCP=3000/],
  [{ SD_READY_WRAP_TCP: '3000\n70000' }, /SD_READY_WRAP_TCP=70000: /],
  [{ SD_READY_WRAP_IPC: 'maybe' }, /SD_READY_WRAP_IPC=maybe: neither yes nor no/],
  [{ SD_READY_WRAP_TPC: '3000' }, /SD_READY_WRAP_TPC: no such option/],
  [{ SD_READY_WRAP_TIMEOUT: 'soon' }, /SD_READY_WRAP_TIMEOUT=soon: not a time span/],
])('%j', async (env, words) => {
  await using run = wrap(APP, env);
  expect(await run.exit).toEqual({ code: 125, signal: null });
  expect(run.stderr()).toMatch(words);
  expect(run.stderr()).toMatch(/^sd-ready-wrap: [^\n]+\n$/);
  expect(run.stdout().toString()).toBe('');
});

test('in the journal the line has the priority of an error', async () => {
  // a pipe stands in for the journal: what counts is that JOURNAL_STREAM names it
  await using run = wrap(['--tcp', '0', 'true'], { JOURNAL_STREAM: '1:2' });
  await run.exit;
  expect(run.stderr()).not.toMatch(/^</);
});

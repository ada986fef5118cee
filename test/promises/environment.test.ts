/** What the app finds in its environment, and the options that come from ours. */
import { expect, test } from 'vitest';
import { freePort, node, wrap } from './support/wrap.ts';

test('the same but for what speaks to the wrapper', async () => {
  const kept = { KEPT: 'as it is', EMPTY: '', 'odd.name': 'x', INVOCATION_ID: 'f00', RUNTIME_DIRECTORY: '/run/x' };
  const taken = {
    WATCHDOG_USEC: '9',
    WATCHDOG_PID: '1',
    MAINPID: '1',
    SYSTEMD_EXEC_PID: '1',
    SD_READY_WRAP_STDOUT: '.',
  };
  await using run = wrap(['--', ...node('prints-env')], { ...kept, ...taken, NODE_CHANNEL_SERIALIZATION_MODE: 'json' });
  expect((await run.exit).code).toBe(0);
  expect(JSON.parse(run.stdout().toString())).toEqual({ ...kept, PATH: process.env['PATH'] });
});

test.each<[string, Record<string, string>, string[], RegExp]>([
  [
    'a list, one a line',
    { STDOUT: 'running\nnever', READY_WHEN: 'any' },
    [],
    /waiting for stdout \/running\/ or stdout \/never\//,
  ],
  ['the command line wins', { STDOUT: 'never' }, ['--stdout', 'running'], /waiting for stdout \/running\/"/],
  ['a switch', { IPC: 'on' }, [], /waiting for ipc message \\"ready/],
  ['a switch that is off', { IPC: 'off', STDOUT: 'running' }, [], /waiting for stdout \/running\/"/],
  ['an empty one is unset', { TCP: '', STDOUT: 'running' }, [], /waiting for stdout \/running\/"/],
  ['a word', { IPC_MESSAGE: 'online' }, [], /waiting for ipc message \\"online/],
  ['the log', { LOG_FORMAT: 'journal', STDOUT: 'running' }, [], /^<6>sd-ready-wrap: started/],
  ['its level', { LOG_LEVEL: 'error', STDOUT: 'never' }, [], /^\{"level":50/],
  ['times', { STDERR: 'never', TIMEOUT: '120ms', STOP_TIMEOUT: '1s', STDOUT: 'never' }, [], /not ready after 120 ms/],
])('options by variable: %s', async (_, variables, args, shown) => {
  const env = Object.fromEntries(Object.entries(variables).map(([name, value]) => [`SD_READY_WRAP_${name}`, value]));
  await using run = wrap([...args, '--', ...node('exits-with', '0', 'told')], env);
  if (variables['LOG_LEVEL'] === undefined) await run.shows('running (pid');
  if (variables['TIMEOUT'] === undefined) run.child.stdin.write('go\n');
  await run.exit;
  expect(run.stderr()).toMatch(shown);
});

test('polled times by variable', async () => {
  const env = {
    SD_READY_WRAP_TCP: String(await freePort()),
    SD_READY_WRAP_INITIAL_DELAY: '10s',
    SD_READY_WRAP_INTERVAL: '5ms',
    SD_READY_WRAP_ATTEMPT_TIMEOUT: '1s',
    SD_READY_WRAP_TIMEOUT: '200ms',
  };
  await using run = wrap(['--', 'sleep', '60'], env);
  expect((await run.exit).code).toBe(124);
  // no attempt was made within the initial delay, so there is no reason yet
  expect(run.stderr()).toMatch(new RegExp(`not ready after 200 ms: tcp 127.0.0.1:${env.SD_READY_WRAP_TCP}"`));
});

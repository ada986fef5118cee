/** The start timeout: the app is stopped, and the last line says what was awaited and why it did not come. */
import { expect, test } from 'vitest';
import { receiveNotifications } from './support/notify-receiver.ts';
import { freePort, node, wrap } from './support/wrap.ts';

test('names the probe and its last reason, in the log and in STATUS', async () => {
  const port = await freePort();
  await using receiver = await receiveNotifications();
  await using run = wrap(['--tcp', String(port), '--timeout', '300ms', '--', 'sleep', '60'], {
    NOTIFY_SOCKET: receiver.path,
  });
  expect(await run.exit).toEqual({ code: 124, signal: null });
  const words = `not ready after 300 ms: tcp 127.0.0.1:${port}: ECONNREFUSED`;
  expect(run.log().find((line) => line['event'] === 'not-ready')?.['msg']).toBe(words);
  expect(receiver.datagrams.at(-1)?.split('\n')).toEqual([`STATUS=${words}`, 'ERRNO=110']);
  expect(receiver.ready()).toEqual([]);
});

test('names only what is still open of several', async () => {
  const args = ['--stdout', 'running', '--stderr', 'never', '--timeout', '500ms'];
  await using run = wrap([...args, '--', ...node('ignores-sigterm'), '--stop-timeout'], {
    SD_READY_WRAP_STOP_TIMEOUT: '100ms',
  });
  expect(await run.exit).toEqual({ code: 124, signal: null });
  expect(run.stderr()).toMatch('not ready after 500 ms: stderr /never/: no output yet');
});

test('SIGTERM first, SIGKILL after --stop-timeout', async () => {
  const args = ['--stderr', 'never', '--timeout', '1s', '--stop-timeout', '200ms'];
  await using run = wrap([...args, '--', ...node('ignores-sigterm')]);
  expect(await run.exit).toEqual({ code: 124, signal: null });
  expect(run.stdout().toString()).toMatch('got SIGTERM');
  expect(run.log().map((line) => line['event'])).toEqual(['started', 'not-ready', 'killed', 'exited']);
});

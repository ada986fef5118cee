/**
 * Promise: where the app cannot be handed over `--handoff` says why in one line, and the wrapper does all else as ever.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { NODE, sh } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { wrap } from '../helpers/wrap.ts';

const PRINTS = [NODE, fileURLToPath(new URL('../fixtures/apps/prints-env.mjs', import.meta.url))];

describe('--handoff', () => {
  test('outside of systemd', async () => {
    await using run = wrap(['--handoff', '--delay', '1ms', '--', ...sh('read -r line; exit 3')]);
    const { msg, level } = await run.logged('warning');
    expect({ msg, level }).toEqual({
      msg:
        'no handoff, the wrapper stays: NOTIFY_SOCKET is not set, so systemd cannot receive the new main ' +
        'process (MAINPID=)',
      level: 40,
    });
    await run.logged('ready');
    run.tell('');
    expect(await run.closed).toEqual({ code: 3 });
  });

  test('below another process than systemd', async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--handoff', '--delay', '1ms', '--', ...sh('read -r line; kill -KILL $$')], {
      env: { NOTIFY_SOCKET: receiver.path },
    });
    expect((await run.logged('warning')).msg).toMatch(/the parent of the wrapper \(pid \d+\) is not systemd/);
    await receiver.untilReady();
    expect(receiver.assignments().filter((each) => each.startsWith('MAINPID'))).toEqual([]);
    run.tell('');
    expect(await run.closed).toEqual({ signal: 'SIGKILL' });
  });

  test("the app does not see systemd's socket there", async () => {
    await using receiver = await NotifyReceiver.start();
    await using run = wrap(['--handoff', '--delay', '1ms', '--', ...PRINTS], { env: { NOTIFY_SOCKET: receiver.path } });
    await run.closed;
    expect(run.stdout.text).not.toContain('NOTIFY_SOCKET');
  });

  test('with an option that needs the wrapper: one line, and the app is not started', async () => {
    await using run = wrap(['--handoff', '--notify', '--', ...sh('echo started')]);
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stdout.text).toBe('');
    expect(run.stderr.text).toBe(
      'sd-ready-wrap: --notify: cannot be combined with --handoff: its socket would close when the wrapper exits; ' +
        'use --tcp, --listen or --http, or remove --handoff\n',
    );
  });
});

/**
 * Promise: the app's environment is the unit's, without the variables that are for the wrapper; every option has a
 * variable.
 */
import { describe, expect, test } from 'vitest';
import { app } from '../helpers/apps.ts';
import { freePort } from '../helpers/free-port.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { tempDir } from '../helpers/temp.ts';
import { direct, type Run, wrap } from '../helpers/wrap.ts';

const PRINTS = app('prints-env');

async function printed(run: Run): Promise<Record<string, string>> {
  expect(await run.closed).toEqual({ code: 0 });
  const { WRAP_TEST_RUN: _, ...environment } = JSON.parse(run.stdout.text) as Record<string, string>;
  return environment;
}

describe('what the app gets', () => {
  const kept = {
    EMPTY: '',
    LINES: 'one\ntwo\n',
    UTF8: '\u{1f30a}',
    'no.identifier-': 'x=y=z',
    lower_case: '1',
    INVOCATION_ID: 'f3a1b1a5c1f24f6c9a1e1d1c2b3a4f5e',
    CREDENTIALS_DIRECTORY: '/run/credentials/x',
    MEMORY_PRESSURE_WATCH: '/sys/fs/cgroup/x',
    NODE_OPTIONS: '--no-deprecation',
    SD_READY_WRAPPED: 'not with the prefix',
  };
  const own = {
    WATCHDOG_USEC: '3000000',
    WATCHDOG_PID: '1',
    SYSTEMD_EXEC_PID: '1',
    LISTEN_PIDFDID: '1',
    NODE_CHANNEL_SERIALIZATION_MODE: 'json',
    SD_READY_WRAP_LOG_LEVEL: 'error',
    SD_READY_WRAP_TIMEOUT: '1h',
  };

  test.each([['--stdout'], ['--stderr'], ['--ipc-message'], ['--tcp']])(
    'with %s: the same as without the wrapper',
    async (option) => {
      await using receiver = await NotifyReceiver.start();
      await using bare = direct(PRINTS, { env: kept });
      const value = option === '--tcp' ? `${await freePort()}` : 'never';
      await using run = wrap([option, value, '--', ...PRINTS], {
        env: { ...kept, ...own, NOTIFY_SOCKET: receiver.path },
      });
      const environment = await printed(run);
      expect(environment).toEqual(await printed(bare));
      expect(environment).toMatchObject(kept);
    },
  );
});

/** Each option with a wrong value and a right one. If the wrong value is refused, the variable was read. */
const OPTIONS: [string, string, string][] = [
  ['tcp', '70000', '65000'],
  ['stdout', '(', 'x'],
  ['stderr', '(', 'x'],
  ['output', '(', 'x'],
  ['ipc-message', '', 'x'],
  ['ready-when', 'some', 'any'],
  ['initial-delay', 'soon', '0'],
  ['interval', 'often', '20ms'],
  ['attempt-timeout', 'long', '1s'],
  ['timeout', 'never', '90s'],
  ['stop-timeout', 'x', '10s'],
  ['log-level', 'loud', 'info'],
  ['log-format', 'xml', 'json'],
];
const variable = (option: string) => `SD_READY_WRAP_${option.toUpperCase().replaceAll('-', '_')}`;

describe('options as variables', () => {
  test.each(OPTIONS.filter(([, wrong]) => wrong !== ''))(
    'an error in --%s=%s names its variable',
    async (option, wrong) => {
      await using run = wrap(['--stderr', 'ready', '--', ...PRINTS], { env: { [variable(option)]: wrong } });
      // the command line wins over the one variable that is also set
      if (option === 'stderr') {
        await printed(run);
        return;
      }
      expect(await run.closed).toEqual({ code: 125 });
      expect(run.stderr.lines).toEqual([expect.stringContaining(variable(option))]);
    },
  );

  test.each(OPTIONS)('--%s: the command line overrides %j', async (option, wrong, right) => {
    const env = { [variable(option)]: wrong };
    await using run = wrap([`--${option}`, right, '--stderr', 'ready', '--', ...PRINTS], { env });
    await printed(run);
  });

  test('works with no option on the command line', async () => {
    await using run = wrap(PRINTS, { env: { SD_READY_WRAP_STDERR: 'IPC absent' } });
    await printed(run);
  });

  test('a list has one value per line', async () => {
    await using run = wrap(app('does-as-told'), { env: { SD_READY_WRAP_STDOUT: '^one$\n^two, too$\n' } });
    run.tell('say one');
    await run.until('stdout', 'one\n');
    await run.settled();
    expect(run.log.map(({ event }) => event)).not.toContain('ready');
    run.tell('say two, too');
    await run.logged('ready');
  });

  test('the command line replaces a list instead of adding to it', async () => {
    const env = { SD_READY_WRAP_STDOUT: '^one$\n^two$' };
    await using run = wrap(['--stdout', '^three$', '--', ...app('does-as-told')], { env });
    run.tell('say three');
    await run.logged('ready');
  });

  test.each(['1', 'yes', 'y', 'true', 't', 'on', 'YES', 'On'])('%s switches --ipc on', async (word) => {
    await using run = wrap(['--stdout', 'never', '--', ...PRINTS], { env: { SD_READY_WRAP_IPC: word } });
    await printed(run);
    expect(run.stderr.text).toContain('IPC open');
  });

  test.each(['0', 'no', 'n', 'false', 'f', 'off', 'OFF', ''])('%j switches it off', async (word) => {
    await using run = wrap(['--stdout', 'never', '--', ...PRINTS], { env: { SD_READY_WRAP_IPC: word } });
    await printed(run);
    expect(run.stderr.text).toContain('IPC absent');
  });

  test.each(OPTIONS)('an empty variable of --%s counts as unset', async (option) => {
    await using run = wrap(['--stderr', 'ready', '--', ...PRINTS], { env: { [variable(option)]: '' } });
    await printed(run);
  });

  test('refuses a misspelt variable', async () => {
    using dir = tempDir();
    await using run = wrap(['--stdout', 'x', '--', 'touch', dir.file('x')], { env: { SD_READY_WRAP_TPC: '3000' } });
    expect(await run.closed).toEqual({ code: 125 });
    expect(run.stderr.lines).toEqual([expect.stringContaining('SD_READY_WRAP_TPC')]);
  });
});

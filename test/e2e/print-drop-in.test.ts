/**
 * Promise: --print-drop-in prints what starts an existing unit through the wrapper, or one line with the reason why
 * not.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import { handles } from '../helpers/pids.ts';
import { tempDir } from '../helpers/temp.ts';
import { until } from '../helpers/until.ts';
import { BIN, Run, wrap } from '../helpers/wrap.ts';

test('a unit of another host, read from stdin: the drop-in on stdout, and a note on stderr', async () => {
  const unit = '# /etc/systemd/system/shop.service\\n[Service]\\nTimeoutStartSec=9\\nExecStart=/usr/bin/node app.js\\n';
  const script = `printf '${unit}' | "$@"`;
  const words = [NODE, BIN, '--print-drop-in', '/dev/stdin', '--listen', 'any'];
  await using run = new Run('sh', ['-c', script, 'sh', ...words], {});
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toContain('/etc/systemd/system/shop.service.d/zz');
  expect(run.stdout.lines.at(-1)).toBe(`ExecStart=${NODE} ${BIN} --listen any -- /usr/bin/node app.js`);
  expect(run.stderr.text).toMatch(/^sd-ready-wrap: shop\.service: its TimeoutStartSec=9 .*\n$/);
});

test('prints one line and exits with 125 if the unit cannot be carried over', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('shop.service'), '[Service]\nType=forking\nExecStart=/bin/a\n');
  await using run = wrap(['--print-drop-in', dir.file('shop.service')]);
  expect(await run.closed).toEqual({ code: 125 });
  expect(run.stdout.text).toBe('');
  expect(run.stderr.text).toMatch(/^sd-ready-wrap: shop\.service: Type=forking: .*; keep it in the foreground.*\n$/);
});

test('a pipe without a writer: SIGINT ends the wait', async () => {
  using dir = tempDir();
  execFileSync('mkfifo', [dir.file('shop.service')]);
  await using run = wrap(['--print-drop-in', dir.file('shop.service')]);
  await until('its handler', () => handles(run.pid, 'SIGINT'));
  run.kill('SIGINT');
  expect(await run.closed).toEqual({ signal: 'SIGINT' });
});

test('--argv0: the app gets that name as argv[0]', async () => {
  await using run = wrap(['--argv0', 'a shop', '--', NODE, '-p', 'process.argv0']);
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toBe('a shop\n');
});

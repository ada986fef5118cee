/** Promise: --print-drop-in prints what starts an existing unit through the wrapper, or one line that says why not. */
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import { tempDir } from '../helpers/temp.ts';
import { BIN, Run, wrap } from '../helpers/wrap.ts';

test('a unit of another host, by stdin: the drop-in on stdout, and a note on stderr', async () => {
  const unit = '# /etc/systemd/system/shop.service\\n[Service]\\nTimeoutStartSec=9\\nExecStart=/usr/bin/node app.js\\n';
  const script = `printf '${unit}' | "$@"`;
  const words = [NODE, BIN, '--print-drop-in', '/dev/stdin', '--listen', 'any'];
  await using run = new Run('sh', ['-c', script, 'sh', ...words], {});
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toContain('/etc/systemd/system/shop.service.d/zz');
  expect(run.stdout.lines.at(-1)).toBe(`ExecStart=${NODE} ${BIN} --listen any -- /usr/bin/node app.js`);
  expect(run.stderr.text).toMatch(/^sd-ready-wrap: shop\.service: its TimeoutStartSec=9 .*\n$/);
});

test('what cannot be carried over is one line, exit status 125', async () => {
  using dir = tempDir();
  writeFileSync(dir.file('shop.service'), '[Service]\nType=forking\nExecStart=/bin/a\n');
  await using run = wrap(['--print-drop-in', dir.file('shop.service')]);
  expect(await run.closed).toEqual({ code: 125 });
  expect(run.stdout.text).toBe('');
  expect(run.stderr.text).toMatch(/^sd-ready-wrap: shop\.service: Type=forking: .*; keep it in the foreground.*\n$/);
});

test('--argv0: the app finds that as its own name', async () => {
  await using run = wrap(['--argv0', 'a shop', '--', NODE, '-p', 'process.argv0']);
  expect(await run.closed).toEqual({ code: 0 });
  expect(run.stdout.text).toBe('a shop\n');
});

/** What counts as a line of the app's output: at any length, and after a carriage return. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NODE } from '../helpers/apps.ts';
import { NotifyReceiver } from '../helpers/notify-receiver.ts';
import { tempDir } from '../helpers/temp.ts';
import { wrap } from '../helpers/wrap.ts';

/** Runs an app whose script writes to stdout; it then prints `end` on stderr and stays. */
async function runs(regex: string, script: string, wanted: 'ready' | 'not ready'): Promise<void> {
  using dir = tempDir();
  writeFileSync(
    dir.file('app.mjs'),
    `import { writeSync } from 'node:fs';
    const write = (text) => {
      for (let left = Buffer.from(text); left.length > 0;) left = left.subarray(writeSync(1, left));
    };
    ${script};
    writeSync(2, 'end\\n');
    setInterval(() => {}, 1000);`,
  );
  await using receiver = await NotifyReceiver.start();
  await using run = wrap(['--stdout', regex, '--', NODE, dir.file('app.mjs')], {
    env: { NOTIFY_SOCKET: receiver.path },
  });
  if (wanted === 'ready') {
    await receiver.untilReady();
    return;
  }
  await run.until('stderr', /^end$/m);
  await run.settled();
  await receiver.settled();
  expect(receiver.assignments()).not.toContain('READY=1');
}

describe('a long line', () => {
  test.each([
    ['its start', '^ready', "write('ready ' + 'x'.repeat(70000) + '\\n')"],
    ['its start, without an end', '^ready', "write('ready ' + 'x'.repeat(70000))"],
    ['its start, of a megabyte', '^ready', "write('ready ' + 'x'.repeat(1 << 20) + '\\n')"],
    ['its start, after others', '^ready', "write('a\\n'.repeat(1000) + 'ready ' + 'x'.repeat(200000) + '\\n')"],
    ['its middle', 'ready', "write('x'.repeat(40000) + 'ready' + 'x'.repeat(40000) + '\\n')"],
    ['its end', 'ready$', "write('x'.repeat(300000) + 'ready\\n')"],
    ['start and end', '^up.*ready$', "write('up' + 'x'.repeat(30000) + 'ready\\n')"],
  ])('%s matches', async (_, regex, script) => {
    await runs(regex, script, 'ready');
  });

  test.each([
    ['^ready', "write('x'.repeat(70000) + 'ready\\n')"],
    ['^ready', "for (let n = 0; n < 20; n += 1) write('ready'.padStart(16384, 'x')); write('\\n')"],
    ['ready$', "write('ready' + 'x'.repeat(70000) + '\\n')"],
  ])('%s does not match within %s', async (regex, script) => {
    await runs(regex, script, 'not ready');
  });
});

describe('a carriage return restarts the line', () => {
  test.each([
    ['^ready', "write('10%\\r50%\\rready\\n')"],
    ['^ready', "write('10%\\r50%\\rready')"],
    ['^ready$', "write('10%\\r50%\\rready\\r\\n')"],
    ['^ready$', "write('ready\\r\\n')"],
    ['^ready$', "write('ready\\r'); write('\\n')"],
    ['^ready', "write('10%\\r'); write('ready\\n')"],
    ['^ready', "write('\\u001b[32m10%\\r\\u001b[32mready\\u001b[0m\\n')"],
  ])('%s matches in %s', async (regex, script) => {
    await runs(regex, script, 'ready');
  });

  test.each([
    ['^ready', "write('not ready\\n')"],
    ['10%.*ready', "write('10%\\rready\\n')"],
  ])('%s does not match in %s', async (regex, script) => {
    await runs(regex, script, 'not ready');
  });
});

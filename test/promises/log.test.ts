/** The wrapper's own log: one line for each thing it did. */
import { describe, expect, test } from 'vitest';
import { node, wrap } from './support/wrap.ts';

async function life(format: string): Promise<string[]> {
  await using run = wrap(['--log-format', format, '--stdout', '^ready', '--', ...node('prints-signals', 'SIGHUP')]);
  await run.shows('ready after');
  run.child.kill('SIGHUP');
  await run.shows('got SIGHUP');
  run.child.stdin.end();
  expect((await run.exit).code).toBe(0);
  return run.stderr().trimEnd().split('\n');
}

const STORY = [
  /started the app, pid \d+; waiting for stdout \/\^ready\//,
  /ready after [\d.]+ m?s: stdout \/\^ready\//,
  /forwarded SIGHUP to the app/,
  /the app exited with code 0/,
];

describe('started, ready, signal, ended', () => {
  test.each([
    ['json', /^\{"level":30,"time":"[\dT:.-]+Z",/],
    ['auto', /^\{"level":30,/],
    ['journal', /^<6>sd-ready-wrap: /],
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal
    ['pretty', /^\u001b\[\d+msd-ready-wrap:\u001b\[0m /],
  ])('%s', async (format, form) => {
    const lines = await life(format);
    expect(lines).toHaveLength(STORY.length);
    lines.forEach((line, index) => {
      expect(line).toMatch(form);
      expect(line).toMatch(STORY[index] as RegExp);
    });
  });
});

test('JSON has no key twice, and tells the app from the wrapper', async () => {
  const [started] = await life('json');
  const keys = [...(started as string).matchAll(/"(\w+)":/g)].map(([, key]) => key);
  expect(new Set(keys).size).toBe(keys.length);
  const record = JSON.parse(started as string);
  expect(record.app_pid).not.toBe(record.pid);
});

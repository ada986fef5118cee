import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { whyNoBeat, withBeat } from '../../../src/watchdog/beat-options.ts';
import { tempDir } from '../../helpers/temp.ts';

const BEAT = { preload: '/p/beat.cjs', fd: 4, intervalMs: 1000, parent: 7 };

describe('withBeat', () => {
  it.each([
    [{ HOME: '/' }, '--require "/p/beat.cjs"'],
    [{ NODE_OPTIONS: '--no-warnings' }, '--require "/p/beat.cjs" --no-warnings'],
  ])('%j', (env, options) => {
    expect(withBeat(env, BEAT)).toEqual({ ...env, NODE_OPTIONS: options, SD_READY_WRAP_BEAT: '4 250 7 23' });
  });

  it('beats are not closer than a timer can tell', () => {
    expect(withBeat({}, { ...BEAT, intervalMs: 4 })['SD_READY_WRAP_BEAT']).toBe('4 5 7 23');
  });

  // by Node itself, as it is Node that reads it
  it.each(['plain', 'two words', `it's "odd"`, 'back\\slash', '--dashes', 'ü'])('from a directory named %j', (name) => {
    using dir = tempDir();
    mkdirSync(dir.file(name));
    const preload = `${dir.file(name)}/beat.cjs`;
    writeFileSync(preload, 'console.log("loaded")');
    const { NODE_OPTIONS } = withBeat({ NODE_OPTIONS: '--stack-trace-limit=7' }, { ...BEAT, preload });
    const script = 'console.log(Error.stackTraceLimit)';
    const seen = execFileSync(process.execPath, ['-e', script], { env: { NODE_OPTIONS }, encoding: 'utf8' });
    expect(seen).toBe('loaded\n7\n');
  });
});

describe('whyNoBeat', () => {
  const WHY = "Node's permission model would keep the app from it";

  it.each([
    [['app.js'], '', undefined],
    [['--experimental-permission', 'app.js'], '', WHY],
    [['--permission', '--allow-fs-read=/srv', 'app.js'], '', WHY],
    [['app.js', '--permission'], '', undefined],
    [['--permissions-of-mine', 'app.js'], '', undefined],
    [['app.js'], '--no-warnings --permission', WHY],
  ])('node %j, NODE_OPTIONS=%s', (args, options, why) => {
    expect(whyNoBeat(args, options)).toBe(why);
  });
});

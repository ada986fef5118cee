import { describe, expect, it } from 'vitest';
import { whyNoBeat, withBeat } from '../../../src/watchdog/beat-options.ts';

const BEAT = { preload: '/p/beat.cjs', fd: 4, intervalMs: 1000, parent: 7 };

describe('withBeat', () => {
  it('an option of its own in front of those of the operator, and NODE_OPTIONS as they are', () => {
    const env = { NODE_OPTIONS: '--no-warnings' };
    expect(withBeat({ args: ['--title=shop', 'app.js'], env }, BEAT)).toEqual({
      args: ['--require', '/p/beat.cjs', '--title=shop', 'app.js'],
      env: { ...env, SD_READY_WRAP_BEAT: '4 250 7' },
    });
  });

  it('beats are not closer than a timer can tell', () => {
    const { env } = withBeat({ args: [], env: {} }, { ...BEAT, intervalMs: 4 });
    expect(env).toEqual({ SD_READY_WRAP_BEAT: '4 5 7' });
  });
});

describe('whyNoBeat', () => {
  const WHY = "Node's permission model forbids it";

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

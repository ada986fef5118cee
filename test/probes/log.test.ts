import { describe, expect, it } from 'vitest';
import type { OutputStream } from '../../src/app/types.ts';
import { createProbe } from '../../src/probes/index.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

/** CPU time of this process so far, ms: unaffected by the load of other processes. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function start(regex: RegExp, option: OutputStream | 'output' = 'stdout') {
  const context = fakeContext();
  const { clock, app, warnings } = context;
  const abort = new AbortController();
  const streams = option === 'output' ? (['stdout', 'stderr'] as const) : [option];
  const probe = createProbe({ kind: 'log', option, streams, regex }, context);
  const waited = probe.wait(abort.signal);
  return { clock, app, abort, warnings, probe, waited, ready: () => isSettled(waited) };
}

describe('a log probe', () => {
  it('is ready with the line, under its name, and removes its listeners', async () => {
    const { clock, app, probe, waited, ready } = start(/listening on \d+/);
    expect(probe.name).toBe('stdout /listening on \\d+/');
    expect(probe.reason).toBe('no output yet');
    app.write('stdout', 'booting\n');
    expect(probe.reason).toBe('no line matched yet');
    expect(await ready()).toBe(false);
    app.write('stdout', 'listening on 3000\n');
    expect(await waited).toBe('stdout /listening on \\d+/');
    expect(app.listeners).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it.each<[OutputStream | 'output', string]>([
    ['stdout', '; if the line is on stderr, write --stderr'],
    ['stderr', '; if the line is on stdout, write --stdout'],
    ['output', ''],
  ])('after a while --%s hints at the other stream', (option, hint) => {
    const { clock, app, probe } = start(/up/, option);
    clock.advance(999);
    expect(probe.reason).toBe('no output yet');
    clock.advance(1);
    expect(probe.reason).toBe(`no output yet${hint}`);
    app.write(option === 'stderr' ? 'stderr' : 'stdout', 'other\n');
    expect(probe.reason).toBe(`no line matched yet${hint}`);
  });

  it('gives no hints after a reload if it matched before: stream and regex are right', async () => {
    const { clock, app, probe, waited } = start(/^\/up\/$/);
    app.write('stdout', '/up/\n');
    await waited;
    void probe.wait(new AbortController().signal);
    clock.advance(1000);
    expect(probe.reason).toBe('no output yet');
    app.write('stdout', 'other\n');
    expect(probe.reason).toBe('no line matched yet');
  });

  it.each<[OutputStream | 'output', OutputStream, boolean]>([
    ['stdout', 'stdout', true],
    ['stdout', 'stderr', false],
    ['stderr', 'stderr', true],
    ['stderr', 'stdout', false],
    ['output', 'stdout', true],
    ['output', 'stderr', true],
  ])('--%s and a line on %s: %s', async (option, stream, expected) => {
    const { app, ready } = start(/^up$/, option);
    app.write(stream, 'up\n');
    expect(await ready()).toBe(expected);
  });

  it('does not join pieces of two streams into a line', async () => {
    const { app, ready } = start(/ready/, 'output');
    app.write('stdout', 'rea');
    app.write('stderr', 'dy\n');
    expect(await ready()).toBe(false);
    app.write('stdout', 'dy');
    expect(await ready()).toBe(true);
  });

  it.each<[string, RegExp, (string | Uint8Array)[]]>([
    ['in one piece', /^server ready$/, ['server ready\n']],
    ['among others', /^server ready$/, ['a\nb\nserver ready\nc\n']],
    ['in two pieces', /^server ready$/, ['server re', 'ady\n']],
    ['byte by byte', /^server ready$/, [...Buffer.from('x\nserver ready\n')].map((byte) => Uint8Array.of(byte))],
    [
      'cut inside a character',
      /^bereit für 起動$/,
      [...Buffer.from('bereit für 起動\n')].map((byte) => Uint8Array.of(byte)),
    ],
    ['with CRLF', /^server ready$/, ['server ready\r\n']],
    ['with CR and LF in two pieces', /^server ready$/, ['server ready\r', '\n']],
    ['in colour', /^server ready$/, ['\u001b[32mserver\u001b[0m \u001b[1;31mready\u001b[39m\n']],
    ['in colour, cut inside its code', /^server ready$/, ['\u001b[3', '2mserver ready\u001b', '[0m\n']],
    ['with a hyperlink', /^see docs$/, ['see \u001b]8;;http://x\u0007docs\u001b]8;;\u0007\n']],
    ['after bytes that are not UTF-8', /ready/, [Uint8Array.of(0xff, 0xc3, 0x0a), 'ready\n']],
    ['after an empty line', /^$/, ['a\n', '\n']],
  ])('a line %s', async (_, regex, pieces) => {
    const { app, ready } = start(regex);
    for (const piece of pieces) app.write('stdout', piece);
    expect(await ready()).toBe(true);
  });

  it('matches one line at a time', async () => {
    const { app, ready } = start(/a[\s\S]*b/);
    app.write('stdout', 'a\nb\n');
    expect(await ready()).toBe(false);
  });
});

describe('an unfinished line', () => {
  it('counts at once if the regex does not ask for its end', async () => {
    const { clock, app, ready } = start(/listening/);
    app.write('stdout', 'now listening');
    expect(await ready()).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('of 100 ms is a prompt, whose end counts as the end of the line', async () => {
    const { clock, app, ready } = start(/^> $/);
    app.write('stdout', 'welcome\n> ');
    clock.advance(99);
    expect(await ready()).toBe(false);
    clock.advance(1);
    expect(await ready()).toBe(true);
    expect(clock.pending).toBe(0);
    expect(app.listeners).toBe(0);
  });

  it('may be a prompt in colour', async () => {
    const { clock, app, ready } = start(/^> $/);
    app.write('stdout', '\u001b[1m> \u001b[0m');
    clock.advance(100);
    expect(await ready()).toBe(true);
  });

  it('does not match $ when half written', async () => {
    const { clock, app, ready } = start(/^port 3$/);
    app.write('stdout', 'port 3');
    clock.advance(99);
    app.write('stdout', '000');
    clock.advance(99);
    app.write('stdout', '\n');
    clock.advance(1000);
    expect(await ready()).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it.each([/^port [^3]/, /^port \S/, /^port ./])('does not match text that is not written yet: %s', async (regex) => {
    const { app, ready } = start(regex);
    app.write('stdout', 'port ');
    expect(await ready()).toBe(false);
  });

  it('each stream has its own prompt', async () => {
    const { clock, app, ready } = start(/^> $/, 'output');
    app.write('stdout', '> ');
    clock.advance(60);
    app.write('stderr', 'noise\n');
    clock.advance(40);
    expect(await ready()).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe('an abort', () => {
  it('removes all listeners, and nothing settles', async () => {
    const { clock, app, abort, ready } = start(/ready$/, 'output');
    app.write('stdout', 'ready');
    app.write('stderr', 'ready');
    expect(clock.pending).toBe(2);
    abort.abort();
    expect(clock.pending).toBe(0);
    expect(app.listeners).toBe(0);
    app.write('stdout', '\n');
    expect(await ready()).toBe(false);
  });
});

describe('a flood', () => {
  it('of megabytes without a line end is scanned quickly and still matches at its end', async () => {
    const { app, ready } = start(/done$/);
    const piece = Buffer.alloc(64 * 1024, 'x');
    const begun = cpuTime();
    for (let n = 0; n < 16 * 8; n += 1) app.write('stdout', piece);
    // 8 MiB; an unbounded line would take minutes
    expect(cpuTime() - begun).toBeLessThan(5000);
    expect(await ready()).toBe(false);
    app.write('stdout', ' done\n');
    expect(await ready()).toBe(true);
  });

  it('of short lines is scanned once per piece', async () => {
    const { app, ready } = start(/ready/);
    const piece = Buffer.from('x\n'.repeat(32 * 1024));
    const begun = cpuTime();
    for (let n = 0; n < 32; n += 1) app.write('stdout', piece);
    expect(cpuTime() - begun).toBeLessThan(5000);
    expect(await ready()).toBe(false);
  });
});

describe('a regex that backtracks forever', () => {
  it('is stopped for each piece, gives one warning, and continues', async () => {
    const { app, clock, warnings, ready } = start(/^(a+)+$/);
    app.write('stdout', 'warm up\n');
    const times = [1, 2, 3].map(() => {
      const begun = cpuTime();
      app.write('stdout', `${'a'.repeat(5000)}!\n`);
      const took = cpuTime() - begun;
      // on a busy machine it is tried again
      clock.advance(1000);
      return took;
    });
    // forever is longer; a thread stops it at 50 ms, and may have to wait for the processor itself
    expect(Math.min(...times)).toBeLessThan(200);
    expect(warnings).toEqual([
      'stdout /^(a+)+$/ was too slow for some output, which was not checked; write a regex with ' + 'less backtracking',
    ]);
    expect(await ready()).toBe(false);
    app.write('stdout', 'aaa\n');
    expect(await ready()).toBe(true);
    expect(warnings).toHaveLength(1);
  });
});

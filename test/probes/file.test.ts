import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fileProbe } from '../../src/probes/file.ts';
import { fileStamp } from '../../src/probes/file-stamp.ts';
import { tempDir } from '../helpers/temp.ts';
import { fakeContext, isSettled } from '../unit/fakes.ts';

/** A probe of a real file in a directory of its own; `prepare` is what others did before the start. */
function start(prepare: (path: string) => void = () => {}, name = 'ready') {
  const dir = tempDir();
  onTestFinished(() => dir[Symbol.dispose]());
  const path = dir.file(name);
  prepare(path);
  const before = fileStamp(path);
  const context = { ...fakeContext(), stamp: fileStamp, stampBefore: () => before };
  const abort = new AbortController();
  const probe = fileProbe({ kind: 'file', path }, context);
  const waited = probe.wait(abort.signal);
  context.clock.advance(0);
  return { ...context, dir, path, abort, probe, waited };
}

/** A probe of a file that nobody makes. */
function probeOf(path: string) {
  const context = { ...fakeContext(), stamp: fileStamp, stampBefore: () => undefined };
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const probe = fileProbe({ kind: 'file', path }, context);
  void probe.wait(abort.signal);
  return { probe, clock: context.clock };
}

/** Long ago, so that the clock of the file system has moved on since. */
const old = (path: string) => {
  writeFileSync(path, 'old');
  utimesSync(path, 1_000_000, 1_000_000);
};

const anew = (path: string) => {
  rmSync(path);
  writeFileSync(path, 'old');
};

const another = (path: string) => {
  old(`${path}.new`);
  renameSync(`${path}.new`, path);
};

describe('a file probe', () => {
  it('says where a directory is missing', async () => {
    const { path, probe } = start(() => {}, 'nowhere/ready');
    expect(probe.reason).toBe(`does not exist, nor does ${dirname(path)}`);
  });

  it('names what makes one below /run', () => {
    const { probe, clock } = probeOf('/run/sd-ready-wrap-nowhere/ready');
    clock.advance(0);
    expect(probe.reason).toBe(
      'does not exist, nor does /run/sd-ready-wrap-nowhere (RuntimeDirectory=sd-ready-wrap-nowhere creates it)',
    );
  });

  it('is ready when the file is there, and not before', async () => {
    const { path, probe, clock, waited } = start();
    expect(probe.name).toBe(`file ${path}`);
    expect(probe.reason).toBe('does not exist');
    clock.advance(1000);
    expect(await isSettled(waited)).toBe(false);
    writeFileSync(path, '');
    // a look costs next to nothing, so there are three to an interval
    clock.advance(7);
    expect(await waited).toBe(probe.name);
    expect(clock.pending).toBe(0);
  });

  it('a file of an earlier start does not count', async () => {
    const { probe, clock, waited } = start(old);
    expect(probe.reason).toBe('exists, but is older than the start');
    clock.advance(1000);
    expect(await isSettled(waited)).toBe(false);
  });

  const ways: [string, (path: string) => void][] = [
    ['is touched', (path) => utimesSync(path, new Date(), new Date())],
    ['is written', (path) => writeFileSync(path, 'new')],
    ['is made anew', anew],
    ['gives way to another, which is as old', another],
  ];
  it.each(ways)('it counts when it %s', async (_, act) => {
    const { path, clock, waited } = start(old);
    act(path);
    clock.advance(20);
    await waited;
  });

  const notWays: [string, (path: string) => void, string][] = [
    ['has other permissions', (path) => chmodSync(path, 0o600), 'exists, but is older than the start'],
    ['is gone', (path) => rmSync(path), 'does not exist'],
  ];
  it.each(notWays)('it does not when it %s', async (_, act, reason) => {
    const { path, probe, clock, waited } = start(old);
    act(path);
    clock.advance(20);
    expect(await isSettled(waited)).toBe(false);
    expect(probe.reason).toBe(reason);
  });

  it('a link is what it leads to', async () => {
    const { path, probe, clock, waited } = start((link) => symlinkSync(`${link}.target`, link));
    expect(probe.reason).toBe('does not exist');
    writeFileSync(`${path}.target`, '');
    clock.advance(20);
    await waited;
  });

  it('a directory counts too', async () => {
    const { path, clock, waited } = start();
    mkdirSync(path);
    clock.advance(20);
    await waited;
  });

  it('says what is in the way', () => {
    const { path, probe, clock } = start();
    symlinkSync(path, path);
    clock.advance(20);
    expect(probe.reason).toBe('ELOOP');
  });

  it('an abort leaves nothing', async () => {
    const { path, abort, clock, waited } = start();
    abort.abort();
    expect(clock.pending).toBe(0);
    writeFileSync(path, '');
    clock.advance(1000);
    expect(await isSettled(waited)).toBe(false);
  });
});

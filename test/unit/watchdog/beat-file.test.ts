import { closeSync, fstatSync, writeSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openBeatFile } from '../../../src/watchdog/beat-file.ts';

it('makes a file without a name that holds a count', () => {
  const file = openBeatFile({});
  if ('problem' in file) throw new Error(file.problem);
  try {
    expect(fstatSync(file.fd)).toMatchObject({ nlink: 0, size: 4 });
    expect(file.beats()).toBe(0);
    writeSync(file.fd, Buffer.from([1, 2, 0, 0]), 0, 4, 0);
    expect([file.beats(), file.beats()]).toEqual([513, 513]);
  } finally {
    closeSync(file.fd);
  }
});

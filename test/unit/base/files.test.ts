import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readHead } from '../../../src/base/files.ts';

const dir = mkdtempSync(join(tmpdir(), 'files-'));
afterAll(() => rmSync(dir, { recursive: true }));

it('reads the start of a program, however large that is', () => {
  const file = join(dir, 'program');
  writeFileSync(file, '#!/bin/sh\n');
  expect(readHead(file)).toBe('#!/bin/sh\n');
  truncateSync(file, 1024 ** 3);
  expect(readHead(file)).toHaveLength(64 * 1024);
});

it('reads no bytes of a pipe, and does not wait for its writer', () => {
  const fifo = join(dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  expect(readHead(fifo)).toBeUndefined();
});

it.each(['/dev/zero', '/no/such/file', tmpdir()])('%s has none', (path) => {
  expect(readHead(path)).toBeUndefined();
});

import { describe, expect, it } from 'vitest';
import { describeExit, isCleanExit, spawnFailureCode } from '../../../src/base/exit-status.ts';

describe('describeExit and isCleanExit', () => {
  it.each([
    [{ code: 0 }, 'exited with code 0', true],
    [{ code: 1 }, 'exited with code 1', false],
    [{ code: 143 }, 'exited with code 143', false],
    [{ code: 255 }, 'exited with code 255', false],
    [{ signal: 'SIGTERM' }, 'was killed by SIGTERM', true],
    [{ signal: 'SIGINT' }, 'was killed by SIGINT', true],
    [{ signal: 'SIGHUP' }, 'was killed by SIGHUP', true],
    [{ signal: 'SIGPIPE' }, 'was killed by SIGPIPE', true],
    [{ signal: 'SIGKILL' }, 'was killed by SIGKILL', false],
    [{ signal: 'SIGSEGV' }, 'was killed by SIGSEGV', false],
    [{ signal: 'SIGUSR1' }, 'was killed by SIGUSR1', false],
  ])('%j: %s, clean: %s', (status, text, clean) => {
    expect(describeExit(status)).toBe(text);
    expect(isCleanExit(status)).toBe(clean);
  });
});

describe('spawnFailureCode', () => {
  it.each([
    ['ENOENT', 127],
    ['EACCES', 126],
    ['ENOEXEC', 126],
    ['E2BIG', 126],
    ['ELOOP', 126],
    [undefined, 126],
    ['EAGAIN', 125],
    ['ENOMEM', 125],
    ['EMFILE', 125],
    ['ENFILE', 125],
  ])('%s gives %d', (errno, code) => {
    expect(spawnFailureCode(errno)).toBe(code);
  });
});

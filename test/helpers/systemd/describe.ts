import { afterAll, beforeAll, describe } from 'vitest';
import { untried } from '../untried.ts';
import { bootSystemd, type ModeName, possibleModes, type TestSystemd } from './private-systemd.js';

/**
 * Registers the tests of `define` once for each of the modes that this machine supports, each with its own systemd. If
 * the tests do not run as root, `session` replaces all of them. If no mode is possible: see untried.ts.
 */
export function describeSystemd(title: string, wanted: readonly ModeName[], define: (get: () => TestSystemd) => void) {
  const { modes, missing } = possibleModes();
  const here = modes.filter((mode) => wanted.includes(mode));
  // the session's own manager is not enough under CI
  if (process.env['CI'] === 'true' ? !here.some((mode) => mode !== 'session') : here.length === 0) {
    untried(title, `no systemd to try it on: ${missing}`);
    return;
  }
  describe.each(here)(`${title}, %s`, (mode) => {
    let systemd: TestSystemd | undefined;
    beforeAll(async () => {
      systemd = await bootSystemd(mode);
    });
    afterAll(() => systemd?.stop());
    define(() => {
      if (!systemd) throw new Error('the systemd is there only while tests run');
      return systemd;
    });
  });
}

/** The modes of nearly every test: root hides permission errors, and a user manager those of pid 1. */
export const EVERYWHERE: readonly ModeName[] = ['user-root', 'user-1000', 'system', 'session'];

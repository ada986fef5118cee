/**
 * Time limits at the pace of the machine: each grows with the time that a bare Node takes to boot on it. Plain
 * JavaScript, as vitest.config.ts and the demo's systemd use it too.
 */
import { spawnSync } from 'node:child_process';

/** What a boot takes where the limits were written down, ms. */
const BOOT = 25;

const BOOTS = 5;

/** Where the main process leaves what it measured to its workers. */
const VARIABLE = 'TEST_PACE';

/** How many times slower than that this machine is, beside all that it has to do now; never less than 1. */
export function measurePace() {
  const boots = Array.from({ length: BOOTS }, () => {
    const began = performance.now();
    spawnSync(process.execPath, ['-e', '0'], { env: {}, stdio: 'ignore' });
    return performance.now() - began;
  });
  const pace = Math.max(1, Math.max(...boots) / BOOT);
  process.env[VARIABLE] = String(pace);
  return pace;
}

/** As measured at the start of the run; 1 where nobody has measured. */
const PACE = Number(process.env[VARIABLE] ?? 1);

/**
 * @param {number} ms what is enough where a boot takes 25 ms
 * @returns {number} what is enough here, whole ms
 */
export function scaled(ms, pace = PACE) {
  return Math.round(ms * pace);
}

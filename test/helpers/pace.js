/**
 * Time limits at the pace of the machine: each grows with the boot time of a bare Node. Plain JavaScript, because
 * vitest.config.ts and the demo's systemd use it too.
 */
import { spawnSync } from 'node:child_process';

/** The boot time on the machine where the limits were chosen, ms. */
const BOOT = 25;

const BOOTS = 5;

/** Where the main process leaves its measurement for its workers. */
const VARIABLE = 'TEST_PACE';

/** How many times slower this machine is, with its present load; never less than 1. */
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

/** As measured at the start of the run; 1 if not measured. */
const PACE = Number(process.env[VARIABLE] ?? 1);

/**
 * @param {number} ms the limit if a boot takes 25 ms
 * @returns {number} the limit here, whole ms
 */
export function scaled(ms, pace = PACE) {
  return Math.round(ms * pace);
}

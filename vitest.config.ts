import { defineConfig } from 'vitest/config';
import { measurePace, scaled } from './test/helpers/pace.js';

const pace = measurePace();

/** Longer than every wait of a test (helpers/until.ts), whose own error names what did not come. */
const limits = (ms: number) => ({ testTimeout: scaled(ms, pace), hookTimeout: scaled(ms, pace) });

/**
 * `unit` and `fuzz` run inside this process, many files side by side. `e2e` starts real processes and a real systemd:
 * three files at a time, because a file spends most of its time waiting, and after the others. `npm run soak` runs
 * `soak`.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/probes/**/*.test.ts'],
          setupFiles: ['test/helpers/not-starved.ts'],
          // modules keep no state between files, and a new worker takes longer than most files
          isolate: false,
          ...limits(120_000),
        },
      },
      // a property takes longer with more cases, see property.ts
      { test: { name: 'fuzz', include: ['test/fuzz/*.test.ts'], ...limits(120_000) } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/systemd/**/*.test.ts'],
          // a file spends most of its time waiting
          maxWorkers: 3,
          isolate: false,
          sequence: { groupOrder: 1 },
          ...limits(300_000),
        },
      },
      {
        test: {
          name: 'soak',
          include: ['test/soak/*.test.ts'],
          ...limits(3_600_000),
        },
      },
    ],
  },
});

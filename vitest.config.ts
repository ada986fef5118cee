import { defineConfig } from 'vitest/config';
import { measurePace, scaled } from './test/helpers/pace.js';

const pace = measurePace();

/** Above all that a test waits for (helpers/until.ts), which then says what did not come. */
const limits = (ms: number) => ({ testTimeout: scaled(ms, pace), hookTimeout: scaled(ms, pace) });

/**
 * The projects of the suite are two: what runs inside this process, many files side by side, and what starts real
 * processes and a real systemd, two files at a time and behind the others, so that no test has to share a core of a
 * small machine. `npm run soak` is a third.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/probes/**/*.test.ts'],
          setupFiles: ['test/helpers/not-starved.ts'],
          // a file keeps nothing in its modules, and to boot a worker takes longer than most of them
          isolate: false,
          ...limits(120_000),
        },
      },
      // the time of a property grows with its cases: see property.ts
      { test: { name: 'fuzz', include: ['test/fuzz/*.test.ts'], ...limits(120_000) } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/systemd/**/*.test.ts'],
          // each file waits for most of its time
          maxWorkers: 2,
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

import { defineConfig } from 'vitest/config';

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
        },
      },
      { test: { name: 'fuzz', include: ['test/fuzz/*.test.ts'] } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/systemd/**/*.test.ts'],
          // each file waits for most of its time
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'soak',
          include: ['test/soak/*.test.ts'],
          testTimeout: 3_600_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
